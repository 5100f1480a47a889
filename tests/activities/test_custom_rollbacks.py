"""`rollback_action` with an action's own rollback: carried out by its own type, with the effect of one."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator

import pytest
from temporalio.exceptions import ApplicationError

from api.attempts import ActionOutcome
from api.failures import FailureType
from api.meta import CREATED_BY_ANNOTATION, ObjectReference
from api.nodes import ActionOutputs, HttpResponse
from api.phases import Operation, Phase
from api.steps import Part
from planning.definitions.action_types import ACTION_TYPES
from tests.activities.custom_rollback_runs import DONE, MARK, Undoing, resource, undoing
from tests.activities.live_namespace import HOLD, LiveNamespace, Object
from tests.eventually import eventually
from tests.fake_kubelet import fails, succeeds, template
from tests.faulty_server import Answer, Cut, FaultyServer
from tests.http_service import Reply, Service

APP = "/configmaps/app"


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    async with Service.running() as running:
        yield running


def mark_of(ns: LiveNamespace, kind: str, name: str) -> str | None:
    found = ns.get(kind, name)
    assert found is not None
    mark = found["metadata"].get("annotations", {}).get(CREATED_BY_ANNOTATION)
    return None if mark is None else str(mark)


def text_of(ns: LiveNamespace, name: str = "app") -> str:
    found = ns.get("configmap", name)
    assert found is not None
    return str(found["data"]["text"])


def clusternet(ns: LiveNamespace, type_: str, operation: str = "Create") -> tuple[str, Object]:
    """Give the object's name and a rollback that makes it."""
    name = f"back-{ns.namespace}"
    place = {} if type_ == "Globalization" else {"namespace": ns.namespace}
    block = {"name": name, "operation": operation, "spec": {}, **place}
    if type_ == "Subscription":
        block["spec"] = {"subscribers": [], "feeds": []}
    field = next(kind.field for key, kind in ACTION_TYPES.items() if key == type_)
    return name, {"type": type_, field: block}


class TestEachType:
    @pytest.mark.parametrize("type_", ["Localization", "Globalization", "HelmChart", "Subscription"])
    async def test_a_clusternet_object_is_made_with_the_mark_of_the_revert(self, ns: LiveNamespace, type_: str) -> None:
        name, body = clusternet(ns, type_)
        outcome = await (await undoing(ns, body)).run()
        assert (outcome.phase, outcome.message) == (Phase.SUCCEEDED, DONE)
        assert (outcome.operation, outcome.created) == (Operation.CREATE, True)
        assert outcome.outputs is not None
        assert mark_of(ns, type_.lower(), name) == MARK
        ns.delete(type_.lower(), name)

    async def test_a_subscription_is_replaced(self, ns: LiveNamespace) -> None:
        name, body = clusternet(ns, "Subscription", "Replace")
        ns.create(
            {
                "apiVersion": "apps.clusternet.io/v1alpha1",
                "kind": "Subscription",
                "metadata": {"name": name},
                "spec": {"subscribers": [], "feeds": []},
            }
        )
        former = ns.uid("subscription", name)
        outcome = await (await undoing(ns, body)).run()
        assert (outcome.message, outcome.operation) == (DONE, Operation.REPLACE)
        assert ns.uid("subscription", name) != former
        assert mark_of(ns, "subscription", name) == MARK

    @pytest.mark.parametrize("operation", ["Patch", "Apply"])
    async def test_an_object_that_is_there_is_changed_back(self, ns: LiveNamespace, operation: str) -> None:
        uid = ns.config_map("app")
        ns.patch("configmap", "app", {"data": {"text": "changed"}})
        outcome = await (await undoing(ns, resource(ns, operation, "as it was"))).run()
        assert (outcome.message, outcome.operation, outcome.created) == (DONE, Operation(operation), False)
        assert text_of(ns) == "as it was"
        assert ns.uid("configmap", "app") == uid

    async def test_what_was_deleted_is_made_anew(self, ns: LiveNamespace) -> None:
        outcome = await (await undoing(ns, resource(ns, "Create"))).run()
        assert outcome.message == DONE
        assert mark_of(ns, "configmap", "app") == MARK

    async def test_an_object_is_deleted_and_gone(self, ns: LiveNamespace) -> None:
        uid = ns.config_map("app")
        outcome = await (await undoing(ns, resource(ns, "Delete"))).run()
        assert (outcome.message, outcome.operation) == (DONE, Operation.DELETE)
        assert ns.get("configmap", "app") is None
        assert ns.deletions(at_least=1) == {uid: 1}

    async def test_a_service_is_asked(self, ns: LiveNamespace, service: Service) -> None:
        service.replies_to("/back", Reply(body="switched"))
        body = {"type": "HTTP", "http": {"url": f"{service.address}/back", "method": "POST", "body": "{}"}}
        outcome = await (await undoing(ns, body)).run()
        assert (outcome.phase, outcome.message) == (Phase.SUCCEEDED, DONE)
        assert outcome.outputs == ActionOutputs(http_response=HttpResponse(status_code=200, body="switched"))
        [received] = service.received
        assert received.headers["idempotency-key"] == MARK

    async def test_a_job_is_run_to_its_end(self, ns: LiveNamespace) -> None:
        running, task = await run_job(ns)
        await succeeds(ns, "backup")
        assert (await running).message == DONE
        assert mark_of(ns, "job", "backup") == MARK
        assert task.waits_for("to finish")

    async def test_a_failed_job_is_told_with_its_reason(self, ns: LiveNamespace) -> None:
        running, _ = await run_job(ns)
        await fails(ns, "backup", message="disk full")
        error = await failure_of(running)
        assert error.message.startswith("Custom rollback failed: Job backup failed")
        assert "disk full" in error.message
        assert (error.type, error.non_retryable) == (FailureType.JOB_FAILED, True)


