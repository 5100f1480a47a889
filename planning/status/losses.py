"""What can be left out of a tree that is too large, dullest detail first.

What a later Revert rests on (reason, rolledBackBy, operation, created, outputs) goes last, unless it is in a ledger:
then it is only shown here. A loss changes the JSON of nodes: to change and to measure models of thousands of actions
takes four times as long. Source: docs/architecture.md, "The bound".
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from api.meta import Model, ObjectReference, alias
from api.nodes import ActionOutputs, ActionStatus, StageStatus, WorkflowExecutionStatus
from api.phases import Phase
from api.tree import ExecutionTree, RunState
from planning.messages.text import MESSAGE_BOUND, and_more, bounded

Object = dict[str, Any]
Change = Callable[[Object], bool]
"""Changes a node in place; returns whether it did."""

_BRIEF = 160
"""Bytes of a message that had to be cut more than others."""
_LISTED = 200
"""Bytes of a name, and entries of a list of objects, in the last resort."""
_REFERENCES = tuple(
    alias(ActionOutputs, name)
    for name, field in ActionOutputs.model_fields.items()
    if field.annotation == ObjectReference | None
)
"""The outputs that refer to one object."""


@dataclass(frozen=True)
class Loss:
    """One thing to leave out: what it is called, where and how, and what it makes needless to say."""

    name: str
    kind: type[Model]
    change: Change
    covers: tuple[str, ...] = ()
    in_ledger: bool = False
    """Only of actions that a ledger has."""

    def apply(self, tree: Object, kind: type[Model], *, in_ledger: bool) -> bool:
        """Change a tree in place, and return whether that changed anything.

        `in_ledger` tells of a single action whether a ledger has it.
        """
        if kind is ActionStatus:  # without the generator below, for there are thousands
            return self.kind is kind and (in_ledger or not self.in_ledger) and self.change(tree)
        return _change(_nodes(tree, kind, self.kind, self.in_ledger), self.change)


def bound_messages(tree: Object, kind: type[Model]) -> bool:
    """Keep all messages of a tree within their bound, and return whether any was longer."""
    kinds = (ExecutionTree, StageStatus, WorkflowExecutionStatus, ActionStatus)
    return sum([_change(_nodes(tree, kind, each), _bound_message) for each in kinds]) > 0


# The nodes of a tree.


def _nodes(tree: Object, kind: type[Model], wanted: type[Model], in_ledger: bool = False) -> Iterator[Object]:
    """Yield the nodes of a kind in a tree whose root is of another kind, or of that; perhaps only what a ledger has."""
    if issubclass(kind, wanted):
        yield tree
    elif issubclass(kind, ExecutionTree):
        for stage in tree.get("stageStatuses", ()):
            yield from _nodes(stage, StageStatus, wanted, in_ledger)
    elif kind is StageStatus:
        for workflow in tree.get("workflowExecutions", ()):
            yield from _nodes(workflow, WorkflowExecutionStatus, wanted, in_ledger)
    elif kind is WorkflowExecutionStatus and wanted is ActionStatus and ("ledger" in tree or not in_ledger):
        yield from tree.get("actionStatuses", ())


def _change(nodes: Iterator[Object], change: Change) -> bool:
    """Change nodes, and return whether any of them did."""
    return sum([change(node) for node in nodes]) > 0


# What can be left out.


def _cut(node: Object, field: str, bound: int) -> bool:
    """Keep a text within a bound in bytes."""
    text = node.get(field)
    # A sign takes four bytes at most.
    if not text or len(text) * 4 <= bound or (kept := bounded(text, bound)) == text:
        return False
    node[field] = kept
    return True


def _bound_message(node: Object) -> bool:
    """Keep a node's message, and those of an action's clusters, within the bound for messages."""
    cut = _cut(node, "message", MESSAGE_BOUND)
    for cluster in node.get("clusterStatuses", ()):
        cut |= _cut(cluster, "message", MESSAGE_BOUND)
    return cut


def _without(*fields: str) -> Change:
    """Return the change that leaves fields out."""

    def change(node: Object) -> bool:
        before = len(node)
        for field in fields:
            node.pop(field, None)
        return len(node) < before

    return change


def _unless_failed(change: Change) -> Change:
    """Return a change that leaves failed actions as they are."""
    return lambda action: action["phase"] != Phase.FAILED and change(action)


def _cut_message(action: Object) -> bool:
    return _cut(action, "message", _BRIEF)


def _without_fields_of_proof(action: Object) -> bool:
    """Leave out which fields differ: the message names the first of them."""
    return action.get("proof", {}).pop("fields", None) is not None


def _failed_clusters_only(action: Object) -> bool:
    """Leave out the clusters of a PerCluster action that nobody has to look at."""
    clusters = action.get("clusterStatuses", [])
    kept = [each for each in clusters if each["phase"] not in (Phase.SUCCEEDED, Phase.SKIPPED)]
    if len(kept) == len(clusters):
        return False
    action["clusterStatuses"] = kept
    return True if kept else _CLUSTER_STATUSES(action)


_CLUSTER_STATUSES = _without("clusterStatuses")


def _without_details(action: Object) -> bool:
    """Leave out of the record what no rollback needs."""
    changed = _CLUSTER_STATUSES(action)
    outputs = action.get("outputs", {})
    if outputs.pop("httpResponse", None) is not None:
        changed = True
        if not outputs:
            del action["outputs"]
    return changed


def _uids_only(action: Object) -> bool:
    """Keep of each reference its uid: the definition still names the object, and the uid still guards it.

    The Subscriptions of single clusters keep their names, for no definition has them.
    """
    outputs = action.get("outputs", {})
    named = [name for name in _REFERENCES if len(outputs.get(name, ())) > 1 and outputs[name].get("uid")]
    for name in named:
        outputs[name] = {"uid": outputs[name]["uid"]}
    return bool(named)


def _few_left_standing(state: Object) -> bool:
    """Cut the lists of objects left standing, and say how many more there are."""
    changed = False
    for field in ("leftStanding", "notDeleted"):
        entries = state.get(field, [])
        listed = [bounded(entry, _LISTED) for entry in entries[:_LISTED]]
        more = len(entries) - len(listed)
        if (few := [*listed, *([and_more(more)] if more else [])]) != entries:
            state[field], changed = few, True
    return changed


def _cut_names_of_stage(stage: Object) -> bool:
    """Cut the name: no real object's is that long, a stage's or an action's may be."""
    dropped = stage.pop("dependsOn", None) is not None
    return _cut(stage, "name", _LISTED) or dropped


