"""clusterExecutionMode PerCluster: one Subscription for each cluster, whoever comes, goes, fails or is killed."""

from collections.abc import Iterator
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError

from activities.effects.clusters import ClusterAttempt
from activities.load import actor_of
from api.execution import ActionOutputs, ClusterActionStatus
from api.meta import CREATED_BY_ANNOTATION, ObjectReference
from api.phases import Operation, Phase
from api.steps import (
    ActionOutcome,
    AttemptFailure,
    Attempts,
    Deletion,
    FailureType,
    RollbackInput,
    RollbackStep,
    Target,
)
from tests.activities.orders import Task, execution_of, subscription
from tests.activities.site import Attempt, Object, Site
from tests.fake_clusternet import Clusternet
from tests.faulty_server import Cut, FaultyServer

FEED = {"apiVersion": "v1", "kind": "ConfigMap", "name": "settings", "namespace": "default"}
POSTED = "/subscriptions"


@pytest.fixture
def clusternet(site: Site) -> Iterator[Clusternet]:
    with Clusternet.at_work(site.stack, site.namespace, finalizers=True) as clusternet:
        yield clusternet


@pytest.fixture
def faulty_clusternet(faulty_site: Site) -> Iterator[Clusternet]:
    with Clusternet.at_work(faulty_site.stack, faulty_site.namespace) as clusternet:
        yield clusternet


def rolls_out(site: Site, operation: str = "Create", subscribers: Any = (), **more: Any) -> Task:
    """Give the task to roll the Subscription `app` out, cluster by cluster."""
    spec = {"subscribers": list(subscribers), "feeds": [FEED], "schedulingStrategy": "Dividing", "priority": 3}
    modes = {"waitReady": True, "clusterExecutionMode": "PerCluster"}
    given = {name: more.pop(name) for name in ("timeout", "limit") if name in more}
    action = subscription("app", site.namespace, operation, spec=spec, **(modes | more))
    return Task(site, action, execution_of(site), **given)


def found(site: Site, name: str) -> Object:
    seen = site.get("subscription", name)
    assert seen is not None, f"Subscription {name} is absent"
    return seen


def names(site: Site) -> list[str]:
    return site.kubectl("get", "subscriptions", "-o", "jsonpath={.items[*].metadata.name}").split()


def recorded(outputs: ActionOutputs | None) -> dict[str | None, str | None]:
    """Give name and uid of every Subscription in a record."""
    return {each.name: each.uid for each in (outputs and outputs.subscription_refs) or []}


def uids(site: Site, *subscriptions: str) -> dict[str, str]:
    return {name: site.uid("subscription", name) for name in subscriptions}


def phases(statuses: list[ClusterActionStatus] | None) -> dict[str, Phase]:
    return {each.cluster: each.phase for each in statuses or []}


def failure_of(error: ApplicationError) -> AttemptFailure:
    told = error.details[0]
    assert isinstance(told, AttemptFailure)
    return told


async def test_every_cluster_gets_a_subscription_of_its_own(site: Site, clusternet: Clusternet) -> None:
    east, west = clusternet.joins("east"), clusternet.joins("west")
    task = rolls_out(site)
    outcome = await task.run()
    assert names(site) == ["app--east", "app--west"], "there is none for all of them"
    made = found(site, "app--east")
    chosen = {"key": "clusters.clusternet.io/cluster-id", "operator": "In", "values": [east.id]}
    assert made["spec"] == {
        "subscribers": [{"clusterAffinity": {"matchExpressions": [chosen]}}],
        "feeds": [FEED],
        "schedulingStrategy": "Replication",
        "priority": 3,
    }
    assert made["metadata"]["annotations"] == {CREATED_BY_ANNOTATION: f"{task.mark}/{east.binding}"}
    assert outcome.message == "Created Subscription app in 2 clusters; ready in all of them"
    assert (outcome.phase, outcome.operation, outcome.created) == (Phase.SUCCEEDED, Operation.CREATE, True)
    assert recorded(outcome.outputs) == uids(site, "app--east", "app--west")
    first, second = outcome.cluster_statuses or []
    assert (first.cluster, first.cluster_id, first.phase) == (east.binding, east.id, Phase.SUCCEEDED)
    assert first.message == "Created Subscription app--east, and it is ready"
    assert first.start_time is not None
    assert first.completion_time is not None
    assert first.start_time <= first.completion_time
    assert second.cluster == west.binding


