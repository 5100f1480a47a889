"""A proxy in front of the API server that answers in its place, or drops the answer to what the API server has done."""

import json
import random
from enum import Enum
from pathlib import Path

from aiohttp import web

from tests.e2e.holding_proxy import FaultProxy

_MUTATING = ("POST", "PUT", "PATCH", "DELETE")


class Answer(Enum):
    """What a request gets in place of its answer."""

    TOO_MANY = "429"
    INTERNAL = "500"
    UNAVAILABLE = "503"
    JUNK = "junk"
    """200, and a page of some gateway in place of the object; an object that ends in the middle."""
    DROPPED = "dropped"
    """The request is carried out, and the connection breaks before its answer is there."""


_TEXTS = {
    Answer.TOO_MANY: (429, "TooManyRequests", "the server has received too many requests"),
    Answer.INTERNAL: (500, "InternalError", "an error on the server has prevented the request from succeeding"),
    Answer.UNAVAILABLE: (503, "ServiceUnavailable", "the server is currently unable to handle the request"),
}


class HttpFaults(FaultProxy):
    """Does to some of the requests what is wanted at the moment, and passes the others on."""

    def __init__(self, upstream: str, certificate: Path) -> None:
        super().__init__(upstream, certificate)
        self.answer = Answer.UNAVAILABLE
        self.share = 1.0
        """Part of the requests that are answered so."""
        self.random = random.Random(0)
        self.dropped = 0
        """Answers that were dropped after the API server had carried out a change."""

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.url.rpartition(":")[2])

    def take_dropped(self) -> int:
        """Return how many answers were dropped since the last call."""
        dropped, self.dropped = self.dropped, 0
        return dropped

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        if self.random.random() > self.share:
            return await super()._handle(request)
        if self.answer in _TEXTS:
            return _status(*_TEXTS[self.answer])
        if self.answer is Answer.JUNK:
            return self._junk()
        if "watch" not in request.query:
            answered = await super()._handle(request)
            is_change = request.method in _MUTATING and "dryRun" not in request.query
            self.dropped += is_change and answered.status < 300
        if request.transport is not None:
            request.transport.abort()
        return web.Response()

    def _junk(self) -> web.Response:
        if self.random.random() < 0.5:
            return web.Response(text="<html><body>Welcome to the gateway</body></html>", content_type="text/html")
        return web.Response(text='{"apiVersion": "v1", "kind": "Stat', content_type="application/json")


def _status(code: int, reason: str, message: str) -> web.Response:
    status = {"apiVersion": "v1", "kind": "Status", "status": "Failure"}
    body = json.dumps({**status, "code": code, "reason": reason, "message": message})
    headers = {"Retry-After": "1"} if code == 429 else {}
    return web.Response(status=code, text=body, content_type="application/json", headers=headers)
