"""What an action does once the API version that it names is not served: the object is found through another one."""

import asyncio
import json
from collections.abc import Iterator

import pytest

from activities.errors import ActionError
from activities.observe import observe
from activities.read import read_values
from api.attempts import ObserveInput, RollbackInput
from api.execution import DRPlanExecution
from api.failures import FailureType
from api.objects import Presence
from api.phases import Phase
from api.plan import DRPlan
from api.workflow import DRWorkflow
from kube.errors import ApiError, KindGoneError
from planning.values.parameters import Layers, layers, resolve
from tests.activities.live_namespace import HOLD, Attempt, LiveNamespace, config_map
from tests.activities.orders import Task, execution_of
from tests.eventually import eventually
from tests.manifests import dr_plan, dr_workflow, execute, stage, writes
from tests.versioned_kind import VersionedKind


@pytest.fixture
def widgets(ns: LiveNamespace) -> Iterator[VersionedKind]:
    with VersionedKind.defined(ns.stack, ns.namespace) as kind:
        yield kind


def let_go(ns: LiveNamespace, widgets: VersionedKind, version: str = "v1") -> None:
    of = f"widgets.{version}.{widgets.group}"
    ns.kubectl("patch", of, "w", "--type=merge", '--patch={"metadata":{"finalizers":null}}')


def task(ns: LiveNamespace, widgets: VersionedKind, operation: str, **more: object) -> Task:
    body = widgets.body("w")
    body["metadata"]["namespace"] = ns.namespace
    return Task(ns, writes("do", json.dumps(body), operation, **more), execution_of(ns), timeout="1m", limit=0)


# A Revert.


async def test_what_a_revert_observes_and_deletes_is_the_very_object(ns: LiveNamespace, widgets: VersionedKind) -> None:
    uid, target = widgets.create("w", ns.namespace), widgets.target("w", ns.namespace)
    widgets.serve("v1")
    seen = (await observe(ns.cluster, [target], ns.actor, print))[target]
    assert (seen.presence, seen.uid) == (Presence.PRESENT, uid)
    given = RollbackInput(step=ns.deletion(target, uid), actor=ns.actor)
    outcome = await Attempt().run(ns.rollbacks.rollback_action, given)
    assert outcome.message == "Rolled back: deleted Widget w"
    assert widgets.uid("w", ns.namespace) is None


async def test_an_object_whose_kind_is_not_served_at_all_is_unreadable_and_never_deleted(
    ns: LiveNamespace, widgets: VersionedKind
) -> None:
    uid, target = widgets.create("w", ns.namespace), widgets.target("w", ns.namespace)
    widgets.serve()
    seen = (await observe(ns.cluster, [target], ns.actor, print))[target]
    assert seen.presence is Presence.UNREADABLE
    assert widgets.name in seen.reason
    given = RollbackInput(step=ns.deletion(target, uid, retry={"limit": 0}), actor=ns.actor)
    with pytest.raises(Exception, match="Failed to delete Widget") as caught:
        await Attempt().run(ns.rollbacks.rollback_action, given)
    assert widgets.name in str(caught.value)
    with pytest.raises(Exception, match="Canceled between two attempts"):
        await Attempt().run(ns.rollbacks.look_again, ObserveInput(step=ns.deletion(target, uid), actor=ns.actor))
    widgets.serve("v1")
    assert widgets.uid("w", ns.namespace) == uid


async def test_an_object_is_absent_once_the_definition_of_its_kind_is_deleted(
    ns: LiveNamespace, widgets: VersionedKind
) -> None:
    uid, target = widgets.create("w", ns.namespace), widgets.target("w", ns.namespace)
    widgets.delete()
    assert (await observe(ns.cluster, [target], ns.actor, print))[target].presence is Presence.ABSENT
    given = RollbackInput(step=ns.deletion(target, uid), actor=ns.actor)
    assert (await Attempt().run(ns.rollbacks.rollback_action, given)).phase is Phase.SUCCEEDED


