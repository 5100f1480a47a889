"""What people get wrong, and what is only unusual: an error that names the field and the remedy, or a good end."""

import json

import pytest

from tests import manifests
from tests.e2e.installation import Installation
from tests.e2e.story import EXECUTION, Story, actions, told
from tests.kubectl import Object
from tests.manifests import config_map, dr_plan, dr_workflow, stage, writes

LONG_NAME = "a" + "-b" * 126
"""253 characters, the most that Kubernetes allows."""


def then_nothing_was_touched(installation: Installation, story: Story, *executions: str) -> None:
    """No workflow carried an action out, and no object was written in the plan's name."""
    assert story.writes_to("configmaps", "localizations") == []
    for name in executions:
        assert not [each for each in actions(story.status(name)) if each["phase"] not in ("Skipped", "Pending")]


def given_a_plan(story: Story, *steps: Object) -> None:
    story.plan("plan", {"only": list(steps)})


def test_an_unknown_plan_is_waited_for_and_then_fails(installation: Installation, story: Story) -> None:
    with story.watching() as watch:
        story.execute("execute", "unknown")
        waiting = watch.until("execute", lambda status: status["phase"] == "Pending")
        status = story.failed("execute")
    assert "Waiting for DRPlan unknown" in waiting["message"]
    assert "unknown" in status["message"]
    assert installation.runs.roots(story.kubectl.get(EXECUTION, "execute")) == []


def test_a_plan_that_comes_while_it_is_waited_for_is_executed(story: Story) -> None:
    story.execute("execute", "plan")
    story.eventually("execute", lambda status: "Waiting for DRPlan plan" in status.get("message", ""))
    given_a_plan(story, story.makes("app"))
    story.succeeded("execute")


def test_a_revert_of_a_revert_fails_and_touches_nothing(story: Story) -> None:
    given_a_plan(story, story.makes("app"))
    story.executed("execute", "plan")
    story.revert("revert", "plan", "execute")
    story.succeeded("revert")
    before = story.writes_to("configmaps")
    story.revert("revert-of-revert", "plan", "revert")
    status = story.failed("revert-of-revert")
    assert "revert" in status["message"]
    assert "Execute" in status["message"]
    assert story.writes_to("configmaps") == before


def test_a_revert_of_a_running_execute_waits_for_its_end_and_takes_it_back(story: Story) -> None:
    given_a_plan(story, story.makes("app", held=True), writes_delete("app", story.namespace))
    story.execute("execute", "plan")
    story.eventually("execute", lambda _: story.held("app"))
    story.revert("revert", "plan", "execute")
    waiting = story.eventually("revert", lambda status: status.get("phase") == "Pending")
    assert "execute" in waiting["message"]
    story.eventually("execute", lambda status: status.get("phase") == "Running")
    story.let_go("app")
    story.succeeded("execute")
    status = story.succeeded("revert")
    assert [phase for _, phase, _ in told(status)] == ["Skipped", "Skipped"]


def writes_delete(name: str, namespace: str) -> Object:
    return writes(f"delete-{name}", json.dumps(config_map(name, namespace=namespace)), "Delete")


@pytest.mark.parametrize(
    ("manifest", "words"),
    [
        ("{ this: is: not [yaml", "YAML"),
        ("just a sentence", "manifest"),
        (json.dumps({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {}}), "metadata.name"),
    ],
    ids=["not_yaml", "not_an_object", "without_name"],
)
def test_a_manifest_that_is_no_object_fails_before_anything_is_touched(
    installation: Installation, story: Story, manifest: str, words: str
) -> None:
    given_a_plan(story, story.makes("app"), writes("broken", manifest))
    story.execute("execute", "plan")
    status = story.failed("execute")
    assert words in status["message"]
    assert "broken" in status["message"] or "actions[1]" in status["message"]
    then_nothing_was_touched(installation, story, "execute")


def test_a_namespace_that_does_not_exist_is_named_by_the_failed_action(story: Story) -> None:
    manifest = config_map("app", namespace="nowhere")
    given_a_plan(story, writes("make-app", json.dumps(manifest)))
    story.execute("execute", "plan")
    status = story.failed("execute")
    [(_, phase, message)] = told(status)
    assert (phase, message) == ("Failed", 'Failed to create ConfigMap: app: namespaces "nowhere" not found')
    assert status["message"].endswith(message)


