"""May a repeat help? One table from the API's errors to the failure types that people and workflows see.

Source: docs/architecture.md, "Errors and attempts"; Kubernetes API conventions, "HTTP status codes".
"""

from dataclasses import dataclass
from datetime import timedelta

from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from api.steps import ActionRecord, AttemptFailure, FailureType
from kube.errors import AlreadyExistsError, ApiError
from planning.messages.actions import bounded

_TYPES = {403: FailureType.FORBIDDEN, 404: FailureType.NOT_FOUND, 413: FailureType.TOO_LARGE}

_LONGEST_DELAY = timedelta(minutes=5)
"""As of every pause. Source: docs/spec/drworkflow.md, "retryPolicy"."""


EMPTY_RECORD = ActionRecord()


@dataclass(eq=False)
class ActionError(Exception):
    """An attempt failed. `message` is the whole message of the action."""

    type: FailureType
    message: str
    record: ActionRecord = EMPTY_RECORD
    """What the attempt did although it failed."""
    retry_after: float | None = None
    """Seconds that the server asks to wait before the next attempt."""

    def __str__(self) -> str:
        return self.message


def failure_type(error: ApiError) -> FailureType:
    """Tell what an error of the API means for a repeat."""
    if isinstance(error, AlreadyExistsError):
        return FailureType.ALREADY_EXISTS
    return FailureType.TRANSIENT if error.repeatable else _TYPES.get(error.status, FailureType.INVALID)


def action_error(error: ApiError, message: str, record: ActionRecord = EMPTY_RECORD) -> ActionError:
    """Give an API error as the failure of an attempt, under the action's own message."""
    return ActionError(failure_type(error), message, record, error.retry_after)


def application_error(error: ActionError, errors: int, limit: int, attempt: int) -> ApplicationError:
    """Give a failure as Temporal takes it; `errors` counts this one, `limit` the retries allowed after errors.

    It is one that can be expected: the SDK is not to log its stack, nor to count it as a fault of the worker.
    """
    details = AttemptFailure(errors=errors, attempt=attempt, **error.record.record_fields())
    return ApplicationError(
        bounded(error.message),
        details,
        type=error.type.value,
        category=ApplicationErrorCategory.BENIGN,
        non_retryable=not error.type.repeatable or errors > limit,
        next_retry_delay=None
        if error.retry_after is None
        else min(timedelta(seconds=error.retry_after), _LONGEST_DELAY),
    )
