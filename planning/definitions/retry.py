"""How an action is tried: its timeout and retry policy, checked, with the defaults filled in.

Source: docs/spec/drworkflow.md, "timeout" and "retryPolicy".
"""

import math
from collections.abc import Iterator
from datetime import timedelta

from api.actions import Action
from api.meta import parse_duration
from api.steps import Attempts
from planning.messages import fields as field_messages

_LONGEST = timedelta(days=365)
"""Beyond it a duration is taken for a slip of the pen."""


def attempts_of(definition: Action | None) -> Attempts:
    """Return the attempts that a definition asks for; the defaults where it is faulty or gone."""
    if definition is None or next(attempt_faults(definition), None):
        return Attempts()
    return Attempts(timeout=definition.timeout, retry=definition.retries)


def attempt_faults(action: Action) -> Iterator[tuple[str, str]]:
    """Give what is wrong with an action's timeout and retry policy: field path below the action, and words."""
    yield from _duration_faults("timeout", action.timeout, zero=False)
    if action.retry_policy is None:
        return
    yield from _duration_faults("retryPolicy.interval", action.retry_policy.interval, zero=True)
    if action.retry_policy.limit < 0:
        yield "retryPolicy.limit", field_messages.negative(action.retry_policy.limit)
    if not _is_multiplier(action.retry_policy.backoff_multiplier):
        yield "retryPolicy.backoffMultiplier", field_messages.not_a_multiplier(action.retry_policy.backoff_multiplier)


def _duration_faults(path: str, text: str, *, zero: bool) -> Iterator[tuple[str, str]]:
    try:
        span = parse_duration(text)
    except (ValueError, OverflowError) as error:
        yield path, str(error)
        return
    if not zero and not span:
        yield path, field_messages.NO_TIME
    if span > _LONGEST:
        yield path, field_messages.too_long(text)


def _is_multiplier(text: str) -> bool:
    """Tell whether a text is a finite number of at least 1, as Temporal asks for."""
    try:
        return math.isfinite(float(text)) and float(text) >= 1
    except ValueError:
        return False
