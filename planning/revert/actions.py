"""A decision for every action of the original, with actions on the same object told apart.

Source: docs/spec/drplanexecution.md, "Not 'deleted beforehand'" and "Clean".
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from api.execution import DRPlanExecution
from api.failures import FailureType
from api.objects import Presence, Target
from api.phases import Mode, OnMissing, Phase
from api.steps import Part, Refusal, Restoration
from planning.definitions.identifiers import Workflows
from planning.definitions.when import WhenError, modes, runs
from planning.messages import rollback as rollback_messages
from planning.messages import tree as tree_messages
from planning.messages.text import bounded, placed
from planning.revert.default_rollback import (
    ActionToRun,
    DeleteObjects,
    NoRollback,
    RecordedObject,
    Rollback,
    deletion_of_created,
    objects_in,
    rollback,
)
from planning.revert.original import NodeKey, OriginalAction, OriginalTree, actions_of, read_tree
from planning.revert.ownership import ActionDecision, Deletions, RevertFacts, decide_action
from planning.revert.restoration import OtherActions, PriorStates, with_restoration
from planning.revert.scope import SUCCEEDED_ONLY, Scope


@dataclass
class ActionDecisions:
    """What becomes of every action that the original carried out, and of what its other parts left."""

    of: dict[NodeKey, ActionDecision | ActionToRun | Restoration] = field(default_factory=dict)
    left_standing: list[str] = field(default_factory=list)
    unread: int = 0
    """How many of these could not be read."""


def executes_definitions(original: DRPlanExecution, workflows: Workflows, scope: Scope = SUCCEEDED_ONLY) -> bool:
    """Return whether a Revert carries definitions out, custom rollbacks or rollback hooks: it then needs a snapshot."""
    reverted = (one for one in actions_of(read_tree(original, workflows, scope)) if one.reverted)
    return any(isinstance(_conditional(rollback(one)), ActionToRun) for one in reverted)


def decide_all(tree: OriginalTree, facts: RevertFacts, prior_states: PriorStates) -> ActionDecisions:
    """Decide over every action; `tree` is in the order of the Revert, which says who deletes a shared object."""
    decisions = ActionDecisions()
    reverted = [action for action in actions_of(tree) if action.reverted]
    others = OtherActions.of(reverted)
    for action in reverted:
        undoing = with_restoration(action, _rollback(action, facts), prior_states.get(action.key), facts, others)
        decided = decide_action(action, undoing, facts) if isinstance(undoing, DeleteObjects) else undoing
        decisions.of[action.key] = decided
    customs = _left_to_custom_rollbacks(reverted, decisions, facts)
    deleted = _share_out(reverted, decisions, customs)
    skipped = [action for action in actions_of(tree) if isinstance(decisions.of.get(action.key), NoRollback | None)]
    leftovers = dict(_leftovers(skipped, facts))
    remaining = [one for uid, one in leftovers.items() if uid not in deleted and uid not in customs]
    decisions.left_standing = [one.entry for one in remaining]
    decisions.unread = sum(not one.known for one in remaining)
    undone = {uid: action.name for uid, action in customs.items()} | deleted
    creators = {uid: one.creator for uid, one in leftovers.items()}
    for action in reverted:
        _explain_existing(action, decisions, facts, undone, creators)
    return decisions


def _rollback(action: OriginalAction, facts: RevertFacts) -> Rollback:
    """Decide what undoes an action, unless an earlier Revert did it, or a hook's condition does not hold."""
    is_whole = action.record.phase is Phase.SUCCEEDED or action.hook is not None
    undoing = rollback(action) if is_whole else _rollback_of_partial(action, facts)
    reverts = facts.history.of_action(action.key)
    if not reverts and isinstance(undoing, ActionToRun) and (presumed := facts.history.presumed(action.key)):
        # What cannot be observed is believed to have been done by the Revert that claims the whole: never twice.
        reverts = (presumed,)
    if isinstance(undoing, DeleteObjects) and any(
        item.uid is not None and facts.observed(item.target).uid == item.uid for item in undoing.objects
    ):
        # It still exists, whatever the status of an earlier Revert says: only what is gone was rolled back.
        reverts = ()
    return NoRollback(tree_messages.already_rolled_back(reverts)) if reverts else _conditional(undoing)


def _rollback_of_partial(action: OriginalAction, facts: RevertFacts) -> Rollback:
    """Decide what undoes an action that did not succeed: nothing, unless its record or its object says what it left.

    A record that does not say whether the action created its object is of an attempt without an answer: then the
    object is its own only where it has the execution's mark.
    """
    record = action.record
    names_objects = any(True for _ in objects_in(record.outputs))
    if not names_objects and not action.may_have_created:
        return NoRollback(tree_messages.LEFT_NOTHING)
    undoing = rollback(action)
    if isinstance(undoing, ActionToRun) and not names_objects:
        return NoRollback(tree_messages.LEFT_NOTHING)
    if not isinstance(undoing, DeleteObjects):
        return undoing
    own = []
    for item in undoing.objects:
        if item.uid is not None and (record.created or record.type is None):
            own.append(item)
        elif facts.has_mark(item.target):
            own.append(RecordedObject(item.target, facts.observed(item.target).uid))
    return replace(undoing, objects=tuple(own)) if own else NoRollback(tree_messages.LEFT_NOTHING)


