"""A client for the command line, on the standard library: the other one takes a second of CPU time to load.

It makes one call after the other, each with a deadline, reads the same kubeconfig and raises the same errors. It calls
credential plugins by itself. Source: Kubernetes, "Authenticating", "client-go credential plugins".
"""

import base64
import http.client
import json
import os
import ssl
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self
from urllib.parse import SplitResult, unquote, urlencode, urlsplit

from kube.errors import (
    UnreachableError,
    from_answer,
    from_nonsense,
    says_absent,
    seconds_to_wait,
)
from kube.kubeconfig import DEFAULT_NAMESPACE, KubeContext, check_with, no_context, read_context, token_of, unusable
from kube.media_types import JSON
from kube.proxy import PORTS, proxy_for

Object = dict[str, Any]

_POD = Path("/var/run/secrets/kubernetes.io/serviceaccount")


@dataclass(frozen=True)
class _Credentials:
    """What a call carries, and what a connection is made with."""

    headers: Mapping[str, str] = field(default_factory=dict)
    certificate: bytes = b""
    key: bytes = b""


@dataclass(frozen=True)
class _Server:
    """An API server, and how to speak to it."""

    url: SplitResult
    trust: Callable[[], ssl.SSLContext]
    credentials: Callable[[], _Credentials]
    """Read again where the API server answers that it does not know the caller: tokens end."""
    tls_name: str = ""
    proxy: SplitResult | None = None
    namespace: str = DEFAULT_NAMESPACE


class _Https(http.client.HTTPSConnection):
    """A connection to a server whose certificate may be for another name than the address."""

    def __init__(self, host: str, port: int, context: ssl.SSLContext, tls_name: str, seconds: float) -> None:
        super().__init__(host, port, timeout=seconds)
        self._tls, self._tls_name = context, tls_name

    def connect(self) -> None:
        """Connect, through a tunnel where one is set."""
        http.client.HTTPConnection.connect(self)
        tunnel = getattr(self, "_tunnel_host", None)
        self.sock = self._tls.wrap_socket(self.sock, server_hostname=self._tls_name or tunnel or self.host)


class ApiServer:
    """A Kubernetes API server. Every call raises ApiError where it returns no object."""

    def __init__(self, server: _Server, user_agent: str, seconds: float) -> None:
        self._server = server
        self._agent = user_agent
        self._seconds = seconds
        self._credentials = server.credentials()
        self._connection: http.client.HTTPConnection | None = None
        self.namespace = server.namespace
        """Of the context in use."""

    @classmethod
    def connect(
        cls,
        kubeconfig: str | None = None,
        context: str | None = None,
        *,
        user_agent: str = "drplan-cli",
        seconds: float = 15.0,
    ) -> Self:
        """Read the configuration; no call is made yet. Raises ConfigurationError."""
        chosen = read_context(kubeconfig, context)
        server = _of_context(chosen) if chosen is not None else _of_pod(kubeconfig)
        return cls(server, user_agent, seconds)

    def call(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Object | None = None,
        content: str = JSON,
        accept: str = JSON,
        about: str = "",
    ) -> Object:
        """Make one call. `about` names the object that a 404 must name to say that it does not exist."""
        url, proxy = self._server.url, self._server.proxy
        target = url.path.rstrip("/") + path + (f"?{urlencode(query)}" if query else "")
        headers = {"Accept": accept, "Content-Type": content, "User-Agent": self._agent}
        if proxy is not None and url.scheme == "http":
            target, headers = f"http://{url.netloc}{target}", headers | _proxy_authorization(proxy)
        raw_body = json.dumps(body).encode() if body is not None else None
        status, answer_headers, raw = self._send(method, target, headers, raw_body)
        if status == 401:
            self.close()
            self._credentials = self._server.credentials()
            status, answer_headers, raw = self._send(method, target, headers, raw_body)
        return _answer(status, answer_headers, raw, about)

    def close(self) -> None:
        """Close the connection; the next call opens another one."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _send(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes | None
    ) -> tuple[int, http.client.HTTPMessage, bytes]:
        """Send a request; a read once more where the connection that was kept open is closed by now."""
        attempts = 2 if self._connection is not None and method == "GET" else 1
        for attempt in range(attempts):
            try:
                connection = self._connection = self._connection or self._open()
                connection.request(method, target, body, {**headers, **self._credentials.headers})
                response = connection.getresponse()
                return response.status, response.headers, response.read()
            except TimeoutError as error:
                self.close()
                raise UnreachableError(f"the API server gave no answer within {self._seconds:g} s") from error
            except (OSError, http.client.HTTPException) as error:
                self.close()
                if attempt + 1 == attempts:
                    where = self._server.url.netloc
                    words = str(error) or type(error).__name__
                    raise UnreachableError(f"the API server at {where} gave no answer: {words}") from error
        raise AssertionError

    def _open(self) -> http.client.HTTPConnection:
        url, server = self._server.url, self._server
        host, port = url.hostname or "", url.port or PORTS[url.scheme]
        to = server.proxy or url
        to_host, to_port = to.hostname or "", to.port or PORTS[to.scheme]
        if url.scheme == "http":
            return http.client.HTTPConnection(to_host, to_port, timeout=self._seconds)
        context = server.trust()
        if self._credentials.certificate:
            with _file(self._credentials.certificate) as certificate, _file(self._credentials.key) as key:
                context.load_cert_chain(certificate.name, key.name)
        connection = _Https(to_host, to_port, context, server.tls_name, self._seconds)
        if server.proxy is not None:
            connection.set_tunnel(host, port, _proxy_authorization(server.proxy))
        return connection


def _proxy_authorization(proxy: SplitResult) -> dict[str, str]:
    """Return the header with the credentials that a proxy's URL holds, if any."""
    if proxy.username is None:
        return {}
    return {"Proxy-Authorization": _basic(unquote(proxy.username), unquote(proxy.password or ""))}


