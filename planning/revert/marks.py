"""What is believed of an execution without a ledger: an object is its own only where the object itself says so.

A status can be written by others, and a uid in it may be that of any object. The controller before drplan marked
nothing: its executions are rolled back as its records and the definitions say.
Source: docs/spec/drplanexecution.md, "The ledger".
"""

from collections.abc import Mapping

from api.decisions import RevertDecision
from api.execution import DRPlanExecution
from api.failures import FailureType
from api.meta import ACCEPTED_ANNOTATION, CREATED_BY_ANNOTATION
from api.nodes import ActionStatus, WorkflowExecutionStatus
from api.objects import ObservedObject, Target
from api.phases import Operation
from api.steps import Deletion, Refusal, RollbackStep
from planning.messages import actions as action_messages
from planning.messages import rollback as rollback_messages
from planning.messages.text import bounded
from planning.revert.default_rollback import objects_in
from planning.status.transitions import map_nodes


def of_execution(original: DRPlanExecution) -> tuple[str, ...] | None:
    """Return what the marks of an execution's objects begin with; None for one of the controller before drplan.

    One that was restored from a backup names the uid that it had in its annotation.
    """
    accepted = original.metadata.annotations.get(ACCEPTED_ANNOTATION)
    records = (action for stage in original.status.stages for action in stage.actions)
    typed = any(record.type is not None or record.operation is not None for record in records)
    if accepted is None and original.status.engine is None and not typed:
        return None
    return tuple(f"{uid}/" for uid in (original.metadata.uid, accepted) if uid)


def is_own(original: DRPlanExecution, deletion: Deletion, observed: ObservedObject) -> bool:
    """Return whether a deletion is of an object of an execution, or deletes nothing: its uid is a precondition.

    What the controller before drplan created is known by the uid that it recorded.
    """
    if observed.uid != deletion.uid:
        return True
    if (marks := of_execution(original)) is not None:
        return (observed.mark or "").startswith(marks)
    records = (action for stage in original.status.stages for action in stage.actions)
    return any(item.uid == deletion.uid for record in records for item in objects_in(record.outputs))


def without_foreign(original: DRPlanExecution, looks: Mapping[Target, ObservedObject]) -> DRPlanExecution:
    """Return an original with a ledger in which parts without a record name only objects with its mark.

    What they are said to have created is named as left standing, so it must not be an object of others.
    """
    mark = f"{original.metadata.uid}/"

    def checked(action: ActionStatus) -> ActionStatus:
        seen = (looks.get(item.target) for item in objects_in(action.outputs))
        if all(look is not None and (look.mark or "").startswith(mark) for look in seen):
            return action
        return action.model_copy(update={"outputs": None, "created": None})

    def of_node(node: WorkflowExecutionStatus) -> WorkflowExecutionStatus:
        return node if node.ledger is not None else map_nodes(node, ActionStatus, checked)

    status = map_nodes(original.status, WorkflowExecutionStatus, of_node)
    return original.model_copy(update={"status": status})


def without_unmarked(
    decision: RevertDecision, original: DRPlanExecution, looks: Mapping[Target, ObservedObject]
) -> RevertDecision:
    """Return a decision in which each action that would delete an object without the original's mark is refused."""
    marks = of_execution(original)
    if marks is None:
        return decision

    def checked(step: RollbackStep | None) -> RollbackStep | None:
        if step is None:
            return None
        for deletion in step.deletions:
            if not (looks[deletion.target].mark or "").startswith(marks):
                reason = rollback_messages.without_mark(deletion.target, deletion.uid, CREATED_BY_ANNOTATION)
                message = bounded(action_messages.failed_to(Operation.DELETE, deletion.target.kind, reason))
                refusal = Refusal(type=FailureType.WRONG_UID, message=message)
                return RollbackStep(refusal=refusal, attempts=step.attempts)
        return step

    steps = [[[checked(step) for step in row] for row in rows] for rows in decision.steps]
    return decision.model_copy(update={"steps": steps})
