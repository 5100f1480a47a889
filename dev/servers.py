"""How etcd, the API server, the controller manager and Temporal are started, and who may talk to the API server.

Sources: https://kubernetes.io/docs/reference/command-line-tools-reference/kube-apiserver/ and its neighbour for the
controller manager; https://etcd.io/docs/v3.6/op-guide/configuration/; `temporal server start-dev --help` and
docs/local-stack.md, "Temporal's settings".
"""

import base64
import os
import secrets
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from dev.layout import Layout
from dev.process import Service, environment

# Without these, foreground deletion, namespace deletion, Jobs, default service accounts and the roles that our own are
# aggregated to (`view`, `edit`, `admin`) would not work.
CONTROLLERS = (
    "garbage-collector-controller",
    "namespace-controller",
    "job-controller",
    "ttl-after-finished-controller",
    "serviceaccount-controller",
    "clusterrole-aggregation-controller",
)

# The API server signs its own certificate for a year; one that is older than this is replaced before a start.
CERTIFICATE_AGE = 300 * 24 * 3600.0

TEMPORAL_PORTS = ["temporal", "temporal-ui", "temporal-http", "temporal-metrics"]

SEARCH_ATTRIBUTES = (
    "drplanPlan",
    "drplanNamespace",
    "drplanExecution",
    "drplanOperation",
    "drplanStage",
    "drplanFailedAction",
    "drplanOriginal",
)

# The defaults (20 tasks a second and shard, 1 s of timer shift) make a tree of workflows eight times slower. A misspelt
# key is accepted silently, so tests/dev checks them by their effect. The timer values are for development only: in
# production the shift covers clocks that differ between hosts.
DYNAMIC_CONFIG = {
    "history.transferProcessorMaxPollRPS": "2000",
    "history.visibilityProcessorMaxPollRPS": "1000",
    "history.timerProcessorMaxPollRPS": "1000",
    "history.timerProcessorMaxTimeShift": '"10ms"',
}


def etcd(layout: Layout, program: Path, ports: dict[str, int]) -> Service:
    """One etcd member on loopback. It keeps fsync, so that the data of a machine that lost its power still loads."""
    client, peer = (f"http://127.0.0.1:{ports[name]}" for name in ("etcd", "etcd-peer"))
    flags = {
        "name": "drplan",
        "data-dir": str(layout.data / "etcd"),
        "listen-client-urls": client,
        "advertise-client-urls": client,
        "listen-peer-urls": peer,
        "initial-advertise-peer-urls": peer,
        "initial-cluster": f"drplan={peer}",
        "log-level": "warn",
    }
    return Service("etcd", (str(program), *_flags(flags)))


def kube_apiserver(layout: Layout, program: Path, ports: dict[str, int]) -> Service:
    """The API server with RBAC, token users and an audit log. Its own key signs service account tokens as well."""
    certificates = layout.data / "apiserver"
    flags = {
        "etcd-servers": f"http://127.0.0.1:{ports['etcd']}",
        "bind-address": "127.0.0.1",
        "advertise-address": "127.0.0.1",
        "secure-port": str(ports["kube-apiserver"]),
        "cert-dir": str(certificates),
        # It makes thirty objects at the first start and queues each request; nobody here has to be held back.
        "enable-priority-and-fairness": "false",
        # A loopback address is refused as an endpoint of the service `kubernetes`, which nothing here uses.
        "endpoint-reconciler-type": "none",
        "service-cluster-ip-range": "10.0.0.0/24",
        "service-account-issuer": "https://kubernetes.default.svc",
        "service-account-signing-key-file": str(certificates / "apiserver.key"),
        "service-account-key-file": str(certificates / "apiserver.key"),
        "token-auth-file": str(layout.data / "tokens.csv"),
        "authorization-mode": "RBAC",
        # It would refuse pods until their service account has a token, and no kubelet runs that would use it.
        "disable-admission-plugins": "ServiceAccount",
        "allow-privileged": "true",
        "audit-policy-file": str(layout.data / "audit-policy.yaml"),
        "audit-log-path": str(layout.audit_log),
        "audit-log-maxsize": "200",
        "audit-log-maxbackup": "2",
    }
    tokens = (layout.data / "tokens.csv").read_text()
    return Service("kube-apiserver", (str(program), *_flags(flags)), inputs=tokens + audit_policy())


def kube_controller_manager(layout: Layout, program: Path) -> Service:
    """The few controllers without which deletion and Jobs would not work."""
    kubeconfig = layout.data / "kube-controller-manager.kubeconfig"
    flags = {
        "kubeconfig": str(kubeconfig),
        "controllers": ",".join(CONTROLLERS),
        "leader-elect": "false",
        "secure-port": "0",
    }
    return Service("kube-controller-manager", (str(program), *_flags(flags)), inputs=kubeconfig.read_text())


def _flags(flags: dict[str, str]) -> list[str]:
    return [f"--{name}={value}" for name, value in flags.items()]