def _conditional(undoing: Rollback) -> Rollback:
    """Run a hook only where its condition holds; that of a custom rollback means nothing."""
    if not isinstance(undoing, ActionToRun) or undoing.part is Part.ROLLBACK:
        return undoing
    when = undoing.action.when
    try:
        if runs(when, Mode.ROLLBACK):
            return undoing
        allowed = modes(when)
    except WhenError as error:
        message = bounded(rollback_messages.hook_failed(str(error)))
        return Refusal(type=FailureType.INVALID, message=message)
    return NoRollback(tree_messages.condition_not_met(Mode.ROLLBACK, [mode for mode in Mode if mode in allowed]))


def _left_to_custom_rollbacks(
    reverted: Iterable[OriginalAction], decisions: ActionDecisions, facts: RevertFacts
) -> dict[str, OriginalAction]:
    """Return the actions with a rollback of their own, by the uids of the objects that they created.

    The uids are those recorded or, where none are, those of what was observed.
    """
    lenient = replace(facts, on_missing=OnMissing.IGNORE)
    customs: dict[str, OriginalAction] = {}
    for action in reverted:
        decision = decisions.of[action.key]
        if not isinstance(decision, ActionToRun) or decision.part is not Part.ROLLBACK:
            continue
        created = deletion_of_created(action)
        if isinstance(created, DeleteObjects):
            observed = decide_action(action, created, lenient)
            uids = [item.uid for item in observed.items] if isinstance(observed, Deletions) else []
            uids += [item.uid for item in created.objects if item.uid]
            customs |= dict.fromkeys(uids, action)
    return customs


def _share_out(
    reverted: Iterable[OriginalAction], decisions: ActionDecisions, customs: Mapping[str, OriginalAction]
) -> dict[str, str]:
    """Leave each object to the first action that deletes it; return uid to that action's name.

    What an action with a rollback of its own created before is left to that rollback.
    """
    deleted: dict[str, str] = {}
    for action in reverted:
        decision = decisions.of[action.key]
        if not isinstance(decision, Deletions):
            continue
        items, omitted = [], list(decision.omitted)
        for item in decision.items:
            custom = customs.get(item.uid)
            other = deleted.get(item.uid) or (custom.name if custom and custom.rank < action.rank else None)
            if other is None:
                items.append(item)
            else:
                omitted.append(tree_messages.same_object(item.target, other))
        both = Deletions(tuple(items), tuple(omitted))
        decisions.of[action.key] = both if items else NoRollback(tree_messages.together(both.omitted))
        deleted.update(dict.fromkeys((item.uid for item in items), action.name))
    return deleted


@dataclass(frozen=True)
class Leftover:
    """An object of an action that is skipped, alone or with its part, and the action."""

    target: Target
    creator: str
    known: bool
    """Whether it was seen to exist, or could not be read."""

    @property
    def entry(self) -> str:
        """Its name in the condition Clean."""
        return placed(self.target) if self.known else rollback_messages.unreadable(self.target)


def _leftovers(skipped: Iterable[OriginalAction], facts: RevertFacts) -> Iterator[tuple[str, Leftover]]:
    """Yield by uid what actions that are skipped created and what still exists, or may."""
    strict = replace(facts, on_missing=OnMissing.FAIL)
    for action in skipped:
        if not action.may_have_created or facts.history.of_action(action.key):
            continue
        created = deletion_of_created(action)
        if not isinstance(created, DeleteObjects):
            continue
        for item in created.objects:
            decision = decide_action(action, replace(created, objects=(item,)), strict)
            unreadable = facts.observed(item.target).presence in (Presence.FORBIDDEN, Presence.UNREADABLE)
            if isinstance(decision, Deletions):
                yield from ((one.uid, Leftover(one.target, action.name, known=True)) for one in decision.items)
            elif isinstance(decision, Refusal) and unreadable and item.uid:
                yield item.uid, Leftover(item.target, action.name, known=False)


def _explain_existing(
    action: OriginalAction,
    decisions: ActionDecisions,
    facts: RevertFacts,
    undone: Mapping[str, str],
    creators: Mapping[str, str],
) -> None:
    """Correct 'existed before' where it was another action of the same execution that created the object."""
    decision = decisions.of.get(action.key)
    if not isinstance(decision, NoRollback) or decision.existing is None:
        return
    target = decision.existing.target
    uid = decision.existing.uid or facts.observed(target).uid or ""
    if uid in undone:
        cause = tree_messages.same_object(target, undone[uid])
    elif uid in facts.reverted_uids:
        cause = tree_messages.already_rolled_back(facts.reverted_uids[uid])
    elif uid in creators:
        cause = tree_messages.created_by_another_action(target, creators[uid])
    else:
        return
    decisions.of[action.key] = NoRollback(cause)
