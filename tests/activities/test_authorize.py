"""What an activity may do is what its execution records, whatever its input says."""

import dataclasses
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

import activities.authorize
from activities.attempt import RunningAttempt, run_attempt
from activities.authorize import Impersonation, InputT, RunAuthorizer
from activities.errors import ActionError
from activities.store import SnapshotStore
from activities.temporal_runs import RootRecord, RunUnknownError
from api.attempts import (
    ActionOutcome,
    AttemptFailure,
    ExecuteInput,
    Heartbeat,
    LedgerInput,
    ObserveInput,
    RollbackInput,
)
from api.decisions import RevertDecision
from api.execution import DRPlanExecution
from api.failures import FailureType
from api.ledger import WorkflowRecord
from api.meta import ACCEPTED_ANNOTATION, API_VERSION, CREATED_BY_ANNOTATION, FINALIZER, ObjectKey, ObjectName
from api.nodes import ActionOutputs, ActionStatus, HttpResponse, SnapshotRef, StageStatus, WorkflowExecutionStatus
from api.objects import Actor, Target
from api.phases import Operation, OperationType, Phase
from api.plan import DRPlanSpec
from api.runs import ProofInput, RehearsalInput, RunInput
from api.snapshot import (
    DecidedSteps,
    Snapshot,
    SnapshotDefinition,
    SnapshotParameters,
    SnapshotPlan,
    SnapshotStage,
    SnapshotUse,
    SnapshotWorkflow,
    StoredDecision,
)
from api.steps import Attempts, CustomRollback, Deletion, ExecuteStep, Origin, Part, Restoration, RollbackStep
from api.tree import RunState
from kube.client import Cluster
from kube.errors import NotFoundError
from planning.snapshot.decision import Decision, decision_documents, read_steps
from tests.activities.live_namespace import Object
from tests.manifests import dr_plan, makes_config_map, stage
from workflows.converter import DATA_CONVERTER

KEY = ObjectKey(namespace="team-a", name="run", uid="uid-run")
ROOT = "execute/team-a/run/uid-run"
SNAPSHOT = SnapshotRef(name="drplan-snapshot", sha256="abc")
ENGINE = {"workflowId": ROOT, "runId": "first"}
STORED = {"name": SNAPSHOT.name, "sha256": SNAPSHOT.sha256}
RECORDED = {"engine": ENGINE, "snapshot": STORED, "summary": {}, "serviceAccountName": "of-somebodys-choice"}


def execution(status: Object, operation: str = "Execute", **metadata: Any) -> Object:
    meta = {
        "name": KEY.name,
        "namespace": KEY.namespace,
        "uid": KEY.uid,
        "annotations": {ACCEPTED_ANNOTATION: KEY.uid},
        "finalizers": [FINALIZER],
        **metadata,
    }
    spec = {"planRef": "shop", "operationType": operation}
    if operation == "Revert":
        spec["revertExecutionRef"] = "original"
    return {"apiVersion": API_VERSION, "kind": "DRPlanExecution", "metadata": meta, "spec": spec, "status": status}


def locked_plan(uid: str | None = KEY.uid, **spec: Any) -> Object:
    """A plan whose lock names the execution with this uid."""
    lock = {"name": KEY.name, "namespace": KEY.namespace, "uid": uid}
    return {**dr_plan("shop", stage("s", "team-a", "w"), **spec), "status": {"currentExecution": lock}}


class OneExecution:
    """A cluster that holds one execution, in one state after the other, the last one stays; and its plan."""

    def __init__(self, *states: Object, plan: Object | None = None) -> None:
        self.states, self.reads, self.plan = list(states), 0, plan

    async def get(self, *asked: object) -> Object:
        if isinstance(target := asked[0], Target) and target.kind == "DRPlan":
            if self.plan is None:
                raise NotFoundError("not found", 404, "NotFound")
            return self.plan
        self.reads += 1
        if not self.states:
            raise NotFoundError("not found", 404, "NotFound")
        return self.states.pop(0) if len(self.states) > 1 else self.states[0]


class Runs:
    """A Temporal that knows these runs: the root of every activity, and the chains of resets."""

    def __init__(self, root: RootRecord | None, **first: str) -> None:
        self._root, self._first = root, first

    async def root_of(self, workflow_id: str, run_id: str) -> RootRecord:
        if self._root is None:
            raise RunUnknownError("no such run")
        return self._root

    async def first_run_id(self, workflow_id: str, run_id: str) -> str:
        return self._first[run_id]


