"""`python -m dev up | down | programs`, as the Makefile calls them. The stack's folder is STACK_DIR."""

import os
import shlex
import sys

from dev import StackError
from dev.helm import find_helm
from dev.layout import Layout, default_layout
from dev.programs import find_programs
from dev.stack import Stack, locked, stop_all
from dev.start import start_external, start_stack


def up(layout: Layout) -> None:
    """Start what is not running, wait until all of it is ready, print the addresses. Raises StackError."""
    if os.environ.get("EXTERNAL"):
        start_external(layout)
    else:
        print(_summary(start_stack(layout)))


def down(layout: Layout) -> None:
    """End what the stack has started, and nothing else. Its data stays for the next start."""
    if not layout.root.exists():
        print(f"There is no stack in {layout.root}.")
        return
    with locked(layout):
        ended = stop_all(layout)
    print(f"Ended: {', '.join(ended)}." if ended else "Nothing of this stack was running.")


def programs(_: Layout) -> None:
    """Fetch or build the programs now, so that a long build is seen and does not happen inside a test."""
    find_programs()
    find_helm()


COMMANDS = {"up": up, "down": down, "programs": programs}


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


def main(arguments: list[str]) -> int:
    """Run one command; return the exit code: 0, 1 with a reason, 2 for a wrong call, 130 after Ctrl-C."""
    if len(arguments) != 1 or arguments[0] not in COMMANDS:
        print(f"usage: python -m dev {' | '.join(COMMANDS)}", file=sys.stderr)
        return 2
    try:
        COMMANDS[arguments[0]](default_layout())
    except StackError as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nInterrupted. What was started continues to run; the same command completes the rest.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
