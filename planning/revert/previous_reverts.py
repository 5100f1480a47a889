"""What earlier Reverts of the same execution have rolled back already: their status says so.

Source: docs/spec/drplanexecution.md, "Earlier Reverts count".
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from api.execution import ActionStatus, DRPlanExecution, StageStatus, WorkflowExecutionStatus
from api.phases import OperationType, Phase
from api.reasons import Reason
from planning.definitions.lookup import full_name, occurrences

NodeT = TypeVar("NodeT")
NodeKey = tuple[tuple[str, int], ...]
"""Names from the stage down, each with how many of the same name the original lists before it."""


@dataclass
class History:
    """Who rolled what back. Filled once by `history`, then only read."""

    actions: dict[NodeKey, tuple[str, ...]] = field(default_factory=dict)
    """Actions that were rolled back; an action with several objects may have been by several Reverts."""
    whole: dict[NodeKey, str] = field(default_factory=dict)
    """Parts that succeeded as a whole in a Revert that kept no list of what is below; () is the plan."""
    records: dict[NodeKey, list[tuple[str, ActionStatus]]] = field(default_factory=dict)
    """By action: Reverts with their nodes of it that record what a custom rollback or a rollback hook did."""

    def of_action(self, key: NodeKey) -> tuple[str, ...]:
        """Give the Reverts that rolled an action back; empty where none says so."""
        return self.actions.get(key, ())

    def presumed(self, key: NodeKey) -> str | None:
        """Give the Revert that claims the whole of which the action is a part."""
        return next((self.whole[key[:depth]] for depth in range(len(key)) if key[:depth] in self.whole), None)


def stage_keys(stages: Sequence[StageStatus]) -> list[tuple[str, int]]:
    """Tell stages apart; the sequence is in the original's order."""
    return occurrences(stages, lambda stage: stage.name)


def workflow_keys(nodes: Sequence[WorkflowExecutionStatus]) -> list[tuple[str, int]]:
    """Tell the workflows of a stage apart; the sequence is in the original's order."""
    return occurrences(nodes, lambda node: full_name(node.workflow_ref))


def action_keys(actions: Sequence[ActionStatus]) -> list[tuple[str, int]]:
    """Tell the actions of a workflow apart; the sequence is in the original's order."""
    return occurrences(actions, lambda action: action.name)


def history(revert: DRPlanExecution, original: DRPlanExecution, others: Iterable[DRPlanExecution]) -> History:
    """Gather what earlier Reverts of `original` did, the oldest first; `others` may hold anything."""
    found = History()
    for earlier in sorted((other for other in others if _counts(revert, original, other)), key=_age):
        _remember(found, earlier)
    return found


def _age(execution: DRPlanExecution) -> tuple[str, str]:
    time = execution.status.start_time or execution.metadata.creation_timestamp
    return (time.isoformat() if time else "", execution.metadata.name)


def _counts(revert: DRPlanExecution, original: DRPlanExecution, other: DRPlanExecution) -> bool:
    """Tell whether `other` is an earlier Revert of this very original, not of one that bore its name before."""
    if (
        other.spec.operation_type is not OperationType.REVERT
        or other.metadata.namespace != original.metadata.namespace
        or other.spec.revert_execution_ref != original.metadata.name
        or (other.metadata.uid, other.metadata.name) == (revert.metadata.uid, revert.metadata.name)
    ):
        return False
    began = other.status.start_time or other.metadata.creation_timestamp
    ended = original.status.completion_time or original.metadata.creation_timestamp
    return began is None or ended is None or began >= ended


def _remember(found: History, earlier: DRPlanExecution) -> None:
    """Add what one Revert did; what an older one did stays its own."""
    name = earlier.metadata.name
    if earlier.status.phase is Phase.SUCCEEDED and not earlier.status.stages:
        found.whole.setdefault((), name)
    for key, stage in _mirrored(earlier.status.stages, stage_keys):
        _remember_stage(found, name, (key,), stage)


def _mirrored(
    nodes: Sequence[NodeT], keys: Callable[[Sequence[NodeT]], list[tuple[str, int]]]
) -> Iterator[tuple[tuple[str, int], NodeT]]:
    """Pair a Revert's nodes with their keys in the original, whose order is the reverse."""
    mirrored = nodes[::-1]
    return zip(keys(mirrored), mirrored, strict=True)


def _remember_stage(found: History, name: str, key: NodeKey, stage: StageStatus) -> None:
    if stage.phase is Phase.SUCCEEDED and not stage.workflows:
        found.whole.setdefault(key, name)
    for workflow_key, node in _mirrored(stage.workflows, workflow_keys):
        _remember_workflow(found, name, (*key, workflow_key), node)


def _remember_workflow(found: History, name: str, key: NodeKey, node: WorkflowExecutionStatus) -> None:
    if node.phase is Phase.SUCCEEDED and not node.actions:
        found.whole.setdefault(key, name)
    for action_key, action in _mirrored(node.actions, action_keys):
        by = (name,) if action.phase is Phase.SUCCEEDED else _by_older(action)
        if by:
            found.actions.setdefault((*key, action_key), by)
        if action.outputs:
            found.records.setdefault((*key, action_key), []).append((name, action))


def _by_older(action: ActionStatus) -> tuple[str, ...]:
    """Tell who did it before, for that Revert may be deleted by now."""
    return tuple(action.rolled_back_by or ()) if action.reason is Reason.ALREADY_ROLLED_BACK else ()
