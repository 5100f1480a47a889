"""Workers that die: no attempt that was lost with its worker makes an action Failed.

The worker is a real process and dies by a real SIGKILL; a heartbeat timeout takes its ten seconds, so one
story serves several tests: five kills, with all runs side by side.
"""

import asyncio
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from temporalio import activity
from temporalio.client import Client
from temporalio.client import WorkflowExecutionStatus as RunStatus

from api.actions import RetryPolicy
from api.attempts import ActionOutcome, Heartbeat
from api.decisions import ExecuteDecision, RevertDecision
from api.nodes import ActionStatus, WorkflowExecutionStatus
from api.phases import Phase
from api.reasons import Reason
from api.steps import Attempts
from api.tree import RunState
from planning.definitions.retry import pause_after_losses
from tests.eventually import DEADLINE, eventually
from tests.private_stack import free_port
from tests.programs import Program
from tests.workflows.decisions import ONCE, execute, find, phases, revert, stage, workflow
from tests.workflows.engine import DevEngine, Replays, Run, worker
from tests.workflows.fake_activities import FakeActivities, FakeAttempt

KILLS = 5
QUEUE = "mortal"
MANY_AT_ONCE = Attempts(retry=RetryPolicy(limit=1000, interval="1ms"))
"""Retries that Temporal would make without a pause."""
SIDE_BY_SIDE = execute(stage("s", workflow("w", "h", "hh", "z")), attempts=ONCE, after={"z": ["h", "hh"]})


@dataclass
class Mortal:
    """The worker process that is up, and the folder that all of them share."""

    client: Client
    folder: Path
    metrics: str = field(default_factory=lambda: f"127.0.0.1:{free_port()}")
    program: Program = field(init=False)

    def __post_init__(self) -> None:
        address = self.client.service_client.config.target_host
        module = ("tests.workflows.killable_worker", address, QUEUE, str(self.folder), self.metrics)
        self.program = Program(module, {}, self.folder / "log")

    async def start(self) -> None:
        """Start the next worker and wait until it serves."""
        (self.folder / "serving").unlink(missing_ok=True)
        await asyncio.to_thread(self.program.start)
        await eventually((self.folder / "serving").exists, "the worker serves")

    async def kill(self) -> None:
        """End it as a power cut would."""
        await asyncio.to_thread(self.program.kill)

    def attempts(self, run: Run, action: str) -> str:
        """What the attempts at an action left behind, one letter each."""
        place = self.folder / f"{run.handle.id}/0-s/0-w/{action}".replace("/", "_")
        return place.read_text() if place.exists() else ""

    async def attempted(self, run: Run, action: str, number: int) -> None:
        """Wait until this attempt of an action has begun."""
        await eventually(lambda: len(self.attempts(run, action)) == number, f"attempt {number} of {action}")


@dataclass
class LostAttempts:
    """How the runs ended."""

    ended: dict[str, RunState]
    attempts: dict[str, str]
    """Of the actions of the run `side by side`, and of one with many retries."""
    waiting: ActionStatus
    """An action that has lost three attempts."""
    metrics: str
    """Of the last worker."""
    canceled: list[tuple[RunState, RunStatus | None]]


async def start(engine: DevEngine, mortal: Mortal, decision: RevertDecision | ExecuteDecision) -> Run:
    run = await engine.start(decision)
    (mortal.folder / f"{run.uid}.json").write_text(decision.model_dump_json(by_alias=True))
    return run


