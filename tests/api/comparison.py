"""What of a value is still there in another that was stored or read; nothing but additions may differ."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

MISSING = object()


def lost(sent: Any, kept: Any, path: str = "") -> Iterator[str]:
    """Name every part of `sent` that `kept` lacks or changed. A null counts as nothing sent."""
    match sent, kept:
        case dict(), dict():
            for name, value in sent.items():
                if value is not None:
                    yield from lost(value, kept.get(name, MISSING), f"{path}.{name}")
        case list(), list() if len(sent) == len(kept):
            for index, (value, other) in enumerate(zip(sent, kept, strict=True)):
                yield from lost(value, other, f"{path}[{index}]")
        case _ if type(sent) is type(kept) and sent == kept:
            return
        case _:
            yield f"{path}: {sent!r} became {'nothing' if kept is MISSING else repr(kept)}"


def in_whole_seconds(value: Any) -> Any:
    """Give the value with every time in it as we write times: in UTC, without fractions."""
    match value:
        case dict():
            return {name: in_whole_seconds(inner) for name, inner in value.items()}
        case list():
            return [in_whole_seconds(inner) for inner in value]
        case str() if _is_time(value):
            time = datetime.fromisoformat(value).astimezone(UTC)
            return time.replace(microsecond=0, tzinfo=None).isoformat() + "Z"
    return value


def _is_time(text: str) -> bool:
    try:
        return datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False
