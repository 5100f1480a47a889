"""What an activity may do is what its execution records, whatever its input says."""

import dataclasses
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
from api.execution import SnapshotRef
from api.ledger import WorkflowRecord
from api.meta import ACCEPTED_ANNOTATION, API_VERSION, FINALIZER, ObjectKey, ObjectName
from api.phases import OperationType, Phase
from api.steps import (
    ActionOutcome,
    Actor,
    AttemptFailure,
    Attempts,
    ExecuteInput,
    ExecuteStep,
    FailureType,
    LedgerInput,
    Origin,
    RollbackInput,
    RollbackStep,
    RunInput,
)
from kube.client import Cluster
from kube.errors import NotFoundError
from tests.activities.live_namespace import Object
from workflows.converter import DATA_CONVERTER

KEY = ObjectKey(namespace="team-a", name="run", uid="uid-run")
ROOT = "execute/team-a/run/uid-run"
SNAPSHOT = SnapshotRef(name="drplan-snapshot", sha256="abc")
ENGINE = {"workflowId": ROOT, "runId": "first"}
STORED = {"name": SNAPSHOT.name, "sha256": SNAPSHOT.sha256}
RECORDED = {"engine": ENGINE, "snapshot": STORED, "summary": {}, "serviceAccountName": "deployer"}


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
    return {"apiVersion": API_VERSION, "kind": "DRPlanExecution", "metadata": meta, "spec": spec, "status": status}


class OneExecution:
    """A cluster that holds one execution, in one state after the other; the last one stays."""

    def __init__(self, *states: Object) -> None:
        self.states, self.reads = list(states), 0

    async def get(self, *_: object) -> Object:
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


class Plans:
    """A store of snapshots whose plan names no service account."""

    async def root(self, *_: object) -> Any:
        return type("S", (), {"plan": type("P", (), {"spec": type("X", (), {"service_account_name": None})})})


def root(
    run_id: str = "first", workflow_id: str = ROOT, operation: OperationType = OperationType.EXECUTE
) -> RootRecord:
    return RootRecord(workflow_id, run_id, "Root", RunInput(execution=KEY, plan="shop", operation=operation))


def asked(**changes: Any) -> ExecuteInput:
    step = ExecuteStep(index=0, action="a", mark="uid-run/s/w/a", title="a")
    given = ExecuteInput(
        dr_workflow=ObjectName(name="w"), step=step, actor=Actor(), origin=Origin(execution=KEY, snapshot=SNAPSHOT)
    )
    return given.model_copy(update=changes)


async def authorized(
    cluster: OneExecution,
    runs: Runs,
    request: InputT | None = None,
    impersonation: Impersonation | None = None,
    **info: Any,
) -> Actor:
    """Return in whose name the action is carried out. Raises what Temporal gets."""
    authorizer = RunAuthorizer(
        cast(Cluster, cluster), cast(SnapshotStore, Plans()), runs, impersonation or Impersonation()
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


async def refusal(*arguments: Any, **info: Any) -> str:
    with pytest.raises(ApplicationError) as caught:
        await authorized(*arguments, **info)
    assert caught.value.non_retryable
    assert caught.value.type == FailureType.UNTRUSTED_RUN
    return caught.value.message


async def test_an_action_acts_as_the_account_that_the_execution_records() -> None:
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
    states = [execution({}), execution({"engine": ENGINE}), execution(RECORDED)]
    cluster = OneExecution(*states)
    assert (await authorized(cluster, Runs(root()))).user == "system:serviceaccount:team-a:deployer"
    assert cluster.reads == 3


async def test_an_acceptance_that_was_altered_is_waited_for_until_the_bridge_puts_it_back() -> None:
    altered = execution(RECORDED, annotations={ACCEPTED_ANNOTATION: "of another"})
    cluster = OneExecution(altered, altered, execution(RECORDED))
    assert await authorized(cluster, Runs(root()))
    assert cluster.reads == 3


@pytest.mark.parametrize("known", [True, False], ids=["no record", "no Temporal"])
async def test_a_wait_that_takes_long_is_neither_an_error_nor_a_lost_attempt(
    monkeypatch: pytest.MonkeyPatch, known: bool
) -> None:
    monkeypatch.setattr(activities.authorize, "_LONGEST_WAIT", 0.1)
    with pytest.raises(ApplicationError) as caught:
        await authorized(OneExecution(execution({})), Runs(root() if known else None))
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
    authorizer = RunAuthorizer(cast(Cluster, cluster), cast(SnapshotStore, Plans()), Runs(root()), Impersonation())

    async def actions(given: ExecuteInput) -> None:
        attempt = RunningAttempt(given.step.attempts)
        for _ in range(50):
            await authorizer.action(given, attempt)

    await ActivityEnvironment().run(actions, asked())
    assert cluster.reads == 1


async def test_a_deletion_needs_no_snapshot() -> None:
    status = {key: value for key, value in RECORDED.items() if key != "snapshot"}
    engine = {"workflowId": "revert/team-a/run/uid-run", "runId": "first"}
    cluster = OneExecution(execution({**status, "engine": engine}, "Revert"))
    runs = Runs(root(workflow_id=engine["workflowId"], operation=OperationType.REVERT))
    actor = await authorized(cluster, runs, RollbackInput(step=RollbackStep(), actor=Actor()))
    assert actor.user == "system:serviceaccount:team-a:deployer"


# The ledger.

OF_REVERT = "revert/team-a/run/uid-run"


async def recording(record: RootRecord, state: Object, execution_key: ObjectKey = KEY) -> None:
    """Ask whether an activity below this root may write the ledger of an execution."""
    authorizer = RunAuthorizer(
        cast(Cluster, OneExecution(state)), cast(SnapshotStore, Plans()), Runs(record), Impersonation()
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
            root(workflow_id=OF_REVERT, operation=OperationType.REVERT),
            execution({**RECORDED, "engine": {**ENGINE, "workflowId": OF_REVERT}}, "Revert"),
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


# The root workflow itself.


async def decided(state: Object, operation: OperationType = OperationType.EXECUTE, plan: str = "shop") -> None:
    authorizer = RunAuthorizer(
        cast(Cluster, OneExecution(state)),
        cast(SnapshotStore, Plans()),
        Runs(None, first="first", other="other"),
        Impersonation(),
    )
    environment = ActivityEnvironment()
    environment.info = dataclasses.replace(environment.info, workflow_id=ROOT, workflow_run_id="first")
    await environment.run(authorizer.root, RunInput(execution=KEY, plan=plan, operation=operation))


async def test_a_root_decides_before_the_bridge_has_recorded_it() -> None:
    await decided(execution({}))
    await decided(execution(RECORDED))


@pytest.mark.parametrize("metadata", [{"annotations": {}}, {"finalizers": []}])
async def test_a_root_waits_for_its_turn(metadata: Object) -> None:
    with pytest.raises(ActionError) as caught:
        await decided(execution({}, **metadata))
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