@pytest.fixture(scope="module")
async def story(temporal: Client, replays: Replays, tmp_path_factory: pytest.TempPathFactory) -> LostAttempts:
    """Five workers, one after the other, each killed while it attempts every action."""
    engine = DevEngine(temporal, FakeActivities(), QUEUE)
    mortal = Mortal(temporal, tmp_path_factory.mktemp("mortal"))
    runs = {
        "hhhhh": await start(engine, mortal, revert(stage("s", workflow("w", "hhhhh")), attempts=ONCE)),
        "hehe": await start(engine, mortal, revert(stage("s", workflow("w", "hehe")))),
        "hehee": await start(engine, mortal, revert(stage("s", workflow("w", "hehee")))),
        "nnh": await start(engine, mortal, revert(stage("s", workflow("w", "nnh")))),
        "side by side": await start(engine, mortal, SIDE_BY_SIDE),
    }
    runs["many"] = await start(engine, mortal, revert(stage("s", workflow("w", "hhhh")), attempts=MANY_AT_ONCE))
    cut = await start(engine, mortal, revert(stage("s", workflow("w", "hhhhhhh", "z")), attempts=ONCE))
    await mortal.start()
    for kill in range(1, KILLS + 1):
        await mortal.attempted(runs["hhhhh"], "hhhhh", kill)
        await mortal.attempted(cut, "hhhhhhh", kill)
        await (mortal.attempted(runs["many"], "hhhh", kill) if kill < KILLS else runs["many"].end())
        for name in ("h", "hh"):
            await (mortal.attempted(runs["side by side"], name, kill) if kill < 3 else runs["side by side"].end())
        for name in ("hehe", "hehee"):
            await (mortal.attempted(runs[name], name, 2 * kill - 1) if kill < 3 else runs[name].end())
        await (mortal.attempted(runs["nnh"], "nnh", 3) if kill == 1 else runs["nnh"].end())
        await mortal.kill()
        if kill == KILLS:
            await cut.handle.cancel()
        await mortal.start()
        if kill == 3:
            waiting = await eventually(lambda: _waiting_after_loss(temporal, runs["hhhhh"]), "pause after a loss")
    ended = {name: await run.end() for name, run in runs.items()} | {"cut": await cut.end()}
    attempts = {name: mortal.attempts(runs["side by side"], name) for name in ("h", "hh", "z")}
    attempts["hhhh"] = mortal.attempts(runs["many"], "hhhh")
    metrics = httpx.get(f"http://{mortal.metrics}/metrics", timeout=DEADLINE).text
    canceled = await _killed_while_canceling(engine, mortal)
    await mortal.kill()
    await engine.replay_everything(replays)
    return LostAttempts(ended, attempts, waiting, metrics, canceled)


async def _waiting_after_loss(client: Client, run: Run) -> ActionStatus | None:
    handle = client.get_workflow_handle(f"{run.handle.id}/0-s/0-w")
    node = await handle.query("state", result_type=WorkflowExecutionStatus)
    return node.actions[0] if node.actions[0].reason is Reason.ATTEMPT_LOST else None


async def _killed_while_canceling(engine: DevEngine, mortal: Mortal) -> list[tuple[RunState, RunStatus | None]]:
    """Cancel ten runs at once, and kill the worker when the first of them has closed."""
    decision = revert(*(stage(f"s{number}", workflow("w", "a", "b")) for number in range(6)))
    runs = [await start(engine, mortal, decision) for _ in range(10)]

    async def began() -> bool:
        return all([bool((await run.state()).stages) for run in runs])

    await eventually(began, "all are at work")
    await asyncio.gather(*(run.handle.cancel() for run in runs))

    async def one_closed() -> bool:
        return any([await run.status() is not RunStatus.RUNNING for run in runs])

    await eventually(one_closed, "one has closed")
    await mortal.kill()
    await mortal.start()
    return [(await run.end(), await run.status()) for run in runs]


def test_with_limit_zero_five_killed_workers_end_in_success(story: LostAttempts) -> None:
    action = find(story.ended["hhhhh"], "hhhhh")
    assert (story.ended["hhhhh"].phase, action.phase) == ("Succeeded", "Succeeded")
    assert (action.retries, action.retry_count) == (KILLS, KILLS)


def test_lost_attempts_between_errors_use_up_no_retry(story: LostAttempts) -> None:
    action = find(story.ended["hehe"], "hehe")
    assert (action.phase, action.retries) == ("Succeeded", 4)


