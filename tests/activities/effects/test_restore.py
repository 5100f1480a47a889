"""A Revert restores what a Patch, Apply, Delete or Replace changed: nothing more, and with the owners from before."""

import json
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError

from activities.effects.restore import ObjectRestoration
from activities.errors import ActionError
from activities.observe import observe
from api.attempts import ActionOutcome, RollbackInput
from api.failures import FailureType
from api.meta import RESTORED_BY_ANNOTATION
from api.nodes import SnapshotRef
from api.phases import Phase
from api.proof import ActionProof
from api.steps import Attempts, Deletion, Restoration, RollbackStep
from planning.definitions.identifiers import RecordKind
from planning.effects.prior_state import prior_state_of, read, why_not_restored
from planning.effects.proof import compared_with_state
from planning.effects.restoration import content
from planning.snapshot.documents import digest
from tests.activities.live_namespace import Attempt, LiveNamespace, Object, localization
from tests.activities.orders import Task, execution_of, manifest, subscription
from tests.faulty_server import Answer, Cut, FaultyServer
from tests.manifests import writes

APP = "/deployments/app"


def deployment(ns: LiveNamespace, **spec: Any) -> Object:
    """Give a Deployment of two containers; nothing carries it out here."""
    containers = [
        {"name": name, "image": f"{name}:1", "env": [{"name": "A", "value": "1"}]} for name in ("app", "side")
    ]
    template = {"metadata": {"labels": {"app": "app"}}, "spec": {"containers": containers}}
    spec = {"replicas": 2, "selector": {"matchLabels": {"app": "app"}}, "template": template, **spec}
    return manifest("app", ns.namespace, "Deployment", spec=spec, metadata={"labels": {"team": "a"}}) | {
        "apiVersion": "apps/v1"
    }


def there(ns: LiveNamespace) -> Object:
    """Create the Deployment as two people would: one applies it, another one edits it."""
    body = json.dumps(deployment(ns))
    ns.kubectl("apply", "--server-side", "--field-manager=gitops", "-f", "-", stdin=body)
    ns.kubectl("patch", "deployment", "app", "--field-manager=person", "--type=merge", "-p", '{"spec":{"paused":true}}')
    return found(ns)


def found(ns: LiveNamespace, kind: str = "deployment", name: str = "app") -> Object:
    seen = ns.get(kind, name)
    assert seen is not None
    return seen


def owners(seen: Object) -> list[Object]:
    return sorted(seen["metadata"]["managedFields"], key=lambda each: (each["manager"], each["operation"]))


def changes(ns: LiveNamespace, operation: str, patch_type: str | None = None, **fields: Any) -> Task:
    body = manifest("app", ns.namespace, "Deployment", **fields) | {"apiVersion": "apps/v1"}
    action = writes("change", json.dumps(body), operation)
    if patch_type:
        action["resource"]["patchType"] = patch_type
    return Task(ns, action, execution_of(ns))


IMAGE = {"spec": {"template": {"spec": {"containers": [{"name": "app", "image": "app:2"}]}}}}
JSON: list[Object] = [
    {"op": "replace", "path": "/spec/template/spec/containers/0/image", "value": "app:2"},
    {"op": "remove", "path": "/spec/template/spec/containers/1"},
    {"op": "remove", "path": "/metadata/labels/team"},
    {"op": "add", "path": "/metadata/finalizers", "value": ["example.com/a"]},
]
CHANGES: dict[str, tuple[str, str | None, Object]] = {
    "merge": ("Patch", "merge", {"spec": {"replicas": 0, "paused": None, "minReadySeconds": 5}}),
    "strategic": ("Patch", "strategic", IMAGE | {"metadata": {"labels": {"team": "b", "tier": "x"}}}),
    "json": ("Patch", "json", {"patch": JSON}),
    "apply": ("Apply", None, IMAGE | {"metadata": {"annotations": {"note": "ours"}}}),
}


def changed(ns: LiveNamespace, name: str) -> Task:
    operation, patch_type, fields = CHANGES[name]
    return changes(ns, operation, patch_type, **json.loads(json.dumps(fields)))


