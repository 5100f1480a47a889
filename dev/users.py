"""Who may talk to the stack's API server: tokens, and the kubeconfigs that carry them."""

import base64
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

import yaml

from dev.layout import Layout


@dataclass(frozen=True)
class User:
    """A line of the API server's token file."""

    name: str
    groups: tuple[str, ...]


def _service_account(name: str) -> User:
    groups = ("system:serviceaccounts", "system:serviceaccounts:drplan-system", "system:authenticated")
    return User(f"system:serviceaccount:drplan-system:{name}", groups)


# Worker and bridge are named as the service accounts that deploy/rbac binds, so the stack proves those very roles.
USERS = {
    "admin": User("admin", ("system:masters",)),
    "kube-controller-manager": User("system:kube-controller-manager", ("system:masters",)),
    "worker": _service_account("drplan-worker"),
    "bridge": _service_account("drplan-bridge"),
}


def tokens(layout: Layout) -> dict[str, str]:
    """Return the token of each user; they are drawn once and kept in the API server's token file.

    Source: https://kubernetes.io/docs/reference/access-authn-authz/authentication/#static-token-file
    """
    file = layout.data / "tokens.csv"
    stored = _read_tokens(file)
    if set(stored) != set(USERS):
        stored = {name: secrets.token_hex(16) for name in USERS}
        lines = [f'{stored[name]},{user.name},{name},"{",".join(user.groups)}"\n' for name, user in USERS.items()]
        write_private(file, "".join(lines))
    return stored


def _read_tokens(file: Path) -> dict[str, str]:
    try:
        fields = [line.split(",", 3) for line in file.read_text().splitlines()]
        return {uid: token for token, _, uid, _ in fields}
    except (OSError, ValueError):
        return {}


def write_private(file: os.PathLike[str], text: str) -> None:
    """Write a file that only its owner may read, whole or not at all."""
    partial = f"{os.fspath(file)}.partial"
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as stream:
        stream.write(text)
    os.replace(partial, file)


def kubeconfig(server: str, authority: bytes, user: str, token: str) -> str:
    """Write down one user's way to one server, which is trusted by `authority` (PEM) and nothing else."""
    cluster = {"server": server, "certificate-authority-data": base64.b64encode(authority).decode()}
    return yaml.safe_dump(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "drplan-stack", "cluster": cluster}],
            "users": [{"name": user, "user": {"token": token}}],
            "contexts": [{"name": user, "context": {"cluster": "drplan-stack", "user": user, "namespace": "default"}}],
            "current-context": user,
        },
        sort_keys=False,
    )
