"""What an Execute will do: from the plan and its DRWorkflows to the complete tree and a step for each action.

Source: docs/spec/drplan.md, "What an Execute does".
"""

from collections.abc import Mapping, Sequence

from api.decisions import ExecuteDecision
from api.execution import DRPlanExecution
from api.meta import ObjectName
from api.nodes import StageStatus
from api.phases import OnFailure, Phase, PlanFailurePolicy, StageFailurePolicy
from api.plan import DRPlan, Stage
from api.steps import Origin
from api.tree import Rejection, RunState
from planning.definitions import identifiers
from planning.definitions.action_list import as_executed
from planning.definitions.approvals import approvals_of, lacks_requester, requested_by
from planning.definitions.dependencies import execution_order
from planning.definitions.field_errors import FieldError
from planning.definitions.identifiers import Workflows, definition
from planning.execute.standing import Creation, creations
from planning.execute.workflow import PlannedWorkflow
from planning.messages import rejections as rejection_messages
from planning.messages import requests as request_messages
from planning.messages.text import bounded
from planning.snapshot.definitions import layers_of
from planning.status.transitions import with_counts
from planning.validation.objects import execution_errors
from planning.values.parameters import Resolved, resolve

Parameters = Mapping[tuple[str, int], Resolved]
"""By name of the stage and position of the DRWorkflow in it."""

_STAGE_POLICIES = {
    PlanFailurePolicy.STOP: StageFailurePolicy.STOP,
    PlanFailurePolicy.CONTINUE: StageFailurePolicy.CONTINUE,
}
"""The policy of a stage that sets none."""


def decide_execute(
    execution: DRPlanExecution,
    plan: DRPlan,
    workflows: Workflows,
    resolved: Parameters | None = None,
    origin: Origin | None = None,
) -> ExecuteDecision:
    """Return the status and the steps of every node; `actor` is left to the caller.

    Without `resolved` only what needs no values is validated. A rejection lists every error; the state then has no
    stages.
    """
    errors = execution_errors(execution, plan, workflows)
    errors += [error for found in (resolved or {}).values() for error in found.errors]
    if errors:
        return _rejected(errors)
    stages, parts = _parts(execution, plan, workflows, resolved)
    errors = [error for placed in parts for part in placed for error in part.value_errors()]
    return _rejected(errors) if errors else _decision(execution, plan, stages, parts, origin)


def filled_value_errors(execution: DRPlanExecution, plan: DRPlan, workflows: Workflows) -> list[FieldError]:
    """Validate the actions of an Execute with its values filled in, where these need no reading of objects.

    Nothing is said of what is wrong before any value is filled in.
    """
    if execution_errors(execution, plan, workflows):
        return []
    of_places = layers_of(plan, workflows, execution)
    resolved = {place: resolve(layers, {}) for place, layers in of_places.items()}
    _, parts = _parts(execution, plan, workflows, resolved)
    known = (part for placed in parts for part in placed if part.resolved and not part.resolved.reads)
    return [error for part in known for error in part.value_errors()]


def preview_execute(
    execution: DRPlanExecution, plan: DRPlan, workflows: Workflows, resolved: Parameters, origin: Origin | None
) -> tuple[ExecuteDecision, list[str]]:
    """Return the decision over every node although values are wrong or missing, and what is wrong with these.

    Only definitions that make no tree at all are rejected.
    """
    if errors := execution_errors(execution, plan, workflows):
        return _rejected(errors), []
    stages, parts = _parts(execution, plan, workflows, resolved)
    wrong = [error for found in resolved.values() for error in found.errors]
    wrong += [error for placed in parts for part in placed for error in part.value_errors()]
    return _decision(execution, plan, stages, parts, origin), list(dict.fromkeys(error.text for error in wrong))


def objects_to_create(
    execution: DRPlanExecution, plan: DRPlan, workflows: Workflows, resolved: Parameters
) -> list[Creation]:
    """Return the objects that an Execute is to create. It must be valid."""
    _, parts = _parts(execution, plan, workflows, resolved)
    return creations(part for placed in parts for part in placed)


def _parts(
    execution: DRPlanExecution, plan: DRPlan, workflows: Workflows, resolved: Parameters | None
) -> tuple[list[Stage], list[list[PlannedWorkflow]]]:
    """Return the stages in the order in which they run, and the DRWorkflows of each."""
    stages = [plan.spec.stages[place] for place in execution_order(plan)]
    return stages, [_placed(execution, plan, stage, workflows, resolved) for stage in stages]


def _decision(
    execution: DRPlanExecution,
    plan: DRPlan,
    stages: Sequence[Stage],
    parts: Sequence[Sequence[PlannedWorkflow]],
    origin: Origin | None,
) -> ExecuteDecision:
    nodes = [_stage(stage, placed) for stage, placed in zip(stages, parts, strict=True)]
    approvals = approvals_of(plan, nodes)
    if lacks_requester(execution, approvals):
        return rejected(rejection_messages.not_started([request_messages.WITHOUT_REQUESTER]))
    return ExecuteDecision(
        state=with_counts(RunState(phase=Phase.PENDING, stage_statuses=nodes)),
        steps=[[part.steps() for part in placed] for placed in parts],
        plan_policy=plan.spec.failure_policy,
        stage_policies=[stage.failure_policy or _STAGE_POLICIES[plan.spec.failure_policy] for stage in stages],
        workflow_policies=[[part.dr_workflow.spec.failure_policy for part in placed] for placed in parts],
        origin=origin,
        on_failure=execution.spec.on_failure or OnFailure.STOP,
        approvals=approvals,
        requested_by=requested_by(execution) if approvals else "",
    )


def _rejected(errors: Sequence[FieldError]) -> ExecuteDecision:
    """Reject with every error, each once: a plan may use one DRWorkflow at several places."""
    return rejected(rejection_messages.not_started(list(dict.fromkeys(error.text for error in errors))))


def rejected(message: str, rejection: Rejection | None = None) -> ExecuteDecision:
    """Return the decision to touch nothing; `rejection` says why, where a person is advised something of its own."""
    message = bounded(message)
    state = RunState(phase=Phase.FAILED, message=message, rejection=rejection)
    return ExecuteDecision(state=with_counts(state), rejection=message)


def _placed(
    execution: DRPlanExecution, plan: DRPlan, stage: Stage, workflows: Workflows, resolved: Parameters | None
) -> list[PlannedWorkflow]:
    """Return the DRWorkflows of a stage, in its order."""
    names = identifiers.distinct([reference.workflow_ref.name for reference in stage.workflows])
    placed = []
    for position, (name, reference) in enumerate(zip(names, stage.workflows, strict=True)):
        ref = identifiers.reference_in_plan(plan, reference.workflow_ref)
        dr_workflow = definition(workflows, ref)
        assert dr_workflow is not None, "validation names every DRWorkflow that is missing"
        placed.append(
            PlannedWorkflow(
                ref=ObjectName(name=ref.name, namespace=ref.in_namespace),
                dr_workflow=dr_workflow,
                planned=as_executed(dr_workflow, execution.spec.mode),
                mode=execution.spec.mode,
                mark=identifiers.mark(execution.metadata.uid, stage.name, name),
                plan_name=plan.metadata.name,
                resolved=None if resolved is None else resolved[stage.name, position],
            )
        )
    return placed


def _stage(stage: Stage, placed: Sequence[PlannedWorkflow]) -> StageStatus:
    return StageStatus(
        name=stage.name,
        phase=Phase.PENDING,
        parallel=stage.parallel or None,
        depends_on=stage.depends_on or None,
        workflow_executions=[part.node() for part in placed],
    )
