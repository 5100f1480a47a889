"""What a worker remembers, up to a size."""

from activities.bounded_cache import BoundedCache


def test_what_was_used_longest_ago_goes_first() -> None:
    cache: BoundedCache[str, int] = BoundedCache(30)
    for number, key in enumerate("abc"):
        cache.add(key, number, 10)
    assert cache.get("a") == 0
    cache.add("d", 3, 10)
    assert [cache.get(key) for key in "abcd"] == [0, None, 2, 3]


def test_what_is_larger_than_the_bound_is_not_kept() -> None:
    cache: BoundedCache[str, int] = BoundedCache(30)
    cache.add("a", 0, 31)
    assert len(cache) == 0
    cache.add("b", 1, 30)
    assert cache.get("b") == 1


def test_room_is_counted_after_values_were_replaced_and_taken() -> None:
    cache: BoundedCache[str, int] = BoundedCache(30)
    for size in (10, 25, 10):
        cache.add("a", size, size)
    cache.add("b", 1, 20)
    assert cache.pop("a") == (10, 10)
    assert cache.pop("a") is None
    cache.add("c", 2, 10)
    assert (cache.get("b"), cache.get("c")) == (1, 2)


def test_one_more_costs_the_same_however_many_there_are() -> None:
    looked_at = 0

    class Size(int):
        def __radd__(self, other: int) -> int:
            nonlocal looked_at
            looked_at += 1
            return int(other) + int(self)

    cache: BoundedCache[int, None] = BoundedCache(1_000_000)
    for key in range(1000):
        cache.add(key, None, Size(1))
    assert looked_at <= 1000
