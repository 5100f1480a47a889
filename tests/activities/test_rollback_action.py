"""`rollback_action`: the very object that was looked at goes, and nothing else."""

import asyncio
import json

import pytest
from temporalio.exceptions import ApplicationError

from activities.authorize import actor_of
from api.attempts import ActionOutcome, RollbackInput
from api.failures import FailureType
from api.objects import Actor, Target
from api.phases import Phase
from api.steps import Deletion, Refusal, RollbackStep
from tests.activities.live_namespace import HOLD, Attempt, LiveNamespace, Object, config_map, localization
from tests.eventually import eventually
from tests.faulty_server import Answer, Cut, FaultyServer


async def roll_back(
    ns: LiveNamespace, step: RollbackStep, actor: Actor | None = None, attempt: Attempt | None = None
) -> ActionOutcome:
    given = RollbackInput(step=step, actor=actor or ns.actor)
    return await (attempt or Attempt()).run(ns.rollbacks.rollback_action, given)


async def failure(ns: LiveNamespace, step: RollbackStep, actor: Actor | None = None) -> ApplicationError:
    with pytest.raises(ApplicationError) as caught:
        await roll_back(ns, step, actor)
    return caught.value


async def test_an_object_is_deleted_and_gone(ns: LiveNamespace) -> None:
    uid = ns.config_map("app")
    outcome = await roll_back(ns, ns.deletion(config_map("app", ns.namespace), uid))
    assert outcome == ActionOutcome(phase=Phase.SUCCEEDED, message="Rolled back: deleted ConfigMap app")
    assert ns.get("configmap", "app") is None
    assert ns.deletions(at_least=1) == {uid: 1}


async def test_one_request_deletes_an_object_that_is_as_it_was_observed(
    faulty: FaultyServer, faulty_ns: LiveNamespace
) -> None:
    ns = faulty_ns
    uid = ns.config_map("app")
    step = ns.deletion(config_map("app", ns.namespace), uid, version=ns.version("configmap", "app"))
    attempt = Attempt()
    assert (await roll_back(ns, step, attempt=attempt)).message == "Rolled back: deleted ConfigMap app"
    assert (faulty.count("GET", "/configmaps/app"), faulty.count("DELETE", "/configmaps/app")) == (0, 1)
    # Each would be a call to Temporal.
    assert attempt.beats == []
    assert ns.get("configmap", "app") is None
    # The next attempt, where the worker died before the answer, needs one request as well.
    assert (await roll_back(ns, step, attempt=Attempt(number=2))).message == "Rolled back: deleted ConfigMap app"
    assert (faulty.count("GET", "/configmaps/app"), ns.deletions(at_least=1)) == (0, {uid: 1})


async def test_an_object_that_changed_since_it_was_observed_is_looked_at_and_deleted(
    faulty: FaultyServer, faulty_ns: LiveNamespace
) -> None:
    ns = faulty_ns
    uid = ns.config_map("app")
    step = ns.deletion(config_map("app", ns.namespace), uid, version=ns.version("configmap", "app"))
    ns.kubectl("label", "configmap", "app", "team=other")
    assert (await roll_back(ns, step)).message == "Rolled back: deleted ConfigMap app"
    assert (faulty.count("GET", "/configmaps/app"), faulty.count("DELETE", "/configmaps/app")) == (1, 2)
    assert ns.deletions(at_least=1) == {uid: 1}


async def test_two_runs_of_one_activity_delete_an_object_once(ns: LiveNamespace) -> None:
    uid = ns.config_map("app", finalizers=[HOLD])
    step = ns.deletion(config_map("app", ns.namespace), uid, version=ns.version("configmap", "app"))
    running = [asyncio.create_task(roll_back(ns, step)) for _ in range(2)]
    await eventually(lambda: ns.deletions() == {uid: 1}, "the deletion was asked for")
    ns.let_go("configmap", "app")
    assert {each.message for each in await asyncio.gather(*running)} == {"Rolled back: deleted ConfigMap app"}
    assert ns.deletions(at_least=1) == {uid: 1}


async def test_an_object_of_a_kind_that_answers_with_the_object_is_looked_for(
    faulty: FaultyServer, faulty_ns: LiveNamespace
) -> None:
    ns = faulty_ns
    ns.create({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "app"}})
    target = Target(api_version="v1", kind="ServiceAccount", name="app", namespace=ns.namespace)
    uid, version = ns.uid("serviceaccount", "app"), ns.version("serviceaccount", "app")
    outcome = await roll_back(ns, ns.deletion(target, uid, version=version))
    assert outcome.message == "Rolled back: deleted ServiceAccount app"
    path = "/serviceaccounts/app"
    assert (faulty.count("DELETE", path), faulty.count("GET", path)) == (1, 1)


async def test_several_objects_go_in_their_order(ns: LiveNamespace) -> None:
    uids = {name: ns.config_map(name) for name in ("first", "second")}
    second = Deletion(target=config_map("second", ns.namespace), uid=uids["second"])
    step = ns.deletion(config_map("first", ns.namespace), uids["first"], second)
    outcome = await roll_back(ns, step)
    assert outcome.message == "Rolled back: deleted ConfigMap first, ConfigMap second"
    assert list(ns.deletions(at_least=2)) == [uids["first"], uids["second"]]


