"""An action is carried out as its definition was at the start, whatever became of plan and DRWorkflow since."""

import base64
import json
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError

from api.execution import ActionOutputs
from api.meta import ObjectReference
from api.phases import Phase
from api.steps import FailureType, Part
from tests.activities.site import Attempt, Object, Site
from tests.activities.snapshot_of_a_plan import carry_out, keep
from tests.manifests import writes

SECRET = "correct-horse-battery"


def makes(name: str, text: str, **more: Any) -> Object:
    """Give an action that creates the ConfigMap of that name, with a text that may hold placeholders."""
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"text": text}}
    return writes(f"make-{name}", json.dumps(body), **more)


def text_of(site: Site, name: str) -> str:
    found = site.get("configmap", name)
    assert found is not None
    return str(found["data"]["text"])


def secret(site: Site, value: str = SECRET) -> None:
    """Create the Secret `db`."""
    body = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "db"}, "stringData": {"p": value}}
    site.create(body)


def from_secret(site: Site) -> Object:
    """Give the parameter `p`, which is read from that Secret."""
    place = {"apiVersion": "v1", "kind": "Secret", "namespace": site.namespace, "name": "db"}
    return {"name": "p", "valueFrom": {"manifestRef": {**place, "jsonPath": "{.data.p}"}}}


async def failure(*args: Any, **more: Any) -> ApplicationError:
    with pytest.raises(ApplicationError) as caught:
        await carry_out(*args, **more)
    return caught.value


def in_namespace(site: Site, action: Object) -> Object:
    manifest = json.loads(action["resource"]["manifest"])
    manifest["metadata"]["namespace"] = site.namespace
    return {**action, "resource": {**action["resource"], "manifest": json.dumps(manifest)}}


@pytest.mark.parametrize("fate", ["edited", "deleted"])
async def test_a_dr_workflow_that_was_edited_or_deleted_no_longer_matters(site: Site, fate: str) -> None:
    origin = await keep(site, in_namespace(site, makes("app", "as it was")))
    if fate == "deleted":
        site.kubectl("delete", "drworkflow/flow", "drplan/shop")
    else:
        patch = {"spec": {"actions": [in_namespace(site, makes("app", "as it is"))]}}
        site.kubectl("patch", "drworkflow", "flow", "--type=merge", "-p", json.dumps(patch))
    assert (await carry_out(site, origin, "make-app")).phase is Phase.SUCCEEDED
    assert text_of(site, "app") == "as it was"


async def test_placeholders_are_filled_in_with_what_was_kept_and_recorded(site: Site) -> None:
    text = "$(params.region) {{ .params.region }} $(planName) $(outputs.first.resourceRef.name) $(outputs.first.phase)"
    params = [{"name": "region", "value": "east"}]
    origin = await keep(site, in_namespace(site, makes("app", text)), globalParams=params)
    patch = {"spec": {"globalParams": [{"name": "region", "value": "west"}]}}
    site.kubectl("patch", "drplan", "shop", "--type=merge", "-p", json.dumps(patch))
    made = {"first": ActionOutputs(resource_ref=ObjectReference(name="one"))}
    await carry_out(site, origin, "make-app", outputs=made)
    assert text_of(site, "app") == "east east shop one Succeeded"


async def test_an_undefined_name_says_where_it_stands(site: Site) -> None:
    origin = await keep(site, in_namespace(site, makes("app", "$(params.nowhere)")))
    error = await failure(site, origin, "make-app")
    assert error.message.startswith("Action make-app cannot be carried out: resource.manifest: ")
    assert "nowhere" in error.message
    assert (error.type, error.non_retryable) == (FailureType.INVALID, True)


@pytest.mark.parametrize(("name", "index"), [("another", 0), ("make-app", 3)])
async def test_an_action_that_was_not_there_is_not_guessed(site: Site, name: str, index: int) -> None:
    origin = await keep(site, in_namespace(site, makes("app", "x")))
    error = await failure(site, origin, name, index)
    assert (error.type, error.message) == (
        FailureType.UNDEFINED,
        f"Action {name} is no longer defined in DRWorkflow {site.namespace}/flow",
    )


async def test_a_place_that_was_not_there_is_not_guessed(site: Site) -> None:
    origin = await keep(site, in_namespace(site, makes("app", "x")))
    error = await failure(site, origin.model_copy(update={"workflow": 1}), "make-app")
    assert error.type == FailureType.UNDEFINED
    assert f"{site.namespace}/flow" in error.message


async def test_an_actions_own_rollback_is_carried_out_as_it_was(site: Site) -> None:
    rollback = {"resource": in_namespace(site, makes("undone", "$(params.region)"))["resource"]}
    action = in_namespace(site, makes("app", "x", rollback=rollback))
    origin = await keep(site, action, globalParams=[{"name": "region", "value": "east"}])
    await carry_out(site, origin, "make-app", part=Part.ROLLBACK)
    assert text_of(site, "undone") == "east"
    assert site.get("configmap", "app") is None


