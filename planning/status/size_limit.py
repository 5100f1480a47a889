"""The tree within its bound, dullest detail first; what was left out is said in a message.

Workflow results, failure details, query answers and object status share this one bound. The tree is shortened as JSON,
for a run does nothing else meanwhile. Source: docs/architecture.md, "The bound".
"""

from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import BaseModel
from pydantic_core import from_json, to_json

from api.meta import Model, alias
from api.nodes import StageStatus, WorkflowExecutionStatus
from api.phases import Phase
from api.tree import ExecutionTree, RunState
from planning.messages import actions as action_messages
from planning.messages.text import MESSAGE_BOUND, bounded
from planning.status.losses import LEDGER_LEVEL, LOSSES, Object, bound_messages
from planning.status.transitions import TreeT, children_field

BOUND = 1_000_000
"""Bytes of JSON by alias in UTF-8. Temporal takes 2 MB in a payload, etcd 1.5 MiB in an object."""
_ROOM = 2 * MESSAGE_BOUND
"""Kept free for the sentence that says what was left out, and for counts."""


def size(node: BaseModel) -> int:
    """Return the bytes of a value as it is sent and stored: JSON by alias, without what is None."""
    return len(node.model_dump_json(by_alias=True, exclude_none=True).encode())


@dataclass(frozen=True)
class RenderedTree:
    """A tree within BOUND, as the JSON that is sent and stored."""

    json: bytes
    message: str
    """Of its root; empty for none."""
    whole: bool
    """Whether nothing was cut or left out."""


@dataclass
class _Part:
    """A child of a tree's root, or the root without its children, as JSON."""

    node: Model
    cut: bool
    """Whether a message was cut."""
    levels: list[bytes]
    """Its JSON, and that after each loss so far: the same object where the loss changes nothing."""
    ahead: Object | None = None
    """What the next loss makes of it, where that is known already."""

    @classmethod
    def of(cls, node: Model) -> "_Part":
        """Write a node, its messages within their bound."""
        json = to_json(node, by_alias=True, exclude_none=True)
        if len(json) <= MESSAGE_BOUND:
            return cls(node, cut=False, levels=[json])
        plain = from_json(json)
        cut = bound_messages(plain, type(node))
        return cls(node, cut, [to_json(plain) if cut else json])

    def shorten(self, level: int, *, in_ledger: bool) -> None:
        """Apply the losses up to a level, and the following ones for as long as they change nothing."""
        if level < len(self.levels):
            return
        plain, changed = self.ahead or from_json(self.levels[-1]), self.ahead is not None
        for loss in LOSSES[len(self.levels) - 1 :]:
            changed = changed or loss.apply(plain, type(self.node), in_ledger=in_ledger)
            if changed and level < len(self.levels):
                self.ahead = plain
                return
            self.levels.append(to_json(plain) if changed else self.levels[-1])
            changed = False
        self.ahead = None

    def changed_by(self, level: int) -> bool:
        """Return whether the last of so many losses changed it."""
        return level > 0 and self.levels[level] is not self.levels[level - 1]


