"""Reverts of parts of an execution."""

from tests.e2e.story import Story, condition, told


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
