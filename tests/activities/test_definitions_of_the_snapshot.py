"""An action is carried out as its definition was at the start, whatever became of plan and DRWorkflow since."""

import base64
import json
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError

from api.failures import FailureType
from api.meta import CREATED_BY_ANNOTATION, ObjectReference
from api.nodes import ActionOutputs
from api.phases import Phase
from api.steps import Part
from tests.activities.live_namespace import Attempt, LiveNamespace, Object
from tests.activities.snapshot_of_a_plan import carry_out, keep
from tests.manifests import execute, writes

SECRET = "correct-horse-battery"


def makes(name: str, text: str, **more: Any) -> Object:
    """Give an action that creates the ConfigMap of that name, with a text that may hold placeholders."""
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"text": text}}
    return writes(f"make-{name}", json.dumps(body), **more)


def text_of(ns: LiveNamespace, name: str) -> str:
    found = ns.get("configmap", name)
    assert found is not None
    return str(found["data"]["text"])


def secret(ns: LiveNamespace, value: str = SECRET) -> None:
    """Create the Secret `db`."""
    body = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "db"}, "stringData": {"p": value}}
    ns.create(body)


def from_secret(ns: LiveNamespace) -> Object:
    """Give the parameter `p`, which is read from that Secret."""
    place = {"apiVersion": "v1", "kind": "Secret", "namespace": ns.namespace, "name": "db"}
    return {"name": "p", "valueFrom": {"manifestRef": {**place, "jsonPath": "{.data.p}"}}}


async def failure(*args: Any, **more: Any) -> ApplicationError:
    with pytest.raises(ApplicationError) as caught:
        await carry_out(*args, **more)
    return caught.value


def in_namespace(ns: LiveNamespace, action: Object) -> Object:
    manifest = json.loads(action["resource"]["manifest"])
    manifest["metadata"]["namespace"] = ns.namespace
    return {**action, "resource": {**action["resource"], "manifest": json.dumps(manifest)}}


@pytest.mark.parametrize("fate", ["edited", "deleted"])
async def test_a_dr_workflow_that_was_edited_or_deleted_no_longer_matters(ns: LiveNamespace, fate: str) -> None:
    origin = await keep(ns, in_namespace(ns, makes("app", "as it was")))
    if fate == "deleted":
        ns.kubectl("delete", "drworkflow/flow", "drplan/shop")
    else:
        patch = {"spec": {"actions": [in_namespace(ns, makes("app", "as it is"))]}}
        ns.patch("drworkflow", "flow", patch)
    assert (await carry_out(ns, origin, "make-app")).phase is Phase.SUCCEEDED
    assert text_of(ns, "app") == "as it was"


async def test_an_object_of_another_execution_is_refused_with_the_name_of_that(ns: LiveNamespace) -> None:
    origin = await keep(ns, in_namespace(ns, makes("app", "text")))
    ns.create(execute("shop-move", "shop"))
    ns.config_map("app", annotations={CREATED_BY_ANNOTATION: f"{ns.uid('drplanexecution', 'shop-move')}/only/flow/a"})
    error = await failure(ns, origin, "make-app")
    assert error.message.endswith("already exists, and it was created by execution shop-move")


async def test_placeholders_are_filled_in_with_what_was_kept_and_recorded(ns: LiveNamespace) -> None:
    text = "$(params.region) {{ .params.region }} $(planName) $(outputs.first.resourceRef.name) $(outputs.first.phase)"
    params = [{"name": "region", "value": "east"}]
    origin = await keep(ns, in_namespace(ns, makes("app", text)), globalParams=params)
    patch = {"spec": {"globalParams": [{"name": "region", "value": "west"}]}}
    ns.patch("drplan", "shop", patch)
    made = {"first": ActionOutputs(resource_ref=ObjectReference(name="one"))}
    await carry_out(ns, origin, "make-app", outputs=made)
    assert text_of(ns, "app") == "east east shop one Succeeded"


async def test_an_undefined_name_says_where_it_stands(ns: LiveNamespace) -> None:
    origin = await keep(ns, in_namespace(ns, makes("app", "$(params.nowhere)")))
    error = await failure(ns, origin, "make-app")
    assert error.message.startswith("Action make-app cannot be carried out: resource.manifest: ")
    assert "nowhere" in error.message
    assert (error.type, error.non_retryable) == (FailureType.INVALID, True)


@pytest.mark.parametrize(("name", "index"), [("another", 0), ("make-app", 3)])
async def test_an_action_that_was_not_there_is_not_guessed(ns: LiveNamespace, name: str, index: int) -> None:
    origin = await keep(ns, in_namespace(ns, makes("app", "x")))
    error = await failure(ns, origin, name, index)
    assert (error.type, error.message) == (
        FailureType.UNDEFINED,
        f"Action {name} is no longer defined in DRWorkflow {ns.namespace}/flow",
    )


async def test_a_place_that_was_not_there_is_not_guessed(ns: LiveNamespace) -> None:
    origin = await keep(ns, in_namespace(ns, makes("app", "x")))
    error = await failure(ns, origin.model_copy(update={"workflow": 1}), "make-app")
    assert error.type == FailureType.UNDEFINED
    assert f"{ns.namespace}/flow" in error.message


async def test_an_actions_own_rollback_is_carried_out_as_it_was(ns: LiveNamespace) -> None:
    rollback = {"resource": in_namespace(ns, makes("undone", "$(params.region)"))["resource"]}
    action = in_namespace(ns, makes("app", "x", rollback=rollback))
    origin = await keep(ns, action, globalParams=[{"name": "region", "value": "east"}])
    await carry_out(ns, origin, "make-app", part=Part.ROLLBACK)
    assert text_of(ns, "undone") == "east"
    assert ns.get("configmap", "app") is None


