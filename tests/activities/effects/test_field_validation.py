"""Fields that a kind does not have are refused before anything changes, and the API server's warnings are told."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from api.attempts import RollbackInput
from api.failures import FailureType
from tests.activities.live_namespace import Attempt, LiveNamespace, Object
from tests.activities.orders import Task, execution_of, subscription
from tests.faulty_server import Answer, Fault, FaultyServer
from tests.manifests import writes
from tests.versioned_kind import VersionedKind

UNKNOWN = 'unknown field "spec.replcas"'


def deployment(ns: LiveNamespace, **spec: Any) -> Object:
    container = {"name": "a", "image": "example.com/none"}
    template = {"metadata": {"labels": {"a": "f03"}}, "spec": {"containers": [container]}}
    body = {"replicas": 0, "selector": {"matchLabels": {"a": "f03"}}, "template": template, **spec}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "f03", "namespace": ns.namespace},
        "spec": body,
    }


def task(ns: LiveNamespace, body: Object, operation: str, **more: Any) -> Task:
    return Task(ns, writes("do", json.dumps(body), operation), execution_of(ns), **more)


def there(ns: LiveNamespace) -> Object:
    found = ns.get("deployment", "f03")
    assert found is not None
    return found


@pytest.mark.parametrize("operation", ["Create", "Apply"])
async def test_an_unknown_field_makes_no_object(ns: LiveNamespace, operation: str) -> None:
    body = deployment(ns, replcas=3)
    body["spec"]["template"]["spec"]["containers"][0]["imagePullPolcy"] = "Never"
    error = await task(ns, body, operation).fails()
    assert (error.type, error.non_retryable) == (FailureType.INVALID, True)
    assert UNKNOWN in error.message
    assert 'unknown field "spec.template.spec.containers[0].imagePullPolcy"' in error.message
    assert ns.get("deployment", "f03") is None


@pytest.mark.parametrize("operation", ["Apply", "Patch"])
async def test_an_unknown_field_changes_no_object(ns: LiveNamespace, operation: str) -> None:
    ns.create(deployment(ns))
    before = there(ns)
    body = deployment(ns, replcas=3, replicas=1)
    error = await task(ns, body, operation, limit=0).fails()
    assert "replcas" in error.message
    assert error.non_retryable
    assert there(ns)["metadata"]["resourceVersion"] == before["metadata"]["resourceVersion"]


@pytest.mark.parametrize("patch_type", ["strategic", "json"])
async def test_an_unknown_field_is_refused_in_every_kind_of_patch(ns: LiveNamespace, patch_type: str) -> None:
    ns.create(deployment(ns))
    body = deployment(ns, replcas=3)
    if patch_type == "json":
        del body["spec"]
        body["patch"] = [{"op": "add", "path": "/spec/replcas", "value": 3}]
    action = writes("do", json.dumps(body), "Patch")
    action["resource"]["patchType"] = patch_type
    error = await Task(ns, action, execution_of(ns)).fails()
    assert UNKNOWN in error.message
    assert (error.type, error.non_retryable) == (FailureType.INVALID, True)


# What deletes before it creates.


def replaces(ns: LiveNamespace) -> Task:
    return Task(ns, subscription("s", ns.namespace, "Replace"), execution_of(ns))


def cleans_up(ns: LiveNamespace) -> Task:
    return Task(ns, subscription("s", ns.namespace, "Create", hookCleanup={"beforeCreate": True}), execution_of(ns))


def subscribed(ns: LiveNamespace) -> str:
    body = {"apiVersion": "apps.clusternet.io/v1alpha1", "kind": "Subscription", "metadata": {"name": "s"}}
    ns.create(body | {"spec": {"subscribers": [], "feeds": []}})
    return ns.uid("subscription", "s")


def refuses(faulty: FaultyServer, words: str, reason: str = "BadRequest", status: int = 400) -> Fault:
    """Refuse the next creation, which is a dry run."""
    body = {"kind": "Status", "reason": reason, "message": words}
    return faulty.fault("POST", "/subscriptions", Answer(status, json.dumps(body)))


@pytest.mark.parametrize("task_of", [replaces, cleans_up])
@pytest.mark.parametrize(("status", "reason"), [(400, "BadRequest"), (403, "Forbidden"), (422, "Invalid")])
async def test_nothing_is_deleted_where_the_new_object_would_be_refused(
    faulty: FaultyServer, faulty_ns: LiveNamespace, task_of: Callable[[LiveNamespace], Task], status: int, reason: str
) -> None:
    uid = subscribed(faulty_ns)
    asked = refuses(faulty, f"strict decoding error: {UNKNOWN}", reason, status)
    error = await task_of(faulty_ns).fails()
    assert UNKNOWN in error.message
    assert error.type == (FailureType.FORBIDDEN if status == 403 else FailureType.INVALID)
    assert error.non_retryable
    assert asked.met == 1
    assert faulty_ns.uid("subscription", "s") == uid
    assert faulty_ns.deletions() == {}


async def test_a_webhook_that_takes_no_dry_run_does_not_stop_a_replace(
    faulty: FaultyServer, faulty_ns: LiveNamespace
) -> None:
    uid = subscribed(faulty_ns)
    asked = refuses(faulty, 'admission webhook "w.example.com" does not support dry run')
    assert (await replaces(faulty_ns).run()).message == "Replaced Subscription s"
    assert asked.met == 1
    assert faulty_ns.uid("subscription", "s") != uid


# Warnings.


@pytest.fixture
def widgets(ns: LiveNamespace) -> Iterator[VersionedKind]:
    """A kind whose older version the API server warns of."""
    with VersionedKind.defined(ns.stack, ns.namespace) as kind:
        change = [{"op": "add", "path": "/spec/versions/0/deprecated", "value": True}]
        ns.stack.kubectl("patch", "crd", kind.name, "--type=json", f"--patch={json.dumps(change)}")
        yield kind


def says(widgets: VersionedKind) -> str:
    older, newer = widgets.api_version(), widgets.api_version("v1")
    return f"; the API server warns: {older} Widget is deprecated; use {newer} Widget"


@pytest.mark.parametrize(
    ("operation", "message"),
    [
        ("Create", "Created Widget w"),
        ("Apply", "Applied Widget w (created)"),
        ("Patch", "Patched Widget w"),
        ("Delete", "Deleted Widget w"),
    ],
)
async def test_a_warning_of_the_api_server_is_in_the_message(
    ns: LiveNamespace, widgets: VersionedKind, operation: str, message: str
) -> None:
    if operation in ("Patch", "Delete"):
        widgets.create("w", ns.namespace)
    body = widgets.body("w", x=2)
    body["metadata"]["namespace"] = ns.namespace
    assert (await task(ns, body, operation).run()).message == message + says(widgets)


async def test_a_warning_is_in_the_message_of_a_revert(ns: LiveNamespace, widgets: VersionedKind) -> None:
    uid, target = widgets.create("w", ns.namespace), widgets.target("w", ns.namespace)
    given = RollbackInput(step=ns.deletion(target, uid), actor=ns.actor)
    outcome = await Attempt().run(ns.rollbacks.rollback_action, given)
    assert outcome.message == "Rolled back: deleted Widget w" + says(widgets)


async def test_a_warning_is_in_the_message_of_a_failure(ns: LiveNamespace, widgets: VersionedKind) -> None:
    body = widgets.body("w")
    body["metadata"] |= {"namespace": ns.namespace, "labels": {"x": "not a label!"}}
    error = await task(ns, body, "Create").fails()
    assert error.message.startswith("Failed to create Widget: Widget")
    assert error.message.endswith(says(widgets))


async def test_several_warnings_are_told_once_each(ns: LiveNamespace) -> None:
    body = deployment(ns)
    variables = [{"name": "A", "value": "1"}, {"name": "A", "value": "2"}, {"name": "B"}, {"name": "B"}]
    body["spec"]["template"]["spec"]["containers"][0]["env"] = variables
    message = (await task(ns, body, "Create").run()).message
    assert message.startswith("Created Deployment f03; the API server warns: ")
    assert message.count("the API server warns") == 2
