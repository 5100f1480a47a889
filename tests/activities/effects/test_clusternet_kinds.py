"""Create, Apply, Patch and Delete mean the same for each of the Clusternet kinds, and are recorded in its own field."""

from collections.abc import Iterator

import pytest

from api.attempts import ActionOutcome
from api.meta import CREATED_BY_ANNOTATION, ObjectKey, ObjectReference
from api.nodes import ActionOutputs
from api.phases import ActionType, Operation, Phase
from planning.definitions.action_types import ACTION_TYPES, CLUSTERNET
from tests.activities.live_namespace import LiveNamespace, Object
from tests.activities.orders import Task, execution_of

TYPES = [action_type for action_type, kind in ACTION_TYPES.items() if kind.api_version == CLUSTERNET]
FEED = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "shop", "namespace": "default"}
SPECS: dict[str, Object] = {
    "Localization": {"feed": FEED, "overridePolicy": "ApplyNow", "priority": 1, "overrides": []},
    "Globalization": {"feed": FEED, "overridePolicy": "ApplyNow", "priority": 1, "overrides": []},
    "HelmChart": {"repo": "https://charts.example.com", "chart": "shop", "targetNamespace": "shop", "version": "1.0.0"},
    "Subscription": {"subscribers": [], "feeds": [FEED], "schedulingStrategy": "Replication"},
}
CHANGES: dict[str, Object] = {
    "Localization": {"priority": 7},
    "Globalization": {"priority": 7},
    "HelmChart": {"version": "2.0.0"},
    "Subscription": {"schedulingStrategy": "Dividing"},
}


@pytest.fixture(params=TYPES, ids=str)
def kind(request: pytest.FixtureRequest, ns: LiveNamespace) -> Iterator[ActionType]:
    yield request.param
    ns.kubectl("delete", str(request.param).lower(), ns.namespace, "--ignore-not-found", "--wait=false")


def task(ns: LiveNamespace, kind: ActionType, operation: str, execution: ObjectKey, spec: Object | None = None) -> Task:
    """Give the task for the object that bears the namespace's name: a Globalization's is of the whole cluster."""
    own = {"namespace": ns.namespace} if ACTION_TYPES[kind].namespaced else {}
    block = {"name": ns.namespace, "operation": operation, "spec": spec or SPECS[kind.value], **own}
    return Task(ns, {"name": operation, "type": kind.value, ACTION_TYPES[kind].field: block}, execution)


def found(ns: LiveNamespace, kind: ActionType) -> Object | None:
    return ns.get(kind.value.lower(), ns.namespace)


def ended(
    ns: LiveNamespace, kind: ActionType, operation: Operation, words: str, created: bool, uid: str
) -> ActionOutcome:
    namespace = ns.namespace if ACTION_TYPES[kind].namespaced else None
    reference = ObjectReference(
        api_version=CLUSTERNET, kind=kind.value, namespace=namespace, name=ns.namespace, uid=uid
    )
    return ActionOutcome(
        phase=Phase.SUCCEEDED,
        message=words,
        operation=operation,
        created=created,
        outputs=ActionOutputs.model_validate({ACTION_TYPES[kind].outputs[0]: reference}),
    )


async def test_an_object_comes_changes_and_goes(ns: LiveNamespace, kind: ActionType) -> None:
    called, execution = f"{kind.value} {ns.namespace}", execution_of(ns)
    create = task(ns, kind, "Create", execution)
    outcome = await create.run()
    made = found(ns, kind)
    assert made is not None
    uid = made["metadata"]["uid"]
    assert outcome == ended(ns, kind, Operation.CREATE, f"Created {called}", True, uid)
    assert made["metadata"]["annotations"] == {CREATED_BY_ANNOTATION: create.mark}
    assert made["spec"] == SPECS[kind.value]
    outcome = await task(ns, kind, "Patch", execution, CHANGES[kind.value]).run()
    assert outcome == ended(ns, kind, Operation.PATCH, f"Patched {called}", False, uid)
    patched = found(ns, kind)
    assert patched is not None
    assert patched["spec"] == SPECS[kind.value] | CHANGES[kind.value]
    outcome = await task(ns, kind, "Delete", execution).run()
    assert outcome == ended(ns, kind, Operation.DELETE, f"Deleted {called}", False, uid)
    assert found(ns, kind) is None


async def test_apply_makes_what_is_absent_and_changes_what_is_there(ns: LiveNamespace, kind: ActionType) -> None:
    called, execution = f"{kind.value} {ns.namespace}", execution_of(ns)
    outcome = await task(ns, kind, "Apply", execution).run()
    made = found(ns, kind)
    assert made is not None
    uid = made["metadata"]["uid"]
    assert outcome == ended(ns, kind, Operation.APPLY, f"Applied {called} (created)", True, uid)
    again = task(ns, kind, "Apply", execution, SPECS[kind.value] | CHANGES[kind.value])
    again.action["name"] = "another"
    outcome = await again.run()
    assert outcome == ended(ns, kind, Operation.APPLY, f"Applied {called} (it existed before)", False, uid)
    applied = found(ns, kind)
    assert applied is not None
    assert applied["spec"] == SPECS[kind.value] | CHANGES[kind.value]
    kept = again.kept()
    assert kept is not None
    assert kept.found["spec"] == SPECS[kind.value]
