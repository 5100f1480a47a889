"""`Cluster`: where requests go, and what is made of answers that are none."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
import yaml

from api.meta import API_VERSION
from api.objects import Target
from kube.client import OWN, Cluster
from kube.errors import (
    ApiError,
    ConfigurationError,
    ConflictError,
    NotFoundError,
    NotServedError,
    UnknownKindError,
    UnreachableError,
)
from tests.activities.live_namespace import LiveNamespace, config_map, gadgets, localization
from tests.eventually import DEADLINE
from tests.faulty_server import Answer, Cut, FaultyServer
from tests.manifests import execute


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "../../../api/v1/namespaces/default", "a%2fb"])
async def test_a_name_that_would_lead_elsewhere_is_refused_before_it_is_sent(
    faulty: FaultyServer, faulty_ns: LiveNamespace, name: str
) -> None:
    with pytest.raises(ApiError, match="is not a name that an object can have"):
        await faulty_ns.cluster.delete(config_map(name, faulty_ns.namespace), "a-uid", faulty_ns.actor)
    with pytest.raises(ApiError, match="is not a name that an object can have"):
        await faulty_ns.cluster.delete(config_map("app", name or ".."), "a-uid", faulty_ns.actor)
    assert faulty.count("DELETE", ".*") == 0


async def test_a_name_with_253_characters_is_a_name(ns: LiveNamespace) -> None:
    name = "n" * 253
    uid = ns.config_map(name)
    assert (await ns.cluster.metadata(config_map(name, ns.namespace), ns.actor))["uid"] == uid


async def test_only_metadata_is_fetched_where_only_that_decides(ns: LiveNamespace) -> None:
    ns.kubectl("create", "secret", "generic", "s", "--from-literal=password=correct-horse")
    target = Target(api_version="v1", kind="Secret", name="s", namespace=ns.namespace)
    assert "correct-horse" not in str(await ns.cluster.metadata(target, ns.actor))
    assert "data" in await ns.cluster.get(target, ns.actor)


async def test_a_deletion_under_another_uid_is_a_conflict(ns: LiveNamespace) -> None:
    uid = ns.config_map("app")
    with pytest.raises(ConflictError, match="UID in the precondition"):
        await ns.cluster.delete(config_map("app", ns.namespace), "another-uid", ns.actor)
    assert ns.uid("configmap", "app") == uid


@pytest.mark.parametrize("api_version", ["v1", "apps.clusternet.io/v1alpha1", "nowhere.example.com/v1"])
async def test_a_kind_that_is_not_served_is_told_apart_from_an_absent_object(
    ns: LiveNamespace, api_version: str
) -> None:
    target = Target(api_version=api_version, kind="Gadget", name="g", namespace=ns.namespace)
    with pytest.raises(UnknownKindError, match=f"knows no kind Gadget in {api_version}"):
        await ns.cluster.metadata(target, ns.actor)
    with pytest.raises(NotFoundError):
        await ns.cluster.metadata(config_map("absent", ns.namespace), ns.actor)


async def test_a_kind_is_looked_up_once(faulty: FaultyServer, faulty_ns: LiveNamespace) -> None:
    faulty_ns.config_map("app")
    for _ in range(3):
        await faulty_ns.cluster.metadata(config_map("app", faulty_ns.namespace), faulty_ns.actor)
    assert faulty.count("GET", "/api/v1") == 1


async def test_a_404_of_a_stray_proxy_proves_nothing(faulty: FaultyServer, faulty_ns: LiveNamespace) -> None:
    faulty_ns.config_map("app")
    faulty.fault("GET", "/configmaps/app", Answer(404, "<html>no such host</html>"))
    target = config_map("app", faulty_ns.namespace)
    with pytest.raises(NotServedError, match="answered 404 without an object"):
        await faulty_ns.cluster.metadata(target, faulty_ns.actor)
    assert await faulty_ns.cluster.metadata(target, faulty_ns.actor)


async def test_a_kind_is_not_unknown_while_the_server_names_its_group(
    faulty: FaultyServer, faulty_ns: LiveNamespace
) -> None:
    faulty.fault("GET", "/apis/apps.clusternet.io/v1alpha1", Answer(404, "page not found"))
    target = localization("nginx-loc-a", faulty_ns.namespace)
    with pytest.raises(NotServedError):
        await faulty_ns.cluster.metadata(target, faulty_ns.actor)
    with pytest.raises(NotFoundError):
        await faulty_ns.cluster.metadata(target, faulty_ns.actor)


async def test_a_kind_whose_definition_is_deleted_is_unknown_again(ns: LiveNamespace) -> None:
    ns.create(gadgets())
    ns.stack.kubectl("wait", "--for=condition=Established", "crd/gadgets.tests.example.com")
    admin = await Cluster.connect(str(ns.stack.layout.kubeconfig))
    target = Target(api_version="tests.example.com/v1", kind="Gadget", name="g", namespace=ns.namespace)
    with pytest.raises(NotFoundError):
        await admin.metadata(target, OWN)
    ns.stack.kubectl("delete", "crd", "gadgets.tests.example.com")
    await _until_unknown(admin, target)
    await admin.close()


async def _until_unknown(cluster: Cluster, target: Target) -> None:
    """Return once the kind is said to be unknown. Raises TimeoutError."""
    async with asyncio.timeout(DEADLINE):
        while True:
            try:
                await cluster.metadata(target, OWN)
            except UnknownKindError:
                return
            except ApiError:
                await asyncio.sleep(0.1)


async def test_a_list_is_read_to_its_last_page(ns: LiveNamespace) -> None:
    names = [f"e-{number:03}" for number in range(120)]
    ns.create({"apiVersion": "v1", "kind": "List", "items": [execute(name, "shop") for name in names]})
    ns.kubectl("label", "drpe", "e-007", "team=other")
    kind = Target(api_version=API_VERSION, kind="DRPlanExecution", name="", namespace=ns.namespace)
    pages = [page async for page in ns.cluster.pages(kind, "team!=other", OWN)]
    names.remove("e-007")
    assert [item["metadata"]["name"] for page in pages for item in page.items] == names
    assert len(pages) == 3


@pytest.mark.parametrize("method", ["DELETE", "POST", "PATCH"])
async def test_a_request_that_changes_something_is_sent_once_over_a_connection_that_breaks(
    faulty: FaultyServer, faulty_ns: LiveNamespace, method: str
) -> None:
    ns, target = faulty_ns, config_map("app", faulty_ns.namespace)
    uid = ns.config_map("app")
    await ns.cluster.metadata(target, ns.actor)
    faulty.fault(method, "/configmaps(/app)?", Cut.AFTER, times=9)
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "app"}}
    calls: dict[str, Callable[[], Awaitable[object]]] = {
        "DELETE": lambda: ns.cluster.delete(target, uid, ns.actor),
        "POST": lambda: ns.cluster.create(target, body, ns.actor),
        "PATCH": lambda: ns.cluster.apply(target, body, ns.actor),
    }
    with pytest.raises(UnreachableError, match="the API server gave no answer: "):
        await calls[method]()
    assert faulty.count(method, "/configmaps(/app)?") == 1


@pytest.mark.parametrize("answer", [Answer(200, "<html>proxy</html>"), Answer(200, "[]"), Answer(502, "bad gateway")])
async def test_an_answer_that_is_no_object_is_an_error_of_the_server(
    faulty: FaultyServer, faulty_ns: LiveNamespace, answer: Answer
) -> None:
    faulty.fault("GET", "/configmaps/app", answer)
    with pytest.raises(ApiError, match=r"answered .* without an object") as caught:
        await faulty_ns.cluster.metadata(config_map("app", faulty_ns.namespace), faulty_ns.actor)
    assert caught.value.status == 502


@pytest.mark.parametrize(("text", "seconds"), [("3", 3.0), ("Wed, 21 Oct 2026 07:28:00 GMT", 0.0), ("", None)])
async def test_retry_after_is_read_in_seconds(
    faulty: FaultyServer, faulty_ns: LiveNamespace, text: str, seconds: float | None
) -> None:
    faulty.fault("GET", "/configmaps/app", Answer(429, '{"message": "busy"}', {"Retry-After": text}))
    with pytest.raises(ApiError, match="busy") as caught:
        await faulty_ns.cluster.metadata(config_map("app", faulty_ns.namespace), faulty_ns.actor)
    assert caught.value.retry_after == seconds


async def test_a_kubeconfig_that_is_not_there_is_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="no Kubernetes configuration"):
        await Cluster.connect(str(tmp_path / "absent"))


@pytest.mark.parametrize("text", ["", "[]", "apiVersion: v1\nkind: Config\n", "{: not yaml"])
async def test_a_kubeconfig_that_says_nothing_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "kubeconfig"
    file.write_text(text)
    with pytest.raises(ConfigurationError, match="no Kubernetes configuration"):
        await Cluster.connect(str(file))


async def test_an_api_server_that_is_away_is_unreachable(ns: LiveNamespace, tmp_path: Path) -> None:
    config = yaml.safe_load(ns.stack.layout.kubeconfig_of("worker").read_text())
    config["clusters"][0]["cluster"]["server"] = "https://127.0.0.1:1"
    file = tmp_path / "kubeconfig"
    file.write_text(yaml.safe_dump(config))
    away = await Cluster.connect(str(file))
    with pytest.raises(UnreachableError):
        await away.version()
    await away.close()


async def test_a_certificate_that_is_not_trusted_is_told_as_such(ns: LiveNamespace, tmp_path: Path) -> None:
    config = yaml.safe_load(ns.stack.layout.kubeconfig_of("worker").read_text())
    del config["clusters"][0]["cluster"]["certificate-authority-data"]
    file = tmp_path / "kubeconfig"
    file.write_text(yaml.safe_dump(config))
    distrustful = await Cluster.connect(str(file))
    with pytest.raises(UnreachableError, match=r"(?i)certificate"):
        await distrustful.version()
    await distrustful.close()
