"""Starts a stack: etcd, API server, controllers and Temporal, then worker and bridge. Again, it completes the rest."""

import shutil
from pathlib import Path

from dev import control_plane, temporal_server
from dev.control_plane import USERS, kubeconfig, tokens, write_private
from dev.layout import REPOSITORY, Layout
from dev.ports import settle
from dev.process import answers_http, answers_https, ensure, find, wait
from dev.programs import Programs, find_programs
from dev.stack import Stack, locked, prepare_shell
from dev.worker_and_bridge import NAMES, own_service, start_services

MANIFESTS = ("deploy/crds", "deploy/clusternet", "deploy/rbac", "deploy/stack")


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
    ensure(layout, temporal_server.temporal(layout, programs.temporal, stack.ports))
    _wait_for_api_server(stack)
    _write_kubeconfigs(stack)
    _apply_manifests(stack)
    ensure(layout, control_plane.kube_controller_manager(layout, programs.kube_controller_manager))
    wait(layout, "temporal", lambda: temporal_server.is_ready(programs.temporal, stack.temporal_address))
    _mark_complete(layout, "temporal")
    # The first object that the controllers create on an empty cluster: they work.
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
    _clear_incomplete(layout, "etcd", "etcd")
    _clear_incomplete(layout, "kube-apiserver", "apiserver")
    if find(layout, "kube-apiserver") is None:
        control_plane.drop_old_certificate(layout)
    ensure(layout, control_plane.etcd(layout, programs.etcd, stack.ports))
    ensure(layout, control_plane.kube_apiserver(layout, programs.kube_apiserver, stack.ports))


def _wait_for_api_server(stack: Stack) -> None:
    wait(stack.layout, "etcd", lambda: answers_http(stack.ports["etcd"], "/health"))
    _mark_complete(stack.layout, "etcd")
    wait(stack.layout, "kube-apiserver", lambda: _api(stack, "/readyz"))
    _mark_complete(stack.layout, "kube-apiserver")


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


def _apply_manifests(stack: Stack) -> None:
    """Apply CRDs and roles, and wait until the API server serves the new kinds.

    Before the controller manager starts: its garbage collector looks for new kinds only every 30 seconds.
    """
    sources = [f"--filename={REPOSITORY / folder}" for folder in MANIFESTS]
    stack.kubectl("apply", "--server-side", "--force-conflicts", *sources)
    stack.kubectl("wait", "--for=condition=Established", "--timeout=60s", "crd", "--all")


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