def step_of(task: Task, outcome: ActionOutcome) -> Restoration:
    record = task.records(RecordKind.BEFORE)[-1]
    prior, outputs = read(record["data"]), outcome.outputs
    assert prior is not None
    assert outputs is not None
    assert outcome.operation is not None
    assert task.execution is not None
    assert why_not_restored(prior, outcome.operation) is None
    ref = outputs.resource_ref or outputs.subscription_ref or outputs.localization_ref
    assert ref is not None
    return Restoration(
        target={"apiVersion": ref.api_version, "kind": ref.kind, "name": ref.name, "namespace": ref.namespace},
        uid=ref.uid,
        operation=outcome.operation,
        execution=task.execution,
        record=SnapshotRef(name=record["metadata"]["name"], sha256=digest(record["data"])),
        mark=f"{task.execution.uid}/stage/flow/change",
    )


async def restores(ns: LiveNamespace, step: Restoration) -> ActionOutcome:
    given = RollbackInput(step=RollbackStep(restoration=step, attempts=Attempts()), actor=ns.actor)
    outcome = await Attempt().run(ns.rollbacks.rollback_action, given)
    assert outcome.phase is Phase.SUCCEEDED
    return outcome


async def refused(ns: LiveNamespace, step: Restoration) -> ApplicationError:
    with pytest.raises(ApplicationError) as caught:
        await restores(ns, step)
    return caught.value


@pytest.mark.parametrize("name", CHANGES)
async def test_a_change_is_undone_and_its_fields_belong_to_those_who_owned_them(ns: LiveNamespace, name: str) -> None:
    before, task = there(ns), changed(ns, name)
    step = step_of(task, await task.run())
    assert content(found(ns)) != content(before)
    assert owners(found(ns)) != owners(before)
    assert (await restores(ns, step)).message == "Rolled back: restored Deployment app"
    after = found(ns)
    assert content(after) == content(before)
    assert owners(after) == owners(before)
    await restores(ns, step)
    assert found(ns)["metadata"]["resourceVersion"] == after["metadata"]["resourceVersion"], "a repeat changes nothing"


async def test_a_field_that_an_apply_removed_comes_back_to_our_earlier_apply(ns: LiveNamespace) -> None:
    first = changes(ns, "Apply", metadata={"labels": {"stays": "a", "goes": "b"}}, spec=deployment(ns)["spec"])
    await first.run()
    before = found(ns)
    again = Task(ns, changed_action(ns, metadata={"labels": {"stays": "b"}}, spec=deployment(ns)["spec"]))
    again.execution = first.execution
    step = step_of(again, await again.run())
    assert found(ns)["metadata"]["labels"] == {"stays": "b"}
    await restores(ns, step)
    assert content(found(ns)) == content(before)
    assert owners(found(ns)) == owners(before), "also the handover from the POST is undone"


async def test_an_apply_that_changes_nothing_but_the_owners_is_undone_as_well(ns: LiveNamespace) -> None:
    first = changes(ns, "Apply", spec=deployment(ns)["spec"])
    await first.run()
    before = found(ns)
    again = Task(ns, changed_action(ns, spec=deployment(ns)["spec"]), first.execution)
    step = step_of(again, await again.run())
    assert content(found(ns)) == content(before)
    assert owners(found(ns)) != owners(before)
    await restores(ns, step)
    assert (content(found(ns)), owners(found(ns))) == (content(before), owners(before))


def changed_action(ns: LiveNamespace, **fields: Any) -> Object:
    body = manifest("app", ns.namespace, "Deployment", **fields) | {"apiVersion": "apps/v1"}
    return writes("again", json.dumps(body), "Apply")


