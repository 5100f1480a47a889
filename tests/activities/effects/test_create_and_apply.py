"""`execute_action` for Create and Apply: a repeat knows its own work by the mark, and never takes another's for it."""

import json
from pathlib import Path

import pytest
from temporalio.exceptions import ApplicationError

from activities.authorize import actor_of
from activities.execute_action import ExecuteActivities
from activities.registry import effects
from api.attempts import ActionOutcome, AttemptFailure, ExecuteInput
from api.failures import FailureType
from api.meta import CREATED_BY_ANNOTATION, ObjectReference
from api.nodes import ActionOutputs
from api.objects import Actor
from api.phases import Operation, Phase
from api.steps import ExecuteStep
from tests.activities.believed_inputs import BelievedInputs
from tests.activities.live_namespace import HOLD, Attempt, LiveNamespace, gadgets
from tests.eventually import eventually
from tests.faulty_server import Answer, Cut, FaultyServer
from tests.manifests import config_map, makes_localization, writes


async def execute(ns: LiveNamespace, step: ExecuteStep, actor: Actor | None = None) -> ActionOutcome:
    given = ExecuteInput(dr_workflow=ns.flow, step=step, actor=actor or ns.actor)
    return await Attempt().run(
        ExecuteActivities(ns.cluster, effects(ns.cluster), BelievedInputs(ns.cluster)).execute_action, given
    )


async def failure(ns: LiveNamespace, step: ExecuteStep, actor: Actor | None = None) -> ApplicationError:
    with pytest.raises(ApplicationError) as caught:
        await execute(ns, step, actor)
    return caught.value


def makes(ns: LiveNamespace, operation: str = "Create", **metadata: object) -> ExecuteStep:
    """Define one action that makes the ConfigMap `app`; give its step."""
    metadata = {"name": "app", "namespace": ns.namespace} | metadata
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"text": "new"}}
    ns.define(writes("make", json.dumps(body), operation))
    return ns.step("make")


def reference(ns: LiveNamespace, uid: str | None) -> ActionOutputs:
    found = ObjectReference(api_version="v1", kind="ConfigMap", namespace=ns.namespace, name="app", uid=uid)
    return ActionOutputs(resource_ref=found)


async def test_create_makes_the_object_with_the_mark_and_records_it(ns: LiveNamespace) -> None:
    step = makes(ns, annotations={"note": "kept"})
    outcome = await execute(ns, step)
    made = ns.get("configmap", "app")
    assert made is not None
    assert made["metadata"]["annotations"] == {"note": "kept", CREATED_BY_ANNOTATION: step.mark}
    assert made["data"] == {"text": "new"}
    assert outcome == ActionOutcome(
        phase=Phase.SUCCEEDED,
        message="Created ConfigMap app",
        operation=Operation.CREATE,
        created=True,
        outputs=reference(ns, made["metadata"]["uid"]),
    )


async def test_create_after_a_lost_attempt_finds_its_own_object(ns: LiveNamespace) -> None:
    step = makes(ns)
    assert await execute(ns, step) == await execute(ns, step)
    assert ns.uid("configmap", "app")


async def test_create_refuses_an_object_that_somebody_else_made(ns: LiveNamespace) -> None:
    step, uid = makes(ns), ns.config_map("app")
    error = await failure(ns, step)
    place = f"ConfigMap {ns.namespace}/app"
    expected = f"Failed to create ConfigMap: {place} already exists, and it was not created by a plan"
    assert (error.message, error.type) == (expected, FailureType.ALREADY_EXISTS)
    assert error.non_retryable
    assert ns.uid("configmap", "app") == uid


async def test_create_refuses_an_object_of_another_execution_and_names_that(ns: LiveNamespace) -> None:
    step = makes(ns)
    ns.config_map("app", annotations={CREATED_BY_ANNOTATION: "other-uid/0/0/0"})
    error = await failure(ns, step)
    assert error.message.endswith("already exists, and it was created by other-uid/0/0/0")


