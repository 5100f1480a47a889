"""HTTP actions carried out as a worker would carry them out, without Temporal and without a cluster."""

import ssl
from dataclasses import dataclass, field
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError

from activities.attempt import RunningAttempt, run_attempt
from activities.effects.action import ResolvedAction
from activities.effects.http import HttpEffect
from activities.effects.http_client import HttpClient
from api.actions import Action
from api.attempts import ActionOutcome
from api.objects import Actor
from api.phases import Operation
from api.steps import Attempts
from planning.effects.allowed_hosts import allowed_hosts
from tests.activities.believed_inputs import unprepared
from tests.activities.live_namespace import Attempt
from tests.http_service import CERTIFICATE

MARK = "uid-of-execution/sites/shop/ask"
LOOPBACK = "*, 127.0.0.0/8"


@dataclass
class Names:
    """A resolver that knows what the test tells it, and remembers what it was asked."""

    known: dict[str, list[str]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    async def __call__(self, host: str, port: int) -> list[str]:
        self.asked.append(host)
        if host not in self.known:
            raise OSError(-2, "Name or service not known")
        return self.known[host]


def order(url: str, *, lost: bool = False, secrets: frozenset[str] = frozenset(), **more: Any) -> ResolvedAction:
    """Give the order for a request that shows its path; `retryPolicy` and `timeout` are the action's."""
    own = {name: more.pop(name) for name in ("retryPolicy", "timeout") if name in more}
    action = Action.model_validate(
        {"name": "ask", "type": "HTTP", "http": {"url": url, "showPath": True, **more}, **own}
    )
    return ResolvedAction(
        definition=action,
        operation=Operation.CREATE,
        optional_target=None,
        optional_body=None,
        mark=MARK,
        actor=Actor(),
        execution=None,
        attempts=Attempts(timeout=action.timeout, retry=action.retries),
        lost=lost,
        secrets=secrets,
    )


def effect(allowed: str = LOOPBACK, names: Names | None = None, *, trusting: bool = True) -> HttpEffect:
    """Give the effect; `trusting` trusts the certificate of the tests' services."""
    trust = ssl.create_default_context(cafile=str(CERTIFICATE)) if trusting else None
    return HttpEffect(HttpClient(allowed_hosts(allowed), names or Names(), trust))


async def ask(given: ResolvedAction, by: HttpEffect | None = None, attempt: Attempt | None = None) -> ActionOutcome:
    """Carry an order out in one attempt. Raises ApplicationError, as Temporal would get it."""

    async def work(given: ResolvedAction) -> ActionOutcome:
        running = RunningAttempt(given.attempts)
        return await run_attempt(running, unprepared, lambda _: (by or effect()).execute(given, running))

    return await (attempt or Attempt()).run(work, given)


async def refusal(
    given: ResolvedAction, by: HttpEffect | None = None, attempt: Attempt | None = None
) -> ApplicationError:
    """Give the failure of an order."""
    with pytest.raises(ApplicationError) as caught:
        await ask(given, by, attempt)
    return caught.value