# Secrets.


def makes_secret(site: Site, value: str = SECRET) -> Object:
    metadata = {"name": "made", "namespace": site.namespace}
    body = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": {"p": value}}
    return writes("make-secret", json.dumps(body))


async def test_secret_parts_come_from_the_definition_as_it_is_now(site: Site) -> None:
    origin = await keep(site, makes_secret(site))
    patch = {"spec": {"actions": [makes_secret(site, "rotated")]}}
    site.kubectl("patch", "drworkflow", "flow", "--type=merge", "-p", json.dumps(patch))
    await carry_out(site, origin, "make-secret")
    made = site.get("secret", "made")
    assert made is not None
    assert base64.b64decode(made["data"]["p"]) == b"rotated"


@pytest.mark.parametrize("fate", ["edited", "deleted"])
async def test_secret_parts_of_a_definition_that_changed_otherwise_are_not_mixed_in(site: Site, fate: str) -> None:
    origin = await keep(site, makes_secret(site))
    if fate == "deleted":
        site.kubectl("delete", "drworkflow", "flow")
    else:
        patch = {"spec": {"actions": [{**makes_secret(site), "timeout": "9m"}]}}
        site.kubectl("patch", "drworkflow", "flow", "--type=merge", "-p", json.dumps(patch))
    error = await failure(site, origin, "make-secret")
    assert error.type == FailureType.UNDEFINED
    assert error.message == (
        "The secret parts of action make-secret were not kept, and its definition in DRWorkflow "
        f"{site.namespace}/flow has changed since or is gone"
    )
    assert site.get("secret", "made") is None


async def test_a_parameter_from_a_secret_is_read_again_as_the_actor(site: Site) -> None:
    secret(site)
    origin = await keep(site, in_namespace(site, makes("app", "$(params.p)")), globalParams=[from_secret(site)])
    site.kubectl("delete", "secret", "db")
    secret(site, "rotated")
    site.kubectl("delete", "drplan", "shop")
    await carry_out(site, origin, "make-app")
    assert base64.b64decode(text_of(site, "app")) == b"rotated"


async def test_a_literal_secret_comes_from_wherever_it_stands(site: Site) -> None:
    action = in_namespace(site, makes("app", "$(params.token) $(params.password) $(params.apiKey)"))
    origin = await keep(
        site,
        action,
        params=[{"name": "token", "value": "of-execution"}],
        globalParams=[{"name": "password", "value": "of-plan"}, {"name": "token", "value": "replaced"}],
        parameters=[{"name": "apiKey", "default": "of-workflow"}],
    )
    await carry_out(site, origin, "make-app")
    assert text_of(site, "app") == "of-execution of-plan of-workflow"


async def test_a_secret_parameter_that_cannot_be_determined_again_fails_the_action(site: Site) -> None:
    secret(site)
    origin = await keep(site, in_namespace(site, makes("app", "$(params.p)")), globalParams=[from_secret(site)])
    site.kubectl("delete", "secret", "db")
    error = await failure(site, origin, "make-app")
    assert error.type == FailureType.UNDEFINED
    assert error.message.startswith("Action make-app uses secret values that were not kept")
    assert "parameters: p" in error.message
    assert "spec.globalParams[0].valueFrom.manifestRef" in error.message


async def test_an_action_without_the_secret_does_not_need_it(site: Site) -> None:
    secret(site)
    origin = await keep(site, in_namespace(site, makes("app", "plain")), globalParams=[from_secret(site)])
    site.kubectl("delete", "secret", "db")
    assert (await carry_out(site, origin, "make-app")).phase is Phase.SUCCEEDED


async def test_what_the_api_server_quotes_of_a_secret_is_hidden(site: Site) -> None:
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"namespace": site.namespace, "name": "app"}}
    body["metadata"]["labels"] = {"x": "$(params.token)!"}  # type: ignore[index]
    origin = await keep(site, writes("make", json.dumps(body)), params=[{"name": "token", "value": SECRET}])
    attempt = Attempt()
    error = await failure(site, origin, "make", attempt=attempt)
    assert "•••" in error.message
    told = [error.message, str(error.details), *(str(beat) for beat in attempt.beats)]
    cause: BaseException | None = error.__cause__
    assert cause is None
    assert SECRET not in " ".join(told)


async def test_a_manifest_that_its_secret_makes_unreadable_is_refused_without_quoting_it(site: Site) -> None:
    manifest = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: app}\ndata: {text: $(params.token)}\n"
    params = [{"name": "token", "value": "*correct-horse-battery"}]
    origin = await keep(site, writes("make", manifest), params=params)
    error = await failure(site, origin, "make")
    assert error.message == "The manifest of action make is not usable once its secret values are filled in"
    assert error.type == FailureType.INVALID
