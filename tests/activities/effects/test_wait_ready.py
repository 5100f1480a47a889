"""`waitReady`: an action is done once its object is ready; it waits within its time, and tells for what."""

import asyncio
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError

from activities.authorize import actor_of
from activities.execute_action import ExecuteActivities
from activities.registry import effects
from api.attempts import ActionOutcome, AttemptFailure, ExecuteInput, Heartbeat
from api.failures import FailureType
from api.objects import Actor
from api.phases import Phase
from api.reasons import Reason
from api.steps import ExecuteStep
from tests.activities.believed_inputs import BelievedInputs
from tests.activities.live_namespace import Attempt, LiveNamespace, Object
from tests.eventually import eventually
from tests.fake_clusternet import Clusternet
from tests.manifests import execute, writes
from tests.versioned_kind import VersionedKind

READY = {"type": "Ready", "status": "True", "lastTransitionTime": "2026-02-03T10:10:00Z"}
CONTAINER = {"name": "main", "image": "example.com/none"}
POD = {"metadata": {"labels": {"app": "shop"}}, "spec": {"containers": [CONTAINER], "restartPolicy": "Never"}}
SHOP = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "shop", "namespace": "default"}


def deployment(namespace: str, **spec: Any) -> Object:
    body = {"selector": {"matchLabels": {"app": "shop"}}, "template": pod("Always"), "replicas": 2, **spec}
    return workload("apps/v1", "Deployment", namespace, body)


def job(namespace: str, **spec: Any) -> Object:
    return workload("batch/v1", "Job", namespace, {"template": POD, **spec})


def pod(restart: str) -> Object:
    return {**POD, "spec": {"containers": [CONTAINER], "restartPolicy": restart}}


def workload(api_version: str, kind: str, namespace: str, spec: Object) -> Object:
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": "shop", "namespace": namespace}, "spec": spec}


def waits_for(ns: LiveNamespace, body: Object, operation: str = "Create", **attempts: Any) -> ExecuteStep:
    """Define the one action that makes an object and waits for it; give its step."""
    ns.define(writes("make", json.dumps(body), operation, waitReady=True))
    return ns.step("make", **attempts)


def subscribes(ns: LiveNamespace, *feeds: Object, **attempts: Any) -> ExecuteStep:
    block = {"name": "shop", "namespace": ns.namespace, "spec": {"subscribers": [], "feeds": list(feeds)}}
    ns.define({"name": "roll-out", "type": "Subscription", "waitReady": True, "subscription": block})
    return ns.step("roll-out", **attempts)


class Doing:
    """One attempt at an action on its way."""

    def __init__(
        self, ns: LiveNamespace, step: ExecuteStep, actor: Actor | None = None, left: Heartbeat | None = None
    ) -> None:
        given = ExecuteInput(dr_workflow=ns.flow, step=step, actor=actor or ns.actor)
        self.attempt = Attempt(left=left)
        executions = ExecuteActivities(ns.cluster, effects(ns.cluster), BelievedInputs(ns.cluster))
        self._task = asyncio.create_task(self.attempt.run(executions.execute_action, given))

    async def waits(self, what: str) -> None:
        """Return once it says that it waits for this."""
        await eventually(lambda: any(what in beat.waiting_for for beat in self.attempt.beats), f"waits: {what}")

    async def killed(self) -> None:
        self._task.cancel()
        await asyncio.wait({self._task})

    async def outcome(self) -> ActionOutcome:
        return await self._task

    async def failure(self) -> ApplicationError:
        with pytest.raises(ApplicationError) as caught:
            await self._task
        return caught.value


def says(ns: LiveNamespace, kind: str, name: str, **status: Any) -> None:
    """Write a status as the object's controller would."""
    patch = json.dumps({"status": status})
    ns.kubectl("patch", kind, name, "--subresource=status", "--type=merge", "-p", patch)


def up(replicas: int, generation: int = 1) -> dict[str, int]:
    counts = dict.fromkeys(("replicas", "updatedReplicas", "readyReplicas", "availableReplicas"), replicas)
    return {"observedGeneration": generation, **counts}


async def test_a_deployment_is_waited_for_until_its_replicas_are_available(ns: LiveNamespace) -> None:
    doing = Doing(ns, waits_for(ns, deployment(ns.namespace)))
    place = f"Waiting for Deployment {ns.namespace}/shop to be ready"
    await doing.waits(f"{place}: its controller has not seen its latest change")
    says(ns, "deployment", "shop", **up(2) | {"availableReplicas": 1})
    await doing.waits(f"{place}: 1 of 2 replicas available")
    says(ns, "deployment", "shop", **up(2))
    outcome = await doing.outcome()
    assert (outcome.phase, outcome.message) == (Phase.SUCCEEDED, "Created Deployment shop, and it is ready")
    assert outcome.created
    assert outcome.outputs is not None
    assert outcome.outputs.resource_ref is not None
    assert outcome.outputs.resource_ref.uid == ns.uid("deployment", "shop")


