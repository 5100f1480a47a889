"""A worker process for tests to kill: `python -m tests.workflows.killable_worker ADDRESS QUEUE FOLDER METRICS`.

An action's name says what its attempts do, one letter each: `h` hangs for ever, `e` ends with an error
that a repeat may mend, `n` ends before it did anything, whatever follows succeeds. What was attempted and decided
stands in the folder: an `l` for each attempt that was told of a lost one under an earlier schedule and of its
heartbeat, else an `x`.
"""

import asyncio
import sys
from datetime import timedelta
from pathlib import Path
from unittest import mock

from temporalio import activity
from temporalio.client import Client

from api.attempts import ActionOutcome, Heartbeat
from api.decisions import ExecuteDecision, RevertDecision
from api.failures import FailureType
from planning.definitions import retry
from process.temporal import runtime
from tests.workflows.engine import worker
from tests.workflows.fake_activities import FakeActivities, FakeAttempt
from workflows.contract import WorkflowType
from workflows.converter import DATA_CONVERTER


class ScriptedActivities(FakeActivities):
    """Remembers in files, for a killed process remembers nothing."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder

    async def _decide(self, uid: str) -> RevertDecision | ExecuteDecision:
        text = (self._folder / f"{uid}.json").read_text()
        executes = activity.info().workflow_type == WorkflowType.EXECUTE_PLAN
        return (ExecuteDecision if executes else RevertDecision).model_validate_json(text)

    async def _behave(self, attempt: FakeAttempt) -> ActionOutcome:
        attempts = self._folder / f"{activity.info().workflow_id}/{attempt.action}".replace("/", "_")
        before = len(attempts.read_text()) if attempts.exists() else 0
        letter = attempt.action[before : before + 1]
        left = _left(attempt)
        beat = Heartbeat(errors=left.errors + (letter == "e"), not_begun=left.not_begun + (letter == "n"))
        activity.heartbeat(beat)
        with attempts.open("a") as file:
            file.write("l" if attempt.given.lost and attempt.given.heartbeat is not None else "x")
        if letter in ("e", "n"):
            raise attempt.failure("the server was away", FailureType.TRANSIENT, beat.errors, beat.not_begun)
        while letter == "h":
            activity.heartbeat(beat)
            await asyncio.sleep(0.2)
        return attempt.done()


def _left(attempt: FakeAttempt) -> Heartbeat:
    """What the attempts of this schedule before this one left."""
    details = activity.info().heartbeat_details
    return Heartbeat.model_validate(details[0]) if details else Heartbeat(errors=attempt.errors)


def pause_after_losses(losses: int) -> timedelta:
    """Return a pause after each loss after which there is one, and one that a test can see after the first of these."""
    real = retry.pause_after_losses(losses)
    return min(real, timedelta(seconds=8 if losses == retry.LOSSES_WITHOUT_PAUSE + 1 else 1))


async def main(address: str, queue: str, folder: Path, metrics: str) -> None:
    """Serve until killed."""
    mock.patch("workflows.attempts.pause_after_losses", pause_after_losses).start()
    client = await Client.connect(
        address, data_converter=DATA_CONVERTER, identity="mortal-worker", runtime=runtime(metrics, "info")
    )
    async with worker(client, ScriptedActivities(folder), queue):
        (folder / "serving").touch()
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], Path(sys.argv[3]), sys.argv[4]))
