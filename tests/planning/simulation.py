"""A cluster in a dictionary, executions drawn at random, and their walk through planning and progress.

The walk does what the workflows do, with every event checked: counts add up and nothing goes backwards.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from hypothesis import strategies as st

from api.attempts import ActionOutcome
from api.decisions import RevertDecision
from api.execution import DRPlanExecution, ExecutionStatus
from api.meta import ObjectMeta
from api.nodes import ActionOutputs, ActionStatus, StageStatus
from api.objects import ObservedObject, Presence, Target
from api.phases import Operation, OperationType, Phase, PlanFailurePolicy, StageFailurePolicy, WorkflowFailurePolicy
from api.plan import DRPlan
from api.tree import RunState
from planning.definitions.action_types import operation_of
from planning.definitions.identifiers import Workflows
from planning.definitions.target import target_of_action
from planning.execute.decide import decide_execute
from planning.messages import actions as action_messages
from planning.messages import rollback as rollback_messages
from planning.messages import running as running_messages
from planning.status import rollup, transitions
from tests.planning.builders import (
    START,
    by_name,
    config_map,
    dr_workflow,
    manifest,
    outputs,
    plan,
    plan_stage,
    present,
)
from tests.planning.execute.test_decide import EXECUTION

FORWARD = {
    Phase.PENDING: set(Phase),
    Phase.RUNNING: set(Phase) - {Phase.PENDING},
    **{phase: {phase} for phase in Phase if phase.terminal},
}
"""Which phases may follow which."""


@dataclass
class SimulatedCluster:
    """What exists: object to uid. Every uid is new."""

    objects: dict[Target, str] = field(default_factory=dict)
    made: int = 0
    deleted: list[str] = field(default_factory=list)

    def create(self, target: Target) -> str:
        self.made += 1
        self.objects[target] = f"uid-{self.made}"
        return self.objects[target]

    def delete(self, target: Target) -> str:
        uid = self.objects.pop(target)
        self.deleted.append(uid)
        return uid

    def look(self, target: Target) -> ObservedObject:
        uid = self.objects.get(target)
        return (
            present(uid)
            if uid
            else ObservedObject(presence=Presence.ABSENT, reason=f'configmaps "{target.name}" not found')
        )


@dataclass(frozen=True)
class Drawn:
    """A plan with its DRWorkflows, and what goes wrong: failures by the number of the attempt."""

    plan: DRPlan
    workflows: Workflows
    before: tuple[str, ...]
    """ConfigMaps that existed before."""
    failing: frozenset[int]


object_names = st.sampled_from(["a", "b", "c", "d", "e"])
operations = st.sampled_from(["Create", "Create", "Create", "Apply", "Apply", "Delete"])
failure_policies = st.sampled_from(["FailFast", "Continue"])


@st.composite
def drawn_plans(draw: st.DrawFn) -> Drawn:
    """Draw up to four stages in any order of dependency, of up to three DRWorkflows of up to four actions."""
    workflows = []
    for number in range(draw(st.integers(1, 3))):
        steps = draw(st.lists(st.tuples(object_names, operations), min_size=1, max_size=4))
        actions = [
            manifest(name, operation, action=f"{operation.lower()}-{name}-{place}")
            for place, (name, operation) in enumerate(steps)
        ]
        workflows.append(dr_workflow(f"w{number}", *actions, failurePolicy=draw(failure_policies)))
    names = draw(st.permutations([f"s{number}" for number in range(draw(st.integers(1, 4)))]))
    stages = [
        plan_stage(
            name,
            *draw(st.lists(st.sampled_from([one.metadata.name for one in workflows]), min_size=1, max_size=3)),
            parallel=draw(st.booleans()),
            dependsOn=draw(st.lists(st.sampled_from([other for other in names if other < name] or [""]), max_size=2)),
            failurePolicy=draw(st.sampled_from([None, "Stop", "Continue", "FailFast"])),
        )
        for name in names
    ]
    for stage in stages:
        stage["dependsOn"] = [name for name in stage["dependsOn"] if name] or None
    return Drawn(
        plan(*stages, failurePolicy=draw(st.sampled_from(["Stop", "Continue"]))),
        by_name(*workflows),
        tuple(draw(st.lists(object_names, max_size=2, unique=True))),
        draw(st.frozensets(st.integers(0, 30), max_size=3)),
    )


class Walk:
    """One run from its planned tree to its end, every event checked."""

    def __init__(self, state: RunState, operation: OperationType, now: datetime) -> None:
        self.operation = operation
        self.now = now
        self.state = state
        self._see(transitions.with_counts(transitions.started(state, now)))

    def _tick(self) -> datetime:
        # So that the largest plan has ended before LATER: a Revert that began before that is not one of the Execute.
        self.now += timedelta(seconds=1)
        return self.now

    def _see(self, state: RunState) -> None:
        counted = transitions.with_counts(state)
        check_summary(counted)
        check_forward(self.state, counted)
        self.state = counted

    def run(
        self,
        act: Callable[[int, int, int], ActionOutcome | None],
        plan_policy: PlanFailurePolicy = PlanFailurePolicy.STOP,
        stage_policies: Sequence[StageFailurePolicy] = (),
        workflow_policies: Sequence[Sequence[WorkflowFailurePolicy]] = (),
    ) -> RunState:
        """Walk all stages; `act` carries out the action at stage, workflow, index; None means nothing to do."""
        for index in range(len(self.state.stages)):
            pending = self.state.stages[index].phase is Phase.PENDING
            if not pending or not rollup.may_start_stage(plan_policy, self.state.stages, index):
                continue
            policy = stage_policies[index] if stage_policies else StageFailurePolicy.STOP
            own = workflow_policies[index] if workflow_policies else None
            self._run_stage(index, act, policy, own)
        self._see(transitions.plan_finished(self.state, self.operation, self._tick()))
        return self.state

    def _run_stage(
        self,
        index: int,
        act: Callable[[int, int, int], ActionOutcome | None],
        policy: StageFailurePolicy,
        policies: Sequence[WorkflowFailurePolicy] | None,
    ) -> None:
        self._put(index, transitions.started(self.state.stages[index], self._tick()))
        for place in range(len(self.state.stages[index].workflows)):
            stage = self.state.stages[index]
            begun_together = bool(stage.parallel)
            phases = [node.phase for node in stage.workflows]
            may_start = begun_together or rollup.may_start_next(policy, phases)
            if stage.workflows[place].phase is Phase.PENDING and may_start:
                own = policies[place] if policies else WorkflowFailurePolicy.FAIL_FAST
                self._run_workflow(index, place, act, own)
        self._put(index, transitions.stage_finished(self.state.stages[index], self.operation, self._tick()))

    def _run_workflow(
        self,
        index: int,
        place: int,
        act: Callable[[int, int, int], ActionOutcome | None],
        policy: WorkflowFailurePolicy,
    ) -> None:
        node = transitions.started(self.state.stages[index].workflows[place], self._tick())
        for number, action in enumerate(node.actions):
            phases = [one.phase for one in node.actions]
            if action.phase is not Phase.PENDING or not rollup.may_start_next(policy, phases):
                continue
            node = transitions.action_started(node, number, self._tick())
            self._put(index, transitions.with_child(self.state.stages[index], place, node))
            outcome = act(index, place, number)
            assert outcome is not None, "a Pending action has something to do"
            done = [*(one.phase for one in node.actions), outcome.phase].count(Phase.SUCCEEDED)
            progress = running_messages.progress(self.operation, done, len(node.actions))
            node = transitions.action_finished(node, number, outcome, 0, self._tick(), progress=progress)
            self._put(index, transitions.with_child(self.state.stages[index], place, node))
        node = transitions.workflow_finished(node, self.operation, self._tick(), policy=policy)
        self._put(index, transitions.with_child(self.state.stages[index], place, node))

    def _put(self, index: int, stage: StageStatus) -> None:
        self._see(transitions.with_child(self.state, index, stage))


def check_summary(state: RunState) -> None:
    """The counts add up, at every level, and agree with the tree."""
    found = state.summary
    assert found is not None
    stages, actions = state.stages, actions_of(state)
    assert found.total_stages == len(stages)
    assert found.total_stages == found.completed_stages + found.running_stages + found.pending_stages
    assert found.completed_stages == (
        found.succeeded_stages + found.failed_stages + found.skipped_stages + found.canceled_stages
    )
    assert found.total_workflows == sum(len(stage.workflows) for stage in stages)
    assert found.total_workflows == found.completed_workflows + found.running_workflows + found.pending_workflows
    assert found.total_actions == len(actions)
    ended = found.succeeded_actions + found.failed_actions + found.skipped_actions + found.canceled_actions
    assert ended == sum(action.phase.terminal for action in actions)
    for node in (node for stage in stages for node in stage.workflows):
        done = sum(action.phase is Phase.SUCCEEDED for action in node.actions)
        assert str(node.progress).startswith(f"{done}/{len(node.actions)} actions ")
    assert state.progress is not None
    assert state.progress.stages == f"{found.succeeded_stages}/{found.total_stages}"
    assert state.progress.actions == f"{found.succeeded_actions}/{found.total_actions}"


def check_forward(before: RunState, after: RunState) -> None:
    """No phase goes backwards, and no node comes or goes."""
    if before.phase is not None and after.phase is not None:
        assert after.phase in FORWARD[before.phase]
    for old, new in zip(nodes_of(before), nodes_of(after), strict=True):
        assert new in FORWARD[old]


def nodes_of(state: RunState) -> list[Phase]:
    found = []
    for stage in state.stages:
        found.append(stage.phase)
        for node in stage.workflows:
            found += [node.phase, *(action.phase for action in node.actions)]
    return found


def actions_of(state: RunState | ExecutionStatus) -> list[ActionStatus]:
    return [action for stage in state.stages for node in stage.workflows for action in node.actions]


def executed(drawn: Drawn) -> tuple[DRPlanExecution, SimulatedCluster]:
    """Carry a drawn plan out; give the Execute that is left, and the cluster."""
    cluster = SimulatedCluster()
    for name in drawn.before:
        cluster.create(config_map(name))
    decision = decide_execute(EXECUTION, drawn.plan, drawn.workflows)
    assert decision.rejection is None
    attempts = iter(range(10_000))

    def act(stage: int, place: int, number: int) -> ActionOutcome:
        step = decision.steps[stage][place][number]
        name = decision.state.stages[stage].workflows[place].workflow_ref.name
        definition = drawn.workflows["default", name].spec.actions[step.index]
        target = target_of_action(definition)
        assert target is not None
        return carry_out(cluster, operation_of(definition), target, fail=next(attempts) in drawn.failing)

    walk = Walk(decision.state, OperationType.EXECUTE, START)
    state = walk.run(act, decision.plan_policy, decision.stage_policies, decision.workflow_policies)
    return ended(
        EXECUTION.model_copy(update={"metadata": ObjectMeta(name="nginx-exec-001", uid="u-1")}), state
    ), cluster


def ended(execution: DRPlanExecution, state: RunState) -> DRPlanExecution:
    """Give an execution with the status that a walk ended with."""
    status = ExecutionStatus.model_validate(state.model_dump(exclude={"left_standing"}))
    return execution.model_copy(update={"status": status})


def carry_out(cluster: SimulatedCluster, operation: Operation, target: Target, *, fail: bool) -> ActionOutcome:
    """Do what an action does; one that fails may have created its object all the same, as a crash may."""
    there = target in cluster.objects
    if operation is Operation.CREATE and there:
        return ActionOutcome(
            phase=Phase.FAILED, message=action_messages.failed_to(operation, target.kind, "already exists")
        )
    if operation is Operation.DELETE:
        if fail:
            return ActionOutcome(phase=Phase.FAILED, message=action_messages.failed_to(operation, target.kind, "drawn"))
        return ActionOutcome(
            phase=Phase.SUCCEEDED,
            message="deleted",
            operation=operation,
            outputs=removed(cluster, target) if there else None,
        )
    uid = cluster.objects[target] if there else cluster.create(target)
    return ActionOutcome(
        phase=Phase.FAILED if fail else Phase.SUCCEEDED,
        message="drawn",
        operation=operation,
        created=not there,
        outputs=outputs(target, uid),
    )


def removed(cluster: SimulatedCluster, target: Target) -> ActionOutputs:
    return outputs(target, cluster.delete(target))


def reverted(
    revert: DRPlanExecution,
    decision: RevertDecision,
    cluster: SimulatedCluster,
    now: datetime,
    failing: frozenset[int] = frozenset(),
) -> DRPlanExecution:
    """Carry a Revert out; `failing` numbers the rollbacks that fail."""
    attempts = iter(range(10_000))

    def act(stage: int, place: int, number: int) -> ActionOutcome | None:
        step = decision.steps[stage][place][number]
        if step is None:
            return None
        if step.refusal is not None:
            return ActionOutcome(phase=Phase.FAILED, message=step.refusal.message)
        if next(attempts) in failing:
            return ActionOutcome(phase=Phase.FAILED, message="Failed to delete ConfigMap: drawn")
        for deletion in step.deletions:
            if cluster.objects.get(deletion.target) == deletion.uid:
                cluster.delete(deletion.target)
        message = rollback_messages.rolled_back([deletion.target for deletion in step.deletions])
        return ActionOutcome(phase=Phase.SUCCEEDED, reason=step.success, message=message)

    return ended(revert, Walk(decision.state, OperationType.REVERT, now).run(act))