def test_errors_between_lost_attempts_are_counted(story: LostAttempts) -> None:
    action = find(story.ended["hehee"], "hehee")
    assert (action.phase, action.retries) == ("Failed", 4)
    assert action.message == "Failed to delete Localization: the server was away"


def test_attempts_that_did_nothing_count_as_retries_also_where_the_next_one_is_lost(story: LostAttempts) -> None:
    action = find(story.ended["nnh"], "nnh")
    assert (action.phase, action.retries) == ("Succeeded", 3)


def test_actions_side_by_side_are_each_scheduled_again_and_told_of_the_loss(story: LostAttempts) -> None:
    state = story.ended["side by side"]
    assert set(phases(state).values()) == {"Succeeded"}
    assert [find(state, name).retries for name in ("h", "hh", "z")] == [1, 2, 0]
    assert {name: story.attempts[name] for name in ("h", "hh", "z")} == {"h": "xl", "hh": "xll", "z": "x"}


def test_the_pause_after_a_lost_attempt_is_not_that_of_its_retry_policy(story: LostAttempts) -> None:
    assert story.attempts["hhhh"] == "xllll"
    assert find(story.ended["many"], "hhhh").retries == 4


def test_from_the_third_loss_on_the_status_says_that_the_next_attempt_waits(story: LostAttempts) -> None:
    assert (story.waiting.phase, story.waiting.retries) == (Phase.RUNNING, 2)
    assert story.waiting.message == "3 attempts were lost with their workers: the next one begins in 8s"


def test_a_metric_says_which_action_loses_its_attempts(story: LostAttempts) -> None:
    [line] = [
        one for one in story.metrics.splitlines() if one.startswith("drplan_attempts_lost_total{") and '"hhhhh"' in one
    ]
    assert 'drworkflow="w"' in line
    assert 'drworkflow_namespace="default"' in line
    assert line.endswith(" 1")


@pytest.mark.parametrize(
    ("losses", "seconds"), [(1, 0), (2, 0), (3, 10), (4, 20), (5, 40), (8, 300), (9, 300), (10_000, 300)]
)
def test_pauses_after_lost_attempts_grow_up_to_five_minutes(losses: int, seconds: int) -> None:
    assert pause_after_losses(losses).total_seconds() == seconds


def test_an_attempt_lost_while_canceled_is_looked_at_and_nothing_further_starts(story: LostAttempts) -> None:
    assert phases(story.ended["cut"]) == {
        "s": "Canceled",
        "s/w": "Canceled",
        "s/w/hhhhhhh": "Canceled",
        "s/w/z": "Skipped",
    }
    assert find(story.ended["cut"], "hhhhhhh").message == "Canceled: Localization hhhhhhh still exists"


def test_a_canceled_root_keeps_its_tree_whenever_its_worker_is_killed(story: LostAttempts) -> None:
    for state, status in story.canceled:
        assert state.phase in (Phase.CANCELED, Phase.SUCCEEDED)
        assert (state.phase is Phase.CANCELED) == (status is RunStatus.CANCELED)
        assert len(phases(state)) == 6 * 4
        assert set(phases(state).values()) <= {"Succeeded", "Skipped", "Canceled"}


async def test_a_worker_that_is_shut_down_in_an_attempt_uses_up_no_retry(temporal: Client) -> None:
    activities = FakeActivities()
    engine = DevEngine(temporal, activities, "leaving")
    begun = asyncio.Event()

    async def hang_at_first(attempt: FakeAttempt) -> ActionOutcome:
        while len(activities.begun[run.uid]) == 1:
            begun.set()
            activity.heartbeat(Heartbeat())
            await asyncio.sleep(0.1)
        return attempt.done()

    async with worker(temporal, activities, engine.task_queue):
        run = await engine.start(revert(stage("s", workflow("w", "a")), attempts=ONCE), a=hang_at_first)
        await asyncio.wait_for(begun.wait(), DEADLINE)
    async with worker(temporal, activities, engine.task_queue):
        state = await run.end()
    assert (find(state, "a").phase, find(state, "a").retries) == ("Succeeded", 1)
    assert run.begun == ["a", "a"]
