"""`make stack` and `make stack-down`: what a person sees of starting and ending a stack."""

import os
import shlex

from dev import external
from dev.layout import Layout
from dev.own import services_of, start_all
from dev.programs import find_programs
from dev.servers import start_servers
from dev.shell import link, write_env
from dev.stack import Stack, locked, stop_all


def up(layout: Layout) -> None:
    """Start what is not running, wait until all of it is ready, print the addresses. Raises StackError."""
    if os.environ.get("EXTERNAL"):
        external.up(layout)
        return
    stack = start(layout)
    print(_summary(stack))


def start(layout: Layout) -> Stack:
    """Bring a whole stack up, worker and bridge included. Raises StackError."""
    programs = find_programs()
    with locked(layout):
        stack = start_servers(layout, programs)
        link(layout, programs.kubectl, programs.temporal)
        write_env(layout, stack.env())
        start_all(layout, services_of(stack))
    return stack


def programs(_: Layout) -> None:
    """Fetch or build the programs now, where a person sees it, and not in the middle of something else."""
    find_programs()


def down(layout: Layout) -> None:
    """End what the stack has started, and nothing else. Its data stays for the next start."""
    if not layout.root.exists():
        print(f"There is no stack in {layout.root}.")
        return
    with locked(layout):
        ended = stop_all(layout)
    print(f"Ended: {', '.join(ended)}." if ended else "Nothing of this stack was running.")


def _summary(stack: Stack) -> str:
    root = stack.layout.root
    return f"""
The stack is ready.
  Kubernetes API   {stack.server}
  Temporal         {stack.temporal_address}
  Temporal UI      {stack.temporal_ui}
  logs             {root / "logs"}

In your shell:
  . {shlex.quote(str(stack.layout.env_file))}
  export PATH={shlex.quote(str(stack.layout.bin))}:$PATH     # kubectl and temporal
  kubectl get drplans,drworkflows,drplanexecutions

`make stack` again starts only what is not running; `make stack-down` ends it and keeps its data."""