@pytest.mark.parametrize("name", ["strategic", "apply"])
async def test_what_others_changed_elsewhere_stays(ns: LiveNamespace, name: str) -> None:
    there(ns)
    task = changed(ns, name)
    step = step_of(task, await task.run())
    theirs = {"metadata": {"labels": {"new": "x"}}, "spec": {"replicas": 7}}
    ns.kubectl("patch", "deployment", "app", "--field-manager=person", "--type=merge", "-p", json.dumps(theirs))
    container = {"name": "third", "image": "third:1"}
    sidecar = {"spec": {"template": {"spec": {"containers": [container]}}}}
    ns.kubectl("patch", "deployment", "app", "--field-manager=mesh", "--type=strategic", "-p", json.dumps(sidecar))
    await restores(ns, step)
    after = found(ns)
    images = {each["name"]: each["image"] for each in after["spec"]["template"]["spec"]["containers"]}
    assert images == {"app": "app:1", "side": "side:1", "third": "third:1"}
    assert after["spec"]["replicas"] == 7
    assert after["metadata"]["labels"] == {"team": "a", "new": "x"}
    assert "drplan" not in str(after["metadata"]["managedFields"])
    assert {each["manager"] for each in after["metadata"]["managedFields"]} == {"gitops", "person", "mesh"}


async def test_what_somebody_else_has_changed_since_is_refused_with_its_fields(ns: LiveNamespace) -> None:
    there(ns)
    task = changed(ns, "strategic")
    step = step_of(task, await task.run())
    theirs = IMAGE_OF_OTHERS | {"metadata": {"labels": {"team": "c"}}}
    ns.kubectl("patch", "deployment", "app", "--type=strategic", "-p", json.dumps(theirs))
    before = found(ns)
    error = await refused(ns, step)
    assert (error.type, error.non_retryable) == (FailureType.CHANGED_SINCE, True)
    assert error.message == (
        f"Failed to restore Deployment: Deployment {ns.namespace}/app was changed by somebody else since the "
        "execution, in metadata.labels.team, spec.template.spec.containers[app].image; nothing was restored"
    )
    assert found(ns) == before


IMAGE_OF_OTHERS: Object = {"spec": {"template": {"spec": {"containers": [{"name": "app", "image": "app:3"}]}}}}


async def test_a_preview_asks_and_changes_nothing(ns: LiveNamespace) -> None:
    there(ns)
    task = changed(ns, "strategic")
    step = step_of(task, await task.run())
    before = found(ns)
    assert await ObjectRestoration(ns.cluster, step, ns.actor).preview() == step.uid
    assert found(ns) == before
    ns.kubectl("patch", "deployment", "app", "--type=strategic", "-p", json.dumps(IMAGE_OF_OTHERS))
    with pytest.raises(ActionError) as caught:
        await ObjectRestoration(ns.cluster, step, ns.actor).preview()
    assert caught.value.type is FailureType.CHANGED_SINCE


async def test_a_preview_and_a_restoration_name_an_object_that_is_being_deleted(ns: LiveNamespace) -> None:
    there(ns)
    task = changed(ns, "strategic")
    step = step_of(task, await task.run())
    ns.kubectl("patch", "deployment", "app", "-p", json.dumps({"metadata": {"finalizers": ["example.com/held"]}}))
    ns.delete("deployment", "app", wait=False)
    with pytest.raises(ActionError) as caught:
        await ObjectRestoration(ns.cluster, step, ns.actor).preview()
    assert caught.value.message == (await refused(ns, step)).message
    ns.patch("deployment", "app", {"metadata": {"finalizers": None}})


async def test_an_object_that_somebody_made_since_is_not_overwritten(ns: LiveNamespace) -> None:
    there(ns)
    task = changed(ns, "strategic")
    step = step_of(task, await task.run())
    ns.delete("deployment", "app")
    gone = await refused(ns, step)
    assert (gone.type, gone.non_retryable) == (FailureType.NOT_FOUND, True)
    theirs = there(ns)
    error = await refused(ns, step)
    assert error.type == FailureType.WRONG_UID
    assert step.uid in error.message
    assert found(ns) == theirs


