"""The tree within its bound, dullest detail first; what was left out is said in a message.

Workflow results, failure details, query answers and object status share this one bound. What a later
Revert rests on (reason, rolledBackBy, operation, created, outputs) goes last.
Source: docs/architecture.md, "The bound".
"""

import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pydantic import BaseModel

from api.execution import (
    ActionOutputs,
    ActionStatus,
    ExecutionTree,
    RunState,
    StageStatus,
    WorkflowExecutionStatus,
)
from api.meta import ObjectReference
from api.phases import Phase
from planning.messages import actions as action_messages
from planning.messages.actions import MESSAGE_BOUND, bounded

BOUND = 1_000_000
"""Bytes of JSON by alias in UTF-8. Temporal takes 2 MB in a payload, etcd 1.5 MiB in an object."""
_ROOM = 2 * MESSAGE_BOUND
"""Kept free for the sentence that says what was left out, and for counts."""
_BRIEF = 160
"""Bytes of a message that had to be cut more than others."""
_LISTED = 200
"""Bytes of a name, and entries of a list of objects, in the last resort."""

ModelT = TypeVar("ModelT", bound=BaseModel)
TreeT = TypeVar("TreeT", bound=ExecutionTree)
ActionChange = Callable[[ActionStatus], ActionStatus]


def size(node: BaseModel) -> int:
    """Give the bytes of a value as it is sent and stored: JSON by alias, without what is None."""
    return len(node.model_dump_json(by_alias=True, exclude_none=True).encode())


@dataclass(frozen=True)
class _Loss(Generic[ModelT]):
    """One thing to leave out: what it is called, the change that does it, and what it makes needless to say."""

    name: str
    change: Callable[[ModelT], ModelT]
    covers: tuple[str, ...] = ()


def _without(*fields: str) -> ActionChange:
    """Leave fields out."""
    nothing = dict.fromkeys(fields)

    def change(action: ActionStatus) -> ActionStatus:
        given = action.__dict__
        return action.model_copy(update=nothing) if any(given[name] is not None for name in fields) else action

    return change


_SILENT = _without("message")


def _brief_unless_failed(action: ActionStatus) -> ActionStatus:
    return action if action.phase is Phase.FAILED else _cut(action)


def _cut(action: ActionStatus) -> ActionStatus:
    if not action.message or len(action.message) * 4 <= _BRIEF:
        return action
    return action.model_copy(update={"message": bounded(action.message, _BRIEF)})


def _silent_unless_failed(action: ActionStatus) -> ActionStatus:
    return action if action.phase is Phase.FAILED else _SILENT(action)


def _failed_clusters_only(action: ActionStatus) -> ActionStatus:
    """Leave out the clusters of a PerCluster action that nobody has to look at."""
    kept = [each for each in action.cluster_statuses or [] if each.phase not in (Phase.SUCCEEDED, Phase.SKIPPED)]
    if len(kept) == len(action.cluster_statuses or []):
        return action
    return action.model_copy(update={"cluster_statuses": kept or None})


def _lean_outputs(action: ActionStatus) -> ActionStatus:
    """Leave out of the record what no rollback needs."""
    if action.outputs is None or action.outputs.http_response is None:
        return action
    outputs = action.outputs.model_copy(update={"http_response": None})
    return action.model_copy(update={"outputs": None if outputs == ActionOutputs() else outputs})


def _uids_only(action: ActionStatus) -> ActionStatus:
    """Keep of each reference its uid: the definition still names the object, and the uid still guards it.

    The Subscriptions of single clusters keep their names, for no definition has them.
    """
    if action.outputs is None:
        return action
    refs = {name: value for name, value in action.outputs if isinstance(value, ObjectReference) and value.uid}
    update = {name: ObjectReference(uid=ref.uid) for name, ref in refs.items()}
    return action.model_copy(update={"outputs": action.outputs.model_copy(update=update)})