def test_a_workflow_in_a_namespace_that_does_not_exist_is_waited_for_and_then_fails(
    installation: Installation, story: Story
) -> None:
    story.kubectl.apply(dr_plan("plan", stage("only-stage", "nowhere", "only")))
    story.execute("execute", "plan")
    status = story.failed("execute")
    assert "nowhere/only" in status["message"]
    then_nothing_was_touched(installation, story, "execute")


def test_names_of_253_characters_are_executed_and_reverted(story: Story) -> None:
    story.kubectl.apply(
        dr_workflow(LONG_NAME, story.makes(LONG_NAME)),
        dr_plan(LONG_NAME, stage(LONG_NAME, story.namespace, LONG_NAME)),
    )
    other = LONG_NAME[:-1] + "c"
    story.executed(LONG_NAME, LONG_NAME)
    assert story.exists("configmap", LONG_NAME)
    story.revert(other, LONG_NAME, LONG_NAME)
    story.succeeded(other)
    assert not story.exists("configmap", LONG_NAME)
    label = story.kubectl.get(EXECUTION, other)["metadata"]["labels"]["dr.bkbcs.tencent.com/plan"]
    assert len(label) <= 63


@pytest.mark.parametrize("parallel", [False, True], ids=["in_order", "side_by_side"])
def test_one_dr_workflow_twice_in_a_stage_runs_twice_and_its_object_is_deleted_once(
    story: Story, parallel: bool
) -> None:
    story.kubectl.apply(
        dr_workflow("twice", story.makes("app", "Apply")),
        dr_plan("plan", stage("only-stage", story.namespace, "twice", "twice", parallel=parallel)),
    )
    first = story.executed("execute", "plan")
    uid = story.uid("configmap", "app")
    story.revert("revert", "plan", "execute")
    status = story.succeeded("revert")

    assert sorted(message for _, _, message in told(first)) == [
        "Applied ConfigMap app (created)",
        "Applied ConfigMap app (it existed before)",
    ]
    assert sorted(phase for _, phase, _ in told(status)) == ["Skipped", "Succeeded"]
    assert story.audit.deletions(story.namespace, at_least=1)[uid] == 1
    assert not story.exists("configmap", "app")


def test_a_plan_with_a_dependency_cycle_fails_with_the_cycle_and_touches_nothing(
    installation: Installation, story: Story
) -> None:
    story.kubectl.apply(
        dr_workflow("only", story.makes("app")),
        dr_plan(
            "plan",
            stage("chicken", story.namespace, "only", dependsOn=["egg"]),
            stage("egg", story.namespace, "only", dependsOn=["chicken"]),
        ),
    )
    story.execute("execute", "plan")
    status = story.failed("execute")
    assert "chicken" in status["message"]
    assert "egg" in status["message"]
    assert "dependsOn" in status["message"]
    then_nothing_was_touched(installation, story, "execute")
    story.kubectl.wait("jsonpath={.status.phase}=Invalid", "drplan/plan", 30)


@pytest.mark.time_limit(2000)
def test_a_hundred_stages_are_executed_and_reverted(story: Story) -> None:
    workflows = [dr_workflow(f"w{number}", story.makes(f"app-{number}")) for number in range(100)]
    stages = [stage(f"s{number}", story.namespace, f"w{number}") for number in range(100)]
    story.kubectl.apply(*workflows, dr_plan("plan", *stages))
    story.kubectl.create(manifests.execute("execute", "plan"))
    assert story.succeeded("execute", seconds=300)["summary"]["succeededActions"] == 100
    story.revert("revert", "plan", "execute")
    status = story.succeeded("revert", seconds=300)

    assert status["message"] == "Plan reverted successfully: 100 stages, 100 actions rolled back"
    assert [each["name"] for each in status["stageStatuses"]] == [f"s{number}" for number in reversed(range(100))]
    remaining = json.loads(story.kubectl("get", "configmaps", "-o", "json"))["items"]
    assert [each for each in remaining if each["metadata"]["name"].startswith("app-")] == []