@pytest.mark.parametrize("after", [(), ("v1",)], ids=["no version", "another version"])
async def test_a_deletion_waits_for_the_object_whatever_is_served_meanwhile(
    ns: LiveNamespace, widgets: VersionedKind, after: tuple[str, ...]
) -> None:
    uid, target = widgets.create("w", ns.namespace, finalizers=[HOLD]), widgets.target("w", ns.namespace)
    attempt = Attempt()
    given = RollbackInput(step=ns.deletion(target, uid, timeout="2m"), actor=ns.actor)
    running = asyncio.create_task(attempt.run(ns.rollbacks.rollback_action, given))
    await eventually(lambda: any(HOLD in beat.waiting_for for beat in attempt.beats), "it waits for the finalizer")
    await asyncio.to_thread(widgets.serve, *after)
    await asyncio.sleep(3)
    assert not running.done()
    await asyncio.to_thread(widgets.serve, "v1")
    assert widgets.uid("w", ns.namespace) == uid
    await asyncio.to_thread(let_go, ns, widgets)
    assert (await running).phase is Phase.SUCCEEDED
    assert widgets.uid("w", ns.namespace) is None


async def test_an_object_that_cannot_be_read_for_a_while_is_unreadable_instead_of_absent(ns: LiveNamespace) -> None:
    class Busy:
        async def metadata(self, *_: object) -> object:
            raise ApiError("service unavailable", 503)

    target = config_map("app", ns.namespace)
    with pytest.raises(ActionError) as caught:
        await observe(Busy(), [target], ns.actor, print)  # type: ignore[arg-type]
    assert caught.value.type is FailureType.TRANSIENT
    seen = (await observe(Busy(), [target], ns.actor, print, patient=False))[target]  # type: ignore[arg-type]
    assert (seen.presence, seen.reason) == (Presence.UNREADABLE, "app: service unavailable")


# An Execute.


async def test_a_delete_finds_the_object_and_stores_its_state(ns: LiveNamespace, widgets: VersionedKind) -> None:
    uid = widgets.create("w", ns.namespace)
    widgets.serve("v1")
    deleting = task(ns, widgets, "Delete")
    outcome = await deleting.run()
    assert outcome.message == "Deleted Widget w"
    assert outcome.outputs is not None
    assert outcome.outputs.resource_ref is not None
    assert outcome.outputs.resource_ref.uid == uid
    assert widgets.uid("w", ns.namespace) is None
    kept = deleting.kept()
    assert kept is not None
    assert (kept.uid, kept.complete, kept.found["spec"]) == (uid, True, {"x": 1})


@pytest.mark.parametrize("served", [("v1",), ()], ids=["another version", "no version"])
@pytest.mark.parametrize("operation", ["Create", "Apply", "Patch"])
async def test_a_version_that_is_not_served_changes_nothing_and_is_named(
    ns: LiveNamespace, widgets: VersionedKind, operation: str, served: tuple[str, ...]
) -> None:
    uid = widgets.create("w", ns.namespace)
    widgets.serve(*served)
    with pytest.raises(ApiError, match=f"knows no kind Widget in {widgets.api_version()}"):
        await task(ns, widgets, operation).run()
    widgets.serve("v1")
    assert widgets.uid("w", ns.namespace) == uid


async def test_a_delete_of_a_kind_that_nobody_knows_is_no_success(ns: LiveNamespace, widgets: VersionedKind) -> None:
    deleting = task(ns, widgets, "Delete")
    widgets.delete()
    with pytest.raises(KindGoneError, match="knows no kind Widget"):
        await deleting.run()


async def test_a_parameter_is_read_through_the_version_that_is_served(
    ns: LiveNamespace, widgets: VersionedKind
) -> None:
    widgets.create("w", ns.namespace, labels={"pick": "me"})
    ref = {"apiVersion": widgets.api_version(), "kind": "Widget", "namespace": ns.namespace, "jsonPath": "{.spec.x}"}
    by_name = {"name": "a", "valueFrom": {"manifestRef": {**ref, "name": "w"}}}
    by_label = {"name": "b", "valueFrom": {"manifestRef": {**ref, "labelSelector": "pick=me"}}}
    plan = DRPlan.model_validate(dr_plan("shop", stage("s", "default", "w"), globalParams=[by_name, by_label]))
    flow = DRWorkflow.model_validate(dr_workflow("w", {"name": "a", "type": "HTTP", "http": {"url": "http://a"}}))
    of: Layers = layers(plan, 0, 0, flow, DRPlanExecution.model_validate(execute("there", "shop")))
    widgets.serve("v1")
    found = resolve(of, await read_values(ns.cluster, ns.actor, [of]))
    assert (found.values, found.errors) == ({"a": "1", "b": "1"}, [])
    widgets.serve()
    found = resolve(of, await read_values(ns.cluster, ns.actor, [of]))
    assert found.values == {}
    assert all(widgets.name in error.message for error in found.errors)
    assert len(found.errors) == 2
