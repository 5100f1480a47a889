"""An Apply owns what it sets: what a later one no longer names goes away, also if our POST had created it."""

import json
from typing import Any

import pytest

from api.meta import CREATED_BY_ANNOTATION, ObjectKey
from tests.activities.live_namespace import LiveNamespace, Object
from tests.activities.orders import Task, execution_of, manifest
from tests.faulty_server import Cut, FaultyServer
from tests.manifests import writes

APP = "/configmaps/app"


def task(ns: LiveNamespace, name: str, operation: str, execution: ObjectKey, **fields: Any) -> Task:
    return Task(ns, writes(name, json.dumps(manifest("app", ns.namespace, **fields)), operation), execution)


def found(ns: LiveNamespace) -> Object:
    seen = ns.get("configmap", "app")
    assert seen is not None
    return seen


def managers(ns: LiveNamespace) -> set[tuple[str, str]]:
    return {(each["manager"], each["operation"]) for each in found(ns)["metadata"]["managedFields"]}


@pytest.mark.parametrize("first", ["Create", "Apply"])
async def test_a_field_that_a_later_apply_does_not_name_goes(ns: LiveNamespace, first: str) -> None:
    execution = execution_of(ns)
    labels = {"labels": {"stays": "a", "goes": "b"}, "annotations": {"note": "goes"}}
    await task(ns, "first", first, execution, metadata=labels, data={"a": "1", "b": "2"}).run()
    mark = found(ns)["metadata"]["annotations"][CREATED_BY_ANNOTATION]
    again = task(ns, "second", "Apply", execution, metadata={"labels": {"stays": "a"}}, data={"a": "1"})
    assert (await again.run()).message == "Applied ConfigMap app (it existed before)"
    seen = found(ns)
    assert seen["data"] == {"a": "1"}
    assert seen["metadata"]["labels"] == {"stays": "a"}
    assert seen["metadata"]["annotations"] == {CREATED_BY_ANNOTATION: mark}, "the mark of the creator stays"
    assert ("drplan", "Apply") in managers(ns)
    version = seen["metadata"]["resourceVersion"]
    await again.run()
    assert found(ns)["metadata"]["resourceVersion"] == version, "a repeat changes nothing"
    await task(ns, "third", "Apply", execution, data={"c": "3"}).run()
    assert found(ns)["data"] == {"c": "3"}
    assert found(ns)["metadata"]["annotations"] == {CREATED_BY_ANNOTATION: mark}


async def test_what_others_set_and_what_a_patch_set_stays(ns: LiveNamespace) -> None:
    execution = execution_of(ns)
    await task(ns, "first", "Apply", execution, data={"a": "1", "b": "2"}).run()
    ns.kubectl("patch", "configmap", "app", "--type=merge", '--patch={"data":{"theirs":"x"}}')
    await task(ns, "patch", "Patch", execution, data={"patched": "y"}).run()
    await task(ns, "second", "Apply", execution, data={"a": "2"}).run()
    assert found(ns)["data"] == {"a": "2", "theirs": "x", "patched": "y"}
    assert {("drplan-patch", "Update"), ("drplan", "Apply")} <= managers(ns)


async def test_an_object_that_somebody_else_created_keeps_what_it_has(ns: LiveNamespace) -> None:
    ns.create(manifest("app", ns.namespace, data={"theirs": "x"}))
    await task(ns, "first", "Apply", execution_of(ns), data={"a": "1"}).run()
    assert found(ns)["data"] == {"a": "1", "theirs": "x"}


async def test_an_attempt_that_was_killed_after_the_handover_does_not_count_as_done(
    faulty: FaultyServer, faulty_ns: LiveNamespace
) -> None:
    ns, execution = faulty_ns, execution_of(faulty_ns)
    await task(ns, "first", "Create", execution, data={"a": "1", "b": "2"}).run()
    again = task(ns, "second", "Apply", execution, data={"a": "1"})
    assert (await again.verify()).phase == "Canceled", "without the handover, the apply looks as if it was made"
    handing = faulty.fault("PATCH", APP, Cut.HANG)
    await again.killed(lambda: handing.met == 1 and ("drplan", "Apply") in managers(ns))
    assert found(ns)["data"] == {"a": "1", "b": "2"}
    await again.run()
    assert found(ns)["data"] == {"a": "1"}
    kept = again.kept()
    assert kept is not None
    assert kept.found["data"] == {"a": "1", "b": "2"}


async def test_a_killed_apply_whose_prior_state_was_stored_is_sent_again(
    faulty: FaultyServer, faulty_ns: LiveNamespace
) -> None:
    ns, execution = faulty_ns, execution_of(faulty_ns)
    await task(ns, "first", "Create", execution, data={"a": "1", "b": "2"}).run()
    again = task(ns, "second", "Apply", execution, data={"a": "1"})
    faulty.fault("PATCH", "/nothing", Cut.BEFORE)
    lost = faulty.fault("PATCH", APP, lambda: faulty.fault("PATCH", APP, Cut.BEFORE, times=1))
    error = await again.fails()
    assert not error.non_retryable
    assert lost.met == 1
    ns.annotate("configmap", "app", touched="by-somebody")
    await again.run()
    assert found(ns)["data"] == {"a": "1"}
    assert found(ns)["metadata"]["annotations"]["touched"] == "by-somebody"
