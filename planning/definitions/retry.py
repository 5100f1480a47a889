"""How an action is tried: timeout and retry policy, validated, with the defaults filled in.

Source: docs/spec/drworkflow.md, "timeout" and "retryPolicy".
"""

import math
from collections.abc import Iterator
from datetime import datetime, timedelta

from api.actions import Action
from api.meta import parse_duration
from api.steps import Attempts
from planning.definitions.field_errors import FieldError
from planning.messages import fields as field_messages

LOSSES_WITHOUT_PAUSE = 2
"""Lost attempts of an action after which the next one need not wait: a worker may have been restarted."""
FIRST_PAUSE = timedelta(seconds=10)
LONGEST_PAUSE = timedelta(minutes=5)

_TOLD_PAUSE = timedelta(seconds=10)
"""A longer pause is told with its end."""
LONGEST_MULTIPLIER = 100
"""Characters. Python takes seconds to read a number of a million digits, and no other thread runs meanwhile."""
_LONGEST = timedelta(days=365)
"""A longer duration is taken for a mistake."""


def attempts_of(definition: Action | None) -> Attempts:
    """Return the attempts that a definition asks for; the defaults where it is invalid or gone."""
    if definition is None or next(attempt_errors(definition), None):
        return Attempts()
    return Attempts(timeout=definition.timeout, retry=definition.retries)


def pause_after_losses(losses: int) -> timedelta:
    """Return how long the next attempt waits after so many that were lost with their workers.

    An action that ends each worker that attempts it must leave the workers time for the others.
    """
    doublings = losses - LOSSES_WITHOUT_PAUSE - 1
    return min(FIRST_PAUSE * 2 ** min(doublings, 10), LONGEST_PAUSE) if doublings >= 0 else timedelta(0)


def told_time(since: datetime, at: datetime) -> datetime | None:
    """Return when the next attempt begins, if a person has to wait for that; None if it begins soon."""
    return at if at - since > _TOLD_PAUSE else None


def attempt_errors(action: Action) -> Iterator[FieldError]:
    """Validate an action's timeout and retry policy."""
    yield from _duration_errors("timeout", action.timeout, zero=False)
    policy = action.retry_policy
    if policy is None:
        return
    yield from _duration_errors("retryPolicy.interval", policy.interval, zero=True)
    if policy.limit < 0:
        yield FieldError("retryPolicy.limit", field_messages.negative(policy.limit))
    try:
        multiplier = float(policy.backoff_multiplier) if len(policy.backoff_multiplier) <= LONGEST_MULTIPLIER else 0
    except ValueError:
        multiplier = 0
    if not math.isfinite(multiplier) or multiplier < 1:  # Temporal's own rule
        yield FieldError("retryPolicy.backoffMultiplier", field_messages.not_a_multiplier(policy.backoff_multiplier))


def _duration_errors(path: str, text: str, *, zero: bool) -> Iterator[FieldError]:
    try:
        span = parse_duration(text)
    except (ValueError, OverflowError) as error:
        yield FieldError(path, str(error))
        return
    if not zero and not span:
        yield FieldError(path, field_messages.NO_TIME)
    if span > _LONGEST:
        yield FieldError(path, field_messages.too_long(text))
