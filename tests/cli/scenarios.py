"""Executions as the bridge writes them, by its own code: each situation in which a person looks at the screen."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from api.execution import ExecutionStatus
from api.meta import ObjectName
from api.nodes import ActionStatus, StageStatus, WorkflowExecutionStatus
from api.objects import Target
from api.phases import ActionType, Operation, OperationType, Phase
from api.proof import ActionProof, Difference, ProofResult
from api.reasons import Reason
from api.requests import Pause
from api.runs import ProofReport, ProvedAction
from api.timing import Wait
from api.tree import RunState
from bridge.status import conditions
from bridge.status import execution as execution_status
from bridge.status.execution import StatusContext
from bridge.status.merge import Observation, RootRun, RunStatus
from planning.messages import actions as action_messages
from planning.messages import proof as proof_messages
from planning.messages import removal as removal_messages
from planning.messages import running as running_messages
from planning.messages import runs as run_messages
from planning.messages import tree as tree_messages
from planning.revert.proof import with_proof
from planning.status import rollup, transitions

BEGIN = datetime(2026, 2, 3, 10, 10, tzinfo=UTC)
NOW = BEGIN + timedelta(seconds=100)
REVERT = OperationType.REVERT
Object = dict[str, Any]


def action(
    name: str, phase: Phase = Phase.SUCCEEDED, reason: Reason | None = Reason.ROLLED_BACK, message: str = ""
) -> ActionStatus:
    said = message or (f"Rolled back: deleted Localization {name}" if phase is Phase.SUCCEEDED else None)
    ended = phase in (Phase.SUCCEEDED, Phase.FAILED)
    return ActionStatus(
        name=name,
        type=ActionType.LOCALIZATION,
        phase=phase,
        reason=reason if phase is not Phase.PENDING else None,
        message=said,
        start_time=BEGIN if ended or phase is Phase.RUNNING else None,
        completion_time=BEGIN + timedelta(seconds=8) if ended else None,
    )


def never(name: str, after: str) -> ActionStatus:
    cause = tree_messages.not_attempted_after(REVERT, after)
    return action(name, Phase.SKIPPED, cause.reason, cause.message)


def failed(name: str, reason: Reason, words: str) -> ActionStatus:
    return action(name, Phase.FAILED, reason, action_messages.failed_to(Operation.DELETE, "Localization", words))


def workflow(name: str, *actions: ActionStatus, operation: OperationType = REVERT) -> WorkflowExecutionStatus:
    phase = _phase([each.phase for each in actions])
    end = rollup.part_end(phase, operation, "Workflow", [(each.name, each.phase) for each in actions])
    done = sum(each.phase is Phase.SUCCEEDED for each in actions)
    progress = running_messages.progress(operation, done, len(actions))
    node = WorkflowExecutionStatus(workflow_ref=ObjectName(name=name), action_statuses=list(actions), phase=phase)
    return node.model_copy(update={**end, **_times(phase), "progress": progress})


def stage(name: str, *workflows: WorkflowExecutionStatus, operation: OperationType = REVERT) -> StageStatus:
    phase = _phase([each.phase for each in workflows])
    end = rollup.part_end(phase, operation, "Stage", [(each.workflow_ref.name, each.phase) for each in workflows])
    node = StageStatus(name=name, workflow_executions=list(workflows), phase=phase)
    return node.model_copy(update={**end, **_times(phase)})


def _phase(phases: list[Phase]) -> Phase:
    if all(phase is Phase.PENDING for phase in phases):
        return Phase.PENDING
    return Phase.SKIPPED if all(phase is Phase.SKIPPED for phase in phases) else rollup.rollup(phases)


def _times(phase: Phase) -> Object:
    if phase in (Phase.PENDING, Phase.SKIPPED):
        return {}
    end = BEGIN + timedelta(seconds=90) if phase.terminal else None
    return {"start_time": BEGIN, "completion_time": end, "duration": "1m30s" if end else None}


def _context(operation: OperationType) -> StatusContext:
    original = "shop-move" if operation is REVERT else ""
    name = "shop-back" if operation is REVERT else "shop-move"
    return StatusContext(operation=operation, generation=1, now=NOW, name=name, plan="shop", original=original)


RUN = RootRun(workflow_id="revert/default/shop-back/7f3a", run_id="0191", status=RunStatus.OPEN, start_time=BEGIN)


def _ended(*stages: StageStatus, operation: OperationType = REVERT, **more: Any) -> Object:
    phase = rollup.rollup(each.phase for each in stages)
    state = RunState(phase=phase, stage_statuses=list(stages), start_time=BEGIN, **more)
    message = rollup.plan_message(phase, operation, state)
    end = {"message": message, "completion_time": BEGIN + timedelta(seconds=90)}
    state = transitions.with_counts(state.model_copy(update=end))
    run = RUN.model_copy(update={"state": state, "status": RunStatus.COMPLETED})
    return _object(execution_status.closed(ExecutionStatus(), run, _context(operation)), operation)


def _object(status: ExecutionStatus, operation: OperationType = REVERT) -> Object:
    spec = {"planRef": "shop", "operationType": operation.value}
    name = "shop-back" if operation is REVERT else "shop-move"
    return {
        "apiVersion": "dr.bkbcs.tencent.com/v1alpha1",
        "kind": "DRPlanExecution",
        "metadata": {"name": name, "namespace": "default", "creationTimestamp": "2026-02-03T10:09:59Z"},
        "spec": {**spec, **({"revertExecutionRef": "shop-move"} if operation is REVERT else {})},
        "status": status.to_object(),
    }


def _failing(reason: Reason, words: str, *, standing: bool = True) -> Object:
    broken = workflow("traffic", action("switch-dns"), failed("loc-b", reason, words), never("loc-a", "loc-b"))
    stages = [stage("verify", workflow("probe", action("probe-east"), action("probe-west"))), stage("move", broken)]
    left = ["Localization default/loc-b", "Localization default/loc-a"] if standing else []
    return _ended(*stages, not_deleted=left)


def _running() -> RunState:
    busy = workflow(
        "traffic",
        action("switch-dns"),
        action("loc-b", Phase.RUNNING, None, "Waiting for Localization default/loc-b to be gone"),
        action("loc-a", Phase.PENDING),
    )
    done = stage("verify", workflow("probe", action("probe-east"), action("probe-west")))
    state = RunState(phase=Phase.RUNNING, start_time=BEGIN, stage_statuses=[done, stage("move", busy)])
    return transitions.with_counts(state)


def success() -> Object:
    both = workflow("traffic", action("loc-b"), action("loc-a"))
    return _ended(stage("verify", workflow("probe", action("probe"))), stage("move", both))


SAME = ActionProof()
HTTP = ActionProof(result=ProofResult.NOT_APPLICABLE)


def _proved(soak: timedelta | None = None, **proofs: ActionProof) -> Object:
    """A Revert that succeeded, with what its proof found of each action."""
    moved = workflow("traffic", action("loc-b"), action("loc-a"))
    stages = [stage("verify", workflow("probe", action("probe"))), stage("move", moved)]
    places = {"probe": ("verify", "default/probe"), "loc_b": ("move", "default/traffic")}
    found = [
        ProvedAction(stage=place[0], workflow=place[1], action=name.replace("_", "-"), proof=proof)
        for name, proof in proofs.items()
        for place in [places.get(name, places["loc_b"])]
    ]
    tree = with_proof(RunState(stage_statuses=stages), ProofReport(actions=found), NOW, soak)
    return _ended(*tree.stages, proof=tree.proof)


def verified() -> Object:
    return _proved(timedelta(hours=1), probe=HTTP, loc_a=SAME, loc_b=SAME)


def differs() -> Object:
    target = Target(api_version="apps.clusternet.io/v1alpha1", kind="Localization", name="loc-b", namespace="default")
    fields = ["metadata.labels", "spec.overrides[image].value"]
    changed = ActionProof(
        result=ProofResult.DIFFERS,
        difference=Difference.CHANGED,
        fields=fields,
        message=proof_messages.changed(target, fields),
    )
    unread = ActionProof(
        result=ProofResult.UNREADABLE,
        message=proof_messages.unreadable(target.model_copy(update={"name": "loc-a"}), "localizations is forbidden"),
    )
    return _proved(probe=HTTP, loc_a=unread, loc_b=changed)


def missing_object() -> Object:
    words = 'localizations.apps.clusternet.io "loc-b" not found: it was gone before this Revert began'
    return _failing(Reason.NOT_FOUND, words)


def finalizer() -> Object:
    target = Target(api_version="apps.clusternet.io/v1alpha1", kind="Localization", name="loc-b", namespace="default")
    words = removal_messages.still_there(target, "5m", ["apps.clusternet.io/finalizer", "example.com/hold"])
    return _failing(Reason.DELETION_TIMED_OUT, words)


def forbidden() -> Object:
    words = (
        'localizations.apps.clusternet.io "loc-b" is forbidden: User "system:serviceaccount:default:shop" cannot '
        'delete resource "localizations" in API group "apps.clusternet.io" in the namespace "default"'
    )
    return _failing(Reason.FORBIDDEN, words)


def webhook_denies() -> Object:
    words = (
        'admission webhook "guard.example.com" denied the request: localizations of the shop are frozen until the '
        "change board has met on Monday; ask the network team (network@example.com) for an exception, and name the "
        "ticket CHG-20260203 in the annotation example.com/ticket of the object before you try again"
    )
    return _failing(Reason.FORBIDDEN, words)


def worker_gone() -> Object:
    first = execution_status.running(ExecutionStatus(), RUN, Observation(state=_running()), _context(REVERT))
    away = _context(REVERT).model_copy(update={"now": NOW - timedelta(seconds=12)})
    return _object(execution_status.running(first, RUN, Observation(answered=False), away))


def engine_gone() -> Object:
    first = execution_status.running(ExecutionStatus(), RUN, Observation(state=_running()), _context(REVERT))
    away = _context(REVERT).model_copy(update={"now": NOW - timedelta(seconds=75)})
    return _object(execution_status.unreachable(first, "UNAVAILABLE: connection refused", away))


def paused() -> Object:
    """A person paused the run, in which a failed action waits for a decision."""
    words = 'configmaps "dns" is forbidden: exceeded quota: shop, requested: count/configmaps=1, used: 10, limited: 10'
    said = action_messages.failed_to(Operation.DELETE, "Localization", words)
    since = [Wait(since=BEGIN + timedelta(seconds=8))]
    waits = action("loc-b", Phase.RUNNING, Reason.AWAITING_DECISION, said).model_copy(update={"waits": since})
    busy = workflow("traffic", action("switch-dns"), waits, action("loc-a", Phase.PENDING))
    state = RunState(
        phase=Phase.RUNNING,
        start_time=BEGIN,
        stage_statuses=[stage("move", busy)],
        paused=Pause(by="ada", reason="the network team looks at it", since=NOW - timedelta(seconds=70)),
    )
    seen = Observation(state=transitions.with_counts(state))
    return _object(execution_status.running(ExecutionStatus(), RUN, seen, _context(REVERT)))


def plan_locked() -> Object:
    message = run_messages.waiting_for_lock(ObjectName(name="shop-move", namespace="default"), "shop", 1)
    waits = execution_status.waiting(ExecutionStatus(), conditions.WAITING_FOR_PLAN, message, _context(REVERT))
    return _object(waits)


def partly_executed() -> Object:
    execute = OperationType.EXECUTE
    after = tree_messages.not_attempted_after(execute, "loc-b")
    broken = action("loc-b", Phase.FAILED, Reason.TIMED_OUT, "Failed to create Localization: no answer within 5m")
    made = action("loc-a", message="Created Localization loc-a")
    skipped = action("dns", Phase.SKIPPED, after.reason, after.message)
    first = workflow("prepare", action("backup", message="Created Job backup"), operation=execute)
    second = workflow("traffic", made, broken, skipped, operation=execute)
    return _ended(
        stage("prepare", first, operation=execute), stage("move", second, operation=execute), operation=execute
    )


def two_hundred_actions() -> Object:
    done = [
        stage(f"region-{number}", *(workflow(f"app-{app}", *_ten(app)) for app in range(5))) for number in range(1, 3)
    ]
    words = 'admission webhook "guard.example.com" denied the request: frozen'
    names = [f"loc-{place}" for place in range(10)]
    actions = [*map(action, names[:6]), failed(names[6], Reason.FORBIDDEN, words)]
    actions += [never(name, names[6]) for name in names[7:]]
    cause = tree_messages.not_attempted_after(REVERT, names[6])
    skipped = [action(f"loc-{place}", Phase.SKIPPED, cause.reason, cause.message) for place in range(10)]
    broken = [
        workflow("app-0", *_ten(0)),
        workflow("app-1", *actions),
        *(workflow(f"app-{n}", *skipped) for n in (2, 3)),
    ]
    rest = [stage("region-4", *(workflow(f"app-{app}", *skipped) for app in range(6)))]
    left = [f"Localization shop/loc-{place}" for place in range(60)]
    return _ended(*done, stage("region-3", *broken), *rest, not_deleted=left)


def _ten(app: int) -> list[ActionStatus]:
    return [action(f"loc-{app}-{place}") for place in range(10)]


SCENARIOS: dict[str, Callable[[], Object]] = {
    each.__name__.replace("_", "-"): each
    for each in (
        success,
        verified,
        differs,
        missing_object,
        finalizer,
        forbidden,
        webhook_denies,
        worker_gone,
        engine_gone,
        plan_locked,
        paused,
        partly_executed,
        two_hundred_actions,
    )
}
