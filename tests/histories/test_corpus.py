"""The corpus itself: it only grows, tells nothing of the machine, and each shape is what it is called."""

import base64
import json
import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import WorkflowHistory

from tests.histories.corpus import FOLDER, Recorded, digest, recorded, store, sums
from workflows.activity_stubs import ActivityName
from workflows.contract import WorkflowType

HISTORIES = recorded()
SHAPES = sorted({(one.version, one.shape) for one in HISTORIES})
OF_THE_MACHINE = re.compile(r"/(tmp|root|home|work|usr|var)/|127\.0\.0\.1|localhost|\d+@")
OWN_SERVICE = re.compile(r"http://127\.0\.0\.1:\d+")
"""What HTTP actions of the stories ask: a service that the recorder starts for them, the same on every machine."""

FIRST_SHOWN_BY = {
    "execute-canceled": ("CANCELED", "ACTIVITY_TASK_CANCEL_REQUESTED"),
    "execute-canceled-before-it-began": ("CANCELED", "WORKFLOW_PROPERTIES_MODIFIED"),
    "execute-canceled-between-attempts": ("CANCELED", "ACTIVITY_TASK_CANCELED"),
    "execute-fail-fast": ("FAILED", "ACTIVITY_TASK_CANCEL_REQUESTED"),
    "execute-partly-failed": ("FAILED", "ACTIVITY_TASK_FAILED"),
    "execute-rejected": ("FAILED", "ACTIVITY_TASK_COMPLETED"),
    "execute-retried-action": ("COMPLETED", "ACTIVITY_TASK_COMPLETED"),
    "execute-success": ("COMPLETED", "CHILD_WORKFLOW_EXECUTION_COMPLETED"),
    "execute-worker-lost": ("COMPLETED", "ACTIVITY_TASK_TIMED_OUT"),
    "revert-action-failed": ("FAILED", "ACTIVITY_TASK_FAILED"),
    "revert-canceled": ("CANCELED", "ACTIVITY_TASK_CANCEL_REQUESTED"),
    "revert-canceled-between-attempts": ("CANCELED", "ACTIVITY_TASK_CANCELED"),
    "revert-child-terminated": ("FAILED", "CHILD_WORKFLOW_EXECUTION_TERMINATED"),
    "revert-parallel": ("COMPLETED", "CHILD_WORKFLOW_EXECUTION_COMPLETED"),
    "revert-rejected": ("FAILED", "ACTIVITY_TASK_COMPLETED"),
    "revert-resumed": ("COMPLETED", "ACTIVITY_TASK_COMPLETED"),
    "revert-retried-action": ("COMPLETED", "ACTIVITY_TASK_COMPLETED"),
    "revert-skipped-nodes": ("COMPLETED", "ACTIVITY_TASK_COMPLETED"),
    "revert-success": ("COMPLETED", "CHILD_WORKFLOW_EXECUTION_COMPLETED"),
    "revert-worker-lost": ("COMPLETED", "ACTIVITY_TASK_TIMED_OUT"),
}
"""By shape, of the first version: how the root closed, and an event that stands in one of its histories."""

SHOWN_BY = {
    **FIRST_SHOWN_BY,
    "execute-conditions": ("COMPLETED", "ACTIVITY_TASK_COMPLETED"),
    "execute-http": ("COMPLETED", "ACTIVITY_TASK_COMPLETED"),
    "execute-http-outcome-unknown": ("FAILED", "ACTIVITY_TASK_FAILED"),
    "execute-job": ("COMPLETED", "ACTIVITY_TASK_COMPLETED"),
    "execute-job-failed": ("FAILED", "ACTIVITY_TASK_FAILED"),
    "execute-mode-delete": ("COMPLETED", "ACTIVITY_TASK_COMPLETED"),
    "execute-per-cluster": ("COMPLETED", "ACTIVITY_TASK_COMPLETED"),
    "execute-per-cluster-failed": ("FAILED", "ACTIVITY_TASK_FAILED"),
    "execute-replace": ("COMPLETED", "ACTIVITY_TASK_COMPLETED"),
    "execute-side-by-side": ("COMPLETED", "ACTIVITY_TASK_COMPLETED"),
    "execute-side-by-side-canceled": ("CANCELED", "ACTIVITY_TASK_CANCEL_REQUESTED"),
    "execute-side-by-side-continue": ("FAILED", "ACTIVITY_TASK_FAILED"),
    "execute-side-by-side-failfast": ("FAILED", "ACTIVITY_TASK_FAILED"),
    "execute-side-by-side-worker-lost": ("COMPLETED", "ACTIVITY_TASK_TIMED_OUT"),
    "execute-values": ("COMPLETED", "ACTIVITY_TASK_COMPLETED"),
    "revert-custom-rollback": ("COMPLETED", "ACTIVITY_TASK_COMPLETED"),
    "revert-custom-rollback-failed": ("FAILED", "ACTIVITY_TASK_FAILED"),
    "revert-hooks": ("COMPLETED", "ACTIVITY_TASK_COMPLETED"),
    "revert-per-cluster": ("COMPLETED", "ACTIVITY_TASK_COMPLETED"),
    "revert-replace": ("COMPLETED", "ACTIVITY_TASK_COMPLETED"),
    "revert-side-by-side": ("COMPLETED", "ACTIVITY_TASK_COMPLETED"),
    "revert-values": ("COMPLETED", "ACTIVITY_TASK_COMPLETED"),
}
"""The same of the versions after it: shapes only become more."""

