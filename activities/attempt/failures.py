"""May a repeat help? One table from the API's errors to the failure types that people and workflows see.

Source: docs/architecture.md, "Errors and attempts"; Kubernetes API conventions, "HTTP status codes".
"""

from dataclasses import dataclass
from datetime import timedelta

from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from api.steps import ActionRecord, AttemptFailure, FailureType
from kube.errors import AlreadyExistsError, ApiError, NotServedError, UnknownKindError, UnreachableError
from planning.messages.actions import bounded

_TYPES = {
    400: FailureType.INVALID,
    # The worker's credentials are renewed by others, and a starting API server may refuse good ones.
    401: FailureType.TRANSIENT,
    403: FailureType.FORBIDDEN,
    404: FailureType.NOT_FOUND,
    408: FailureType.TRANSIENT,
    409: FailureType.TRANSIENT,
    # A list's page that was asked for too late.
    410: FailureType.TRANSIENT,
    413: FailureType.TOO_LARGE,
    429: FailureType.TRANSIENT,
}

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
    if isinstance(error, UnreachableError | UnknownKindError | NotServedError):
        return FailureType.TRANSIENT
    if isinstance(error, AlreadyExistsError):
        return FailureType.ALREADY_EXISTS
    server_side = FailureType.TRANSIENT if error.status >= 500 else FailureType.INVALID
    return _TYPES.get(error.status, server_side)


def may_pass(error: ApiError) -> bool:
    """Tell whether the same call may succeed later."""
    return failure_type(error).repeatable


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
