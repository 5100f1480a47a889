"""Which versions of objects this process has written: the watch brings them back, and they need no pass.

An echo often comes before the answer to its write. So what comes while a write is under way is judged at its end.
"""

from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)


@dataclass
class _UnderWay:
    """Writes of one object that are not answered yet."""

    number: int = 0
    answered: list[str] = field(default_factory=list)
    seen: list[str] = field(default_factory=list)
    """Versions that the watch has brought meanwhile."""


class OwnWrites(Generic[K]):
    """The last write of each object, as long as no change by others is known."""

    def __init__(self) -> None:
        self._last: dict[K, str] = {}
        self._under_way: dict[K, _UnderWay] = {}

    def last(self, key: K) -> str | None:
        """Return the version that this process wrote last; None where others have changed the object since."""
        return self._last.get(key)

    def is_news(self, key: K, version: str) -> bool:
        """Return whether a version that the watch brings is a change by others; False while that is not known."""
        if self._last.get(key) == version:
            return False
        if (write := self._under_way.get(key)) is not None:
            write.seen.append(version)
            return False
        self.forget(key)
        return True

    def forget(self, key: K) -> None:
        """Forget the last write of an object."""
        self._last.pop(key, None)

    def begin(self, key: K) -> None:
        """Note that a write begins."""
        self._under_way.setdefault(key, _UnderWay()).number += 1

    def answered(self, key: K, version: str) -> None:
        """Note the version that a write has made."""
        if (write := self._under_way.get(key)) is not None:
            write.answered.append(version)
        else:
            self._last[key] = version

    def end(self, key: K) -> bool:
        """Note that a write has ended, whatever its answer; return whether others have changed the object meanwhile."""
        write = self._under_way[key]
        write.number -= 1
        if write.number:
            return False
        del self._under_way[key]
        own = [version for version in write.seen if version in write.answered]
        if write.seen and write.seen[-1] not in own and (own or not write.answered):
            self.forget(key)  # what came last, and after the own write, is of others
        elif write.answered:
            self._last[key] = own[-1] if own else write.answered[-1]
        return len(own) < len(write.seen)
