"""What an Execute will do: from the plan and its DRWorkflows to the complete tree and a step for each action.

Source: docs/spec/drplan.md, "What an Execute does".
"""

from collections.abc import Sequence
from dataclasses import dataclass

from api.execution import ActionStatus, DRPlanExecution, RunState, StageStatus, WorkflowExecutionStatus
from api.meta import ObjectName
from api.phases import (
    Mode,
    OperationType,
    Phase,
    PlanFailurePolicy,
    StageFailurePolicy,
    WorkflowFailurePolicy,
)
from api.plan import DRPlan, Stage
from api.steps import ExecuteDecision, ExecuteStep, Origin, Part
from api.workflow import DRWorkflow
from planning import marks, messages, refusals, when
from planning.asexecuted import Planned, as_executed
from planning.attempts import attempts_of
from planning.kinds import templates_of
from planning.lookup import Workflows, definition
from planning.messages import bounded
from planning.order import execution_order
from planning.progress import with_counts
from planning.templates import PlaceholderKind, placeholders, texts
from planning.titles import title
from planning.validation import execution_errors

_STAGE_POLICIES = {
    PlanFailurePolicy.STOP: StageFailurePolicy.STOP,
    PlanFailurePolicy.CONTINUE: StageFailurePolicy.CONTINUE,
}
"""What a stage does that names no policy of its own."""


def decide_execute(
    execution: DRPlanExecution, plan: DRPlan, workflows: Workflows, *, origin: Origin | None = None
) -> ExecuteDecision:
    """Decide over every node; `actor` is left to the caller.

    A rejection lists everything that is wrong; the state then has no stages.
    """
    errors = execution_errors(execution, plan, workflows)
    if errors:
        return rejected(refusals.not_started([error.text for error in errors]))
    stages = [plan.spec.stages[place] for place in execution_order(plan)]
    found = [_found(execution, stage, workflows) for stage in stages]
    nodes = [_stage(stage, parts, execution.spec.mode) for stage, parts in zip(stages, found, strict=True)]
    return ExecuteDecision(
        state=with_counts(RunState(phase=Phase.PENDING, stage_statuses=nodes)),
        steps=[[_steps(part) for part in parts] for parts in found],
        plan_policy=plan.spec.failure_policy,
        stage_policies=[stage.failure_policy or _STAGE_POLICIES[plan.spec.failure_policy] for stage in stages],
        workflow_policies=[[part.policy for part in parts] for parts in found],
        **({} if origin is None else {"origin": origin}),
    )


def rejected(reason: str) -> ExecuteDecision:
    """Give the decision to touch nothing."""
    message = bounded(reason)
    return ExecuteDecision(state=with_counts(RunState(phase=Phase.FAILED, message=message)), rejection=message)


@dataclass(frozen=True)
class _Part:
    """A DRWorkflow at its place in a stage."""

    ref: ObjectName
    dr_workflow: DRWorkflow
    planned: list[Planned]
    mark: str
    """Beginning of its actions' marks."""

    @property
    def policy(self) -> WorkflowFailurePolicy:
        return self.dr_workflow.spec.failure_policy


def _found(execution: DRPlanExecution, stage: Stage, workflows: Workflows) -> list[_Part]:
    names = marks.distinct([reference.workflow_ref.name for reference in stage.workflows])
    return [
        _part(execution, workflows, reference.workflow_ref, marks.mark(execution.metadata.uid, stage.name, name))
        for name, reference in zip(names, stage.workflows, strict=True)
    ]


def _part(execution: DRPlanExecution, workflows: Workflows, ref: ObjectName, mark: str) -> _Part:
    dr_workflow = definition(workflows, ref)
    assert dr_workflow is not None, "validation names every DRWorkflow that is missing"
    whole = ObjectName(name=ref.name, namespace=ref.in_namespace)
    return _Part(whole, dr_workflow, as_executed(dr_workflow, execution.spec.mode), mark)


def _stage(stage: Stage, parts: Sequence[_Part], mode: Mode | None) -> StageStatus:
    given = {"parallel": stage.parallel or None, "depends_on": stage.depends_on or None}
    return StageStatus(
        name=stage.name,
        phase=Phase.PENDING,
        workflow_executions=[_workflow(part, mode) for part in parts],
        **{name: value for name, value in given.items() if value},
    )


def _workflow(part: _Part, mode: Mode | None) -> WorkflowExecutionStatus:
    nothing = {} if part.planned else {"phase": Phase.SKIPPED, "message": messages.NOTHING_TO_DELETE}
    return WorkflowExecutionStatus(
        workflow_ref=part.ref,
        progress=messages.progress(OperationType.EXECUTE, 0, len(part.planned)),
        action_statuses=[_action(planned, mode) for planned in part.planned],
        **{"phase": Phase.PENDING, **nothing},
    )


def _action(planned: Planned, mode: Mode | None) -> ActionStatus:
    action = planned.action
    skipped = {} if when.runs(action.when, mode) else {"phase": Phase.SKIPPED, "message": _unmet(action.when, mode)}
    return ActionStatus(
        name=action.name,
        type=action.type,
        retries=0,
        retry_count=0,
        custom_rollback=action.rollback is not None,
        **{"phase": Phase.PENDING, **skipped},
    )


def _unmet(condition: str | None, mode: Mode | None) -> str:
    allowed = when.modes(condition or "")
    assert mode is not None, "without a mode nothing is filtered"
    return messages.condition_not_met(mode, [one for one in Mode if one in allowed])


def _steps(part: _Part) -> list[ExecuteStep]:
    names = marks.distinct([planned.action.name for planned in part.planned])
    return [
        _step(f"{part.mark}/{name}", planned, part.dr_workflow)
        for name, planned in zip(names, part.planned, strict=True)
    ]


def _step(mark: str, planned: Planned, dr_workflow: DRWorkflow) -> ExecuteStep:
    """Give a step; what is as it usually is stays away, for a decision holds thousands of them."""
    attempts, outputs = attempts_of(planned.action), _outputs_of(planned)
    unusual = {
        "attempts": attempts,
        "part": None if planned.part is Part.ACTION else planned.part,
        "after": planned.after,
        "outputs_of": outputs or None,
    }
    return ExecuteStep(
        index=planned.index,
        action=dr_workflow.spec.actions[planned.index].name,
        mark=mark,
        title=title(planned.action, mark),
        **{name: value for name, value in unusual.items() if value is not None},
    )


def _outputs_of(planned: Planned) -> list[str]:
    """Name the actions whose outputs a definition uses, each once."""
    found = (
        placeholder
        for path, value in templates_of(planned.action).items()
        for _, text in texts(value, path)
        for placeholder in placeholders(text)
    )
    return list(dict.fromkeys(one.name for one in found if one.kind is PlaceholderKind.OUTPUTS))
