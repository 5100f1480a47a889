"""`rollback_action` with an action's own rollback: carried out by its own type, with the effect of one."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator

import pytest
from temporalio.exceptions import ApplicationError

from api.execution import ActionOutputs, HttpResponse
from api.meta import CREATED_BY_ANNOTATION, ObjectReference
from api.phases import Operation, Phase
from api.steps import ActionOutcome, FailureType, Part
from planning.definitions.action_types import ACTION_TYPES
from tests.activities.custom_rollback_runs import DONE, MARK, Undoing, resource, undoing
from tests.activities.site import HOLD, Object, Site
from tests.eventually import eventually
from tests.fake_kubelet import fails, succeeds, template
from tests.faulty_server import Answer, Cut, FaultyServer
from tests.http_service import Reply, Service

APP = "/configmaps/app"


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    async with Service.running() as running:
        yield running


def mark_of(site: Site, kind: str, name: str) -> str | None:
    found = site.get(kind, name)
    assert found is not None
    mark = found["metadata"].get("annotations", {}).get(CREATED_BY_ANNOTATION)
    return None if mark is None else str(mark)


def text_of(site: Site, name: str = "app") -> str:
    found = site.get("configmap", name)
    assert found is not None
    return str(found["data"]["text"])


def clusternet(site: Site, type_: str, operation: str = "Create") -> tuple[str, Object]:
    """Give the object's name and a rollback that makes it."""
    name = f"back-{site.namespace}"
    place = {} if type_ == "Globalization" else {"namespace": site.namespace}
    block = {"name": name, "operation": operation, "spec": {}, **place}
    if type_ == "Subscription":
        block["spec"] = {"subscribers": [], "feeds": []}
    field = next(kind.field for key, kind in ACTION_TYPES.items() if key == type_)
    return name, {"type": type_, field: block}


class TestEachType:
    @pytest.mark.parametrize("type_", ["Localization", "Globalization", "HelmChart", "Subscription"])
    async def test_a_clusternet_object_is_made_with_the_mark_of_the_revert(self, site: Site, type_: str) -> None:
        name, body = clusternet(site, type_)
        outcome = await (await undoing(site, body)).run()
        assert (outcome.phase, outcome.message) == (Phase.SUCCEEDED, DONE)
        assert (outcome.operation, outcome.created) == (Operation.CREATE, True)
        assert outcome.outputs is not None
        assert mark_of(site, type_.lower(), name) == MARK
        site.kubectl("delete", type_.lower(), name)

    async def test_a_subscription_is_replaced(self, site: Site) -> None:
        name, body = clusternet(site, "Subscription", "Replace")
        site.create(
            {
                "apiVersion": "apps.clusternet.io/v1alpha1",
                "kind": "Subscription",
                "metadata": {"name": name},
                "spec": {"subscribers": [], "feeds": []},
            }
        )
        former = site.uid("subscription", name)
        outcome = await (await undoing(site, body)).run()
        assert (outcome.message, outcome.operation) == (DONE, Operation.REPLACE)
        assert site.uid("subscription", name) != former
        assert mark_of(site, "subscription", name) == MARK

    @pytest.mark.parametrize("operation", ["Patch", "Apply"])
    async def test_an_object_that_is_there_is_changed_back(self, site: Site, operation: str) -> None:
        uid = site.config_map("app")
        site.kubectl("patch", "configmap", "app", "--type=merge", "-p", '{"data":{"text":"changed"}}')
        outcome = await (await undoing(site, resource(site, operation, "as it was"))).run()
        assert (outcome.message, outcome.operation, outcome.created) == (DONE, Operation(operation), False)
        assert text_of(site) == "as it was"
        assert site.uid("configmap", "app") == uid

    async def test_what_was_deleted_is_made_anew(self, site: Site) -> None:
        outcome = await (await undoing(site, resource(site, "Create"))).run()
        assert outcome.message == DONE
        assert mark_of(site, "configmap", "app") == MARK

    async def test_an_object_is_deleted_and_gone(self, site: Site) -> None:
        uid = site.config_map("app")
        outcome = await (await undoing(site, resource(site, "Delete"))).run()
        assert (outcome.message, outcome.operation) == (DONE, Operation.DELETE)
        assert site.get("configmap", "app") is None
        assert site.deletions(at_least=1) == {uid: 1}

    async def test_a_service_is_asked(self, site: Site, service: Service) -> None:
        service.replies_to("/back", Reply(body="switched"))
        body = {"type": "HTTP", "http": {"url": f"{service.address}/back", "method": "POST", "body": "{}"}}
        outcome = await (await undoing(site, body)).run()
        assert (outcome.phase, outcome.message) == (Phase.SUCCEEDED, DONE)
        assert outcome.outputs == ActionOutputs(http_response=HttpResponse(status_code=200, body="switched"))
        [received] = service.received
        assert received.headers["idempotency-key"] == MARK

    async def test_a_job_is_run_to_its_end(self, site: Site) -> None:
        running, task = await run_job(site)
        await succeeds(site, "backup")
        assert (await running).message == DONE
        assert mark_of(site, "job", "backup") == MARK
        assert task.waits_for("to finish")

    async def test_a_failed_job_is_told_with_its_reason(self, site: Site) -> None:
        running, _ = await run_job(site)
        await fails(site, "backup", message="disk full")
        error = await failure_of(running)
        assert error.message.startswith("Custom rollback failed: Job backup failed")
        assert "disk full" in error.message
        assert (error.type, error.non_retryable) == (FailureType.JOB_FAILED, True)