ADDED_BY = {
    "execute-decided": ("COMPLETED", "WORKFLOW_EXECUTION_UPDATE_ACCEPTED"),
    "execute-paused-and-approved": ("COMPLETED", "WORKFLOW_EXECUTION_UPDATE_ACCEPTED"),
    "preview-execute": ("COMPLETED", "ACTIVITY_TASK_COMPLETED"),
    "preview-obstructed": ("FAILED", "ACTIVITY_TASK_COMPLETED"),
    "preview-revert": ("COMPLETED", "ACTIVITY_TASK_COMPLETED"),
    "rehearsal": ("COMPLETED", "ACTIVITY_TASK_COMPLETED"),
    "rehearsal-refused": ("FAILED", "ACTIVITY_TASK_FAILED"),
    "execute-searchable-failed": ("FAILED", "UPSERT_WORKFLOW_SEARCH_ATTRIBUTES"),
    "execute-retried-with-parameters": ("COMPLETED", "WORKFLOW_EXECUTION_UPDATE_COMPLETED"),
    "revert-decided-again": ("COMPLETED", "WORKFLOW_EXECUTION_UPDATE_COMPLETED"),
    "revert-below-a-later-one": ("FAILED", "ACTIVITY_TASK_COMPLETED"),
    "revert-changed-since": ("FAILED", "ACTIVITY_TASK_FAILED"),
    "revert-decided": ("COMPLETED", "WORKFLOW_EXECUTION_UPDATE_ACCEPTED"),
    "revert-not-proved": ("COMPLETED", "ACTIVITY_TASK_FAILED"),
    "revert-partial": ("COMPLETED", "ACTIVITY_TASK_COMPLETED"),
    "revert-proof-differs": ("COMPLETED", "MARKER_RECORDED"),
    "revert-proved-and-soaked": ("COMPLETED", "TIMER_FIRED"),
    "revert-restored": ("COMPLETED", "ACTIVITY_TASK_COMPLETED"),
    "revert-selected": ("COMPLETED", "ACTIVITY_TASK_COMPLETED"),
    "revert-to": ("COMPLETED", "CHILD_WORKFLOW_EXECUTION_COMPLETED"),
}
"""The same of version 4 and later ones, which hold what is new in them."""


def events(one: Recorded) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(one.file.read_text())["events"]
    return found


def kinds(one: Recorded) -> list[str]:
    return [event["eventType"].removeprefix("EVENT_TYPE_") for event in events(one)]


def payloads(part: Any) -> Iterator[str]:
    """Every payload below, as the text that Temporal's UI shows."""
    if isinstance(part, dict):
        if isinstance(data := part.get("data"), str):
            yield base64.b64decode(data).decode(errors="replace")
        for value in part.values():
            yield from payloads(value)
    elif isinstance(part, list):
        for value in part:
            yield from payloads(value)


def test_every_file_is_as_it_was_recorded_and_none_is_missing() -> None:
    assert {one.file.relative_to(FOLDER).as_posix(): digest(one.file) for one in HISTORIES} == sums()


@pytest.mark.parametrize("one", HISTORIES, ids=lambda one: one.name)
def test_a_history_tells_nothing_of_the_machine(one: Recorded) -> None:
    text = OWN_SERVICE.sub("", "\n".join([one.file.read_text(), *payloads(events(one))]))
    assert OF_THE_MACHINE.search(text) is None
    assert f'"{socket.gethostname()}' not in text
    assert set(re.findall(r'"identity": "([^"]*)"', text)) <= {"worker", "recorder", "history-service"}


