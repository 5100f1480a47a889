"""One request to one host, and its answer: resolve the name, check the address, connect to that address.

A connection carries one request, for one that was kept open may break just as it is used, and nobody could
say whether the request had arrived. The text of a library's error is not passed on if it may quote what was
sent. Source: docs/operations.md, "Where HTTP actions may go"; RFC 9110, "Message Abstraction".
"""

import asyncio
import os
import socket
import ssl
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

import httpcore
import httpx
from anyio.abc import ByteStream

from kube.errors import seconds_to_wait
from planning.effects.allowed_hosts import AllowedHosts, HostRefusedError, is_address, may_be_resolved, permitted
from planning.effects.http_request import ActionRequest, Method, host_and_port, port
from planning.messages import effects as effect_messages

Resolver = Callable[[str, int], Awaitable[list[str]]]
"""Returns the addresses of a name, the preferred first. Raises OSError or UnicodeError."""

_CONNECT_SECONDS = 10.0
"""For one address; then the next one is tried."""
_BODY_SECONDS = 5.0
"""For the body; it is for information only, the status says whether it is a success."""
_BODY_BYTES = 64 * 1024
_HEAD_BYTES = 64 * 1024
"""For status line and headers, and for all informational answers before them."""
_RECEIVED_BODY_BYTES = 80 * 1024
"""For a body as it is received: chunks of one byte have five more around each."""
_WIRE_BYTES = 512 * 1024
"""For either, with all that TLS adds: a server may send records of one byte, and messages that are not data at all."""
_INFORMATIONAL_ANSWERS = 100
"""Before the answer; each is an object for the library, and a server sends a few, or one now and then."""
_WIRE_PART_BYTES = 8 * 1024
"""Received at once: 64 KB of session tickets, which are not data, took 50 ms."""
_PART_BYTES = 2 * 1024
"""Read at once. The library parses all that a read returns without a turn for the loop: 340 chunks, 110 answers."""
_CHARSETS = frozenset({"gbk", "gb2312", "gb18030", "big5", "shift_jis", "euc-jp", "euc-kr", "iso-8859-1"})
"""Decoded as declared; all others are decoded as UTF-8."""
_STATUS_LINE = b"\nHTTP/"
"""With the end of the line before it."""
_SENDING = "http11.send_request_headers.started"


class UnsentError(Exception):
    """Nothing was sent; the message is the reason."""


class UnansweredError(Exception):
    """The request was sent, in whole or in part, and no answer came; the message is the reason."""


class RequestObserver(Protocol):
    """Gets the progress of a request: what a timeout means depends on it."""

    def sending(self) -> None:
        """From now on the request may have its effect."""

    def answered(self, status: int) -> None:
        """The status of the answer has arrived, its body may follow."""


@dataclass(frozen=True)
class HttpAnswer:
    """The answer to a request."""

    status: int
    location: str | None
    retry_after: float | None
    """Seconds that the service asks to wait before a repeat."""
    body: str
    whole: bool
    """Whether the body was read to its end."""


