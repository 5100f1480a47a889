"""The tree within its bound, dullest detail first; what was left out is said in a message.

Workflow results, failure details, query answers and object status share this one bound. What a later
Revert rests on (operation, created, outputs) goes last. Source: docs/architecture.md, "The bound".
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
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
from planning import messages
from planning.messages import MESSAGE_BOUND, bounded

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
class _Loss:
    """One thing to leave out: what it is called, and the change to an action that does it."""

    name: str
    change: ActionChange


def _without(*fields: str) -> ActionChange:
    """Leave fields out."""
    nothing = dict.fromkeys(fields)
    return lambda action: action.model_copy(update=nothing)


def _brief_unless_failed(action: ActionStatus) -> ActionStatus:
    return action if action.phase is Phase.FAILED else _cut(action)


def _cut(action: ActionStatus) -> ActionStatus:
    if not action.message or len(action.message) * 4 <= _BRIEF:
        return action
    return action.model_copy(update={"message": bounded(action.message, _BRIEF)})


def _silent_unless_failed(action: ActionStatus) -> ActionStatus:
    return action if action.phase is Phase.FAILED else action.model_copy(update={"message": None})


def _lean_outputs(action: ActionStatus) -> ActionStatus:
    """Leave out of the record what no rollback needs."""
    if action.outputs is None or action.outputs.http_response is None:
        return action
    outputs = action.outputs.model_copy(update={"http_response": None})
    return action.model_copy(update={"outputs": None if outputs == ActionOutputs() else outputs})


def _uids_only(action: ActionStatus) -> ActionStatus:
    """Keep of each reference its uid: the definition still names the object, and the uid still guards it."""
    if action.outputs is None:
        return action
    update: dict[str, Any] = {}
    for name, value in action.outputs:
        if isinstance(value, ObjectReference) and value.uid:
            update[name] = ObjectReference(uid=value.uid)
    return action.model_copy(update={"outputs": action.outputs.model_copy(update=update)})


_LOSSES = (
    _Loss("cluster details and HTTP answers", lambda action: _without("cluster_statuses")(_lean_outputs(action))),
    _Loss("long messages of actions that did not fail", _brief_unless_failed),
    _Loss("messages of actions that did not fail", _silent_unless_failed),
    _Loss("long messages of failed actions", _cut),
    _Loss("times of actions", _without("start_time", "completion_time")),
    _Loss("retries of actions", _without("retries", "retry_count")),
    _Loss("messages of actions", _without("message")),
    _Loss("names of recorded objects (a Revert needs the definitions)", _uids_only),
    _Loss("records of actions", _without("outputs", "operation", "created", "custom_rollback", "type")),
)
"""In the order in which they go; each builds on the ones before."""
_LISTS = "lists of actions (a later Revert cannot tell what they did)"


def _map_actions(node: WorkflowExecutionStatus, change: ActionChange) -> WorkflowExecutionStatus:
    if node.action_statuses is None:
        return node
    return node.model_copy(update={"action_statuses": [change(action) for action in node.actions]})


def _map_workflows(
    node: StageStatus, change: Callable[[WorkflowExecutionStatus], WorkflowExecutionStatus]
) -> StageStatus:
    if node.workflow_executions is None:
        return node
    return node.model_copy(update={"workflow_executions": [change(workflow) for workflow in node.workflows]})


def _noted(text: str | None, dropped: Sequence[str]) -> str:
    """Give a message that says what was left out, whatever else it has to say."""
    note = bounded(messages.shortened(dropped), MESSAGE_BOUND // 2)
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


def _fits(node: BaseModel) -> bool:
    return size(node) <= BOUND - _ROOM


@dataclass(frozen=True)
class _Level(Generic[ModelT]):
    """How one kind of node is shortened."""

    bounded: Callable[[ModelT], ModelT]
    """Keeps every message within its own bound."""
    with_actions: Callable[[ModelT, ActionChange], ModelT]
    last_resort: tuple[tuple[str, Callable[[ModelT], ModelT]], ...]
    """What goes when every action is bare; the last one always suffices."""


def _shortened(node: ModelT, level: _Level[ModelT]) -> ModelT:
    """Leave out one thing after the other until the rest fits, and say so."""
    node = level.bounded(node)
    if _fits(node):
        return node
    dropped: list[str] = []
    steps: list[tuple[str, Callable[[ModelT], ModelT]]] = [
        (loss.name, partial(_change, level, loss.change)) for loss in _LOSSES
    ]
    for name, step in [*steps, *level.last_resort]:
        node, before = step(node), node
        dropped += [name] if node != before else []
        if _fits(node):
            break
    return node.model_copy(update={"message": _noted(getattr(node, "message", None), dropped)})


def _change(level: _Level[ModelT], change: ActionChange, node: ModelT) -> ModelT:
    return level.with_actions(node, change)


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
    if state.stage_statuses is None:
        return state
    return state.model_copy(update={"stage_statuses": [change(stage) for stage in state.stages]})


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
    return state.model_copy(update={"left_standing": [*listed, *([messages.and_more(more)] if more else [])]})


def _no_stages(state: TreeT) -> TreeT:
    return state.model_copy(update={"stage_statuses": None})


def _no_workflows(stage: StageStatus) -> StageStatus:
    return stage.model_copy(update={"workflow_executions": None})


def shorten_workflow(node: WorkflowExecutionStatus) -> WorkflowExecutionStatus:
    """Give a workflow's node within BOUND; its message says what was left out."""
    resorts = ((_LISTS, _listless), ("long names", _named_briefly))
    return _shortened(node, _Level(_bounded_workflow, _map_actions, resorts))


def shorten_stage(node: StageStatus) -> StageStatus:
    """Give a stage's node within BOUND; its message says what was left out."""
    resorts = (
        (_LISTS, _listless_stage),
        ("lists of workflows", _no_workflows),
        ("long names", _stage_named_briefly),
    )
    return _shortened(node, _Level(_bounded_stage, _stage_actions, resorts))


def _stage_actions(node: StageStatus, change: ActionChange) -> StageStatus:
    return _map_workflows(node, lambda workflow: _map_actions(workflow, change))


def shorten(state: TreeT) -> TreeT:
    """Give a whole tree within BOUND; its message says what was left out, its summary stays complete."""
    resorts = (
        ("most of the objects left standing", _few_listed),
        (_LISTS, _listless_tree),
        ("lists of workflows", _bare_tree),
        ("list of stages", _no_stages),
    )
    return _shortened(state, _Level(_bounded_tree, _tree_actions, resorts))


def _tree_actions(state: TreeT, change: ActionChange) -> TreeT:
    return _map_stages(state, lambda stage: _stage_actions(stage, change))


def _bounded_tree(state: TreeT) -> TreeT:
    return _bounded_message(_map_stages(state, _bounded_stage))