async def test_subscribers_choose_the_clusters(site: Site, clusternet: Clusternet) -> None:
    clusternet.joins("east", region="eu")
    clusternet.joins("west", region="us")
    affinity = {"matchExpressions": [{"key": "region", "operator": "NotIn", "values": ["us"]}]}
    outcome = await rolls_out(site, subscribers=[{"clusterAffinity": affinity}]).run()
    assert [*recorded(outcome.outputs)] == ["app--east"]


@pytest.mark.parametrize(
    ("affinity", "kind", "reason"),
    [
        ({"matchLabels": {"region": "moon"}}, FailureType.NOT_FOUND, "no ManagedCluster matches the subscribers of"),
        (
            {"matchExpressions": [{"key": "region", "operator": "Like", "values": ["e"]}]},
            FailureType.INVALID,
            'is not a label selector: "Like" is not an operator',
        ),
    ],
)
async def test_where_no_cluster_can_be_chosen_the_action_fails(
    site: Site, clusternet: Clusternet, affinity: Object, kind: FailureType, reason: str
) -> None:
    clusternet.joins("east")
    error = await rolls_out(site, subscribers=[{"clusterAffinity": affinity}]).fails()
    assert (error.type, error.non_retryable) == (kind, True)
    assert reason in error.message
    assert names(site) == []


async def test_clusters_of_one_name_do_not_share_a_subscription(site: Site, clusternet: Clusternet) -> None:
    clusternet.joins("east", f"{site.namespace}-one")
    clusternet.joins("east", f"{site.namespace}-two")
    outcome = await rolls_out(site).run()
    assert len(recorded(outcome.outputs)) == 2
    assert outcome.phase is Phase.SUCCEEDED


async def test_anything_that_is_not_waited_for_is_done_once(site: Site, clusternet: Clusternet) -> None:
    clusternet.joins("east")
    outcome = await rolls_out(site, waitReady=False).run()
    assert names(site) == ["app"]
    assert outcome.cluster_statuses is None
    assert outcome.message == "Created Subscription app"


# Failures.


async def test_a_cluster_that_fails_fails_the_action_by_name_and_the_others_are_done(
    site: Site, clusternet: Clusternet
) -> None:
    east, west = clusternet.joins("east"), clusternet.joins("west")
    clusternet.fails_in(east, "quota exceeded")
    error = await rolls_out(site).fails()
    assert error.message == (
        f"Failed to create Subscription: 1 of 2 clusters failed: {east.binding}: Created Subscription app--east, "
        f"but it will not become ready: {east.binding}: Description app--east-generic failed: quota exceeded"
    )
    assert (error.type, error.non_retryable) == (FailureType.NOT_READY, True)
    told = failure_of(error)
    assert phases(told.cluster_statuses) == {east.binding: Phase.FAILED, west.binding: Phase.SUCCEEDED}
    assert recorded(told.outputs) == uids(site, "app--east", "app--west"), "what a failed action made is recorded"
    assert (told.operation, told.created) == (Operation.CREATE, True)


async def test_time_that_ran_out_is_repeated_and_the_repeat_waits_on(site: Site, clusternet: Clusternet) -> None:
    east, west = clusternet.joins("east"), clusternet.joins("west")
    clusternet.holds_back(west)
    task = rolls_out(site, timeout="4s")
    error = await task.fails()
    assert (error.type, error.non_retryable) == (FailureType.TIMED_OUT, False)
    assert (
        f"1 of 2 clusters failed: {west.binding}: Created Subscription app--west, but it was not ready within 4s: "
        in (error.message)
    )
    assert task.waits_for(f"Waiting for Subscription app in 1 of 2 clusters: {west.binding}: ")
    told = failure_of(error)
    assert phases(told.cluster_statuses) == {east.binding: Phase.SUCCEEDED, west.binding: Phase.FAILED}
    made = uids(site, "app--east", "app--west")
    assert recorded(told.outputs) == made
    clusternet.reaches(west)
    assert recorded((await task.run()).outputs) == made, "nothing was made twice"


