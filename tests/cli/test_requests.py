"""A request is written once no other one waits, and only where the execution is as it was read."""

from collections.abc import Callable, Mapping
from typing import Any, cast

import pytest

from api.names import REQUEST_ANNOTATION, REQUEST_BY_ANNOTATION, REQUEST_ID_ANNOTATION
from cli import requests
from cli.executions import Executions
from cli.requests import ask
from kube.errors import ConflictError

Object = dict[str, Any]
PAUSE = {REQUEST_ANNOTATION: "pause"}
ALICES = {REQUEST_ANNOTATION: "approve", REQUEST_ID_ANNOTATION: "1", REQUEST_BY_ANNOTATION: "alice"}


class OneExecution:
    """An execution that others change while it is read and written."""

    def __init__(self, annotations: Mapping[str, str] | None = None, phase: str = "Running") -> None:
        self.annotations: dict[str, str] = dict(annotations or {})
        self.phase, self.answered, self.version = phase, list[Object](), 1
        self.lost: list[str] = []
        """Requests that were overwritten before they were answered."""
        self.before_write: Callable[[], None] = lambda: None
        self.read: Callable[[], None] = lambda: None

    def user(self) -> str:
        return "bob"

    def get(self, _: str) -> Object:
        self.read()
        metadata = {"annotations": dict(self.annotations), "resourceVersion": str(self.version)}
        return {"metadata": metadata, "status": {"phase": self.phase, "requests": list(self.answered)}}

    def annotate(self, _: str, annotations: Mapping[str, str | None], version: str | None) -> None:
        act, self.before_write = self.before_write, lambda: None
        act()
        if version != str(self.version):
            raise ConflictError("the object has been modified", 409)
        self.write(annotations)

    def write(self, annotations: Mapping[str, str | None]) -> None:
        known = self.annotations.get(REQUEST_ID_ANNOTATION)
        if known and self.phase == "Running" and known not in [each["id"] for each in self.answered]:
            self.lost.append(known)
        self.annotations |= {name: value for name, value in annotations.items() if value is not None}
        self.version += 1

    def answer(self) -> None:
        self.answered.append({"id": self.annotations[REQUEST_ID_ANNOTATION], "state": "Effective"})
        self.version += 1


def asked(execution: OneExecution) -> Object | None:
    return ask(cast(Executions, execution), "run", PAUSE)


@pytest.fixture(autouse=True)
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requests, "ANSWER_SECONDS", 0.2)
    monkeypatch.setattr(requests, "POLL_SECONDS", 0.01)


def test_one_that_somebody_writes_in_between_is_answered_first() -> None:
    execution = OneExecution()
    execution.before_write = lambda: execution.write(ALICES)
    reads = iter(range(1000))

    def read() -> None:
        if next(reads) in (4, 8):  # alice's, then this one
            execution.answer()

    execution.read = read
    assert asked(execution) == {"id": execution.annotations[REQUEST_ID_ANNOTATION], "state": "Effective"}
    assert (execution.lost, next(each["id"] for each in execution.answered)) == ([], "1")


def test_one_that_waits_too_long_is_named_and_left_alone() -> None:
    execution = OneExecution(ALICES)
    answer = asked(execution)
    assert answer is not None
    assert answer["message"].startswith("the approve of alice waits for its answer")
    assert (answer["state"], execution.annotations) == ("Refused", ALICES)


def test_after_the_end_nothing_is_waited_for() -> None:
    execution = OneExecution(ALICES, phase="Failed")
    assert asked(execution) is None
    assert execution.annotations[REQUEST_ANNOTATION] == "pause"