@dataclass
class Stored:
    """What is stored for the execution: definitions whose plan names this account, and a decision."""

    recorded: str | None = "deployer"
    named: str | None = None
    decision_of: RevertDecision | None = None
    again: RevertDecision | None = None
    """What was decided again, in the document `drplan-again`."""

    async def root(self, *_: object) -> Snapshot:
        spec = DRPlanSpec.model_validate(dr_plan("shop", stage("s", "team-a", "w"))["spec"])
        spec = spec.model_copy(update={"service_account_name": self.named})
        plan = SnapshotPlan(namespace=KEY.namespace, name="shop", uid="u", generation=1, spec=spec)
        ref = SnapshotRef(name="drplan-flow", sha256="w")
        flow = SnapshotWorkflow(namespace="team-a", name="w", uid="u", generation=1, revision=ref)
        return Snapshot(
            plan=plan,
            parameters_of=[],
            workflows=[flow],
            parameters=[SnapshotParameters()],
            stages=[SnapshotStage(name="s", uses=[SnapshotUse(workflow=0, parameters=0)])],
            service_account_name=self.recorded,
        )

    async def definition(self, *_: object) -> SnapshotDefinition:
        actions = [makes_config_map("a", "team-a"), makes_config_map("b", "team-a", when='mode == "Install"')]
        return SnapshotDefinition.model_validate({"spec": {"actions": actions}})

    async def decision(self, execution: ObjectKey, ref: SnapshotRef) -> Decision:
        decided = self.again if ref.name == "drplan-again" else self.decision_of
        assert decided is not None
        documents = decision_documents(execution, decided, self.recorded)
        (first, digests), *others = [
            read_steps(StoredDecision if each is documents[-1] else DecidedSteps, each.ref, each.data)
            for each in documents[::-1]
        ]
        assert isinstance(first, StoredDecision)
        return Decision(first.service_account_name, first.snapshot, (digests, *(found for _, found in others)))


def root(
    run_id: str = "first", workflow_id: str = ROOT, operation: OperationType = OperationType.EXECUTE
) -> RootRecord:
    return RootRecord(workflow_id, run_id, "Root", RunInput(execution=KEY, plan="shop", operation=operation))


def asked(**changes: Any) -> ExecuteInput:
    step = ExecuteStep(index=0, action="a", mark="uid-run/s/w/a", title="a")
    origin = Origin(execution=KEY, snapshot=SNAPSHOT, stage="s")
    given = ExecuteInput(dr_workflow=ObjectName(name="w"), step=step, actor=Actor(), origin=origin)
    return given.model_copy(update=changes)


async def authorized(
    cluster: OneExecution,
    runs: Runs,
    request: InputT | None = None,
    impersonation: Impersonation | None = None,
    stored: Stored | None = None,
    **info: Any,
) -> Actor:
    """Return in whose name the action is carried out. Raises what Temporal gets."""
    authorizer = RunAuthorizer(
        cast(Cluster, cluster), cast(SnapshotStore, stored or Stored()), runs, impersonation or Impersonation()
    )

    async def activity(given: InputT) -> Actor:
        attempt = RunningAttempt(given.step.attempts)
        actors: list[Actor] = []

        async def work(authorized: InputT) -> ActionOutcome:
            actors.append(authorized.actor)
            return ActionOutcome(phase=Phase.SUCCEEDED, message="")

        await run_attempt(attempt, lambda: authorizer.action(given, attempt), work)
        return actors[0]

    environment = ActivityEnvironment()
    environment.info = dataclasses.replace(environment.info, **info)
    environment.payload_converter = DATA_CONVERTER.payload_converter
    given: Any = request or asked()
    return await environment.run(activity, given)


async def refusal(*arguments: Any, reason: FailureType = FailureType.UNTRUSTED_RUN, **more: Any) -> str:
    with pytest.raises(ApplicationError) as caught:
        await authorized(*arguments, **more)
    assert caught.value.non_retryable
    assert caught.value.type == reason
    return caught.value.message


async def test_an_action_acts_as_the_account_that_was_stored_and_not_as_one_in_the_status() -> None:
    actor = await authorized(OneExecution(execution(RECORDED)), Runs(root()))
    assert actor.user == "system:serviceaccount:team-a:deployer"
    own = await authorized(OneExecution(execution(RECORDED)), Runs(root()), impersonation=Impersonation(enabled=False))
    assert own.user is None


async def test_an_actor_in_the_input_is_compared_and_never_believed() -> None:
    same = asked(actor=Actor(user="system:serviceaccount:team-a:deployer"))
    assert await authorized(OneExecution(execution(RECORDED)), Runs(root()), same)
    other = asked(actor=Actor(user="system:serviceaccount:team-b:rich"))
    message = await refusal(OneExecution(execution(RECORDED)), Runs(root()), other)
    assert message == "refused: DRPlanExecution team-a/run does not act as system:serviceaccount:team-b:rich"


@pytest.mark.parametrize(
    ("record", "words"),
    [
        (RootRecord("pwned", "first", "ExecuteWorkflow", None), "no DRPlanExecution started the workflow pwned"),
        (root(workflow_id="pwned"), "the workflow pwned is not the run of DRPlanExecution team-a/run"),
        (root(run_id="again"), f"the workflow {ROOT} (run again) is not the run of"),
        (root(workflow_id="revert/team-a/run/uid-run", operation=OperationType.REVERT), "asks for another plan or"),
    ],
)
async def test_a_workflow_that_somebody_started_by_hand_does_nothing(record: RootRecord, words: str) -> None:
    runs = Runs(record, again="again", first="first")
    assert words in await refusal(OneExecution(execution(RECORDED)), runs)


