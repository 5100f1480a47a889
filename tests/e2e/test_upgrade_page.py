"""The commands of docs/upgrade.md take over what the older controller left under its definitions, and lead back."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from api.meta import API_VERSION
from dev.commands import write
from dev.stack import Stack
from tests import manifests
from tests.docs.pages import REPOSITORY, Page
from tests.e2e.installation import Installation
from tests.e2e.page_commands import run, shell_of
from tests.e2e.story import EXECUTION, Story, told
from tests.e2e.test_old_controller import given_a_plan_whose_objects_the_old_controller_made, leave, old_execute
from tests.eventually import until
from tests.kubectl import Object
from tests.older_controller.records import NAMESPACE

PAGE = Page(REPOSITORY / "docs" / "upgrade.md")
OLDER_DEFINITIONS = f"--filename={REPOSITORY / 'tests' / 'api' / 'reference'}"
OUR_DEFINITIONS = f"--filename={REPOSITORY / 'deploy' / 'crds'}"
RECORDS = (REPOSITORY / "tests" / "older_controller" / "records.yaml").read_text()
UNFINISHED = {"left-running", "back-left-running", "never-begun"}
"""What becomes of these is not to stay as it was; tests.e2e.test_old_controller has their stories."""


def commands(story: Story) -> dict[str, list[str]]:
    """Return the commands of the page by the heading above them, for the namespace of the story."""
    found: dict[str, list[str]] = {}
    heading = ""
    for before, token in zip(PAGE.tokens, PAGE.tokens[1:], strict=False):
        if before.type == "heading_open":
            heading = token.content
        elif token.type == "fence" and token.info == "sh":
            found.setdefault(heading, []).append(
                token.content.replace("--namespace shop", f"--namespace {story.namespace}")
            )
    return found


def definitions_are(stack: Stack, newer: bool) -> bool:
    """Tell whether all three kinds are served by our definitions, or all by the older ones, which drop what is new."""
    workflow = {"workflowRef": {"name": "probe", "namespace": "default"}}
    patch = {"operation": "Patch", "manifest": "{}", "patchType": "merge"}
    specs: dict[str, Object] = {
        "DRPlanExecution": {"planRef": "probe", "operationType": "Revert", "onMissing": "Ignore"},
        "DRPlan": {"stages": [{"name": "probe", "workflows": [workflow]}], "serviceAccountName": "probe"},
        "DRWorkflow": {"actions": [{"name": "probe", "type": "KubernetesResource", "resource": patch}]},
    }
    probes = [
        {"apiVersion": API_VERSION, "kind": kind, "metadata": {"name": "probe"}, "spec": spec}
        for kind, spec in specs.items()
    ]
    create = ("create", "--dry-run=server", "--validate=false", "--output=yaml", "--filename=-")
    answer = stack.kubectl(*create, stdin=yaml.safe_dump_all(probes), check=False)
    new = [field in answer.stdout for field in ("onMissing", "serviceAccountName", "patchType")]
    return answer.returncode == 0 and new == [newer] * len(new)


@pytest.fixture
def older_installation(installation: Installation) -> Iterator[Installation]:
    """The cluster without worker and bridge, under the definitions of the older controller; ours come back after it."""
    take_over = ("apply", "--server-side", "--force-conflicts")
    for process in (installation.bridge, installation.worker):
        process.program.stop()
    installation.stack.kubectl(*take_over, OLDER_DEFINITIONS)
    until(lambda: definitions_are(installation.stack, newer=False))
    yield installation
    installation.stack.kubectl(*take_over, OUR_DEFINITIONS)
    until(lambda: definitions_are(installation.stack, newer=True))


def leave_all_records(story: Story) -> None:
    """Create what the older controller left, apart from what it had not finished."""
    for each in yaml.safe_load_all(re.sub(rf"\b{NAMESPACE}\b", story.namespace, RECORDS)):
        if each and each["metadata"]["name"] not in UNFINISHED:
            metadata = {name: value for name, value in each["metadata"].items() if name != "creationTimestamp"}
            story.kubectl.create({**each, "metadata": metadata})
            if "status" in each:
                story.kubectl.patch(f"{each['kind'].lower()}/{metadata['name']}", {"status": each["status"]}, "status")


def executions(story: Story, *, without_progress: bool = False) -> dict[str, Object]:
    """Return all executions by their names, without what changes at each write."""
    found = {}
    for each in story.kubectl.admin.list("drplanexecutions", story.namespace):
        for changing in ("managedFields", "resourceVersion"):
            each["metadata"].pop(changing)
        if without_progress:
            each["status"].pop("progress", None)
        found[each["metadata"]["name"]] = each
    return found


def test_the_check_list_leads_there_and_back(older_installation: Installation, story: Story, tmp_path: Path) -> None:
    page = commands(story)
    shell = shell_of(older_installation.stack, tmp_path) | {"BACKUP": str(tmp_path / "kept")}
    write(tmp_path)
    leave_all_records(story)
    given_a_plan_whose_objects_the_old_controller_made(story, "shop")
    leave(story, manifests.execute("move", "shop"), old_execute(story))
    before = executions(story)

    for command in (
        page["From the older controller"] + page["1. Look, without a change"] + page["2. Keep what is there"]
    ):
        run(shell, command)
    assert executions(story) == before

    for command in page["3. Change over"]:
        run(shell, command)
    until(lambda: definitions_are(older_installation.stack, newer=True))
    older_installation.restore()
    lines = [line for block in page["4. Check"] for line in block.splitlines()]
    listed, shown, previewed, reverted = (run(shell, line) for line in lines)
    assert re.search(r"^back +move +Revert +Succeeded", listed, re.MULTILINE)
    assert "Succeeded" in shown
    assert "Would delete ConfigMap" in previewed
    assert "Succeeded" in reverted
    assert {name for name, *_ in told(story.status("move-back"))} == {"create-loc", "make-app"}
    assert not story.exists("configmap", "app")
    ours = executions(story, without_progress=True)
    assert {name: ours[name] for name in before} == before

    for process in (older_installation.bridge, older_installation.worker):
        process.program.stop()
    for command in page["The way back"]:
        run(shell, command)
    until(lambda: definitions_are(older_installation.stack, newer=False))
    theirs = executions(story)
    assert {name: theirs[name] for name in before} == before
    assert theirs["move-back"]["status"]["phase"] == "Succeeded"
    assert [each["name"] for each in theirs["move-back"]["status"]["stageStatuses"]] == ["only-stage"]
    assert {"engine", "proof"} <= set(ours["move-back"]["status"])
    assert not {"engine", "proof"} & set(theirs["move-back"]["status"])
    for name in theirs:
        story.kubectl.patch(f"{EXECUTION}/{name}", {"metadata": {"annotations": {"touched": "yes"}}})
        story.kubectl.patch(f"{EXECUTION}/{name}", {"status": {"message": "written by another"}}, "status")
