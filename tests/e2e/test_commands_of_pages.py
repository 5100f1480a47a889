"""Every command of the runbooks, and of the pages that explain an installation in use, works on a stack.

A story leads the plan `shop` of the pages through the states in which the commands make sense. What a stack without
kubelet cannot do, or another test does, is named with the reason: no command of a page is left out unseen.
"""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from dev.stack import Stack
from tests.docs.pages import REPOSITORY, Page, pages
from tests.e2e.installation import Installation
from tests.e2e.page_commands import SET_UP, run, shell_of
from tests.e2e.story import Story
from tests.e2e.test_pages import PAGES, remove_all
from tests.kubectl import Object
from tests.manifests import config_map, dr_plan, dr_workflow, localization_spec, stage, writes

IN_USE = ("docs/operations.md", "docs/spec/drplan.md", "docs/spec/drplanexecution.md", "docs/spec/drworkflow.md")
"""Pages whose commands belong to this story, beside the runbooks."""

CLUSTER = (
    "kubectl apply --namespace default --filename deploy/team-namespace.yaml",
    "kubectl create role drworkflow-reader ",
    "kubectl create rolebinding shop-reads-drworkflows ",
    "kubectl create secret generic drplan-payload-keys ",
    "kubectl get --raw ",
    "kubectl auth can-i --list ",
    "kubectl --namespace drplan-system get pods ",
    "drplan validate examples/first-plan",
)
"""Commands that need no execution."""
EXECUTED = (
    "kubectl --namespace default get drplanexecutions",
    "kubectl --namespace default get drplans,",
    "kubectl --namespace default get jobs,pods",
    "kubectl --namespace default get events ",
    "kubectl get drplanexecutions",
    "kubectl get drplans",
    "kubectl get drworkflows",
    "kubectl --namespace default describe drplan shop",
    "kubectl get localization nginx-loc-a ",
    "kubectl get controllerrevisions ",
    "drplan preview shop",
    "kubectl create --filename - <<END",
    "kubectl wait drplanexecution/shop-back-preview ",
    "kubectl get drplanexecution shop-back-preview ",
    "drplan list ",
    "drplan status @latest ",
)
"""Once `shop-move` has been executed."""
REVERTED = ("drplan revert shop-move ",)
AGAIN = ("drplan revert shop-again ",)
PAUSED = (
    "drplan status shop-back",
    "kubectl --namespace default describe drplanexecution shop-back",
    "kubectl describe drplanexecution shop-back",
    "kubectl get drplanexecution shop-back ",
    "kubectl --namespace default get drplanexecution shop-back ",
    "temporal workflow show ",
    "drplan resume shop-back ",
    "drplan retry shop-back ",
    "kubectl annotate drplanexecution shop-back --overwrite ",
    "kubectl annotate drplanexecution shop-back dr.bkbcs.tencent.com/cancel=true",
    "kubectl --namespace default annotate drplanexecution shop-back ",
)
"""While `shop-back` waits for a decision about the action `gate`, in this order."""
ENDED = (
    "kubectl --namespace default wait --for=condition=Completed drplanexecution/shop-back ",
    "kubectl wait --for=condition=Completed drplanexecution/shop-back ",
    "drplan report shop-back ",
    "drplan revert shop-back ",
    "drplan execute shop ",
)
STORY = (CLUSTER, EXECUTED, REVERTED, AGAIN, PAUSED, ENDED)

KUBELET = "tests/deploy/test_install.py: no pod runs on a stack"
ELSEWHERE = {
    "kubectl --namespace drplan-system logs ": KUBELET,
    "kubectl --namespace drplan-system rollout status ": KUBELET,
    "kubectl --namespace drplan-system get lease drplan-bridge ": "tests/bridge/kubernetes/test_leader_election.py",
    "kubectl apply --filename deploy/codec-server.yaml": "tests/process/test_codec_server.py",
    "kubectl apply --namespace shop --filename deploy/team-namespace.yaml": "tests/deploy/test_install_page.py",
    "kubectl get namespaces --selector drplan=open ": "tests/deploy/test_install_page.py",
    "drplan approve ": "tests/e2e/test_pause_and_repair.py: the policy wants another person",
    "drplan retry shop-move ": "tests/e2e/test_pause_and_repair.py",
    "temporal activity unpause ": "tests/bridge/controller/test_sync.py",
    "kubectl port-forward ": KUBELET,
    "kubectl get drplan shop ": "tests/e2e/test_preview.py: what rehearsals have found",
    "kubectl wait drplan/shop --for=condition=Executable ": "tests/e2e/test_preview.py",
    "for name in drplanPlan ": "tests/deploy/test_register.py",
    "kubectl get drplanexecutions --watch": "tests/e2e/test_status_contract.py: it does not end by itself",
    "DRPLAN_HTTP_ALLOWED_HOSTS=": "tests/planning/effects/test_allowed_hosts.py: a setting, no command",
}
"""Beginnings of commands, with the test that does the same and why it is not done here."""

