"""clusterExecutionMode PerCluster: what is there already, hookCleanup, a Revert, and a Delete in every cluster."""

from api.attempts import RollbackInput
from api.meta import CREATED_BY_ANNOTATION, ObjectReference
from api.objects import Target
from api.phases import Operation, Phase
from api.steps import Deletion, RollbackStep
from tests.activities.cluster_orders import (
    FEED,
    POSTED,
    body,
    found,
    names,
    phases,
    recorded,
    rolls_out,
    rolls_out_again,
    uids,
)
from tests.activities.live_namespace import Attempt, LiveNamespace
from tests.activities.orders import Task
from tests.fake_clusternet import Clusternet
from tests.faulty_server import Cut, FaultyServer

# What is there already.


async def test_a_subscription_that_is_there_already_is_waited_for_but_not_recorded(
    ns: LiveNamespace, clusternet: Clusternet
) -> None:
    clusternet.joins("east")
    clusternet.joins("west")
    ns.create({**body("app--west"), "spec": {"subscribers": [{"clusterAffinity": {}}], "feeds": [FEED]}})
    before = found(ns, "app--west")
    outcome = await rolls_out(ns, "Apply").run()
    assert outcome.message == (
        "Created Subscription app in 1 cluster; Subscription app existed before in 1 cluster; ready in all of them"
    )
    assert recorded(outcome.outputs) == uids(ns, "app--east")
    assert (outcome.operation, outcome.created) == (Operation.CREATE, True)
    after = found(ns, "app--west")
    assert (after["metadata"]["uid"], after["spec"]) == (before["metadata"]["uid"], before["spec"])
    said = {each.cluster: each.message for each in outcome.cluster_statuses or []}
    assert said[f"{ns.namespace}-west/west"] == "Subscription app--west existed before, and it is ready"


async def test_where_all_were_there_already_nothing_is_recorded(ns: LiveNamespace, clusternet: Clusternet) -> None:
    clusternet.joins("east")
    ns.create({**body("app--east"), "spec": {"subscribers": [{"clusterAffinity": {}}], "feeds": []}})
    outcome = await rolls_out(ns).run()
    assert (outcome.created, outcome.outputs) == (False, None)


# hookCleanup, as of any Subscription.


async def test_what_an_earlier_run_left_in_a_cluster_goes_first(ns: LiveNamespace, clusternet: Clusternet) -> None:
    clusternet.joins("east")
    clusternet.joins("west")
    first = rolls_out(ns)
    old = await first.run()
    action = first.action | {"name": "again", "hookCleanup": {"beforeCreate": True}}
    outcome = await Task(ns, action, first.execution).run()
    assert outcome.message == "Created Subscription app in 2 clusters; ready in all of them"
    assert recorded(outcome.outputs) == uids(ns, "app--east", "app--west")
    assert ns.deletions(at_least=2) == dict.fromkeys(recorded(old.outputs).values(), 1)


async def test_after_a_success_all_of_them_go(ns: LiveNamespace, clusternet: Clusternet) -> None:
    clusternet.joins("east")
    clusternet.joins("west")
    outcome = await rolls_out(ns, hookCleanup={"onSuccess": True, "onFailure": True}).run()
    assert outcome.message.endswith("; ready in all of them; removed by its hook cleanup")
    assert names(ns) == []
    assert (len(recorded(outcome.outputs)), outcome.created) == (2, True)
    assert ns.deletions(at_least=2) == dict.fromkeys(recorded(outcome.outputs).values(), 1)


async def test_what_was_there_already_stays_after_a_success(ns: LiveNamespace, clusternet: Clusternet) -> None:
    clusternet.joins("east")
    clusternet.joins("west")
    ns.create({**body("app--west"), "spec": {"subscribers": [{"clusterAffinity": {}}], "feeds": []}})
    await rolls_out(ns, hookCleanup={"onSuccess": True}).run()
    assert names(ns) == ["app--west"]


