"""The watch may bring the echo of a write before its answer: only what others have changed needs a pass."""

import pytest

from bridge.kubernetes.own_writes import OwnWrites


@pytest.fixture
def writes() -> OwnWrites[str]:
    return OwnWrites[str]()


def after_a_write(writes: OwnWrites[str], seen: list[str], answer: str = "8") -> bool:
    """Write once, while the watch brings some versions; return whether others have changed the object meanwhile."""
    writes.begin("a")
    news = [version for version in seen if writes.is_news("a", version)]
    assert news == [], "it may be this write"
    if answer:
        writes.answered("a", answer)
    return writes.end("a")


def test_an_echo_before_or_after_the_answer_is_no_news(writes: OwnWrites[str]) -> None:
    assert not after_a_write(writes, ["8"])
    assert writes.last("a") == "8"
    assert not after_a_write(writes, [], answer="9")
    assert not writes.is_news("a", "9")
    assert writes.last("a") == "9"


def test_a_change_by_others_during_a_write_is_news_and_the_write_is_not_the_last_one(writes: OwnWrites[str]) -> None:
    assert after_a_write(writes, ["8", "9"])
    assert writes.last("a") is None


def test_a_watch_that_is_behind_brings_news_although_the_write_is_newer(writes: OwnWrites[str]) -> None:
    assert after_a_write(writes, ["6"])
    assert writes.last("a") == "8"
    assert not writes.is_news("a", "8")


def test_the_echo_of_the_write_before_is_none_of_this_one(writes: OwnWrites[str]) -> None:
    assert not after_a_write(writes, [])
    assert not after_a_write(writes, ["8", "9"], answer="9")


def test_what_came_during_a_write_that_failed_is_news(writes: OwnWrites[str]) -> None:
    assert not after_a_write(writes, [], answer="7")
    assert after_a_write(writes, ["8"], answer="")
    assert writes.last("a") is None
    assert not after_a_write(writes, [], answer="")


def test_of_two_writes_at_once_both_echoes_are_known(writes: OwnWrites[str]) -> None:
    writes.begin("a")
    writes.begin("a")
    for version in ("8", "9"):
        assert not writes.is_news("a", version)
    writes.answered("a", "9")
    assert not writes.end("a")
    writes.answered("a", "8")
    assert not writes.end("a")
    assert writes.last("a") == "9"


def test_a_change_by_others_is_news_and_forgets_the_last_write(writes: OwnWrites[str]) -> None:
    assert not after_a_write(writes, ["8"])
    assert writes.is_news("a", "9")
    assert writes.last("a") is None
