"""Errors of the Kubernetes client. Code branches on the type or on a property, never on the message.

    ConfigurationError      no cluster is configured, or its configuration cannot be used
    ApiError                a call that returned no object
    ├── InvalidNameError    the name or namespace cannot be part of a path; nothing was sent
    ├── UnknownKindError    the API server serves no such kind (yet, or in that version); objects of it may exist
    │   └── KindGoneError   no version serves the kind and nothing defines it: there is no object of it
    ├── NotFoundError       404: no object of that name, or no such namespace
    ├── ForbiddenError      403: the actor lacks a right, or admission refused
    ├── NotReadyError       403 of an API server that is not ready: it has not read its roles, and refuses everything
    ├── AlreadyExistsError  409 on a POST: the name is taken
    ├── ConflictError       409 otherwise: a precondition failed, or somebody wrote first
    ├── ExpiredError        410: the resource version or continue token is too old
    ├── NotServedError      an answer that says nothing about an object, for example the 404 of a proxy
    └── UnreachableError    no answer: connection, TLS, timeout

Anything else is an ApiError itself, told apart by its status. Source: Kubernetes API conventions,
"HTTP status codes" and "Response status kind".

What an error means for a repeat is decided by one table, `_FAILURES`, for every caller.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any

from api.failures import FailureType
from api.reasons import Reason

_LONG_VALUE = re.compile(r'(Invalid value: )"(?:[^"\\]|\\.){200,}+"')
"""A whole object that an error quotes, as that of a patch does: what is wrong with it comes after it."""
_LONGEST_HEADER = 100
"""Characters of a Retry-After header."""
LONGEST_RETRY_AFTER = 300.0
"""Seconds: the longest pause that a server can ask for. Source: docs/spec/drworkflow.md, "retryPolicy"."""

NO_SUCH_KIND = "NoSuchKind"
"""Reason of an UnknownKindError, where no definition can bring a kind of that name."""
_TYPED_BY_OBJECT = (403, 404, 409, 410, 422)


class ConfigurationError(Exception):
    """No cluster is configured, or its configuration cannot be used; the message names the file and the remedy."""


@dataclass(eq=False)
class ApiError(Exception):
    """A call to the Kubernetes API that returned no object."""

    message: str
    """The API server's words, or the transport's."""
    status: int = 0
    """HTTP status; 0 where there was no answer."""
    reason: str = ""
    """`reason` of the Status object: AlreadyExists, Expired …"""
    retry_after: float | None = None
    """Seconds that the server asks to wait before the next call, at most LONGEST_RETRY_AFTER."""
    object_name: str = ""
    """`details.name` of the Status object: the object that it is about. The message contains this name."""
    object_resource: str = ""
    """`details.kind` of the Status object: its resource, as in `namespaces`."""
    causes: tuple[str, ...] = ()
    """`reason` of each of `details.causes` of the Status object."""
    why: Reason | None = None
    """The reason of an action that fails because of it, where that says more than the kind of failure."""

    def __str__(self) -> str:
        return self.message

    @property
    def unavailable(self) -> bool:
        """Whether the API server is away or busy, so that the answer says nothing about the object."""
        return self.status in (0, 429) or self.status >= 500

    @property
    def failure(self) -> FailureType:
        """What the error means for a repeat of the same call: the first row of the table that fits."""
        return next(row.failure for row in _FAILURES if row.fits(self))

    @property
    def repeatable(self) -> bool:
        """Whether the same call may succeed later."""
        return self.failure.repeatable

    @property
    def unclear(self) -> bool:
        """Whether a request that was to change something may have had its effect all the same."""
        return self.status == 0 or self.status >= 500

    @property
    def may_still_come(self) -> bool:
        """Whether the effect may come after a read that missed it: no answer, and the API server's own time limit."""
        return self.status in (0, 504)

    @property
    def without_dry_run(self) -> bool:
        """Whether an admission webhook takes no dry runs, so that the answer to one says nothing.

        The API server says so in words only. Source: kubernetes, apiserver, "NewDryRunUnsupportedErr".
        """
        return self.status == 400 and "does not support dry run" in self.message


class TooDeepError(ApiError):
    """An answer is nested so deeply that it cannot be read, which the API server allows."""

    def __init__(self) -> None:
        super().__init__("it is nested too deeply", 422)


class InvalidNameError(ApiError):
    """A name or namespace that no object can have: as part of a path it would lead elsewhere."""


class UnknownKindError(ApiError):
    """The API server serves no such kind, which says nothing about its objects: its definition may be new."""


class KindGoneError(UnknownKindError):
    """No version of the group serves the kind, and no definition of it exists: neither does any object of it."""


class NotFoundError(ApiError):
    """There is no such object, or no such namespace to put it in."""


class ForbiddenError(ApiError):
    """The actor may not do this."""


class NotReadyError(ApiError):
    """An API server that is starting refused the call, which says nothing about the actor's rights."""

    unavailable = True


class AlreadyExistsError(ApiError):
    """An object of that name exists."""


class ConflictError(ApiError):
    """The object is not as the request supposed; read it again before deciding what that means."""


class ExpiredError(ApiError):
    """The resource version or continue token is too old: list again."""


class NotServedError(ApiError):
    """Nothing is served at this path, or something else than the API server answered: it proves nothing."""

    unavailable = True


class UnreachableError(ApiError):
    """No answer came. Whether the request had an effect is not known."""


