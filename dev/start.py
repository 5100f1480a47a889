"""Starts a stack: etcd, API server, controllers and Temporal, then worker and bridge. Again, it completes the rest."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from dev import StackError, servers
from dev.layout import REPOSITORY, Layout, settle
from dev.process import Service, answers, ensure, environment, find, has_logged, wait
from dev.programs import Programs, find_programs, from_venv
from dev.servers import USERS, kubeconfig, tokens, write_private
from dev.stack import Stack, locked, prepare_shell

_INSTALL = "kubectl apply --server-side --force-conflicts --filename deploy/crds --filename deploy/rbac"
"""As in docs/install.md, "With kubectl"."""
MANIFESTS = ("deploy/crds", "deploy/clusternet", "deploy/rbac", "deploy/stack")
NAMES = ("worker", "bridge")
CRDS = {f"{kind}.dr.bkbcs.tencent.com" for kind in ("drplans", "drworkflows", "drplanexecutions")}


def start_stack(layout: Layout) -> Stack:
    """Start a whole stack, worker and bridge included. Raises StackError."""
    programs = find_programs()
    with locked(layout):
        stack = start_servers(layout, programs)
        prepare_shell(layout, stack.env())
        start_services(layout, [own_service(stack, name) for name in NAMES])
    return stack


def start_servers(layout: Layout, programs: Programs) -> Stack:
    """Start etcd, API server, Temporal and controller manager in parallel; return when all of them answer."""
    stack = Stack(layout, programs, _settle_ports(layout))
    _start_api_server(stack)
    _clear_incomplete(layout, "temporal", "temporal.db", "temporal.db-shm", "temporal.db-wal")
    ensure(layout, servers.temporal(layout, programs.temporal, stack.ports))
    _wait_for_api_server(stack)
    _write_kubeconfigs(stack)
    _apply_manifests(stack)
    ensure(layout, servers.kube_controller_manager(layout, programs.kube_controller_manager))
    wait(layout, "temporal", lambda: servers.temporal_is_ready(programs.temporal, stack.temporal_address))
    _mark_complete(layout, "temporal")
    # The first object that the controllers create on an empty cluster: they work.
    wait(layout, "kube-controller-manager", lambda: _api(stack, "/api/v1/namespaces/default/serviceaccounts/default"))
    return stack


def _settle_ports(layout: Layout) -> dict[str, int]:
    ports = {"etcd": ["etcd", "etcd-peer"], "kube-apiserver": ["kube-apiserver"], "temporal": servers.TEMPORAL_PORTS}
    in_use = {port for name, names in ports.items() if find(layout, name) for port in names}
    return settle(layout.ports_file, [port for names in ports.values() for port in names], in_use)


def _start_api_server(stack: Stack) -> None:
    layout, programs = stack.layout, stack.programs
    tokens(layout)
    (layout.data / "audit-policy.yaml").write_text(servers.audit_policy())
    _clear_incomplete(layout, "etcd", "etcd")
    _clear_incomplete(layout, "kube-apiserver", "apiserver")
    if find(layout, "kube-apiserver") is None:
        servers.drop_old_certificate(layout)
    ensure(layout, servers.etcd(layout, programs.etcd, stack.ports))
    ensure(layout, servers.kube_apiserver(layout, programs.kube_apiserver, stack.ports))


def _wait_for_api_server(stack: Stack) -> None:
    wait(stack.layout, "etcd", lambda: answers(f"http://127.0.0.1:{stack.ports['etcd']}/health"))
    _mark_complete(stack.layout, "etcd")
    wait(stack.layout, "kube-apiserver", lambda: _api(stack, "/readyz"))
    _mark_complete(stack.layout, "kube-apiserver")


def _api(stack: Stack, path: str) -> bool:
    certificate = stack.layout.data / "apiserver" / "apiserver.crt"
    return answers(f"{stack.server}{path}", tokens(stack.layout)["admin"], certificate)


def _write_kubeconfigs(stack: Stack) -> None:
    layout = stack.layout
    authority = (layout.data / "apiserver" / "apiserver.crt").read_bytes()
    files = {"admin": layout.kubeconfig, "kube-controller-manager": layout.data / "kube-controller-manager.kubeconfig"}
    for user in USERS:
        text = kubeconfig(stack.server, authority, user, tokens(layout)[user])
        write_private(files.get(user, layout.kubeconfig_of(user)), text)


def _apply_manifests(stack: Stack) -> None:
    """Apply CRDs and roles, and wait until the API server serves the new kinds.

    Before the controller manager starts: its garbage collector looks for new kinds only every 30 seconds.
    """
    sources = [f"--filename={REPOSITORY / folder}" for folder in MANIFESTS]
    stack.kubectl("apply", "--server-side", "--force-conflicts", *sources)
    open_namespace(stack, "default")
    stack.kubectl("wait", "--for=condition=Established", "--timeout=60s", "crd", "--all")


def open_namespace(stack: Stack, name: str) -> None:
    """Let the worker serve the plans of a namespace, with the manifest of an installation."""
    manifest = f"--filename={REPOSITORY / 'deploy' / 'team-namespace.yaml'}"
    stack.kubectl("apply", "--server-side", "--force-conflicts", f"--namespace={name}", manifest)


def _clear_incomplete(layout: Layout, name: str, *data: str) -> None:
    """Remove the data of a first start that was cut off: programs take an incomplete database for a complete one."""
    if _complete_file(layout, name).exists() or find(layout, name) is not None:
        return
    for entry in data:
        path = layout.data / entry
        if path.is_dir():
            shutil.rmtree(path)
        path.unlink(missing_ok=True)


def _mark_complete(layout: Layout, name: str) -> None:
    """Remember that the process has been ready on its data once: from now on the data is never removed."""
    _complete_file(layout, name).touch()


def _complete_file(layout: Layout, name: str) -> Path:
    return layout.data / f"{name}.complete"


def own_service(stack: Stack, name: str, extra_env: Mapping[str, str] | None = None) -> Service:
    """Return the `worker` or the `bridge` of this stack, with the restricted rights that it has when installed."""
    return _service(name, {**stack.env(name), **(extra_env or {})}, stack.layout.kubeconfig_of(name).read_text())


def _service(name: str, env: Mapping[str, str], inputs: str = "") -> Service:
    return Service(name, (sys.executable, "-m", name), {"PYTHONUNBUFFERED": "1", **env}, inputs)


def start_services(layout: Layout, services: Sequence[Service]) -> None:
    """Start worker or bridge or both in parallel, unless they run so already; wait for them. Raises StackError."""
    for each in services:
        ensure(layout, each)
    for each in services:
        wait(layout, each.name, partial(has_logged, layout, each.name, f"{each.name} started"))


def start_external(layout: Layout) -> None:
    """Check that cluster and Temporal answer, then start both with the person's own settings. Raises StackError."""
    env = _settings()
    _check_cluster(env)
    if not servers.temporal_is_ready(from_venv("temporal"), env["TEMPORAL_ADDRESS"], env):
        raise StackError(f"No Temporal answers at {env['TEMPORAL_ADDRESS']} (TEMPORAL_ADDRESS)")
    with locked(layout):
        shown = ("KUBECONFIG", "TEMPORAL_ADDRESS", "TEMPORAL_UI")
        prepare_shell(layout, {name: env[name] for name in shown if name in env})
        start_services(layout, [_service(name, env) for name in NAMES])
    print(f"\nWorker and bridge serve {env['KUBECONFIG']} and Temporal at {env['TEMPORAL_ADDRESS']}.")


