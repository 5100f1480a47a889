"""Activities against a scripted door: answers and moments that a healthy API server does not have on order."""

import dataclasses
from typing import Any, cast

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.authorize import Impersonation, RunAuthorizer
from activities.errors import ActionError
from activities.execute_action import ExecuteActivities
from activities.load import LoadActivities
from activities.observe import observe
from activities.registry import effects
from activities.store import RevisionStore, SnapshotStore
from activities.temporal_runs import RootRecord
from api.attempts import ExecuteInput, Heartbeat
from api.failures import FailureType
from api.meta import API_VERSION, ObjectKey, ObjectName
from api.objects import Actor, Presence, Target
from api.phases import OperationType, Phase
from api.runs import RunInput
from api.steps import ExecuteStep
from kube.client import Cluster
from kube.errors import ApiError, KindGoneError, NotFoundError, UnknownKindError, from_answer
from planning.definitions.identifiers import root_id
from tests.activities.believed_inputs import BelievedInputs, NoQuestions
from tests.activities.live_namespace import Object
from workflows.converter import DATA_CONVERTER

ACTOR = Actor(user="system:serviceaccount:default:default")
APP = Target(api_version="v1", kind="ConfigMap", name="app", namespace="default")
KEY = ObjectKey(namespace="default", name="run", uid="uid-run")


class Door:
    """Answers as told, and remembers what was deleted."""

    def __init__(self, objects: dict[str, Object] | None = None, metadata: Object | ApiError | None = None) -> None:
        self.objects, self.seen = objects or {}, metadata
        self.deleted: list[str] = []

    async def get(self, target: Target, actor: Actor) -> Object:
        if target.kind == APP.kind:
            return {"metadata": {"resourceVersion": "1", **await self.metadata(target, actor)}}
        if target.kind not in self.objects:
            raise NotFoundError(f"{target.kind} not found", 404, "NotFound")
        return self.objects[target.kind]

    async def place(self, target: Target, **_: bool) -> Target:
        return target

    async def metadata(self, target: Target, actor: Actor) -> Object:
        if self.seen is None or isinstance(self.seen, ApiError):
            raise self.seen or NotFoundError("not found", 404, "NotFound")
        return self.seen

    async def delete(self, target: Target, uid: str, actor: Actor, **conditions: Any) -> None:
        self.deleted.append(uid)
        self.seen = None

    @property
    def cluster(self) -> Cluster:
        return cast(Cluster, self)


def environment(attempt: int = 1, left: Heartbeat | None = None, root: str = "flow") -> ActivityEnvironment:
    found = ActivityEnvironment()
    beats = [left.to_object()] if left else []
    found.info = dataclasses.replace(
        found.info, attempt=attempt, heartbeat_details=beats, workflow_id=root, workflow_run_id="before"
    )
    found.payload_converter = DATA_CONVERTER.payload_converter
    return found


# The look.


async def test_the_look_does_not_take_a_stray_404_for_an_absent_object() -> None:
    door = Door(metadata=from_answer(404, "", "the API server answered 404 without an object", None))
    with pytest.raises(ActionError, match="404 without an object") as raised:
        await observe(door.cluster, [APP], ACTOR, print)
    assert raised.value.type is FailureType.TRANSIENT


@pytest.mark.parametrize("error", [NotFoundError("gone", 404, "NotFound"), KindGoneError("no kind", 404)])
async def test_an_object_or_a_kind_that_is_not_there_is_absent(error: ApiError) -> None:
    looks = await observe(Door(metadata=error).cluster, [APP], ACTOR, print)
    assert looks[APP].presence is Presence.ABSENT


async def test_an_object_of_a_kind_that_is_not_served_is_not_absent() -> None:
    looks = await observe(Door(metadata=UnknownKindError("not served", 404)).cluster, [APP], ACTOR, print)
    assert looks[APP].presence is Presence.UNREADABLE


# A Delete whose first attempt was lost.


