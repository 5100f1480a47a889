"""How an action is tried: timeout and retry policy, validated, with the defaults filled in.

Source: docs/spec/drworkflow.md, "timeout" and "retryPolicy".
"""

import math
from collections.abc import Iterator
from datetime import timedelta

from api.actions import Action
from api.meta import parse_duration
from api.steps import Attempts
from planning.definitions.field_errors import FieldError
from planning.messages import fields as field_messages

_LONGEST = timedelta(days=365)
"""A longer duration is taken for a mistake."""


def attempts_of(definition: Action | None) -> Attempts:
    """Return the attempts that a definition asks for; the defaults where it is invalid or gone."""
    if definition is None or next(attempt_errors(definition), None):
        return Attempts()
    return Attempts(timeout=definition.timeout, retry=definition.retries)


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
        multiplier = float(policy.backoff_multiplier)
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
