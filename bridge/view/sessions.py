"""Who looks at the view: tokens of those who signed in, and how often each of them may ask.

A token is kept in memory only, for an hour at most, and never sent to a browser: its cookie holds a random name of it.
"""

import hashlib
import secrets
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

MOST_SESSIONS = 200
SESSION_SECONDS = 3600.0
"""Tokens of `kubectl create token` live as long by default."""
MOST_VIEWERS = 1000
"""Whose pace is remembered."""
PER_SECOND = 4.0
BURST = 30.0
"""Requests at once: a page with its style, its script and some clicks."""


@dataclass
class _Session:
    token: str
    ends: float


class Sessions:
    """Tokens by the random value of a cookie. The oldest goes where there are too many."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._sessions: OrderedDict[str, _Session] = OrderedDict()

    def open(self, token: str) -> str:
        """Keep a token, and return the value of its cookie."""
        cookie = secrets.token_urlsafe(32)
        self._sessions[_hashed(cookie)] = _Session(token, self._clock() + SESSION_SECONDS)
        while len(self._sessions) > MOST_SESSIONS:
            self._sessions.popitem(last=False)
        return cookie

    def token(self, cookie: str) -> str | None:
        """Return the token of a cookie, unless its time is over."""
        session = self._sessions.get(_hashed(cookie))
        if session is not None and session.ends <= self._clock():
            self.close(cookie)
            return None
        return session.token if session else None

    def close(self, cookie: str) -> None:
        """Forget the token of a cookie."""
        self._sessions.pop(_hashed(cookie), None)


class Paces:
    """How often each viewer has asked of late: a bucket of requests that fills again with time."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait(self, viewer: str) -> float:
        """Take one request of a viewer; return how many seconds it has to wait instead, zero for none."""
        key, now = _hashed(viewer), self._clock()
        left, since = self._buckets.pop(key, (BURST, now))
        left = min(BURST, left + (now - since) * PER_SECOND)
        wait = 0.0 if left >= 1 else (1 - left) / PER_SECOND
        self._buckets[key] = (left if wait else left - 1, now)
        while len(self._buckets) > MOST_VIEWERS:
            self._buckets.popitem(last=False)
        return wait


def _hashed(secret: str) -> str:
    """Return what a secret is remembered by: a look-up then takes the same time for every wrong one."""
    return hashlib.sha256(secret.encode()).hexdigest()