async def run_job(site: Site) -> tuple["asyncio.Task[ActionOutcome]", Undoing]:
    """Begin a rollback that is a Job, and return once it waits for that."""
    task = await undoing(site, {"type": "Job", "job": {"namespace": site.namespace, "template": template()}})
    running = asyncio.create_task(task.run())
    await eventually(lambda: running.done() or bool(task.attempts and task.waits_for("to finish")), "it waits")
    assert not running.done(), running
    return running, task


async def failure_of(running: "asyncio.Task[ActionOutcome]") -> ApplicationError:
    with pytest.raises(ApplicationError) as caught:
        await running
    return caught.value


class TestKilledBetweenRequestAndAnswer:
    async def test_a_creation_has_the_effect_of_one(self, faulty: FaultyServer, faulty_site: Site) -> None:
        task = await undoing(faulty_site, resource(faulty_site, "Create"))
        accepted = faulty.fault("POST", "/configmaps", Cut.HANG)
        await task.killed(lambda: accepted.met == 1 and faulty_site.get("configmap", "app") is not None)
        uid = faulty_site.uid("configmap", "app")
        assert (await task.run()).message == DONE
        assert faulty_site.uid("configmap", "app") == uid
        assert faulty.count("POST", "/configmaps") <= 2

    @pytest.mark.parametrize("operation", ["Patch", "Apply"])
    async def test_a_change_has_the_effect_of_one(
        self, faulty: FaultyServer, faulty_site: Site, operation: str
    ) -> None:
        faulty_site.config_map("app")
        task = await undoing(faulty_site, resource(faulty_site, operation))
        accepted = faulty.fault("PATCH", APP, Cut.HANG)
        await task.killed(lambda: accepted.met == 1 and _version(faulty_site, "new") is not None)
        version = _version(faulty_site, "new")
        assert (await task.run()).message == DONE
        assert _version(faulty_site, "new") == version

    async def test_a_deletion_has_the_effect_of_one(self, faulty: FaultyServer, faulty_site: Site) -> None:
        uid = faulty_site.config_map("app", finalizers=[HOLD])
        task = await undoing(faulty_site, resource(faulty_site, "Delete"))
        accepted = faulty.fault("DELETE", APP, Cut.HANG)
        await task.killed(lambda: accepted.met == 1 and _is_going(faulty_site))
        faulty_site.let_go("configmap", "app")
        outcome = await task.run()
        assert outcome.message == DONE
        assert faulty_site.deletions(at_least=1) == {uid: 1}

    async def test_a_job_is_run_once(self, faulty: FaultyServer, faulty_site: Site) -> None:
        body = {"type": "Job", "job": {"namespace": faulty_site.namespace, "template": template()}}
        task = await undoing(faulty_site, body)
        accepted = faulty.fault("POST", "/jobs", Cut.HANG)
        await task.killed(lambda: accepted.met == 1 and faulty_site.get("job", "backup") is not None)
        uid = faulty_site.uid("job", "backup")
        running = asyncio.create_task(task.run())
        await succeeds(faulty_site, "backup")
        assert (await running).message == DONE
        assert faulty_site.uid("job", "backup") == uid

    async def test_a_request_that_changes_something_is_not_sent_twice(self, site: Site, service: Service) -> None:
        service.replies_to("/back", Reply(stall=True), Reply())
        body = {"type": "HTTP", "http": {"url": f"{service.address}/back", "method": "POST"}}
        task = await undoing(site, body)
        await task.killed(lambda: service.count("POST") == 1)
        error = await task.fails()
        assert error.message.startswith("Custom rollback failed: ")
        assert "outcome unknown" in error.message
        assert (error.type, error.non_retryable) == (FailureType.OUTCOME_UNKNOWN, True)
        assert service.count("POST") == 1

    async def test_a_request_whose_rollback_sets_a_policy_is_sent_again(self, site: Site, service: Service) -> None:
        service.replies_to("/back", Reply(stall=True), Reply())
        http = {"url": f"{service.address}/back", "method": "POST"}
        task = await undoing(site, {"type": "HTTP", "http": http, "retryPolicy": {"limit": 2}})
        await task.killed(lambda: service.count("POST") == 1)
        assert (await task.run()).message == DONE
        assert {each.headers["idempotency-key"] for each in service.received} == {MARK}