async def test_what_has_nothing_to_wait_for_is_done_at_once(ns: LiveNamespace) -> None:
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "app", "namespace": ns.namespace}}
    outcome = await Doing(ns, waits_for(ns, body, "Apply")).outcome()
    assert outcome.message == "Applied ConfigMap app (created), and it is ready"


async def test_an_applied_deployment_is_waited_for_as_it_is_now(ns: LiveNamespace) -> None:
    ns.create(deployment(ns.namespace))
    says(ns, "deployment", "shop", **up(2))
    doing = Doing(ns, waits_for(ns, deployment(ns.namespace, replicas=3), "Apply"))
    await doing.waits("its controller has not seen its latest change")
    says(ns, "deployment", "shop", **up(3, generation=2))
    assert (await doing.outcome()).message == "Applied Deployment shop (it existed before), and it is ready"


async def test_a_killed_attempt_waits_on_and_the_object_is_created_once(ns: LiveNamespace) -> None:
    step = waits_for(ns, deployment(ns.namespace))
    for _ in range(2):
        doing = Doing(ns, step)
        await doing.waits("its controller has not seen its latest change")
        await doing.killed()
    uid = ns.uid("deployment", "shop")
    doing = Doing(ns, step)
    await doing.waits("its controller has not seen its latest change")
    says(ns, "deployment", "shop", **up(2))
    assert (await doing.outcome()).message == "Created Deployment shop, and it is ready"
    assert ns.uid("deployment", "shop") == uid


async def test_time_that_ran_out_names_what_was_waited_for_and_is_repeated(ns: LiveNamespace) -> None:
    doing = Doing(ns, waits_for(ns, deployment(ns.namespace), timeout="6s"))
    await doing.waits("has not seen")
    says(ns, "deployment", "shop", **up(1))
    error = await doing.failure()
    assert error.message == "Created Deployment shop, but it was not ready within 6s: 1 of 2 replicas updated"
    assert (error.type, error.non_retryable) == (FailureType.TIMED_OUT, False)
    failure = error.details[0]
    assert isinstance(failure, AttemptFailure)
    assert failure.created, "what was made is recorded although it is not ready"
    assert failure.reason is Reason.NOT_READY
    assert failure.outputs is not None


async def test_what_has_failed_is_not_waited_for_any_longer_and_not_repeated(ns: LiveNamespace) -> None:
    doing = Doing(ns, waits_for(ns, deployment(ns.namespace)))
    await doing.waits("has not seen")
    condition = {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded", "message": "no image"}
    says(ns, "deployment", "shop", observedGeneration=1, conditions=[condition])
    error = await doing.failure()
    assert error.message == (
        "Created Deployment shop, but it will not become ready: it failed: ProgressDeadlineExceeded: no image"
    )
    assert (error.type, error.non_retryable) == (FailureType.NOT_READY, True)


async def test_a_job_of_a_manifest_is_waited_for_until_it_is_complete(ns: LiveNamespace) -> None:
    doing = Doing(ns, waits_for(ns, job(ns.namespace)))
    await eventually(lambda: bool(pod_of(ns)), "the Job has a pod")
    finishes(ns)
    outcome = await doing.outcome()
    assert outcome.message == "Job shop completed"
    assert outcome.outputs is not None
    assert outcome.outputs.resource_ref is not None
    assert outcome.outputs.resource_ref.uid == ns.uid("job", "shop")


async def test_a_job_of_a_manifest_that_fails_tells_why_and_is_not_repeated(ns: LiveNamespace) -> None:
    doing = Doing(ns, waits_for(ns, job(ns.namespace, backoffLimit=0)))
    await eventually(lambda: bool(pod_of(ns)), "the Job has a pod")
    finishes(ns, "Failed")
    error = await doing.failure()
    assert error.message.startswith("Job shop failed: BackoffLimitExceeded: ")
    assert (error.type, error.non_retryable) == (FailureType.JOB_FAILED, True)


async def test_a_job_of_a_manifest_that_went_while_no_attempt_looked_is_not_run_again(ns: LiveNamespace) -> None:
    step = waits_for(ns, job(ns.namespace))
    doing = Doing(ns, step)
    await doing.waits("Waiting for Job")
    await doing.killed()
    ns.kubectl("delete", "job", "shop", "--cascade=background")
    error = await Doing(ns, step, left=doing.attempt.beats[-1]).failure()
    assert error.message == "Job shop was gone before it was seen to have finished: outcome unknown"
    assert ns.get("job", "shop") is None


async def test_an_object_that_somebody_deletes_is_not_waited_for_any_longer(ns: LiveNamespace) -> None:
    doing = Doing(ns, waits_for(ns, deployment(ns.namespace)))
    await doing.waits("has not seen")
    ns.delete("deployment", "shop")
    error = await doing.failure()
    assert error.message.startswith("Created Deployment shop, but it will not become ready: ")
    assert (error.type, error.non_retryable) == (FailureType.NOT_READY, True)


async def test_another_object_of_that_name_is_not_taken_for_ours(ns: LiveNamespace) -> None:
    doing = Doing(ns, waits_for(ns, deployment(ns.namespace)))
    await doing.waits("has not seen")
    other = json.dumps(deployment(ns.namespace, replicas=0))
    ns.kubectl("replace", "--force", "-f", "-", stdin=other)
    error = await doing.failure()
    assert error.type == FailureType.NOT_READY


async def test_an_actor_who_may_not_look_fails_with_what_was_done(ns: LiveNamespace) -> None:
    actor = actor_of(ns.namespace, "maker")
    ns.create({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "maker"}})
    ns.kubectl("create", "role", "maker", "--verb=create", "--resource=configmaps")
    ns.kubectl("create", "rolebinding", "maker", "--role=maker", f"--serviceaccount={ns.namespace}:maker")
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "app", "namespace": ns.namespace}}
    error = await Doing(ns, waits_for(ns, body), actor).failure()
    assert error.message.startswith("Created ConfigMap app, but whether it is ready cannot be seen: ")
    assert error.type == FailureType.FORBIDDEN
    assert error.details[0].created


