"""An API version that is not served says nothing about the objects: they are found through one that is."""

import json
from collections.abc import Iterator
from uuid import uuid4

import pytest

from api.objects import Actor, Target
from api.reasons import Reason
from kube.client import OWN, Cluster
from kube.errors import ApiError, KindGoneError, NotFoundError, NotServedError, UnknownKindError
from kube.request import WriteOptions
from tests.activities.live_namespace import LiveNamespace, gadgets
from tests.eventually import eventually
from tests.faulty_server import Answer, FaultyServer
from tests.versioned_kind import VersionedKind

AFTER_A_CHANGE = 12
"""Times that an object is looked for once the API server says that it serves other versions."""


@pytest.fixture
def widgets(ns: LiveNamespace) -> Iterator[VersionedKind]:
    with VersionedKind.defined(ns.stack, ns.namespace) as kind:
        yield kind


@pytest.fixture
def faulty_widgets(faulty_ns: LiveNamespace) -> Iterator[VersionedKind]:
    with VersionedKind.defined(faulty_ns.stack, faulty_ns.namespace) as kind:
        yield kind


@pytest.mark.parametrize("known", [False, True], ids=["discovered now", "discovered while it was served"])
async def test_an_object_is_read_and_deleted_through_the_version_that_is_served(
    ns: LiveNamespace, widgets: VersionedKind, known: bool
) -> None:
    uid, target = widgets.create("w", ns.namespace), widgets.target("w", ns.namespace)
    if known:
        assert (await ns.cluster.get(target, ns.actor))["apiVersion"] == widgets.api_version("v1beta1")
    widgets.serve("v1")
    assert (await ns.cluster.metadata(target, ns.actor))["uid"] == uid
    assert (await ns.cluster.get(target, ns.actor))["apiVersion"] == widgets.api_version("v1")
    listed = [one["metadata"]["uid"] async for page in ns.cluster.pages(target, "", ns.actor) for one in page.items]
    assert listed == [uid]
    with pytest.raises(ApiError):
        await ns.cluster.delete(target, "another-uid", ns.actor)
    await ns.cluster.delete(target, uid, ns.actor)
    assert widgets.uid("w", ns.namespace) is None
    with pytest.raises(NotFoundError):
        await ns.cluster.metadata(target, ns.actor)


async def test_what_is_sent_in_a_version_that_is_not_served_fails_and_names_one_that_is(
    ns: LiveNamespace, widgets: VersionedKind
) -> None:
    widgets.create("w", ns.namespace)
    widgets.serve("v1")
    target = widgets.target("w", ns.namespace)
    expected = f"knows no kind Widget in {widgets.api_version()}; it serves that kind in {widgets.api_version('v1')}"
    for call in (
        ns.cluster.create(target, widgets.body("w"), ns.actor),
        ns.cluster.apply(target, widgets.body("w"), ns.actor),
        ns.cluster.patch(target, {"spec": {"x": 2}}, ns.actor, WriteOptions(dry_run=True)),
        ns.cluster.place(target),
    ):
        with pytest.raises(UnknownKindError, match=expected) as raised:
            await call
        assert raised.value.repeatable
        assert raised.value.why is Reason.VERSION_NOT_SERVED
    assert (await ns.cluster.place(target, in_any_version=True)).namespace == ns.namespace


async def test_objects_of_a_kind_that_is_defined_and_not_served_may_exist(
    ns: LiveNamespace, widgets: VersionedKind
) -> None:
    uid, target = widgets.create("w", ns.namespace), widgets.target("w", ns.namespace)
    widgets.serve()
    for call in (ns.cluster.metadata(target, ns.actor), ns.cluster.delete(target, uid, ns.actor)):
        with pytest.raises(
            UnknownKindError, match=f"but the CustomResourceDefinition {widgets.name} still exists"
        ) as e:
            await call
        assert not isinstance(e.value, KindGoneError)
        assert e.value.why is Reason.KIND_NOT_SERVED
    widgets.serve("v1beta1")
    assert (await ns.cluster.metadata(target, ns.actor))["uid"] == uid