async def test_an_object_that_somebody_removed_after_the_look_is_rolled_back(ns: LiveNamespace) -> None:
    uid = ns.config_map("app")
    ns.delete("configmap", "app")
    outcome = await roll_back(ns, ns.deletion(config_map("app", ns.namespace), uid))
    assert outcome.message == "Rolled back: deleted ConfigMap app"
    assert ns.deletions(at_least=1) == {uid: 1}


@pytest.mark.parametrize("observed", [True, False])
async def test_an_object_that_somebody_recreated_after_the_look_is_left_alone_and_named(
    ns: LiveNamespace, observed: bool
) -> None:
    uid = ns.config_map("app")
    version = ns.version("configmap", "app") if observed else None
    ns.delete("configmap", "app")
    new = ns.config_map("app")
    outcome = await roll_back(ns, ns.deletion(config_map("app", ns.namespace), uid, version=version))
    assert outcome.phase is Phase.SUCCEEDED
    assert outcome.message == f"Rolled back: deleted ConfigMap app; a new ConfigMap app (uid {new}) was left alone"
    assert ns.uid("configmap", "app") == new
    assert new not in ns.deletions(at_least=1)


async def test_an_object_recreated_between_get_and_delete_is_left_alone(
    faulty: FaultyServer, faulty_ns: LiveNamespace
) -> None:
    ns = faulty_ns
    uid, seen = ns.config_map("app"), list[str]()

    def recreate() -> None:
        ns.delete("configmap", "app")
        seen.append(ns.config_map("app"))

    faulty.fault("GET", "/configmaps/app", recreate)
    outcome = await roll_back(ns, ns.deletion(config_map("app", ns.namespace), uid))
    assert outcome.message.endswith(f"(uid {seen[0]}) was left alone")
    assert ns.uid("configmap", "app") == seen[0]
    assert faulty.count("DELETE", "/configmaps/app") == 1


async def test_a_conflict_about_the_very_same_object_is_tried_again(
    faulty: FaultyServer, faulty_ns: LiveNamespace
) -> None:
    ns = faulty_ns
    uid = ns.config_map("app")
    conflict = Answer(409, json.dumps({"reason": "Conflict", "message": "the object has been modified"}))
    faulty.fault("DELETE", "/configmaps/app", conflict)
    error = await failure(ns, ns.deletion(config_map("app", ns.namespace), uid))
    assert (error.type, error.non_retryable) == (FailureType.TRANSIENT, False)
    assert error.message == "Failed to delete ConfigMap: app: the object has been modified"
    assert ns.uid("configmap", "app") == uid


@pytest.mark.parametrize("observed", [True, False])
@pytest.mark.parametrize("finalizers", [[], [HOLD]], ids=["gone at once", "held by a finalizer"])
async def test_an_accepted_delete_without_an_answer_is_not_sent_again(
    faulty: FaultyServer, faulty_ns: LiveNamespace, finalizers: list[str], observed: bool
) -> None:
    ns = faulty_ns
    uid = ns.config_map("app", finalizers=finalizers)
    version = ns.version("configmap", "app") if observed else None
    faulty.fault("DELETE", "/configmaps/app", Cut.AFTER, times=5)
    step = ns.deletion(config_map("app", ns.namespace), uid, version=version)
    running = asyncio.create_task(roll_back(ns, step))
    if finalizers:
        await eventually(lambda: faulty.count("GET", "/configmaps/app") > 3, "the object is waited for")
        ns.let_go("configmap", "app")
    assert (await running).phase is Phase.SUCCEEDED
    assert faulty.count("DELETE", "/configmaps/app") == 1
    assert ns.deletions(at_least=1) == {uid: 1}


async def test_an_api_server_that_goes_away_while_an_object_terminates_is_waited_for(
    faulty: FaultyServer, faulty_ns: LiveNamespace
) -> None:
    ns = faulty_ns
    uid = ns.config_map("app", finalizers=[HOLD])
    attempt = Attempt()
    running = asyncio.create_task(roll_back(ns, ns.deletion(config_map("app", ns.namespace), uid), attempt=attempt))
    await eventually(lambda: faulty.count("DELETE", "/configmaps/app") == 1, "the deletion was asked for")
    broken = faulty.fault("GET", "/configmaps/app", Answer(503, "<html>bad gateway</html>"), times=4)
    await eventually(lambda: broken.met == 4, "the API server was away")
    ns.let_go("configmap", "app")
    assert (await running).phase is Phase.SUCCEEDED
    assert any("the API server" in beat.waiting_for for beat in attempt.beats)


async def test_a_404_that_is_no_answer_of_the_api_server_does_not_mean_gone(
    faulty: FaultyServer, faulty_ns: LiveNamespace
) -> None:
    uid = faulty_ns.config_map("app")
    faulty.fault("GET", "/configmaps/app", Answer(404, "<html>no such host</html>"))
    error = await failure(faulty_ns, faulty_ns.deletion(config_map("app", faulty_ns.namespace), uid))
    assert (error.type, error.non_retryable) == (FailureType.TRANSIENT, False)
    assert faulty_ns.uid("configmap", "app") == uid