async def test_a_deleted_object_is_created_again_as_it_was(ns: LiveNamespace) -> None:
    before = there(ns)
    task = changes(ns, "Delete")
    step = step_of(task, await task.run())
    assert (await restores(ns, step)).message == "Rolled back: restored Deployment app"
    after = found(ns)
    assert after["metadata"]["annotations"].pop(RESTORED_BY_ANNOTATION) == step.mark
    assert content(after) == content({**before, "metadata": {"annotations": {}, **before["metadata"]}})
    assert [each for each in owners(after) if each["manager"] != "drplan-restore"] == owners(before)
    await restores(ns, step)
    assert found(ns)["metadata"]["resourceVersion"] == after["metadata"]["resourceVersion"]


async def test_an_object_that_was_not_deleted_after_all_stays_as_it_is(ns: LiveNamespace) -> None:
    there(ns)
    task = changes(ns, "Delete")
    step = step_of(task, await task.run())
    before = there(ns)
    still_there = step.model_copy(update={"uid": before["metadata"]["uid"]})
    assert await ObjectRestoration(ns.cluster, still_there, ns.actor).preview() == still_there.uid
    await restores(ns, still_there)
    assert found(ns) == before


async def test_a_deleted_object_that_somebody_made_again_is_left_alone(ns: LiveNamespace) -> None:
    there(ns)
    task = changes(ns, "Delete")
    step = step_of(task, await task.run())
    theirs = there(ns)
    error = await refused(ns, step)
    assert (error.type, error.non_retryable) == (FailureType.ALREADY_EXISTS, True)
    assert theirs["metadata"]["uid"] in error.message
    assert found(ns) == theirs


async def test_a_replaced_object_gets_back_what_the_former_had(ns: LiveNamespace) -> None:
    former = subscription("shop", ns.namespace, "Create", spec={"subscribers": [], "feeds": [], "priority": 3})
    body = {"apiVersion": "apps.clusternet.io/v1alpha1", "kind": "Subscription", "metadata": {"name": "shop"}}
    ns.create(body | {"spec": former["subscription"]["spec"]})
    before = found(ns, "subscription", "shop")
    new = subscription("shop", ns.namespace, "Replace", spec={"subscribers": [], "feeds": [], "priority": 4})
    task = Task(ns, new, execution_of(ns))
    step = step_of(task, await task.run())
    uid = ns.uid("subscription", "shop")
    assert (await restores(ns, step)).message == "Rolled back: restored Subscription shop"
    after = found(ns, "subscription", "shop")
    assert (content(after), owners(after)) == (content(before), owners(before))
    assert after["metadata"]["uid"] == uid, "it is changed, not deleted: its clusters keep what runs there"
    marks = (f"{step.execution.uid}/",)
    assert compared_with_state(step.target, prior_state_of(before), after, marks, {uid}) == ActionProof()


@pytest.mark.parametrize("place", [1, 2], ids=["after the change", "after the owners"])
async def test_a_restoration_that_was_killed_ends_as_it_would_have_ended(
    faulty: FaultyServer, faulty_ns: LiveNamespace, place: int
) -> None:
    ns = faulty_ns
    before, task = there(ns), changed(ns, "json")
    step = step_of(task, await task.run())
    for _ in range(place - 1):
        faulty.fault("PATCH", APP, lambda: None)
    faulty.fault("PATCH", APP, Cut.AFTER)
    error = await refused(ns, step)
    assert not error.non_retryable
    await restores(ns, step)
    assert (content(found(ns)), owners(found(ns))) == (content(before), owners(before))


async def test_a_creation_that_was_killed_is_known_by_its_mark(faulty: FaultyServer, faulty_ns: LiveNamespace) -> None:
    ns = faulty_ns
    there(ns)
    task = changes(ns, "Delete")
    step = step_of(task, await task.run())
    faulty.fault("POST", "/deployments", lambda: None)  # The dry run.
    faulty.fault("POST", "/deployments", Cut.AFTER)
    assert not (await refused(ns, step)).non_retryable
    uid = ns.uid("deployment", "app")
    await restores(ns, step)
    assert ns.uid("deployment", "app") == uid
    assert {each["manager"] for each in owners(found(ns))} == {"gitops", "person", "drplan-restore"}


