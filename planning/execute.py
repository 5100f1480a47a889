"""What an Execute will do: from the plan and its DRWorkflows to the complete tree and a step for each action.

Source: docs/spec/drplan.md, "What an Execute does".
"""

from collections.abc import Sequence

from api.actions import Action
from api.execution import ActionStatus, DRPlanExecution, RunState, StageStatus, WorkflowExecutionStatus
from api.meta import ObjectName
from api.phases import (
    OperationType,
    Phase,
    PlanFailurePolicy,
    StageFailurePolicy,
    WorkflowFailurePolicy,
)
from api.plan import DRPlan, Stage
from api.steps import ExecuteDecision, ExecuteStep
from api.workflow import DRWorkflow
from planning import marks, messages, refusals
from planning.attempts import attempts_of
from planning.kinds import operation_of
from planning.lookup import Workflows, definition
from planning.messages import bounded
from planning.objects import target_of_action
from planning.order import execution_order
from planning.progress import with_counts
from planning.validation import execution_errors

_STAGE_POLICIES = {
    PlanFailurePolicy.STOP: StageFailurePolicy.STOP,
    PlanFailurePolicy.CONTINUE: StageFailurePolicy.CONTINUE,
}
"""What a stage does that names no policy of its own."""


def decide_execute(execution: DRPlanExecution, plan: DRPlan, workflows: Workflows) -> ExecuteDecision:
    """Decide over every node; `actor` is left to the caller.

    A rejection lists everything that is wrong; the state then has no stages.
    """
    errors = execution_errors(execution, plan, workflows)
    if errors:
        return rejected(refusals.not_started([error.text for error in errors]))
    stages = [plan.spec.stages[place] for place in execution_order(plan)]
    found = [[_defined(workflows, reference.workflow_ref) for reference in stage.workflows] for stage in stages]
    parts = list(zip(stages, found, strict=True))
    nodes = [_stage(stage, dr_workflows) for stage, dr_workflows in parts]
    return ExecuteDecision(
        state=with_counts(RunState(phase=Phase.PENDING, stage_statuses=nodes)),
        steps=[_stage_steps(execution.metadata.uid, stage, dr_workflows) for stage, dr_workflows in parts],
        plan_policy=plan.spec.failure_policy,
        stage_policies=[stage.failure_policy or _STAGE_POLICIES[plan.spec.failure_policy] for stage in stages],
        workflow_policies=[_policies(dr_workflows) for dr_workflows in found],
    )


def rejected(reason: str) -> ExecuteDecision:
    """Give the decision to touch nothing."""
    message = bounded(reason)
    return ExecuteDecision(state=with_counts(RunState(phase=Phase.FAILED, message=message)), rejection=message)


def _defined(workflows: Workflows, ref: ObjectName) -> tuple[ObjectName, DRWorkflow]:
    """Give a DRWorkflow that validation has found, with its reference written out."""
    dr_workflow = definition(workflows, ref)
    assert dr_workflow is not None, "validation names every DRWorkflow that is missing"
    return ObjectName(name=ref.name, namespace=ref.in_namespace), dr_workflow


Defined = Sequence[tuple[ObjectName, DRWorkflow]]


def _policies(found: Defined) -> list[WorkflowFailurePolicy]:
    return [dr_workflow.spec.failure_policy for _, dr_workflow in found]


def _stage(stage: Stage, found: Defined) -> StageStatus:
    given = {"parallel": stage.parallel or None, "depends_on": stage.depends_on or None}
    return StageStatus(
        name=stage.name,
        phase=Phase.PENDING,
        workflow_executions=[_workflow(ref, dr_workflow.spec.actions) for ref, dr_workflow in found],
        **{name: value for name, value in given.items() if value},
    )


def _workflow(ref: ObjectName, actions: Sequence[Action]) -> WorkflowExecutionStatus:
    return WorkflowExecutionStatus(
        workflow_ref=ref,
        phase=Phase.PENDING,
        progress=messages.progress(OperationType.EXECUTE, 0, len(actions)),
        action_statuses=[
            ActionStatus(
                name=action.name,
                type=action.type,
                phase=Phase.PENDING,
                retries=0,
                retry_count=0,
                custom_rollback=action.rollback is not None,
            )
            for action in actions
        ],
    )


def _stage_steps(execution_uid: str, stage: Stage, found: Defined) -> list[list[ExecuteStep]]:
    names = marks.distinct([ref.name for ref, _ in found])
    return [
        _steps(marks.mark(execution_uid, stage.name, name), dr_workflow)
        for name, (_, dr_workflow) in zip(names, found, strict=True)
    ]


def _steps(mark: str, dr_workflow: DRWorkflow) -> list[ExecuteStep]:
    names = marks.distinct([action.name for action in dr_workflow.spec.actions])
    return [
        _step(f"{mark}/{name}", index, action)
        for index, (name, action) in enumerate(zip(names, dr_workflow.spec.actions, strict=True))
    ]


def _step(mark: str, index: int, action: Action) -> ExecuteStep:
    attempts = attempts_of(action)
    target = target_of_action(action)
    title = messages.title(operation_of(action), target) if target else action.name
    step = ExecuteStep(index=index, action=action.name, mark=mark, title=bounded(title))
    return step if attempts is None else step.model_copy(update={"attempts": attempts})