async def test_after_a_cancel_what_is_not_ready_is_canceled_and_what_was_made_is_recorded(ns: LiveNamespace) -> None:
    step = waits_for(ns, deployment(ns.namespace))
    doing = Doing(ns, step)
    await doing.waits("has not seen")
    await doing.killed()
    given = ExecuteInput(dr_workflow=ns.flow, step=step, actor=ns.actor)
    verify = ExecuteActivities(ns.cluster, effects(ns.cluster), BelievedInputs(ns.cluster)).verify_action
    outcome = await Attempt().run(verify, given)
    assert (outcome.phase, outcome.created) == (Phase.CANCELED, True)
    assert outcome.message == (
        "Canceled between two attempts: created Deployment shop, but it is not ready: "
        "its controller has not seen its latest change"
    )
    says(ns, "deployment", "shop", **up(2))
    assert (await Attempt().run(verify, given)).phase is Phase.SUCCEEDED


# Custom resources.


@pytest.fixture
def widgets(ns: LiveNamespace) -> Iterator[VersionedKind]:
    """A kind with a status that only its controller writes."""
    with VersionedKind.defined(ns.stack, ns.namespace, status=True) as kind:
        yield kind


def widget(ns: LiveNamespace, kind: VersionedKind) -> Object:
    return workload(kind.api_version("v1"), "Widget", ns.namespace, {"x": 1})


async def test_a_custom_resource_is_not_ready_before_its_controller_has_looked(
    ns: LiveNamespace, widgets: VersionedKind
) -> None:
    doing = Doing(ns, waits_for(ns, widget(ns, widgets), timeout="60s"))
    await doing.waits("no controller has written its status yet")
    says(ns, widgets.name, "shop", conditions=[READY | {"status": "False", "reason": "Issuing", "message": "asked"}])
    await doing.waits("condition Ready is False: Issuing: asked")
    says(ns, widgets.name, "shop", conditions=[READY])
    assert (await doing.outcome()).message == "Created Widget shop, and it is ready"


async def test_a_status_that_nobody_writes_is_waited_for_half_of_the_time(
    ns: LiveNamespace, widgets: VersionedKind
) -> None:
    outcome = await Doing(ns, waits_for(ns, widget(ns, widgets), timeout="6s")).outcome()
    assert outcome.phase is Phase.SUCCEEDED
    assert outcome.message == (
        "Created Widget shop; whether it is ready is not known: no controller has written its status within 3 s"
    )
    assert outcome.reason is Reason.READINESS_UNKNOWN


async def test_a_custom_resource_of_a_kind_without_status_is_not_called_ready(ns: LiveNamespace) -> None:
    with VersionedKind.defined(ns.stack, ns.namespace) as kind:
        outcome = await Doing(ns, waits_for(ns, widget(ns, kind))).outcome()
    assert outcome.message == "Created Widget shop; whether it is ready is not known: its kind has no status"


