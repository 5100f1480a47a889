"""Create, Apply, Patch and Delete mean the same for each of the Clusternet kinds, and are recorded in its own field."""

from collections.abc import Iterator

import pytest

from api.execution import ActionOutputs
from api.meta import CREATED_BY_ANNOTATION, ObjectKey, ObjectReference
from api.phases import ActionType, Operation, Phase
from api.steps import ActionOutcome
from planning.definitions.action_types import ACTION_TYPES, CLUSTERNET
from tests.activities.orders import Task, execution_of
from tests.activities.site import Object, Site

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
def kind(request: pytest.FixtureRequest, site: Site) -> Iterator[ActionType]:
    yield request.param
    site.kubectl("delete", str(request.param).lower(), site.namespace, "--ignore-not-found", "--wait=false")


def task(site: Site, kind: ActionType, operation: str, execution: ObjectKey, spec: Object | None = None) -> Task:
    """Give the task for the object that bears the namespace's name: a Globalization's is of the whole cluster."""
    own = {"namespace": site.namespace} if ACTION_TYPES[kind].namespaced else {}
    block = {"name": site.namespace, "operation": operation, "spec": spec or SPECS[kind.value], **own}
    return Task(site, {"name": operation, "type": kind.value, ACTION_TYPES[kind].field: block}, execution)


def found(site: Site, kind: ActionType) -> Object | None:
    return site.get(kind.value.lower(), site.namespace)


def ended(site: Site, kind: ActionType, operation: Operation, words: str, created: bool, uid: str) -> ActionOutcome:
    namespace = site.namespace if ACTION_TYPES[kind].namespaced else None
    reference = ObjectReference(
        api_version=CLUSTERNET, kind=kind.value, namespace=namespace, name=site.namespace, uid=uid
    )
    return ActionOutcome(
        phase=Phase.SUCCEEDED,
        message=words,
        operation=operation,
        created=created,
        outputs=ActionOutputs.model_validate({ACTION_TYPES[kind].outputs[0]: reference}),
    )


async def test_an_object_comes_changes_and_goes(site: Site, kind: ActionType) -> None:
    called, execution = f"{kind.value} {site.namespace}", execution_of(site)
    create = task(site, kind, "Create", execution)
    outcome = await create.run()
    made = found(site, kind)
    assert made is not None
    uid = made["metadata"]["uid"]
    assert outcome == ended(site, kind, Operation.CREATE, f"Created {called}", True, uid)
    assert made["metadata"]["annotations"] == {CREATED_BY_ANNOTATION: create.mark}
    assert made["spec"] == SPECS[kind.value]
    outcome = await task(site, kind, "Patch", execution, CHANGES[kind.value]).run()
    assert outcome == ended(site, kind, Operation.PATCH, f"Patched {called}", False, uid)
    patched = found(site, kind)
    assert patched is not None
    assert patched["spec"] == SPECS[kind.value] | CHANGES[kind.value]
    outcome = await task(site, kind, "Delete", execution).run()
    assert outcome == ended(site, kind, Operation.DELETE, f"Deleted {called}", False, uid)
    assert found(site, kind) is None


async def test_apply_makes_what_is_absent_and_changes_what_is_there(site: Site, kind: ActionType) -> None:
    called, execution = f"{kind.value} {site.namespace}", execution_of(site)
    outcome = await task(site, kind, "Apply", execution).run()
    made = found(site, kind)
    assert made is not None
    uid = made["metadata"]["uid"]
    assert outcome == ended(site, kind, Operation.APPLY, f"Applied {called} (created)", True, uid)
    again = task(site, kind, "Apply", execution, SPECS[kind.value] | CHANGES[kind.value])
    again.action["name"] = "another"
    outcome = await again.run()
    assert outcome == ended(site, kind, Operation.APPLY, f"Applied {called} (it existed before)", False, uid)
    applied = found(site, kind)
    assert applied is not None
    assert applied["spec"] == SPECS[kind.value] | CHANGES[kind.value]
    kept = again.kept()
    assert kept is not None
    assert kept.found["spec"] == SPECS[kind.value]