def _basic(user: str, password: str) -> str:
    return f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"


def _answer(status: int, headers: http.client.HTTPMessage, raw: bytes, about: str) -> Object:
    """Return the object of an answer. Raises ApiError where it holds none, or is an error."""
    try:
        answer = json.loads(raw)
    except (ValueError, RecursionError):
        answer = None
    if isinstance(answer, dict) and 200 <= status < 300:
        return answer
    pause = seconds_to_wait(headers.get("Retry-After", ""), datetime.now(UTC))
    if not isinstance(answer, dict):
        raise from_nonsense(status, pause)
    details = answer.get("details")
    reason = str(answer.get("reason") or "")
    if status == 404 and not says_absent(answer, about):
        reason = ""
    message = str(answer.get("message") or f"the API server answered {status}")
    raise from_answer(status, reason, message, pause, details if isinstance(details, dict) else {})


def _file(content: bytes) -> Any:
    """Return an open temporary file: Python's TLS reads certificates and keys from files only."""
    file = tempfile.NamedTemporaryFile(prefix="drplan-")  # noqa: SIM115 - the caller closes it
    file.write(content)
    file.flush()
    return file


# From a kubeconfig.


def _of_context(context: KubeContext) -> _Server:
    cluster = context.cluster.fields
    url = urlsplit(cluster["server"])
    server = _Server(
        url,
        lambda: _trust(context),
        lambda: _credentials(context),
        str(cluster.get("tls-server-name") or ""),
        proxy_for(url, context.cluster),
        context.namespace,
    )
    with _naming(context):
        server.trust()
    return server


class _naming:  # noqa: N801 - used like a function
    """Report a certificate or key that cannot be used with the context that names it, and never what it holds."""

    def __init__(self, context: KubeContext) -> None:
        self._context = context

    def __enter__(self) -> None:
        """Begin."""

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        """Raise ConfigurationError in place of what the libraries raise."""
        if isinstance(error, OSError | ValueError | TypeError | LookupError | AttributeError):
            context = self._context
            raise unusable(
                f'context "{context.name}" in {context.file} cannot be used; {check_with(context.file)}'
            ) from None