# Kinds of Kubernetes that have a controller elsewhere.


async def test_a_claim_is_waited_for_until_it_has_a_volume(ns: LiveNamespace) -> None:
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    doing = Doing(ns, waits_for(ns, workload("v1", "PersistentVolumeClaim", ns.namespace, spec)))
    await doing.waits("its phase is Pending")
    says(ns, "persistentvolumeclaim", "shop", phase="Bound")
    assert (await doing.outcome()).message == "Created PersistentVolumeClaim shop, and it is ready"


async def test_a_load_balancer_is_waited_for_until_it_has_an_address(ns: LiveNamespace) -> None:
    spec = {"type": "LoadBalancer", "ports": [{"port": 80}], "selector": {"app": "shop"}}
    doing = Doing(ns, waits_for(ns, workload("v1", "Service", ns.namespace, spec)))
    await doing.waits("its load balancer has no address yet")
    says(ns, "service", "shop", loadBalancer={"ingress": [{"ip": "192.0.2.1"}]})
    assert (await doing.outcome()).message == "Created Service shop, and it is ready"


async def test_an_execution_is_waited_for_until_it_has_succeeded(ns: LiveNamespace) -> None:
    ns.kubectl("create", "role", "runner", "--verb=create,get", "--resource=drplanexecutions.dr.bkbcs.tencent.com")
    ns.kubectl("create", "rolebinding", "runner", "--role=runner", f"--serviceaccount={ns.namespace}:default")
    body = execute("shop", "no-such-plan")
    body["metadata"]["namespace"] = ns.namespace
    doing = Doing(ns, waits_for(ns, body))
    await doing.waits("Waiting for DRPlanExecution")
    says(ns, "drplanexecution", "shop", phase="Running", message="1 of 2 stages")
    await doing.waits("its phase is Running: 1 of 2 stages")
    says(ns, "drplanexecution", "shop", phase="Failed", message="Failed to execute stage deploy")
    error = await doing.failure()
    assert error.message == (
        "Created DRPlanExecution shop, but it will not become ready: it failed: Failed to execute stage deploy"
    )
    assert error.type == FailureType.NOT_READY


# Why.


async def test_the_message_says_what_keeps_the_pods_from_working(ns: LiveNamespace) -> None:
    doing = Doing(ns, waits_for(ns, deployment(ns.namespace), timeout="3m"))
    await doing.waits("has not seen")
    says(ns, "deployment", "shop", **up(0) | {"updatedReplicas": 2, "replicas": 2})
    await doing.waits("0 of 2 replicas available")
    spec = {"containers": [CONTAINER]}
    ns.create(
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "shop-1", "labels": {"app": "shop"}}, "spec": spec}
    )
    waiting = {"reason": "ImagePullBackOff", "message": 'Back-off pulling image "example.com/none"'}
    status = {"name": "main", "image": "example.com/none", "imageID": "", "ready": False, "restartCount": 0}
    says(ns, "pod", "shop-1", containerStatuses=[status | {"state": {"waiting": waiting}}])
    await doing.waits(
        "0 of 2 replicas available; pod shop-1: container main: ImagePullBackOff: "
        'Back-off pulling image "example.com/none"'
    )
    condition = {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded", "message": "too slow"}
    says(ns, "deployment", "shop", conditions=[condition])
    error = await doing.failure()
    assert (
        "it failed: ProgressDeadlineExceeded: too slow; pod shop-1: container main: ImagePullBackOff" in error.message
    )


async def test_the_message_tells_the_last_warning_about_the_object(ns: LiveNamespace) -> None:
    ns.kubectl("create", "role", "events", "--verb=list", "--resource=events")
    ns.kubectl("create", "rolebinding", "events", "--role=events", f"--serviceaccount={ns.namespace}:default")
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    doing = Doing(ns, waits_for(ns, workload("v1", "PersistentVolumeClaim", ns.namespace, spec)))
    await doing.waits("its phase is Pending")
    involved = {"kind": "PersistentVolumeClaim", "namespace": ns.namespace, "name": "shop"}
    involved |= {"uid": ns.uid("persistentvolumeclaim", "shop")}
    event = {"reason": "ProvisioningFailed", "message": "no such class", "type": "Warning"}
    kind = {"apiVersion": "v1", "kind": "Event", "metadata": {"name": "shop.1"}}
    ns.create({**kind, **event, "involvedObject": involved})
    await doing.waits("its phase is Pending; last warning: ProvisioningFailed: no such class")
    says(ns, "persistentvolumeclaim", "shop", phase="Bound")
    assert (await doing.outcome()).phase is Phase.SUCCEEDED


async def test_an_actor_who_may_not_list_pods_waits_all_the_same(ns: LiveNamespace) -> None:
    actor = actor_of(ns.namespace, "maker")
    ns.create({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "maker"}})
    ns.kubectl("create", "role", "maker", "--verb=create,get", "--resource=deployments.apps")
    ns.kubectl("create", "rolebinding", "maker", "--role=maker", f"--serviceaccount={ns.namespace}:maker")
    doing = Doing(ns, waits_for(ns, deployment(ns.namespace)), actor)
    await doing.waits("has not seen")
    says(ns, "deployment", "shop", **up(1) | {"updatedReplicas": 1})
    await doing.waits("to be ready: 1 of 2 replicas updated")
    says(ns, "deployment", "shop", **up(2))
    assert (await doing.outcome()).phase is Phase.SUCCEEDED


