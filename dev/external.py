"""Worker and bridge on a cluster and a Temporal that a person already has (`make stack EXTERNAL=1`)."""

import os
import subprocess
from pathlib import Path

from dev import temporal_server
from dev.layout import Layout
from dev.own import READY, service, start_all
from dev.process import environment
from dev.programs import from_venv
from dev.ready import StackError
from dev.shell import link, write_env
from dev.stack import locked

KINDS = ("drplans", "drworkflows", "drplanexecutions")


def up(layout: Layout) -> None:
    """Check that both answer, then start worker and bridge with the person's own settings. Raises StackError."""
    env = given()
    _check_cluster(from_venv("kubectl"), env)
    if not temporal_server.is_ready(from_venv("temporal"), env["TEMPORAL_ADDRESS"], env):
        raise StackError(f"No Temporal answers at {env['TEMPORAL_ADDRESS']} (TEMPORAL_ADDRESS)")
    with locked(layout):
        link(layout, from_venv("kubectl"), from_venv("temporal"))
        write_env(
            layout, {name: env[name] for name in ("KUBECONFIG", "TEMPORAL_ADDRESS", "TEMPORAL_UI") if name in env}
        )
        start_all(layout, {name: service(name, env) for name in READY})
    print(f"\nWorker and bridge serve {env['KUBECONFIG']} and Temporal at {env['TEMPORAL_ADDRESS']}.")


def given() -> dict[str, str]:
    """Read which cluster and which Temporal are meant. Raises StackError if the person has named neither."""
    given_names = {name for name, value in os.environ.items() if value}
    if not {"KUBECONFIG", "TEMPORAL_ADDRESS"} & given_names:
        raise StackError(
            "EXTERNAL=1 needs KUBECONFIG or TEMPORAL_ADDRESS: they name the cluster and the Temporal to use"
        )
    temporal = {name: os.environ[name] for name in given_names if name.startswith("TEMPORAL_")}
    kubeconfig = os.environ.get("KUBECONFIG") or str(Path.home() / ".kube" / "config")
    return {"TEMPORAL_ADDRESS": "localhost:7233", **temporal, "KUBECONFIG": kubeconfig}


def _check_cluster(kubectl: Path, env: dict[str, str]) -> None:
    names = [f"{kind}.dr.bkbcs.tencent.com" for kind in KINDS]
    command = [str(kubectl), "get", "crd", *names, "--request-timeout=10s"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment(env))
    if done.returncode != 0:
        remedy = "install them with `kubectl apply -f deploy/crds`" if "NotFound" in done.stderr else ""
        raise StackError(f"The cluster of {env['KUBECONFIG']} is not ready for drplan: {done.stderr.strip()}\n{remedy}")