async def deleted(door: Door, left: Heartbeat | None, *, rescheduled: bool = False) -> tuple[str, str | None]:
    """Carry out the next attempt, under the same schedule of the activity or under another one."""
    step = ExecuteStep(index=0, action="remove", mark="mark", title="Delete ConfigMap default/app")
    given = ExecuteInput(dr_workflow=ObjectName(name="flow"), step=step, actor=ACTOR)
    if rescheduled:
        given = given.model_copy(update={"lost": True, "heartbeat": left})
    outcome = await (environment(1, None) if rescheduled else environment(2, left)).run(
        ExecuteActivities(door.cluster, effects(door.cluster), BelievedInputs(door.cluster)).execute_action, given
    )
    assert (outcome.phase, outcome.outputs is not None) == (Phase.SUCCEEDED, True)
    reference = outcome.outputs.resource_ref if outcome.outputs else None
    return outcome.message, reference.uid if reference else None


def flow() -> dict[str, Object]:
    manifest = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: app, namespace: default}\n"
    action = {"name": "remove", "type": "KubernetesResource", "resource": {"operation": "Delete", "manifest": manifest}}
    return {"DRWorkflow": {"metadata": {"name": "flow"}, "spec": {"actions": [action]}}}


@pytest.mark.parametrize("rescheduled", [False, True])
async def test_a_delete_does_not_touch_what_was_made_after_its_lost_attempt_deleted(rescheduled: bool) -> None:
    door = Door(flow(), metadata={"uid": "new"})
    assert await deleted(door, Heartbeat(deleting="old"), rescheduled=rescheduled) == (
        "Deleted ConfigMap app; a new ConfigMap app (uid new) was left alone",
        "old",
    )
    assert door.deleted == []


async def test_a_delete_whose_lost_attempt_did_not_get_through_is_done() -> None:
    door = Door(flow(), metadata={"uid": "old"})
    assert await deleted(door, Heartbeat(deleting="old")) == ("Deleted ConfigMap app", "old")
    assert door.deleted == ["old"]


# A run that was started for what is over.


def over(operation: OperationType = OperationType.EXECUTE, **status: Any) -> Door:
    meta = {"name": KEY.name, "namespace": KEY.namespace, "uid": KEY.uid}
    spec = {"planRef": "shop", "operationType": operation.value}
    body = {"apiVersion": API_VERSION, "kind": "DRPlanExecution", "metadata": meta, "spec": spec, "status": status}
    return Door({"DRPlanExecution": body})


class NoRuns:
    """A Temporal that nobody needs to ask."""

    async def root_of(self, workflow_id: str, run_id: str) -> RootRecord:
        raise AssertionError

    async def first_run_id(self, workflow_id: str, run_id: str) -> str:
        raise AssertionError


async def refusal(door: Door, operation: OperationType) -> ApplicationError:
    snapshots = SnapshotStore(RevisionStore(door.cluster))
    authorizer = RunAuthorizer(door.cluster, snapshots, NoRuns(), Impersonation())
    loads = LoadActivities(door.cluster, Impersonation(), authorizer, NoQuestions())
    load = loads.load_execute if operation is OperationType.EXECUTE else loads.load_revert
    with pytest.raises(ApplicationError) as raised:
        await environment(root=root_id(operation, KEY)).run(
            load, RunInput(execution=KEY, plan="shop", operation=operation)
        )
    return raised.value


@pytest.mark.parametrize("operation", list(OperationType))
async def test_a_run_does_nothing_where_its_object_had_ended_before_it_was_started(operation: OperationType) -> None:
    error = await refusal(over(operation, phase="Canceled"), operation)
    assert error.non_retryable
    assert error.message == "DRPlanExecution default/run had ended as Canceled before it was started"


async def test_a_run_that_was_reset_after_its_end_goes_on() -> None:
    """Its object is over, and names the run."""
    engine = {"workflowId": "execute/default/run/uid-run", "runId": "before"}
    error = await refusal(over(phase="Failed", engine=engine), OperationType.EXECUTE)
    assert error.message == "DRPlan shop no longer exists"