async def run_job(ns: LiveNamespace) -> tuple["asyncio.Task[ActionOutcome]", Undoing]:
    """Begin a rollback that is a Job, and return once it waits for that."""
    task = await undoing(ns, {"type": "Job", "job": {"namespace": ns.namespace, "template": template()}})
    running = asyncio.create_task(task.run())
    await eventually(lambda: running.done() or bool(task.attempts and task.waits_for("to finish")), "it waits")
    assert not running.done(), running
    return running, task


async def failure_of(running: "asyncio.Task[ActionOutcome]") -> ApplicationError:
    with pytest.raises(ApplicationError) as caught:
        await running
    return caught.value


class TestKilledBetweenRequestAndAnswer:
    async def test_a_creation_has_the_effect_of_one(self, faulty: FaultyServer, faulty_ns: LiveNamespace) -> None:
        task = await undoing(faulty_ns, resource(faulty_ns, "Create"))
        accepted = faulty.fault("POST", "/configmaps", Cut.HANG)
        await task.killed(lambda: accepted.met == 1 and faulty_ns.get("configmap", "app") is not None)
        uid = faulty_ns.uid("configmap", "app")
        assert (await task.run()).message == DONE
        assert faulty_ns.uid("configmap", "app") == uid
        assert faulty.count("POST", "/configmaps") <= 2

    @pytest.mark.parametrize("operation", ["Patch", "Apply"])
    async def test_a_change_has_the_effect_of_one(
        self, faulty: FaultyServer, faulty_ns: LiveNamespace, operation: str
    ) -> None:
        faulty_ns.config_map("app")
        task = await undoing(faulty_ns, resource(faulty_ns, operation))
        accepted = faulty.fault("PATCH", APP, Cut.HANG)
        await task.killed(lambda: accepted.met == 1 and _version(faulty_ns, "new") is not None)
        version = _version(faulty_ns, "new")
        assert (await task.run()).message == DONE
        assert _version(faulty_ns, "new") == version

    async def test_a_deletion_has_the_effect_of_one(self, faulty: FaultyServer, faulty_ns: LiveNamespace) -> None:
        uid = faulty_ns.config_map("app", finalizers=[HOLD])
        task = await undoing(faulty_ns, resource(faulty_ns, "Delete"))
        accepted = faulty.fault("DELETE", APP, Cut.HANG)
        await task.killed(lambda: accepted.met == 1 and _is_going(faulty_ns))
        faulty_ns.let_go("configmap", "app")
        outcome = await task.run()
        assert outcome.message == DONE
        assert faulty_ns.deletions(at_least=1) == {uid: 1}

    async def test_a_job_is_run_once(self, faulty: FaultyServer, faulty_ns: LiveNamespace) -> None:
        body = {"type": "Job", "job": {"namespace": faulty_ns.namespace, "template": template()}}
        task = await undoing(faulty_ns, body)
        accepted = faulty.fault("POST", "/jobs", Cut.HANG)
        await task.killed(lambda: accepted.met == 1 and faulty_ns.get("job", "backup") is not None)
        uid = faulty_ns.uid("job", "backup")
        running = asyncio.create_task(task.run())
        await succeeds(faulty_ns, "backup")
        assert (await running).message == DONE
        assert faulty_ns.uid("job", "backup") == uid

    async def test_a_request_that_changes_something_is_not_sent_twice(
        self, ns: LiveNamespace, service: Service
    ) -> None:
        service.replies_to("/back", Reply(stall=True), Reply())
        body = {"type": "HTTP", "http": {"url": f"{service.address}/back", "method": "POST"}}
        task = await undoing(ns, body)
        await task.killed(lambda: service.count("POST") == 1)
        error = await task.fails()
        assert error.message.startswith("Custom rollback failed: ")
        assert "outcome unknown" in error.message
        assert (error.type, error.non_retryable) == (FailureType.OUTCOME_UNKNOWN, True)
        assert service.count("POST") == 1

    async def test_a_request_whose_rollback_sets_a_policy_is_sent_again(
        self, ns: LiveNamespace, service: Service
    ) -> None:
        service.replies_to("/back", Reply(stall=True), Reply())
        http = {"url": f"{service.address}/back", "method": "POST"}
        task = await undoing(ns, {"type": "HTTP", "http": http, "retryPolicy": {"limit": 2}})
        await task.killed(lambda: service.count("POST") == 1)
        assert (await task.run()).message == DONE
        assert {each.headers["idempotency-key"] for each in service.received} == {MARK}