def _cut_names_of_workflow(workflow: Object) -> bool:
    ref = workflow["workflowRef"]
    cut = [_cut(ref, "name", _LISTED), _cut(ref, "namespace", _LISTED), _cut(workflow, "currentAction", _LISTED)]
    return any(cut)


def _without_listed(node: Object) -> bool:
    """Leave out the list of actions where the ledger of an Execute has it."""
    return "ledger" in node and _ACTIONS_OF_WORKFLOW(node)


_ACTIONS_OF_WORKFLOW = _without("actionStatuses")

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
_RECORD = ("outputs", "operation", "created", "customRollback", "type", "reason", "rolledBackBy")
LOSSES: tuple[Loss, ...] = (
    Loss(_CLUSTERS, ActionStatus, _failed_clusters_only),
    Loss("cluster details and HTTP answers", ActionStatus, _without_details, (_CLUSTERS,)),
    Loss(_PROOF_FIELDS, ActionStatus, _without_fields_of_proof),
    Loss(_LONG, ActionStatus, _unless_failed(_cut_message)),
    Loss(_OTHERS, ActionStatus, _unless_failed(_without("message")), (_LONG,)),
    Loss(_OUTPUTS_IN_LEDGER, ActionStatus, _without(*_RECORD[:4]), in_ledger=True),
    Loss("proofs of actions", ActionStatus, _without("proof"), (_PROOF_FIELDS,)),
    Loss(_LONG_FAILED, ActionStatus, _cut_message),
    Loss("times of actions", ActionStatus, _without("startTime", "completionTime", "waits")),
    Loss("retries of actions", ActionStatus, _without("retries", "retryCount")),
    Loss("messages of actions", ActionStatus, _without("message"), (_OTHERS, _LONG_FAILED)),
    Loss(_RECORDS_IN_LEDGER, ActionStatus, _without(*_RECORD), (_OUTPUTS_IN_LEDGER,), in_ledger=True),
    Loss(_NAMES, ActionStatus, _uids_only),
    Loss("records of actions (a Revert cannot show what they made)", ActionStatus, _without(*_RECORD), (_NAMES,)),
    Loss("most of the objects left standing", RunState, _few_left_standing),
    Loss(_ACTIONS_IN_LEDGER, WorkflowExecutionStatus, _without_listed, (_OUTPUTS_IN_LEDGER, _RECORDS_IN_LEDGER)),
    Loss(_ACTIONS, WorkflowExecutionStatus, _ACTIONS_OF_WORKFLOW),
    Loss(_WORKFLOWS, StageStatus, _without("workflowExecutions"), (_ACTIONS, _ACTIONS_IN_LEDGER)),
    Loss("list of stages", ExecutionTree, _without("stageStatuses"), (_WORKFLOWS,)),
    Loss("long names", StageStatus, _cut_names_of_stage),
    Loss("long names", WorkflowExecutionStatus, _cut_names_of_workflow),
)
"""In the order in which they go; each builds on the ones before. A tree without stages fits, and so does a stage or a
workflow without its list once its names are cut."""


LEDGER_LEVEL = next(level for level, loss in enumerate(LOSSES, 1) if loss.in_ledger)
"""The first one at which it matters whether there is a ledger."""
