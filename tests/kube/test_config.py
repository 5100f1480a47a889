"""Which cluster is meant: the same as kubectl says beside it, for the same files and environment."""

import asyncio
import base64
import json
import os
import ssl
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiohttp import web
from kubernetes.aio.client import Configuration

from dev.programs import from_venv
from kube.client import Cluster
from kube.config import configure
from kube.errors import ConfigurationError
from tests.eventually import eventually
from tests.http_service import CERTIFICATE
from tests.kube.scripted_server import Answer, kubeconfig, serving


def kubectl(*arguments: str) -> str:
    """Run kubectl in this environment and return what it prints; where it fails, an empty text."""
    done = subprocess.run([from_venv("kubectl"), *arguments], capture_output=True, text=True, timeout=60, check=False)
    return done.stdout.strip() if done.returncode == 0 else ""


@pytest.fixture(autouse=True)
def no_other_configuration(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in ("KUBECONFIG", "KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT"):
        monkeypatch.delenv(name, raising=False)


def written(file: Path, document: Any) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(document if isinstance(document, str) else yaml.safe_dump(document))
    return file


ONE = kubeconfig("http://one.example:1", "one")
TWO = kubeconfig("http://two.example:2", "two")


def without(configuration: dict[str, Any], *keys: str) -> dict[str, Any]:
    return {key: value for key, value in configuration.items() if key not in keys}


@dataclass(frozen=True)
class Case:
    """Files by name, and what KUBECONFIG says of them; None where it is not set."""

    files: dict[str, Any]
    listed: str | None
    context: str | None = None
    refused: str = ""
    """What the error says, where kubectl has no cluster to name either."""
    env: dict[str, str] = field(default_factory=dict)


CASES = {
    "one file": Case({"a": ONE}, "a"),
    "the first of two files sets the current context": Case({"a": ONE, "b": TWO}, "a:b"),
    "the other way round": Case({"a": ONE, "b": TWO}, "b:a"),
    "a first file without current context leaves it to the second": Case(
        {"a": without(ONE, "current-context"), "b": TWO}, "a:b"
    ),
    "a first file with an empty current context too": Case({"a": ONE | {"current-context": ""}, "b": TWO}, "a:b"),
    "a context of the first file whose cluster is in the second": Case(
        {"a": without(ONE, "clusters", "users"), "b": without(ONE, "contexts", "current-context")}, "a:b"
    ),
    "a cluster that both files name is the first one's": Case(
        {"a": ONE, "b": kubeconfig("http://other.example:3", "one")}, "a:b"
    ),
    "an entry is not completed from the next file": Case(
        {"a": ONE | {"clusters": [{"name": "one", "cluster": {"insecure-skip-tls-verify": True}}]}, "b": ONE},
        "a:b",
        refused="has no usable server",
    ),
    "empty entries of the list": Case({"a": ONE}, "::a:"),
    "a file twice": Case({"a": ONE, "b": TWO}, "a:a:b"),
    "a file that is missing": Case({"b": TWO}, "absent:b"),
    "a file that is empty": Case({"a": "", "b": TWO}, "a:b"),
    "all files missing": Case({}, "absent:lost", refused="no current context"),
    "a list that is empty, and the file at home": Case({"home/.kube/config": ONE}, ""),
    "the file at home": Case({"home/.kube/config": ONE}, None),
    "the file at home is not looked at where KUBECONFIG names files": Case(
        {"home/.kube/config": ONE}, "absent", refused="no current context"
    ),
    "the file at home goes before the account of a pod": Case(
        {"home/.kube/config": ONE},
        None,
        env={"KUBERNETES_SERVICE_HOST": "10.0.0.1", "KUBERNETES_SERVICE_PORT": "443"},
    ),
    "nothing at all": Case({}, None, refused="no current context"),
    "another context than the current one": Case({"a": ONE, "b": TWO}, "a:b", context="two"),
    "a context that is nowhere": Case({"a": ONE}, "a", context="three", refused='context "three" is not in'),
    "a current context that is nowhere": Case(
        {"a": ONE | {"current-context": "three"}}, "a", refused='context "three" is not in'
    ),
    "a context whose cluster is nowhere": Case({"a": without(ONE, "clusters")}, "a", refused="names a cluster that"),
    "a name that is there twice": Case({"a": ONE | {"clusters": ONE["clusters"] * 2}}, "a", refused="not a kubeconfig"),
    "a file of another kind": Case({"a": {"apiVersion": "v1", "kind": "Pod"}}, "a", refused="not a kubeconfig"),
    "a file without kind": Case({"a": without(ONE, "kind", "apiVersion")}, "a"),
}


@pytest.mark.parametrize("name", CASES)
async def test_the_cluster_is_the_one_that_kubectl_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    case = CASES[name]
    for file, document in case.files.items():
        written(tmp_path / file, document)
    if case.listed is not None:
        paths = [str(tmp_path / each) if each else "" for each in case.listed.split(":")] if case.listed else []
        monkeypatch.setenv("KUBECONFIG", os.pathsep.join(paths))
    for variable, value in case.env.items():
        monkeypatch.setenv(variable, value)
    chosen = [f"--context={case.context}"] if case.context else []
    theirs = json.loads(kubectl("config", "view", "--minify", "-o", "json", *chosen) or "{}")
    configuration = Configuration()
    if case.refused:
        assert not [each for each in theirs.get("clusters") or [] if each["cluster"].get("server")]
        with pytest.raises(ConfigurationError, match=case.refused):
            await configure(configuration, context=case.context)
        return
    await configure(configuration, context=case.context)
    assert configuration.host == theirs["clusters"][0]["cluster"]["server"]
    assert case.context or kubectl("config", "current-context") == theirs["current-context"]


def naming(version: str) -> Answer:
    async def answer(_: web.BaseRequest) -> web.StreamResponse:
        return web.json_response({"gitVersion": version})

    return answer


@pytest.mark.parametrize("order", ["one two", "two one"])
async def test_of_two_files_with_two_servers_the_client_asks_the_one_that_kubectl_asks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, order: str
) -> None:
    async with serving(naming("v1.one")) as one, serving(naming("v1.two")) as two:
        urls = {"one": one, "two": two}
        files = [str(written(tmp_path / name, kubeconfig(urls[name], name))) for name in order.split()]
        monkeypatch.setenv("KUBECONFIG", os.pathsep.join(files))
        theirs = await asyncio.to_thread(kubectl, "get", "--raw", "/version")
        cluster = await Cluster.connect()
        ours = await cluster.version()
        await cluster.close()
    assert json.loads(theirs)["gitVersion"] == ours == f"v1.{order.split()[0]}"