@pytest.mark.parametrize("operation", ["Create", "Apply"])
async def test_an_object_that_is_on_its_way_out_is_worth_a_repeat(ns: LiveNamespace, operation: str) -> None:
    step = makes(ns, operation)
    ns.config_map("app", finalizers=[HOLD])
    ns.delete("configmap", "app", wait=False)
    error = await failure(ns, step)
    expected = f"Failed to {operation.lower()} ConfigMap: ConfigMap {ns.namespace}/app is being deleted"
    assert (error.message, error.type) == (expected, FailureType.TRANSIENT)
    ns.let_go("configmap", "app")


async def test_create_makes_a_localization_in_its_own_field(ns: LiveNamespace) -> None:
    ns.define(makes_localization("nginx-loc-a", ns.namespace))
    outcome = await execute(ns, ns.step("create-nginx-loc-a"))
    assert outcome.message == "Created Localization nginx-loc-a"
    assert outcome.outputs is not None
    assert outcome.outputs.localization_ref is not None
    assert outcome.outputs.localization_ref.uid == ns.uid("localization", "nginx-loc-a")


async def test_a_manifest_without_a_namespace_means_default(ns: LiveNamespace) -> None:
    name = f"of-{ns.namespace}"
    ns.define(writes("make", json.dumps(config_map(name))))
    outcome = await execute(ns, ns.step("make"), actor_of("default", "default"))
    assert outcome.outputs is not None
    assert outcome.outputs.resource_ref is not None
    assert outcome.outputs.resource_ref.namespace == "default"
    ns.stack.kubectl("delete", "configmap", name, "-n", "default")


async def test_an_object_without_a_namespace_is_recorded_without_one(ns: LiveNamespace) -> None:
    name = f"{ns.namespace}-new"
    ns.define(writes("make", json.dumps({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})))
    outcome = await execute(ns, ns.step("make"))
    assert outcome.outputs is not None
    assert outcome.outputs.resource_ref is not None
    assert outcome.outputs.resource_ref.namespace is None
    ns.stack.kubectl("delete", "namespace", name, "--wait=false")


async def test_a_namespace_that_does_not_exist_yet_is_worth_a_repeat(ns: LiveNamespace) -> None:
    error = await failure(ns, makes(ns, namespace="nowhere"))
    assert error.message == 'Failed to create ConfigMap: app: namespaces "nowhere" not found'
    assert (error.type, error.non_retryable) == (FailureType.TRANSIENT, False)


async def test_an_account_without_rights_cannot_create_through_a_plan(ns: LiveNamespace) -> None:
    error = await failure(ns, makes(ns), actor_of(ns.namespace, "nobody"))
    assert (error.type, error.non_retryable) == (FailureType.FORBIDDEN, True)
    assert "system:serviceaccount:" in error.message
    assert "nobody" in error.message
    assert ns.get("configmap", "app") is None


async def test_an_object_that_the_api_server_finds_invalid_fails_without_a_repeat(ns: LiveNamespace) -> None:
    error = await failure(ns, makes(ns, labels={"x": "not a label!"}))
    assert (error.type, error.non_retryable) == (FailureType.INVALID, True)
    assert error.message.startswith('Failed to create ConfigMap: ConfigMap "app" is invalid: metadata.labels')


async def test_a_kind_that_nobody_serves_yet_is_worth_a_repeat(ns: LiveNamespace) -> None:
    ns.define(writes("make", json.dumps({"apiVersion": "tests.io/v1", "kind": "Gadget", "metadata": {"name": "g"}})))
    error = await failure(ns, ns.step("make"))
    assert error.message == "Failed to create Gadget: g: the API server knows no kind Gadget in tests.io/v1"
    assert (error.type, error.non_retryable) == (FailureType.TRANSIENT, False)