async def test_a_cluster_without_an_id_cannot_be_chosen(site: Site, clusternet: Clusternet) -> None:
    clusternet.joins("east")
    patch = '[{"op": "remove", "path": "/spec"}]'
    site.stack.kubectl("patch", "managedcluster", "east", "-n", f"{site.namespace}-east", "--type=json", "-p", patch)
    error = await rolls_out(site).fails()
    assert error.type == FailureType.INVALID
    assert error.message.endswith("the ManagedCluster has no spec.clusterId")


async def test_an_account_that_may_not_see_the_clusters_fails_and_says_so(site: Site, clusternet: Clusternet) -> None:
    clusternet.joins("east")
    task = rolls_out(site)
    task.actor = actor_of(site.namespace, "nobody")
    error = await task.fails()
    assert (error.type, error.non_retryable) == (FailureType.FORBIDDEN, True)
    assert "is forbidden" in error.message


def test_what_is_said_of_a_cluster_hides_what_is_secret() -> None:
    running = ClusterAttempt(Attempts())
    running.set_secrets(["correct-horse"])
    said = ClusterActionStatus(cluster="one/east", cluster_id="e", phase=Phase.FAILED, message="bad: correct-horse")
    found = running.redact_outcome(ActionOutcome(phase=Phase.FAILED, message="", cluster_statuses=[said]))
    assert "correct-horse" not in str(found)
    assert phases(found.cluster_statuses) == {"one/east": Phase.FAILED}


# What is there already.


async def test_a_subscription_that_is_there_already_is_waited_for_but_not_recorded(
    site: Site, clusternet: Clusternet
) -> None:
    clusternet.joins("east")
    clusternet.joins("west")
    site.create({**body("app--west"), "spec": {"subscribers": [{"clusterAffinity": {}}], "feeds": [FEED]}})
    before = found(site, "app--west")
    outcome = await rolls_out(site, "Apply").run()
    assert outcome.message == (
        "Created Subscription app in 1 cluster; Subscription app existed before in 1 cluster; ready in all of them"
    )
    assert recorded(outcome.outputs) == uids(site, "app--east")
    assert (outcome.operation, outcome.created) == (Operation.CREATE, True)
    after = found(site, "app--west")
    assert (after["metadata"]["uid"], after["spec"]) == (before["metadata"]["uid"], before["spec"])
    said = {each.cluster: each.message for each in outcome.cluster_statuses or []}
    assert said[f"{site.namespace}-west/west"] == "Subscription app--west existed before, and it is ready"


async def test_where_all_were_there_already_nothing_is_recorded(site: Site, clusternet: Clusternet) -> None:
    clusternet.joins("east")
    site.create({**body("app--east"), "spec": {"subscribers": [{"clusterAffinity": {}}], "feeds": []}})
    outcome = await rolls_out(site).run()
    assert (outcome.created, outcome.outputs) == (False, None)


def body(name: str, **metadata: Any) -> Object:
    kind = {"apiVersion": "apps.clusternet.io/v1alpha1", "kind": "Subscription"}
    return {**kind, "metadata": {"name": name, **metadata}}


# hookCleanup, as of any Subscription.


async def test_what_an_earlier_run_left_in_a_cluster_goes_first(site: Site, clusternet: Clusternet) -> None:
    clusternet.joins("east")
    clusternet.joins("west")
    first = rolls_out(site)
    old = await first.run()
    action = first.action | {"name": "again", "hookCleanup": {"beforeCreate": True}}
    outcome = await Task(site, action, first.execution).run()
    assert outcome.message == "Created Subscription app in 2 clusters; ready in all of them"
    assert recorded(outcome.outputs) == uids(site, "app--east", "app--west")
    assert site.deletions(at_least=2) == dict.fromkeys(recorded(old.outputs).values(), 1)


async def test_after_a_success_all_of_them_go(site: Site, clusternet: Clusternet) -> None:
    clusternet.joins("east")
    clusternet.joins("west")
    outcome = await rolls_out(site, hookCleanup={"onSuccess": True, "onFailure": True}).run()
    assert outcome.message.endswith("; ready in all of them; removed by its hook cleanup")
    assert names(site) == []
    assert (len(recorded(outcome.outputs)), outcome.created) == (2, True)
    assert site.deletions(at_least=2) == dict.fromkeys(recorded(outcome.outputs).values(), 1)


