"""clusterExecutionMode PerCluster: one Subscription for each cluster, whoever comes, goes, fails or is killed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from temporalio.exceptions import ApplicationError

from activities.authorize import actor_of
from activities.effects.action import ResolvedAction
from activities.effects.clusters import ClusterAttempt, ClusterRun, ClusterRuns, FormerTarget
from activities.errors import ActionError
from api.actions import Action
from api.attempts import ActionOutcome, AttemptFailure
from api.failures import FailureType
from api.meta import CREATED_BY_ANNOTATION, ObjectReference
from api.nodes import ClusterActionStatus
from api.objects import Actor, Target
from api.phases import Operation, Phase
from api.steps import Attempts
from planning.effects.per_cluster import ManagedCluster
from tests.activities.cluster_orders import FEED, POSTED, found, names, phases, recorded, rolls_out, uids
from tests.activities.live_namespace import LiveNamespace, Object
from tests.activities.orders import subscription
from tests.fake_clusternet import Clusternet
from tests.faulty_server import Cut, FaultyServer


def failure_of(error: ApplicationError) -> AttemptFailure:
    told = error.details[0]
    assert isinstance(told, AttemptFailure)
    return told


async def test_every_cluster_gets_a_subscription_of_its_own(ns: LiveNamespace, clusternet: Clusternet) -> None:
    east, west = clusternet.joins("east"), clusternet.joins("west")
    task = rolls_out(ns)
    outcome = await task.run()
    assert names(ns) == ["app--east", "app--west"], "there is none for all of them"
    made = found(ns, "app--east")
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
    assert recorded(outcome.outputs) == uids(ns, "app--east", "app--west")
    first, second = outcome.cluster_statuses or []
    assert (first.cluster, first.cluster_id, first.phase) == (east.binding, east.id, Phase.SUCCEEDED)
    assert first.message == "Created Subscription app--east, and it is ready"
    assert first.start_time is not None
    assert first.completion_time is not None
    assert first.start_time <= first.completion_time
    assert second.cluster == west.binding


async def test_subscribers_choose_the_clusters(ns: LiveNamespace, clusternet: Clusternet) -> None:
    clusternet.joins("east", region="eu")
    clusternet.joins("west", region="us")
    affinity = {"matchExpressions": [{"key": "region", "operator": "NotIn", "values": ["us"]}]}
    outcome = await rolls_out(ns, subscribers=[{"clusterAffinity": affinity}]).run()
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
    ns: LiveNamespace, clusternet: Clusternet, affinity: Object, kind: FailureType, reason: str
) -> None:
    clusternet.joins("east")
    error = await rolls_out(ns, subscribers=[{"clusterAffinity": affinity}]).fails()
    assert (error.type, error.non_retryable) == (kind, True)
    assert reason in error.message
    assert names(ns) == []


async def test_clusters_of_one_name_do_not_share_a_subscription(ns: LiveNamespace, clusternet: Clusternet) -> None:
    clusternet.joins("east", f"{ns.namespace}-one")
    clusternet.joins("east", f"{ns.namespace}-two")
    outcome = await rolls_out(ns).run()
    assert len(recorded(outcome.outputs)) == 2
    assert outcome.phase is Phase.SUCCEEDED


async def test_anything_that_is_not_waited_for_is_done_once(ns: LiveNamespace, clusternet: Clusternet) -> None:
    clusternet.joins("east")
    outcome = await rolls_out(ns, waitReady=False).run()
    assert names(ns) == ["app"]
    assert outcome.cluster_statuses is None
    assert outcome.message == "Created Subscription app"


# Failures.


async def test_a_cluster_that_fails_fails_the_action_by_name_and_the_others_are_done(
    ns: LiveNamespace, clusternet: Clusternet
) -> None:
    east, west = clusternet.joins("east"), clusternet.joins("west")
    clusternet.fails_in(east, "quota exceeded")
    error = await rolls_out(ns).fails()
    assert error.message == (
        f"Failed to create Subscription: 1 of 2 clusters failed: {east.binding}: Created Subscription app--east, "
        f"but it will not become ready: {east.binding}: Description app--east-generic failed: quota exceeded"
    )
    assert (error.type, error.non_retryable) == (FailureType.NOT_READY, True)
    told = failure_of(error)
    assert phases(told.cluster_statuses) == {east.binding: Phase.FAILED, west.binding: Phase.SUCCEEDED}
    assert recorded(told.outputs) == uids(ns, "app--east", "app--west"), "what a failed action made is recorded"
    assert (told.operation, told.created) == (Operation.CREATE, True)


@given(failed=st.lists(st.booleans(), min_size=1, max_size=5), former=st.integers(min_value=0, max_value=2))
def test_the_worst_cluster_decides_and_skipped_ones_do_not_count(failed: list[bool], former: int) -> None:
    definition = Action.model_validate(subscription("app", "default", "Create"))
    reference = ObjectReference(api_version="v1", kind="Subscription", name="app", namespace="default")
    target = Target(api_version="apps.clusternet.io/v1alpha1", kind="Subscription", name="app", namespace="default")
    action = ResolvedAction(definition, Operation.CREATE, target, {}, "mark", Actor(), None, Attempts(), lost=False)
    clusters = [ManagedCluster(f"c{place}", "hub", f"id-{place}", {}) for place in range(len(failed) + former)]
    members = [ClusterRun(cluster, action) for cluster in clusters[: len(failed)]]
    for member, bad in zip(members, failed, strict=True):
        member.error = ActionError(FailureType.INVALID, "bad") if bad else None
        member.outcome = None if bad else ActionOutcome(phase=Phase.SUCCEEDED, message="done")
    left = [FormerTarget(cluster, reference, "left as it is") for cluster in clusters[len(failed) :]]
    runs = ClusterRuns(action, Operation.CREATE, members, left)
    assert bool(runs.failures) is any(failed)
    phases_of_members = [Phase.FAILED if bad else Phase.SUCCEEDED for bad in failed]
    assert [each.phase for each in runs.statuses()] == phases_of_members + [Phase.SKIPPED] * former
    if any(failed):
        assert runs.failure().type is FailureType.INVALID
    else:
        assert runs.verified().phase is Phase.SUCCEEDED


async def test_time_that_ran_out_is_repeated_and_the_repeat_waits_on(ns: LiveNamespace, clusternet: Clusternet) -> None:
    east, west = clusternet.joins("east"), clusternet.joins("west")
    clusternet.holds_back(west)
    task = rolls_out(ns, timeout="8s")
    error = await task.fails()
    assert (error.type, error.non_retryable) == (FailureType.TIMED_OUT, False)
    assert (
        f"1 of 2 clusters failed: {west.binding}: Created Subscription app--west, but it was not ready within 8s: "
        in (error.message)
    )
    assert task.waits_for(f"Waiting for Subscription app in 1 of 2 clusters: {west.binding}: ")
    told = failure_of(error)
    assert phases(told.cluster_statuses) == {east.binding: Phase.SUCCEEDED, west.binding: Phase.FAILED}
    made = uids(ns, "app--east", "app--west")
    assert recorded(told.outputs) == made
    clusternet.reaches(west)
    assert recorded((await task.run()).outputs) == made, "nothing was made twice"


async def test_a_cluster_without_an_id_cannot_be_chosen(ns: LiveNamespace, clusternet: Clusternet) -> None:
    clusternet.joins("east")
    patch = '[{"op": "remove", "path": "/spec"}]'
    ns.stack.kubectl("patch", "managedcluster", "east", "-n", f"{ns.namespace}-east", "--type=json", "-p", patch)
    error = await rolls_out(ns).fails()
    assert error.type == FailureType.INVALID
    assert error.message.endswith("the ManagedCluster has no spec.clusterId")


async def test_an_account_that_may_not_see_the_clusters_fails_and_says_so(
    ns: LiveNamespace, clusternet: Clusternet
) -> None:
    clusternet.joins("east")
    task = rolls_out(ns)
    task.actor = actor_of(ns.namespace, "nobody")
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


# Attempts that died, and clusters that come and go between them.


async def test_a_killed_attempt_has_the_effect_of_one(
    faulty: FaultyServer, faulty_ns: LiveNamespace, faulty_clusternet: Clusternet
) -> None:
    for name in ("east", "west"):
        faulty_clusternet.joins(name)
    task = rolls_out(faulty_ns)
    unanswered = faulty.fault("POST", POSTED, Cut.HANG)
    for _ in range(2):
        await task.killed(lambda: unanswered.met == 1 and len(names(faulty_ns)) == 2)
    made = uids(faulty_ns, "app--east", "app--west")
    outcome = await task.run()
    assert recorded(outcome.outputs) == made
    assert outcome.phase is Phase.SUCCEEDED


async def test_a_cluster_that_joins_between_attempts_gets_its_subscription(
    ns: LiveNamespace, clusternet: Clusternet
) -> None:
    east = clusternet.joins("east")
    clusternet.holds_back(east)
    task = rolls_out(ns)
    await task.killed(lambda: task.waits_for(east.binding))
    west = clusternet.joins("west")
    clusternet.reaches(east)
    outcome = await task.run()
    assert phases(outcome.cluster_statuses) == {east.binding: Phase.SUCCEEDED, west.binding: Phase.SUCCEEDED}
    assert recorded(outcome.outputs) == uids(ns, "app--east", "app--west")


async def test_what_was_made_for_a_cluster_that_left_stays_recorded(ns: LiveNamespace, clusternet: Clusternet) -> None:
    east, west = clusternet.joins("east"), clusternet.joins("west")
    clusternet.holds_back(west)
    task = rolls_out(ns)
    await task.killed(lambda: task.waits_for(west.binding) and "app--west" in names(ns))
    clusternet.leaves(west)
    outcome = await task.run()
    assert outcome.phase is Phase.SUCCEEDED
    assert phases(outcome.cluster_statuses) == {east.binding: Phase.SUCCEEDED, west.binding: Phase.SKIPPED}
    left = (outcome.cluster_statuses or [])[1]
    assert left.message == f"No longer a target: Subscription {ns.namespace}/app--west was left as it is"
    assert recorded(outcome.outputs) == uids(ns, "app--east", "app--west"), "a Revert has to take it back"


async def test_where_every_cluster_has_left_what_was_made_stays_recorded(
    ns: LiveNamespace, clusternet: Clusternet
) -> None:
    east = clusternet.joins("east")
    clusternet.holds_back(east)
    task = rolls_out(ns)
    await task.killed(lambda: task.waits_for(east.binding))
    clusternet.leaves(east)
    error = await task.fails()
    assert error.type == FailureType.NOT_FOUND
    assert recorded(failure_of(error).outputs) == uids(ns, "app--east")


# After a cancel.


async def test_after_a_cancel_what_is_done_in_every_cluster_has_succeeded(
    ns: LiveNamespace, clusternet: Clusternet
) -> None:
    clusternet.joins("east")
    task = rolls_out(ns)
    done = await task.run()
    verified = await task.verify()
    assert (verified.phase, verified.outputs, verified.message) == (done.phase, done.outputs, done.message)


async def test_after_a_cancel_what_is_not_done_is_canceled_and_what_was_made_is_recorded(
    ns: LiveNamespace, clusternet: Clusternet
) -> None:
    east, west = clusternet.joins("east"), clusternet.joins("west")
    clusternet.holds_back(west)
    task = rolls_out(ns)
    await task.killed(lambda: task.waits_for("in 1 of 2 clusters"))
    outcome = await task.verify()
    assert outcome.phase is Phase.CANCELED
    assert outcome.message == "Canceled between two attempts: Subscription app is done in 1 of 2 clusters"
    assert phases(outcome.cluster_statuses) == {east.binding: Phase.SUCCEEDED, west.binding: Phase.FAILED}
    assert recorded(outcome.outputs) == uids(ns, "app--east", "app--west")


async def test_after_a_cancel_that_came_before_anything_nothing_is_done(
    ns: LiveNamespace, clusternet: Clusternet
) -> None:
    clusternet.joins("east")
    outcome = await rolls_out(ns).verify()
    assert (outcome.phase, outcome.created, outcome.outputs) == (Phase.CANCELED, False, None)
    assert names(ns) == []