async def test_a_kind_that_was_defined_a_moment_ago_is_found(ns: LiveNamespace) -> None:
    gadget = {"apiVersion": "tests.example.com/v1", "kind": "Gadget", "metadata": {"name": "g"}}
    gadget["metadata"] |= {"namespace": ns.namespace}  # type: ignore[operator]
    ns.define(writes("make", json.dumps(gadget)))
    assert (await failure(ns, ns.step("make"))).type == FailureType.TRANSIENT
    ns.create(gadgets())
    ns.stack.kubectl("wait", "--for=condition=Established", "crd/gadgets.tests.example.com")
    nobody = await failure(ns, ns.step("make"))
    assert nobody.type == FailureType.FORBIDDEN, "the kind is known now, and the account has no right to it"
    ns.stack.kubectl("delete", "crd", "gadgets.tests.example.com")


async def test_a_created_object_whose_answer_was_lost_is_found_by_its_mark(
    faulty: FaultyServer, faulty_ns: LiveNamespace
) -> None:
    step = makes(faulty_ns)
    faulty.fault("POST", "/configmaps", Cut.AFTER)
    outcome = await execute(faulty_ns, step)
    assert (outcome.phase, outcome.created) == (Phase.SUCCEEDED, True)
    assert outcome.outputs == reference(faulty_ns, faulty_ns.uid("configmap", "app"))
    assert faulty.count("POST", "/configmaps") == 1


async def test_a_lost_answer_that_cannot_be_checked_is_said_to_be_unknown(
    faulty: FaultyServer, faulty_ns: LiveNamespace
) -> None:
    step = makes(faulty_ns)
    faulty.fault("POST", "/configmaps", Cut.AFTER)
    faulty.fault("GET", "/configmaps/app", Cut.BEFORE, times=9)
    error = await failure(faulty_ns, step)
    assert error.message.endswith("(whether it was created is not known)")
    assert (error.type, error.non_retryable) == (FailureType.TRANSIENT, False)
    told = error.details[0]
    expected = AttemptFailure(errors=1, operation=Operation.CREATE, outputs=reference(faulty_ns, None))
    assert told == expected


async def test_a_request_that_the_server_put_off_is_repeated_when_it_says(
    faulty: FaultyServer, faulty_ns: LiveNamespace
) -> None:
    step = makes(faulty_ns)
    busy = json.dumps({"message": "too many requests, please try again later", "reason": "TooManyRequests"})
    faulty.fault("POST", "/configmaps", Answer(429, busy, {"Retry-After": "7"}))
    error = await failure(faulty_ns, step)
    assert error.type == FailureType.TRANSIENT
    assert error.next_retry_delay is not None
    assert error.next_retry_delay.total_seconds() == 7
    assert error.message == "Failed to create ConfigMap: app: too many requests, please try again later"


async def test_a_create_that_is_done_when_its_time_runs_out_has_succeeded(
    faulty: FaultyServer, faulty_ns: LiveNamespace
) -> None:
    makes(faulty_ns)
    slow = faulty.fault("POST", "/configmaps", Cut.HANG)
    outcome = await execute(faulty_ns, faulty_ns.step("make", timeout="4s"))
    assert slow.met == 1
    assert outcome.outputs == reference(faulty_ns, faulty_ns.uid("configmap", "app"))


async def test_a_create_that_is_never_answered_says_so_when_its_time_runs_out(
    faulty: FaultyServer, faulty_ns: LiveNamespace
) -> None:
    makes(faulty_ns)
    faulty.fault("POST", "/configmaps", Cut.HANG)
    faulty.fault("GET", "/configmaps/app", Answer(503))
    error = await failure(faulty_ns, faulty_ns.step("make", timeout="4s"))
    expected = "ConfigMap app: the API server did not answer within 4s (whether it was created is not known)"
    assert error.message == f"Failed to create ConfigMap: {expected}"
    assert (error.type, error.non_retryable) == (FailureType.TIMED_OUT, False)


