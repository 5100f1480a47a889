"""Starts etcd, API server, controller manager and Temporal, and prepares them. Running it again completes the rest."""

from dev import control_plane, temporal_server
from dev.completeness import clear_incomplete, mark_complete
from dev.layout import REPOSITORY, Layout
from dev.ports import settle
from dev.process import ensure, find
from dev.programs import Programs
from dev.ready import answers_http, answers_https, wait
from dev.stack import Stack
from dev.users import USERS, kubeconfig, tokens, write_private

MANIFESTS = ("deploy/crds", "deploy/clusternet", "deploy/rbac", "deploy/stack")


def start_servers(layout: Layout, programs: Programs) -> Stack:
    """Start etcd, API server, Temporal and controller manager side by side; return when all of them answer."""
    stack = Stack(layout, programs, _settle_ports(layout))
    _start_api_server(stack)
    _start_temporal(stack)
    _wait_for_api_server(stack)
    _write_kubeconfigs(stack)
    apply_manifests(stack)
    ensure(layout, control_plane.kube_controller_manager(layout, programs.kube_controller_manager))
    wait(layout, "temporal", lambda: temporal_server.is_ready(programs.temporal, stack.temporal_address))
    mark_complete(layout, "temporal")
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
    clear_incomplete(layout, "etcd", "etcd")
    clear_incomplete(layout, "kube-apiserver", "apiserver")
    if find(layout, "kube-apiserver") is None:
        control_plane.drop_old_certificate(layout)
    ensure(layout, control_plane.etcd(layout, programs.etcd, stack.ports))
    ensure(layout, control_plane.kube_apiserver(layout, programs.kube_apiserver, stack.ports))


def _start_temporal(stack: Stack) -> None:
    layout = stack.layout
    clear_incomplete(layout, "temporal", "temporal.db", "temporal.db-shm", "temporal.db-wal")
    ensure(layout, temporal_server.temporal(layout, stack.programs.temporal, stack.ports))


def _wait_for_api_server(stack: Stack) -> None:
    wait(stack.layout, "etcd", lambda: answers_http(stack.ports["etcd"], "/health"))
    mark_complete(stack.layout, "etcd")
    wait(stack.layout, "kube-apiserver", lambda: _api(stack, "/readyz"))
    mark_complete(stack.layout, "kube-apiserver")


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