async def test_an_explicit_file_goes_before_kubeconfig_and_must_exist(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(written(tmp_path / "a", ONE)))
    configuration = Configuration()
    await configure(configuration, str(written(tmp_path / "b", TWO)))
    assert configuration.host == "http://two.example:2"
    with pytest.raises(ConfigurationError, match="absent does not exist"):
        await configure(configuration, str(tmp_path / "absent"))


async def test_a_context_whose_user_is_nowhere_is_refused(tmp_path: Path) -> None:
    """As kubectl refuses it when it makes a call."""
    with pytest.raises(ConfigurationError, match="names a user that does not exist"):
        await configure(Configuration(), str(written(tmp_path / "a", without(ONE, "users"))))


async def test_a_context_without_user_needs_none(tmp_path: Path) -> None:
    contexts = [{"name": "one", "context": {"cluster": "one", "namespace": "team-a"}}]
    configuration = Configuration()
    context = await configure(configuration, str(written(tmp_path / "a", ONE | {"contexts": contexts})))
    assert (context.namespace, configuration.api_key) == ("team-a", {})


async def test_the_namespace_is_that_of_the_context(tmp_path: Path) -> None:
    assert (await configure(Configuration(), str(written(tmp_path / "a", ONE)))).namespace == "default"


# Relative paths.