async def test_apply_creates_an_absent_object_with_the_mark(ns: LiveNamespace) -> None:
    outcome = await execute(ns, makes(ns, "Apply"))
    assert (outcome.message, outcome.created) == ("Applied ConfigMap app (created)", True)
    assert outcome.operation is Operation.APPLY
    assert outcome.outputs == reference(ns, ns.uid("configmap", "app"))


async def test_apply_after_a_lost_attempt_still_knows_that_it_created_the_object(ns: LiveNamespace) -> None:
    step = makes(ns, "Apply")
    assert await execute(ns, step) == await execute(ns, step)


async def test_apply_to_an_object_that_existed_before_changes_it_and_claims_nothing(ns: LiveNamespace) -> None:
    step, uid = makes(ns, "Apply"), ns.config_map("app", annotations={"note": "theirs"})
    outcome = await execute(ns, step)
    found = ns.get("configmap", "app")
    assert found is not None
    assert found["data"] == {"text": "new"}
    assert found["metadata"]["annotations"] == {"note": "theirs"}
    assert (outcome.message, outcome.created) == ("Applied ConfigMap app (it existed before)", False)
    assert outcome.outputs == reference(ns, uid)


async def test_apply_leaves_the_mark_of_another_action_where_it_is(ns: LiveNamespace) -> None:
    theirs = {CREATED_BY_ANNOTATION: "other-uid/0/0/0"}
    step = makes(ns, "Apply", annotations={CREATED_BY_ANNOTATION: "copied-uid/0/0/0", "note": "ours"})
    ns.config_map("app", annotations=theirs)
    outcome = await execute(ns, step)
    found = ns.get("configmap", "app")
    assert found is not None
    assert found["metadata"]["annotations"] == theirs | {"note": "ours"}
    assert outcome.created is False


async def test_apply_begins_anew_when_the_object_is_recreated_meanwhile(
    faulty: FaultyServer, faulty_ns: LiveNamespace
) -> None:
    ns = faulty_ns
    step, new = makes(ns, "Apply"), list[str]()
    ns.config_map("app")

    def recreate() -> None:
        ns.delete("configmap", "app")
        new.append(ns.config_map("app"))

    faulty.fault("GET", "/configmaps/app", recreate)
    outcome = await execute(ns, step)
    assert (outcome.created, outcome.outputs) == (False, reference(ns, new[0]))
    counts = [faulty.count("PATCH", "/configmaps/app", dry_runs=dry) for dry in (True, False)]
    assert counts == [2, 1], "the dry run of the first has a conflict"


async def test_apply_creates_with_the_mark_when_the_object_vanishes_meanwhile(
    faulty: FaultyServer, faulty_ns: LiveNamespace
) -> None:
    ns = faulty_ns
    step = makes(ns, "Apply")
    ns.config_map("app")
    faulty.fault("GET", "/configmaps/app", lambda: ns.delete("configmap", "app"))
    outcome = await execute(ns, step)
    found = ns.get("configmap", "app")
    assert found is not None
    assert found["metadata"]["annotations"] == {CREATED_BY_ANNOTATION: step.mark}
    assert outcome.created is True


async def test_apply_to_an_object_that_appears_meanwhile_does_not_claim_it(
    faulty: FaultyServer, faulty_ns: LiveNamespace
) -> None:
    ns = faulty_ns
    step = makes(ns, "Apply")
    faulty.fault("GET", "/configmaps/app", lambda: ns.config_map("app"))
    outcome = await execute(ns, step)
    assert (outcome.message, outcome.created) == ("Applied ConfigMap app (it existed before)", False)


async def test_what_an_action_writes_is_never_logged(
    ns: LiveNamespace, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    body = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "namespace": ns.namespace}}
    ns.define(writes("make", json.dumps(body | {"stringData": {"password": "correct-horse"}})))
    await execute(ns, ns.step("make"))
    assert "correct-horse" not in caplog.text
    await eventually(lambda: ns.get("secret", "s") is not None, "the secret is there")