async def test_after_the_last_failure_all_of_them_go(ns: LiveNamespace, clusternet: Clusternet) -> None:
    east = clusternet.joins("east")
    clusternet.joins("west")
    clusternet.holds_back(east)
    task = rolls_out(ns, timeout="5s", limit=1, hookCleanup={"onSuccess": True, "onFailure": True})
    await task.fails()
    assert names(ns) == ["app--east", "app--west"], "a repeat follows"
    error = await task.fails()
    assert error.message.endswith("; removed by its hook cleanup")
    assert names(ns) == []


async def test_an_attempt_killed_while_it_cleans_up_does_not_run_the_hook_again(
    faulty: FaultyServer, faulty_ns: LiveNamespace, faulty_clusternet: Clusternet
) -> None:
    for name in ("east", "west"):
        faulty_clusternet.joins(name)
    task = rolls_out(faulty_ns, hookCleanup={"onSuccess": True})
    accepted = faulty.fault("DELETE", "/subscriptions/app--east", Cut.HANG)
    await task.killed(lambda: accepted.met == 1)
    outcome = await task.run()
    assert outcome.message.endswith("; removed by its hook cleanup")
    assert names(faulty_ns) == []
    assert faulty.count("POST", POSTED) == 2
    assert faulty.count("DELETE", "/subscriptions/app--east") == 1


# Taking it back.


async def test_a_revert_deletes_what_is_recorded_and_waits_until_it_is_gone(
    ns: LiveNamespace, clusternet: Clusternet
) -> None:
    clusternet.joins("east")
    clusternet.joins("west")
    outcome = await rolls_out(ns).run()
    refs = (outcome.outputs and outcome.outputs.subscription_refs) or []
    deletions = [Deletion(target=target_of(each), uid=str(each.uid)) for each in refs]
    step = RollbackStep(deletions=deletions)
    given = RollbackInput(step=step, actor=ns.actor)
    undone = await Attempt().run(ns.rollbacks.rollback_action, given)
    assert undone.message == "Rolled back: deleted Subscription app--east, Subscription app--west"
    assert names(ns) == []


async def test_a_delete_takes_what_any_execution_made_for_a_cluster_and_nothing_else(
    ns: LiveNamespace, clusternet: Clusternet
) -> None:
    clusternet.joins("east")
    west = clusternet.joins("west")
    await rolls_out(ns).run()
    made = uids(ns, "app--east", "app--west")
    clusternet.leaves(west)
    ns.create({**body("app"), "spec": {}}, {**body("app--mine"), "spec": {}})
    other = body("app--other", annotations={CREATED_BY_ANNOTATION: "uid/stage/flow/other"})
    ns.create({**other, "spec": {}})
    task = Task(ns, {**rolls_out_again(ns), "name": "delete-app"})
    outcome = await task.run()
    assert names(ns) == ["app", "app--mine", "app--other"]
    assert outcome.message == "Deleted Subscription app in 2 clusters"
    assert (outcome.operation, outcome.created) == (Operation.DELETE, False)
    assert recorded(outcome.outputs) == made
    assert {*phases(outcome.cluster_statuses).values()} == {Phase.SUCCEEDED}
    assert ns.deletions(at_least=2) == dict.fromkeys(made.values(), 1)
    again = await task.run()
    assert again.message == "Subscription app was already absent in every cluster"
    assert (await task.verify()).phase is Phase.SUCCEEDED


async def test_a_delete_that_is_not_over_is_canceled(ns: LiveNamespace, clusternet: Clusternet) -> None:
    clusternet.joins("east")
    await rolls_out(ns).run()
    outcome = await Task(ns, rolls_out_again(ns)).verify()
    assert outcome.phase is Phase.CANCELED


def target_of(reference: ObjectReference) -> Target:
    return Target.model_validate(reference.model_dump(exclude={"uid"}))
