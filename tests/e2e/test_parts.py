"""Reverts of parts of an execution."""

from tests import manifests
from tests.e2e.story import Story, actions, condition, told
from tests.eventually import until


def test_what_is_not_selected_is_taken_back_by_a_later_revert(story: Story) -> None:
    story.plan("plan", {"config": [story.makes("one")], "apps": [story.makes("two"), story.makes("three")]})
    story.executed("execute", "plan")
    story.revert("slip", "plan", "execute", only={"stages": ["app-stage"]})
    assert story.failed("slip")["message"] == (
        f"Nothing was reverted: spec.only.stages[0] of DRPlanExecution {story.namespace}/slip: "
        '"app-stage" selects nothing; name some of config-stage, apps-stage'
    )

    story.kubectl("delete", "configmap", "three")
    gone = [{"kind": "ConfigMap", "namespace": story.namespace, "name": "three"}]
    story.revert("part", "plan", "execute", only={"stages": ["apps-stage"]}, ignoreMissing=gone)
    status = story.succeeded("part")
    assert told(status) == [
        ("make-three", "Skipped", "Already absent: ConfigMap three"),
        ("make-two", "Succeeded", "Rolled back: deleted ConfigMap two"),
        ("make-one", "Skipped", "Not selected by spec.only, skipped rollback"),
    ]
    assert [each["reason"] for each in status["stageStatuses"]] == ["RolledBack", "NotSelected"]
    assert f"ConfigMap {story.namespace}/one" in condition(status, "Clean")["message"]
    assert story.kubectl.get("drplan", "plan")["status"]["phase"] == "Executed"

    story.revert("rest", "plan", "execute", ignoreMissing=gone)
    assert [(name, phase) for name, phase, _ in told(story.succeeded("rest"))] == [
        ("make-three", "Skipped"),
        ("make-two", "Skipped"),
        ("make-one", "Succeeded"),
    ]
    assert not story.exists("configmap", "one")


def test_a_revert_below_an_execution_that_rests_on_its_object_is_refused_and_says_what_to_do_first(
    story: Story,
) -> None:
    story.plan("plan", {"only": [story.makes("app", "Apply"), story.makes("own")]})
    story.executed("first", "plan")
    story.plan("plan", {"only": [story.makes("app", "Apply")]})
    story.executed("second", "plan")

    story.revert("back", "plan", "first")
    status = story.failed("back")
    assert status["message"] == (
        f"Nothing was reverted: DRPlanExecution second, which came after first and is in effect, rests on ConfigMap "
        f"{story.namespace}/app, which this Revert would take away or change; first create a Revert with "
        "revertExecutionRef: second, or one of first with force: true"
    )
    assert status["laterExecutions"] == [{"name": "second", "restsOn": f"ConfigMap {story.namespace}/app"}]
    assert [each["command"] for each in status["nextSteps"]] == [f"drplan revert second --namespace {story.namespace}"]
    assert not [each for each in story.writes_to("configmaps") if each.verb == "delete"]

    story.revert("own-part", "plan", "first", only={"actions": ["make-own"]})
    status = story.succeeded("own-part")
    assert status["laterExecutions"] == [{"name": "second"}]
    assert status["message"].endswith("; the later execution second is in effect")
    assert story.exists("configmap", "app")

    story.revert("forced", "plan", "first", force=True)
    assert told(story.succeeded("forced"))[-1] == ("make-app", "Succeeded", "Rolled back: deleted ConfigMap app")
    assert not story.exists("configmap", "app")


def test_all_executions_after_one_are_taken_back_the_newest_first(story: Story) -> None:
    for name, objects in {"first": ["app"], "second": ["two"], "third": ["three", "four"]}.items():
        story.plan("plan", {f"of-{name}": [story.makes(each) for each in objects]})
        story.executed(name, "plan")
    back = {"planRef": "plan", "operationType": "Revert", "revertTo": "first"}
    story.kubectl.create({**manifests.revert("seen", "plan", ""), "spec": {**back, "dryRun": True}})
    seen = story.succeeded("seen")
    assert [(each["execution"], each["phase"]) for each in seen["stageStatuses"]] == [
        ("third", "Succeeded"),
        ("second", "Succeeded"),
    ]
    assert [message for *_, message in told(seen)] == [
        f"Would delete ConfigMap {story.namespace}/{name}" for name in ("four", "three", "two")
    ]
    assert (seen["preview"]["obstacleCount"], "digest" in seen["preview"]) == (0, False)
    story.kubectl.create({**manifests.revert("back", "plan", ""), "spec": back})
    status = story.succeeded("back")
    assert status["inEffect"] == "first"
    until(lambda: story.kubectl.get("drplan", "plan")["status"]["phase"] == "Executed")
    assert [(each["execution"], each["name"], each["phase"]) for each in status["stageStatuses"]] == [
        ("third", "of-third-stage", "Succeeded"),
        ("second", "of-second-stage", "Succeeded"),
    ]
    assert told(status) == [
        ("make-four", "Succeeded", "Rolled back: deleted ConfigMap four"),
        ("make-three", "Succeeded", "Rolled back: deleted ConfigMap three"),
        ("make-two", "Succeeded", "Rolled back: deleted ConfigMap two"),
    ]
    assert [story.exists("configmap", each) for each in ("app", "two", "three")] == [True, False, False]
    assert [each["proof"]["result"] for each in actions(status)] == ["Verified"] * 3
    assert condition(status, "Verified")["reason"] == "AsBefore"

    story.revert("third-again", "plan", "third")
    assert story.succeeded("third-again")["message"] == "Nothing left to revert: already reverted by back"
    story.revert("first-back", "plan", "first")
    assert told(story.succeeded("first-back")) == [("make-app", "Succeeded", "Rolled back: deleted ConfigMap app")]
    until(lambda: story.kubectl.get("drplan", "plan")["status"]["phase"] == "Ready")
