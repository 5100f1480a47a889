"""Which parts of a text or of a JSON value are secret: by the name that a value has, or by the form of an address.

Names decide, for values do not show what they are: a field `password`, an environment variable `DB_TOKEN`, an option
`--api-key`, a query `sig=…`. References such as `$(params.token)`, `$TOKEN` or `secretName` are no secrets.
Every expression is linear: a name begins at a boundary and has a bounded length.
Source: docs/spec/drplan.md, "Secret values".
"""

import json
import re
from collections.abc import Callable
from typing import Any

from planning.values.placeholders import Placeholder, as_written, has_template, pieces

MARKER = "secret, not kept"
"""Stands in place of each text that was left out."""

Hide = Callable[[str], str]
"""Gets a secret text, and returns what is to be in its place."""

_SECRET_WORDS = re.compile(
    "password|passwd|passphrase|passcode|pwd|token|secret|credential|apikey|accesskey|privatekey|signingkey|encryptionkey"
    "|accountkey|sharedkey|masterkey|authkey|sshkey|licensekey|connectionstring|bearer|jwt|cookie|authorization"
    "|signature"
)
_HINTS = (
    *("password", "passwd", "pass", "pwd", "token", "secret", "credential", "key", "connection", "bearer", "jwt"),
    *("cookie", "auth", "signature", "pin", "sas", "sig", "hook", "-u", "--user", "://"),
)
"""A text without any of these, in lower case, has no secret part."""
_ABOUT_A_SECRET = re.compile(
    "(name|namespace|ref|file|path|type|ttl|class|provider|store|policy|enabled|required|seconds|minutes|hours|days"
    "|count|limit|length|size|version|algorithm|expiry|expiration|endpoint|host|issuer|format|(existing|pull|tls)secrets?)$"
    "|^max|^min"
)
_SECRET_WORDS_ALONE = frozenset({"pass", "auth", "pin", "sas", "sig"})
"""Names of fields, variables and options that are secret as a whole word only, such as the last one of SMTP_PASS."""
_SECRET_IN_A_QUERY = frozenset({"sig", "sign", "signature", "key", "code", "sas", "auth", "hmac", "otp"})
_NAMES, _VALUES = ("name", "key", "path", "field"), ("value", "default")
"""Fields of a pair: `{name: DB_PASSWORD, value: …}`, `{path: /data/password, value: …}`."""
_INSIDE = frozenset({"value", "data", "text", "plain", "plaintext", "literal", "raw", "content"})
"""Fields that hold the value of the field around them, as in `{token: {value: …}}`."""

_BARE = r"""[^\s"'&;,<>|\\]"""
_QUOTED = r""""[^"\n]*(?:"|\Z)|'[^'\n]*(?:'|\Z)"""
_VALUE = rf"""(?P<value>{MARKER}|{_QUOTED}|(?:{_BARE}++|,(?![\w.-]{{1,100}}[=:])(?={_BARE}))++)"""
_SCHEME = r"(?:(?:Bearer|Basic|Digest|Token|ApiKey|Negotiate)\s{1,3})?"
_NAME = r"(?<![\w.$-])(?P<name>[\w.-]{1,100})"
_ASSIGNED = re.compile(rf"""{_NAME}(?P<before>\\?["']?\s{{0,3}}[=:]\s{{0,3}}\\?{_SCHEME}){_VALUE}""", re.IGNORECASE)
_LINE = re.compile(r"^[ \t-]{0,100}(?P<name>[\w.-]{1,100}):[ \t]{1,9}(?P<value>[^\s|>&*\"'{\[][^\n]*)$", re.MULTILINE)
_OPTION = re.compile(rf"(?<![\w.$-])--?(?P<name>[a-z][\w.-]{{0,99}})\s{{1,3}}(?!-){_VALUE}", re.IGNORECASE)
_USER = re.compile(rf"(?<![\w.$-])(?:-u|--user|--proxy-user)[\s=]{{1,3}}[^\s:]{{1,100}}:{_VALUE}")
_COOKIE = re.compile(r"\bcookie[\"']?\s{0,3}:\s{0,3}(?P<value>[^\n\"']+)", re.IGNORECASE)
_ELEMENT = re.compile(r"<(?P<name>[\w.:-]{1,100})>(?P<value>[^<>]+)</")
_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]{1,20}://[^\s\"'<>\\^`|]{1,8000}", re.IGNORECASE)
_PASSWORD = re.compile(r"://[^/?#@:]{0,200}:(?P<value>[^/?#@]{1,500})@")
_QUERY = re.compile(r"[?&;](?P<name>[^=&;#?]{1,200})=(?P<value>[^&;#]+)")
_WEBHOOK = re.compile(r"://hooks?\.|webhook|/hooks?/|/bot[0-9]+:", re.IGNORECASE)
_PLAIN_SEGMENT = re.compile(r"[a-z]{1,12}|v[0-9]{1,2}|.{1,5}")
_REFERENCE = re.compile(r"\$[({].*|\$[A-Z_][A-Z0-9_]*|\{\{.*|%\w+%", re.DOTALL)
_NOTHING = frozenset({"", "true", "false", "null", "none", "nil", "yes", "no", MARKER})
_SECRET_KEPT, _METADATA_KEPT = ("apiVersion", "kind", "type", "immutable"), ("name", "namespace", "labels")


