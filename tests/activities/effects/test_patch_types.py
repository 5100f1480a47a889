"""The kinds of patches: merge, strategic and json; each has the effect of one, however often it is attempted."""

import json
from typing import Any

import pytest

from api.failures import FailureType
from api.meta import CREATED_BY_ANNOTATION
from api.phases import Phase
from tests.activities.live_namespace import LiveNamespace, Object
from tests.activities.orders import Task, execution_of, manifest
from tests.faulty_server import Cut, FaultyServer
from tests.manifests import writes

APP = "/configmaps/app"
SHOP = {"apiVersion": "apps/v1", "kind": "Deployment"}


def patches(ns: LiveNamespace, body: Object, patch_type: str | None = None, **more: Any) -> Task:
    action = writes("patch", json.dumps(body), "Patch")
    if patch_type is not None:
        action["resource"]["patchType"] = patch_type
    return Task(ns, action, execution_of(ns), **more)


def edits(ns: LiveNamespace, *operations: Object, name: str = "app", **more: Any) -> Task:
    return patches(ns, manifest(name, ns.namespace, patch=list(operations)), "json", **more)


def deployed(ns: LiveNamespace) -> None:
    app = {"name": "app", "image": "app:1", "env": [{"name": "DB", "value": "east"}]}
    template = {
        "metadata": {"labels": {"a": "f31"}},
        "spec": {"containers": [app, {"name": "sidecar", "image": "sc:1"}]},
    }
    spec = {"replicas": 0, "selector": {"matchLabels": {"a": "f31"}}, "template": template}
    ns.create({**SHOP, "metadata": {"name": "f31"}, "spec": spec})


def containers(ns: LiveNamespace) -> dict[str, Object]:
    found = ns.get("deployment", "f31")
    assert found is not None
    return {each["name"]: each for each in found["spec"]["template"]["spec"]["containers"]}


def image(ns: LiveNamespace) -> Object:
    spec = {"template": {"spec": {"containers": [{"name": "app", "image": "app:2"}]}}}
    return {**SHOP, "metadata": {"name": "f31", "namespace": ns.namespace}, "spec": spec}


def there(ns: LiveNamespace, **metadata: Any) -> None:
    ns.create(manifest("app", ns.namespace, metadata=metadata, data={"text": "old", "goes": "x", "stays": "y"}))


def found(ns: LiveNamespace) -> Object:
    seen = ns.get("configmap", "app")
    assert seen is not None
    return seen


@pytest.mark.parametrize("patch_type", [None, "merge"])
async def test_a_merge_patch_replaces_lists_and_says_what_went_with_them(
    ns: LiveNamespace, patch_type: str | None
) -> None:
    deployed(ns)
    outcome = await patches(ns, image(ns), patch_type).run()
    assert [*containers(ns)] == ["app"]
    path = "spec.template.spec.containers"
    gone = f"{path}[app].env, {path}[sidecar]"
    assert outcome.message == f"Patched Deployment f31; the merge patch replaced lists, so these are gone: {gone}"


async def test_a_merge_patch_that_names_all_items_loses_nothing(ns: LiveNamespace) -> None:
    deployed(ns)
    body = image(ns)
    kept = {"name": "app", "image": "app:2", "env": [{"name": "DB", "value": "west"}]}
    body["spec"]["template"]["spec"]["containers"] = [kept, {"name": "sidecar", "image": "sc:2"}]
    assert (await patches(ns, body).run()).message == "Patched Deployment f31"


async def test_a_strategic_merge_patch_merges_lists_by_name(ns: LiveNamespace) -> None:
    deployed(ns)
    task = patches(ns, image(ns), "strategic")
    assert (await task.run()).message == "Patched Deployment f31"
    now = containers(ns)
    assert (now["app"]["image"], now["app"]["env"]) == ("app:2", [{"name": "DB", "value": "east"}])
    assert now["sidecar"]["image"] == "sc:1"
    assert (await task.verify()).phase is Phase.SUCCEEDED
    assert (await task.run()).message == "Patched Deployment f31"


async def test_a_strategic_merge_patch_of_a_custom_resource_is_refused(ns: LiveNamespace) -> None:
    ns.create({"apiVersion": "apps.clusternet.io/v1alpha1", "kind": "HelmChart", "metadata": {"name": "c"}, "spec": {}})
    body = {"apiVersion": "apps.clusternet.io/v1alpha1", "kind": "HelmChart", "spec": {"chart": "x"}}
    error = await patches(ns, body | {"metadata": {"name": "c", "namespace": ns.namespace}}, "strategic").fails()
    assert (error.type, error.non_retryable) == (FailureType.INVALID, True)
    assert "application/merge-patch+json" in error.message


# JSON patches.


