"""Executions of every type of action, with custom rollbacks, hooks, cleanups, dependencies and modes, drawn at random.

The cluster is the dictionary of tests.planning.simulation, the walk is its walk.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from hypothesis import assume
from hypothesis import strategies as st

from api.actions import Action
from api.attempts import ActionOutcome
from api.decisions import RevertDecision
from api.execution import DRPlanExecution
from api.meta import ObjectMeta
from api.nodes import ActionOutputs, ActionStatus, HttpResponse
from api.objects import Target
from api.phases import Mode, Operation, OperationType, Phase
from api.plan import DRPlan
from api.steps import CustomRollback, Part
from planning.definitions.action_list import PlannedAction, as_executed, cleanup_of, rollback_of
from planning.definitions.action_types import operation_of, row_of
from planning.definitions.identifiers import Workflows
from planning.definitions.target import target_of_action
from planning.execute.decide import decide_execute
from planning.messages import actions as action_messages
from planning.messages import rollback as rollback_messages
from tests.planning.builders import CLUSTERNET, START, by_name, dr_workflow, manifest, plan, plan_stage, reference
from tests.planning.execute.test_decide import EXECUTION
from tests.planning.simulation import SimulatedCluster, Walk, ended

object_names = st.sampled_from(["a", "b", "c"])
REQUEST = {"url": "https://example.com", "method": "POST"}
BY_TYPE = {
    "KubernetesResource": ["Create", "Create", "Apply", "Apply", "Patch", "Delete"],
    "Localization": ["Create", "Create", "Apply", "Patch", "Delete"],
    "Globalization": ["Create", "Apply", "Delete"],
    "HelmChart": ["Create", "Patch"],
    "Subscription": ["Create", "Create", "Replace", "Delete"],
    "Job": ["Create"],
    "HTTP": [""],
}
BLOCKS = {
    "Localization": "localization",
    "Globalization": "globalization",
    "HelmChart": "helmChart",
    "Subscription": "subscription",
}


def defined(type_: str, operation: str, called: str, **fields: Any) -> dict[str, Any]:
    """Define an action; its own name comes with `fields`."""
    if type_ == "KubernetesResource":
        return {**manifest(called, operation), **fields}
    if type_ == "HTTP":
        return {"type": type_, "http": REQUEST, **fields}
    if type_ == "Job":
        return {"type": type_, "job": {"template": {"metadata": {"name": called}, "spec": {}}}, **fields}
    place = {} if type_ == "Globalization" else {"namespace": "default"}
    return {"type": type_, BLOCKS[type_]: {"name": called, "operation": operation, **place}, **fields}


@dataclass(frozen=True)
class Varied:
    """A plan with its DRWorkflows, the mode, what was there before, and what goes wrong by number of the attempt."""

    plan: DRPlan
    workflows: Workflows
    mode: Mode | None
    before: tuple[Target, ...]
    failing: frozenset[int]


@st.composite
def rollbacks(draw: st.DrawFn, type_: str, operation: str, name: str) -> dict[str, Any] | None:
    """Draw a custom rollback; a Patch must have one."""
    kinds = ["request", "delete", "make"] if type_ in ("KubernetesResource", "Localization") else ["request"]
    chosen = draw(st.sampled_from(kinds if operation == "Patch" else [None, None, *kinds]))
    if chosen is None:
        return None
    if chosen == "request":
        return defined("HTTP", "", name)
    return defined(type_, "Delete" if chosen == "delete" else "Apply", name)


@st.composite
def actions(draw: st.DrawFn, place: int, others: list[str]) -> dict[str, Any]:
    type_ = draw(st.sampled_from(sorted(BY_TYPE)))
    operation, name = draw(st.sampled_from(BY_TYPE[type_])), draw(object_names)
    fields: dict[str, Any] = {"name": f"{type_}-{operation}-{name}-{place}"}
    if draw(st.integers(0, 4)) == 0:
        # A hook that creates would find what it made in the Execute.
        type_, operation = draw(st.sampled_from([("HTTP", ""), ("Localization", "Apply"), ("Localization", "Delete")]))
        fields["hookType"] = draw(st.sampled_from(["pre-rollback", "post-rollback"]))
        fields["when"] = draw(st.sampled_from([None, 'mode == "rollback"', 'mode == "install"']))
    elif draw(st.integers(0, 3)) == 0:
        fields["when"] = draw(st.sampled_from(['mode == "install"', 'mode == "delete" || mode == "install"']))
    if type_ in BLOCKS and draw(st.integers(0, 3)) == 0:
        fields["hookCleanup"] = draw(
            st.fixed_dictionaries(dict.fromkeys(("beforeCreate", "onSuccess", "onFailure"), st.booleans()))
        )
    fields["rollback"] = draw(rollbacks(type_, operation, name))
    if others and draw(st.integers(0, 4)) == 0:
        fields["dependsOn"] = draw(st.lists(st.sampled_from(others), min_size=1, max_size=2, unique=True))
    return defined(type_, operation, name, **fields)


@st.composite
def varied_plans(draw: st.DrawFn) -> Varied:
    """Draw up to three stages of up to two DRWorkflows, which may stand at several places, of up to five actions."""
    workflows = []
    for number in range(draw(st.integers(1, 2))):
        listed: list[dict[str, Any]] = []
        for place in range(draw(st.integers(1, 5))):
            listed.append(draw(actions(place, [one["name"] for one in listed])))
        order = draw(st.permutations(listed))
        workflows.append(
            dr_workflow(f"w{number}", *order, failurePolicy=draw(st.sampled_from(["FailFast", "Continue"])))
        )
    names = [one.metadata.name for one in workflows]
    stages = [
        plan_stage(
            f"s{number}",
            *draw(st.lists(st.sampled_from(names), min_size=1, max_size=2)),
            parallel=draw(st.booleans()),
            failurePolicy=draw(st.sampled_from([None, "Continue"])),
        )
        for number in range(draw(st.integers(1, 3)))
    ]
    made = st.sampled_from([*(config(name) for name in "abc"), *(clusternet("Localization", name) for name in "abc")])
    return Varied(
        plan(*stages, failurePolicy=draw(st.sampled_from(["Stop", "Continue"]))),
        by_name(*workflows),
        draw(st.sampled_from([None, None, *Mode])),
        tuple(draw(st.lists(made, max_size=4, unique=True))),
        draw(st.frozensets(st.integers(0, 20), max_size=2)),
    )


def config(name: str) -> Target:
    return Target(api_version="v1", kind="ConfigMap", name=name, namespace="default")


def clusternet(kind: str, name: str) -> Target:
    return Target(api_version=CLUSTERNET, kind=kind, name=name, namespace="default")


def planned(drawn: Varied, workflow: str) -> list[PlannedAction]:
    return as_executed(drawn.workflows["default", workflow], drawn.mode)


def executed(drawn: Varied) -> tuple[DRPlanExecution, SimulatedCluster]:
    """Carry a drawn plan out; give the Execute that is left, and the cluster."""
    cluster = SimulatedCluster()
    for target in drawn.before:
        cluster.create(target)
    spec = EXECUTION.spec.model_copy(update={"mode": drawn.mode})
    metadata = ObjectMeta(name="nginx-exec-001", uid="u-1")
    execution = EXECUTION.model_copy(update={"spec": spec, "metadata": metadata})
    decision = decide_execute(execution, drawn.plan, drawn.workflows)
    assume(decision.rejection is None)
    attempts = iter(range(10_000))

    def act(stage: int, place: int, number: int) -> ActionOutcome:
        name = decision.state.stages[stage].workflows[place].workflow_ref.name
        return carry_out(cluster, planned(drawn, name)[number].action, fail=next(attempts) in drawn.failing)

    walk = Walk(decision.state, OperationType.EXECUTE, START)
    state = walk.run(act, decision.plan_policy, decision.stage_policies, decision.workflow_policies)
    return ended(execution, state), cluster


def outputs_of(action: Action, target: Target, uid: str) -> ActionOutputs:
    return ActionOutputs(**{row_of(action).outputs[0]: reference(target, uid)})


def carry_out(cluster: SimulatedCluster, action: Action, *, fail: bool) -> ActionOutcome:
    """Do what an action does; one that fails may have made its object all the same, as a crash may."""
    target, operation = target_of_action(action), operation_of(action)
    if target is None:
        answered = ActionOutputs(http_response=HttpResponse(status_code=200))
        return ActionOutcome(phase=Phase.FAILED if fail else Phase.SUCCEEDED, message="answered", outputs=answered)
    cleanup = cleanup_of(action, operation)
    if cleanup.before_create and target in cluster.objects:
        cluster.delete(target)
    outcome = _operate(cluster, action, operation, target, fail=fail)
    asked = cleanup.on_success if outcome.phase is Phase.SUCCEEDED else cleanup.on_failure
    if asked and outcome.created and target in cluster.objects:
        cluster.delete(target)
    return outcome


def _operate(
    cluster: SimulatedCluster, action: Action, operation: Operation, target: Target, *, fail: bool
) -> ActionOutcome:
    there = target in cluster.objects
    refused = ActionOutcome(phase=Phase.FAILED, message=action_messages.failed_to(operation, target.kind, "drawn"))
    if operation is Operation.DELETE:
        gone = outputs_of(action, target, cluster.delete(target)) if there and not fail else None
        done = ActionOutcome(phase=Phase.SUCCEEDED, message="deleted", operation=operation, outputs=gone)
        return refused if fail else done.model_copy(update={"created": False})
    if (operation is Operation.CREATE and there) or (operation is Operation.PATCH and not there):
        return refused
    if operation is Operation.REPLACE and there:
        cluster.delete(target)
    made = operation is Operation.REPLACE or not there
    uid = cluster.create(target) if made else cluster.objects[target]
    return ActionOutcome(
        phase=Phase.FAILED if fail else Phase.SUCCEEDED,
        message="drawn",
        operation=operation,
        created=made,
        outputs=outputs_of(action, target, uid),
    )


@dataclass
class Ledger:
    """What Reverts carried out with success: by place in the original, how often."""

    done: Counter[tuple[str, ...]] = field(default_factory=Counter)


def definition_of(drawn: Varied, workflow: str, custom: CustomRollback) -> Action:
    """Find what a step names, as an activity does."""
    action = drawn.workflows["default", workflow].spec.actions[custom.step.index]
    assert action.name == custom.step.action
    if custom.step.part is Part.ACTION:
        return action
    found = rollback_of(action)
    assert found is not None
    return found


def reverted(
    revert: DRPlanExecution,
    decision: RevertDecision,
    drawn: Varied,
    cluster: SimulatedCluster,
    now: datetime,
    failing: frozenset[int] = frozenset(),
    ledger: Ledger | None = None,
) -> DRPlanExecution:
    """Carry a Revert out; `failing` numbers the rollbacks that fail."""
    attempts = iter(range(10_000))

    def act(stage: int, place: int, number: int) -> ActionOutcome | None:
        step = decision.steps[stage][place][number]
        if step is None:
            return None
        fails = next(attempts) in failing
        if step.refusal is not None or fails:
            return ActionOutcome(phase=Phase.FAILED, message=step.refusal.message if step.refusal else "drawn")
        if step.custom is not None:
            name = decision.state.stages[stage].workflows[place].workflow_ref.name
            outcome = carry_out(cluster, definition_of(drawn, name, step.custom), fail=False)
            if ledger is not None and outcome.phase is Phase.SUCCEEDED:
                ledger.done[tuple(step.custom.step.mark.split("/")[1:])] += 1
            return outcome.model_copy(update={"reason": step.success, "message": worded(step.custom, outcome)})
        for deletion in step.deletions:
            if cluster.objects.get(deletion.target) == deletion.uid:
                cluster.delete(deletion.target)
        message = rollback_messages.rolled_back([deletion.target for deletion in step.deletions])
        return ActionOutcome(phase=Phase.SUCCEEDED, reason=step.success, message=message)

    return ended(revert, Walk(decision.state, OperationType.REVERT, now).run(act))


def worded(custom: CustomRollback, outcome: ActionOutcome) -> str:
    if outcome.phase is not Phase.SUCCEEDED:
        return rollback_messages.custom_rollback_failed(outcome.message)
    return (
        rollback_messages.hook_done(outcome.message)
        if custom.step.part is Part.ACTION
        else rollback_messages.CUSTOM_ROLLBACK_DONE
    )


Records = list[tuple[ActionStatus, PlannedAction]]


def records(drawn: Varied, original: DRPlanExecution, having: Callable[[Phase, Phase], bool]) -> Records:
    """Give the actions of parts whose stage's and own phases are so, with their definitions."""
    return [
        pair
        for stage in original.status.stages
        for node in stage.workflows
        if having(stage.phase, node.phase)
        for pair in zip(node.actions, planned(drawn, node.workflow_ref.name), strict=True)
    ]
