"""Which names say that their value is secret: names of fields, variables, options, parameters and in queries.

A name is compared in lower case, in the Unicode form NFKC and without characters that have no width.
Source: docs/spec/drplan.md, "Secret values".
"""

import re
import unicodedata
from functools import cache
from urllib.parse import unquote

_SECRET_WORDS = re.compile(
    "password(?!less)|passwd|passphrase|passcode|pwd|token(?!i[sz])|secret(?!ar)|credential|apikey|accesskey|privatekey"
    "|signingkey|encryptionkey|accountkey|sharedkey|masterkey|authkey|sshkey|licensekey|storagekey|routingkey"
    "|integrationkey|connectionstring|connstr|mnemonic|seedphrase|totp|bearer|jwt|cookie|authorization|signature"
    "|密码|密钥|口令"
)
_ABOUT_A_SECRET = re.compile(
    "(name|namespace|ref|file|path|type|ttl|class|provider|store|policy|enabled|required|seconds|minutes|hours|days"
    "|count|limit|length|size|version|algorithm|expiry|expiration|endpoint|host|issuer|format|(existing|pull|tls)secrets?)$"
    "|^max|^min"
)
_LAST_WORDS = frozenset({"pass", "auth", "pin", "sas", "sig", "pw", "cred", "creds", "otp", "hmac", "pat", "dsn"})
"""Words that say it where they are the last one, as in SMTP_PASS and dbPass."""
_SERVERS_OF_PASS = frozenset({"proxy", "by", "fastcgi", "uwsgi", "scgi", "grpc"})
"""`proxy_pass` of nginx has an address, and a `byPass` has no password."""
_SECRET_KEYS = frozenset(
    {
        *("api", "access", "private", "secret", "storage", "account", "encryption", "decryption", "signing", "routing"),
        *("integration", "admin", "app", "application", "aes", "hmac", "instrumentation", "subscription", "deploy"),
        *("algolia", "anthropic", "aws", "azure", "cloudflare", "datadog", "dd", "github", "gitlab", "grafana"),
        *("mailgun", "newrelic", "openai", "opsgenie", "pagerduty", "sendgrid", "sentry", "slack", "stripe", "twilio"),
    }
)
"""Words before `key`: what the key is for, and products whose keys are credentials."""
_ORDINARY_KEYS = frozenset(
    {
        *(
            "sort",
            "partition",
            "primary",
            "foreign",
            "public",
            "pub",
            "cache",
            "row",
            "index",
            "shard",
            "group",
            "range",
        ),
        *("unique", "composite", "natural", "idempotency", "lookup", "map", "object", "config", "label", "annotation"),
        *("topology", "selector", "node", "taint", "dedup", "message", "event", "record", "metric", "field", "column"),
        *("table", "json", "yaml", "search", "translation", "hot", "registry", "lock", "leader", "redis", "etcd"),
        *("consul", "bucket", "s3", "file", "project", "issue", "env", "feature", "flag", "item", "parent", "tenant"),
        *("state", "queue", "job", "task", "site", "sorting", "order", "hash", "distribution", "entity", "user"),
    }
)
"""Words before `KEY` in a variable such as SORT_KEY; every other variable `…_KEY` is that of a product."""
_SECRET_IN_A_QUERY = frozenset({"sig", "sign", "signature", "key", "code", "sas", "auth", "hmac", "otp"})
_OF_SECRETS = re.compile(
    "(password|passwd|passphrase|passcode|pwd|pass|pw|pin|otp|creds?|credential|token|secret|key|密码|密钥|口令)s?$"
)
_SELECTORS = frozenset(
    {
        *("name", "key", "kind", "apiversion", "group", "optional", "items", "mode", "defaultmode", "audience"),
        *("audiences", "property", "labels", "annotations", "metadata", "mountpath", "op", "from", "create", "usage"),
    }
)
"""Fields in which an object says where a secret is."""
_TYPES = frozenset({"string", "object", "array", "integer", "number", "boolean"})
_WORD = re.compile(r"[A-Z]+(?![a-z])\d*|[A-Z]?[a-z]+\d*|[^\W\d_a-zA-Z]+|\d+")


@cache
def _plain_forms() -> dict[int, str | None]:
    """Return the characters whose form NFKC is plain ASCII, and those without width, which have none."""
    forms: dict[int, str | None] = {0x034F: None, 0x115F: None, 0x1160: None}
    for code in (*range(0x80, 0x10000), *range(0x1D400, 0x1D800), *range(0xE0000, 0xE0080)):
        sign = chr(code)
        form = unicodedata.normalize("NFKC", sign)
        if unicodedata.category(sign) == "Cf":
            forms[code] = None
        elif form.isascii():
            forms[code] = form
    return forms


def normalized(text: str) -> str:
    """Return a text without characters that have no width, with those that are forms of ASCII in their form NFKC."""
    return text if text.isascii() else text.translate(_plain_forms())


def _letters(name: str) -> str:
    return re.sub(r"[-_.\s]", "", normalized(name).lower())


def _says_secret(letters: str) -> bool:
    return _SECRET_WORDS.search(letters) is not None and _ABOUT_A_SECRET.search(letters) is None


def is_secret_name(name: str) -> bool:
    """Tell whether a name says that its value is secret: `dbPassword`, `api-key`, and not `secretName`."""
    return _says_secret(_letters(name))


def is_secret_field(name: str) -> bool:
    """Tell the same of a field, an environment variable or an option, where some short words say it as well."""
    letters = _letters(name)
    if _says_secret(letters) or letters.endswith(("webhook", "webhookurl", "connstring")):
        return True
    words = _WORD.findall(normalized(name))[-2:]
    before, last = ["", "", *(word.lower() for word in words)][-2:]
    if last == "key":
        is_variable = len(words) == 2 and all(word.isupper() for word in words) and name.strip("-").isupper()
        return before in _SECRET_KEYS or (is_variable and before not in _ORDINARY_KEYS)
    return last in _LAST_WORDS and not (last == "pass" and before in _SERVERS_OF_PASS)


def is_secret_query(name: str) -> bool:
    """Tell the same of a name in the query of a URL, where `key`, `code` and `sig` are credentials."""
    name = unquote(name)
    last = re.split(r"[-_.]", normalized(name).lower())[-1]
    return is_secret_field(name) or last in _SECRET_IN_A_QUERY


def holds_secrets(name: str) -> bool:
    """Tell whether everything in a map or list of this name is secret: `passwords`, and not `auth` or `cookie`."""
    letters = _letters(name)
    return _OF_SECRETS.search(letters) is not None and "external" not in letters and is_secret_field(name)


def is_about_a_secret(name: str) -> bool:
    """Tell whether a field beside or around a secret says where or what it is: `key`, `secretName`, `ttl`."""
    letters = _letters(name)
    return letters in _SELECTORS or _ABOUT_A_SECRET.search(letters) is not None


def refers_to_a_secret(value: dict[str, object]) -> bool:
    """Tell whether an object says where a secret is, or is the schema of a field."""
    return value.get("type") in _TYPES or all(map(is_about_a_secret, value))