def _version(site: Site, text: str) -> str | None:
    """Give the resourceVersion of a ConfigMap that holds this text; None while it does not."""
    found = site.get("configmap", "app")
    changed = found is not None and found.get("data", {}).get("text") == text
    return str(found["metadata"]["resourceVersion"]) if found and changed else None


def _is_going(site: Site) -> bool:
    found = site.get("configmap", "app")
    return found is not None and "deletionTimestamp" in found["metadata"]


class TestFailure:
    async def test_the_reason_follows_the_words_of_a_custom_rollback(self, site: Site) -> None:
        error = await (await undoing(site, resource(site, "Patch"))).fails()
        assert error.message == 'Custom rollback failed: Failed to patch ConfigMap: ConfigMap "app" not found'
        assert (error.type, error.non_retryable) == (FailureType.NOT_FOUND, True)

    async def test_errors_are_counted_and_repeated_as_the_rollbacks_policy_says(
        self, faulty: FaultyServer, faulty_site: Site
    ) -> None:
        task = await undoing(faulty_site, resource(faulty_site, "Create"), limit=1)
        faulty.fault("POST", "/configmaps", Answer(503, json.dumps({"message": "away"})), times=9)
        errors = [await task.fails(), await task.fails()]
        assert [error.non_retryable for error in errors] == [False, True]
        assert {error.message for error in errors} == {"Custom rollback failed: Failed to create ConfigMap: app: away"}

    async def test_when_the_time_runs_out_it_says_so_in_the_same_words(
        self, faulty: FaultyServer, faulty_site: Site
    ) -> None:
        task = await undoing(faulty_site, resource(faulty_site, "Create"), timeout="1s")
        faulty.fault("POST", "/configmaps", Cut.HANG)
        faulty.fault("GET", APP, Cut.HANG, times=9)
        error = await task.fails()
        assert error.message.startswith("Custom rollback failed: Failed to create ConfigMap: ")
        assert "within 1s" in error.message

    async def test_what_is_done_when_its_time_runs_out_is_done(self, faulty: FaultyServer, faulty_site: Site) -> None:
        task = await undoing(faulty_site, resource(faulty_site, "Create"), timeout="1s")
        faulty.fault("POST", "/configmaps", Cut.HANG)
        assert (await task.run()).message == DONE

    async def test_a_definition_that_was_kept_elsewhere_is_not_guessed(self, site: Site) -> None:
        task = await undoing(site, resource(site, "Create"))
        assert task.origin is not None
        task.origin = task.origin.model_copy(update={"stage": "another"})
        error = await task.fails()
        assert error.type == FailureType.UNDEFINED
        assert error.message.startswith("Custom rollback failed: The definitions that were kept")