class TreeWriter:
    """Writes one tree within BOUND, again and again; of the root's children only those that are other objects now.

    A run does nothing else meanwhile, and thousands of actions take a tenth of a second.
    """

    def __init__(self) -> None:
        self._root = _Part(RunState(phase=Phase.PENDING), cut=False, levels=[])
        self._children: list[_Part] = []
        self._sizes = [0]
        """Bytes of all children after each loss so far."""
        self._changes = [0]
        """Number of children that each loss changed."""
        self._level = 0
        """How many losses keep the tree within its bound."""
        self._in_ledger = False
        """Whether the root is a workflow whose actions are in the ledger."""

    def update(self, tree: ExecutionTree | StageStatus | WorkflowExecutionStatus) -> None:
        """Write what has changed in the tree, so that less is left to do when it is needed."""
        field = children_field(tree)
        children = getattr(tree, field)
        self._root = _Part.of(tree.model_copy(update={field: children and []}))
        in_ledger = isinstance(tree, WorkflowExecutionStatus) and tree.ledger is not None
        if in_ledger is not self._in_ledger:
            self._in_ledger = in_ledger
            del self._sizes[LEDGER_LEVEL:], self._changes[LEDGER_LEVEL:]
            for part in self._children:
                del part.levels[LEDGER_LEVEL:]
        self._root.shorten(len(LOSSES), in_ledger=in_ledger)
        self._replace_children(children or [])
        while self._level and self._fits(self._level - 1):
            self._level -= 1
        while self._level < len(LOSSES) and not self._fits(self._level):
            self._level += 1
        for part in self._children:
            part.ahead = None

    def rendered(self, tree: ExecutionTree | StageStatus | WorkflowExecutionStatus) -> RenderedTree:
        """Return a plan's tree, or the node of a stage or a workflow, within BOUND; its message says what was left out.

        A summary stays complete.
        """
        self.update(tree)
        root, name = from_json(self._root.levels[self._level]), alias(type(tree), children_field(tree))
        listed = root.pop(name, None) is not None
        message = root.get("message", "")
        if dropped := self._dropped():
            said = bounded(action_messages.shortened(dropped), MESSAGE_BOUND // 2)
            room = MESSAGE_BOUND - len(said.encode()) - len("; ")
            message = f"{bounded(message, room)}; {said}" if message else said
            root |= {"message": message} | ({"shortened": True} if isinstance(tree, RunState) else {})
        json = to_json(root)
        if listed:
            children = b",".join([part.levels[self._level] for part in self._children])
            json = b'%b,"%b":[%b]}' % (json[:-1], name.encode(), children)
        cut = self._root.cut or any(part.cut for part in self._children)
        return RenderedTree(json, message, whole=not dropped and not cut)

    def _replace_children(self, nodes: Sequence[Model]) -> None:
        """Write the children that are not those of the last time."""
        for part in self._children[len(nodes) :]:
            self._count(part, -1)
        del self._children[len(nodes) :]
        for index, node in enumerate(nodes):
            before = self._children[index] if index < len(self._children) else None
            if before is not None and before.node is node:
                continue
            part = _Part.of(node)
            part.shorten(len(self._sizes) - 1, in_ledger=self._in_ledger)
            self._count(part, 1)
            if before is None:
                self._children.append(part)
            else:
                self._count(before, -1)
                self._children[index] = part

    def _count(self, part: _Part, sign: int) -> None:
        """Add a child to the sums over all children, or take it out."""
        for level, json in enumerate(part.levels[: len(self._sizes)]):
            self._sizes[level] += sign * (len(json) + len(","))
            self._changes[level] += sign * part.changed_by(level)

    def _fits(self, level: int) -> bool:
        """Return whether the tree is within its bound after so many losses."""
        size = len(self._root.levels[level])
        if self._lists_children(level):
            while len(self._sizes) <= level:
                for part in self._children:
                    part.shorten(len(self._sizes), in_ledger=self._in_ledger)
                self._changes.append(sum([part.changed_by(len(self._sizes)) for part in self._children]))
                self._sizes.append(sum([len(part.levels[len(self._sizes)]) + len(",") for part in self._children]))
            size += self._sizes[level]
        return size <= BOUND - _ROOM

    def _lists_children(self, level: int) -> bool:
        """Return whether the list of children is still there after so many losses."""
        return alias(type(self._root.node), children_field(self._root.node)) in from_json(self._root.levels[level])

    def _dropped(self) -> list[str]:
        """Name what was left out."""
        dropped: list[str] = []
        for level, loss in enumerate(LOSSES[: self._level], 1):
            if self._root.changed_by(level) or (self._lists_children(level - 1) and self._changes[level]):
                dropped = [name for name in dropped if name not in loss.covers]
                dropped.append(loss.name)
        return dropped


def rendered(tree: ExecutionTree | StageStatus | WorkflowExecutionStatus) -> RenderedTree:
    """Return a tree that is written once, within BOUND."""
    return TreeWriter().rendered(tree)


def shorten(tree: TreeT) -> TreeT:
    """Return a tree as `rendered` writes it."""
    written = rendered(tree)
    return tree if written.whole else type(tree).model_validate_json(written.json)
