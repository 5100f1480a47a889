"""Brings a stack up, part by part, and takes it down. Running it again completes whatever is missing."""

import fcntl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from dev import control_plane, temporal_server
from dev.layout import REPOSITORY, Layout
from dev.own import READY, own
from dev.ports import settle
from dev.process import GRACE, ensure, environment, find, stop
from dev.programs import Programs
from dev.ready import StackError, answers_http, answers_https, has_logged, wait
from dev.users import USERS, kubeconfig, tokens, write_private

# In the order in which they end: each before what it talks to.
STOPPING = (("bridge", "worker", "kube-controller-manager"), ("kube-apiserver", "temporal"), ("etcd",))
MANIFESTS = ("deploy/crds", "deploy/clusternet", "deploy/rbac", "deploy/stack")


@dataclass(frozen=True)
class Stack:
    """A stack whose API server and Temporal are ready."""

    layout: Layout
    programs: Programs
    ports: dict[str, int]

    @property
    def server(self) -> str:
        """Where the API server answers."""
        return f"https://127.0.0.1:{self.ports['kube-apiserver']}"

    @property
    def temporal_address(self) -> str:
        """Where Temporal's frontend answers, as clients want it."""
        return f"127.0.0.1:{self.ports['temporal']}"

    @property
    def temporal_ui(self) -> str:
        """Where a browser finds Temporal's UI."""
        return f"http://127.0.0.1:{self.ports['temporal-ui']}"

    def env(self, user: str = "admin") -> dict[str, str]:
        """The variables with which a process acts on this stack as `admin`, `worker` or `bridge`."""
        kubeconfig = self.layout.kubeconfig if user == "admin" else self.layout.kubeconfig_of(user)
        return {
            "KUBECONFIG": str(kubeconfig),
            "TEMPORAL_ADDRESS": self.temporal_address,
            "TEMPORAL_UI": self.temporal_ui,
        }

    def kubectl(self, *args: str, stdin: str | None = None, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run kubectl as the administrator. Raises StackError with its error output unless `check` is off."""
        cache = f"--cache-dir={self.layout.data / 'kubectl-cache'}"
        command = [str(self.programs.kubectl), f"--kubeconfig={self.layout.kubeconfig}", cache, *args]
        done = subprocess.run(command, input=stdin, capture_output=True, text=True, env=environment({}))
        if check and done.returncode != 0:
            raise StackError(f"kubectl {' '.join(args)}: {done.stderr.strip()}")
        return done


@contextmanager
def locked(layout: Layout) -> Iterator[None]:
    """Let one start or stop of this stack happen at a time. The lock goes with its process, however that ends."""
    layout.create()
    with (layout.data / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def start_servers(layout: Layout, programs: Programs) -> Stack:
    """Start etcd, API server, Temporal and controller manager side by side; return when all of them answer."""
    stack = Stack(layout, programs, _settle_ports(layout))
    _start_api_server(stack)
    ensure(layout, temporal_server.temporal(layout, programs.temporal, stack.ports))
    _wait_for_api_server(stack)
    _write_kubeconfigs(stack)
    apply_manifests(stack)
    ensure(layout, control_plane.kube_controller_manager(layout, programs.kube_controller_manager))
    wait(layout, "temporal", lambda: temporal_server.is_ready(programs.temporal, stack.temporal_address))
    # The first object that the controller manager makes on an empty cluster: it works.
    wait(layout, "kube-controller-manager", lambda: _api(stack, "/api/v1/namespaces/default/serviceaccounts/default"))
    return stack


def _settle_ports(layout: Layout) -> dict[str, int]:
    ports = {"etcd": ["etcd", "etcd-peer"], "kube-apiserver": ["kube-apiserver"], "temporal": temporal_server.PORTS}
    in_use = {port for name, names in ports.items() if find(layout, name) for port in names}
    return settle(layout.ports_file, [port for names in ports.values() for port in names], in_use)


def _start_api_server(stack: Stack) -> None:
    layout, programs = stack.layout, stack.programs
    tokens(layout)
    (layout.data / "audit-policy.yaml").write_text(control_plane.audit_policy())
    if find(layout, "kube-apiserver") is None:
        control_plane.drop_old_certificate(layout)
    ensure(layout, control_plane.etcd(layout, programs.etcd, stack.ports))
    ensure(layout, control_plane.kube_apiserver(layout, programs.kube_apiserver, stack.ports))


def _wait_for_api_server(stack: Stack) -> None:
    wait(stack.layout, "etcd", lambda: answers_http(stack.ports["etcd"], "/health"))
    wait(stack.layout, "kube-apiserver", lambda: _api(stack, "/readyz"))


def _api(stack: Stack, path: str) -> bool:
    certificate = stack.layout.data / "apiserver" / "apiserver.crt"
    return answers_https(stack.ports["kube-apiserver"], path, certificate, tokens(stack.layout)["admin"])


def _write_kubeconfigs(stack: Stack) -> None:
    layout = stack.layout
    authority = (layout.data / "apiserver" / "apiserver.crt").read_bytes()
    files = {"admin": layout.kubeconfig, "kube-controller-manager": layout.data / "kube-controller-manager.kubeconfig"}
    for user in USERS:
        text = kubeconfig(stack.server, authority, user, tokens(layout)[user])
        write_private(files.get(user, layout.kubeconfig_of(user)), text)


def apply_manifests(stack: Stack) -> None:
    """Apply CRDs and roles, and wait until the API server serves the new kinds.

    Before the controller manager starts: its garbage collector looks for new kinds only every 30 seconds.
    """
    folders = [folder for folder in MANIFESTS if any((REPOSITORY / folder).glob("*.yaml"))]
    if not folders:
        return
    sources = [f"--filename={REPOSITORY / folder}" for folder in folders]
    stack.kubectl("apply", "--server-side", "--force-conflicts", *sources)
    stack.kubectl("wait", "--for=condition=Established", "--timeout=60s", "crd", "--all")


def start_own(stack: Stack, name: str, extra_env: dict[str, str] | None = None) -> bool:
    """Start `worker` or `bridge` with its own rights and wait until it serves. True if it was started now."""
    inputs = stack.layout.kubeconfig_of(name).read_text()
    started = ensure(stack.layout, own(name, {**stack.env(name), **(extra_env or {})}, inputs))
    wait(stack.layout, name, lambda: has_logged(stack.layout, name, READY[name]))
    return started


def stop_all(layout: Layout, grace: float = GRACE) -> list[str]:
    """End everything of this stack, each process before what it talks to; return the names of those that ran."""
    return [ended for names in STOPPING for ended in stop(layout, names, grace)]
