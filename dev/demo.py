"""`make demo`: a plan is executed and reverted on a local stack, while its nested status is shown.

It can be run again and again: each run has names of its own, and what an interrupted one left is cleared first.
"""

import json
import queue
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

import yaml

from api.execution import DRPlanExecution
from api.meta import PLAN_LABEL
from api.phases import Phase
from cli.watch import view
from dev import StackError
from dev.layout import REPOSITORY, default_layout
from dev.stack import Document, Stack, watch
from dev.start import start_stack

EXAMPLE = REPOSITORY / "examples" / "demo"
KIND = "drplanexecution"
# How long a run of the demo may take, in seconds. It takes ten.
PATIENCE = 300
FINALIZER = "apps.clusternet.io/finalizer"
# How long an override stays after its deletion was asked for, in seconds.
DELAY = 0.8


def main() -> int:
    """Start the stack, execute and revert the example, say what to try next; return the exit code."""
    try:
        stack = start_stack(default_layout())
        with hold_deletions(stack, _localizations()):
            return _execute_and_revert(stack)
    except StackError as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nInterrupted. What was started continues to run; `make demo` waits for it first.", file=sys.stderr)
        return 130


def _execute_and_revert(stack: Stack) -> int:
    _clear(stack)
    stack.kubectl("apply", *(f"--filename={EXAMPLE / file}" for file in ("drworkflow.yaml", "drplan.yaml")))
    print("\n── Execute: the plan is carried out ──")
    executed = _run(stack, _load("execute.yaml"))
    if executed.status.phase is not Phase.SUCCEEDED:
        return _failed(executed)
    print("\n── Revert: all of it is taken back, in reverse ──")
    request = _load("revert.yaml")
    request["spec"]["revertExecutionRef"] = executed.metadata.name
    reverted = _run(stack, request)
    if reverted.status.phase is not Phase.SUCCEEDED:
        return _failed(reverted)
    print(_closing(stack, executed, reverted))
    return 0


def _clear(stack: Stack) -> None:
    """Wait for the run of an interrupted demo, and remove what it created."""
    of_demo = f"--selector={PLAN_LABEL}=demo"
    if stack.kubectl("get", KIND, of_demo, "--output=name").stdout:
        stack.kubectl("wait", "--for=condition=Completed", KIND, of_demo, f"--timeout={PATIENCE}s")
    stack.kubectl("delete", "--ignore-not-found", "localization", *_localizations())
    stack.kubectl("delete", "--ignore-not-found", "configmap", *_config_maps())


def _run(stack: Stack, request: Document) -> DRPlanExecution:
    """Create an execution and show it until `kubectl wait` says that it is completed; return its last state."""
    created = stack.kubectl("create", "--filename=-", "--output=name", stdin=yaml.safe_dump(request)).stdout.strip()
    name = created.partition("/")[2]
    wait = ["wait", "--for=condition=Completed", f"{KIND}/{name}", f"--timeout={PATIENCE}s"]
    print(f"$ kubectl {' '.join(wait)}", flush=True)
    with view() as show, watch(stack, KIND, name) as states:
        waiting = subprocess.Popen(stack.kubectl_command(*wait), stdout=subprocess.DEVNULL)
        for state in _until_ended(waiting, states):
            show(state)
        last = json.loads(stack.kubectl("get", KIND, name, "--output=json").stdout)
        show(last)
    return DRPlanExecution.model_validate(last)


def _until_ended(waiting: "subprocess.Popen[bytes]", states: Iterator[Document]) -> Iterator[Document]:
    """Yield states until `waiting` ends. A thread reads them, because reading cannot be given a time limit."""
    arrived: queue.Queue[Document] = queue.Queue()

    def read() -> None:
        for state in states:
            arrived.put(state)

    threading.Thread(target=read, daemon=True).start()
    while waiting.poll() is None or not arrived.empty():
        try:
            yield arrived.get(timeout=0.1)
        except queue.Empty:
            continue
    if waiting.returncode != 0:
        raise StackError(f"The run has not ended after {PATIENCE} s; the logs of bridge and worker say why")


