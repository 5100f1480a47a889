"""One request to the API server, and what is made of its answer.

Source: Kubernetes, "Kubernetes API Concepts", "Field validation", "Dry-run" and "Warnings"; API conventions, "Response
status kind".
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import aiohttp

from api.objects import Actor
from kube.errors import TooDeepError, from_answer, from_nonsense, says_absent, seconds_to_wait
from kube.media_types import JSON

Object = dict[str, Any]
Warn = Callable[[str], None]
"""Takes a warning of the API server."""

OWN = Actor()
"""The process's own rights: to read our own kinds, and to discover."""
FIELD_MANAGER = "drplan"
"""Who owns the fields that a Create or an Apply sets."""
_WARNING = re.compile(r'299 \S+ "((?:[^"\\]|\\.)*)"')
"""A warning of the API server, with its text in quotes. Source: RFC 7234, "Warning"."""
_ESCAPED = re.compile(r"\\(.)")


@dataclass(frozen=True)
class WriteOptions:
    """How the API server is to take a write."""

    manager: str = FIELD_MANAGER
    """Who owns the fields that are written."""
    dry_run: bool = False
    """Whether only the answer is wanted."""
    strict: bool = False
    """Whether a field that the kind does not have is an error; it is left out otherwise."""
    warn: Warn | None = None
    """Takes the warnings of the answer."""

    @property
    def query(self) -> dict[str, str]:
        """The options as a query."""
        strict = {"fieldValidation": "Strict"} if self.strict else {}
        return {"fieldManager": self.manager} | strict | ({"dryRun": "All"} if self.dry_run else {})


PLAIN = WriteOptions()


@dataclass(frozen=True)
class Request:
    """One request, in an actor's name."""

    method: str
    actor: Actor
    query: Mapping[str, str] = field(default_factory=dict)
    body: Object | list[Object] | None = None
    accept: str = JSON
    content: str = JSON
    path: str = ""
    about: str = ""
    """The object, or the namespace of a new one, that a 404 must name to say that it does not exist."""
    warn: Warn | None = None
    """Takes the warnings of the answer."""
    most_bytes: int | None = None
    """What an answer may have, where that is bounded."""

    def as_dry_run(self) -> "Request":
        """Return the same request without an effect. Of a deletion the server reads options from the body only."""
        if self.method == "GET":
            return self
        body = self.body
        if self.method == "DELETE" and isinstance(body, dict):
            body = {**body, "dryRun": ["All"]}
        return replace(self, query={**self.query, "dryRun": "All"}, body=body)


class AnswerTooLargeError(Exception):
    """An answer has more bytes than its request allows."""


async def read(response: aiohttp.ClientResponse, most: int | None) -> bytes:
    """Read an answer. Raises AnswerTooLargeError."""
    if most is None:
        return await response.read()
    raw = bytearray()
    async with response:
        async for part in response.content.iter_any():
            raw += part
            if len(raw) > most:
                response.close()
                raise AnswerTooLargeError
    return bytes(raw)


def _object(raw: bytes) -> Object | None:
    try:
        answer = json.loads(raw)
    except ValueError:
        return None
    except RecursionError:
        raise TooDeepError from None
    return answer if isinstance(answer, dict) else None


def answer_of(request: Request, response: aiohttp.ClientResponse, raw: bytes) -> Object:
    """Return the object of an answer. Raises ApiError where it holds none, or is an error."""
    answer, status = _object(raw), response.status
    if request.warn is not None:
        for header in response.headers.getall("Warning", ()):
            for text in _WARNING.findall(header):
                request.warn(_ESCAPED.sub(r"\1", text))
    if answer is not None and 200 <= status < 300:
        return answer
    pause = seconds_to_wait(response.headers.get("Retry-After", ""), datetime.now(UTC))
    if answer is None:
        raise from_nonsense(status, pause)
    message = str(answer.get("message") or f"the API server answered {status}")
    details = answer.get("details")
    reason = str(answer.get("reason") or "")
    if status == 404 and not says_absent(answer, request.about):
        reason = ""
    raise from_answer(status, reason, message, pause, details if isinstance(details, dict) else {})


def event_of(line: bytes) -> Object:
    """Return the event in a line of a watch. Raises ValueError, and ApiError where it is the watch's error."""
    event = _object(line)
    if event is None or "type" not in event or not isinstance(event.get("object"), dict):
        raise ValueError(f"not a watch event: {line[:100]!r}")
    if event["type"] == "ERROR":
        status = event["object"]
        message = str(status.get("message") or "the watch ended with an error")
        code = status.get("code")
        raise from_answer(code if isinstance(code, int) else 0, str(status.get("reason") or ""), message)
    return event


async def never_write_twice(
    request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    """Keep aiohttp from repeating a PUT or DELETE by itself when a kept-alive connection breaks under it.

    The first may have been accepted; what to do then is decided after a read.
    """
    try:
        return await handler(request)
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        if request.method != "GET":
            raise aiohttp.ClientError(words_of(error)) from error
        raise


def words_of(error: BaseException) -> str:
    """Return what an error of the transport says; its type where it says nothing."""
    return str(error) or type(error).__name__
