"""What is secret in definitions: it is left out of what is kept, and filled in again from the live definition.

Parameters are left out by name and origin, texts of actions by their field and by what they say. A definition of which
something was left out can only be used while the live one is otherwise the same.
Source: docs/spec/drplan.md, "Secret values".
"""

import json
import re
from collections.abc import Callable
from typing import Any

from api.actions import HttpRequest
from planning.definitions.manifest import parse_manifest
from planning.definitions.yaml_scalars import ManifestError
from planning.values.placeholders import placeholders, texts
from planning.values.secret_names import is_secret_query
from planning.values.secret_parts import (
    MARKER,
    Hide,
    hidden,
    masked,
    secret_segments,
    without_placeholders,
)

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
        "idempotency-key",
        "if-match",
        "if-none-match",
        "traceparent",
        "x-correlation-id",
        "x-request-id",
    }
)
"""Headers whose values are no secrets, whatever they say."""
_USER = re.compile(r"[^/?#]*//([^/?#]*)@")
_QUERY = re.compile(r"[?&;#]([^=&;#?]{1,200})=([^&;#]*)")
_PATH = re.compile(r"[^/?#]*//[^/?#]*/([^?#]*)")


class Changed(ValueError):  # noqa: N818 - it reads as what is the case
    """Something was left out, and the live definition is another one by now, or gone."""


# Leaving out.


def leave_out_action(action: dict[str, Any], hide: Hide = lambda _: MARKER) -> dict[str, Any]:
    """Return an action's JSON with a marker in place of each text that is secret; its own rollback is treated alike.

    `hide` gets each of these texts.
    """
    return {name: _leave_out(name, value, hide) for name, value in action.items()}


def secrets_of(action: dict[str, Any]) -> list[str]:
    """Return the texts in an action's JSON that `leave_out_action` leaves out."""
    found: list[str] = []

    def collect(text: str) -> str:
        found.append(text)
        return MARKER

    leave_out_action(action, collect)
    return found


def secrets_of_request(request: HttpRequest) -> list[str]:
    """Return the secret texts in the URL and the headers of a request."""
    return secrets_of({"http": {**request.to_object(), "body": None}})


def _leave_out(name: str, value: Any, hide: Hide) -> Any:
    """Leave out what is secret in one field of an action."""
    if not isinstance(value, dict):
        return value
    match name:
        case "rollback":
            return leave_out_action(value, hide)
        case "http":
            rules: dict[str, Callable[[Any], Any]] = {
                "url": lambda url: _url(url, value.get("showPath") is True, hide),
                "headers": lambda headers: _headers(headers, hide),
                "body": lambda body: hidden(body, hide),
            }
        case "resource":
            rules = {"manifest": lambda manifest: _manifest(manifest, hide)}
        case _:
            return hidden(value, hide)
    return {field: rules[field](item) if field in rules and item else item for field, item in value.items()}


def _manifest(text: Any, hide: Hide) -> Any:
    """Leave the secret parts of a manifest out; one that cannot be read and may be a Secret, whole."""
    try:
        body = parse_manifest(str(text))
    except ManifestError:
        return hide(str(text)) if "Secret" in str(text) else hidden(text, hide)
    kept = hidden(body, hide)
    return text if kept == body else json.dumps(kept, ensure_ascii=False)


def _headers(headers: Any, hide: Hide) -> Any:
    if not isinstance(headers, dict):
        return masked(headers, hide)
    return {name: value if _is_harmless(name, str(value)) else hide(str(value)) for name, value in headers.items()}


def _is_harmless(name: str, value: str) -> bool:
    """Tell whether a header may be kept: for its name, or because its value is placeholders after a scheme."""
    if name.lower() in HARMLESS_HEADERS:
        return True
    words = without_placeholders(value).split()
    return bool(placeholders(value)) and (not words or (len(words) == 1 and words[0].lower() in _SCHEMES))


def _url(url: Any, show_path: bool, hide: Hide) -> Any:
    """Leave a URL out that holds a password, a secret in its query, or a path as that of a webhook."""
    if not isinstance(url, str):
        return masked(url, hide)
    user, path = _USER.match(url), _PATH.match(url)
    secret = [without_placeholders(value) for name, value in _QUERY.findall(url) if is_secret_query(name)]
    if user and without_placeholders(user[1]).strip(":"):
        secret += [user[1], user[1].partition(":")[2]]
    if path and not show_path and (segments := secret_segments(path[1])):
        secret += [path[1], *segments]
    for text in filter(None, secret):
        hide(text)
    return MARKER if any(secret) else url


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
    if live is None or not _same(kept, leave_out_action(live), live):
        raise Changed
    return live


def _same(kept: Any, left_out: Any, live: Any) -> bool:
    """Tell whether a definition was kept from the live one, whatever the release that kept it left out."""
    if isinstance(kept, dict) and isinstance(left_out, dict) and isinstance(live, dict):
        return kept.keys() == live.keys() and all(_same(kept[name], left_out[name], live[name]) for name in kept)
    return bool(kept in (left_out, live))
