"""The second check of a Revert is awaited without its plan, and its result is written once."""

from datetime import timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest

from api.execution import DRPlanExecution, Engine, ExecutionStatus
from api.phases import Phase
from api.proof import ActionProof, Proof
from api.runs import ProofReport, ProvedAction
from bridge.controller.context import Context, StoredExecution
from bridge.controller.proof import LONGEST_WAIT, NOT_ENDED, check_again
from bridge.kubernetes.store import read
from bridge.temporal.calls import NoAnswer, RunNotFound
from planning.definitions.identifiers import root_id
from planning.messages import proof as proof_messages
from tests.bridge.scripted_workflows import done
from tests.bridge.status.open_run import NOW, REVERT

ROOT = "revert/default/back/uid-back"
FOUND = ProofReport(actions=[ProvedAction(stage="first", workflow="default/work", action="one", proof=ActionProof())])


def execution(after: timedelta | None, **metadata: Any) -> StoredExecution:
    """A Revert that has ended, and is to be checked again after this time."""
    proof = Proof(checked_at=NOW, verified=1, next_check_at=None if after is None else NOW + after)
    status = ExecutionStatus(
        phase=Phase.SUCCEEDED,
        engine=Engine(workflow_id=ROOT, run_id="r"),
        proof=proof,
        stage_statuses=done().stage_statuses,
    )
    spec = {"planRef": "plan", "operationType": "Revert", "revertExecutionRef": "move"}
    meta = {"name": "back", "namespace": "default", "uid": "uid-back", **metadata}
    return read({"metadata": meta, "spec": spec, "status": status.to_object()}, DRPlanExecution)


class Around:
    """The context of a pass, with what it asked, wrote and told."""

    def __init__(self, stored: StoredExecution, answer: ProofReport | str | Exception | None) -> None:
        self.stored, self.answer = stored, answer
        self.asked: list[str] = []
        self.written: list[ExecutionStatus] = []
        self.told: list[str] = []

    async def proof(self, root: str) -> ProofReport | str | None:
        self.asked.append(root)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    async def latest_execution(self, key: object) -> StoredExecution:
        return self.stored

    async def write_status(self, stored: StoredExecution, status: ExecutionStatus) -> StoredExecution:
        self.written.append(status)
        return stored

    def record(self, on: object, reason: str, note: str) -> None:
        self.told.append(f"{reason}: {note}")

    async def passes(self) -> float | None:
        context = SimpleNamespace(
            temporal=self,
            store=self,
            events=self,
            runs={},
            now=lambda: NOW,
            status_context=lambda _: REVERT,
        )
        return await check_again(cast(Context, context), self.stored)


async def test_nothing_is_asked_before_the_time_and_the_wait_is_bounded() -> None:
    for after, expected in ((timedelta(minutes=10), 600.0), (timedelta(days=9), LONGEST_WAIT)):
        around = Around(execution(after), FOUND)
        assert await around.passes() == expected
        assert (around.asked, around.written) == ([], [])


@pytest.mark.parametrize("answer", [None, NoAnswer("away")])
async def test_a_check_that_has_not_ended_is_asked_for_again(answer: Exception | None) -> None:
    around = Around(execution(timedelta(0)), answer)
    assert await around.passes() == NOT_ENDED
    assert (around.asked, around.written) == ([ROOT], [])


@pytest.mark.parametrize(
    ("answer", "reason"), [(FOUND, "AsBefore"), ("no right", "NotChecked"), (RunNotFound("x"), "NotChecked")]
)
async def test_what_it_found_is_written_and_told(answer: Any, reason: str) -> None:
    around = Around(execution(timedelta(0)), answer)
    assert await around.passes() is None
    (status,) = around.written
    (condition,) = status.conditions or []
    assert (condition.type, condition.reason) == ("Verified", reason)
    assert status.proof is not None
    assert status.proof.next_check_at is None
    assert around.told == [f"CheckedAgain: {condition.message}"]
    if isinstance(answer, RunNotFound):
        assert status.proof.error == proof_messages.CHECK_LOST


@pytest.mark.parametrize(
    "stored",
    [
        execution(None),
        execution(timedelta(0), uid="of another"),
        execution(timedelta(0), deletionTimestamp="2026-02-03T10:00:00Z"),
    ],
    ids=["no second check", "a copy", "being deleted"],
)
async def test_of_others_nothing_is_asked(stored: StoredExecution) -> None:
    around = Around(stored, FOUND)
    assert await around.passes() is None
    assert (around.asked, around.written) == ([], [])


def test_the_id_is_that_of_the_root() -> None:
    key = execution(None).model.metadata.key
    assert root_id(REVERT.operation, key) == ROOT
