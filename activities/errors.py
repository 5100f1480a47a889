"""How an attempt fails: what Temporal gets, what the log says.

Source: docs/architecture.md, "Errors and attempts"; docs/operations.md, "The logs"; Kubernetes API
conventions, "HTTP status codes".
"""

from dataclasses import dataclass
from datetime import timedelta

from temporalio import activity
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from api.attempts import WORKER_SHUTDOWN, ActionRecord, AttemptFailure, Heartbeat
from api.failures import FailureType
from api.objects import Target
from api.reasons import Reason
from api.tree import Rejection
from kube.errors import LONGEST_RETRY_AFTER, ApiError
from planning.messages import actions as action_messages
from planning.messages.text import bounded, where_raised

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
    reason: Reason | None = None
    """The reason of the action, where that says more than the type."""
    rejection: Rejection | None = None
    """Of a decision that failed: why, where a person is advised something of its own."""

    def __str__(self) -> str:
        return self.message


@dataclass(eq=False)
class NotRecordedError(ActionError):
    """An attempt that did nothing, for what it has to know first is not recorded yet. It counts as no error."""


def words_of(error: ApiError, target: Target) -> str:
    """Return the API server's words about a call for `target`, after the object's name where its Status names none."""
    return error.message if error.object_name == target.name else f"{target.name}: {error.message}"


def action_error(error: ApiError, message: str, record: ActionRecord = EMPTY_RECORD) -> ActionError:
    """Return an API error as the failure of an attempt, under the action's own message."""
    return ActionError(error.failure, message, record, error.retry_after, error.why)


def application_error(
    error: ActionError, attempt: int, errors: int = 0, limit: int = 0, not_begun: int = 0
) -> ApplicationError:
    """Return a failure as Temporal takes it; `errors` includes this one, `limit` is how many may be retried.

    `attempt` is the server's number of the attempt that failed, `not_begun` how many of them did nothing.
    The category is benign: the SDK must neither log its stack nor count it as a fault of the worker.
    """
    details = AttemptFailure(
        errors=errors,
        attempt=attempt,
        not_begun=not_begun,
        reason=error.reason,
        rejection=error.rejection,
        **error.record.record_fields(),
    )
    return ApplicationError(
        bounded(error.message),
        details,
        type=error.type.value,
        category=ApplicationErrorCategory.BENIGN,
        non_retryable=not error.type.repeatable or errors > limit,
        next_retry_delay=None
        if error.retry_after is None
        else timedelta(seconds=min(error.retry_after, LONGEST_RETRY_AFTER)),
    )


def taken_away(attempt: int, heartbeat: Heartbeat) -> ApplicationError:
    """Return what Temporal is told of an attempt whose worker shuts down: no error, and another one follows."""
    details = AttemptFailure(errors=heartbeat.errors, attempt=attempt, not_begun=heartbeat.not_begun)
    return ApplicationError(
        action_messages.ATTEMPT_LOST, details, type=WORKER_SHUTDOWN, category=ApplicationErrorCategory.BENIGN
    )


def log_failure(failure: ApplicationError) -> None:
    """Log an expected failure of a cluster or a service, in the words of the status."""
    if failure.non_retryable:
        activity.logger.warning("An action failed: %s: %s", failure.type, failure.message)
    else:
        activity.logger.info("An attempt failed, another follows: %s: %s", failure.type, failure.message)


def log_unexpected(what: str, error: Exception) -> None:
    """Log a fault of this program without its text."""
    activity.logger.error("%s unexpectedly: %s", what, where_raised(error))
