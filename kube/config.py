"""Which API server, and as whom: the same answer that kubectl gives beside this process.

The order: an explicit file; else the files of KUBECONFIG; else $HOME/.kube/config; else, where these name no
cluster, the service account of the pod. Several files are merged, and the first one that sets current-context or
holds a cluster, user or context of a name wins; relative paths are resolved against the folder of their file.
The client package's own merge takes current-context of the last file, so files are merged here and the package
gets the one context that counts. Source: Kubernetes, "Organizing Cluster Access Using kubeconfig Files";
client-go, tools/clientcmd/loader.go.
"""

import os
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from kubernetes.aio.client import Configuration
from kubernetes.aio.config import ConfigException, load_incluster_config, load_kube_config_from_dict

from kube.errors import ConfigurationError

DEFAULT_NAMESPACE = "default"
_SECTIONS = {
    "clusters": ("certificate-authority",),
    "users": ("client-certificate", "client-key", "tokenFile"),
    "contexts": (),
}
"""The sections of a kubeconfig, and the fields in their entries that name files."""
_MALFORMED = (ValueError, TypeError, LookupError, AttributeError)
"""What reading raises in a file of another form; the texts of these errors may quote the file."""
_RENEWAL = 60.0
"""Seconds between two looks at a token that may have been renewed."""


@dataclass(frozen=True)
class _Entry:
    """A cluster, user or context, and the file that holds it; its paths are absolute."""

    file: Path
    fields: Mapping[str, Any]


_Entries = dict[str, _Entry]


@dataclass(frozen=True)
class ChosenContext:
    """Where server and credentials come from."""

    source: str
    """For messages: the context and its file."""
    namespace: str = DEFAULT_NAMESPACE
    """Where commands look for an object of which no namespace is said."""
    remedy: str = "check its files"


@dataclass
class _Kubeconfig:
    """What one file or several merged ones say."""

    current_context: str = ""
    clusters: _Entries = field(default_factory=dict)
    users: _Entries = field(default_factory=dict)
    contexts: _Entries = field(default_factory=dict)


