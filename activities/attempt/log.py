"""What the worker's log says of failures: a line for what the status tells as well, a place in the code for our faults.

Texts of exceptions that nobody foresaw stay out: they may quote what is secret. Source: docs/operations.md, "The
worker's log"; CONTRIBUTING.md, "Rules for code".
"""

import traceback
from collections.abc import Iterator

from temporalio import activity
from temporalio.exceptions import ApplicationError


def attempt_failed(failure: ApplicationError) -> None:
    """Say that an attempt failed by what can be expected of a cluster or a service; its message is the status's."""
    if failure.non_retryable:
        activity.logger.warning("An action failed: %s: %s", failure.type, failure.message)
    else:
        activity.logger.info("An attempt failed, another follows: %s: %s", failure.type, failure.message)


def broke(what: str, error: Exception) -> None:
    """Say that our code broke, of what kind the exception is, and where it came about."""
    activity.logger.error("%s unexpectedly: %s", what, "; caused by ".join(_places(error)))


def _places(error: BaseException | None) -> Iterator[str]:
    """Give kind and place of an exception and of those behind it, from the last to the first."""
    while error is not None:
        frames = traceback.extract_tb(error.__traceback__)
        places = " > ".join(f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames)
        yield f"{type(error).__qualname__} at {places}"
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