def _version(ns: LiveNamespace, text: str) -> str | None:
    """Give the resourceVersion of a ConfigMap that holds this text; None while it does not."""
    found = ns.get("configmap", "app")
    changed = found is not None and found.get("data", {}).get("text") == text
    return str(found["metadata"]["resourceVersion"]) if found and changed else None


def _is_going(ns: LiveNamespace) -> bool:
    found = ns.get("configmap", "app")
    return found is not None and "deletionTimestamp" in found["metadata"]


class TestFailure:
    async def test_the_reason_follows_the_words_of_a_custom_rollback(self, ns: LiveNamespace) -> None:
        error = await (await undoing(ns, resource(ns, "Patch"))).fails()
        assert error.message == 'Custom rollback failed: Failed to patch ConfigMap: ConfigMap "app" not found'
        assert (error.type, error.non_retryable) == (FailureType.NOT_FOUND, True)

    async def test_errors_are_counted_and_repeated_as_the_rollbacks_policy_says(
        self, faulty: FaultyServer, faulty_ns: LiveNamespace
    ) -> None:
        task = await undoing(faulty_ns, resource(faulty_ns, "Create"), limit=1)
        faulty.fault("POST", "/configmaps", Answer(503, json.dumps({"message": "away"})), times=9)
        errors = [await task.fails(), await task.fails()]
        assert [error.non_retryable for error in errors] == [False, True]
        assert {error.message for error in errors} == {"Custom rollback failed: Failed to create ConfigMap: app: away"}

    async def test_when_the_time_runs_out_it_says_so_in_the_same_words(
        self, faulty: FaultyServer, faulty_ns: LiveNamespace
    ) -> None:
        task = await undoing(faulty_ns, resource(faulty_ns, "Create"), timeout="4s")
        faulty.fault("POST", "/configmaps", Cut.HANG)
        faulty.fault("GET", APP, Cut.HANG, times=9)
        error = await task.fails()
        assert error.message.startswith("Custom rollback failed: Failed to create ConfigMap: ")
        assert "within 4s" in error.message

    async def test_what_is_done_when_its_time_runs_out_is_done(
        self, faulty: FaultyServer, faulty_ns: LiveNamespace
    ) -> None:
        task = await undoing(faulty_ns, resource(faulty_ns, "Create"), timeout="4s")
        faulty.fault("POST", "/configmaps", Cut.HANG)
        assert (await task.run()).message == DONE

    async def test_a_definition_that_was_kept_elsewhere_is_not_guessed(self, ns: LiveNamespace) -> None:
        task = await undoing(ns, resource(ns, "Create"))
        assert task.origin is not None
        task.origin = task.origin.model_copy(update={"stage": "another"})
        error = await task.fails()
        assert error.type == FailureType.UNDEFINED
        assert error.message.startswith("Custom rollback failed: The definitions that were kept")


