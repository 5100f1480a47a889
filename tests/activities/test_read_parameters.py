"""Values that stand in live objects: read as the actor; what is not there is told, what may come is tried again."""

import json
from typing import Any

import pytest

from activities.authorize import actor_of
from activities.errors import ActionError
from activities.read import read_values
from api.execution import DRPlanExecution
from api.failures import FailureType
from api.objects import Actor
from api.plan import DRPlan
from api.workflow import DRWorkflow
from planning.values.parameters import Layers, Resolved, layers, resolve
from tests.activities.live_namespace import LiveNamespace, Object
from tests.faulty_server import Answer, Cut, FaultyServer
from tests.manifests import dr_plan, dr_workflow, execute, stage


def parameter(called: str, **ref: Any) -> Object:
    place = {"apiVersion": "v1", "kind": "ConfigMap", "jsonPath": "{.data.a}", **ref}
    return {"name": called, "valueFrom": {"manifestRef": place}}


def place(*parameters: Object) -> Layers:
    """Give the layers of a plan with these global parameters."""
    of = DRPlan.model_validate(dr_plan("shop", stage("s", "default", "w"), globalParams=list(parameters)))
    flow = DRWorkflow.model_validate(dr_workflow("w", {"name": "a", "type": "HTTP", "http": {"url": "http://a"}}))
    return layers(of, 0, 0, flow, DRPlanExecution.model_validate(execute("there", "shop")))


async def read(ns: LiveNamespace, *parameters: Object, actor: Actor | None = None) -> Resolved:
    of = place(*parameters)
    return resolve(of, await read_values(ns.cluster, actor or ns.actor, [of]))


def holds(ns: LiveNamespace, name: str, value: str, **labels: str) -> None:
    metadata = {"name": name, "labels": labels}
    ns.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"a": value}})


async def test_a_value_is_read_by_name(ns: LiveNamespace) -> None:
    holds(ns, "one", "east")
    found = await read(ns, parameter("region", namespace=ns.namespace, name="one"))
    assert (found.values, found.errors) == ({"region": "east"}, [])


async def test_objects_are_found_by_labels_in_one_namespace_or_in_all(ns: LiveNamespace) -> None:
    labels = f"mark={ns.namespace}"
    for name in ("one", "two"):
        holds(ns, name, name, mark=ns.namespace)
    here = parameter("here", namespace=ns.namespace, labelSelector=labels, select="Any", jsonPath="{.kind}")
    elsewhere = parameter("elsewhere", namespace="default", labelSelector=labels)
    everywhere = parameter("everywhere", labelSelector=labels, select="First")
    found = await read(ns, here, elsewhere, everywhere)
    assert found.values == {"here": "ConfigMap", "everywhere": "one"}
    assert [error.path for error in found.errors] == ["spec.globalParams[1].valueFrom.manifestRef"]


async def test_a_reference_may_name_what_another_value_says(ns: LiveNamespace) -> None:
    holds(ns, "pointer", "one")
    holds(ns, "one", "east")
    pointer = parameter("which", namespace=ns.namespace, name="pointer")
    of = place(pointer)
    above = parameter("region", namespace=ns.namespace, name="$(params.which)")
    both = Layers(of.plan_name, (*of.items, place(above).items[1]))
    assert resolve(both, await read_values(ns.cluster, ns.actor, [both])).values == {
        "which": "one",
        "region": "east",
    }


async def test_an_object_that_is_not_there_is_an_error_at_its_field(ns: LiveNamespace) -> None:
    found = await read(ns, parameter("region", namespace=ns.namespace, name="nowhere"))
    (error,) = found.errors
    assert error.path == "spec.globalParams[0].valueFrom.manifestRef"
    assert f"ConfigMap {ns.namespace}/nowhere" in error.message


@pytest.mark.parametrize("kind", ["ConfigMap", "Gizmo"])
async def test_what_the_actor_may_not_read_or_nobody_serves_is_an_error_and_not_tried_again(
    ns: LiveNamespace, kind: str
) -> None:
    nobody = actor_of(ns.namespace, "nobody")
    found = await read(ns, parameter("x", kind=kind, namespace=ns.namespace, name="one"), actor=nobody)
    (error,) = found.errors
    assert error.path.startswith("spec.globalParams[0].valueFrom.manifestRef")
    assert {"ConfigMap": f"{ns.namespace}:nobody", "Gizmo": "knows no kind Gizmo"}[kind] in error.message


@pytest.mark.parametrize("fault", [Cut.BEFORE, Answer(503, json.dumps({"message": "starting"}))], ids=str)
async def test_an_api_server_that_is_away_is_asked_again_later(
    faulty: FaultyServer, faulty_ns: LiveNamespace, fault: Cut | Answer
) -> None:
    holds(faulty_ns, "one", "east")
    faulty.fault("GET", "/configmaps/one", fault, times=9)
    with pytest.raises(ActionError, match=f"Failed to read ConfigMap {faulty_ns.namespace}/one") as caught:
        await read(faulty_ns, parameter("region", namespace=faulty_ns.namespace, name="one"))
    assert caught.value.type is FailureType.TRANSIENT


async def test_objects_beyond_the_bounds_are_an_error_that_names_the_field(
    ns: LiveNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("one", "two", "three"):
        holds(ns, name, name, mark=ns.namespace)
    many = parameter("many", namespace=ns.namespace, labelSelector=f"mark={ns.namespace}", select="First")
    assert len((await read(ns, many)).values) == 1
    monkeypatch.setattr("activities.read.MOST_OBJECTS", 2)
    [error] = (await read(ns, many)).errors
    assert error.path == "spec.globalParams[0].valueFrom.manifestRef"
    assert "more than 2 objects would be read for the parameters; narrow labelSelector down" in error.message
    monkeypatch.setattr("activities.read.MOST_BYTES", 300)
    [error] = (await read(ns, parameter("one", namespace=ns.namespace, name="one"))).errors
    assert "hold more than 300 bytes together; read from smaller ones" in error.message


async def test_what_many_places_ask_for_is_read_once(faulty: FaultyServer, faulty_ns: LiveNamespace) -> None:
    holds(faulty_ns, "one", "east")
    of = place(parameter("region", namespace=faulty_ns.namespace, name="one"))
    await read_values(faulty_ns.cluster, faulty_ns.actor, [of] * 30)
    assert faulty.count("GET", "/configmaps/one") == 1
