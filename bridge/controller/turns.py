"""At most so many rehearsals at once. Source: docs/spec/drplan.md, "Rehearsal"."""

from collections.abc import Callable, Iterable

from bridge.kubernetes.entry import Key


class Turns:
    """Which plans are being rehearsed: so many at once, and half as many of one namespace.

    The others begin in the order in which they came.
    """

    def __init__(self, most: int, wake: Callable[[Key], None]) -> None:
        self._most = most
        self._most_of_namespace = (most + 1) // 2
        self._wake = wake
        self._open: set[Key] = set()
        self._waiting: dict[Key, None] = {}

    def reset(self, running: Iterable[Key]) -> None:
        """Begin with the plans whose rehearsal is under way."""
        self._open, self._waiting = set(running), {}

    def resume(self, key: Key) -> None:
        """Count a plan whose rehearsal is under way."""
        self._open.add(key)
        self._waiting.pop(key, None)

    def take(self, key: Key) -> bool:
        """Return whether the rehearsal of a plan may begin; else it waits for its turn, and is woken."""
        if key in self._open:
            return True
        self._waiting.setdefault(key)
        if self._next() != key:
            return False
        self.resume(key)
        self._wake_next()
        return True

    def leave(self, key: Key) -> None:
        """Forget a plan that is not rehearsed now, and wake the one whose turn it is."""
        self._open.discard(key)
        self._waiting.pop(key, None)
        self._wake_next()

    def _next(self) -> Key | None:
        """Return the plan whose turn it is; None while nobody's is."""
        if len(self._open) >= self._most:
            return None
        namespaces = [key.namespace for key in self._open]
        full = {each for each in namespaces if namespaces.count(each) >= self._most_of_namespace}
        return next((key for key in self._waiting if key.namespace not in full), None)

    def _wake_next(self) -> None:
        if (key := self._next()) is not None:
            self._wake(key)
