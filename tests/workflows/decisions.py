"""Decisions in a few words: what a load activity would answer."""

from collections.abc import Mapping, Sequence

from api.actions import RetryPolicy
from api.decisions import ExecuteDecision, RevertDecision
from api.meta import ObjectName
from api.nodes import ActionStatus, StageStatus, WorkflowExecutionStatus
from api.objects import Actor, Target
from api.phases import (
    ActionType,
    Operation,
    OperationType,
    Phase,
    PlanFailurePolicy,
    StageFailurePolicy,
    WorkflowFailurePolicy,
)
from api.steps import Attempts, Deletion, ExecuteStep, RollbackStep
from api.tree import RunState
from planning.messages import running as running_messages

QUICK = Attempts(timeout="1m", retry=RetryPolicy(limit=2, interval="10ms", backoff_multiplier="1"))
ONCE = Attempts(timeout="1m", retry=RetryPolicy(limit=0, interval="10ms"))
ACTOR = Actor(user="system:serviceaccount:default:default")
SKIPPED = "Original action did not succeed, skipped rollback"


def action(name: str, *, skipped: bool = False) -> ActionStatus:
    """An action that is to run, or one that planning skipped."""
    if skipped:
        return ActionStatus(name=name, type=ActionType.LOCALIZATION, phase=Phase.SKIPPED, message=SKIPPED)
    return ActionStatus(name=name, type=ActionType.LOCALIZATION, phase=Phase.PENDING)


def workflow(name: str, *actions: str | ActionStatus, phase: Phase = Phase.PENDING) -> WorkflowExecutionStatus:
    """A workflow's node; an action by its name is one that is to run."""
    nodes = [action(one) if isinstance(one, str) else one for one in actions]
    return WorkflowExecutionStatus(
        workflow_ref=ObjectName(name=name, namespace="default"), phase=phase, action_statuses=nodes
    )


def stage(
    name: str,
    *workflows: WorkflowExecutionStatus,
    parallel: bool = False,
    depends_on: list[str] | None = None,
    phase: Phase = Phase.PENDING,
) -> StageStatus:
    """A stage's node."""
    return StageStatus(
        name=name, phase=phase, parallel=parallel, depends_on=depends_on, workflow_executions=list(workflows)
    )


def target(name: str) -> Target:
    """The object that the action of this name made."""
    return Target(api_version="apps.clusternet.io/v1alpha1", kind="Localization", name=name, namespace="default")


def planned(operation: OperationType, stages: Sequence[StageStatus]) -> RunState:
    """The complete tree as planning gives it: with the progress of what is to run."""
    return RunState(phase=Phase.PENDING, stage_statuses=[_with_progress(operation, part) for part in stages])


def _with_progress(operation: OperationType, part: StageStatus) -> StageStatus:
    nodes = [
        node.model_copy(update={"progress": running_messages.progress(operation, 0, len(node.actions))})
        for node in part.workflows
    ]
    return part.model_copy(update={"workflow_executions": nodes})


def rollback_step(node: ActionStatus, attempts: Attempts) -> RollbackStep | None:
    """What undoes an action: the deletion of an object of the same name."""
    if node.phase is not Phase.PENDING:
        return None
    return RollbackStep(deletions=[Deletion(target=target(node.name), uid=f"uid-of-{node.name}")], attempts=attempts)


def revert(
    *stages: StageStatus, attempts: Attempts = QUICK, each: Mapping[str, Attempts] | None = None
) -> RevertDecision:
    """A Revert of these stages; `each` gives an action attempts of its own."""
    own = each or {}
    steps = [
        [[rollback_step(one, own.get(one.name, attempts)) for one in node.actions] for node in part.workflows]
        for part in stages
    ]
    return RevertDecision(state=planned(OperationType.REVERT, stages), steps=steps, actor=ACTOR)


def execute_steps(
    node: WorkflowExecutionStatus, attempts: Attempts, after: Mapping[str, Sequence[str]] | None = None
) -> list[ExecuteStep]:
    """A creation for every action; `after` names for each those before it."""
    places = {one.name: index for index, one in enumerate(node.actions)}
    return [
        ExecuteStep(
            index=index,
            action=one.name,
            mark=f"uid/stage/{node.workflow_ref.name}/{one.name}",
            title=f"{Operation.CREATE} Localization default/{one.name}",
            attempts=attempts,
            after=None if after is None else [places[name] for name in after.get(one.name, "")],
        )
        for index, one in enumerate(node.actions)
    ]


def execute(
    *stages: StageStatus,
    attempts: Attempts = QUICK,
    plan_policy: PlanFailurePolicy = PlanFailurePolicy.STOP,
    stage_policy: StageFailurePolicy = StageFailurePolicy.STOP,
    workflow_policy: WorkflowFailurePolicy = WorkflowFailurePolicy.FAIL_FAST,
    after: Mapping[str, Sequence[str]] | None = None,
) -> ExecuteDecision:
    """An Execute of these stages, all with the same policies and dependencies between actions."""
    return ExecuteDecision(
        state=planned(OperationType.EXECUTE, stages),
        steps=[[execute_steps(node, attempts, after) for node in part.workflows] for part in stages],
        actor=ACTOR,
        plan_policy=plan_policy,
        stage_policies=[stage_policy for _ in stages],
        workflow_policies=[[workflow_policy for _ in part.workflows] for part in stages],
    )


def rejected(operation: OperationType, reason: str) -> RevertDecision | ExecuteDecision:
    """A decision that nothing is to be touched."""
    state = RunState(phase=Phase.FAILED, message=reason)
    if operation is OperationType.REVERT:
        return RevertDecision(state=state, rejection=reason)
    return ExecuteDecision(state=state, rejection=reason)


def phases(state: RunState) -> dict[str, str]:
    """Every node's phase by its path: `stage`, `stage/workflow`, `stage/workflow/action`."""
    found: dict[str, str] = {}
    for part in state.stages:
        found[part.name] = part.phase
        for node in part.workflows:
            path = f"{part.name}/{node.workflow_ref.name}"
            found[path] = node.phase
            found |= {f"{path}/{one.name}": one.phase for one in node.actions}
    return found


def find(state: RunState, name: str) -> ActionStatus:
    """The first action of this name."""
    everything: Sequence[ActionStatus] = [
        one for part in state.stages for node in part.workflows for one in node.actions
    ]
    return next(one for one in everything if one.name == name)