async def test_a_kind_is_gone_once_its_definition_is(ns: LiveNamespace, widgets: VersionedKind) -> None:
    target = widgets.target("w", ns.namespace)
    with pytest.raises(NotFoundError):
        await ns.cluster.metadata(target, ns.actor)
    widgets.delete()
    with pytest.raises(KindGoneError, match=f"knows no kind Widget in {widgets.api_version()}$"):
        await ns.cluster.metadata(target, ns.actor)


async def test_a_kind_is_not_gone_because_another_one_of_its_group_is_served(
    ns: LiveNamespace, widgets: VersionedKind
) -> None:
    uid, target = widgets.create("w", ns.namespace), widgets.target("w", ns.namespace)
    other = gadgets()
    other["metadata"]["name"] = f"gadgets.{widgets.group}"
    other["spec"]["group"] = widgets.group
    other["spec"]["versions"][0]["name"] = "v1beta1"
    ns.create(other)
    widgets.serve("v1", wait=False)
    try:

        async def through_v1() -> bool:
            try:
                found = await ns.cluster.get(target, ns.actor)
                return bool(found["apiVersion"] == widgets.api_version("v1"))
            except NotServedError:
                return False

        await eventually(through_v1)
        assert (await ns.cluster.metadata(target, ns.actor))["uid"] == uid
        gizmo = target.model_copy(update={"kind": "Gizmo"})
        with pytest.raises(KindGoneError):
            await ns.cluster.metadata(gizmo, ns.actor)
    finally:
        ns.stack.kubectl("delete", "crd", other["metadata"]["name"], "--wait=false")


async def test_at_no_moment_of_a_change_is_an_object_absent(ns: LiveNamespace, widgets: VersionedKind) -> None:
    """Discovery, the definition and the paths change one after the other."""
    uid, target = widgets.create("w", ns.namespace), widgets.target("w", ns.namespace)
    for versions in (("v1",), (), ("v1beta1",), ("v1beta1", "v1"), ("v1",)):
        widgets.serve(*versions, wait=False)
        rounds_after_it = 0
        while rounds_after_it < AFTER_A_CHANGE:
            rounds_after_it += bool(rounds_after_it) or widgets.serves(*versions)
            fresh = await Cluster.connect(str(ns.stack.layout.kubeconfig_of("worker")))
            answers = [await _answer(cluster, target, ns.actor) for cluster in (ns.cluster, fresh)]
            await fresh.close()
            assert all(answer == uid for answer in answers if isinstance(answer, str))
            assert not any(isinstance(answer, NotFoundError | KindGoneError) for answer in answers)
            assert all(answer.repeatable for answer in answers if isinstance(answer, ApiError))


async def _answer(cluster: Cluster, target: Target, actor: Actor) -> str | ApiError:
    """Return an object's uid, or the error of reading it."""
    try:
        return str((await cluster.metadata(target, actor))["uid"])
    except ApiError as error:
        return error


