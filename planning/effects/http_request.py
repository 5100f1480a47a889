"""What an HTTP action sends, and what an answer, a redirect or no answer means for it and for a retry.

A request that changes something is not repeated by default: only a retryPolicy of the action allows it.
httpx is used for its URL: a check must parse a URL exactly as the client that sends it.
Source: docs/spec/drworkflow.md, "HTTP"; RFC 9110, "Method Definitions" and "Status Codes".
"""

import base64
import re
from collections.abc import Collection
from dataclasses import dataclass, replace
from enum import StrEnum
from urllib.parse import quote

from httpx import URL, InvalidURL

from api.actions import Action, HttpRequest
from api.failures import FailureType
from planning.definitions.identifiers import shortened
from planning.effects.allowed_hosts import is_address
from planning.messages import effects as effect_messages
from planning.values.omission import HARMLESS_HEADERS, secrets_of_request
from planning.values.redaction import secret_forms

MOST_REDIRECTS = 5

_OURS = frozenset(
    {
        "connection",
        "content-length",
        "host",
        "keep-alive",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
"""Headers that the connection itself decides, whatever an action says. Source: RFC 9110, "Connection-Specific"."""

_DEFAULTS = {"Accept": "*/*", "Accept-Encoding": "identity", "User-Agent": "drplan"}
_HOST = re.compile(r"[a-z0-9_.-]+")
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_LONGEST_KEY = 255
"""Characters of an Idempotency-Key, as services bound it."""
_LONGEST_URL = 200
"""Characters of a URL in a message."""

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_SAME_REQUEST = frozenset({307, 308})
_NOT_PROCESSED = frozenset({429, 503})
"""The service did not process the request."""


class Method(StrEnum):
    """Methods of HTTP."""

    GET = "GET"
    HEAD = "HEAD"
    OPTIONS = "OPTIONS"
    PUT = "PUT"
    DELETE = "DELETE"
    POST = "POST"
    PATCH = "PATCH"

    @property
    def repeatable(self) -> bool:
        """Whether two of a request have the effect of one. Source: RFC 9110, "Idempotent Methods"."""
        return self not in (Method.POST, Method.PATCH)


class RequestError(ValueError):
    """A definition makes no request; the message is the reason, without any value of it."""


@dataclass(frozen=True)
class ActionRequest:
    """One request, and how its answers are to be understood."""

    method: Method
    url: URL
    headers: tuple[tuple[str, str], ...]
    body: bytes
    success_codes: frozenset[int]
    """Empty: 200 to 299."""
    verify: bool
    """Whether the server's certificate is verified."""
    repeated: bool
    """Whether the action itself says that the request may be made again, whatever became of it."""
    secrets: tuple[str, ...]
    """Texts that nobody may see, the longest first."""
    show_path: bool = False
    """Whether messages show the path of the URL."""

    @property
    def may_repeat(self) -> bool:
        """Whether it may be made again although its outcome is not known."""
        return self.method.repeatable or self.repeated

    def succeeded(self, status: int) -> bool:
        """Tell whether an answer with this status is a success."""
        return status in self.success_codes if self.success_codes else 200 <= status <= 299


def request_of(action: Action, mark: str, secrets: Collection[str] = ()) -> ActionRequest:
    """Return the request that an action with its placeholders filled in makes; `secrets` are values in its body.

    Raises RequestError.
    """
    if (asked := action.http) is None:
        raise RequestError(effect_messages.NO_REQUEST)
    try:
        method = Method(asked.method.strip().upper() or Method.GET)
    except ValueError:
        raise RequestError(effect_messages.not_a_method(list(Method))) from None
    url = _url(asked.url)
    headers = _headers(asked, url, mark)
    return ActionRequest(
        method=method,
        url=_bare(url),
        headers=tuple(headers.items()),
        body=(asked.body or "").encode(errors="replace"),
        success_codes=frozenset(asked.success_codes or ()),
        verify=not asked.insecure_skip_verify,
        repeated=action.retry_policy is not None and action.retry_policy.limit > 0,
        secrets=secret_forms([*secrets, *secrets_of_request(asked), *_credentials(url, headers)]),
        show_path=asked.show_path is True,
    )


def _url(text: str) -> URL:
    try:
        url = URL(text.strip())
    except InvalidURL:
        raise RequestError(effect_messages.NOT_A_URL) from None
    if not _leads_somewhere(url):
        raise RequestError(effect_messages.NOT_A_URL)
    return url


def _leads_somewhere(url: URL) -> bool:
    host = url.raw_host.decode()
    named = is_address(host) or _HOST.fullmatch(host) is not None
    return url.scheme in ("http", "https") and named and 0 < port(url) < 65536


def _bare(url: URL) -> URL:
    """Return a URL as it is sent: credentials are sent in a header, and a fragment is not sent."""
    return url.copy_with(username=None, password=None, fragment=None)


def _headers(asked: HttpRequest, url: URL, mark: str) -> dict[str, str]:
    """Return all headers but Host and the body's length, each once, whatever the case of its name."""
    named = {name.lower(): (name, _value(name, value)) for name, value in (asked.headers or {}).items()}
    given = {name: value for lower, (name, value) in named.items() if lower not in _OURS}
    defaults = _DEFAULTS | {"Idempotency-Key": idempotency_key(mark)}
    if url.userinfo:
        pair = base64.b64encode(f"{url.username}:{url.password}".encode()).decode()
        defaults["Authorization"] = f"Basic {pair}"
    return given | {name: value for name, value in defaults.items() if name.lower() not in named}


def _value(name: str, value: str) -> str:
    """Return a header's value without the line break that a Secret's text often ends in. Raises RequestError."""
    text = value.strip()
    if not _TOKEN.fullmatch(name) or _CONTROL.search(text):
        raise RequestError(effect_messages.not_a_header(name))
    return text


def _credentials(url: URL, headers: dict[str, str]) -> list[str]:
    """Return what a URL says of who asks, as it is written in it and as it is sent."""
    if not url.userinfo:
        return []
    return [url.password, url.userinfo.decode(), headers.get("Authorization", "")]


def idempotency_key(mark: str) -> str:
    """Return a mark as a header may hold it: the same for every attempt of an action, and for no other action."""
    return shortened(quote(mark, safe="/%[]:"), _LONGEST_KEY)


def safe_url(request: ActionRequest) -> str:
    """Return the URL of a request for messages: scheme and host, and where the action asks for it the path.

    Credentials and query are never shown, and the path of a webhook is a credential.
    """
    url = request.url
    path = url.raw_path.decode().partition("?")[0] if request.show_path else ""
    return shortened(f"{url.scheme}://{url.netloc.decode()}{path}", _LONGEST_URL)


def host_and_port(url: URL) -> str:
    """Return host and port."""
    host = url.raw_host.decode()
    return f"[{host}]:{port(url)}" if ":" in host else f"{host}:{port(url)}"


def port(url: URL) -> int:
    """Return the port, with the scheme's filled in."""
    if url.port is not None:
        return url.port
    return 443 if url.scheme == "https" else 80


def redirected(request: ActionRequest, status: int, location: str | None) -> ActionRequest | None:
    """Return the request that an answer redirects to; None where the answer is no redirect.

    Headers that may hold credentials are not sent to another host.
    """
    if status not in _REDIRECTS or status in request.success_codes or not location:
        return None
    if not request.method.repeatable and status not in _SAME_REQUEST:
        return None
    try:
        url = request.url.join(location)
    except InvalidURL:
        return None
    if not _leads_somewhere(url):
        return None
    headers = request.headers
    if not _same_service(request.url, url):
        headers = tuple((name, value) for name, value in headers if name.lower() in HARMLESS_HEADERS)
        headers += (("User-Agent", _DEFAULTS["User-Agent"]),)
    following = replace(request, url=_bare(url), headers=headers)
    if status != 303 or request.method is Method.HEAD:
        return following
    headers = tuple((name, value) for name, value in headers if not name.lower().startswith("content-"))
    return replace(following, method=Method.GET, body=b"", headers=headers)


def _same_service(url: URL, other: URL) -> bool:
    """Tell whether another URL is the same service, or the same by TLS."""
    if url.raw_host != other.raw_host:
        return False
    upgraded = (url.scheme, port(url), other.scheme, port(other)) == ("http", 80, "https", 443)
    return upgraded or (url.scheme, port(url)) == (other.scheme, port(other))


def failure_of_status(request: ActionRequest, status: int) -> FailureType:
    """Tell what a status that is no success means for a repeat."""
    if request.may_repeat or status in _NOT_PROCESSED:
        return FailureType.HTTP_STATUS
    return FailureType.OUTCOME_UNKNOWN if status >= 500 else FailureType.HTTP_REFUSED


def leaves_open(request: ActionRequest, status: int) -> bool:
    """Tell whether after a status that is no success the request may have had its effect all the same."""
    return not request.method.repeatable and status >= 500 and status not in _NOT_PROCESSED


def failure_of_silence(request: ActionRequest, *, sent: bool, late: bool) -> FailureType:
    """Tell what the lack of an answer means for a repeat; `late` where the action's time is over."""
    if sent and not request.may_repeat:
        return FailureType.OUTCOME_UNKNOWN
    return FailureType.TIMED_OUT if late else FailureType.TRANSIENT