# Secrets.


def makes_secret(ns: LiveNamespace, value: str = SECRET) -> Object:
    metadata = {"name": "made", "namespace": ns.namespace}
    body = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": {"p": value}}
    return writes("make-secret", json.dumps(body))


async def test_secret_parts_come_from_the_definition_as_it_is_now(ns: LiveNamespace) -> None:
    origin = await keep(ns, makes_secret(ns))
    patch = {"spec": {"actions": [makes_secret(ns, "rotated")]}}
    ns.patch("drworkflow", "flow", patch)
    await carry_out(ns, origin, "make-secret")
    made = ns.get("secret", "made")
    assert made is not None
    assert base64.b64decode(made["data"]["p"]) == b"rotated"


@pytest.mark.parametrize("fate", ["edited", "deleted"])
async def test_secret_parts_of_a_definition_that_changed_otherwise_are_not_mixed_in(
    ns: LiveNamespace, fate: str
) -> None:
    origin = await keep(ns, makes_secret(ns))
    if fate == "deleted":
        ns.delete("drworkflow", "flow")
    else:
        patch = {"spec": {"actions": [{**makes_secret(ns), "timeout": "9m"}]}}
        ns.patch("drworkflow", "flow", patch)
    error = await failure(ns, origin, "make-secret")
    assert error.type == FailureType.UNDEFINED
    assert error.message == (
        "The secret parts of action make-secret were not kept, and its definition in DRWorkflow "
        f"{ns.namespace}/flow has changed since or is gone"
    )
    assert ns.get("secret", "made") is None


async def test_a_parameter_from_a_secret_is_read_again_as_the_actor(ns: LiveNamespace) -> None:
    secret(ns)
    origin = await keep(ns, in_namespace(ns, makes("app", "$(params.p)")), globalParams=[from_secret(ns)])
    ns.delete("secret", "db")
    secret(ns, "rotated")
    ns.delete("drplan", "shop")
    await carry_out(ns, origin, "make-app")
    assert base64.b64decode(text_of(ns, "app")) == b"rotated"


async def test_a_literal_secret_comes_from_wherever_it_stands(ns: LiveNamespace) -> None:
    action = in_namespace(ns, makes("app", "$(params.token) $(params.password) $(params.apiKey)"))
    origin = await keep(
        ns,
        action,
        params=[{"name": "token", "value": "of-execution"}],
        globalParams=[{"name": "password", "value": "of-plan"}, {"name": "token", "value": "replaced"}],
        parameters=[{"name": "apiKey", "default": "of-workflow"}],
    )
    await carry_out(ns, origin, "make-app")
    assert text_of(ns, "app") == "of-execution of-plan of-workflow"


async def test_a_secret_parameter_that_cannot_be_determined_again_fails_the_action(ns: LiveNamespace) -> None:
    secret(ns)
    origin = await keep(ns, in_namespace(ns, makes("app", "$(params.p)")), globalParams=[from_secret(ns)])
    ns.delete("secret", "db")
    error = await failure(ns, origin, "make-app")
    assert error.type == FailureType.UNDEFINED
    assert error.message.startswith("Action make-app uses secret values that were not kept")
    assert "parameters: p" in error.message
    assert "spec.globalParams[0].valueFrom.manifestRef" in error.message


async def test_an_action_without_the_secret_does_not_need_it(ns: LiveNamespace) -> None:
    secret(ns)
    origin = await keep(ns, in_namespace(ns, makes("app", "plain")), globalParams=[from_secret(ns)])
    ns.delete("secret", "db")
    assert (await carry_out(ns, origin, "make-app")).phase is Phase.SUCCEEDED


async def test_what_the_api_server_quotes_of_a_secret_is_hidden(ns: LiveNamespace) -> None:
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"namespace": ns.namespace, "name": "app"}}
    body["metadata"]["labels"] = {"x": "$(params.token)!"}  # type: ignore[index]
    origin = await keep(ns, writes("make", json.dumps(body)), params=[{"name": "token", "value": SECRET}])
    attempt = Attempt()
    error = await failure(ns, origin, "make", attempt=attempt)
    assert "•••" in error.message
    told = [error.message, str(error.details), *(str(beat) for beat in attempt.beats)]
    cause: BaseException | None = error.__cause__
    assert cause is None
    assert SECRET not in " ".join(told)


async def test_a_manifest_that_its_secret_makes_unreadable_is_refused_without_quoting_it(ns: LiveNamespace) -> None:
    # A plain scalar gets the type of its value, so the name is a number and no name.
    manifest = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: $(params.token)}\n"
    params = [{"name": "token", "value": "4711471147"}]
    origin = await keep(ns, writes("make", manifest), params=params)
    error = await failure(ns, origin, "make")
    assert error.message == "The manifest of action make is not usable once its secret values are filled in"
    assert "4711471147" not in str(error.details)
    assert error.type == FailureType.INVALID


async def test_an_action_with_too_many_secrets_says_so_before_anything_is_searched_for_them(ns: LiveNamespace) -> None:
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"namespace": ns.namespace, "name": "app"}}
    data = {f"password-{number}": f"hunter-{number}" for number in range(1001)}
    origin = await keep(ns, writes("make", json.dumps({**body, "data": {"app.json": json.dumps(data)}})))
    error = await failure(ns, origin, "make")
    assert error.type == FailureType.INVALID
    assert error.message == ("Action make has more than 1000 secret values: divide it, or read them from a Secret")
    assert ns.get("configmap", "app") is None
