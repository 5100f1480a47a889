"""What earlier Reverts of the same execution have rolled back already: their status says so.

Source: docs/spec/drplanexecution.md, "Earlier Reverts count".
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from api.execution import DRPlanExecution
from api.nodes import ActionStatus, WorkflowExecutionStatus
from api.phases import OperationType, Phase
from api.reasons import Reason
from planning.revert.original import NodeKey, keys


@dataclass
class History:
    """Who rolled what back. Filled once by `history`, then only read."""

    actions: dict[NodeKey, tuple[str, ...]] = field(default_factory=dict)
    """Actions that were rolled back; an action with several objects may have been by several Reverts."""
    asked: dict[NodeKey, tuple[str, ...]] = field(default_factory=dict)
    """Actions whose objects were told to go and still existed when the Revert ended."""
    whole: dict[NodeKey, str] = field(default_factory=dict)
    """Parts that succeeded as a whole in a Revert that kept no list of what is below; () is the plan."""
    unfinished: list[str] = field(default_factory=list)
    """Reverts that another controller began and did not finish: they may have deleted more than they recorded."""
    records: dict[NodeKey, list[tuple[str, ActionStatus]]] = field(default_factory=dict)
    """By action: Reverts with their nodes of it that record what a custom rollback or a rollback hook did."""

    def of_action(self, key: NodeKey) -> tuple[str, ...]:
        """Return the Reverts that rolled an action back; empty where none says so."""
        return self.actions.get(key, ())

    def presumed(self, key: NodeKey) -> str | None:
        """Return the Revert that claims the whole of which the action is a part."""
        return next((self.whole[key[:depth]] for depth in range(len(key)) if key[:depth] in self.whole), None)


def history(revert: DRPlanExecution, original: DRPlanExecution, others: Iterable[DRPlanExecution]) -> History:
    """Gather what earlier Reverts of `original` did, the oldest first; `others` may hold anything.

    What an older one did stays its own. A Revert's nodes are in the reverse of the order in which keys count.
    """
    result = History()
    for earlier in sorted((other for other in others if _is_earlier(revert, original, other)), key=_age):
        name, stages = earlier.metadata.name, earlier.status.stages[::-1]
        # One that selected parts, and whose lists of these were lost, claims no whole.
        claims = earlier.spec.only is None
        if earlier.status.phase is not Phase.SUCCEEDED:
            # One of ours that never began has no start.
            if earlier.status.engine is None and earlier.status.start_time:
                result.unfinished.append(name)
        elif not stages and claims:
            result.whole.setdefault((), name)
        for stage_key, stage in zip(keys(stages), stages, strict=True):
            nodes = stage.workflows[::-1]
            if claims and stage.phase is Phase.SUCCEEDED and not nodes:
                result.whole.setdefault((stage_key,), name)
            for workflow_key, node in zip(keys(nodes), nodes, strict=True):
                _add_workflow(result, name, (stage_key, workflow_key), node, claims)
    return result


def _is_earlier(revert: DRPlanExecution, original: DRPlanExecution, other: DRPlanExecution) -> bool:
    """Return whether `other` is an earlier Revert of this very original, not of one that had its name before."""
    if (
        other.spec.operation_type is not OperationType.REVERT
        or other.spec.dry_run
        or other.metadata.namespace != original.metadata.namespace
        or other.spec.revert_execution_ref != original.metadata.name
        or (other.metadata.uid, other.metadata.name) == (revert.metadata.uid, revert.metadata.name)
    ):
        return False
    began = other.status.start_time or other.metadata.creation_timestamp
    ended = original.status.completion_time or original.metadata.creation_timestamp
    return began is None or ended is None or began >= ended


def _age(execution: DRPlanExecution) -> tuple[str, str]:
    time = execution.status.start_time or execution.metadata.creation_timestamp
    return (time.isoformat() if time else "", execution.metadata.name)


def _add_workflow(result: History, revert: str, key: NodeKey, node: WorkflowExecutionStatus, claims: bool) -> None:
    if claims and node.phase is Phase.SUCCEEDED and not node.actions:
        result.whole.setdefault(key, revert)
    actions = node.actions[::-1]
    for action_key, action in zip(keys(actions), actions, strict=True):
        by: tuple[str, ...] = ()
        if action.phase is Phase.SUCCEEDED:
            by = (revert,)
        elif action.reason is Reason.ALREADY_ROLLED_BACK:
            by = tuple(action.rolled_back_by or ())  # that Revert may be deleted by now
        elif action.reason in (Reason.DELETION_TIMED_OUT, Reason.DELETION_PENDING):
            result.asked.setdefault((*key, action_key), (revert,))
        if by:
            result.actions.setdefault((*key, action_key), by)
        if action.outputs:
            result.records.setdefault((*key, action_key), []).append((revert, action))