# Clusternet's kinds.


@pytest.fixture
def clusternet(ns: LiveNamespace) -> Any:
    with Clusternet.at_work(ns.stack, ns.namespace) as clusternet:
        yield clusternet


async def test_a_subscription_is_waited_for_in_every_cluster(ns: LiveNamespace, clusternet: Clusternet) -> None:
    east, west = clusternet.joins("east"), clusternet.joins("west")
    clusternet.holds_back(west)
    doing = Doing(ns, subscribes(ns, SHOP))
    await doing.waits(f"{west.binding}: Description shop-generic is not handled yet")
    clusternet.runs("Deployment", "shop", {"replicas": 2}, up(1))
    clusternet.reaches(west)
    await doing.waits(f"{east.binding}: Deployment default/shop: 1 of 2 replicas updated")
    clusternet.runs("Deployment", "shop", {"replicas": 2}, up(2))
    assert (await doing.outcome()).message == "Created Subscription shop, and it is ready"


async def test_a_subscription_that_fails_in_a_cluster_will_not_become_ready(
    ns: LiveNamespace, clusternet: Clusternet
) -> None:
    clusternet.joins("east")
    west = clusternet.joins("west")
    clusternet.fails_in(west, "namespaces shop not found")
    error = await Doing(ns, subscribes(ns, SHOP)).failure()
    assert error.message == (
        "Created Subscription shop, but it will not become ready: "
        f"{west.binding}: Description shop-generic failed: namespaces shop not found"
    )
    assert error.type == FailureType.NOT_READY


async def test_a_subscription_that_is_bound_nowhere_is_waited_for(ns: LiveNamespace, clusternet: Clusternet) -> None:
    error = await Doing(ns, subscribes(ns, SHOP, timeout="4s")).failure()
    assert error.message.endswith("was not ready within 4s: Clusternet has bound it to no cluster yet")
    assert error.type == FailureType.TIMED_OUT


OVERRIDE = {"overridePolicy": "ApplyNow", "feed": SHOP, "overrides": []}
SINGLE: list[tuple[str, Callable[[str], Object], str]] = [
    ("Localization", lambda namespace: {"namespace": namespace, "spec": OVERRIDE}, "has not bound it to its feed"),
    ("Globalization", lambda _: {"spec": OVERRIDE}, "has not bound it to its feed"),
    ("HelmChart", lambda namespace: {"namespace": namespace, "spec": {}}, "has not looked for the chart"),
]


@pytest.mark.parametrize(("kind", "block", "waiting_for"), SINGLE, ids=[each[0] for each in SINGLE])
async def test_other_kinds_of_clusternet_are_waited_for_until_it_has_handled_them(
    ns: LiveNamespace, kind: str, block: Callable[[str], Object], waiting_for: str
) -> None:
    name = f"for-{ns.namespace}"
    field = f"{kind[0].lower()}{kind[1:]}"
    ns.define({"name": "make", "type": kind, "waitReady": True, field: {"name": name, **block(ns.namespace)}})
    doing = Doing(ns, ns.step("make"))
    await doing.waits(waiting_for)
    with Clusternet.at_work(ns.stack, ns.namespace):
        assert (await doing.outcome()).message == f"Created {kind} {name}, and it is ready"


def finishes(ns: LiveNamespace, phase: str = "Succeeded") -> None:
    """End the Job's pod as a kubelet would; the Job's own controller sees the rest."""
    says(ns, "pod", pod_of(ns), phase=phase)


def pod_of(ns: LiveNamespace) -> str:
    """Give the name of the Job's pod; empty where it has none yet."""
    return ns.kubectl("get", "pods", "-l", "job-name=shop", "-o", "jsonpath={.items[*].metadata.name}")