async def test_objects_of_a_group_that_moved_are_found_in_the_new_one(ns: LiveNamespace) -> None:
    body = {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": {"name": "i"}}
    ns.create(body | {"spec": {"defaultBackend": {"service": {"name": "s", "port": {"number": 80}}}}})
    target = Target(api_version="extensions/v1beta1", kind="Ingress", name="i", namespace=ns.namespace)
    admin = await Cluster.connect(str(ns.stack.layout.kubeconfig))
    assert (await admin.metadata(target, OWN))["uid"] == ns.uid("ingress", "i")
    await admin.close()


# What is no answer about a kind.


@pytest.fixture
def dead_group(ns: LiveNamespace) -> Iterator[str]:
    """An aggregated API whose backend does not exist."""
    group = f"dead-{uuid4().hex[:8]}.example.com"
    name = f"v1.{group}"
    spec = {"group": group, "version": "v1", "groupPriorityMinimum": 100, "versionPriority": 10}
    spec |= {"service": {"name": "nobody", "namespace": ns.namespace}, "insecureSkipTLSVerify": True}
    api = {"apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService", "metadata": {"name": name}, "spec": spec}
    ns.stack.kubectl("create", "--filename=-", stdin=json.dumps(api))
    yield group
    ns.stack.kubectl("delete", "apiservice", name)


@pytest.mark.parametrize("version", ["v1", "v2"])
async def test_a_dead_aggregated_api_says_nothing_about_its_objects(
    ns: LiveNamespace, dead_group: str, version: str
) -> None:
    target = Target(api_version=f"{dead_group}/{version}", kind="Gadget", name="g", namespace=ns.namespace)

    async def listed() -> bool:
        try:
            await ns.cluster.metadata(target, ns.actor)
        except KindGoneError:
            return False  # The API server has not begun to serve the group.
        except ApiError as error:
            return error.repeatable
        raise AssertionError

    await eventually(listed)
    for _ in range(5):
        with pytest.raises(ApiError) as raised:
            await ns.cluster.metadata(target, ns.actor)
        assert not isinstance(raised.value, NotFoundError | KindGoneError)
        assert raised.value.repeatable


@pytest.mark.parametrize("answer", [Answer(404, "<html>"), Answer(404, "{}"), Answer(200, "{}"), Answer(503, "busy")])
@pytest.mark.parametrize(
    "path", ["/apis", "/apis/bugs-[^/]*/v1", "/customresourcedefinitions", "/customresourcedefinitions/widgets.*"]
)
async def test_what_a_proxy_answers_to_discovery_does_not_make_an_object_absent(
    faulty: FaultyServer, faulty_ns: LiveNamespace, faulty_widgets: VersionedKind, path: str, answer: Answer
) -> None:
    ns, widgets = faulty_ns, faulty_widgets
    uid, target = widgets.create("w", ns.namespace), widgets.target("w", ns.namespace)
    served = () if "definitions" in path else ("v1",)
    widgets.serve(*served)
    fault = faulty.fault("GET", path, answer, times=2)
    for _ in range(2):
        with pytest.raises(ApiError) as raised:
            await ns.cluster.metadata(target, ns.actor)
        assert not isinstance(raised.value, NotFoundError | KindGoneError)
        assert raised.value.repeatable
    assert fault.met == 2
    widgets.serve("v1")
    assert (await ns.cluster.metadata(target, ns.actor))["uid"] == uid


@pytest.mark.parametrize(
    ("api_version", "kind", "hint"),
    [
        ("v1", "configmap", "did you mean ConfigMap?"),
        ("v1", "ConfigMaps", "did you mean ConfigMap?"),
        ("v1", "cm", "did you mean ConfigMap?"),
        ("apps/v1", "deployments", "did you mean Deployment?"),
        ("v1", "Deployment", "it serves a kind of that name in apps/v1"),
        ("apps/v1beta1", "Deployment", "it serves that kind in apps/v1"),
    ],
)
async def test_a_kind_that_no_definition_can_bring_is_not_waited_for(
    ns: LiveNamespace, api_version: str, kind: str, hint: str
) -> None:
    with pytest.raises(UnknownKindError) as raised:
        await ns.cluster.place(Target(api_version=api_version, kind=kind, name="app"))
    assert str(raised.value) == f"the API server knows no kind {kind} in {api_version}; {hint}"
    assert not raised.value.repeatable
    assert raised.value.why is (Reason.KIND_MISSPELT if "did you mean" in hint else Reason.VERSION_NOT_SERVED)


async def test_a_kind_that_a_definition_may_bring_is_waited_for_unless_its_name_is_misspelled(
    ns: LiveNamespace, widgets: VersionedKind
) -> None:
    with pytest.raises(UnknownKindError) as raised:
        await ns.cluster.place(Target(api_version=widgets.api_version(), kind="Gizmo", name="app"))
    assert raised.value.repeatable
    misspelled = Target(api_version=widgets.api_version(), kind="widget", name="app", namespace=ns.namespace)
    with pytest.raises(UnknownKindError, match=r"did you mean Widget\?") as raised:
        await ns.cluster.place(misspelled)
    assert not raised.value.repeatable
    with pytest.raises(UnknownKindError, match=r"did you mean Widget\?") as raised:
        await ns.cluster.metadata(misspelled, ns.actor)
    assert not isinstance(raised.value, KindGoneError), "a slip is no proof that there is nothing"