_CLUSTERS = "details of clusters that did not fail"
_DETAILS = "cluster details and HTTP answers"
_LONG = "long messages of actions that did not fail"
_OTHERS = "messages of actions that did not fail"
_LONG_FAILED = "long messages of failed actions"
_MESSAGES = "messages of actions"
_NAMES = "names of recorded objects (a Revert needs the definitions)"
_RECORDS = "records of actions (a Revert cannot show what they made)"
_LISTS = "lists of actions (a Revert cannot tell what they did)"
_RECORD = ("outputs", "operation", "created", "custom_rollback", "type", "reason", "rolled_back_by")
_LOSSES: tuple[_Loss[ActionStatus], ...] = (
    _Loss(_CLUSTERS, _failed_clusters_only),
    _Loss(_DETAILS, lambda action: _without("cluster_statuses")(_lean_outputs(action)), (_CLUSTERS,)),
    _Loss(_LONG, _brief_unless_failed),
    _Loss(_OTHERS, _silent_unless_failed, (_LONG,)),
    _Loss(_LONG_FAILED, _cut),
    _Loss("times of actions", _without("start_time", "completion_time")),
    _Loss("retries of actions", _without("retries", "retry_count")),
    _Loss(_MESSAGES, _without("message"), (_OTHERS, _LONG_FAILED)),
    _Loss(_NAMES, _uids_only),
    _Loss(_RECORDS, _without(*_RECORD), (_NAMES,)),
)
"""In the order in which they go; each builds on the ones before."""


def _map_actions(node: WorkflowExecutionStatus, change: ActionChange) -> WorkflowExecutionStatus:
    changed = [change(action) for action in node.actions]
    if all(map(operator.is_, changed, node.actions)):
        return node
    return node.model_copy(update={"action_statuses": changed})


def _map_workflows(
    node: StageStatus, change: Callable[[WorkflowExecutionStatus], WorkflowExecutionStatus]
) -> StageStatus:
    changed = [change(workflow) for workflow in node.workflows]
    if all(map(operator.is_, changed, node.workflows)):
        return node
    return node.model_copy(update={"workflow_executions": changed})