def audit_policy() -> str:
    """Log who did what to which object, with bodies only where a uid is wanted; leave out what only fills the log.

    Every write stays, except the heartbeats of leases and the recording of events.
    Source: https://kubernetes.io/docs/tasks/debug/debug-cluster/audit/
    """
    heartbeats = [{"group": "coordination.k8s.io", "resources": ["leases"]}, {"group": "events.k8s.io"}]
    heartbeats.append({"group": "", "resources": ["events"]})
    system = ["system:apiserver", "system:kube-controller-manager"]
    # Only the answer to a create or a delete names the uid of its object, by which the tests count.
    created_by_actions = [{"group": "", "resources": ["configmaps"]}, {"group": "apps.clusternet.io"}]
    rules: list[dict[str, object]] = [
        {"level": "None", "resources": heartbeats, "verbs": ["get", "list", "watch", "create", "update", "patch"]},
        {"level": "None", "users": system, "verbs": ["get", "list", "watch"]},
        {"level": "None", "nonResourceURLs": ["*"]},
        {"level": "RequestResponse", "verbs": ["create", "delete"], "resources": created_by_actions},
        {"level": "Metadata"},
    ]
    policy = {"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "omitStages": ["RequestReceived"], "rules": rules}
    return yaml.safe_dump(policy, sort_keys=False)


def drop_old_certificate(layout: Layout) -> None:
    """Remove a certificate that is about to run out; the API server makes another. Only while it does not run."""
    certificate = layout.data / "apiserver" / "apiserver.crt"
    if certificate.exists() and time.time() - certificate.stat().st_mtime > CERTIFICATE_AGE:
        certificate.unlink()
        certificate.with_suffix(".key").unlink(missing_ok=True)


@dataclass(frozen=True)
class User:
    """A line of the API server's token file."""

    name: str
    groups: tuple[str, ...]


def _service_account(name: str) -> User:
    groups = ("system:serviceaccounts", "system:serviceaccounts:drplan-system", "system:authenticated")
    return User(f"system:serviceaccount:drplan-system:{name}", groups)


# Worker and bridge are named as the service accounts that deploy/rbac binds, so the stack runs with those roles.
USERS = {
    "admin": User("admin", ("system:masters",)),
    "kube-controller-manager": User("system:kube-controller-manager", ("system:masters",)),
    "worker": _service_account("drplan-worker"),
    "bridge": _service_account("drplan-bridge"),
}


def tokens(layout: Layout) -> dict[str, str]:
    """Return the token of each user; they are drawn once and stored in the API server's token file.

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
    """Write a file that only its owner may read, completely or not at all."""
    partial = f"{os.fspath(file)}.partial"
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as stream:
        stream.write(text)
    os.replace(partial, file)


def kubeconfig(server: str, authority: bytes, user: str, token: str) -> str:
    """Return the kubeconfig of one user of one server, which is trusted by `authority` (PEM) and nothing else."""
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


def temporal(layout: Layout, program: Path, ports: dict[str, int]) -> Service:
    """Frontend, history, matching and UI in one process, with their database in the stack's folder."""
    argv = [str(program), "server", "start-dev", "--ip=127.0.0.1", "--ui-ip=127.0.0.1", "--log-level=warn"]
    argv += [f"--db-filename={layout.data / 'temporal.db'}", "--ui-disable-news-fetch"]
    argv += [f"--port={ports['temporal']}", f"--ui-port={ports['temporal-ui']}"]
    argv += [f"--http-port={ports['temporal-http']}", f"--metrics-port={ports['temporal-metrics']}"]
    # With a rollback journal every task waits for the disk: 40 child workflows took 9 s, so they take 2 s as in memory.
    # A killed server loses nothing; a machine without power may lose the last moments, but not the database.
    argv += ["--sqlite-pragma", "journal_mode=WAL", "--sqlite-pragma", "synchronous=NORMAL"]
    # Copied into the database every 40 MB instead of every 4 MB: Temporal takes a tenth less of the processor.
    argv += ["--sqlite-pragma", "wal_autocheckpoint=10000"]
    for key, value in DYNAMIC_CONFIG.items():
        argv += ["--dynamic-config-value", f"{key}={value}"]
    for attribute in SEARCH_ATTRIBUTES:
        argv += ["--search-attribute", f"{attribute}=Keyword"]
    return Service("temporal", tuple(argv))


def temporal_is_ready(program: Path, address: str, env: Mapping[str, str] | None = None) -> bool:
    """Ask whether the default namespace answers: that needs the frontend, its database and its cache of namespaces.

    `env` holds further TEMPORAL_ variables (TLS, API key) of a server that is not ours.
    """
    command = [str(program), "operator", "namespace", "describe", "--address", address, "--command-timeout", "5s"]
    namespace = (env or {}).get("TEMPORAL_NAMESPACE", "default")
    done = subprocess.run([*command, namespace], capture_output=True, env=environment(env or {}))
    return done.returncode == 0
