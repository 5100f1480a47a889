"""Through which proxy the API server is called: both clients do what kubectl does."""

import asyncio
import base64
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiohttp import web
from kubernetes.aio.client import Configuration

from kube.blocking import ApiServer
from kube.client import Cluster, Limits
from kube.config import configure
from kube.errors import ConfigurationError
from kube.viewer import Viewer
from tests.http_service import CERTIFICATE
from tests.kube.scripted_server import kubeconfig, serving

PROXY = "http://proxy.example:3128"
OTHER = "http://other.example:3128"
PASSWORD = "s3cret"


@pytest.fixture(autouse=True)
def no_proxy_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


def written(folder: Path, server: str, **cluster: Any) -> str:
    document = kubeconfig(server)
    document["clusters"][0]["cluster"] |= cluster
    (folder / "config").write_text(yaml.safe_dump(document))
    return str(folder / "config")


async def proxy_of_the_servers(file: str) -> str | None:
    """Return what the client of worker and bridge goes through."""
    configuration = Configuration()
    await configure(configuration, file)
    return configuration.proxy


async def proxy_of_the_command_line(file: str) -> str | None:
    proxy = ApiServer.connect(file)._server.proxy
    return proxy.geturl() if proxy is not None else None


both_clients = pytest.mark.parametrize("proxy_of", [proxy_of_the_servers, proxy_of_the_command_line])


@dataclass(frozen=True)
class Case:
    """A server, what the environment says, and the proxy that counts."""

    server: str
    env: dict[str, str]
    proxy: str | None
    proxy_url: str = ""
    """Of the kubeconfig."""


def excepting(no_proxy: str, server: str = "https://api.east.example:6443", proxy: str | None = None) -> Case:
    return Case(server, {"HTTPS_PROXY": PROXY, "NO_PROXY": no_proxy}, proxy)


TLS, PLAIN = "https://api.example:6443", "http://api.example:8080"
CASES = {
    "no proxy": Case(TLS, {}, None),
    "HTTPS_PROXY is for servers with TLS": Case(TLS, {"HTTPS_PROXY": PROXY, "HTTP_PROXY": OTHER}, PROXY),
    "HTTP_PROXY is for servers without": Case(PLAIN, {"HTTPS_PROXY": OTHER, "HTTP_PROXY": PROXY}, PROXY),
    "HTTP_PROXY is not for servers with TLS": Case(TLS, {"HTTP_PROXY": PROXY}, None),
    "HTTPS_PROXY is not for servers without": Case(PLAIN, {"HTTPS_PROXY": PROXY}, None),
    "ALL_PROXY is not read": Case(TLS, {"ALL_PROXY": PROXY}, None),
    "in lower case": Case(TLS, {"https_proxy": PROXY}, PROXY),
    "upper case goes first": Case(TLS, {"https_proxy": OTHER, "HTTPS_PROXY": PROXY}, PROXY),
    "an empty one says nothing": Case(TLS, {"https_proxy": PROXY, "HTTPS_PROXY": ""}, PROXY),
    "without scheme": Case(TLS, {"HTTPS_PROXY": "proxy.example:3128"}, PROXY),
    "a name alone": Case(TLS, {"HTTPS_PROXY": "proxy"}, "http://proxy"),
    "with credentials, without scheme": Case(TLS, {"HTTPS_PROXY": "me:p%40@proxy:1"}, "http://me:p%40@proxy:1"),
    "the kubeconfig goes before the environment": Case(TLS, {"HTTPS_PROXY": OTHER}, PROXY, PROXY),
    "NO_PROXY does not except from that of the kubeconfig": Case(TLS, {"NO_PROXY": "*"}, PROXY, PROXY),
    "localhost is called directly": excepting("", "https://localhost:6443"),
    "an address of loopback too": excepting("", "https://127.3.2.1:6443"),
    "and in IPv6": excepting("", "https://[::1]:6443"),
    "everything is excepted": excepting("other, *"),
    "a domain": excepting("api.east.example"),
    "a domain with its subdomains": excepting("other, EAST.example ,more"),
    "a domain is no mere end of a name": excepting("ast.example", proxy=PROXY),
    "a leading dot": excepting(".east.example"),
    "a leading dot leaves the domain itself out": excepting(".api.east.example", proxy=PROXY),
    "a leading asterisk": excepting("*.east.example"),
    "an asterisk elsewhere": excepting("*east.example", proxy=PROXY),
    "a domain and the port": excepting("east.example:6443"),
    "a domain and another port": excepting("east.example:443", proxy=PROXY),
    "the port that the URL leaves out": excepting("east.example:443", "https://api.east.example"),
    "no_proxy in lower case": Case(TLS, {"HTTPS_PROXY": PROXY, "no_proxy": "api.example"}, None),
    "NO_PROXY goes first": Case(TLS, {"HTTPS_PROXY": PROXY, "no_proxy": "*", "NO_PROXY": "other"}, PROXY),
    "an address": excepting("10.1.2.3", "https://10.1.2.3:6443"),
    "an address and the port": excepting("10.1.2.3:6443", "https://10.1.2.3:6443"),
    "an address and another port": excepting("10.1.2.3:443", "https://10.1.2.3:6443", PROXY),
    "the beginning of an address": excepting("10.1.2", "https://10.1.2.3:6443", PROXY),
    "a network": excepting("10.1.0.0/16", "https://10.1.2.3:6443"),
    "another network": excepting("10.2.0.0/16,fd00::/8", "https://10.1.2.3:6443", PROXY),
    "a network is no domain": excepting("10.1.0.0/16", proxy=PROXY),
    "an IPv6 address": excepting("fd00::1", "https://[fd00:0::1]:6443"),
    "an IPv6 address and the port": excepting("[fd00::1]:6443", "https://[fd00::1]:6443"),
    "an IPv6 network": excepting("fd00::/8", "https://[fd00::1]:6443"),
    "nonsense excepts nothing": excepting(",:80,10.0.0.0/99,//,a:b:c", proxy=PROXY),
}
"""What golang.org/x/net/http/httpproxy answers as well."""