@pytest.mark.parametrize(("version", "shape"), SHAPES)
def test_a_shape_shows_what_it_is_called(version: str, shape: str) -> None:
    files = [one for one in HISTORIES if (one.version, one.shape) == (version, shape)]
    root = next(one for one in files if one.file.stem == "root")
    end, shown = (SHOWN_BY | ADDED_BY)[shape]
    assert kinds(root)[-1] == f"WORKFLOW_EXECUTION_{end}"
    assert any(shown in kinds(one) for one in files)


def test_every_shape_that_came_later_is_recorded() -> None:
    later = {shape for version, shape in SHAPES if version not in ("v1", "v2", "v3")}
    assert ADDED_BY.keys() <= later <= SHOWN_BY.keys() | ADDED_BY.keys()


@pytest.mark.parametrize("kind", [WorkflowType.PREVIEW_PLAN, WorkflowType.REHEARSE_PLAN])
def test_a_preview_is_one_run_of_its_own_type(kind: WorkflowType) -> None:
    begin = "preview-" if kind is WorkflowType.PREVIEW_PLAN else "rehearsal"
    shapes = [shape for shape in ADDED_BY if shape.startswith(begin)]
    assert len(shapes) > 1
    for shape in shapes:
        [only] = [one for one in HISTORIES if one.shape == shape]
        started = events(only)[0]["workflowExecutionStartedEventAttributes"]
        assert started["workflowType"]["name"] == kind


LATER_TYPES = {WorkflowType.PREVIEW_PLAN, WorkflowType.REHEARSE_PLAN, WorkflowType.REVERT_PROOF}


@pytest.mark.parametrize("version", ["v1", "v2", "v3"])
def test_a_version_holds_every_shape_at_every_level(version: str) -> None:
    assert {shape for each, shape in SHAPES if each == version} == set(FIRST_SHOWN_BY if version == "v1" else SHOWN_BY)
    started = [events(one)[0]["workflowExecutionStartedEventAttributes"] for one in HISTORIES if one.version == version]
    assert {each["workflowType"]["name"] for each in started} == set(WorkflowType) - LATER_TYPES


def test_a_soaked_revert_is_checked_again_by_a_run_that_began_before_it_ended() -> None:
    [again] = [one for one in HISTORIES if one.shape == "revert-proved-and-soaked" and one.file.stem == "proof"]
    started = events(again)[0]
    assert started["workflowExecutionStartedEventAttributes"]["workflowType"]["name"] == WorkflowType.REVERT_PROOF
    [root] = [one for one in HISTORIES if one.shape == "revert-proved-and-soaked" and one.file.stem == "root"]
    assert events(root)[-1]["eventTime"] < events(again)[-1]["eventTime"]
    assert kinds(again)[-1] == "WORKFLOW_EXECUTION_COMPLETED"


@pytest.mark.parametrize("name", ["execute-retried-action", "revert-retried-action"])
def test_a_retried_action_took_more_than_one_attempt(name: str) -> None:
    for version in {version for version, shape in SHAPES if shape == name}:
        found = [event for one in HISTORIES if (one.version, one.shape) == (version, name) for event in events(one)]
        attempts = [event.get("activityTaskStartedEventAttributes", {}).get("attempt", 1) for event in found]
        assert max(attempts) == 3


@pytest.mark.parametrize("shape", ["execute-success", "execute-partly-failed", "execute-canceled"])
def test_an_execute_stores_its_ledger_from_the_third_version_on(shape: str) -> None:
    for version in {version for version, each in SHAPES if each == shape} - {"v1", "v2"}:
        found = [event for one in HISTORIES if (one.version, one.shape) == (version, shape) for event in events(one)]
        scheduled = [event.get("activityTaskScheduledEventAttributes", {}) for event in found]
        assert ActivityName.STORE_RECORD in {one["activityType"]["name"] for one in scheduled if one}


def test_what_is_recorded_is_never_written_again(tmp_path: Path) -> None:
    history = WorkflowHistory.from_json("revert/default/a/uid", '{"events": []}')
    child = WorkflowHistory.from_json("revert/default/a/uid/0-s/0-w", '{"events": []}')
    files = store(tmp_path, "v1", "shape", [history, child])
    assert [file.name for file in files] == ["root.json", "0-s.0-w.json"]
    assert sums(tmp_path) == {f"v1/shape/{file.name}": digest(file) for file in files}
    with pytest.raises(FileExistsError):
        store(tmp_path, "v1", "shape", [history])
    assert [one.name for one in recorded(tmp_path)] == ["v1/shape/0-s.0-w", "v1/shape/root"]