@asynccontextmanager
async def serving_tls() -> AsyncIterator[str]:
    """Serve the version over TLS, with a certificate that nobody trusts unasked."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=CERTIFICATE)
    context.verify_mode = ssl.CERT_OPTIONAL
    context.load_cert_chain(CERTIFICATE)

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        assert request.transport is not None
        shown = request.transport.get_extra_info("peercert")
        token = request.headers.get("Authorization", "none")
        return web.json_response({"gitVersion": f"{token}, {'with' if shown else 'without'} certificate"})

    runner = web.ServerRunner(web.Server(answer), shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    yield f"https://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


async def test_relative_paths_belong_to_the_folder_of_the_file_that_names_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate = CERTIFICATE.read_text()
    written(tmp_path / "clusters/certs/ca.pem", certificate)
    written(tmp_path / "users/me.pem", certificate)
    written(tmp_path / "users/token", "from-a-file\n")
    async with serving_tls() as url:
        cluster = {"server": url, "certificate-authority": "certs/ca.pem"}
        user = {"client-certificate": "me.pem", "client-key": "../users/me.pem", "tokenFile": "token"}
        first = without(ONE, "users") | {"clusters": [{"name": "one", "cluster": cluster}]}
        files = [
            written(tmp_path / "clusters/config", first),
            written(tmp_path / "users/config", {"users": [{"name": "one", "user": user}]}),
        ]
        monkeypatch.chdir(written(tmp_path / "elsewhere/file", "").parent)
        monkeypatch.setenv("KUBECONFIG", os.pathsep.join(os.path.relpath(file) for file in files))
        theirs = await asyncio.to_thread(kubectl, "get", "--raw", "/version")
        client = await Cluster.connect()
        ours = await client.version()
        await client.close()
    assert ours == json.loads(theirs)["gitVersion"] == "Bearer from-a-file, with certificate"


PLUGIN = """#!/bin/sh
token=$(cat "$(dirname "$0")/next")
cat <<END
{"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential",
 "status": {"token": "$token", "expirationTimestamp": "2026-01-01T00:00:00Z"}}
