"""What is secret in definitions: it is left out of what is kept, and filled in again from the live definition.

Parameters are left out by name and origin, texts of actions by their field. A definition of which something was
left out can only be used while the live one is otherwise the same.
Source: docs/spec/drplan.md, "Secret values".
"""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from planning.definitions.manifest import ManifestError, parse_manifest
from planning.values.placeholders import has_template, placeholders, texts
from planning.values.redaction import HIDDEN as HIDDEN

MARKER = "secret, not kept"
"""Stands in place of each text that was left out."""

_SECRET_WORDS = re.compile(
    "password|passwd|passphrase|pwd|token|secret|credential|apikey|accesskey|privatekey|signingkey|encryptionkey"
)
_ABOUT_A_SECRET = re.compile("(name|namespace|ref|file|path|type|ttl)$")
_SCHEMES = frozenset({"basic", "bearer", "token", "apikey", "api-key", "key", "geniekey", "splunk"})
HARMLESS_HEADERS = frozenset(
    {
        "accept",
        "accept-charset",
        "accept-encoding",
        "accept-language",
        "cache-control",
        "content-encoding",
        "content-language",
        "content-type",
        "if-match",
        "if-none-match",
        "traceparent",
        "user-agent",
        "x-correlation-id",
        "x-request-id",
    }
)
"""Headers whose values are no secrets, whatever they say."""
_USER = re.compile(r"[^/?#]*//([^/?#]*)@")
_QUERY = re.compile(r"[?&]([^=&#]+)=([^&#]*)")
_SECRET_KEPT = ("apiVersion", "kind", "type", "immutable")
_METADATA_KEPT = ("name", "namespace", "labels")


class Changed(ValueError):  # noqa: N818 - it reads as what is the case
    """Something was left out, and the live definition is another one by now, or gone."""


def is_secret_name(name: str) -> bool:
    """Tell whether a parameter's name says that its value is secret: `dbPassword`, `api-key`, and not `secretName`."""
    letters = re.sub("[-_.]", "", name.lower())
    return _SECRET_WORDS.search(letters) is not None and _ABOUT_A_SECRET.search(letters) is None


# Leaving out.


def leave_out_action(action: dict[str, Any]) -> dict[str, Any]:
    """Return an action's JSON with a marker in place of each text that is secret; its own rollback is treated alike."""
    return {name: _leave_out(name, value) for name, value in action.items()}


def _leave_out(name: str, value: Any) -> Any:
    """Leave out what is secret in one field of an action."""
    if not isinstance(value, dict):
        return value
    match name:
        case "rollback":
            return leave_out_action(value)
        case "http":
            return _changed(value, {"url": _url, "headers": _headers})
        case "resource":
            return _changed(value, {"manifest": _manifest})
        case _:
            return _body(value)


def _changed(block: dict[str, Any], by: Mapping[str, Callable[[Any], Any]]) -> dict[str, Any]:
    return {name: by[name](value) if name in by and value else value for name, value in block.items()}


def _manifest(text: Any) -> Any:
    """Leave the data of a Secret out of a manifest; one that cannot be read and may be a Secret, whole."""
    try:
        body = parse_manifest(str(text))
    except ManifestError:
        return MARKER if "Secret" in str(text) else text
    kept = _body(body)
    return text if kept == body else json.dumps(kept, ensure_ascii=False)


def _body(value: Any) -> Any:
    """Leave the data of every Secret out of a JSON value, and what a Clusternet override puts into one."""
    if isinstance(value, list):
        return [_body(item) for item in value]
    if not isinstance(value, dict):
        return value
    if _is_secret(value):
        return {name: _secret_field(name, item) for name, item in value.items()}
    feed = value.get("feed")
    overrides = ("overrides",) if isinstance(feed, dict) and feed.get("kind") == "Secret" else ()
    return {name: _masked(item) if name in overrides else _body(item) for name, item in value.items()}


def _is_secret(value: dict[str, Any]) -> bool:
    """Tell whether an object is a Secret, or may become one when its placeholders are filled in."""
    kind = value.get("kind")
    named = kind == "Secret" or (isinstance(kind, str) and has_template(kind))
    return named and any(name in value for name in ("metadata", "data", "stringData"))


def _secret_field(name: str, value: Any) -> Any:
    if name in _SECRET_KEPT:
        return value
    if name == "metadata" and isinstance(value, dict):
        return {key: item if key in _METADATA_KEPT else _masked(item) for key, item in value.items()}
    return _masked(value)


def _masked(value: Any) -> Any:
    """Leave every value out; names stay."""
    if isinstance(value, dict):
        return {name: _masked(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_masked(item) for item in value]
    return value if value is None else MARKER


def _headers(headers: Any) -> Any:
    if not isinstance(headers, dict):
        return _masked(headers)
    return {name: value if _is_harmless(name, str(value)) else MARKER for name, value in headers.items()}


def _is_harmless(name: str, value: str) -> bool:
    """Tell whether a header may be kept: for its name, or because its value is placeholders after a scheme."""
    if name.lower() in HARMLESS_HEADERS:
        return True
    words = _literal(value).split()
    return bool(placeholders(value)) and (not words or (len(words) == 1 and words[0].lower() in _SCHEMES))


def _url(url: Any) -> Any:
    """Leave a URL out that holds a password, or a secret in its query."""
    if not isinstance(url, str):
        return _masked(url)
    user = _USER.match(url)
    query = (_literal(value) for name, value in _QUERY.findall(url) if is_secret_name(name))
    return MARKER if (user and _literal(user[1]).strip(":")) or any(query) else url


def _literal(text: str) -> str:
    """Take the placeholders out of a text."""
    for each in placeholders(text):
        text = text.replace(each.text, " ", 1)
    return text.strip()


# Filling in.


def is_complete(kept: Any) -> bool:
    """Tell whether nothing was left out of a definition."""
    return not any(MARKER in text for _, text in texts(kept, ""))


def fill(kept: dict[str, Any], live: dict[str, Any] | None) -> dict[str, Any]:
    """Return an action as it was, secrets included: from the live definition, where something was left out.

    `live` is None where the definition is gone. Raises Changed.
    """
    if is_complete(kept):
        return kept
    if live is None or leave_out_action(live) != kept:
        raise Changed
    return live