def is_secret_name(name: str) -> bool:
    """Tell whether a name says that its value is secret: `dbPassword`, `api-key`, and not `secretName`."""
    letters = re.sub("[-_.]", "", name.lower())
    return _SECRET_WORDS.search(letters) is not None and _ABOUT_A_SECRET.search(letters) is None


def is_secret_field(name: str) -> bool:
    """Tell the same of a field, an environment variable or an option, where some short words say it as well."""
    last = re.split(r"[-_./:]", name.strip("-").lower())[-1]
    letters = re.sub(r"[-_.]", "", name.lower())
    return is_secret_name(name) or last in _SECRET_WORDS_ALONE or letters.endswith(("webhook", "webhookurl"))


def is_secret_query(name: str) -> bool:
    """Tell the same of a name in the query of a URL, where `key`, `code` and `sig` are credentials."""
    last = re.split(r"[-_.]", name.lower())[-1]
    return is_secret_field(name) or last in _SECRET_IN_A_QUERY


def secrets_in(value: Any) -> list[str]:
    """Return the secret texts in a JSON value, each in the form that it has there."""
    found: list[str] = []

    def collect(text: str) -> str:
        found.append(text)
        return MARKER

    hidden(value, collect)
    return found


def hidden(value: Any, hide: Hide) -> Any:
    """Return a JSON value with every secret part of it hidden; the same value where there is none."""
    if isinstance(value, str):
        return _hidden_text(value, hide)
    if isinstance(value, list):
        return [_after_option(before, item, hide) for before, item in zip([None, *value], value, strict=False)]
    if not isinstance(value, dict):
        return value
    if _is_secret_object(value):
        return {name: _hidden_field(name, item, hide) for name, item in value.items()}
    feed = value.get("feed")
    overrides = ("overrides",) if isinstance(feed, dict) and feed.get("kind") == "Secret" else ()
    named = next((value[field] for field in _NAMES if isinstance(value.get(field), str)), "")
    paired = _VALUES if is_secret_field(named) else ()
    return {
        name: masked(item, hide)
        if name in overrides
        else hidden_whole(item, hide)
        if name in paired or is_secret_field(name)
        else hidden(item, hide)
        for name, item in value.items()
    }


def masked(value: Any, hide: Hide) -> Any:
    """Return a JSON value with every value in it hidden; names stay."""
    if isinstance(value, dict):
        return {name: masked(item, hide) for name, item in value.items()}
    if isinstance(value, list):
        return [masked(item, hide) for item in value]
    return value if value is None else hide(str(value))


def _is_secret_object(value: dict[str, Any]) -> bool:
    """Tell whether an object is a Secret, or may become one when its placeholders are filled in."""
    kind = value.get("kind")
    named = kind == "Secret" or (isinstance(kind, str) and has_template(kind))
    return named and any(name in value for name in ("metadata", "data", "stringData"))


def _hidden_field(name: str, value: Any, hide: Hide) -> Any:
    """Return a field of a Secret without what it holds."""
    if name in _SECRET_KEPT:
        return value
    if name == "patch" and isinstance(value, list):
        return [_hidden_operation(item, hide) for item in value]
    if name == "metadata" and isinstance(value, dict):
        return {key: item if key in _METADATA_KEPT else masked(item, hide) for key, item in value.items()}
    return masked(value, hide)


