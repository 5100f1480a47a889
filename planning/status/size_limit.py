"""The tree within its bound, dullest detail first; what was left out is said in a message.

Workflow results, failure details, query answers and object status share this one bound. What a later Revert rests on
(reason, rolledBackBy, operation, created, outputs) goes last, unless it is in a ledger: then it is only shown here.
Source: docs/architecture.md, "The bound".
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pydantic import BaseModel

from api.execution import ActionOutputs, ActionStatus, ExecutionTree, RunState, StageStatus, WorkflowExecutionStatus
from api.meta import Model, ObjectReference
from api.phases import Phase
from planning.messages import actions as action_messages
from planning.messages.text import MESSAGE_BOUND, and_more, bounded
from planning.status.transitions import TreeT, map_nodes

BOUND = 1_000_000
"""Bytes of JSON by alias in UTF-8. Temporal takes 2 MB in a payload, etcd 1.5 MiB in an object."""
_ROOM = 2 * MESSAGE_BOUND
"""Kept free for the sentence that says what was left out, and for counts."""
_BRIEF = 160
"""Bytes of a message that had to be cut more than others."""
_LISTED = 200
"""Bytes of a name, and entries of a list of objects, in the last resort."""

KindT = TypeVar("KindT", bound=BaseModel)
ModelT = TypeVar("ModelT", bound=BaseModel)


@dataclass(frozen=True)
class _Loss(Generic[KindT]):
    """One thing to leave out: what it is called, where and how, and what it makes needless to say."""

    name: str
    kind: type[KindT]
    change: Callable[[KindT], KindT]
    covers: tuple[str, ...] = ()


def size(node: BaseModel) -> int:
    """Return the bytes of a value as it is sent and stored: JSON by alias, without what is None."""
    return len(node.model_dump_json(by_alias=True, exclude_none=True).encode())


def _with_bounded_messages(node: ModelT) -> ModelT:
    """Keep a node's message, and those of an action's clusters, within the bound for messages."""
    update: dict[str, Any] = {}
    message = getattr(node, "message", None)
    if message and len(message) * 4 > MESSAGE_BOUND:
        update["message"] = bounded(message)
    if isinstance(node, ActionStatus) and node.cluster_statuses:
        update["cluster_statuses"] = [_with_bounded_messages(cluster) for cluster in node.cluster_statuses]
    return node.model_copy(update=update) if update else node


def _without(*fields: str) -> Callable[[ModelT], ModelT]:
    """Return the change that leaves fields out."""
    nothing = dict.fromkeys(fields)

    def change(node: ModelT) -> ModelT:
        return node.model_copy(update=nothing) if any(getattr(node, name) is not None for name in fields) else node

    return change


def _unless_failed(change: Callable[[ActionStatus], ActionStatus]) -> Callable[[ActionStatus], ActionStatus]:
    """Return a change that leaves failed actions as they are."""
    return lambda action: action if action.phase is Phase.FAILED else change(action)


def _cut_message(action: ActionStatus) -> ActionStatus:
    if not action.message or len(action.message) * 4 <= _BRIEF:
        return action
    return action.model_copy(update={"message": bounded(action.message, _BRIEF)})


def _without_fields_of_proof(action: ActionStatus) -> ActionStatus:
    """Leave out which fields differ: the message names the first of them."""
    if action.proof is None or action.proof.fields is None:
        return action
    return action.model_copy(update={"proof": action.proof.model_copy(update={"fields": None})})


def _failed_clusters_only(action: ActionStatus) -> ActionStatus:
    """Leave out the clusters of a PerCluster action that nobody has to look at."""
    kept = [each for each in action.cluster_statuses or [] if each.phase not in (Phase.SUCCEEDED, Phase.SKIPPED)]
    if len(kept) == len(action.cluster_statuses or []):
        return action
    return action.model_copy(update={"cluster_statuses": kept or None})


def _without_details(action: ActionStatus) -> ActionStatus:
    """Leave out of the record what no rollback needs."""
    outputs = action.outputs
    if outputs is not None and outputs.http_response is not None:
        outputs = outputs.model_copy(update={"http_response": None})
        outputs = None if outputs == ActionOutputs() else outputs
    elif action.cluster_statuses is None:
        return action
    return action.model_copy(update={"cluster_statuses": None, "outputs": outputs})


def _uids_only(action: ActionStatus) -> ActionStatus:
    """Keep of each reference its uid: the definition still names the object, and the uid still guards it.

    The Subscriptions of single clusters keep their names, for no definition has them.
    """
    if action.outputs is None:
        return action
    refs = {name: value for name, value in action.outputs if isinstance(value, ObjectReference) and value.uid}
    update = {name: ObjectReference(uid=ref.uid) for name, ref in refs.items()}
    return action.model_copy(update={"outputs": action.outputs.model_copy(update=update)})


def _few_left_standing(state: RunState) -> RunState:
    """Cut the lists of objects left standing, and say how many more there are."""
    left, deleted = _few(state.left_standing), state.not_deleted and _few(state.not_deleted)
    if (left, deleted) == (state.left_standing, state.not_deleted):
        return state
    return state.model_copy(update={"left_standing": left, "not_deleted": deleted})


def _few(entries: list[str]) -> list[str]:
    listed = [bounded(entry, _LISTED) for entry in entries[:_LISTED]]
    more = len(entries) - len(listed)
    return [*listed, *([and_more(more)] if more else [])]


def _cut_names_of_stage(stage: StageStatus) -> StageStatus:
    """Cut the name: no real object's is that long, a stage's or an action's may be."""
    return stage.model_copy(update={"name": bounded(stage.name, _LISTED), "depends_on": None})


