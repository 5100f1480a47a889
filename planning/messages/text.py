"""Bounds of messages, and how names, numbers and lists are written in all of them."""

import json
import traceback
from collections.abc import Iterator, Sequence

from api.objects import Target

MESSAGE_BOUND = 1024
"""Bytes of UTF-8 in one message. Source: docs/architecture.md, "Temporal", the bound for the tree."""

CUT = " … (cut) … "
_LONGEST = 100
"""Characters of what people wrote that a sentence repeats."""


def bounded(text: str, bound: int = MESSAGE_BOUND) -> str:
    """Give `text` within `bound` bytes of UTF-8: its beginning and its end, for causes stand last."""
    raw = text.encode()
    if len(raw) <= bound:
        return text
    room = max(bound - len(CUT.encode()), 0)
    tail = room // 3
    begin = raw[: room - tail].decode(errors="ignore")
    end = raw[len(raw) - tail :].decode(errors="ignore")
    return f"{begin}{CUT}{end}"


def counted(number: int, noun: str) -> str:
    """Give a number with its noun: `1 stage`, `2 stages`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def called(target: Target) -> str:
    """Give an object as messages call it: `ConfigMap app-config`."""
    return f"{target.kind} {target.name}"


def placed(target: Target) -> str:
    """Give an object with its namespace: `ConfigMap default/app-config`, `Namespace shop`."""
    name = f"{target.namespace}/{target.name}" if target.namespace else target.name
    return f"{target.kind} {name}"


def and_more(number: int) -> str:
    """End a list that was cut."""
    return f"and {number} more"


def listed(items: Sequence[str], bound: int, separator: str = "; ") -> str:
    """Join `items` within `bound` bytes; the ones that do not fit are counted."""
    text = separator.join(items)
    if len(text.encode()) <= bound:
        return text
    kept: list[str] = []
    room = bound - len(f"{separator}{and_more(len(items))}".encode())
    for item in items:
        room -= len(f"{item}{separator}".encode())
        if room < 0:
            break
        kept.append(item)
    first = kept or [bounded(items[0], bound // 2)]
    return separator.join([*first, and_more(len(items) - len(first))])


def because(detail: str) -> str:
    """Return what follows a statement to say why; empty where that is not known."""
    return f": {detail}" if detail else ""


def excerpt(text: str) -> str:
    """Return what people wrote within one line, with control characters in an escaped form."""
    text = text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
    return text if text.isprintable() else json.dumps(text)[1:-1]


def where_raised(error: BaseException) -> str:
    """Return the types of an exception and its causes, and where they were raised, for a log.

    Their texts are left out: they may quote what people wrote, secrets included.
    """
    return "; caused by ".join(_raised(error))


def _raised(error: BaseException | None) -> Iterator[str]:
    while error is not None:
        frames = traceback.extract_tb(error.__traceback__)
        places = " > ".join(f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames)
        yield f"{type(error).__qualname__} at {places}"
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
