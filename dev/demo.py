"""`make demo`: a plan is previewed, executed and reverted on a local stack, with a fault on purpose and its repair.

Every step says what is done and why, then the command that a person would type, then what that shows. It can be run
again and again: each run has names of its own, and what an interrupted one left is cleared first.
"""

import json
import os
import secrets
import shlex
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

import yaml

from api.meta import CANCEL_ANNOTATION, PLAN_LABEL
from dev import StackError
from dev.layout import REPOSITORY, default_layout
from dev.stack import Document, Stack, watch
from dev.start import start_stack

EXAMPLE = REPOSITORY / "examples" / "demo"
KIND = "drplanexecution"
# How long a step of the demo may take, in seconds. The longest takes ten.
PATIENCE = 300
FINALIZER = "apps.clusternet.io/finalizer"
# How long an override stays after its deletion was asked for, in seconds.
DELAY = 0.8
# The object that cannot go, and the action that is to delete it.
HELD, HELD_ACTION = "demo-shop-settings", "applications/demo-shop/settings"
HOLD = json.dumps({"metadata": {"finalizers": ["example.com/hold"]}})
LET_GO = json.dumps({"metadata": {"finalizers": None}})
# How long a screen stays before the demo goes on, in seconds: it is drawn twice a second.
GLANCE = 1.5
_NAMES = ("preview", "execute", "revert")


def main() -> int:
    """Start the stack, show the example, say what to try next; return the exit code."""
    try:
        stack = start_stack(default_layout())
        with hold_deletions(stack, _localizations()):
            clear(stack)
            stack.kubectl("apply", *(f"--filename={EXAMPLE / file}" for file in ("drworkflow.yaml", "drplan.yaml")))
            _Demo(stack).show()
    except StackError as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nInterrupted. `make demo` cancels what still runs, and starts from the beginning.", file=sys.stderr)
        return 130
    return 0


class _Demo:
    """One run of the demo. Raises StackError where a step does not end as it should."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        number = secrets.token_hex(2)
        self._preview, self._execute, self._revert = (f"demo-{what}-{number}" for what in _NAMES)

    def show(self) -> None:
        """Show the steps, one after the other."""
        self._tell("Preview", "What would the plan do, and is anything in its way? Nothing is changed.")
        self._drplan("preview", "demo", "--name", self._preview)
        self._tell(
            "Execute", "What was shown is carried out, and nothing else: the digest of the preview holds it to that."
        )
        digest = self._status(self._preview)["preview"]["digest"]
        self._drplan("execute", "demo", "--name", self._execute, "--preview-digest", digest)
        self._tell("A fault", "Somebody puts a finalizer on one of the objects: from now on it cannot be deleted.")
        self._kubectl("patch", "configmap", HELD, "--type=merge", f"--patch={HOLD}")
        self._tell("Revert", "All is taken back, in reverse. At a failure it waits for a person instead of giving up.")
        self._drplan_until_paused("revert", self._execute, "--name", self._revert, "--on-failure", "Pause")
        self._tell("What now?", "The screen says what failed and why, and what to type next.")
        self._drplan("status", self._revert)
        self._tell(
            "Repair",
            "The finalizer is removed, and the failed action is tried again. Nothing is repeated that was done.",
        )
        self._kubectl("patch", "configmap", HELD, "--type=merge", f"--patch={LET_GO}")
        reason = "the finalizer was removed"
        self._drplan("retry", self._revert, "--action", HELD_ACTION, "--reason", reason)
        self._drplan("watch", self._revert)
        self._tell("The end", "Who did what, how long it took without waiting for people, and is all as it was before?")
        self._drplan("report", self._revert)
        print(self._closing())

    def _tell(self, title: str, why: str) -> None:
        print(f"\n── {title} ──\n{why}", flush=True)

    def _drplan(self, *arguments: str) -> None:
        process = self._started(*arguments)
        try:
            code = process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            raise StackError(f"No end after {PATIENCE} s; the logs of bridge and worker say why") from None
        if code != 0:
            raise StackError(f"drplan {arguments[0]} ended with exit code {code}")

    def _drplan_until_paused(self, *arguments: str) -> None:
        """Run a command that follows the Revert until that waits for a person, then press Ctrl-C for who watches."""
        process, end = self._started(*arguments), time.monotonic() + PATIENCE
        while not self._paused():
            if process.poll() is not None or time.monotonic() > end:
                process.kill()
                raise StackError("The Revert has not paused at the object that cannot go")
            time.sleep(0.3)
        time.sleep(GLANCE)
        process.send_signal(signal.SIGINT)
        try:
            process.wait(GLANCE)
        except subprocess.TimeoutExpired:  # a script that runs the demo in its background has it ignore Ctrl-C
            process.kill()

    def _paused(self) -> bool:
        name = f"{KIND}/{self._revert}"
        path = "--output=jsonpath={.status.conditions[?(@.type=='Paused')].status}"
        return self._stack.kubectl("get", name, path, check=False).stdout == "True"

    def _started(self, *arguments: str) -> "subprocess.Popen[bytes]":
        print(f"$ {shlex.join(['drplan', *arguments])}", flush=True)
        environment = {**os.environ, **self._stack.env(), "PYTHONPATH": str(REPOSITORY)}
        return subprocess.Popen([sys.executable, "-m", "cli.main", *arguments], env=environment)

    def _kubectl(self, *arguments: str) -> None:
        print(f"$ {shlex.join(['kubectl', *arguments])}")
        print(self._stack.kubectl(*arguments).stdout, end="", flush=True)

    def _status(self, name: str) -> Document:
        body = json.loads(self._stack.kubectl("get", KIND, name, "--output=json").stdout)
        status: Document = body["status"]
        return status

    def _closing(self) -> str:
        stack, original, name = self._stack, self._execute, self._revert
        root = stack.layout.root
        return f"""