class TestValues:
    async def test_what_was_kept_and_recorded_is_filled_in(self, site: Site) -> None:
        text = "$(params.region) $(planName) $(outputs.act.resourceRef.uid) $(outputs.act.phase)"
        made = {"act": ActionOutputs(resource_ref=ObjectReference(name="made", uid="u-1"))}
        params = [{"name": "region", "value": "east"}]
        await (await undoing(site, resource(site, "Create", text), params=params, outputs=made)).run()
        assert text_of(site) == "east shop u-1 Succeeded"

    async def test_a_secret_that_was_left_out_is_used_and_not_shown(self, site: Site, service: Service) -> None:
        service.replies_to("/back", Reply(500, "no entry for correct-horse"))
        http = {"url": f"{service.address}/back", "headers": {"Authorization": "Bearer $(params.token)"}}
        params = [{"name": "token", "value": "correct-horse"}]
        error = await (await undoing(site, {"type": "HTTP", "http": http}, params=params)).fails()
        assert service.received[0].headers["authorization"] == "Bearer correct-horse"
        assert error.message.startswith("Custom rollback failed: ")
        assert "correct-horse" not in f"{error.message} {error.details} {error.__cause__}"

    async def test_without_anything_kept_todays_definition_is_carried_out(self, site: Site) -> None:
        task = await undoing(site, resource(site, "Create", "today's"))
        task.origin = None
        assert (await task.run()).message == DONE
        assert text_of(site) == "today's"
        assert site.get("configmap", "made") is None

    @pytest.mark.parametrize("text", ["$(params.region)", "{{ .planName }}"])
    async def test_without_anything_kept_a_value_is_not_guessed(self, site: Site, text: str) -> None:
        task = await undoing(site, resource(site, "Create", text), params=[{"name": "region", "value": "east"}])
        task.origin = None
        error = await task.fails()
        assert error.type == FailureType.UNDEFINED
        assert error.message == (
            "Custom rollback failed: Action act has placeholders, and no values were kept for them"
        )
        assert site.get("configmap", "app") is None


class TestAfterACancel:
    async def test_what_was_carried_out_has_succeeded(self, site: Site) -> None:
        task = await undoing(site, resource(site, "Create"))
        await task.run()
        outcome = await task.look_again()
        assert (outcome.phase, outcome.message) == (Phase.SUCCEEDED, DONE)

    async def test_what_was_not_is_canceled_and_not_touched(self, site: Site) -> None:
        outcome = await (await undoing(site, resource(site, "Create"))).look_again()
        assert outcome.phase is Phase.CANCELED
        assert outcome.message == "Canceled between two attempts: create of ConfigMap app was not done"
        assert site.get("configmap", "app") is None

    async def test_a_request_leaves_nothing_to_look_at(self, site: Site, service: Service) -> None:
        body = {"type": "HTTP", "http": {"url": f"{service.address}/back", "method": "POST"}}
        outcome = await (await undoing(site, body)).look_again()
        assert outcome.phase is Phase.CANCELED
        assert service.received == []


class TestHooks:
    async def test_a_hook_is_carried_out_itself_and_says_what_it_did(self, site: Site) -> None:
        task = await undoing(site, resource(site, "Create"), part=Part.ACTION)
        outcome = await task.run()
        assert outcome.message == "Executed rollback hook: Created ConfigMap made"
        assert site.get("configmap", "app") is None
        assert (await task.look_again()).message == outcome.message

    async def test_a_hook_that_fails_says_so(self, site: Site) -> None:
        site.config_map("made")
        error = await (await undoing(site, resource(site, "Create"), part=Part.ACTION)).fails()
        assert error.message.startswith("Rollback hook failed: Failed to create ConfigMap: ConfigMap ")


async def test_nothing_of_the_default_rollback_is_done_besides(site: Site) -> None:
    made = site.config_map("made")
    await (await undoing(site, resource(site, "Create"))).run()
    assert site.uid("configmap", "made") == made
    assert site.deletions() == Counter()
