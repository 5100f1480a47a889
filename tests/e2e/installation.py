"""The whole product on one stack: worker and bridge as processes, each behind a proxy that can stop its requests."""

import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import yaml

from dev.stack import Stack
from tests.admin import Admin
from tests.audit_log import AuditLog
from tests.e2e.holding_proxy import FaultProxy
from tests.e2e.story import Story
from tests.e2e.temporal_runs import Runs
from tests.kubectl import Kubectl
from tests.private_stack import free_port, new_namespace
from tests.programs import Program

REFERENCE_WAIT = "6s"
"""How long the bridge waits for a missing plan: long enough to be seen, short enough for a test."""

OWN_HOST = "127.0.0.1"
"""Where HTTP actions of the tests may go: to services that the tests start."""

_lives = count(1)


@dataclass(frozen=True)
class Guarded:
    """A process and the proxy between it and the API server."""

    program: Program
    proxy: FaultProxy
    name: str
    metrics: str
    """Address and port of its metrics."""
    health: str
    """Address and port of its probes."""

    def wait_until_it_serves(self) -> None:
        """Return once this life of the process has begun to work."""
        self.program.wait_until_it_says(f"{self.name} started")


@dataclass(frozen=True)
class Installation:
    """What the tests act on."""

    stack: Stack
    worker: Guarded
    bridge: Guarded
    runs: Runs
    folder: Path = field(repr=False)

    def story(self) -> Story:
        """Begin a story in a namespace of its own."""
        return self.story_in(new_namespace(self.stack))

    def story_in(self, namespace: str) -> Story:
        """Begin a story in a namespace that is there."""
        kubectl = Kubectl(self.stack.programs.kubectl, self.stack.layout.kubeconfig, Admin.of(self.stack), namespace)
        return Story(kubectl, AuditLog(self.stack.layout.audit_log))

    def restore(self) -> None:
        """Bring back what a test may have killed or held."""
        for each in (self.worker, self.bridge):
            each.proxy.open_all()
            each.program.start()
            each.wait_until_it_serves()

    def restart_bridge(self) -> None:
        """Start another life of the bridge after a kill; it does not wait for the dead one's lease."""
        self.bridge.program.env = {**self.bridge.program.env, **_own_lease()}
        self.bridge.program.start()

    @contextmanager
    def another_bridge(self, *module: str) -> Iterator[Guarded]:
        """Run one more bridge, as active as the first, because it holds a lease of its own.

        `module` names another module to run, and its arguments.
        """
        with _guarded(self.stack, "bridge", f"bridge-{next(_lives)}", self.folder, _own_lease(), module) as bridge:
            yield bridge


@contextmanager
def start_installation(
    stack: Stack, folder: Path, module: tuple[str, ...] = (), /, **env: str
) -> Iterator[Installation]:
    """Start worker and bridge on a stack, with further settings.

    `module` names another module that runs either of them, whose name is its argument.
    """
    _let_bridges_hold_leases(stack)
    with ExitStack() as cleanup:
        of_worker, of_bridge = ((*module, name) if module else () for name in ("worker", "bridge"))
        worker = cleanup.enter_context(_guarded(stack, "worker", "worker", folder, env, of_worker))
        bridge = cleanup.enter_context(_guarded(stack, "bridge", "bridge", folder, env | _own_lease(), of_bridge))
        yield Installation(stack, worker, bridge, Runs(stack.temporal_address), folder)


@contextmanager
def _guarded(
    stack: Stack, user: str, name: str, folder: Path, env: Mapping[str, str], module: tuple[str, ...] = ()
) -> Iterator[Guarded]:
    config = yaml.safe_load(stack.layout.kubeconfig_of(user).read_text())
    proxy = FaultProxy(stack.server, stack.layout.data / "apiserver" / "apiserver.crt")
    proxy.start()
    config["clusters"][0]["cluster"]["server"] = proxy.url
    kubeconfig = folder / f"{name}.kubeconfig"
    kubeconfig.write_text(yaml.safe_dump(config))
    common = {"PYTHONUNBUFFERED": "1", "DRPLAN_REFERENCE_WAIT": REFERENCE_WAIT, "DRPLAN_HTTP_ALLOWED_HOSTS": OWN_HOST}
    common |= {"DRPLAN_LOG_LEVEL": "debug", "MEASURED_LOOP": str(folder / f"{name}.loop")}
    own = {**stack.env(user), **common, **env, "KUBECONFIG": str(kubeconfig)}
    metrics = own["DRPLAN_METRICS_ADDRESS"] = f"127.0.0.1:{free_port()}"
    health = own["DRPLAN_HEALTH_ADDRESS"] = f"127.0.0.1:{free_port()}"
    program = Program(module or (user,), own, folder / f"{name}.log")
    program.start()
    try:
        yield Guarded(program, proxy, user, metrics, health)
    finally:
        proxy.open_all()
        program.stop()
        proxy.close()


def _own_lease() -> dict[str, str]:
    """A lease that nobody held before: the name of the process that died must not be waited for."""
    return {"DRPLAN_LEASE_NAME": f"drplan-bridge-{os.getpid()}-{next(_lives)}"}


def _let_bridges_hold_leases(stack: Stack) -> None:
    """Let the tests' bridges hold leases of any name; an installation's may hold one."""
    role = ["--verb=create,get,patch,update", "--resource=leases.coordination.k8s.io"]
    stack.kubectl("create", "role", "tests-bridge-leases", *role, "--namespace=drplan-system")
    binding = ["--role=tests-bridge-leases", "--serviceaccount=drplan-system:drplan-bridge"]
    stack.kubectl("create", "rolebinding", "tests-bridge-leases", *binding, "--namespace=drplan-system")