$ kubectl get {KIND}s {original} {name}
{stack.kubectl("get", f"{KIND}s", original, name).stdout}
The same history in Temporal's UI:
  {self._ui_address()}

What to try next, in this shell:
  . {root / "env"}; export PATH={root / "bin"}:$PATH

  # A page with a timeline of that Revert, for a browser
  drplan report {name} -o html -f report.html

  # Read the whole status, its conditions and its events
  kubectl describe drpe {name}

  # Run the plan by yourself, with kubectl
  kubectl create -f examples/demo/execute.yaml
  drplan watch

  # Delete one of its objects, and see that a preview of the Revert reports it
  kubectl delete localization demo-shop-frontend
  drplan preview demo --revert @latest

  # Take back the rest, and skip what is gone
  drplan revert demo@latest --on-missing Ignore

  # Kill the worker in the middle of a run: nothing is lost, `make stack` brings it back
  kill -9 $(cat {root / "pids" / "worker"}); make stack

  # End the stack
  make stack-down"""

    def _ui_address(self) -> str:
        engine = self._status(self._revert)["engine"]
        run = f"{quote(engine['workflowId'], safe='')}/{engine['runId']}"
        return f"{self._stack.temporal_ui}/namespaces/default/workflows/{run}/history"


def clear(stack: Stack) -> None:
    """Cancel the run of an interrupted demo, and remove what it created."""
    of_demo = f"--selector={PLAN_LABEL}=demo"
    stack.kubectl("patch", "configmap", HELD, "--type=merge", f"--patch={LET_GO}", check=False)
    found = json.loads(stack.kubectl("get", KIND, of_demo, "--output=json").stdout)["items"]
    for name in [each["metadata"]["name"] for each in found if "completionTime" not in each.get("status", {})]:
        stack.kubectl("annotate", KIND, name, f"{CANCEL_ANNOTATION}=true", "--overwrite")
    if found:
        stack.kubectl("wait", "--for=condition=Completed", KIND, of_demo, f"--timeout={PATIENCE}s")
    stack.kubectl("delete", "--ignore-not-found", "localization", *_localizations())
    stack.kubectl("delete", "--ignore-not-found", "configmap", *_config_maps())


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