def _cut_names_of_workflow(workflow: WorkflowExecutionStatus) -> WorkflowExecutionStatus:
    ref = workflow.workflow_ref
    cut = {"name": bounded(ref.name, _LISTED), "namespace": ref.namespace and bounded(ref.namespace, _LISTED)}
    action = workflow.current_action and bounded(workflow.current_action, _LISTED)
    return workflow.model_copy(update={"workflow_ref": ref.model_copy(update=cut), "current_action": action})


def _in_ledger(*fields: str) -> Callable[[WorkflowExecutionStatus], WorkflowExecutionStatus]:
    """Return the change that leaves fields of actions out where the ledger of an Execute has them."""
    change: Callable[[ActionStatus], ActionStatus] = _without(*fields)
    return lambda node: node if node.ledger is None else map_nodes(node, ActionStatus, change)


def _without_listed(node: WorkflowExecutionStatus) -> WorkflowExecutionStatus:
    """Leave out the list of actions where the ledger of an Execute has it."""
    return node if node.ledger is None else _ACTIONS_OF_WORKFLOW(node)


_ACTIONS_OF_WORKFLOW: Callable[[WorkflowExecutionStatus], WorkflowExecutionStatus] = _without("action_statuses")

_CLUSTERS = "details of clusters that did not fail"
_PROOF_FIELDS = "fields in which objects differ from before the Execute"
_LONG = "long messages of actions that did not fail"
_OTHERS = "messages of actions that did not fail"
_LONG_FAILED = "long messages of failed actions"
_NAMES = "names of recorded objects (a Revert needs the definitions)"
_ACTIONS = "lists of actions (a Revert cannot tell what they did)"
_OUTPUTS_IN_LEDGER = "outputs of actions (a Revert reads them from the ledger)"
_RECORDS_IN_LEDGER = "records of actions (a Revert reads them from the ledger)"
_ACTIONS_IN_LEDGER = "lists of actions (a Revert reads them from the ledger)"
_WORKFLOWS = "lists of workflows"
_RECORD = ("outputs", "operation", "created", "custom_rollback", "type", "reason", "rolled_back_by")
_LOSSES: tuple[_Loss[Any], ...] = (
    _Loss(_CLUSTERS, ActionStatus, _failed_clusters_only),
    _Loss("cluster details and HTTP answers", ActionStatus, _without_details, (_CLUSTERS,)),
    _Loss(_PROOF_FIELDS, ActionStatus, _without_fields_of_proof),
    _Loss(_LONG, ActionStatus, _unless_failed(_cut_message)),
    _Loss(_OTHERS, ActionStatus, _unless_failed(_without("message")), (_LONG,)),
    _Loss(
        _OUTPUTS_IN_LEDGER, WorkflowExecutionStatus, _in_ledger("outputs", "operation", "created", "custom_rollback")
    ),
    _Loss("proofs of actions", ActionStatus, _without("proof"), (_PROOF_FIELDS,)),
    _Loss(_LONG_FAILED, ActionStatus, _cut_message),
    _Loss("times of actions", ActionStatus, _without("start_time", "completion_time", "waits")),
    _Loss("retries of actions", ActionStatus, _without("retries", "retry_count")),
    _Loss("messages of actions", ActionStatus, _without("message"), (_OTHERS, _LONG_FAILED)),
    _Loss(_RECORDS_IN_LEDGER, WorkflowExecutionStatus, _in_ledger(*_RECORD), (_OUTPUTS_IN_LEDGER,)),
    _Loss(_NAMES, ActionStatus, _uids_only),
    _Loss("records of actions (a Revert cannot show what they made)", ActionStatus, _without(*_RECORD), (_NAMES,)),
    _Loss("most of the objects left standing", RunState, _few_left_standing),
    _Loss(_ACTIONS_IN_LEDGER, WorkflowExecutionStatus, _without_listed, (_OUTPUTS_IN_LEDGER, _RECORDS_IN_LEDGER)),
    _Loss(_ACTIONS, WorkflowExecutionStatus, _ACTIONS_OF_WORKFLOW),
    _Loss(_WORKFLOWS, StageStatus, _without("workflow_executions"), (_ACTIONS, _ACTIONS_IN_LEDGER)),
    _Loss("list of stages", ExecutionTree, _without("stage_statuses"), (_WORKFLOWS,)),
    _Loss("long names", StageStatus, _cut_names_of_stage),
    _Loss("long names", WorkflowExecutionStatus, _cut_names_of_workflow),
)
"""In the order in which they go; each builds on the ones before. A tree without stages fits, and so does a stage or a
workflow without its list once its names are cut."""


def shorten(tree: TreeT) -> TreeT:
    """Return a plan's tree, or the node of a stage or a workflow, within BOUND; its message says what was left out.

    A summary stays complete.
    """
    tree = map_nodes(tree, Model, _with_bounded_messages)
    bytes_now = size(tree)
    dropped: list[str] = []
    for loss in _LOSSES:
        if bytes_now <= BOUND - _ROOM:
            break
        changed = map_nodes(tree, loss.kind, loss.change)
        if changed is not tree:
            tree, bytes_now = changed, size(changed)
            dropped = [name for name in dropped if name not in loss.covers]
            dropped.append(loss.name)
    if not dropped:
        return tree
    message = bounded(action_messages.shortened(dropped), MESSAGE_BOUND // 2)
    if tree.message:
        room = MESSAGE_BOUND - len(message.encode()) - len("; ")
        message = f"{bounded(tree.message, room)}; {message}"
    update = {"message": message} | ({"shortened": True} if isinstance(tree, RunState) else {})
    return tree.model_copy(update=update)