def _settings() -> dict[str, str]:
    names = {name for name, value in os.environ.items() if value}
    if not {"KUBECONFIG", "TEMPORAL_ADDRESS"} & names:
        raise StackError(
            "EXTERNAL=1 needs KUBECONFIG or TEMPORAL_ADDRESS: they name the cluster and the Temporal to use"
        )
    temporal = {name: os.environ[name] for name in names if name.startswith("TEMPORAL_")}
    kubeconfig = os.environ.get("KUBECONFIG") or str(Path.home() / ".kube" / "config")
    return {"TEMPORAL_ADDRESS": "localhost:7233", **temporal, "KUBECONFIG": kubeconfig}


def _check_cluster(env: Mapping[str, str]) -> None:
    lease_namespace = os.environ.get("DRPLAN_LEASE_NAMESPACE") or "drplan-system"
    needed = {*(f"crd/{name}" for name in CRDS), f"namespace/{lease_namespace}"}
    kubectl = [str(from_venv("kubectl")), "get", *needed, "--ignore-not-found", "--request-timeout=10s"]
    done = subprocess.run([*kubectl, "--output=name"], capture_output=True, text=True, env=environment(env))
    where = f"The cluster of {env['KUBECONFIG']} is not ready for drplan"
    if done.returncode != 0:
        raise StackError(f"{where}: {done.stderr.strip()}")
    present = {Path(line).name for line in done.stdout.split()}
    if missing := sorted(each for each in needed if Path(each).name not in present):
        raise StackError(f"{where}: it lacks {', '.join(missing)} (`{_INSTALL}`)")
