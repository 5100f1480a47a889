"""Redact secrets in texts that people read: what was sent must not be shown when an answer repeats it.

A service may show what it was sent as it is, in part, or written for JSON, HTML or a URL; each of these
forms is looked for. Source: docs/spec/drworkflow.md, "HTTP".
"""

import base64
import html
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from urllib.parse import quote, quote_plus

from planning.values.secret_parts import hidden

HIDDEN = "•••"
BODY_BOUND = 1000
"""Characters of a body that are kept. Source: docs/spec/drworkflow.md, "HTTP"."""
EXCERPT_BOUND = 200
"""Characters of a body in a message."""
_SHORTEST = 4
"""Characters; shorter texts occur everywhere and are not redacted."""
_SHORTEST_PART = 6
"""The same for a part of a value, such as a cookie's."""
_LONGEST = 10_000
"""Characters; of a longer text, such as a whole manifest, the parts are not redacted."""
_SCHEMES = frozenset({"basic", "bearer", "digest", "negotiate", "token", "apikey"})


def secret_forms(values: Iterable[str]) -> tuple[str, ...]:
    """Return every text in which one of these values may come back, the longest first."""
    found = {form for value in values for part in _parts(value.strip()) for form in _forms(part)}
    return tuple(sorted((form for form in found if len(form) >= _SHORTEST), key=lambda form: (-len(form), form)))


def _parts(value: str) -> Iterator[str]:
    """Return a value, its words, and what follows a `=`; of Basic credentials also what they encode."""
    yield value
    if len(value) > _LONGEST:
        return
    for word in re.split(r"[\s;,]+", value):
        for part in (word, word.partition("=")[2]):
            bare = part.strip("\"'")
            if len(bare) >= _SHORTEST_PART and bare.lower() not in _SCHEMES:
                yield bare
    # Credentials of the scheme Basic, and the data of a Secret.
    yield from _decoded(value[6:].strip() if value.lower().startswith("basic ") else value)


def _decoded(text: str) -> Iterator[str]:
    try:
        pair = base64.b64decode(text, validate=True).decode()
    except ValueError:
        return
    if pair.isprintable():
        yield pair
        yield pair.partition(":")[2]


def _forms(text: str) -> Iterator[str]:
    yield text
    yield json.dumps(text)[1:-1]
    yield json.dumps(text, ensure_ascii=False)[1:-1]
    yield html.escape(text)
    yield quote(text, safe="")
    yield quote_plus(text)
    if len(text) >= _SHORTEST_PART:
        yield base64.b64encode(text.encode(errors="replace")).decode()


def redacted(text: str, secrets: Sequence[str]) -> str:
    """Return a text without any of these; `secrets` as `secret_forms` gives them."""
    for secret in secrets:
        text = text.replace(secret, HIDDEN)
    return text


def kept_body(text: str, secrets: Sequence[str], *, whole: bool) -> str:
    """Return what is kept of a body, without secrets that were sent and without values that have a secret name.

    Where the body was not read to its end, a secret that had begun there is cut off.
    """
    clean = hidden(redacted(text, secrets), lambda _: HIDDEN)
    if not whole:
        clean = _without_begun(clean, secrets)
    printable = "".join(sign if sign.isprintable() or sign in "\n\t" else " " for sign in clean)
    return printable[:BODY_BOUND]


def _without_begun(text: str, secrets: Sequence[str]) -> str:
    """Return the part of a text that is kept without the beginning of a secret at its end."""
    end = len(text)
    for secret in secrets:
        start = text.find(secret[0], max(0, len(text) - len(secret) + 1), min(end, BODY_BOUND))
        while start >= 0 and not secret.startswith(text[start:]):
            start = text.find(secret[0], start + 1, min(end, BODY_BOUND))
        end = start if start >= 0 else end
    return text[: min(end, BODY_BOUND)]


def excerpt(body: str) -> str:
    """Return the beginning of a kept body on one line, for a message."""
    line = " ".join(body.split())
    return line if len(line) <= EXCERPT_BOUND else f"{line[:EXCERPT_BOUND].rstrip()} …"