async def system_resolver(host: str, number: int) -> list[str]:
    """Resolve a name as the system does."""
    found = await asyncio.get_running_loop().getaddrinfo(host, number, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


class HttpClient:
    """Sends the requests of HTTP actions."""

    def __init__(
        self, allowed: AllowedHosts, resolve: Resolver = system_resolver, trust: ssl.SSLContext | None = None
    ) -> None:
        """Without `trust`, certificates are verified with what the system trusts."""
        self._allowed = allowed
        self._resolve = resolve
        self._trust = trust
        self._unverified: ssl.SSLContext | None = None
        self._control_plane: dict[str, list[str]] = {}
        """The addresses of its hosts, as they were resolved last."""

    async def send(self, request: ActionRequest, observer: RequestObserver) -> HttpAnswer:
        """Send a request, redirects not followed.

        Raises HostRefusedError, UnsentError or UnansweredError.
        """
        addresses = await self._addresses(request)
        for address in addresses[:-1]:
            try:
                return await self._send_to(address, request, observer)
            except UnsentError:
                continue
        return await self._send_to(addresses[-1], request, observer)

    async def check(self, request: ActionRequest) -> None:
        """Resolve where a request would go. Raises HostRefusedError and UnsentError if it would not be sent."""
        await self._addresses(request)

    async def _addresses(self, request: ActionRequest) -> list[str]:
        """Return the addresses to which this request may be sent, at least one."""
        host = request.url.raw_host.decode()
        if is_address(host):
            return permitted(self._allowed, host, [host], await self._control_plane_addresses())
        if not may_be_resolved(self._allowed, host):
            raise HostRefusedError(effect_messages.host_not_allowed(host))
        try:
            found = await self._resolve(host, port(request.url))
        except (OSError, UnicodeError) as error:
            raise UnsentError(effect_messages.not_resolved(host, _words(error))) from None
        if not found:
            raise UnsentError(effect_messages.not_resolved(host, effect_messages.NO_ADDRESS))
        return permitted(self._allowed, host, found, await self._control_plane_addresses())

    async def _control_plane_addresses(self) -> list[str]:
        """Resolve the hosts of the API server and of Temporal. Raises UnsentError where one was never resolved."""
        for host in self._allowed.control_plane:
            try:
                self._control_plane[host] = [host] if is_address(host) else await self._resolve(host, 443)
            except (OSError, UnicodeError) as error:
                if host not in self._control_plane:
                    raise UnsentError(effect_messages.not_resolved(host, _words(error))) from None
        return [address for addresses in self._control_plane.values() for address in addresses]

    async def _send_to(self, address: str, request: ActionRequest, observer: RequestObserver) -> HttpAnswer:
        progress = _Progress(observer)
        network = _BoundedNetwork()
        async with self._transport(request, network) as transport:
            try:
                response = await transport.handle_async_request(_addressed(request, address, progress))
            except _TooMuchError as error:
                if progress.begun:
                    raise UnansweredError(error.reason) from None
                raise UnsentError(effect_messages.no_connection(host_and_port(request.url), error.reason)) from None
            except Exception as error:  # the libraries have several trees of errors, and all mean the same here
                if progress.begun:
                    raise UnansweredError(effect_messages.BROKEN) from None
                raise UnsentError(effect_messages.no_connection(host_and_port(request.url), _words(error))) from None
            async with aclosing(response):
                observer.answered(response.status_code)
                network.begin_body()
                return await _answer(request, response)

    def _transport(self, request: ActionRequest, network: "_BoundedNetwork") -> httpx.AsyncHTTPTransport:
        if request.verify:
            context = self._trust = self._trust or ssl.create_default_context()
        else:
            context = self._unverified = self._unverified or _unverified_context()
        return _Transport(context, network)


class _Transport(httpx.AsyncHTTPTransport):
    """Transport over a network of our own, which httpx has no parameter for."""

    def __init__(self, context: ssl.SSLContext, network: httpcore.AsyncNetworkBackend) -> None:
        super().__init__(verify=context, trust_env=False)
        self._pool = httpcore.AsyncConnectionPool(ssl_context=context, network_backend=network)


class _TooMuchError(Exception):
    """More was received than is allowed; the message is the reason."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class _BoundedNetwork(httpcore.AsyncNetworkBackend):
    """Connects, and bounds how much is received: first of the head of an answer, then of its body."""

    def __init__(self) -> None:
        self._network = httpcore.AnyIOBackend()
        self._left = _HEAD_BYTES
        self._on_the_wire = _WIRE_BYTES
        self._in_head = True
        self._begun: bytes = b"\n"
        """The last bytes of the head, which the next ones continue."""
        self._answers = 0

    def begin_body(self) -> None:
        """Bound the body from now on."""
        self._left, self._on_the_wire, self._in_head = _RECEIVED_BODY_BYTES, _WIRE_BYTES, False

    def received(self, part: bytes) -> None:
        """Count what was received. Raises _TooMuchError."""
        self._left -= len(part)
        if self._left < 0:
            raise _TooMuchError(effect_messages.endless_head(_HEAD_BYTES // 1024))
        if self._in_head:
            head = self._begun + part
            self._answers += head.count(_STATUS_LINE)
            self._begun = head[1 - len(_STATUS_LINE) :]
            if self._answers > _INFORMATIONAL_ANSWERS + 1:
                raise _TooMuchError(effect_messages.too_many_informational_answers(_INFORMATIONAL_ANSWERS))

    def received_on_the_wire(self, count: int) -> None:
        """Count bytes that were received, whatever they mean. Raises _TooMuchError."""
        self._on_the_wire -= count
        if self._on_the_wire < 0:
            raise _TooMuchError(effect_messages.too_much_on_the_wire(_WIRE_BYTES // 1024))

    async def connect_tcp(self, *args: Any, **options: Any) -> httpcore.AsyncNetworkStream:
        """Connect."""
        stream: Any = await self._network.connect_tcp(*args, **options)
        # The library has no place for what lies between TCP and TLS.
        stream._stream = _BoundedBytes(stream._stream, self)
        return _BoundedStream(stream, self)


class _BoundedBytes(ByteStream):
    """The bytes of a connection, below TLS; its messages that are no data never come to `_BoundedStream.read`."""

    def __init__(self, stream: ByteStream, network: _BoundedNetwork) -> None:
        self._stream = stream
        self._network = network

    async def receive(self, max_bytes: int = 65536) -> bytes:
        """Receive a part. Raises _TooMuchError."""
        await asyncio.sleep(0)
        part = await self._stream.receive(min(max_bytes, _WIRE_PART_BYTES))
        self._network.received_on_the_wire(len(part))
        return part

    async def send(self, item: bytes) -> None:
        """Send all of it."""
        await self._stream.send(item)

    async def send_eof(self) -> None:
        """End what is sent."""
        await self._stream.send_eof()

    async def aclose(self) -> None:
        """Close the connection."""
        await self._stream.aclose()

    @property
    def extra_attributes(self) -> Any:
        """What the library asks about the connection."""
        return self._stream.extra_attributes


class _BoundedStream(httpcore.AsyncNetworkStream):
    """A connection that is read in small parts, with a turn for the loop before each, whatever is there already."""

    def __init__(self, stream: httpcore.AsyncNetworkStream, network: _BoundedNetwork) -> None:
        self._stream = stream
        self._network = network

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109 - as httpcore has it
        """Read a part. Raises _TooMuchError."""
        await asyncio.sleep(0)
        part = await self._stream.read(min(max_bytes, _PART_BYTES), timeout)
        self._network.received(part)
        return part

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109 - as httpcore has it
        """Write all of it."""
        await self._stream.write(buffer, timeout)

    async def aclose(self) -> None:
        """Close the connection."""
        await self._stream.aclose()

    async def start_tls(self, *args: Any, **options: Any) -> httpcore.AsyncNetworkStream:
        """Return the same connection by TLS, bounded likewise."""
        return _BoundedStream(await self._stream.start_tls(*args, **options), self._network)

    def get_extra_info(self, info: str) -> Any:
        """Return what the library asks about the connection."""
        return self._stream.get_extra_info(info)


def _unverified_context() -> ssl.SSLContext:
    """Return what insecureSkipVerify asks for: any certificate is accepted."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


class _Progress:
    """Trace function of the transport: records when the request is being sent."""

    def __init__(self, observer: RequestObserver) -> None:
        self._observer = observer
        self.begun = False

    async def __call__(self, event: str, info: object) -> None:
        if event == _SENDING:
            self.begun = True
            self._observer.sending()


def _addressed(request: ActionRequest, address: str, progress: _Progress) -> httpx.Request:
    """Return the request for an address that is allowed; Host and the certificate's name stay those of the URL."""
    url = request.url
    headers = [("Host", url.netloc.decode()), ("Connection", "close"), *request.headers]
    return httpx.Request(
        request.method.value,
        url.copy_with(host=address),
        headers=[(name.encode(), value.encode()) for name, value in headers],
        content=request.body or None,
        extensions={
            "timeout": {"connect": _CONNECT_SECONDS, "read": None, "write": None, "pool": None},
            "sni_hostname": url.raw_host.decode().removesuffix("."),
            "trace": progress,
        },
    )


async def _answer(request: ActionRequest, response: httpx.Response) -> HttpAnswer:
    raw, whole = (b"", True) if request.method is Method.HEAD else await _read(response)
    return HttpAnswer(
        status=response.status_code,
        location=response.headers.get("location"),
        retry_after=seconds_to_wait(response.headers.get("retry-after", ""), datetime.now(UTC)),
        body=_text(response, raw),
        whole=whole,
    )


async def _read(response: httpx.Response) -> tuple[bytes, bool]:
    """Read a body up to its bound, and return whether that was all of it; a connection that breaks ends it."""
    raw = bytearray()
    try:
        async with asyncio.timeout(_BODY_SECONDS):
            async for part in response.aiter_raw():
                raw += part
                if len(raw) > _BODY_BYTES:
                    return bytes(raw[:_BODY_BYTES]), False
    except (httpx.HTTPError, TimeoutError, _TooMuchError):
        return bytes(raw), False
    return bytes(raw), True


def _text(response: httpx.Response, raw: bytes) -> str:
    """Return a body as text; one that is compressed, although nobody asked for that, is not kept."""
    if response.headers.get("content-encoding", "identity").lower() != "identity":
        return ""
    charset = (response.charset_encoding or "").lower()
    return raw.decode(charset if charset in _CHARSETS else "utf-8", errors="replace")


def _words(error: BaseException) -> str:
    """Return why nothing was sent, in the words of the system's own error, which quote nothing of the request."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, ssl.SSLCertVerificationError):
            return f"certificate verify failed: {seen.verify_message}"
        if isinstance(seen, ssl.SSLError) and seen.reason:
            return f"TLS failed: {seen.reason}"
        if isinstance(seen, OSError) and seen.strerror:
            # asyncio puts the address into it, which is in the message already.
            return os.strerror(seen.errno or 0) if isinstance(seen, ConnectionError) else seen.strerror
        seen = seen.__cause__ or seen.__context__
    if isinstance(error, httpx.TimeoutException | TimeoutError):
        return f"no answer within {_CONNECT_SECONDS:g}s"
    return type(error).__name__
