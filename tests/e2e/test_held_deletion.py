"""A finalizer holds a Revert up: what still stands is named, and the next Revert goes on once it is gone."""

from tests.e2e.story import Story, condition, told
from tests.eventually import until


def test_the_revert_after_the_one_that_a_finalizer_held_up_goes_on(story: Story) -> None:
    held = story.makes("held", held=True, timeout="2s", retryPolicy={"limit": 0})
    story.plan("shop", {"flow": [story.makes("first"), held]})
    story.executed("move", "shop")

    story.revert("back", "shop", "move")
    failed = story.failed("back")
    left = f"ConfigMap {story.namespace}/held, ConfigMap {story.namespace}/first"
    clean = condition(failed, "Clean")
    assert (clean["status"], clean["reason"]) == ("False", "RollbackIncomplete")
    assert clean["message"] == f"The rollback stopped early: 2 objects left standing: {left}"
    assert failed["progress"] == {"stages": "0/1", "actions": "0/2"}
    assert failed["nextSteps"][0]["command"] == f"drplan revert move --namespace {story.namespace}"
    assert "finalizer" in failed["nextSteps"][0]["why"]

    story.let_go("held")
    until(lambda: not story.exists("configmap", "held"), "the end of the object")
    story.revert("again", "shop", "move")
    status = story.succeeded("again")
    assert told(status) == [
        ("make-held", "Skipped", "Already rolled back by back: its deletion was asked for, and it is gone"),
        ("make-first", "Succeeded", "Rolled back: deleted ConfigMap first"),
    ]
    assert condition(status, "Clean")["status"] == "True"
    plan = until(lambda: settled(story.kubectl.get("drplan", "shop")), "the plan's end")
    assert (condition(plan, "Executed")["reason"], condition(plan, "Clean")["status"]) == ("TakenBack", "True")


def settled(plan: dict[str, dict[str, object]]) -> dict[str, object] | None:
    return None if plan["status"].get("currentExecution") else plan["status"]