@both_clients
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
async def test_the_proxy_is_that_of_kubectl(
    case: Case, proxy_of: Callable[[str], Awaitable[str | None]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in case.env.items():
        monkeypatch.setenv(name, value)
    cluster = {"proxy-url": case.proxy_url} if case.proxy_url else {}
    assert await proxy_of(written(tmp_path, case.server, **cluster)) == case.proxy


@both_clients
@pytest.mark.parametrize(
    "proxy",
    [f"socks5://me:{PASSWORD}@proxy:1080", f"https://me:{PASSWORD}@proxy", f"http://me:{PASSWORD}@proxy:x", "http://["],
)
async def test_a_proxy_that_cannot_be_used_is_refused_by_the_name_of_where_it_stands(
    proxy: str, proxy_of: Callable[[str], Awaitable[str | None]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("https_proxy", proxy)
    with pytest.raises(ConfigurationError, match=r"https_proxy names a proxy .* only http://\[USER") as refused:
        await proxy_of(written(tmp_path, TLS))
    assert PASSWORD not in str(refused.value)
    assert await proxy_of(written(tmp_path, "https://127.0.0.1:1")) is None
    file = written(tmp_path, TLS, **{"proxy-url": proxy})
    with pytest.raises(ConfigurationError, match=f"proxy-url of a cluster in {file} names a proxy") as refused:
        await proxy_of(file)
    assert PASSWORD not in str(refused.value)


# Calls.


@dataclass
class Proxy:
    """A proxy on loopback that leads everything to one server, and what it was asked for."""

    to: int
    """The port of that server."""
    asked: list[tuple[str, str | None]] = field(default_factory=list)
    """Method and target, and the credentials."""

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[str]:
        server = await asyncio.start_server(self._lead, "127.0.0.1", 0)
        async with server:
            yield f"me:p%40ss@127.0.0.1:{server.sockets[0].getsockname()[1]}"

    async def _lead(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        line, *headers = head.decode().split("\r\n")
        by_name = dict(header.split(": ", 1) for header in headers if header)
        self.asked.append((line.rpartition(" ")[0], by_name.get("Proxy-Authorization")))
        to_reader, to_writer = await asyncio.open_connection("127.0.0.1", self.to)
        if line.startswith("CONNECT"):
            writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        else:
            to_writer.write(head)
        await asyncio.gather(_copy(reader, to_writer), _copy(to_reader, writer))


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()


async def version_for_the_servers(file: str) -> str:
    cluster = await Cluster.connect(file, limits=Limits(call=5))
    try:
        return await cluster.version()
    finally:
        await cluster.close()


async def version_for_the_command_line(file: str) -> str:
    def call() -> str:
        server = ApiServer.connect(file, seconds=5)
        try:
            return str(server.call("GET", "/version")["gitVersion"])
        finally:
            server.close()

    return await asyncio.to_thread(call)


BASIC = f"Basic {base64.b64encode(b'me:p@ss').decode()}"


@pytest.mark.parametrize("version_for", [version_for_the_servers, version_for_the_command_line])
@pytest.mark.parametrize("tls", [True, False], ids=["tls", "plain"])
async def test_a_call_goes_through_the_proxy_with_its_credentials(
    version_for: Callable[[str], Awaitable[str]], tls: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    came: list[str] = []

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        came.append(request.headers["Host"])
        assert "Proxy-Authorization" not in request.headers or not tls
        return web.json_response({"gitVersion": "v1"})

    scheme = "https" if tls else "http"
    trust = {"certificate-authority": str(CERTIFICATE), "tls-server-name": "shop.test"} if tls else {}
    async with serving(answer, tls=_certificate() if tls else None) as url:
        proxy = Proxy(to=int(url.rpartition(":")[2]))
        async with proxy.serving() as address:
            monkeypatch.setenv(f"{scheme.upper()}_PROXY", address)
            assert await version_for(written(tmp_path, f"{scheme}://api.example:6443", **trust)) == "v1"
    assert came == ["api.example:6443"]
    target = "CONNECT api.example:6443" if tls else "GET http://api.example:6443/version"
    assert proxy.asked == [(target, BASIC)]


async def test_the_view_goes_through_no_proxy_that_the_other_clients_do_not_go_through(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        return web.json_response({"metadata": {"name": request.headers["Authorization"]}})

    async with serving(answer) as url:
        monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
        monkeypatch.setenv("KUBECONFIG", written(tmp_path, url))
        viewer = await Viewer.connect()
        found = await viewer.get("of-somebody", "drplans", "shop", "shop-move")
        await viewer.close()
    assert found["metadata"]["name"] == "Bearer of-somebody"


def _certificate() -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(CERTIFICATE)
    return context