async def test_a_run_of_a_preview_carries_nothing_out() -> None:
    preview = execution(RECORDED)
    preview["spec"]["dryRun"] = True
    assert "asks for another plan or" in await refusal(OneExecution(preview), Runs(root()))


async def test_an_activity_of_no_workflow_does_nothing() -> None:
    message = await refusal(OneExecution(execution(RECORDED)), Runs(root()), workflow_id=None, workflow_run_id=None)
    assert message == "refused: no workflow asked for this"


@pytest.mark.parametrize(
    "origin",
    [
        Origin(execution=KEY.model_copy(update={"uid": "of another"}), snapshot=SNAPSHOT),
        Origin(execution=KEY, snapshot=SNAPSHOT.model_copy(update={"sha256": "other"})),
    ],
)
async def test_definitions_are_those_that_the_execution_records(origin: Origin) -> None:
    message = await refusal(OneExecution(execution(RECORDED)), Runs(root()), asked(origin=origin))
    assert message == "refused: DRPlanExecution team-a/run does not record the definitions drplan-snapshot"


def part(**changes: Any) -> ExecuteInput:
    return asked(step=asked().step.model_copy(update=changes))


@pytest.mark.parametrize(
    ("request_", "mode", "allowed"),
    [
        (part(), "Install", True),
        (part(), None, True),
        (part(index=1), "Install", True),
        (part(index=1), "Upgrade", False),
        (part(index=2), "Install", False),
        (part(index=-1), "Install", False),
        (part(part=Part.INVERSE), "Delete", True),
        (part(part=Part.INVERSE), "Install", False),
        (part(), "Delete", False),
        (part(part=Part.ROLLBACK), "Install", False),
        (part(mark="uid-of-another/s/w/a"), "Install", False),
        (asked(origin=Origin(execution=KEY, snapshot=SNAPSHOT, stage="other")), "Install", False),
        (asked(origin=Origin(execution=KEY, snapshot=SNAPSHOT, stage="s", workflow=1)), "Install", False),
    ],
)
async def test_an_execute_runs_what_its_definitions_say_in_its_mode(
    request_: ExecuteInput, mode: str | None, allowed: bool
) -> None:
    state = execution(RECORDED)
    state["spec"]["mode"] = mode
    if allowed:
        assert await authorized(OneExecution(state), Runs(root()), request_)
    else:
        message = await refusal(OneExecution(state), Runs(root()), request_, reason=FailureType.UNTRUSTED_STEP)
        assert message == "refused: DRPlanExecution team-a/run did not decide on this step"


async def test_a_definition_without_an_origin_is_refused_with_a_remedy() -> None:
    message = await refusal(OneExecution(execution(RECORDED)), Runs(root()), asked(origin=None))
    assert message == (
        "refused: this run of DRPlanExecution team-a/run does not say where its definitions are stored;"
        " create a new execution"
    )


async def test_a_run_that_was_reset_is_the_same_run_before_and_after_the_bridge_records_it() -> None:
    runs = Runs(root(run_id="second"), first="first", second="first")
    assert await authorized(OneExecution(execution(RECORDED)), runs)
    after = {**RECORDED, "engine": {**ENGINE, "runId": "second"}}
    former_child = Runs(root(run_id="first"), first="first", second="first")
    assert await authorized(OneExecution(execution(after)), former_child)


async def test_what_the_bridge_has_not_recorded_yet_is_waited_for() -> None:
    forged = {**RECORDED, "engine": {"workflowId": "execute/team-a/other/uid-other", "runId": "first"}}
    states = [execution({}), execution(forged), execution({"engine": ENGINE}), execution(RECORDED)]
    cluster = OneExecution(*states)
    assert (await authorized(cluster, Runs(root()))).user == "system:serviceaccount:team-a:deployer"
    assert cluster.reads == 4


@pytest.mark.parametrize(("after", "told"), [(60.0, False), (0.0, True)], ids=["a moment", "longer"])
async def test_only_a_wait_that_lasts_is_told_to_temporal(
    monkeypatch: pytest.MonkeyPatch, after: float, told: bool
) -> None:
    monkeypatch.setattr(activities.authorize, "_SHOWN_AFTER", after)
    cluster, beats = OneExecution(execution({}), execution(RECORDED)), list[Heartbeat]()
    authorizer = RunAuthorizer(cast(Cluster, cluster), cast(SnapshotStore, Stored()), Runs(root()), Impersonation())
    environment = ActivityEnvironment()
    environment.on_heartbeat = beats.append

    async def act(given: ExecuteInput) -> None:
        await authorizer.action(given, RunningAttempt(given.step.attempts))

    await environment.run(act, asked())
    assert [bool(beat.waiting_for) for beat in beats] == [True] * told