async def test_a_json_patch_changes_what_its_operations_say(ns: LiveNamespace) -> None:
    mark = {CREATED_BY_ANNOTATION: "other-uid/0/0/0"}
    there(ns, annotations=mark | {"note": "a"}, finalizers=["example.com/a"])
    await edits(
        ns,
        {"op": "test", "path": "/data/stays", "value": "y"},
        {"op": "replace", "path": "/data/text", "value": "new"},
        {"op": "remove", "path": "/data/goes"},
        {"op": "add", "path": "/data/added", "value": "z"},
        {"op": "add", "path": "/metadata/finalizers/-", "value": "example.com/b"},
        {"op": "replace", "path": "/metadata/annotations", "value": {"note": "b"}},
    ).run()
    assert found(ns)["data"] == {"text": "new", "stays": "y", "added": "z"}
    assert found(ns)["metadata"]["finalizers"] == ["example.com/a", "example.com/b"]
    assert found(ns)["metadata"]["annotations"] == mark | {"note": "b"}, "the mark of the creator stays"
    ns.let_go("configmap", "app")


async def test_a_json_patch_whose_test_fails_changes_nothing(ns: LiveNamespace) -> None:
    there(ns)
    wrong = {"op": "test", "path": "/data/stays", "value": "z"}
    error = await edits(ns, wrong, {"op": "replace", "path": "/data/text", "value": "new"}).fails()
    assert (error.type, error.non_retryable) == (FailureType.INVALID, True)
    assert found(ns)["data"]["text"] == "old"


async def test_a_manifest_without_operations_is_no_json_patch(ns: LiveNamespace) -> None:
    there(ns)
    error = await patches(ns, manifest("app", ns.namespace, data={"text": "new"}), "json").fails()
    assert error.message.startswith("Failed to patch ConfigMap: it has no list `patch`")
    assert (error.type, error.non_retryable) == (FailureType.INVALID, True)


APPENDS = {"op": "add", "path": "/metadata/finalizers/-", "value": "example.com/b"}


async def test_a_killed_json_patch_is_not_sent_twice(faulty: FaultyServer, faulty_ns: LiveNamespace) -> None:
    ns = faulty_ns
    there(ns, finalizers=["example.com/a"])
    task = edits(ns, APPENDS)
    accepted = faulty.fault("PATCH", APP, Cut.HANG)
    await task.killed(lambda: accepted.met == 1 and len(found(ns)["metadata"]["finalizers"]) == 2)
    ns.annotate("configmap", "app", touched="by-somebody")
    assert (await task.verify()).phase is Phase.SUCCEEDED
    assert (await task.run()).message == "Patched ConfigMap app"
    assert found(ns)["metadata"]["finalizers"] == ["example.com/a", "example.com/b"]
    assert faulty.count("PATCH", APP) == 1
    ns.let_go("configmap", "app")


async def test_a_json_patch_whose_answer_is_lost_is_found(faulty: FaultyServer, faulty_ns: LiveNamespace) -> None:
    ns = faulty_ns
    there(ns, finalizers=["example.com/a"])
    faulty.fault("PATCH", APP, Cut.AFTER)
    assert (await edits(ns, APPENDS).run()).message == "Patched ConfigMap app"
    assert found(ns)["metadata"]["finalizers"] == ["example.com/a", "example.com/b"]
    ns.let_go("configmap", "app")


async def test_a_json_patch_that_did_not_come_through_is_sent_again(
    faulty: FaultyServer, faulty_ns: LiveNamespace
) -> None:
    ns = faulty_ns
    there(ns, finalizers=["example.com/a"])
    task = edits(ns, APPENDS)
    faulty.fault("PATCH", APP, Cut.BEFORE)
    await task.fails()
    ns.annotate("configmap", "app", touched="by-somebody")
    assert (await task.run()).message == "Patched ConfigMap app"
    assert found(ns)["metadata"]["finalizers"] == ["example.com/a", "example.com/b"]
    ns.let_go("configmap", "app")


async def test_a_json_patch_begins_again_when_somebody_writes_first(
    faulty: FaultyServer, faulty_ns: LiveNamespace
) -> None:
    ns = faulty_ns
    there(ns, finalizers=["example.com/a"])
    task = edits(ns, APPENDS)
    faulty.fault("GET", APP, lambda: ns.annotate("configmap", "app", touched="by-somebody"))
    await task.run()
    assert found(ns)["metadata"]["finalizers"] == ["example.com/a", "example.com/b"]
    ns.let_go("configmap", "app")


async def test_a_killed_json_patch_of_an_object_whose_state_is_not_stored_has_an_unknown_outcome(
    faulty: FaultyServer, faulty_ns: LiveNamespace
) -> None:
    ns, path = faulty_ns, "/secrets/app"
    ns.create(manifest("app", ns.namespace, "Secret", stringData={"a": "b"}))
    body = manifest("app", ns.namespace, "Secret", patch=[{"op": "add", "path": "/data/c", "value": "ZA=="}])
    task = patches(ns, body, "json")
    accepted = faulty.fault("PATCH", path, Cut.HANG)
    await task.killed(lambda: accepted.met == 1 and "c" in (ns.get("secret", "app") or {})["data"])
    error = await task.fails()
    assert (error.type, error.non_retryable) == (FailureType.OUTCOME_UNKNOWN, True)
    assert "a JSON patch is not sent twice" in error.message
    assert faulty.count("PATCH", path) == 1