@dataclass(frozen=True)
class _Row:
    """What errors are one kind of failure. A field that is left out fits every error."""

    failure: FailureType
    statuses: Collection[int] = range(1000)
    error: type[ApiError] = ApiError
    reason: str = ""
    cause: str = ""
    resource: str = ""
    words: tuple[str, ...] = ("",)
    """Any of them occurs in what the API server says. Only for what it tells by nothing else."""

    def fits(self, error: ApiError) -> bool:
        return (
            error.status in self.statuses
            and isinstance(error, self.error)
            and self.reason in ("", error.reason)
            and (not self.cause or self.cause in error.causes)
            and self.resource in ("", error.object_resource)
            and any(part in error.message for part in self.words)
        )


# The texts are those of Kubernetes 1.36; where one changes, its row no longer fits and the status decides.
_FAILURES = (
    # What passes although the status says otherwise.
    _Row(FailureType.TRANSIENT, error=NotServedError),
    _Row(FailureType.TRANSIENT, error=NotReadyError),
    _Row(FailureType.INVALID, error=UnknownKindError, reason=NO_SUCH_KIND),
    _Row(FailureType.TRANSIENT, error=UnknownKindError),
    _Row(FailureType.TRANSIENT, (403,), cause="NamespaceTerminating"),
    _Row(FailureType.TRANSIENT, (403,), words=("exceeded quota: ", "status unknown for quota: ")),
    _Row(FailureType.TRANSIENT, (403,), words=("error looking up service account ",)),
    _Row(FailureType.TRANSIENT, (403,), words=("no PriorityClass with name ", "pod rejected: RuntimeClass ")),
    _Row(FailureType.TRANSIENT, (404,), resource="namespaces", reason="NotFound"),
    _Row(FailureType.TRANSIENT, (403, 405), words=("while custom resource definition is terminating",)),
    # What cannot pass although the status says that the API server is at fault.
    _Row(FailureType.TOO_LARGE, (500,), words=("request is too large", "trying to send message larger than max")),
    _Row(FailureType.INVALID, (500,), words=("resourceVersion should not be set on objects to be created",)),
    _Row(FailureType.INVALID, (500,), words=("failed to create typed patch object",)),
    # The rest, by the status. 401: credentials are renewed by others, and a starting API server may refuse good ones.
    _Row(FailureType.ALREADY_EXISTS, (409,), reason="AlreadyExists"),
    _Row(FailureType.TRANSIENT, (0, 401, 408, 409, 410, 429, *range(500, 1000))),
    _Row(FailureType.FORBIDDEN, (403,)),
    _Row(FailureType.NOT_FOUND, (404,)),
    _Row(FailureType.TOO_LARGE, (413,)),
    _Row(FailureType.INVALID),
)

_TYPES: dict[int, type[ApiError]] = {
    403: ForbiddenError,
    404: NotFoundError,
    409: ConflictError,
    410: ExpiredError,
}


def from_answer(
    status: int, reason: str, message: str, retry_after: float | None = None, details: Mapping[str, Any] | None = None
) -> ApiError:
    """Return the error for a Status object of the API server; `details` is its field of that name."""
    kind = AlreadyExistsError if reason == "AlreadyExists" else _TYPES.get(status, ApiError)
    if kind is NotFoundError and reason != "NotFound":
        # The 404 of a proxy, or of a kind that is not served now, does not prove that an object is gone.
        kind = NotServedError
    details = details or {}
    causes = details.get("causes")
    return kind(
        _LONG_VALUE.sub(r'\1"…"', message),
        status,
        reason,
        retry_after,
        object_name=str(details.get("name") or ""),
        object_resource=str(details.get("kind") or ""),
        causes=tuple(str(each.get("reason")) for each in causes or () if isinstance(each, dict)),
    )


def says_absent(status: Mapping[str, Any], name: str) -> bool:
    """Return whether a 404 says that this very object does not exist.

    Only a Status of the API server that names it does. A client of the API server that passes on a 404 which it did
    not understand, a proxy for example, marks it with a cause. Source: Kubernetes API, "Status", "StatusCause".
    """
    details = status.get("details")
    if status.get("kind") != "Status" or not isinstance(details, dict):
        return False
    causes = [each.get("reason") for each in details.get("causes") or () if isinstance(each, dict)]
    return bool(name) and details.get("name") == name and "UnexpectedServerResponse" not in causes


def from_nonsense(status: int, retry_after: float | None = None) -> ApiError:
    """Return the error for an answer without an object: a proxy's, or the API server's when it is busy."""
    message = f"the API server answered {status} without an object"
    if status in _TYPED_BY_OBJECT:
        return NotServedError(message, status, "", retry_after)
    return ApiError(message, status if status >= 300 else 502, "", retry_after)


def seconds_to_wait(retry_after: str, now: datetime) -> float | None:
    """Return the seconds of a Retry-After header, which holds seconds or a date; None where it holds neither.

    Source: RFC 9110, "Retry-After".
    """
    retry_after = retry_after[:_LONGEST_HEADER]
    if retry_after.isdecimal():
        return min(float(retry_after), LONGEST_RETRY_AFTER)
    try:
        moment = parsedate_to_datetime(retry_after)
    except Exception:  # the library's errors for text that is no date are of many types, OverflowError among them
        return None
    return min(max(0.0, (moment - now).total_seconds()), LONGEST_RETRY_AFTER) if moment.tzinfo else None
