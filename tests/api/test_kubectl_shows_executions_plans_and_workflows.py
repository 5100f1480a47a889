"""What the real kubectl shows of old objects and of ours: columns, description, explanation."""

import re
from pathlib import Path

import pytest
import yaml

from dev.stack import Stack
from tests.api.comparison import lost
from tests.api.crd_group import CrdGroup
from tests.api.documents import Document, handwritten

EXECUTIONS = "drplanexecutions"


def _old_revert() -> Document:
    (found,) = [each for each in handwritten(EXECUTIONS) if each["metadata"]["name"] == "shop-failover-revert-001"]
    return found


def _revert_of_ours() -> Document:
    path = Path(__file__).parent / "handwritten" / "revert-of-ours.yaml"
    document: Document = yaml.safe_load(path.read_text(encoding="utf-8"))
    return document


def _kubectl(crds: CrdGroup, verb: str, plural: str, name: str, *arguments: str) -> str:
    return crds.stack.kubectl(verb, f"{plural}.{crds.group}", name, "-n", crds.namespace, *arguments).stdout


def _row(crds: CrdGroup, plural: str, document: Document, *arguments: str) -> dict[str, str]:
    """Store an object, get it with kubectl and give its row, cut where the header's words begin."""
    name = crds.store(plural, document)["metadata"]["name"]
    header, line = _kubectl(crds, "get", plural, name, *arguments).splitlines()
    starts = [found.start() for found in re.finditer(r"\S+", header)]
    cells = [line[start:end].strip() for start, end in zip(starts, [*starts[1:], None], strict=True)]
    row = dict(zip(header.split(), cells, strict=True))
    assert row.pop("NAME") == name
    assert re.fullmatch(r"\d+s", row.pop("AGE"))
    return row


def test_a_revert_of_ours_shows_how_far_it_is(ours: CrdGroup) -> None:
    row = _row(ours, EXECUTIONS, _revert_of_ours())
    assert row == {
        "PLAN": "nginx-plan",
        "OPERATION": "Revert",
        "PHASE": "Succeeded",
        "STAGES": "1/1",
        "ACTIONS": "2/2",
    }


def test_wide_adds_duration_and_message(ours: CrdGroup) -> None:
    row = _row(ours, EXECUTIONS, _revert_of_ours(), "-o", "wide")

    assert row["CLEAN"] == "True"
    assert (row["DURATION"], row["MESSAGE"]) == ("1m30s", "Plan reverted successfully: 1 stage, 2 actions rolled back")


def test_an_old_revert_without_a_tree_lists_with_what_it_has(ours: CrdGroup) -> None:
    row = _row(ours, EXECUTIONS, _old_revert(), "-o", "wide")
    assert row == {
        "PLAN": "shop-failover",
        "OPERATION": "Revert",
        "PHASE": "Succeeded",
        "STAGES": "",
        "ACTIONS": "",
        "CLEAN": "",
        "VERIFIED": "",
        "DURATION": "",
        "MESSAGE": "Plan reverted successfully",
    }


def test_an_old_revert_without_a_tree_gets_and_describes(ours: CrdGroup) -> None:
    name = ours.store(EXECUTIONS, _old_revert())["metadata"]["name"]

    got = yaml.safe_load(_kubectl(ours, "get", EXECUTIONS, name, "-o", "yaml"))
    described = _kubectl(ours, "describe", EXECUTIONS, name)

    assert list(lost(_old_revert()["status"], got["status"])) == []
    assert re.search(r"Message: +Plan reverted successfully", described)


def test_a_revert_of_ours_is_stored_whole_and_describes_its_actions(ours: CrdGroup) -> None:
    stored = ours.store(EXECUTIONS, _revert_of_ours())
    described = _kubectl(ours, "describe", EXECUTIONS, stored["metadata"]["name"])

    assert stored["status"] == _revert_of_ours()["status"]
    assert stored["spec"] == _revert_of_ours()["spec"]
    assert re.search(r"Message: +Rolled back: deleted Localization nginx-loc-b", described)


def test_a_plan_shows_what_runs_and_what_ran_last(ours: CrdGroup) -> None:
    (plan,) = [each for each in handwritten("drplans") if each["metadata"]["name"] == "shop-failover"]
    row = _row(ours, "drplans", plan, "-o", "wide")

    assert re.fullmatch(r"\d+d", row.pop("LAST-TIME"))
    assert row == {
        "PHASE": "Executed",
        "EXECUTED": "",
        "CLEAN": "",
        "EXECUTABLE": "",
        "REVERTIBLE": "",
        "RUNNING": "shop-failover-exec-007",
        "LAST": "shop-failover-exec-006",
        "MESSAGE": "",
    }


def test_an_invalid_workflow_shows_what_is_wrong(ours: CrdGroup) -> None:
    (wrong,) = [each for each in handwritten("drworkflows") if each["metadata"]["name"] == "wrong-in-itself"]
    row = _row(ours, "drworkflows", wrong, "-o", "wide")
    assert row == {"PHASE": "Invalid", "MESSAGE": "something is wrong"}


@pytest.mark.parametrize(("short", "kind"), [("drp", "DRPlan"), ("drwf", "DRWorkflow"), ("drpe", "DRPlanExecution")])
def test_short_names_reach_the_kinds_and_explain_describes_them(short: str, kind: str, stack: Stack) -> None:
    explained = stack.kubectl("explain", short).stdout

    assert re.search(rf"^KIND: +{kind}$", explained, re.MULTILINE)


def test_explain_describes_a_field_its_words_and_its_type(stack: Stack) -> None:
    explained = " ".join(stack.kubectl("explain", "drpe.spec.onMissing").stdout.split())

    assert "FIELD: onMissing <string> ENUM: Fail Ignore" in explained
    assert "an object that was already gone makes its action fail" in explained
