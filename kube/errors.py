"""What the Kubernetes API can answer instead of an object, as far as code branches on it.

    ApiError
    ├── NotFoundError       404: no object of that name, or no such namespace
    ├── NotServedError      404 that is no answer about an object
    ├── UnknownKindError    no resource serves this kind (yet)
    ├── ForbiddenError      403: the actor lacks a right, or admission refused
    ├── AlreadyExistsError  409 on a POST: the name is taken
    ├── ConflictError       409 otherwise: a precondition, or somebody wrote first
    └── UnreachableError    no answer: connection, TLS, timeout

Anything else is an ApiError itself, told apart by its status. Source: Kubernetes API conventions,
"HTTP status codes" and "Response status kind".
"""

from dataclasses import dataclass


@dataclass(eq=False)
class ApiError(Exception):
    """A call to the Kubernetes API that gave no object."""

    message: str
    """The API server's words, or the transport's."""
    status: int = 0
    """HTTP status; 0 where there was no answer."""
    reason: str = ""
    """`reason` of the Status object: AlreadyExists, Expired …"""
    retry_after: float | None = None
    """Seconds that the server asks to wait before the next call."""

    def __str__(self) -> str:
        return self.message

    @property
    def unclear(self) -> bool:
        """Whether a request that was to change something may have had its effect all the same."""
        return self.status == 0 or self.status >= 500

    @property
    def may_still_come(self) -> bool:
        """Whether the effect may come after a look that missed it: no answer, and the API server's own time limit."""
        return self.status in (0, 504)


class NotFoundError(ApiError):
    """There is no such object, or no such namespace to put it in."""


class NotServedError(ApiError):
    """Nothing is served at this path, or something else than the API server answered: it proves nothing."""


class UnknownKindError(ApiError):
    """The API server serves no such kind: its definition is missing, or was created a moment ago."""


class ForbiddenError(ApiError):
    """The actor may not do this."""


class AlreadyExistsError(ApiError):
    """An object of that name is there already."""


class ConflictError(ApiError):
    """The object is not as the request supposed; look again before deciding what that means."""


class UnreachableError(ApiError):
    """No answer came. Whether the request had an effect is not known."""


def from_answer(status: int, reason: str, message: str, retry_after: float | None) -> ApiError:
    """Give the error for an answer of the API server; `status` is 300 or more."""
    if status == 404 and reason != "NotFound":
        return NotServedError(message, status, reason, retry_after)
    kinds: dict[int, type[ApiError]] = {403: ForbiddenError, 404: NotFoundError, 409: ConflictError}
    kind = AlreadyExistsError if reason == "AlreadyExists" else kinds.get(status, ApiError)
    return kind(message, status, reason, retry_after)