def _trust(context: KubeContext) -> ssl.SSLContext:
    cluster = context.cluster.fields
    if cluster.get("insecure-skip-tls-verify"):
        tls = ssl.create_default_context()
        tls.check_hostname = False
        tls.verify_mode = ssl.CERT_NONE
        return tls
    if data := cluster.get("certificate-authority-data"):
        return ssl.create_default_context(cadata=base64.b64decode(data).decode())
    return ssl.create_default_context(cafile=cluster.get("certificate-authority"))


def _credentials(context: KubeContext) -> _Credentials:
    user = context.user.fields
    if user.get("auth-provider"):
        raise unusable(f"auth-provider in {context.user.file} is not supported; use a credential plugin (exec)")
    with _naming(context):
        certificate, key = _content(user, "client-certificate"), _content(user, "client-key")
    token = str(user.get("token") or "")
    if user.get("tokenFile"):
        token = token_of(context.user)
    if token:
        return _Credentials({"Authorization": f"Bearer {token}"}, certificate, key)
    if user.get("username"):
        basic = _basic(user["username"], user.get("password") or "")
        return _Credentials({"Authorization": basic}, certificate, key)
    if user.get("exec") and not certificate:
        return _of_plugin(context)
    return _Credentials({}, certificate, key)


def _content(fields: Mapping[str, Any], name: str) -> bytes:
    if data := fields.get(f"{name}-data"):
        return base64.b64decode(data)
    return Path(fields[name]).read_bytes() if fields.get(name) else b""


def _of_plugin(context: KubeContext) -> _Credentials:
    """Return what a credential plugin answers. Source: Kubernetes, "client-go credential plugins"."""
    plugin, cluster = context.user.fields["exec"], context.cluster.fields
    spec: Object = {"interactive": sys.stdin.isatty() and plugin.get("interactiveMode") != "Never"}
    if plugin.get("provideClusterInfo"):
        names = ("server", "certificate-authority-data", "tls-server-name", "insecure-skip-tls-verify", "proxy-url")
        spec["cluster"] = {name: cluster[name] for name in names if cluster.get(name)}
    asked = {"apiVersion": plugin.get("apiVersion"), "kind": "ExecCredential", "spec": spec}
    variables = {str(each["name"]): str(each["value"]) for each in plugin.get("env") or []}
    refused = unusable(
        f'the credential plugin of context "{context.name}" returned no credentials; {check_with(context.user.file)}'
    )
    try:
        done = subprocess.run(  # noqa: S603 - the kubeconfig names the command, as for kubectl
            [str(plugin["command"]), *map(str, plugin.get("args") or [])],
            env={**os.environ, **variables, "KUBERNETES_EXEC_INFO": json.dumps(asked)},
            stdout=subprocess.PIPE,
            check=True,
        )
        status = json.loads(done.stdout)["status"]
        token = str(status.get("token") or "")
        certificate = str(status.get("clientCertificateData") or "").encode()
        key = str(status.get("clientKeyData") or "").encode()
    except (OSError, subprocess.SubprocessError, ValueError, TypeError, LookupError, AttributeError):
        raise refused from None
    if not token and not certificate:
        raise refused
    return _Credentials({"Authorization": f"Bearer {token}"} if token else {}, certificate, key)


def _of_pod(kubeconfig: str | None) -> _Server:
    host, port = os.environ.get("KUBERNETES_SERVICE_HOST"), os.environ.get("KUBERNETES_SERVICE_PORT")
    if not host or not port:
        raise no_context(kubeconfig, "Service host/port is not set.")
    namespace = DEFAULT_NAMESPACE
    with suppress(OSError):
        namespace = (_POD / "namespace").read_text().strip() or namespace

    def credentials() -> _Credentials:
        try:
            return _Credentials({"Authorization": f"Bearer {(_POD / 'token').read_text().strip()}"})
        except OSError as error:
            raise no_context(kubeconfig, error) from error

    address = f"[{host}]" if ":" in host else host
    url = urlsplit(f"https://{address}:{port}")
    certificate = str(_POD / "ca.crt")
    return _Server(
        url,
        lambda: ssl.create_default_context(cafile=certificate),
        credentials,
        proxy=proxy_for(url),
        namespace=namespace,
    )