async def test_an_acceptance_that_was_altered_is_waited_for_until_the_bridge_puts_it_back() -> None:
    altered = execution(RECORDED, annotations={ACCEPTED_ANNOTATION: "of another"})
    cluster = OneExecution(altered, altered, execution(RECORDED))
    assert await authorized(cluster, Runs(root()))
    assert cluster.reads == 3


@pytest.mark.parametrize(
    ("state", "known"),
    [({}, True), ({}, False), ({**RECORDED, "phase": "Succeeded"}, True)],
    ids=["no record", "no Temporal", "reset after its end"],
)
async def test_a_wait_that_takes_long_is_neither_an_error_nor_a_lost_attempt(
    monkeypatch: pytest.MonkeyPatch, state: Object, known: bool
) -> None:
    monkeypatch.setattr(activities.authorize, "_LONGEST_WAIT", 0.1)
    with pytest.raises(ApplicationError) as caught:
        await authorized(OneExecution(execution(state)), Runs(root() if known else None))
    assert not caught.value.non_retryable
    assert caught.value.type == FailureType.TRANSIENT
    [failure] = caught.value.details
    assert isinstance(failure, AttemptFailure)
    assert (failure.errors, failure.not_begun) == (0, 1)


async def test_an_execution_that_is_gone_ends_the_action() -> None:
    with pytest.raises(ApplicationError, match="no longer exists") as caught:
        await authorized(OneExecution(), Runs(root()))
    assert caught.value.non_retryable


async def test_many_actions_of_one_run_read_its_execution_once() -> None:
    cluster = OneExecution(execution(RECORDED))
    authorizer = RunAuthorizer(cast(Cluster, cluster), cast(SnapshotStore, Stored()), Runs(root()), Impersonation())

    async def actions(given: ExecuteInput) -> None:
        attempt = RunningAttempt(given.step.attempts)
        for _ in range(50):
            await authorizer.action(given, attempt)

    await ActivityEnvironment().run(actions, asked())
    assert cluster.reads == 1


@pytest.mark.parametrize(
    ("stored", "account"),
    [(Stored(None, "named"), "named"), (Stored("recorded", "named"), "recorded"), (Stored(None), "fallback")],
)
async def test_what_an_older_release_stored_names_the_account_of_the_plan_or_none(stored: Stored, account: str) -> None:
    actor = await authorized(
        OneExecution(execution(RECORDED)), Runs(root()), impersonation=Impersonation("fallback"), stored=stored
    )
    assert actor.user == f"system:serviceaccount:team-a:{account}"


# An action of a Revert.

REVERT = "revert/team-a/run/uid-run"
REVERTING = {**RECORDED, "engine": {**ENGINE, "workflowId": REVERT}, "decision": {"name": "drplan-d", "sha256": "d"}}
APP = Target(api_version="v1", kind="ConfigMap", name="app", namespace="team-a")
DELETION = RollbackStep(deletions=[Deletion(target=APP, uid="uid-of-app")])
FLOW = ObjectName(name="w", namespace="team-a")
UNDO = RollbackStep(
    custom=CustomRollback(step=ExecuteStep(index=0, action="b", mark="m/b", title="b", part=Part.ROLLBACK))
)
RESTORES = Restoration(
    target=APP,
    uid="uid-of-app",
    operation=Operation.PATCH,
    execution=KEY,
    record=SnapshotRef(name="drplan-before", sha256="b"),
    mark="uid-original/s/w/a",
)
RESTORATION = RollbackStep(restoration=RESTORES)
ORIGIN = Origin(execution=KEY, snapshot=SNAPSHOT)


def decided_steps(*steps: RollbackStep) -> RevertDecision:
    """Return the decision of a Revert of two DRWorkflows, the second of which has these steps."""
    actions = [ActionStatus(name=str(index), phase=Phase.PENDING) for index in range(len(steps))]
    nodes = [
        WorkflowExecutionStatus(workflow_ref=FLOW, phase=Phase.PENDING, action_statuses=of) for of in ([], actions)
    ]
    stage = StageStatus(name="s", phase=Phase.PENDING, workflow_executions=nodes)
    state = RunState(phase=Phase.PENDING, stage_statuses=[stage])
    return RevertDecision(state=state, steps=[[[], [*steps]]], origin=ORIGIN)


DECIDED = Stored(decision_of=decided_steps(DELETION, UNDO, RESTORATION))
THERE = ORIGIN.model_copy(update={"stage": "s", "workflow": 0})


def rolls_back(step: RollbackStep = DELETION, **changes: Any) -> RollbackInput:
    place = {"dr_workflow": FLOW, "origin": THERE} if step.custom else {}
    return RollbackInput(step=step, actor=Actor(), **{**place, **changes})


def reverting(status: Object = REVERTING) -> tuple[OneExecution, Runs]:
    runs = Runs(root(workflow_id=REVERT, operation=OperationType.REVERT), first="first", second="first")
    return OneExecution(execution(status, "Revert")), runs


