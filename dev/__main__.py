"""`python -m dev up | down | programs`, as the Makefile calls them. The stack's folder is STACK_DIR."""

import sys

from dev.commands import down, programs, up
from dev.layout import default_layout
from dev.ready import StackError

COMMANDS = {"up": up, "down": down, "programs": programs}


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
        print("\nInterrupted. What was started goes on; the same command completes it.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
