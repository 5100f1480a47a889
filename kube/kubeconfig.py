"""The kubeconfig files that kubectl reads, merged, and the one context in them that counts. Makes no call to a server.

The order: an explicit file; else the files of KUBECONFIG; else $HOME/.kube/config. Several files are merged, and the
first one that sets current-context or holds a cluster, user or context of a name wins; relative paths are resolved
against the folder of their file. Source: Kubernetes, "Organizing Cluster Access Using kubeconfig Files"; client-go,
tools/clientcmd/loader.go.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from kube.errors import ConfigurationError

DEFAULT_NAMESPACE = "default"
_SECTIONS = {
    "clusters": ("certificate-authority",),
    "users": ("client-certificate", "client-key", "tokenFile"),
    "contexts": (),
}
"""The sections of a kubeconfig, and the fields in their entries that name files."""
MALFORMED = (ValueError, TypeError, LookupError, AttributeError)
"""What reading raises in a file of another form; the texts of these errors may quote the file."""


@dataclass(frozen=True)
class Entry:
    """A cluster, user or context, and the file that holds it; its paths are absolute."""

    file: Path
    fields: Mapping[str, Any]


Entries = dict[str, Entry]


@dataclass(frozen=True)
class KubeContext:
    """A context with its cluster and its user, complete and checked."""

    name: str
    file: Path
    cluster: Entry
    user: Entry
    namespace: str


@dataclass
class _Kubeconfig:
    """What one file or several merged ones say."""

    current_context: str = ""
    clusters: Entries = field(default_factory=dict)
    users: Entries = field(default_factory=dict)
    contexts: Entries = field(default_factory=dict)


def read_context(kubeconfig: str | None, context: str | None) -> KubeContext | None:
    """Return the context that counts; None where the files name none. Raises ConfigurationError.

    `kubeconfig` is an explicit file, which must exist; `context` is used in place of current-context.
    """
    files = _files(kubeconfig)
    merged = _merge([read for file in files if (read := _read(file)) is not None])
    name = context or merged.current_context
    if not name:
        return None
    if name not in merged.contexts:
        searched = ", ".join(map(str, files))
        raise unusable(f'context "{name}" is not in {searched}; list contexts with: kubectl config get-contexts')
    chosen = merged.contexts[name]
    cluster = _named(merged.clusters, chosen, "cluster")
    user = _named(merged.users, chosen, "user") if chosen.fields.get("user") else Entry(chosen.file, {})
    _check(cluster, user)
    return KubeContext(name, chosen.file, cluster, user, str(chosen.fields.get("namespace") or DEFAULT_NAMESPACE))


def context_names(kubeconfig: str | None) -> list[str]:
    """Return the names of all contexts."""
    return sorted(_merge([read for file in _files(kubeconfig) if (read := _read(file)) is not None]).contexts)


def no_context(kubeconfig: str | None, cause: object) -> ConfigurationError:
    """Return the error of a process that has neither a context nor, for this cause, the service account of a pod."""
    searched = ", ".join(map(str, _files(kubeconfig))) or "KUBECONFIG is not set"
    return unusable(
        f"no current context in {searched}, and no service account of a pod ({cause});"
        " set KUBECONFIG, or choose a context with: kubectl config use-context NAME"
    )


def _files(explicit: str | None) -> list[Path]:
    """Return the files to merge, the most important one first."""
    if explicit:
        if not Path(explicit).exists():
            raise unusable(f"{explicit} does not exist")
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
        raise unusable(f"cannot read {file}: {error.strerror}") from error
    except (yaml.YAMLError, *MALFORMED):
        raise unusable(f"{file} is not YAML; {check_with(file)}") from None
    try:
        return _parse(file, document) if document is not None else None
    except MALFORMED:
        raise unusable(f"{file} is not a kubeconfig; {check_with(file)}") from None


def _parse(file: Path, document: Any) -> _Kubeconfig:
    """Return the sections of a file by name. Raises one of many errors where it is of another form."""
    if (document.get("apiVersion") or "v1", document.get("kind") or "Config") != ("v1", "Config"):
        raise ValueError("another kind of file")
    read = _Kubeconfig(current_context=str(document.get("current-context") or ""))
    for section, paths in _SECTIONS.items():
        entries: Entries = getattr(read, section)
        for item in document.get(section) or []:
            if item["name"] in entries:
                raise ValueError("a name that is there twice")
            entries[item["name"]] = Entry(file, _resolve(file, dict(item[section.removesuffix("s")] or {}), paths))
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


def _named(entries: Entries, context: Entry, field: str) -> Entry:
    """Return the cluster or user that a context names."""
    entry = entries.get(context.fields.get(field) or "")
    if entry is None:
        raise unusable(f"a context in {context.file} names a {field} that does not exist; {check_with(context.file)}")
    return entry


def _check(cluster: Entry, user: Entry) -> None:
    """Refuse what the client package would report without naming the file, or would pass over in silence."""
    if not _is_url(cluster.fields.get("server")):
        raise unusable(f"a cluster in {cluster.file} has no usable server; {check_with(cluster.file)}")
    for entry, fields in ((cluster, _SECTIONS["clusters"]), (user, _SECTIONS["users"])):
        for each in fields:
            if entry.fields.get(each) and not os.path.isfile(entry.fields[each]):
                raise unusable(f"{each} in {entry.file} names a file that does not exist; {check_with(entry.file)}")
    # kubectl would act with the rights of that user, and the client package with more.
    if any(each.startswith("as") and value for each, value in user.fields.items()):
        raise unusable(f"impersonation (as, as-groups, as-uid) in {user.file} is not supported; remove it")


def _is_url(server: Any) -> bool:
    """Return whether a value is the URL of a server."""
    try:
        url = urlsplit(server)
        return url.scheme in ("http", "https") and bool(url.hostname) and url.port != 0
    except MALFORMED:
        return False


def token_of(user: Entry) -> str:
    """Return the token in the file that a user names. Raises ConfigurationError."""
    try:
        return Path(user.fields["tokenFile"]).read_text().strip()
    except (OSError, ValueError) as error:
        raise unusable(f"cannot read the tokenFile of a user in {user.file}") from error


def unusable(reason: str) -> ConfigurationError:
    """Return the error with its reason."""
    return ConfigurationError(f"no Kubernetes configuration: {reason}")


def check_with(file: Path) -> str:
    """Say how to look at a file."""
    return f"check it with: kubectl config view --kubeconfig {file}"