@pytest.mark.parametrize(
    "step", [DELETION, UNDO, RESTORATION], ids=["a deletion", "a custom rollback", "a restoration"]
)
async def test_a_step_that_was_decided_is_carried_out_as_the_account_that_was_decided(step: RollbackStep) -> None:
    look = ObserveInput.model_validate(rolls_back(step).model_dump())
    actor = await authorized(*reverting(), look, stored=DECIDED)
    assert actor == await authorized(*reverting(), rolls_back(step), stored=DECIDED)
    assert actor.user == "system:serviceaccount:team-a:deployer"


def changed(step: RollbackStep, **changes: Any) -> RollbackStep:
    return step.model_copy(update=changes)


def undoes(**changes: Any) -> RollbackStep:
    assert UNDO.custom is not None
    custom: dict[str, Any] = {name: changes.pop(name) for name in ("outputs", "phases") if name in changes}
    step = UNDO.custom.step.model_copy(update=changes)
    return RollbackStep(custom=UNDO.custom.model_copy(update={"step": step, **custom}))


def restores(**changes: Any) -> RollbackStep:
    return RollbackStep(restoration=RESTORES.model_copy(update=changes))


VICTIM = APP.model_copy(update={"name": "victim"})


@pytest.mark.parametrize(
    "request_",
    [
        rolls_back(RollbackStep(deletions=[Deletion(target=APP, uid="uid-of-another")])),
        rolls_back(RollbackStep(deletions=[Deletion(target=VICTIM, uid="uid-of-app")])),
        rolls_back(RollbackStep(deletions=[*DELETION.deletions, Deletion(target=VICTIM, uid="uid-of-victim")])),
        rolls_back(RollbackStep(deletions=[Deletion(target=APP, uid="uid-of-app", foreground=True)])),
        rolls_back(changed(DELETION, custom=UNDO.custom), dr_workflow=FLOW, origin=THERE),
        rolls_back(RollbackStep()),
        rolls_back(restores(record=SnapshotRef(name="drplan-other", sha256="b"))),
        rolls_back(restores(execution=KEY.model_copy(update={"uid": "another"}))),
        rolls_back(restores(target=VICTIM)),
        rolls_back(restores(mark="m")),
        rolls_back(undoes(part=Part.ACTION)),
        rolls_back(undoes(index=1)),
        rolls_back(undoes(mark="uid-of-another/s/w/b")),
        rolls_back(undoes(outputs={"a": ActionOutputs(http_response=HttpResponse(status_code=200, body="victim"))})),
        rolls_back(undoes(phases={"a": Phase.SUCCEEDED})),
        rolls_back(UNDO, dr_workflow=ObjectName(name="other", namespace="team-a")),
        rolls_back(UNDO, origin=THERE.model_copy(update={"workflow": 1})),
        rolls_back(UNDO, origin=THERE.model_copy(update={"stage": "other"})),
        rolls_back(UNDO, origin=None),
        ObserveInput(step=RollbackStep(deletions=[Deletion(target=VICTIM, uid="u")]), actor=Actor()),
        asked(origin=THERE),
    ],
)
async def test_a_step_that_was_not_decided_is_refused_with_a_reason_of_its_own(
    request_: RollbackInput | ObserveInput | ExecuteInput,
) -> None:
    message = await refusal(*reverting(), request_, reason=FailureType.UNTRUSTED_STEP, stored=DECIDED)
    assert message == "refused: DRPlanExecution team-a/run did not decide on this step"


async def test_a_step_that_was_decided_again_is_that_of_the_document_which_the_worker_stored() -> None:
    other = RollbackStep(deletions=[Deletion(target=VICTIM, uid="uid-of-victim")])
    stored = Stored(decision_of=decided_steps(DELETION), again=decided_steps(other))
    again = SnapshotRef(name="drplan-again", sha256="a")
    assert await authorized(*reverting(), rolls_back(other, decided_again=again), stored=stored)
    for request in (rolls_back(other), rolls_back(DELETION, decided_again=again)):
        await refusal(*reverting(), request, reason=FailureType.UNTRUSTED_STEP, stored=stored)


async def test_a_step_of_a_revert_is_no_step_of_an_execute() -> None:
    cluster = OneExecution(execution(RECORDED))
    await refusal(cluster, Runs(root()), rolls_back(), reason=FailureType.UNTRUSTED_STEP, stored=DECIDED)


async def test_a_custom_rollback_comes_from_the_definitions_that_were_decided_on() -> None:
    other = THERE.model_copy(update={"snapshot": SnapshotRef(name="drplan-other", sha256="o")})
    named = {**REVERTING, "snapshot": {"name": "drplan-other", "sha256": "o"}}
    assert "does not record the definitions drplan-other" in await refusal(
        *reverting(named), rolls_back(UNDO, origin=other), stored=DECIDED
    )


