"""Errors of the Kubernetes client. Code branches on the type or on a property, never on the message.

    ConfigurationError      no cluster is configured, or its configuration cannot be used
    ApiError                a call that returned no object
    ├── InvalidNameError    the name or namespace cannot be part of a path; nothing was sent
    ├── UnknownKindError    the API server serves no such kind (yet, or in that version); objects of it may exist
    │   └── KindGoneError   no version serves the kind and nothing defines it: there is no object of it
    ├── NotFoundError       404: no object of that name, or no such namespace
    ├── ForbiddenError      403: the actor lacks a right, or admission refused
    ├── AlreadyExistsError  409 on a POST: the name is taken
    ├── ConflictError       409 otherwise: a precondition failed, or somebody wrote first
    ├── ExpiredError        410: the resource version or continue token is too old
    ├── NotServedError      an answer that says nothing about an object, for example the 404 of a proxy
    └── UnreachableError    no answer: connection, TLS, timeout

Anything else is an ApiError itself, told apart by its status. Source: Kubernetes API conventions,
"HTTP status codes" and "Response status kind".
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any

LONGEST_RETRY_AFTER = 300.0
"""Seconds: the longest pause that a server can ask for. Source: docs/spec/drworkflow.md, "retryPolicy"."""

# 401: credentials are renewed by others, and a starting API server may refuse good ones.
_REPEATABLE = (401, 408, 409, 410)
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

    def __str__(self) -> str:
        return self.message

    @property
    def unavailable(self) -> bool:
        """Whether the API server is away or busy, so that the answer says nothing about the object."""
        return self.status in (0, 429) or self.status >= 500

    @property
    def repeatable(self) -> bool:
        """Whether the same call may succeed later. The one decision on this for all callers."""
        return self.unavailable or self.status in _REPEATABLE

    @property
    def unclear(self) -> bool:
        """Whether a request that was to change something may have had its effect all the same."""
        return self.status == 0 or self.status >= 500

    @property
    def may_still_come(self) -> bool:
        """Whether the effect may come after a read that missed it: no answer, and the API server's own time limit."""
        return self.status in (0, 504)


class InvalidNameError(ApiError):
    """A name or namespace that no object can have: as part of a path it would lead elsewhere."""


class UnknownKindError(ApiError):
    """The API server serves no such kind, which says nothing about its objects: its definition may be new."""

    repeatable = True


class KindGoneError(UnknownKindError):
    """No version of the group serves the kind, and no definition of it exists: neither does any object of it."""


class NotFoundError(ApiError):
    """There is no such object, or no such namespace to put it in."""


class ForbiddenError(ApiError):
    """The actor may not do this."""


class AlreadyExistsError(ApiError):
    """An object of that name exists."""

    repeatable = False


class ConflictError(ApiError):
    """The object is not as the request supposed; read it again before deciding what that means."""


class ExpiredError(ApiError):
    """The resource version or continue token is too old: list again."""


class NotServedError(ApiError):
    """Nothing is served at this path, or something else than the API server answered: it proves nothing."""

    unavailable = True


class UnreachableError(ApiError):
    """No answer came. Whether the request had an effect is not known."""


_TYPES: dict[int, type[ApiError]] = {
    403: ForbiddenError,
    404: NotFoundError,
    409: ConflictError,
    410: ExpiredError,
}


def from_answer(
    status: int, reason: str, message: str, retry_after: float | None = None, object_name: str = ""
) -> ApiError:
    """Return the error for a Status object of the API server."""
    kind = AlreadyExistsError if reason == "AlreadyExists" else _TYPES.get(status, ApiError)
    if kind is NotFoundError and reason != "NotFound":
        # The 404 of a proxy, or of a kind that is not served now, does not prove that an object is gone.
        kind = NotServedError
    return kind(message, status, reason, retry_after, object_name)


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
    if retry_after.isdecimal():
        return min(float(retry_after), LONGEST_RETRY_AFTER)
    try:
        moment = parsedate_to_datetime(retry_after)
    except (ValueError, TypeError):
        return None
    return min(max(0.0, (moment - now).total_seconds()), LONGEST_RETRY_AFTER) if moment.tzinfo else None