def _hidden_operation(value: Any, hide: Hide) -> Any:
    """Return an operation of a JSON patch of a Secret without what it writes."""
    if not isinstance(value, dict):
        return masked(value, hide)
    return {name: item if name in ("op", "path", "from") else masked(item, hide) for name, item in value.items()}


def hidden_whole(value: Any, hide: Hide) -> Any:
    """Return the value of a secret field, hidden. References, booleans and the names in an object stay."""
    if isinstance(value, list):
        return [hidden_whole(item, hide) if not isinstance(item, dict) else hidden(item, hide) for item in value]
    if isinstance(value, dict):
        return {
            name: hidden_whole(item, hide) if name.lower() in _INSIDE else hidden({name: item}, hide)[name]
            for name, item in value.items()
        }
    if value is None or isinstance(value, bool):
        return value
    text = str(value)
    return value if _is_reference(text) else hide(text)


def _after_option(before: Any, item: Any, hide: Hide) -> Any:
    """Return an item of a list, which is secret where the one before it is an option such as `--password`."""
    if isinstance(before, str) and isinstance(item, str) and not item.startswith("-"):
        if before.startswith("-") and is_secret_field(before):
            return hidden_whole(item, hide)
        if before in ("-u", "--user", "--proxy-user") and ":" in item:
            user, _, password = item.partition(":")
            return f"{user}:{hidden_whole(password, hide)}"
    return hidden(item, hide)


def _hidden_text(text: str, hide: Hide) -> str:
    """Hide what a text contains: an address with a password, a command, a file of settings, a document of JSON."""
    if text.lstrip()[:1] in ("{", "["):
        try:
            document = json.loads(text)
            clean = hidden(document, hide)
        except (ValueError, RecursionError):
            pass
        else:
            return text if clean == document else json.dumps(clean, ensure_ascii=False)
    lower = text.lower()
    if not any(hint in lower for hint in _HINTS):
        return text
    text = _ADDRESS.sub(lambda match: _hidden_address(match[0], hide), text)
    known: dict[str, bool] = {}

    def is_secret(name: str) -> bool:
        if name not in known:
            known[name] = is_secret_field(name)
        return known[name]

    for pattern in (_USER, _COOKIE):
        text = pattern.sub(lambda match: _hidden_match(match, hide), text)
    for pattern in (_LINE, _OPTION, _ASSIGNED, _ELEMENT):
        text = pattern.sub(lambda match: _hidden_match(match, hide) if is_secret(match["name"]) else match[0], text)
    return text


def _hidden_address(address: str, hide: Hide) -> str:
    """Hide the password of an address, the credentials in its query, and the path of a webhook."""
    address = _PASSWORD.sub(lambda match: _hidden_match(match, hide), address)
    address = _QUERY.sub(
        lambda match: _hidden_match(match, hide) if is_secret_query(match["name"]) else match[0], address
    )
    if _WEBHOOK.search(address):
        path = re.split(r"[?#]", address)[0].partition("://")[2].partition("/")[2]
        for segment in secret_segments(path):
            address = address.replace(segment, hide(segment))
    return address


def _hidden_match(match: re.Match[str], hide: Hide) -> str:
    """Return the text of a match with its value hidden, unless that is a reference."""
    whole, value = match[0], match["value"]
    begin, end = (place - match.start() for place in match.span("value"))
    if (quote := value[0]) in "\"'":
        closed = len(value) > 1 and value[-1] == quote
        begin, end = begin + 1, end - closed
        value = whole[begin:end]
    elif not any(bracket in value for bracket in "([{"):
        value = value.rstrip(")]}")
        end = begin + len(value)
    if _is_reference(value):
        return whole
    return f"{whole[:begin]}{hide(value)}{whole[end:]}"


def _is_reference(text: str) -> bool:
    """Tell whether a text only names where the value comes from, or says that there is none."""
    rest = without_placeholders(text)
    return rest.lower() in _NOTHING or _REFERENCE.fullmatch(rest) is not None


def without_placeholders(text: str) -> str:
    """Return what a text says by itself."""
    literal = (" " if isinstance(piece, Placeholder) else as_written(piece) for piece in pieces(text))
    return "".join(literal).strip()


def secret_segments(path: str) -> list[str]:
    """Return the segments of a path that may be secret, as those of a webhook are: all but short and plain words."""
    literal = (without_placeholders(segment) for segment in path.split("/"))
    return [segment for segment in literal if segment and not _PLAIN_SEGMENT.fullmatch(segment)]
