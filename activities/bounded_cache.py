"""What a worker remembers, up to a size: what was used last stays."""

from collections import OrderedDict
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class BoundedCache(Generic[K, V]):
    """Values with their sizes; of more than `bound` together, those go first that were used longest ago."""

    def __init__(self, bound: int) -> None:
        self._bound = bound
        self._kept: OrderedDict[K, tuple[V, int]] = OrderedDict()
        self._size = 0

    def __len__(self) -> int:
        return len(self._kept)

    def add(self, key: K, value: V, size: int) -> None:
        """Keep a value in place of an earlier one; one that is larger than the bound is not kept."""
        self.pop(key)
        self._kept[key] = (value, size)
        self._size += size
        while self._size > self._bound:
            self._size -= self._kept.popitem(last=False)[1][1]

    def get(self, key: K) -> V | None:
        """Return a value, which is then the one that was used last."""
        if key not in self._kept:
            return None
        self._kept.move_to_end(key)
        return self._kept[key][0]

    def pop(self, key: K) -> tuple[V, int] | None:
        """Return a value with its size, and keep it no longer."""
        found = self._kept.pop(key, None)
        if found is not None:
            self._size -= found[1]
        return found