async def test_what_was_there_already_stays_after_a_success(site: Site, clusternet: Clusternet) -> None:
    clusternet.joins("east")
    clusternet.joins("west")
    site.create({**body("app--west"), "spec": {"subscribers": [{"clusterAffinity": {}}], "feeds": []}})
    await rolls_out(site, hookCleanup={"onSuccess": True}).run()
    assert names(site) == ["app--west"]


async def test_after_the_last_failure_all_of_them_go(site: Site, clusternet: Clusternet) -> None:
    east = clusternet.joins("east")
    clusternet.joins("west")
    clusternet.holds_back(east)
    task = rolls_out(site, timeout="2s", limit=1, hookCleanup={"onSuccess": True, "onFailure": True})
    await task.fails()
    assert names(site) == ["app--east", "app--west"], "a repeat follows"
    error = await task.fails()
    assert error.message.endswith("; removed by its hook cleanup")
    assert names(site) == []


async def test_an_attempt_killed_while_it_cleans_up_does_not_run_the_hook_again(
    faulty: FaultyServer, faulty_site: Site, faulty_clusternet: Clusternet
) -> None:
    for name in ("east", "west"):
        faulty_clusternet.joins(name)
    task = rolls_out(faulty_site, hookCleanup={"onSuccess": True})
    accepted = faulty.fault("DELETE", "/subscriptions/app--east", Cut.HANG)
    await task.killed(lambda: accepted.met == 1)
    outcome = await task.run()
    assert outcome.message.endswith("; removed by its hook cleanup")
    assert names(faulty_site) == []
    assert faulty.count("POST", POSTED) == 2
    assert faulty.count("DELETE", "/subscriptions/app--east") == 1


# Attempts that died, and clusters that come and go between them.


async def test_a_killed_attempt_has_the_effect_of_one(
    faulty: FaultyServer, faulty_site: Site, faulty_clusternet: Clusternet
) -> None:
    for name in ("east", "west"):
        faulty_clusternet.joins(name)
    task = rolls_out(faulty_site)
    unanswered = faulty.fault("POST", POSTED, Cut.HANG)
    for _ in range(2):
        await task.killed(lambda: unanswered.met == 1 and len(names(faulty_site)) == 2)
    made = uids(faulty_site, "app--east", "app--west")
    outcome = await task.run()
    assert recorded(outcome.outputs) == made
    assert outcome.phase is Phase.SUCCEEDED


async def test_a_cluster_that_joins_between_attempts_gets_its_subscription(site: Site, clusternet: Clusternet) -> None:
    east = clusternet.joins("east")
    clusternet.holds_back(east)
    task = rolls_out(site)
    await task.killed(lambda: task.waits_for(east.binding))
    west = clusternet.joins("west")
    clusternet.reaches(east)
    outcome = await task.run()
    assert phases(outcome.cluster_statuses) == {east.binding: Phase.SUCCEEDED, west.binding: Phase.SUCCEEDED}
    assert recorded(outcome.outputs) == uids(site, "app--east", "app--west")


async def test_what_was_made_for_a_cluster_that_left_stays_recorded(site: Site, clusternet: Clusternet) -> None:
    east, west = clusternet.joins("east"), clusternet.joins("west")
    clusternet.holds_back(west)
    task = rolls_out(site)
    await task.killed(lambda: task.waits_for(west.binding) and "app--west" in names(site))
    clusternet.leaves(west)
    outcome = await task.run()
    assert outcome.phase is Phase.SUCCEEDED
    assert phases(outcome.cluster_statuses) == {east.binding: Phase.SUCCEEDED, west.binding: Phase.SKIPPED}
    left = (outcome.cluster_statuses or [])[1]
    assert left.message == f"No longer a target: Subscription {site.namespace}/app--west was left as it is"
    assert recorded(outcome.outputs) == uids(site, "app--east", "app--west"), "a Revert has to take it back"


async def test_where_every_cluster_has_left_what_was_made_stays_recorded(site: Site, clusternet: Clusternet) -> None:
    east = clusternet.joins("east")
    clusternet.holds_back(east)
    task = rolls_out(site)
    await task.killed(lambda: task.waits_for(east.binding))
    clusternet.leaves(east)
    error = await task.fails()
    assert error.type == FailureType.NOT_FOUND
    assert recorded(failure_of(error).outputs) == uids(site, "app--east")


