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
from urllib.parse import unquote

from planning.values.placeholders import Placeholder, as_written, has_template, pieces
from planning.values.secret_names import (
    holds_secrets,
    is_about_a_secret,
    is_secret_field,
    is_secret_query,
    normalized,
    refers_to_a_secret,
)

MARKER = "secret, not kept"
"""Stands in place of each text that was left out."""

Hide = Callable[[str], str]
"""Gets a secret text, and returns what is to be in its place."""

_HINTS = (
    *("pass", "pwd", "pw", "token", "secret", "cred", "key", "conn", "bearer", "jwt", "cookie", "auth", "signature"),
    *("pin", "sas", "sig", "hook", "-u", "--user", "://", "otp", "hmac", "pat", "dsn", "mnemonic", "seed"),
    *("identified", "mysql", "mariadb", "redis-cli", "mongo", "ldap"),
)
"""A plain text without any of these, in lower case, has no secret part."""
_NAMES, _VALUES = ("name", "key", "path", "field", "k"), ("value", "default", "v")
"""Fields of a pair, in any case: `{name: DB_PASSWORD, value: …}`, `{path: /data/password, value: …}`."""

_INSIDE = frozenset({"value", "data", "text", "plain", "plaintext", "literal", "raw", "content"})
"""Fields that hold the value of the field around them, as in `{auth: {value: …}}`."""