END
"""


def with_plugin(folder: Path, text: str, command: str = "./bin/plugin") -> Path:
    """Write a kubeconfig whose credentials a program beside it returns."""
    written(folder / "bin/next", "first")
    written(folder / "bin/plugin", text).chmod(0o700)
    plugin = {"apiVersion": "client.authentication.k8s.io/v1", "command": command, "interactiveMode": "Never"}
    return written(folder / "config", kubeconfig("http://one.example:1", user={"exec": plugin}))


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


async def test_a_credential_plugin_is_found_beside_its_file_and_run_again_when_its_token_ends(tmp_path: Path) -> None:
    configuration, clock = Configuration(), Clock()
    await configure(configuration, str(with_plugin(tmp_path, PLUGIN)), clock=clock)
    assert await configuration.get_api_key_with_prefix("BearerToken") == "Bearer first"
    written(tmp_path / "bin/next", "second")
    clock.now = 59
    assert await configuration.get_api_key_with_prefix("BearerToken") == "Bearer first"
    clock.now = 61
    assert await configuration.get_api_key_with_prefix("BearerToken") == "Bearer second"


@pytest.mark.parametrize("text", ["#!/bin/sh\nexit 1\n", "#!/bin/sh\necho nothing\n"])
async def test_a_credential_plugin_that_fails_is_named(tmp_path: Path, text: str) -> None:
    file = with_plugin(tmp_path, text)
    with pytest.raises(ConfigurationError, match=r"the credential plugin of context .test. returned no credentials"):
        await configure(Configuration(), str(file))


async def test_a_token_file_is_read_again_and_its_last_token_kept_where_it_is_away(tmp_path: Path) -> None:
    file, token = written(tmp_path / "config", kubeconfig("http://one.example:1", user={"tokenFile": "token"})), ""
    written(tmp_path / "token", "first\n")
    configuration, clock = Configuration(), Clock()
    await configure(configuration, str(file), clock=clock)
    for clock.now, text in ((61, "second\n"), (122, None), (183, "third\n")):
        (tmp_path / "token").unlink() if text is None else written(tmp_path / "token", text)
        token = token if text is None else f"Bearer {text.strip()}"
        assert await configuration.get_api_key_with_prefix("BearerToken") == token


# What cannot be used.

SECRET = "c29tZS1zZWNyZXQ"
NO_CERTIFICATE = {"certificate-authority-data": base64.b64encode(SECRET.encode()).decode()}


def changed(**fields: Any) -> dict[str, Any]:
    """Return a kubeconfig whose user has these fields."""
    return ONE | {"users": [{"name": "one", "user": fields}]}


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        (f"token: {SECRET}\n  wrong: [", "is not YAML; check it with: kubectl config view --kubeconfig "),
        (f"- {SECRET}", "is not a kubeconfig; check it with: kubectl config view --kubeconfig "),
        ({"users": [SECRET]}, "is not a kubeconfig; "),
        ({"users": {"one": SECRET}}, "is not a kubeconfig; "),
        (ONE | {"users": [{"name": "one", "user": SECRET}]}, "is not a kubeconfig; "),
        (changed(**{"client-certificate": f"/{SECRET}"}), "client-certificate in .* names a file that does not exist"),
        (changed(tokenFile=SECRET), "tokenFile in .* names a file that does not exist"),
        (changed(**{"as": SECRET}), "impersonation .* is not supported; remove it"),
        (
            changed(**{"client-certificate-data": SECRET, "client-key-data": SECRET})
            | {"clusters": [{"name": "one", "cluster": {"server": "https://one.example:1"}}]},
            "cannot be used; check it with: kubectl",
        ),
        (
            ONE | {"clusters": [{"name": "one", "cluster": {"server": "https://one.example:1", **NO_CERTIFICATE}}]},
            "a certificate or key of context .one. in .* cannot be used; check it with: kubectl",
        ),
    ],
)
async def test_a_broken_file_is_named_with_a_remedy_and_never_quoted(
    tmp_path: Path, document: Any, reason: str
) -> None:
    file = written(tmp_path / "config", document)
    with pytest.raises(ConfigurationError, match=reason) as raised:
        await Cluster.connect(str(file))
    assert str(raised.value).startswith("no Kubernetes configuration: ")
    assert SECRET not in str(raised.value)
    assert str(file) in str(raised.value)


async def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=f"cannot read {tmp_path}: Is a directory"):
        await Cluster.connect(str(tmp_path))


# The connections.


async def test_programs_are_told_apart_and_closing_leaves_no_connection(tmp_path: Path) -> None:
    agents: list[str] = []
    transports: list[asyncio.Transport] = []

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        assert request.transport is not None
        agents.append(request.headers["User-Agent"])
        transports.append(request.transport)
        return web.json_response({"gitVersion": "v1"})

    async with serving(answer) as url:
        cluster = await Cluster.connect(str(written(tmp_path / "a", kubeconfig(url))), user_agent="drplan-bridge")
        await asyncio.gather(*(cluster.version() for _ in range(5)))
        await cluster.close()
        assert set(agents) == {"drplan-bridge"}
        await eventually(lambda: all(transport.is_closing() for transport in transports), "the end of all connections")


async def test_credentials_of_a_netrc_file_are_not_sent_beside_those_of_the_kubeconfig(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str | None] = []

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        seen.append(request.headers.get("Authorization"))
        return web.json_response({"gitVersion": "v1"})

    monkeypatch.setenv("NETRC", str(written(tmp_path / "netrc", "machine 127.0.0.1 login me password secret\n")))
    async with serving(answer) as url:
        cluster = await Cluster.connect(str(written(tmp_path / "a", kubeconfig(url))))
        await cluster.version()
        await cluster.close()
    assert seen == ["Bearer secret"]