async def test_nothing_is_changed_where_a_dry_run_is_refused(faulty: FaultyServer, faulty_ns: LiveNamespace) -> None:
    ns = faulty_ns
    there(ns)
    task = changed(ns, "merge")
    step = step_of(task, await task.run())
    before, denial = found(ns), {"message": "denied by policy", "reason": "Forbidden", "details": {"name": "app"}}
    faulty.fault("PATCH", APP, Answer(403, json.dumps(denial)), dry_runs=True)
    error = await refused(ns, step)
    assert (error.message, error.non_retryable) == ("Failed to restore Deployment: denied by policy", True)
    assert found(ns) == before


async def test_what_an_action_left_is_known_also_where_it_could_not_be_asked_before(
    faulty: FaultyServer, faulty_ns: LiveNamespace
) -> None:
    ns = faulty_ns
    before, task = there(ns), changed(ns, "strategic")
    words = {"message": 'admission webhook "w" does not support dry run', "reason": "BadRequest"}
    asked = faulty.fault("PATCH", APP, Answer(400, json.dumps(words)), dry_runs=True)
    step = step_of(task, await task.run())
    assert asked.met == 1
    await restores(ns, step)
    assert (content(found(ns)), owners(found(ns))) == (content(before), owners(before))


async def test_an_action_that_was_killed_after_its_change_is_told_from_what_others_changed_since(
    faulty: FaultyServer, faulty_ns: LiveNamespace
) -> None:
    ns = faulty_ns
    there(ns)
    task = changed(ns, "strategic")
    accepted = faulty.fault("PATCH", APP, Cut.HANG)
    await task.killed(lambda: accepted.met == 1)
    ns.patch("deployment", "app", {"spec": {"replicas": 9}})
    step = step_of(task, await task.run())
    await restores(ns, step)
    assert found(ns)["spec"]["replicas"] == 9
    assert found(ns)["metadata"]["labels"] == {"team": "a"}


def override(name: str, policy: str, **metadata: Any) -> Object:
    spec = {"overridePolicy": policy, "priority": 1, "overrides": [], "feed": FEED}
    kind = {"apiVersion": "apps.clusternet.io/v1alpha1", "kind": "Localization"}
    return {**kind, "metadata": {"name": name, **metadata}, "spec": spec}


FEED = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "nginx", "namespace": "default"}
KEEP = "had the overridePolicy ApplyLater: the child clusters keep what it changed until Clusternet deploys there again"


@pytest.mark.parametrize("policy", ["ApplyLater", "ApplyNow"])
async def test_an_override_that_does_not_reach_the_child_clusters_by_itself_says_so(
    ns: LiveNamespace, policy: str
) -> None:
    ns.create(override("loc", policy))
    target, uid = localization("loc", ns.namespace), ns.uid("localization", "loc")
    observed = (await observe(ns.cluster, [target], ns.actor, lambda _: None))[target]
    assert observed.applies_later is (policy == "ApplyLater")
    deletion = Deletion(target=target, uid=uid, applies_later=observed.applies_later)
    given = RollbackInput(step=RollbackStep(deletions=[deletion]), actor=ns.actor)
    message = (await Attempt().run(ns.rollbacks.rollback_action, given)).message
    assert message.startswith("Rolled back: deleted Localization loc")
    assert (KEEP in message) is (policy == "ApplyLater")


async def test_a_restored_override_that_is_applied_later_says_so(ns: LiveNamespace) -> None:
    ns.create(override("loc", "ApplyLater"))
    block = {"name": "loc", "namespace": ns.namespace, "operation": "Patch", "spec": {"priority": 9}}
    task = Task(ns, {"name": "change", "type": "Localization", "localization": block}, execution_of(ns))
    message = (await restores(ns, step_of(task, await task.run()))).message
    assert message.startswith(
        "Rolled back: restored Localization loc; Localization loc has the overridePolicy ApplyLater"
    )
    assert found(ns, "localization", "loc")["spec"]["priority"] == 1
