"""Creates an execution, shows it as it goes, and returns when `kubectl wait` says that it is completed."""

import queue
import subprocess
import threading
from collections.abc import Iterator

import yaml
from rich.console import Console

from api.execution import DRPlanExecution
from cli.views import view
from dev.ready import StackError
from dev.stack import Stack
from dev.watching import Document, watch

KIND = "drplanexecution"
# How long a run of the demo may take, in seconds. It takes ten.
PATIENCE = 300


def run(stack: Stack, console: Console, request: Document) -> DRPlanExecution:
    """Run one execution and return its last state. Raises StackError if it does not end."""
    created = stack.kubectl("create", "--filename=-", "--output=name", stdin=yaml.safe_dump(request)).stdout.strip()
    name = created.partition("/")[2]
    wait = ["wait", "--for=condition=Completed", f"{KIND}/{name}", f"--timeout={PATIENCE}s"]
    print(f"$ kubectl {' '.join(wait)}", flush=True)
    with view(console) as show, watch(stack, KIND, name) as states:
        waiting = subprocess.Popen(stack.kubectl_command(*wait), stdout=subprocess.DEVNULL)
        for state in _until_ended(waiting, states):
            show(DRPlanExecution.model_validate(state))
        last = DRPlanExecution.model_validate(yaml.safe_load(stack.kubectl("get", KIND, name, "--output=yaml").stdout))
        show(last)
    return last


def _until_ended(waiting: "subprocess.Popen[bytes]", states: Iterator[Document]) -> Iterator[Document]:
    arrived: queue.Queue[Document] = queue.Queue()
    threading.Thread(target=_pass_on, args=(states, arrived), daemon=True).start()
    while waiting.poll() is None or not arrived.empty():
        try:
            yield arrived.get(timeout=0.1)
        except queue.Empty:
            continue
    if waiting.returncode != 0:
        raise StackError(f"The run has not ended after {PATIENCE} s; the logs of bridge and worker say why")


def _pass_on(states: Iterator[Document], to: "queue.Queue[Document]") -> None:
    for state in states:
        to.put(state)