async def configure(
    configuration: Configuration,
    kubeconfig: str | None = None,
    context: str | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> ChosenContext:
    """Set server, TLS and credentials, and return whose they are. Makes no call to a server.

    `kubeconfig` is an explicit file, which must exist; `context` is used in place of current-context.
    Raises ConfigurationError.
    """
    files = _files(kubeconfig)
    merged = _merge([read for file in files if (read := _read(file)) is not None])
    name = context or merged.current_context
    if name:
        return await _use_context(configuration, merged, name, files, clock)
    try:
        load_incluster_config(client_configuration=configuration)  # type: ignore[no-untyped-call]
    except (ConfigException, OSError) as error:
        searched = ", ".join(map(str, files)) or "KUBECONFIG is not set"
        raise _error(
            f"no current context in {searched}, and no service account of a pod ({error});"
            " set KUBECONFIG, or choose a context with: kubectl config use-context NAME"
        ) from error
    return ChosenContext("the service account of the pod")


def _files(explicit: str | None) -> list[Path]:
    """Return the files to merge, the most important one first."""
    if explicit:
        if not Path(explicit).exists():
            raise _error(f"{explicit} does not exist")
        return [Path(explicit)]
    if listed := os.environ.get("KUBECONFIG"):
        return [Path(name) for name in dict.fromkeys(listed.split(os.pathsep)) if name]
    home = os.environ.get("HOME")
    return [Path(home, ".kube", "config")] if home else []


def _read(file: Path) -> _Kubeconfig | None:
    """Read one file; None where it is missing or empty, which kubectl passes over. Never quotes what it holds."""
    try:
        document = yaml.safe_load(file.read_text())
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _error(f"cannot read {file}: {error.strerror}") from error
    except (yaml.YAMLError, *_MALFORMED):
        raise _error(f"{file} is not YAML; {_check_with(file)}") from None
    try:
        return _parse(file, document) if document is not None else None
    except _MALFORMED:
        raise _error(f"{file} is not a kubeconfig; {_check_with(file)}") from None


def _parse(file: Path, document: Any) -> _Kubeconfig:
    """Return the sections of a file by name. Raises one of many errors where it is of another form."""
    if (document.get("apiVersion") or "v1", document.get("kind") or "Config") != ("v1", "Config"):
        raise ValueError("another kind of file")
    read = _Kubeconfig(current_context=str(document.get("current-context") or ""))
    for section, paths in _SECTIONS.items():
        entries: _Entries = getattr(read, section)
        for item in document.get(section) or []:
            if item["name"] in entries:
                raise ValueError("a name that is there twice")
            entries[item["name"]] = _Entry(file, _resolve(file, dict(item[section.removesuffix("s")] or {}), paths))
    return read


def _resolve(file: Path, fields: dict[str, Any], paths: Sequence[str]) -> dict[str, Any]:
    """Make the paths of an entry absolute, the command of a credential plugin too unless PATH is to find it."""
    folder = file.absolute().parent
    for each in paths:
        if fields.get(each):
            fields[each] = os.path.normpath(folder / fields[each])
    command = (fields.get("exec") or {}).get("command") or ""
    if os.sep in command:
        fields["exec"] = {**fields["exec"], "command": os.path.normpath(folder / command)}
    return fields


def _merge(files: Sequence[_Kubeconfig]) -> _Kubeconfig:
    """Merge files entry by entry: what the first one says of a name is not completed from the next."""
    merged = _Kubeconfig()
    for each in files:
        merged.current_context = merged.current_context or each.current_context
        for section in _SECTIONS:
            setattr(merged, section, getattr(each, section) | getattr(merged, section))
    return merged


async def _use_context(
    configuration: Configuration, merged: _Kubeconfig, name: str, files: Sequence[Path], clock: Callable[[], float]
) -> ChosenContext:
    """Hand one context to the client package, as a kubeconfig that holds nothing else."""
    if name not in merged.contexts:
        searched = ", ".join(map(str, files))
        raise _error(f'context "{name}" is not in {searched}; list contexts with: kubectl config get-contexts')
    context = merged.contexts[name]
    cluster = _named(merged.clusters, context, "cluster")
    user = _named(merged.users, context, "user") if context.fields.get("user") else _Entry(context.file, {})
    _check(cluster, user)
    only = {
        "current-context": "only",
        "contexts": [{"name": "only", "context": {"cluster": "only", "user": "only"}}],
        "clusters": [{"name": "only", "cluster": dict(cluster.fields)}],
        "users": [{"name": "only", "user": _credentials(user)}],
    }
    try:
        loader = await load_kube_config_from_dict(only, client_configuration=configuration)  # type: ignore[no-untyped-call]
    except (ConfigException, OSError, *_MALFORMED):
        raise _error(f'context "{name}" in {context.file} cannot be used; {_check_with(context.file)}') from None
    if user.fields.get("exec") and not (configuration.api_key or configuration.cert_file):
        raise _error(f'the credential plugin of context "{name}" returned no credentials; {_check_with(user.file)}')
    configuration.refresh_api_key_hook = _renewal(loader, user, clock)  # type: ignore[assignment]
    namespace = str(context.fields.get("namespace") or DEFAULT_NAMESPACE)
    return ChosenContext(f'context "{name}" in {context.file}', namespace, _check_with(context.file))


def _named(entries: _Entries, context: _Entry, field: str) -> _Entry:
    """Return the cluster or user that a context names."""
    entry = entries.get(context.fields.get(field) or "")
    if entry is None:
        raise _error(f"a context in {context.file} names a {field} that does not exist; {_check_with(context.file)}")
    return entry


def _check(cluster: _Entry, user: _Entry) -> None:
    """Refuse what the client package would report without naming the file, or would pass over in silence."""
    if not cluster.fields.get("server"):
        raise _error(f"a cluster in {cluster.file} has no server; {_check_with(cluster.file)}")
    for entry, fields in ((cluster, _SECTIONS["clusters"]), (user, _SECTIONS["users"])):
        for each in fields:
            if entry.fields.get(each) and not os.path.isfile(entry.fields[each]):
                raise _error(f"{each} in {entry.file} names a file that does not exist; {_check_with(entry.file)}")
    # kubectl would act with the rights of that user, and the client package with more.
    if any(each.startswith("as") and value for each, value in user.fields.items()):
        raise _error(f"impersonation (as, as-groups, as-uid) in {user.file} is not supported; remove it")


def _credentials(user: _Entry) -> dict[str, Any]:
    """Return a user's fields with the token that its file holds: the client package would send its line end as well."""
    fields = {each: value for each, value in user.fields.items() if value}
    if "tokenFile" in fields:
        fields["token"] = _token(user)
    return fields


def _token(user: _Entry) -> str:
    try:
        return Path(user.fields["tokenFile"]).read_text().strip()
    except (OSError, ValueError) as error:
        raise _error(f"cannot read the tokenFile of a user in {user.file}") from error


def _renewal(loader: Any, user: _Entry, clock: Callable[[], float]) -> Callable[[Configuration], Awaitable[None]]:
    """Return what the client package runs before each call: it renews a token from a file or a plugin in time.

    Source: Kubernetes, "Client authentication": tokens end, and client-go reads token files every minute.
    """
    renewed_at = clock()

    async def renew(configuration: Configuration) -> None:
        nonlocal renewed_at
        if clock() - renewed_at < _RENEWAL:
            return
        # Set before anything is awaited, so that calls meanwhile go on with the token that is there.
        renewed_at = clock()
        if user.fields.get("tokenFile"):
            with suppress(ConfigurationError):
                configuration.api_key["BearerToken"] = f"Bearer {_token(user)}"
        elif hasattr(loader, "exec_plugin_expiry") and await loader.load_from_exec_plugin():
            configuration.api_key["BearerToken"] = loader.token

    return renew


def _error(reason: str) -> ConfigurationError:
    return ConfigurationError(f"no Kubernetes configuration: {reason}")


def _check_with(file: Path) -> str:
    return f"check it with: kubectl config view --kubeconfig {file}"
