"""Each folder of examples/ is run from end to end; those that a page leads through, with that page."""

import json
from pathlib import Path

import yaml

from tests.e2e.installation import Installation
from tests.e2e.story import Story, actions
from tests.kubectl import Object

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
RUN_BY = {
    "demo": "test_examples.py",
    "first-plan": "test_pages.py",
    "health-gates": "test_examples_with_live_values.py",
    "install": "test_examples_with_clusternet.py",
    "job": "test_examples_with_live_values.py",
    "live-parameters": "test_examples_with_live_values.py",
    "rolling-install": "test_examples_with_clusternet.py",
    "shared-object": "test_pages.py",
    "switch-over": "test_examples_with_clusternet.py",
}


def test_every_example_is_run_by_a_test() -> None:
    assert {folder.name for folder in EXAMPLES.iterdir() if folder.is_dir()} == RUN_BY.keys()
    assert all((Path(__file__).parent / test).exists() for test in RUN_BY.values())


def test_the_demo_is_executed_and_taken_back(installation: Installation) -> None:
    story = installation.story_in("default")
    story.kubectl("apply", *(f"--filename={EXAMPLES / 'demo' / each}.yaml" for each in ("drworkflow", "drplan")))
    execute = created(story, read("execute"))
    executed = story.succeeded(execute)
    made = [str(each["message"]).split()[-1] for each in actions(executed)]
    assert sorted(objects_of(story)) == sorted(made)

    revert = read("revert")
    revert["spec"]["revertExecutionRef"] = execute
    status = story.succeeded(created(story, revert))
    assert [each["message"].split()[-1] for each in actions(status)] == list(reversed(made))
    assert {each["phase"] for each in actions(status)} == {"Succeeded"}
    assert objects_of(story) == []


def read(name: str) -> Object:
    execution: Object = yaml.safe_load((EXAMPLES / "demo" / f"{name}.yaml").read_text())
    return execution


def created(story: Story, execution: Object) -> str:
    """Create an execution and give the name that the API server made for it."""
    return story.kubectl("create", "-f", "-", "-o", "name", body=execution).strip().rpartition("/")[2]


def objects_of(story: Story) -> list[str]:
    listed = json.loads(story.kubectl("get", "configmaps,localizations", "-o", "json"))["items"]
    return [each["metadata"]["name"] for each in listed if each["metadata"]["name"].startswith("demo-")]