RUN_BY = {
    **dict.fromkeys(PAGES.values(), "tests/e2e/test_pages.py"),
    **dict.fromkeys(IN_USE, "tests/e2e/test_commands_of_pages.py"),
    "examples/README.md": "tests/e2e/test_examples_page.py",
    "docs/install.md": "tests/deploy/test_install_page.py",
    "docs/temporal.md": "tests/deploy/test_temporal_and_uninstall_pages.py",
    "docs/uninstall.md": "tests/deploy/test_temporal_and_uninstall_pages.py",
    "docs/monitoring.md": "tests/process/test_health.py",
    "docs/air-gapped.md": "tests/deploy/test_image.py",
    "docs/local-stack.md": "tests/dev/test_stack.py",
    "docs/upgrade.md": "tests/e2e/test_upgrade_page.py",
    "docs/view.md": "tests/bridge/view/test_rights.py",
    "docs/releases.md": "tests/dev/release/test_installation.py",
    "README.md": "tests/dev/test_demo.py",
    "CONTRIBUTING.md": "tests/docs/test_names.py",
}
"""The test of the commands of each page that has some; Chinese pages have the commands of the English ones."""


def commands(page: Page) -> list[str]:
    """Return commands: lines of a block without variables and here-documents, others as a whole."""
    found: list[str] = []
    for block in page.fences("sh", "console"):
        if block.startswith("$ "):
            found += [line[2:] for line in block.splitlines() if line.startswith("$ ")]
        elif "<<" in block or "\\\n" in block or "|\n" in block or block.startswith("for "):
            found.append(block.rstrip())
        elif not block.startswith(SET_UP):
            found += block.splitlines()
    return found


def commands_in_use() -> list[str]:
    """Return the commands of this story's pages, each once."""
    runbooks = [Page(file) for file in sorted((REPOSITORY / "docs" / "runbooks").glob("*.md"))]
    all_pages = [*(Page(REPOSITORY / name) for name in IN_USE), *runbooks]
    return list(dict.fromkeys(each for page in all_pages for each in commands(page)))


def chosen(beginnings: tuple[str, ...]) -> list[str]:
    """Return the commands that begin so, in the order of the beginnings."""
    found = [each for beginning in beginnings for each in commands_in_use() if each.startswith(beginning)]
    return [each for each in dict.fromkeys(found) if not each.startswith(tuple(ELSEWHERE))]


def test_every_command_belongs_to_a_step_or_to_another_test() -> None:
    known = (*(beginning for step in STORY for beginning in step), *ELSEWHERE)
    assert not [each for each in commands_in_use() if not each.startswith(known)]
    assert not [beginning for beginning in known if not any(each.startswith(beginning) for each in commands_in_use())]
    tests = [each.split(":")[0] for each in (*ELSEWHERE.values(), *RUN_BY.values())]
    assert not [test for test in tests if not (REPOSITORY / test).is_file()]


def test_every_page_with_commands_names_its_test() -> None:
    written = [str(page) for page in pages() if page.fences("sh", "console")]
    own = [name for name in written if not name.startswith("docs/zh/") and "/runbooks/" not in name]
    assert sorted(own) == sorted(RUN_BY)


@pytest.fixture
def shell(stack: Stack, installation: Installation, tmp_path: Path) -> Iterator[dict[str, str]]:
    """Variables of a shell in which the commands act on the stack."""
    remove_all(stack)
    yield shell_of(stack, tmp_path)
    remove_all(stack)
    stack.kubectl("delete", "namespace", "library", "--ignore-not-found", "--timeout=60s")
    stack.kubectl("delete", "secret", "drplan-payload-keys", "--namespace=drplan-system", "--ignore-not-found")


def apply_shop(story: Story, gate: str) -> None:
    """Apply the plan of the pages; its action `gate` patches this ConfigMap."""

    def changes(action: str, name: str, operation: str) -> Object:
        manifest = json.dumps(config_map(name, namespace=story.namespace) | {"data": {"changed": "by the plan"}})
        return writes(action, manifest, operation, retryPolicy={"limit": 0})

    west = dr_workflow("shop-west", changes("open", "open", "Apply"))
    east = dr_workflow("shop-east", changes("settings", "site", "Patch"), changes("gate", gate, "Patch"))
    story.kubectl.apply(west, east, dr_plan("shop", stage("sites", story.namespace, "shop-west", "shop-east")))


def test_every_command_works(shell: dict[str, str], installation: Installation, stack: Stack) -> None:
    story = installation.story_in("default")
    stack.kubectl("create", "namespace", "library")
    run_all(shell, CLUSTER)
    story.kubectl.create(config_map("site"), config_map("gate"))
    spec = localization_spec()
    kind = {"apiVersion": "apps.clusternet.io/v1alpha1", "kind": "Localization"}
    story.kubectl.create({**kind, "metadata": {"name": "nginx-loc-a"}, "spec": spec})
    apply_shop(story, "gate")
    story.executed("shop-move", "shop")
    run_all(shell, EXECUTED)
    run_all(shell, REVERTED)
    story.executed("shop-again", "shop")
    run_all(shell, AGAIN)

    apply_shop(story, "missing")
    story.execute("shop-back", "shop", onFailure="Pause")
    story.eventually("shop-back", is_paused)
    run(shell, "drplan pause shop-back --reason 'for a test'")
    run_all(shell, PAUSED)
    apply_shop(story, "gate")
    run_all(shell, ENDED)


def is_paused(status: Object) -> bool:
    return any(each["type"] == "Paused" and each["status"] == "True" for each in status.get("conditions", []))


def run_all(shell: dict[str, str], beginnings: tuple[str, ...]) -> None:
    for command in chosen(beginnings):
        run(shell, command)