async def test_a_finalizer_is_waited_for_until_the_timeout_which_names_it(ns: LiveNamespace) -> None:
    uid = ns.config_map("app", finalizers=[HOLD])
    error = await failure(ns, ns.deletion(config_map("app", ns.namespace), uid, timeout="4s"))
    expected = f"Failed to delete ConfigMap: ConfigMap app still exists after 4s, waiting for finalizers {HOLD}"
    assert error.message == expected
    assert (error.type, error.non_retryable) == (FailureType.DELETION_TIMED_OUT, True)
    ns.let_go("configmap", "app")


@pytest.mark.parametrize("observed", [True, False])
async def test_an_object_that_terminates_already_is_waited_for_without_another_delete(
    ns: LiveNamespace, observed: bool
) -> None:
    uid = ns.config_map("app", finalizers=[HOLD])
    version = ns.version("configmap", "app") if observed else None
    ns.delete("configmap", "app", wait=False)
    attempt = Attempt()
    step = ns.deletion(config_map("app", ns.namespace), uid, version=version)
    running = asyncio.create_task(roll_back(ns, step, attempt=attempt))
    waiting = f"Waiting for ConfigMap {ns.namespace}/app to be gone, finalizers: {HOLD}"
    await eventually(lambda: attempt.beats[-1:] != [] and attempt.beats[-1].waiting_for == waiting, "a beat says why")
    ns.let_go("configmap", "app")
    assert (await running).phase is Phase.SUCCEEDED
    assert ns.deletions(at_least=1) == {uid: 1}


async def test_a_refusal_is_raised_as_it_stands_and_touches_nothing(ns: LiveNamespace) -> None:
    uid = ns.config_map("app")
    refusal = Refusal(type=FailureType.WRONG_UID, message="Failed to delete ConfigMap: another object")
    error = await failure(ns, RollbackStep(refusal=refusal))
    assert (error.type, error.message, error.non_retryable) == (FailureType.WRONG_UID, refusal.message, True)
    assert ns.uid("configmap", "app") == uid


async def test_an_account_without_rights_cannot_delete_through_a_plan(ns: LiveNamespace) -> None:
    uid = ns.config_map("app")
    nobody = actor_of(ns.namespace, "nobody")
    error = await failure(ns, ns.deletion(config_map("app", ns.namespace), uid), nobody)
    assert (error.type, error.non_retryable) == (FailureType.FORBIDDEN, True)
    assert error.message.startswith('Failed to delete ConfigMap: configmaps "app" is forbidden: User "system:service')
    assert ns.uid("configmap", "app") == uid


async def test_without_impersonation_it_is_the_worker_that_lacks_the_right(ns: LiveNamespace) -> None:
    uid = ns.config_map("app")
    error = await failure(ns, ns.deletion(config_map("app", ns.namespace), uid), Actor())
    assert "system:serviceaccount:drplan-system:drplan-worker" in error.message
    assert error.type == FailureType.FORBIDDEN


async def test_a_custom_resource_goes_as_well(ns: LiveNamespace) -> None:
    ns.create({
        "apiVersion": "apps.clusternet.io/v1alpha1",
        "kind": "Localization",
        "metadata": {"name": "nginx-loc-a"},
        "spec": {"feed": {"apiVersion": "v1", "kind": "ConfigMap", "name": "x"}},
    })  # fmt: skip
    uid = ns.uid("localization", "nginx-loc-a")
    outcome = await roll_back(ns, ns.deletion(localization("nginx-loc-a", ns.namespace), uid))
    assert outcome.message == "Rolled back: deleted Localization nginx-loc-a"
    assert ns.deletions(at_least=1) == {uid: 1}


async def test_a_job_goes_with_its_pods(ns: LiveNamespace) -> None:
    ns.create(_job("work"))
    await eventually(lambda: "work-" in ns.kubectl("get", "pods", "-o", "name"), "the Job has a pod")
    target = Target(api_version="batch/v1", kind="Job", name="work", namespace=ns.namespace)
    step = ns.deletion(target, ns.uid("job", "work"), foreground=True, timeout="3m")
    outcome = await roll_back(ns, step)
    assert outcome.message == "Rolled back: deleted Job work"
    assert ns.kubectl("get", "pods", "-o", "name") == ""


def _job(name: str) -> Object:
    container = {"name": "c", "image": "registry.invalid/none"}
    pod = {"spec": {"restartPolicy": "Never", "containers": [container]}}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name}, "spec": {"template": pod}}


async def test_a_deletion_without_a_uid_never_leaves_the_worker(ns: LiveNamespace) -> None:
    ns.config_map("app")
    with pytest.raises(ValueError, match="needs a uid"):
        await ns.cluster.delete(config_map("app", ns.namespace), "", ns.actor)
    assert ns.get("configmap", "app") is not None