# After a cancel.


async def test_after_a_cancel_what_is_done_in_every_cluster_has_succeeded(site: Site, clusternet: Clusternet) -> None:
    clusternet.joins("east")
    task = rolls_out(site)
    done = await task.run()
    verified = await task.verify()
    assert (verified.phase, verified.outputs, verified.message) == (done.phase, done.outputs, done.message)


async def test_after_a_cancel_what_is_not_done_is_canceled_and_what_was_made_is_recorded(
    site: Site, clusternet: Clusternet
) -> None:
    east, west = clusternet.joins("east"), clusternet.joins("west")
    clusternet.holds_back(west)
    task = rolls_out(site)
    await task.killed(lambda: task.waits_for("in 1 of 2 clusters"))
    outcome = await task.verify()
    assert outcome.phase is Phase.CANCELED
    assert outcome.message == "Canceled between two attempts: Subscription app is done in 1 of 2 clusters"
    assert phases(outcome.cluster_statuses) == {east.binding: Phase.SUCCEEDED, west.binding: Phase.FAILED}
    assert recorded(outcome.outputs) == uids(site, "app--east", "app--west")


async def test_after_a_cancel_that_came_before_anything_nothing_is_done(site: Site, clusternet: Clusternet) -> None:
    clusternet.joins("east")
    outcome = await rolls_out(site).verify()
    assert (outcome.phase, outcome.created, outcome.outputs) == (Phase.CANCELED, False, None)
    assert names(site) == []


# Taking it back.


async def test_a_revert_deletes_what_is_recorded_and_waits_until_it_is_gone(site: Site, clusternet: Clusternet) -> None:
    clusternet.joins("east")
    clusternet.joins("west")
    outcome = await rolls_out(site).run()
    refs = (outcome.outputs and outcome.outputs.subscription_refs) or []
    deletions = [Deletion(target=target_of(each), uid=str(each.uid)) for each in refs]
    step = RollbackStep(deletions=deletions)
    given = RollbackInput(step=step, actor=site.actor)
    undone = await Attempt().run(site.rollbacks.rollback_action, given)
    assert undone.message == "Rolled back: deleted Subscription app--east, Subscription app--west"
    assert names(site) == []


async def test_a_delete_takes_what_any_execution_made_for_a_cluster_and_nothing_else(
    site: Site, clusternet: Clusternet
) -> None:
    clusternet.joins("east")
    west = clusternet.joins("west")
    await rolls_out(site).run()
    made = uids(site, "app--east", "app--west")
    clusternet.leaves(west)
    site.create({**body("app"), "spec": {}}, {**body("app--mine"), "spec": {}})
    other = body("app--other", annotations={CREATED_BY_ANNOTATION: "uid/stage/flow/other"})
    site.create({**other, "spec": {}})
    task = Task(site, {**rolls_out_again(site), "name": "delete-app"})
    outcome = await task.run()
    assert names(site) == ["app", "app--mine", "app--other"]
    assert outcome.message == "Deleted Subscription app in 2 clusters"
    assert (outcome.operation, outcome.created) == (Operation.DELETE, False)
    assert recorded(outcome.outputs) == made
    assert {*phases(outcome.cluster_statuses).values()} == {Phase.SUCCEEDED}
    assert site.deletions(at_least=2) == dict.fromkeys(made.values(), 1)
    again = await task.run()
    assert again.message == "Subscription app was already absent in every cluster"
    assert (await task.verify()).phase is Phase.SUCCEEDED


def rolls_out_again(site: Site) -> Object:
    """Give the action that deletes what `rolls_out` makes."""
    modes = {"waitReady": True, "clusterExecutionMode": "PerCluster"}
    return subscription("app", site.namespace, "Delete", spec=None, **modes)


async def test_a_delete_that_is_not_over_is_canceled(site: Site, clusternet: Clusternet) -> None:
    clusternet.joins("east")
    await rolls_out(site).run()
    outcome = await Task(site, rolls_out_again(site)).verify()
    assert outcome.phase is Phase.CANCELED


def target_of(reference: ObjectReference) -> Target:
    return Target.model_validate(reference.model_dump(exclude={"uid"}))
