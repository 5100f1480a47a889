"""A Revert that returns to an execution: it takes back all later ones, each as a part of its tree.

A part is decided when the one before it is done, by the same function as a Revert of that execution alone.
Source: docs/spec/drplanexecution.md, "Return to an execution".
"""

from collections.abc import Iterator, Sequence
from itertools import groupby

from api.decisions import RevertDecision, RevertPart
from api.execution import DRPlanExecution
from api.nodes import ActionStatus, StageStatus, WorkflowExecutionStatus
from api.phases import OperationType, Phase
from api.plan import DRPlan
from api.reasons import Reason
from api.tree import RunState
from planning.messages import running as running_messages
from planning.revert.original import mirrored, read_tree
from planning.status.rollup import rollup
from planning.status.transitions import with_counts

_NOT_BEGUN = (Reason.STOPPED_AFTER_FAILURE, Reason.NOT_STARTED_BEFORE_CANCEL)


def of_part(revert: DRPlanExecution, execution: str) -> DRPlanExecution:
    """Return the Revert of one execution, as a part of one that returns to another."""
    spec = revert.spec.model_copy(update={"revert_execution_ref": execution, "revert_to": None})
    return revert.model_copy(update={"spec": spec})


def labelled(decision: RevertDecision, execution: str, in_effect: str | None = None) -> RevertDecision:
    """Return a decision whose stages name the execution that they belong to, and whose state what is in effect then."""
    stages = [stage.model_copy(update={"execution": execution}) for stage in decision.state.stages]
    update = {"stage_statuses": stages, "later_executions": None, "in_effect": in_effect}
    state = decision.state.model_copy(update=update)
    return decision.model_copy(update={"state": state})


def with_parts(decision: RevertDecision, rest: Sequence[DRPlanExecution], plan: DRPlan | None) -> RevertDecision:
    """Return the decision on the newest execution with the parts that follow, all of them Pending."""
    parts, stages = [], list(decision.state.stages)
    for execution in rest:
        own = [_pending(stage.node, execution.metadata.name) for stage in mirrored(read_tree(execution, {}), plan)]
        parts.append(RevertPart(execution=execution.metadata.name, stages=len(own)))
        stages += own
    state = with_counts(decision.state.model_copy(update={"stage_statuses": stages}))
    return decision.model_copy(update={"state": state, "parts": parts})


def _pending(stage: StageStatus, execution: str) -> StageStatus:
    """Return a stage of an execution as a part of the Revert that is not decided yet."""
    nodes = [
        WorkflowExecutionStatus(
            workflow_ref=node.workflow_ref,
            phase=Phase.PENDING,
            progress=running_messages.progress(OperationType.REVERT, 0, len(node.actions)),
            action_statuses=[
                ActionStatus(name=action.name, type=action.type, phase=Phase.PENDING) for action in node.actions[::-1]
            ],
        )
        for node in stage.workflows[::-1]
    ]
    return StageStatus(
        name=stage.name,
        phase=Phase.PENDING,
        execution=execution,
        parallel=stage.parallel or None,
        workflow_executions=nodes,
    )


def with_part(state: RunState, index: int, part: RevertPart, decided: RunState) -> RunState:
    """Return a tree in which the stages of a part, which begin at `index`, are as they were decided."""
    stages = [*state.stages[:index], *decided.stages, *state.stages[index + part.stages :]]
    update = {
        "stage_statuses": stages,
        "left_standing": [*state.left_standing, *decided.left_standing],
        "unread": state.unread + decided.unread,
        "definitions_of_today": state.definitions_of_today or decided.definitions_of_today,
        "decision": decided.decision,
        "snapshot": decided.snapshot,
    }
    return with_counts(state.model_copy(update=update))


def joined_states(parts: Sequence[RunState]) -> RunState:
    """Return the tree of several parts, in this order."""
    first, *others = parts
    update = {
        "stage_statuses": [stage for part in parts for stage in part.stages],
        "left_standing": [one for part in parts for one in part.left_standing],
        "unread": sum(part.unread for part in parts),
        "definitions_of_today": any(part.definitions_of_today for part in parts),
    }
    return first.model_copy(update=update) if others else first


def joined(before: RevertDecision, decided: RevertDecision) -> RevertDecision:
    """Return what was decided on the part that follows, in the place of the whole tree."""
    approvals = [*_approvals(before), *_approvals(decided)]
    update = {
        "steps": [*before.steps, *decided.steps],
        "approvals": approvals if any(approvals) else [],
        "parts": before.parts[1:],
    }
    return decided.model_copy(update=update)


def _approvals(decision: RevertDecision) -> Sequence[object]:
    return decision.approvals[: len(decision.steps)] or [None] * len(decision.steps)


def reverts_in(revert: DRPlanExecution) -> Iterator[DRPlanExecution]:
    """Yield a Revert as those of single executions that it stands for: itself, unless it returns to an execution."""
    if revert.spec.revert_to is None:
        yield revert
        return
    for execution, stages in groupby(revert.status.stages, key=lambda stage: stage.execution):
        if execution is not None:
            own = list(stages)
            phase = rollup(Phase.CANCELED if stage.reason in _NOT_BEGUN else stage.phase for stage in own)
            status = revert.status.model_copy(update={"stage_statuses": own, "phase": phase})
            yield of_part(revert, execution).model_copy(update={"status": status})