_BARE = r"""[^\s"'&;,<>|\\]"""
_QUOTED = (
    r'"""(?s:.*?)(?:"""|\Z)|' + r"'''(?s:.*?)(?:'''|\Z)|"
    r"""(?<=\\)"[^"\n]*+(?:"|\Z)|"(?:[^"\\\n]++|\\[^\n]){0,10000}+(?:"|\Z|(?=\\?\n))|'[^'\n]*(?:'|\Z)"""
)
_VALUE = rf"""(?P<value>{MARKER}|{_QUOTED}|(?:{_BARE}++|,(?![\w.-]{{1,100}}[=:])(?={_BARE}))++)"""
_SCHEME = r"(?:(?:Bearer|Basic|Digest|Token|ApiKey|Negotiate)\s{1,3})?"
_NAME = r"(?<![\w.$-])(?P<name>[\w.-]{1,100}+)"
_EQUALS = r"""\\{0,7}["']?\s{0,30}+(?:=>|:=|[=:])(?:\s{0,30}(?=\\{0,7}["'])|[ \t]{0,30})\\{0,7}"""
_ASSIGNED = re.compile(rf"{_NAME}(?P<before>{_EQUALS}{_SCHEME}){_VALUE}", re.IGNORECASE)
_VARIABLE = re.compile(rf"(?<![\w.-])\$(?P<name>\w{{1,100}}+)\s{{0,30}}+:?=\s{{0,30}}{_VALUE}", re.IGNORECASE)
_FORM = re.compile(rf"(?<![^\s&?;\"'])(?P<name>[\w.%+-]{{1,200}}+)=(?P<value>{MARKER}|[^\s&;\"'#]+)")
_LINE = re.compile(r"^[ \t-]{0,100}(?P<name>[\w.-]{1,100}):[ \t]{1,9}(?P<value>[^\s|>&*\"'{\[][^\n]*)$", re.MULTILINE)
_BLOCK = re.compile(
    r"^(?P<indent>[ \t]{0,100}+(?:- {1,9})*+)[\"']?(?P<name>[\w.-]{1,100}+)[\"']?:[ \t]*+"
    r"(?P<scalar>[|>][-+0-9]{0,2})?[ \t]*+(?:#.*)?\n",
    re.MULTILINE,
)
"""The first line of a YAML block scalar, or of a map or list in lines."""
_NESTED = re.compile(
    r"[ \t]*+(?:- {1,9})*+(?:[\"']?(?P<name>[\w./-]{1,100}+)[\"']?:[ \t]{1,9})?(?P<value>[^\s#{\[][^\n]*)"
)
_OPTION = re.compile(rf"(?<![\w.$-])--?(?P<name>[a-z][\w.-]{{0,99}})\s{{1,3}}(?!-){_VALUE}", re.IGNORECASE)
_ONLY_OPTION = re.compile(r"--?[\w.-]{1,200}")
_USER = re.compile(rf"(?<![\w.$-])(?:-u|--user|--proxy-user)[\s=]{{1,3}}[^\s:]{{1,100}}:{_VALUE}")
_COOKIE = re.compile(r"\bcookie[\"']?\s{0,3}:\s{0,3}(?P<value>[^\n\"']+)", re.IGNORECASE)
_ELEMENT = re.compile(r"<(?P<name>[\w.:-]{1,100})(?:\s[^<>]{0,200}+)?>(?P<value>[^<>]+)</")
_CDATA = re.compile(
    r"<(?P<name>[\w.:-]{1,100})(?:\s[^<>]{0,200}+)?>\s{0,30}<!\[CDATA\[(?P<value>[^\]](?s:.*?))(?:\]\]>|\Z)"
)
_PRIVATE_KEY = re.compile(r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----(?P<value>(?s:.+?))(?:-----END|\Z)")
_LOGIN = re.compile(rf"\b(?:machine|login|account)\s{{1,9}}\S{{1,200}}+\s{{1,30}}password\s{{1,9}}{_VALUE}")
_SQL = re.compile(
    r"\b(?:identified(?:\s{1,9}with\s{1,9}\S{1,100}+)?\s{1,9}(?:by|as)|password)(?:\s{1,9}|\s{0,9}\(\s{0,9})(?P<value>'[^'\n]+'|\"[^\"\n]+\")",
    re.IGNORECASE,
)
_COMMAND = re.compile(
    r"(?<![\w.-])(?P<program>mysql|mariadb|sshpass|redis-cli|mongo|ldap)"
    r"(?:[^\n;|&\"']++|\"[^\"\n]*+\"|'[^'\n]*+'|[\"']){0,1000}+"
)
"""A program with its arguments, up to the end of the command."""
_PASSWORD_OPTIONS = {
    "mysql": ("-p", False),
    "mariadb": ("-p", False),
    "sshpass": ("-p", True),
    "redis-cli": ("-a", True),
    "mongo": ("-p", True),
    "ldap": ("-w", True),
}
"""By the beginning of a program's name: the option for its password, and whether that may be the next word."""
_IN_COMMAND = {
    program: re.compile(rf"(?<!\S){option}\s{{0,{3 if apart else 0}}}(?!-){_VALUE}")
    for program, (option, apart) in _PASSWORD_OPTIONS.items()
}
_ADDRESS = re.compile(
    r"[a-z][a-z0-9+.-]{1,20}://[^\s\"'<>\\^`|]{1,8000}(?:(?<=secret,) not kept)?",
    re.IGNORECASE,
)
"""An address, with the whole of the marker where that is at its end."""
_PASSWORD = re.compile(r"://[^/?#@:]{0,200}:(?P<value>[^/?#]{1,500})@")
_ONLY_USER = re.compile(r"(?:https?|nats|redis|rediss)://(?P<value>[^/?#@:]{1,500})@", re.IGNORECASE)
_QUERY = re.compile(r"[?&;#](?P<name>[^=&;#?]{1,200})=(?P<value>[^&;#]+)")
_WEBHOOK = re.compile(r"://hooks?\.|webhook|/hooks?/|/bot[0-9]+:", re.IGNORECASE)
_PLAIN_SEGMENT = re.compile(r"[a-z]{1,12}|v[0-9]{1,2}|.{1,5}")
_REFERENCE = re.compile(r"\$[({].*|\$[A-Z_][A-Z0-9_]*|\{\{.*|%\w+%", re.DOTALL)
_NOTHING = frozenset({"", "true", "false", "null", "none", "nil", "yes", "no", MARKER})
_SECRET_KEPT, _METADATA_KEPT = ("apiVersion", "kind", "type", "immutable"), ("name", "namespace", "labels")


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
        return _hidden_list(value, hide)
    if not isinstance(value, dict):
        return value
    if _is_secret_object(value):
        return {name: _hidden_field(name, item, hide) for name, item in value.items()}
    feed = value.get("feed")
    overrides = ("overrides",) if isinstance(feed, dict) and feed.get("kind") == "Secret" else ()
    names = [item for field, item in value.items() if field.lower() in _NAMES and isinstance(item, str)]
    paired = _VALUES if any(map(is_secret_field, names)) else ()
    all_of_it = any(map(holds_secrets, names))
    program = _program_of(value.get("command"))
    clean: dict[str, Any] = {}
    for name, item in value.items():
        if name in overrides:
            clean[name] = masked(item, hide)
        elif name.lower() in paired:
            clean[name] = hidden_whole(item, hide, leaves=all_of_it)
        elif is_secret_field(name):
            clean[name] = hidden_whole(item, hide, leaves=holds_secrets(name))
        elif name == "args" and isinstance(item, list):
            clean[name] = _hidden_list(item, hide, program)
        else:
            clean[name] = hidden(item, hide)
    return clean


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


def hidden_whole(value: Any, hide: Hide, *, leaves: bool = False) -> Any:
    """Return the value of a secret field, hidden. References, booleans and the names in an object stay.

    With `leaves` everything in an object is hidden, unless that says where the secret is, or is a schema.
    """
    if isinstance(value, list):
        return [
            hidden_whole(item, hide, leaves=leaves) if leaves or not isinstance(item, dict) else hidden(item, hide)
            for item in value
        ]
    if isinstance(value, dict):
        if leaves and not refers_to_a_secret(value):
            return {
                name: hidden({name: item}, hide)[name]
                if is_about_a_secret(name)
                else hidden_whole(item, hide, leaves=True)
                for name, item in value.items()
            }
        return {
            name: hidden_whole(item, hide) if name.lower() in _INSIDE else hidden({name: item}, hide)[name]
            for name, item in value.items()
        }
    if value is None or isinstance(value, bool):
        return value
    text = str(value)
    return value if _is_reference(text) else hide(text)


def _program_of(command: Any) -> str:
    """Return the beginning of the name of a command's program, where that has an option for a password."""
    words = command if isinstance(command, list) else [command]
    names = (word.rpartition("/")[2] for word in words if isinstance(word, str))
    return next((program for name in names for program in _PASSWORD_OPTIONS if name.startswith(program)), "")


def _hidden_list(value: list[Any], hide: Hide, program: str = "") -> list[Any]:
    """Return a list, which may be a command, without what follows an option such as `--password` or `mysql -p`."""
    clean: list[Any] = []
    before: Any = None
    for item in value:
        option, apart = _PASSWORD_OPTIONS.get(program, ("", False))
        if not isinstance(item, str):
            clean.append(hidden(item, hide))
        elif option and item.startswith(option) and item != option:
            clean.append(option + hidden_whole(item.removeprefix(option), hide))
            program = ""
        elif option and apart and before == option:
            clean.append(hidden_whole(item, hide))
            program = ""
        else:
            clean.append(_after_option(before, item, hide))
            program = program or _program_of(item)
        before = item
    return clean


def _after_option(before: Any, item: str, hide: Hide) -> Any:
    """Return an item of a list, which is secret where the one before it is an option such as `--password`."""
    if isinstance(before, str) and not item.startswith("-"):
        if _ONLY_OPTION.fullmatch(before) and is_secret_field(before):
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
    text = _hidden_plain(text, hide)
    shown = normalized(text)
    if shown == text:
        return text
    clean = _hidden_plain(shown, hide)
    return text if clean == shown else clean


def _hidden_plain(text: str, hide: Hide) -> str:
    """Hide what the names in a text say is secret."""
    lower = text.lower()
    if text.isascii() and "%" not in text and not any(hint in lower for hint in _HINTS):
        return text
    text = _ADDRESS.sub(lambda match: _hidden_address(match[0], hide), text)
    known: dict[str, bool] = {}

    def is_secret(name: str) -> bool:
        if name not in known:
            known[name] = is_secret_field(name)
        return known[name]

    def hide_value(match: re.Match[str]) -> str:
        return _hidden_match(match, hide)

    text = _COMMAND.sub(lambda command: _IN_COMMAND[command["program"]].sub(hide_value, command[0], count=1), text)
    for pattern in (_PRIVATE_KEY, _USER, _COOKIE, _LOGIN, _SQL):
        text = pattern.sub(hide_value, text)
    text = _hidden_blocks(text, is_secret, hide)
    for pattern in (_LINE, _OPTION, _ASSIGNED, _VARIABLE, _CDATA, _ELEMENT):
        text = pattern.sub(lambda match: hide_value(match) if is_secret(match["name"]) else match[0], text)
    if "%" in text:
        text = _FORM.sub(lambda match: hide_value(match) if is_secret(unquote(match["name"])) else match[0], text)
    return text


def _hidden_blocks(text: str, is_secret: Callable[[str], bool], hide: Hide) -> str:
    """Hide the YAML block scalars, maps and lists under secret names."""
    clean, end = [], 0
    for match in _BLOCK.finditer(text):
        name, scalar = match["name"], match["scalar"]
        if match.start() < end or not is_secret(name) or not (scalar or holds_secrets(name)):
            continue
        clean.append(text[end : match.end()])
        end = match.end()
        indent, lines = len(match["indent"]), []
        while end < len(text):
            stop = text.find("\n", end) + 1 or len(text)
            line = text[end:stop]
            deep = len(line) - len(line.lstrip(" \t"))
            is_item = not scalar and deep == indent and line.startswith("- ", deep)
            if line.strip() and deep <= indent and not is_item:
                break
            lines.append(line)
            end = stop
        if scalar:
            clean.append(_hidden_scalar("".join(lines), hide))
        else:
            clean += [_hidden_nested(line, hide) for line in lines]
    return "".join([*clean, text[end:]])


def _hidden_scalar(block: str, hide: Hide) -> str:
    """Return the lines of a block scalar, hidden as one text; the first indentation and the last line break stay."""
    value = block.strip()
    if _is_reference(value):
        return block
    begin = len(block) - len(block.lstrip())
    return f"{block[:begin]}{hide(value)}{block[len(block.rstrip()) :]}"


def _hidden_nested(line: str, hide: Hide) -> str:
    """Return a line of a map or list in which everything is secret, without its value."""
    match = _NESTED.match(line)
    if match is None or (match["name"] and is_about_a_secret(match["name"])):
        return line
    if match["name"] is None and match["value"].rstrip().endswith(":"):
        return line
    return _hidden_match(match, hide) + line[match.end() :]


def _hidden_address(address: str, hide: Hide) -> str:
    """Hide the password of an address, the credentials in its query, and the path of a webhook."""
    address = _PASSWORD.sub(lambda match: _hidden_match(match, hide), address)
    address = _ONLY_USER.sub(
        lambda match: match[0] if _PLAIN_SEGMENT.fullmatch(match["value"]) else _hidden_match(match, hide), address
    )
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
        quote = quote * 3 if value.startswith(quote * 3) else quote
        closed = len(value) > len(quote) and value.endswith(quote)
        begin, end = begin + len(quote), end - closed * len(quote)
        if whole[begin - 2 : begin - 1] == "\\":
            end = begin + len(whole[begin:end].rstrip("\\"))
        value = whole[begin:end]
    elif match.re is _PRIVATE_KEY:
        begin, end = whole.index(value) + len(value) - len(value.lstrip()), begin + len(value.rstrip())
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
