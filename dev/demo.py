"""`make demo`: the main job in one go. A plan is executed and taken back while its nested status is shown.

It can be run again and again: each run has names of its own, and what an interrupted one left is cleared first.
"""

import sys
from urllib.parse import quote

from rich.console import Console

from api.execution import DRPlanExecution
from api.meta import PLAN_LABEL
from api.phases import Phase
from dev import example
from dev.clusternet import stand_in
from dev.commands import start
from dev.layout import default_layout
from dev.ready import StackError
from dev.running import KIND, PATIENCE, run
from dev.stack import Stack


def main() -> int:
    """Tell the whole story; return the exit code."""
    # A log has no width of its own; wide enough for the longest message.
    console = Console() if sys.stdout.isatty() else Console(width=160)
    try:
        stack = start(default_layout())
        with stand_in(stack, example.localizations()):
            return _story(stack, console)
    except StackError as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nInterrupted. The run goes on without us; `make demo` waits for it and starts anew.", file=sys.stderr)
        return 130


def _story(stack: Stack, console: Console) -> int:
    _clear(stack)
    stack.kubectl("apply", *(f"--filename={example.FOLDER / file}" for file in ("drworkflow.yaml", "drplan.yaml")))
    console.rule("Execute: the plan is carried out")
    executed = run(stack, console, example.load("execute.yaml"))
    if executed.status.phase is not Phase.SUCCEEDED:
        return _failed(executed)
    console.rule("Revert: all of it is taken back, in reverse")
    request = example.load("revert.yaml")
    request["spec"]["revertExecutionRef"] = executed.metadata.name
    reverted = run(stack, console, request)
    if reverted.status.phase is not Phase.SUCCEEDED:
        return _failed(reverted)
    print(_closing(stack, executed, reverted))
    return 0


def _clear(stack: Stack) -> None:
    """Wait for the run of an interrupted demo, and remove what it made."""
    of_demo = f"--selector={PLAN_LABEL}=demo"
    if stack.kubectl("get", KIND, of_demo, "--output=name").stdout:
        stack.kubectl("wait", "--for=condition=Completed", KIND, of_demo, f"--timeout={PATIENCE}s")
    stack.kubectl("delete", "--ignore-not-found", "localization", *example.localizations())
    stack.kubectl("delete", "--ignore-not-found", "configmap", *example.config_maps())


def _failed(execution: DRPlanExecution) -> int:
    print(f"\n{execution.metadata.name} ended as {execution.status.phase}: {execution.status.message}", file=sys.stderr)
    return 1


def _closing(stack: Stack, executed: DRPlanExecution, reverted: DRPlanExecution) -> str:
    root, original, name = stack.layout.root, executed.metadata.name or "", reverted.metadata.name or ""
    return f"""
$ kubectl get {KIND}s {original} {name}
{stack.kubectl("get", f"{KIND}s", original, name).stdout}
The same history in Temporal's UI:
  {ui_address(stack, reverted)}

What to try next, in this shell:
  . {root / "env"}; export PATH={root / "bin"}:$PATH

  # Read the whole status, its conditions and its events
  kubectl get drpe {name} -o yaml
  kubectl describe drpe {name}

  # Run the plan by yourself
  kubectl create -f examples/demo/execute.yaml
  kubectl get drpe --watch

  # Delete one of its objects, and see that a Revert says so instead of passing over it
  kubectl delete localization demo-shop-frontend
  sed "s/demo-execute-12345/NAME-OF-YOUR-EXECUTE/" examples/demo/revert.yaml | kubectl create -f -

  # Take up where it stopped, and pass over what is gone
  sed "s/demo-execute-12345/NAME-OF-YOUR-EXECUTE\\n  onMissing: Ignore/" examples/demo/revert.yaml | kubectl create -f -

  # Kill the worker in the middle of a run: nothing is lost, `make stack` brings it back
  kill -9 $(cat {root / "pids" / "worker"}); make stack

  # End the stack
  make stack-down"""


def ui_address(stack: Stack, execution: DRPlanExecution) -> str:
    """Where Temporal's UI shows the workflow of this execution."""
    engine = execution.status.engine
    assert engine is not None
    run = f"{quote(engine.workflow_id, safe='')}/{engine.run_id}"
    return f"{stack.temporal_ui}/namespaces/default/workflows/{run}/history"


if __name__ == "__main__":
    sys.exit(main())
