"""HTTP actions by real workers on real Temporal: killed between request and answer, and what a history tells."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from api.nodes import ActionStatus
from api.phases import Phase
from tests.activities.live_namespace import LiveNamespace
from tests.eventually import DEADLINE
from tests.http_service import Reply, Service
from tests.programs import Program, believing_worker
from tests.worker.one_action import Run, begin, environment, the_action

TOKEN = "c0rrect-h0rse-battery-staple"
MARK = "uid-of-execution/sites/flow/ask"
OWN_POLICY = {"limit": 2, "interval": "1s"}


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    async with Service.running() as running:
        yield running


async def asks(ns: LiveNamespace, service: Service, method: str, policy: dict[str, Any] | None = None) -> Run:
    """Start an action that asks the service."""
    headers = {"Authorization": f"Bearer {TOKEN}"}
    http = {"url": f"http://127.0.0.1:{service.port}/ask?key={TOKEN}", "method": method, "headers": headers}
    own = {} if policy is None else {"retryPolicy": policy}
    return await begin(ns, MARK, {"name": "ask", "type": "HTTP", "http": http, **own})


def settings(ns: LiveNamespace) -> dict[str, str]:
    return environment(ns, DRPLAN_HTTP_ALLOWED_HOSTS="127.0.0.1", DRPLAN_LOG_LEVEL="debug")


async def killed_while_it_is_answered(ns: LiveNamespace, service: Service, run: Run, folder: Path) -> ActionStatus:
    """Kill the worker after the service has the request; give the action as the next worker leaves it."""
    asked = asyncio.Event()

    async def hold() -> None:
        asked.set()
        await asyncio.Event().wait()

    service.replies_to("/ask", Reply(wait=hold), Reply(200, "done"))
    with believing_worker(folder / "first", settings(ns)) as first:
        async with asyncio.timeout(60):
            await asked.wait()
        await asyncio.to_thread(first.kill)
    with believing_worker(folder / "second", settings(ns)):
        return await the_action(run)


@pytest.mark.parametrize(("method", "policy"), [("POST", None), ("PATCH", {"limit": 0})])
async def test_a_changing_request_whose_worker_was_killed_is_not_made_again(
    ns: LiveNamespace, service: Service, tmp_path: Path, method: str, policy: dict[str, Any] | None
) -> None:
    run = await asks(ns, service, method, policy)
    action = await killed_while_it_is_answered(ns, service, run, tmp_path)
    assert action.phase is Phase.FAILED
    assert action.message is not None
    assert "outcome unknown: an attempt was lost with its worker" in action.message
    assert service.count(method) == 1


@pytest.mark.parametrize(("method", "policy"), [("POST", OWN_POLICY), ("PUT", None)])
async def test_a_request_that_may_be_repeated_is_made_again_with_the_same_key(
    ns: LiveNamespace, service: Service, tmp_path: Path, method: str, policy: dict[str, Any] | None
) -> None:
    run = await asks(ns, service, method, policy)
    action = await killed_while_it_is_answered(ns, service, run, tmp_path)
    assert (action.phase, action.retries) == (Phase.SUCCEEDED, 1)
    assert [each.headers["idempotency-key"] for each in service.received] == [MARK, MARK]


async def test_a_request_that_no_policy_lets_be_repeated_is_made_again_after_a_kill(
    ns: LiveNamespace, service: Service, tmp_path: Path
) -> None:
    run = await asks(ns, service, "DELETE", {"limit": 0})
    action = await killed_while_it_is_answered(ns, service, run, tmp_path)
    assert action.phase is Phase.SUCCEEDED
    assert service.count("DELETE") == 2


async def test_a_token_stands_in_no_history_no_state_and_no_log(
    ns: LiveNamespace, service: Service, tmp_path: Path
) -> None:
    looked = asyncio.Event()
    service.replies_to("/ask", Reply(500, echo=True), Reply(200, echo=True, wait=looked.wait))
    run = await asks(ns, service, "PUT", {"limit": 1, "interval": "1s"})
    with believing_worker(tmp_path / "log", settings(ns)) as process:
        between = await _after_the_first_attempt(run)
        looked.set()
        action = await the_action(run)
    assert TOKEN in service.received[0].headers["authorization"]
    assert action.outputs is not None
    assert "•••" in action.outputs.to_object()["httpResponse"]["body"]
    history = "".join(str(event) for event in (await run.fetch_history()).events)
    assert "succeeded with status 200" in history, "payloads can be read in it"
    for text in (history, str(action), between, _log(process)):
        assert TOKEN not in text


async def _after_the_first_attempt(run: Run) -> str:
    """Give all that Temporal tells of an activity whose next attempt waits, or is being answered."""
    async with asyncio.timeout(DEADLINE):
        while True:
            description = (await run.describe()).raw_description
            if description.pending_activities and description.pending_activities[0].HasField("last_failure"):
                told = str(description)
                assert "it was answered 500" in told
                return told
            await asyncio.sleep(0.1)


def _log(process: Program) -> str:
    text = process.log.read_text()
    assert "worker started" in text
    return text