async def test_a_run_that_was_reset_and_decided_again_waits_until_that_is_recorded() -> None:
    cluster, _ = reverting()
    again = root("second", REVERT, OperationType.REVERT)
    request = rolls_back(RollbackStep(deletions=[Deletion(target=APP, uid="created again")]))
    with pytest.raises(ApplicationError, match="does not name this run yet") as caught:
        await authorized(cluster, Runs(again, first="first", second="first"), request, stored=DECIDED)
    assert not caught.value.non_retryable


async def test_a_revert_of_several_executions_waits_until_the_decision_on_the_next_one_is_recorded() -> None:
    cluster, runs = reverting()
    cluster.states[0]["spec"]["revertTo"] = "first"
    request = rolls_back(RollbackStep(deletions=[Deletion(target=APP, uid="of the next one")]))
    with pytest.raises(ApplicationError, match="does not name this run yet") as caught:
        await authorized(cluster, runs, request, stored=DECIDED)
    assert not caught.value.non_retryable
    assert await authorized(cluster, runs, rolls_back(), stored=DECIDED)


# A Revert that an older release decided, which stored no decision.

UNDECIDED = {key: value for key, value in REVERTING.items() if key != "decision"}


class WithOriginal(OneExecution):
    """A cluster that holds the original, the plan, and an object with this mark as well."""

    def __init__(
        self,
        status: Object,
        *,
        account: str | None = None,
        mark: str | None = None,
        typed: bool = True,
        uid: str | None = KEY.uid,
    ) -> None:
        spec = {"serviceAccountName": account} if account else {}
        super().__init__(execution(status, "Revert"), plan=locked_plan(uid, **spec))
        reference = {"apiVersion": "v1", "kind": "ConfigMap", "name": "app", "namespace": "team-a", "uid": "uid-of-app"}
        record = {"name": "a", "phase": "Succeeded", "outputs": {"resourceRef": reference}}
        type_ = {"type": "KubernetesResource"} if typed else {}
        flow = {"workflowRef": {"name": "w"}, "phase": "Succeeded", "actionStatuses": [{**record, **type_}]}
        tree = [{"name": "s", "phase": "Succeeded", "workflowExecutions": [flow]}]
        self.original = execution(
            {"phase": "Succeeded", "stageStatuses": tree}, name="original", uid="uid-original", annotations={}
        )
        self.annotations = {CREATED_BY_ANNOTATION: mark} if mark else {}

    async def get(self, *asked: object) -> Object:
        target = asked[0]
        assert isinstance(target, Target)
        return self.original if target.name == "original" else await super().get(target)

    async def metadata(self, target: Target, *_: object) -> Object:
        created = "2026-01-01T00:00:00Z"
        return {"uid": f"uid-of-{target.name}", "creationTimestamp": created, "annotations": self.annotations}


def undecided(**of: Any) -> tuple[OneExecution, Runs]:
    return WithOriginal(UNDECIDED, **of), reverting()[1]


MARK = "uid-original/s/w/a"


@pytest.mark.parametrize("account", [None, "named"])
async def test_without_a_stored_decision_objects_of_the_original_go_as_the_plans_account(account: str | None) -> None:
    there = undecided(account=account, mark=MARK)
    actor = await authorized(*there, rolls_back(), impersonation=Impersonation("fallback"))
    assert actor.user == f"system:serviceaccount:team-a:{account or 'fallback'}"
    assert await authorized(*undecided(), rolls_back(UNDO))


async def test_without_a_stored_decision_what_deletes_nothing_and_what_the_older_controller_created_is_allowed() -> (
    None
):
    gone = RollbackStep(deletions=[Deletion(target=APP, uid="uid-of-one-that-is-gone")])
    assert await authorized(*undecided(), rolls_back(gone))
    assert await authorized(*undecided(typed=False), rolls_back())


@pytest.mark.parametrize(
    ("request_", "of"),
    [
        (rolls_back(RollbackStep(deletions=[Deletion(target=VICTIM, uid="uid-of-victim")])), {}),
        (rolls_back(RollbackStep(deletions=[Deletion(target=VICTIM, uid="uid-of-victim")])), {"typed": False}),
        (rolls_back(), {"mark": "uid-of-another/s/w/a"}),
        (rolls_back(), {}),
        (rolls_back(RESTORATION), {"mark": MARK}),
        (asked(origin=THERE), {"mark": MARK}),
    ],
)
async def test_without_a_stored_decision_no_other_object_is_touched(
    request_: RollbackInput | ExecuteInput, of: dict[str, Any]
) -> None:
    await refusal(*undecided(**of), request_, reason=FailureType.UNTRUSTED_STEP)


async def test_without_a_stored_decision_the_lock_of_the_plan_is_waited_for() -> None:
    with pytest.raises(ApplicationError, match="does not hold the lock of DRPlan shop") as caught:
        await authorized(*undecided(mark=MARK, uid="uid-of-another"), rolls_back())
    assert not caught.value.non_retryable