class TestValues:
    async def test_what_was_kept_and_recorded_is_filled_in(self, ns: LiveNamespace) -> None:
        text = "$(params.region) $(planName) $(outputs.act.resourceRef.uid) $(outputs.act.phase)"
        made = {"act": ActionOutputs(resource_ref=ObjectReference(name="made", uid="u-1"))}
        params = [{"name": "region", "value": "east"}]
        await (await undoing(ns, resource(ns, "Create", text), params=params, outputs=made)).run()
        assert text_of(ns) == "east shop u-1 Succeeded"

    async def test_a_secret_that_was_left_out_is_used_and_not_shown(self, ns: LiveNamespace, service: Service) -> None:
        service.replies_to("/back", Reply(500, "no entry for correct-horse"))
        http = {"url": f"{service.address}/back", "headers": {"Authorization": "Bearer $(params.token)"}}
        params = [{"name": "token", "value": "correct-horse"}]
        error = await (await undoing(ns, {"type": "HTTP", "http": http}, params=params)).fails()
        assert service.received[0].headers["authorization"] == "Bearer correct-horse"
        assert error.message.startswith("Custom rollback failed: ")
        assert "correct-horse" not in f"{error.message} {error.details} {error.__cause__}"

    async def test_without_anything_kept_todays_definition_is_carried_out(self, ns: LiveNamespace) -> None:
        task = await undoing(ns, resource(ns, "Create", "today's"))
        task.origin = None
        assert (await task.run()).message == DONE
        assert text_of(ns) == "today's"
        assert ns.get("configmap", "made") is None

    @pytest.mark.parametrize("text", ["$(params.region)", "{{ .planName }}"])
    async def test_without_anything_kept_a_value_is_not_guessed(self, ns: LiveNamespace, text: str) -> None:
        task = await undoing(ns, resource(ns, "Create", text), params=[{"name": "region", "value": "east"}])
        task.origin = None
        error = await task.fails()
        assert error.type == FailureType.UNDEFINED
        assert error.message == (
            "Custom rollback failed: Action act has placeholders, and no values were kept for them"
        )
        assert ns.get("configmap", "app") is None


class TestAfterACancel:
    async def test_what_was_carried_out_has_succeeded(self, ns: LiveNamespace) -> None:
        task = await undoing(ns, resource(ns, "Create"))
        await task.run()
        outcome = await task.look_again()
        assert (outcome.phase, outcome.message) == (Phase.SUCCEEDED, DONE)

    async def test_what_was_not_is_canceled_and_not_touched(self, ns: LiveNamespace) -> None:
        outcome = await (await undoing(ns, resource(ns, "Create"))).look_again()
        assert outcome.phase is Phase.CANCELED
        assert outcome.message == "Canceled between two attempts: create of ConfigMap app was not done"
        assert ns.get("configmap", "app") is None

    async def test_a_request_leaves_nothing_to_look_at(self, ns: LiveNamespace, service: Service) -> None:
        body = {"type": "HTTP", "http": {"url": f"{service.address}/back", "method": "POST"}}
        outcome = await (await undoing(ns, body)).look_again()
        assert outcome.phase is Phase.CANCELED
        assert service.received == []


class TestHooks:
    async def test_a_hook_is_carried_out_itself_and_says_what_it_did(self, ns: LiveNamespace) -> None:
        task = await undoing(ns, resource(ns, "Create"), part=Part.ACTION)
        outcome = await task.run()
        assert outcome.message == "Executed rollback hook: Created ConfigMap made"
        assert ns.get("configmap", "app") is None
        assert (await task.look_again()).message == outcome.message

    async def test_a_hook_that_fails_says_so(self, ns: LiveNamespace) -> None:
        ns.config_map("made")
        error = await (await undoing(ns, resource(ns, "Create"), part=Part.ACTION)).fails()
        assert error.message.startswith("Rollback hook failed: Failed to create ConfigMap: ConfigMap ")


async def test_nothing_of_the_default_rollback_is_done_besides(ns: LiveNamespace) -> None:
    made = ns.config_map("made")
    await (await undoing(ns, resource(ns, "Create"))).run()
    assert ns.uid("configmap", "made") == made
    assert ns.deletions() == Counter()
