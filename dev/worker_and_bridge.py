"""Starts worker and bridge: on a stack, or on a cluster and a Temporal that a person already has (`EXTERNAL=1`)."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from dev import StackError, temporal_server
from dev.layout import Layout
from dev.process import Service, ensure, environment, has_logged, wait
from dev.programs import from_venv
from dev.stack import Stack, locked, prepare_shell

NAMES = ("worker", "bridge")
CRDS = {f"{kind}.dr.bkbcs.tencent.com" for kind in ("drplans", "drworkflows", "drplanexecutions")}


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
    if not temporal_server.is_ready(from_venv("temporal"), env["TEMPORAL_ADDRESS"], env):
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
    kubectl = [str(from_venv("kubectl")), "get", "crd", *CRDS, "--ignore-not-found", "--request-timeout=10s"]
    done = subprocess.run([*kubectl, "--output=name"], capture_output=True, text=True, env=environment(env))
    where = f"The cluster of {env['KUBECONFIG']} is not ready for drplan"
    if done.returncode != 0:
        raise StackError(f"{where}: {done.stderr.strip()}")
    if missing := CRDS - {Path(line).name for line in done.stdout.split()}:
        raise StackError(f"{where}: it lacks {', '.join(sorted(missing))} (`kubectl apply -f deploy/crds`)")
