"""What a pass asks Temporal for, and how long it waits for a worker that has much to do."""

import asyncio
from typing import cast

import pytest

from api.nodes import StageStatus
from api.phases import Phase
from api.tree import RunState
from bridge.status.merge import Observation, RootRun, RunStatus
from bridge.temporal import observe
from bridge.temporal.calls import CALL_SECONDS, NoAnswer, TemporalUnreachable
from bridge.temporal.client import TemporalClient
from bridge.temporal.observe import FIRST_ANSWER, RunObserver

RUN = RootRun(workflow_id="execute/default/run/u", run_id="r", status=RunStatus.OPEN)


class Asked:
    """A client that answers every query in the same way, and records how long each would have been waited for."""

    def __init__(self, answer: RunState | Exception) -> None:
        self.answer = answer
        self.seconds: list[float] = []
        self.described = 0

    async def query(self, _: str, __: type[RunState], seconds: float) -> RunState:
        self.seconds.append(seconds)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    async def deciding(self, _: str) -> None:
        self.described += 1

    async def seen(self, *, shown: bool) -> Observation:
        observer = RunObserver(cast(TemporalClient, self), lambda _: None)
        return await observer.observe(RUN, [], shown=shown)


async def test_the_first_status_does_not_wait_for_a_worker_that_has_much_to_do() -> None:
    busy = Asked(NoAnswer("no answer within 0.5 s"))
    assert await busy.seen(shown=False) == Observation(), "nothing is said of the worker yet"
    assert busy.seconds == [FIRST_ANSWER]
    assert not (await busy.seen(shown=True)).answered
    assert busy.seconds == [FIRST_ANSWER, CALL_SECONDS]


class BusyBelow(Asked):
    """A client whose workers answer for the root at once, and for a stage never."""

    async def query(self, run: str, answer: type[RunState], seconds: float) -> RunState:
        if run == RUN.workflow_id:
            return await super().query(run, answer, seconds)
        return await asyncio.Future()


async def test_the_first_status_does_not_wait_for_stages_that_do_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(observe, "FIRST_ANSWER", 0.01)
    tree = RunState(phase=Phase.RUNNING, stage_statuses=[StageStatus(name="only", phase=Phase.RUNNING)])
    async with asyncio.timeout(30):
        assert await BusyBelow(tree).seen(shown=False) == Observation(state=tree)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await BusyBelow(tree).seen(shown=True)


async def test_what_a_run_that_decides_waits_for_is_asked_once_its_execution_has_a_status() -> None:
    decides = Asked(RunState(phase=Phase.PENDING))
    await decides.seen(shown=False)
    assert decides.described == 0
    await decides.seen(shown=True)
    assert decides.described == 1


@pytest.mark.parametrize("shown", [False, True])
async def test_a_worker_whose_answer_cannot_be_used_is_reported_at_once(shown: bool) -> None:
    assert not (await Asked(TemporalUnreachable("not understood")).seen(shown=shown)).answered