@pytest.mark.parametrize(
    "origin", [None, THERE.model_copy(update={"snapshot": SnapshotRef(name="drplan-other", sha256="o")})]
)
async def test_without_a_stored_decision_a_custom_rollback_still_needs_stored_definitions(
    origin: Origin | None,
) -> None:
    await refusal(*undecided(), rolls_back(UNDO, origin=origin))


# The ledger.


async def recording(record: RootRecord, state: Object, execution_key: ObjectKey = KEY) -> None:
    """Ask whether an activity below this root may write the ledger of an execution."""
    authorizer = RunAuthorizer(
        cast(Cluster, OneExecution(state)), cast(SnapshotStore, Stored()), Runs(record), Impersonation()
    )
    origin = Origin(execution=execution_key, snapshot=SNAPSHOT, ledger=True)
    given = LedgerInput(origin=origin, part=0, record=WorkflowRecord(phase=Phase.SUCCEEDED, actions=[]))

    async def activity() -> None:
        await authorizer.record(given, RunningAttempt(Attempts()))

    await ActivityEnvironment().run(activity)


async def test_an_execute_writes_its_own_ledger() -> None:
    await recording(root(), execution(RECORDED))


@pytest.mark.parametrize(
    ("record", "state", "key"),
    [
        (root(), execution(RECORDED), KEY.model_copy(update={"name": "victim"})),
        (root(), execution(RECORDED), KEY.model_copy(update={"uid": "of another"})),
        (
            root(workflow_id=REVERT, operation=OperationType.REVERT),
            execution({**RECORDED, "engine": {**ENGINE, "workflowId": REVERT}}, "Revert"),
            KEY,
        ),
        (RootRecord("pwned", "first", "ExecuteWorkflow", None), execution(RECORDED), KEY),
    ],
    ids=["another", "a former one", "of a Revert", "started by hand"],
)
async def test_nobody_else_writes_the_ledger_of_an_execute(record: RootRecord, state: Object, key: ObjectKey) -> None:
    with pytest.raises(ActionError) as caught:
        await recording(record, state, key)
    assert caught.value.type is FailureType.UNTRUSTED_RUN


# The proof of a Revert.


async def checking(record: RootRecord, state: Object, execution_key: ObjectKey = KEY) -> str:
    """Ask whether an activity below this root may check an execution, and return the name of that."""
    authorizer = RunAuthorizer(
        cast(Cluster, OneExecution(state)), cast(SnapshotStore, Stored()), Runs(record), Impersonation()
    )
    run_input = RunInput(execution=execution_key, plan="shop", operation=OperationType.REVERT)

    async def activity() -> str:
        found = await authorizer.proof(ProofInput(run=run_input), RunningAttempt(Attempts()))
        return found.metadata.name

    return await ActivityEnvironment().run(activity)


IN_REVERT = {**RECORDED, "engine": {**ENGINE, "workflowId": REVERT}}
OF_REVERT = root(workflow_id=REVERT, operation=OperationType.REVERT)


async def test_a_revert_is_checked_by_its_own_run_while_it_runs_and_after_its_end() -> None:
    for phase in ("Running", "Succeeded", "Failed"):
        assert await checking(OF_REVERT, execution({**IN_REVERT, "phase": phase}, "Revert")) == "run"


@pytest.mark.parametrize(
    ("record", "state", "key"),
    [
        (OF_REVERT, execution(IN_REVERT, "Revert"), KEY.model_copy(update={"name": "victim"})),
        (root(), execution(RECORDED), KEY),
        (RootRecord("pwned", "first", "RevertProof", None), execution(IN_REVERT, "Revert"), KEY),
        (root(workflow_id="pwned", operation=OperationType.REVERT), execution(IN_REVERT, "Revert"), KEY),
    ],
    ids=["another", "of an Execute", "started by hand", "another run"],
)
async def test_nobody_else_has_a_revert_checked(record: RootRecord, state: Object, key: ObjectKey) -> None:
    with pytest.raises(ActionError) as caught:
        await checking(record, state, key)
    assert caught.value.type is FailureType.UNTRUSTED_RUN


# The root workflow itself.


async def decided(
    state: Object, operation: OperationType = OperationType.EXECUTE, plan: str = "shop", there: Object | None = None
) -> None:
    authorizer = RunAuthorizer(
        cast(Cluster, OneExecution(state, plan=there)),
        cast(SnapshotStore, Stored()),
        Runs(None, first="first", other="other"),
        Impersonation(),
    )
    environment = ActivityEnvironment()
    environment.info = dataclasses.replace(environment.info, workflow_id=ROOT, workflow_run_id="first")
    await environment.run(authorizer.root, RunInput(execution=KEY, plan=plan, operation=operation))


async def test_a_root_decides_before_the_bridge_has_recorded_it() -> None:
    await decided(execution({}), there=locked_plan())
    await decided(execution(RECORDED), there=locked_plan())


async def test_a_preview_decides_without_the_lock() -> None:
    preview = execution({})
    preview["spec"]["dryRun"] = True
    await decided(preview, there=locked_plan("uid-of-another"))