def _noted(text: str | None, dropped: Sequence[str]) -> str:
    """Give a message that says what was left out, whatever else it has to say."""
    note = bounded(action_messages.shortened(dropped), MESSAGE_BOUND // 2)
    if not text:
        return note
    room = MESSAGE_BOUND - len(note.encode()) - len("; ")
    return f"{bounded(text, room)}; {note}"


def _bounded_action(action: ActionStatus) -> ActionStatus:
    """Keep an action's message, and those of its clusters, within the bound for messages."""
    long = action.message is not None and len(action.message) * 4 > MESSAGE_BOUND
    if not long and not action.cluster_statuses:
        return action
    update: dict[str, Any] = {"message": action.message and bounded(action.message)}
    if action.cluster_statuses:
        update["cluster_statuses"] = [_bounded_message(cluster) for cluster in action.cluster_statuses]
    return action.model_copy(update=update)


def _bounded_message(node: ModelT) -> ModelT:
    """Keep any node's own message within the bound for messages."""
    message = getattr(node, "message", None)
    if not message or len(message) * 4 <= MESSAGE_BOUND:
        return node
    return node.model_copy(update={"message": bounded(message)})


def _bounded_workflow(node: WorkflowExecutionStatus) -> WorkflowExecutionStatus:
    return _bounded_message(_map_actions(node, _bounded_action))


def _bounded_stage(node: StageStatus) -> StageStatus:
    return _bounded_message(_map_workflows(node, _bounded_workflow))


@dataclass(frozen=True)
class _Level(Generic[ModelT]):
    """How one kind of node is shortened."""

    bounded: Callable[[ModelT], ModelT]
    """Keeps every message within its own bound."""
    with_actions: Callable[[ModelT, ActionChange], ModelT]
    last_resort: tuple[_Loss[ModelT], ...]
    """What goes when every action is bare; the last one always suffices."""


def _shortened(node: ModelT, level: _Level[ModelT]) -> ModelT:
    """Leave out one thing after the other until the rest fits, and say so."""
    node = level.bounded(node)
    bytes_now = size(node)
    dropped: list[str] = []
    for loss in (*(_lifted(loss, level) for loss in _LOSSES), *level.last_resort):
        if bytes_now <= BOUND - _ROOM:
            break
        changed = loss.change(node)
        if changed is not node:
            node, bytes_now = changed, size(changed)
            dropped = [*(name for name in dropped if name not in loss.covers), loss.name]
    if not dropped:
        return node
    return node.model_copy(update={"message": _noted(getattr(node, "message", None), dropped)})


def _lifted(loss: "_Loss[ActionStatus]", level: _Level[ModelT]) -> "_Loss[ModelT]":
    """Turn a loss of each action into one of the whole node."""
    return _Loss(loss.name, lambda node: level.with_actions(node, loss.change), loss.covers)


def _listless(node: WorkflowExecutionStatus) -> WorkflowExecutionStatus:
    return node.model_copy(update={"action_statuses": None})


def _listless_stage(node: StageStatus) -> StageStatus:
    return _map_workflows(node, _listless)


def _named_briefly(node: WorkflowExecutionStatus) -> WorkflowExecutionStatus:
    """Cut names: no real object's is that long, an action's may be."""
    ref = node.workflow_ref
    cut = {"name": bounded(ref.name, _LISTED), "namespace": ref.namespace and bounded(ref.namespace, _LISTED)}
    action = node.current_action and bounded(node.current_action, _LISTED)
    return node.model_copy(update={"workflow_ref": ref.model_copy(update=cut), "current_action": action})


def _stage_named_briefly(node: StageStatus) -> StageStatus:
    return node.model_copy(update={"name": bounded(node.name, _LISTED), "depends_on": None})


def _map_stages(state: TreeT, change: Callable[[StageStatus], StageStatus]) -> TreeT:
    changed = [change(stage) for stage in state.stages]
    if all(map(operator.is_, changed, state.stages)):
        return state
    return state.model_copy(update={"stage_statuses": changed})


def _listless_tree(state: TreeT) -> TreeT:
    return _map_stages(state, _listless_stage)


def _bare_tree(state: TreeT) -> TreeT:
    return _map_stages(state, _no_workflows)


def _few_listed(state: TreeT) -> TreeT:
    """Cut the list of objects left standing, and say how many more there are."""
    if not isinstance(state, RunState):
        return state
    listed = [bounded(entry, _LISTED) for entry in state.left_standing[:_LISTED]]
    more = len(state.left_standing) - len(listed)
    if not more and listed == state.left_standing:
        return state
    return state.model_copy(update={"left_standing": [*listed, *([action_messages.and_more(more)] if more else [])]})


def _no_stages(state: TreeT) -> TreeT:
    return state.model_copy(update={"stage_statuses": None})


def _no_workflows(stage: StageStatus) -> StageStatus:
    return stage.model_copy(update={"workflow_executions": None})


def shorten_workflow(node: WorkflowExecutionStatus) -> WorkflowExecutionStatus:
    """Give a workflow's node within BOUND; its message says what was left out."""
    resorts = (_Loss(_LISTS, _listless), _Loss("long names", _named_briefly))
    return _shortened(node, _Level(_bounded_workflow, _map_actions, resorts))


def shorten_stage(node: StageStatus) -> StageStatus:
    """Give a stage's node within BOUND; its message says what was left out."""
    resorts = (
        _Loss(_LISTS, _listless_stage),
        _Loss("lists of workflows", _no_workflows, (_LISTS,)),
        _Loss("long names", _stage_named_briefly),
    )
    return _shortened(node, _Level(_bounded_stage, _stage_actions, resorts))


def _stage_actions(node: StageStatus, change: ActionChange) -> StageStatus:
    return _map_workflows(node, lambda workflow: _map_actions(workflow, change))


def shorten(state: TreeT) -> TreeT:
    """Give a whole tree within BOUND; its message says what was left out, its summary stays complete."""
    resorts: tuple[_Loss[TreeT], ...] = (
        _Loss("most of the objects left standing", _few_listed),
        _Loss(_LISTS, _listless_tree),
        _Loss("lists of workflows", _bare_tree, (_LISTS,)),
        _Loss("list of stages", _no_stages, ("lists of workflows",)),
    )
    return _shortened(state, _Level(_bounded_tree, map_actions, resorts))


def map_actions(state: TreeT, change: ActionChange) -> TreeT:
    """Return a tree with every action changed."""
    return _map_stages(state, lambda stage: _stage_actions(stage, change))


def _bounded_tree(state: TreeT) -> TreeT:
    return _bounded_message(_map_stages(state, _bounded_stage))