def _failed(execution: DRPlanExecution) -> int:
    print(f"\n{execution.metadata.name} ended as {execution.status.phase}: {execution.status.message}", file=sys.stderr)
    return 1


def _closing(stack: Stack, executed: DRPlanExecution, reverted: DRPlanExecution) -> str:
    root, original, name = stack.layout.root, executed.metadata.name or "", reverted.metadata.name or ""
    return f"""
$ kubectl get {KIND}s {original} {name}
{stack.kubectl("get", f"{KIND}s", original, name).stdout}
The same history in Temporal's UI:
  {_ui_address(stack, reverted)}

What to try next, in this shell:
  . {root / "env"}; export PATH={root / "bin"}:$PATH

  # Read the whole status, its conditions and its events
  kubectl get drpe {name} -o yaml
  kubectl describe drpe {name}

  # Run the plan by yourself
  kubectl create -f examples/demo/execute.yaml
  kubectl get drpe --watch

  # Delete one of its objects, and see that a Revert reports it
  kubectl delete localization demo-shop-frontend
  sed "s/demo-execute-12345/NAME-OF-YOUR-EXECUTE/" examples/demo/revert.yaml | kubectl create -f -

  # Continue where it stopped, and skip what is gone
  sed "s/demo-execute-12345/NAME-OF-YOUR-EXECUTE\\n  onMissing: Ignore/" examples/demo/revert.yaml | kubectl create -f -

  # Kill the worker in the middle of a run: nothing is lost, `make stack` brings it back
  kill -9 $(cat {root / "pids" / "worker"}); make stack

  # End the stack
  make stack-down"""


def _ui_address(stack: Stack, execution: DRPlanExecution) -> str:
    engine = execution.status.engine
    assert engine is not None
    run = f"{quote(engine.workflow_id, safe='')}/{engine.run_id}"
    return f"{stack.temporal_ui}/namespaces/default/workflows/{run}/history"


def _load(file: str) -> Any:
    return yaml.safe_load((EXAMPLE / file).read_text())


def _localizations() -> list[str]:
    """Names of the Localizations that the example creates, all in the namespace `default`."""
    return [action["localization"]["name"] for action in _actions() if "localization" in action]


def _config_maps() -> list[str]:
    manifests = [yaml.safe_load(action["resource"]["manifest"]) for action in _actions() if "resource" in action]
    return [manifest["metadata"]["name"] for manifest in manifests]


def _actions() -> list[dict[str, Any]]:
    workflows = yaml.safe_load_all((EXAMPLE / "drworkflow.yaml").read_text())
    return [action for workflow in workflows for action in workflow["spec"]["actions"]]


@contextmanager
def hold_deletions(stack: Stack, names: list[str]) -> Iterator[None]:
    """Act for Clusternet: these Localizations of the namespace `default` get its finalizer, removed after a moment.

    On a real installation its controller renders the overridden objects again before an override may disappear.
    Without that a local Revert would be over before a person has seen it. At the end the finalizer is removed from all.
    """
    with watch(stack, "localizations", "--namespace=default") as states:
        thread = threading.Thread(target=_serve, args=(stack, names, states), daemon=True)
        thread.start()
        try:
            yield
        finally:
            for name in names:
                _set_finalizers(stack, name, None)


def _serve(stack: Stack, names: list[str], states: Iterator[Document]) -> None:
    for state in states:
        metadata = state["metadata"]
        if metadata["name"] not in names:
            continue
        if "deletionTimestamp" in metadata:
            threading.Timer(DELAY, _set_finalizers, (stack, metadata["name"], None)).start()
        elif FINALIZER not in metadata.get("finalizers", []):
            _set_finalizers(stack, metadata["name"], [FINALIZER])


def _set_finalizers(stack: Stack, name: str, finalizers: list[str] | None) -> None:
    # The Localization may be gone already.
    patch = json.dumps({"metadata": {"finalizers": finalizers}})
    stack.kubectl("patch", "localization", name, "--namespace=default", "--type=merge", f"--patch={patch}", check=False)


if __name__ == "__main__":
    sys.exit(main())
