"""The end of a run wakes the bridge at once, though changes before it are coalesced."""

import asyncio
from datetime import UTC, datetime
from typing import cast

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent

from bridge.kubernetes.entry import Key, ObjectKind
from bridge.kubernetes.work_queue import Urgency
from bridge.temporal.answers import HistoryPage, history_page
from bridge.temporal.calls import NoAnswer, RunNotFound
from bridge.temporal.client import TemporalClient
from bridge.temporal.history_poller import HistoryPoller
from tests.eventually import DEADLINE

KEY = Key(ObjectKind.EXECUTION, "default", "move")
ROOT = "execute/default/move/uid"
NOW = datetime(2026, 2, 3, 10, 0, tzinfo=UTC)
NEVER = 3600.0


class Temporal:
    """A run that grows once, and ends when it is told to."""

    def __init__(self) -> None:
        self.ended = asyncio.Event()
        self.error: Exception | None = None
        self.pages = [HistoryPage(events=1, decided=True, changed_at=NOW, token=b"more")]

    async def wait_for_events(self, workflow_id: str, token: bytes | None) -> HistoryPage:
        return self.pages.pop(0)

    async def wait_for_end(self, workflow_id: str) -> datetime:
        await self.ended.wait()
        if self.error is not None:
            raise self.error
        return NOW


class Woken:
    """A poller whose pause after a page never ends, and what it wakes."""

    def __init__(self, limit: int = 10) -> None:
        self.temporal = Temporal()
        self.urgencies: asyncio.Queue[Urgency] = asyncio.Queue()
        client = cast(TemporalClient, self.temporal)
        self.poller = HistoryPoller(client, limit, NEVER, lambda _, urgency: self.urgencies.put_nowait(urgency))


async def test_the_decision_of_a_run_wakes_at_once_for_its_first_action_waits_until_the_status_shows_it() -> None:
    woken = Woken()
    woken.temporal.pages = [
        HistoryPage(events=3, token=b"more"),
        HistoryPage(events=1, token=b"more"),
        HistoryPage(events=1, decided=True, token=b"more"),
        HistoryPage(events=1, decided=True, token=b"more"),
    ]
    woken.poller.poll(KEY, [ROOT])
    urgencies = [await asyncio.wait_for(woken.urgencies.get(), DEADLINE) for _ in range(3)]
    assert urgencies == [Urgency.PACED, Urgency.PACED, Urgency.AT_ONCE]
    assert len(woken.temporal.pages) == 1, "from then on changes are coalesced"
    await woken.poller.close()


async def test_the_end_of_a_run_is_not_waited_for_behind_the_pause_after_a_change() -> None:
    woken = Woken()
    assert woken.poller.poll(KEY, [ROOT])
    await woken.urgencies.get()
    assert woken.poller.take_change(KEY) == NOW
    woken.temporal.ended.set()
    assert await asyncio.wait_for(woken.urgencies.get(), DEADLINE) is Urgency.AT_ONCE
    assert woken.poller.take_change(KEY) == NOW, "the status shows it late from then on"
    await woken.poller.close()


@pytest.mark.parametrize("error", [RunNotFound(ROOT), NoAnswer("away")])
async def test_a_poll_for_the_end_that_fails_is_left_to_the_other_one(error: Exception) -> None:
    woken = Woken()
    woken.temporal.error = error
    woken.poller.poll(KEY, [ROOT])
    await woken.urgencies.get()
    woken.temporal.ended.set()
    (waiting,) = woken.poller._ends.values()
    await waiting
    assert woken.urgencies.empty()
    await woken.poller.close()


async def test_no_poll_for_the_end_goes_on_when_an_execution_has_ended() -> None:
    woken = Woken()
    woken.poller.poll(KEY, [ROOT])
    (waiting,) = woken.poller._ends.values()
    woken.poller.stop(KEY)
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert woken.poller._ends == {}


async def test_a_run_that_is_not_polled_is_not_polled_for_its_end() -> None:
    woken = Woken(limit=0)
    assert not woken.poller.poll(KEY, [ROOT])
    assert woken.poller._ends == {}


@pytest.mark.parametrize(
    ("kinds", "decided", "failed"),
    [
        ([], False, False),
        ([EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED, EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED], False, False),
        ([EventType.EVENT_TYPE_ACTIVITY_TASK_STARTED, EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED], True, False),
        ([EventType.EVENT_TYPE_ACTIVITY_TASK_FAILED], False, True),
    ],
)
def test_a_run_has_decided_when_an_activity_has_ended(
    kinds: list[EventType.ValueType], decided: bool, failed: bool
) -> None:
    page = history_page([HistoryEvent(event_type=kind) for kind in kinds], None, b"more")
    assert (page.events, page.decided, page.failed) == (len(kinds), decided, failed)