async def test_a_root_whose_plan_is_gone_decides_once_the_bridge_has_recorded_it() -> None:
    await decided(execution(RECORDED))


@pytest.mark.parametrize(
    ("state", "plan"),
    [
        (execution({}, annotations={}), locked_plan()),
        (execution({}, finalizers=[]), locked_plan()),
        (execution({}), locked_plan("uid-of-another")),
        (execution({}), locked_plan(None)),
        (execution({}), dr_plan("shop", stage("s", "team-a", "w"))),
        (execution({}), None),
        (execution(RECORDED), locked_plan("uid-of-another")),
    ],
    ids=["not accepted", "no finalizer", "other's lock", "older lock", "no lock", "plan gone", "forged status"],
)
async def test_a_root_waits_for_its_turn(state: Object, plan: Object | None) -> None:
    with pytest.raises(ActionError) as caught:
        await decided(state, there=plan)
    assert caught.value.type is FailureType.TRANSIENT


@pytest.mark.parametrize(
    ("state", "operation", "plan"),
    [
        (execution({}), OperationType.EXECUTE, "victim"),
        (execution({}), OperationType.REVERT, "shop"),
        (execution({**RECORDED, "engine": {**ENGINE, "runId": "other"}}), OperationType.EXECUTE, "shop"),
    ],
)
async def test_a_root_that_is_not_that_of_its_execution_decides_nothing(
    state: Object, operation: OperationType, plan: str
) -> None:
    with pytest.raises(ActionError) as caught:
        await decided(state, operation, plan)
    assert caught.value.type is FailureType.UNTRUSTED_RUN


# A rehearsal, which has no execution.

PLAN_KEY = ObjectKey(namespace="team-a", name="shop", uid="uid-plan")
REHEARSAL = {"startTime": "2026-02-03T10:00:00Z", "operation": "Revert", "execution": "last"}
OPEN_REHEARSAL = f"rehearse/team-a/shop/uid-plan/{int(datetime(2026, 2, 3, 10, tzinfo=UTC).timestamp())}"


def rehearsed_plan(rehearsal: Object | None = None, uid: str = "uid-plan") -> Object:
    plan = dr_plan("shop", stage("s", "team-a", "w"), rehearsal={"interval": "24h"})
    plan["metadata"] |= {"namespace": "team-a", "uid": uid}
    return {**plan, "status": {"rehearsal": rehearsal} if rehearsal else {}}


async def rehearsal_of(plan: Object | None, workflow_id: str = OPEN_REHEARSAL) -> DRPlanExecution:
    authorizer = RunAuthorizer(
        cast(Cluster, OneExecution(plan=plan)), cast(SnapshotStore, Stored()), Runs(None), Impersonation()
    )
    environment = ActivityEnvironment()
    environment.info = dataclasses.replace(environment.info, workflow_id=workflow_id, workflow_run_id="first")
    # Another start than that of the run: what an input says beside the plan is not believed.
    request = RehearsalInput(plan=PLAN_KEY, start_time=datetime(2026, 2, 3, 11, tzinfo=UTC))
    return (await environment.run(authorizer.rehearsal, request)).execution


async def test_a_rehearsal_asks_what_the_status_of_its_plan_says() -> None:
    preview = await rehearsal_of(rehearsed_plan(REHEARSAL))
    assert preview.metadata.key == PLAN_KEY
    assert preview.spec.dry_run
    assert (preview.spec.plan_ref, preview.spec.operation_type) == ("shop", OperationType.REVERT)
    assert preview.spec.revert_execution_ref == "last"


@pytest.mark.parametrize(
    ("plan", "workflow_id"),
    [
        (rehearsed_plan(REHEARSAL), "rehearse/team-a/shop/uid-plan/1"),
        (rehearsed_plan(REHEARSAL), ROOT),
        (rehearsed_plan(), OPEN_REHEARSAL),
        (rehearsed_plan({**REHEARSAL, "startTime": "2026-02-03T10:00:01Z"}), OPEN_REHEARSAL),
        (rehearsed_plan({**REHEARSAL, "completionTime": "2026-02-03T10:05:00Z"}), OPEN_REHEARSAL),
    ],
    ids=["other run", "run of an execution", "none begun", "next one", "given up"],
)
async def test_a_rehearsal_that_the_bridge_did_not_begin_asks_nothing(plan: Object, workflow_id: str) -> None:
    with pytest.raises(ActionError) as caught:
        await rehearsal_of(plan, workflow_id)
    assert caught.value.type is FailureType.UNTRUSTED_RUN


@pytest.mark.parametrize("plan", [None, rehearsed_plan(REHEARSAL, "uid-of-another")])
async def test_a_rehearsal_of_a_plan_that_is_gone_asks_nothing(plan: Object | None) -> None:
    with pytest.raises(ActionError) as caught:
        await rehearsal_of(plan)
    assert caught.value.type is FailureType.NOT_FOUND
