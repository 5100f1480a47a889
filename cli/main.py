"""The `drplan` command, also `kubectl drplan`: validate, execute and revert plans, and follow executions.

It speaks to the Kubernetes API only, as kubectl does, so that RBAC decides; everything but `validate` can be done with
kubectl as well. A command is a row of COMMANDS and a module of `cli.commands`, loaded when it is asked for.
"""

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import NoReturn

from cli.options import UsageError, add_common, add_help, parser_of

COMMANDS: Mapping[str, str] = {
    "validate": "Report the errors of plans, workflows and executions in files, without a cluster",
    "preview": "Say what an Execute or a Revert would do and what would keep it from that, and change nothing",
    "execute": "Execute a plan",
    "revert": "Revert an execution: roll back the actions that it carried out",
    "status": "Show an execution: what is the case, what to do now, and where in the tree",
    "watch": "Follow an execution until it ends",
    "list": "List executions, the newest first",
    "wait": "Wait without output until an execution has ended",
    "pause": "Start no further action of a running execution; what has started is waited for",
    "resume": "Go on with an execution that was paused",
    "retry": "Try an action again that failed and waits for a decision",
    "skip": "Go on without an action that failed and waits for a decision",
    "done": "Say that an action that failed was done by hand",
    "abort": "Let an action fail that waits for a decision",
    "approve": "Agree to the start of a stage that asks for approval",
    "cancel": "Cancel an execution: nothing further starts, and nothing is rolled back",
    "report": "Print a report of an execution: text, JSON, Markdown, or a page for a browser",
    "open": "Print the address of an execution's run in Temporal's UI",
    "completion": "Print the completion script of a shell",
}
"""The commands by name, in the order of the help, each with its sentence in it."""

SUCCEEDED, FAILED, USAGE, UNREACHABLE, INTERRUPTED = 0, 1, 2, 4, 130
EXIT_CODES = """Exit codes:
  0    done; of a command that follows an execution: it succeeded; of a preview: there is no obstacle
  1    the execution did not succeed, there are obstacles, or the cluster refused the command
  2    the command line is wrong, or there is nothing to check
  3    the execution succeeded, but objects stand, or the proof differs
  4    the cluster cannot be reached
  130  interrupted; the execution goes on"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    try:
        return _command(arguments)
    except KeyboardInterrupt:
        print("\nInterrupted; the execution continues.", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever reads has enough; Python would complain when it writes the rest at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return SUCCEEDED
    except UsageError as error:
        return _failed(str(error), USAGE)


def _command(arguments: Sequence[str]) -> int:
    if arguments[:1] == ["__complete"]:
        return int(import_module("cli.completion").complete(arguments[1:]))
    options = _top().parse_args(arguments)
    if options.version:
        print(f"drplan {_version()}")
        return SUCCEEDED
    if options.command is None:
        print(_help())
        return SUCCEEDED if options.help else USAGE
    if options.command not in COMMANDS:
        raise UsageError(f'unknown command "{options.command}"; commands: {", ".join(COMMANDS)}')
    parser = command_parser(options.command)
    if options.help:
        parser.print_help()
        return SUCCEEDED
    return _run(options.command, parser.parse_args(options.rest, options))


def _run(command: str, options: argparse.Namespace) -> int:
    module = import_module(f"cli.commands.{command}")
    if command in ("validate", "completion"):
        return int(module.run(options))
    from cli.executions import NoExecutionError
    from kube.errors import ApiError, ConfigurationError

    try:
        return int(module.run(options))
    except ConfigurationError as error:
        return _failed(str(error), UNREACHABLE)
    except ApiError as error:
        return _failed(str(error), UNREACHABLE if error.unavailable else FAILED)
    except NoExecutionError as error:
        return _failed(str(error), FAILED)


def _failed(reason: str, code: int) -> int:
    from cli.terminal import Terminal, line

    terminal = Terminal.of(sys.stderr)
    terminal = Terminal(colour=terminal.colour, unicode=terminal.unicode)
    print("\n".join(terminal.rows([line(("Error: ", "bad"), reason)])), file=sys.stderr)
    return code


def command_parser(command: str) -> argparse.ArgumentParser:
    """Return the parser of a command."""
    parser = parser_of(f"{_program()} {command}", f"{COMMANDS[command]}.", EXIT_CODES)
    module = import_module(f"cli.commands.{command}")
    module.arguments(parser)
    if command not in ("validate", "completion"):
        add_common(parser, argparse.SUPPRESS)
    return parser


def _top() -> argparse.ArgumentParser:
    parser = parser_of(_program(), "", "")
    add_common(parser, None)
    add_help(parser)
    parser.add_argument("command", nargs="?")
    parser.add_argument("rest", nargs=argparse.REMAINDER)
    return parser


def _help() -> str:
    program = _program()
    rows = "\n".join(f"  {name:<11} {sentence}" for name, sentence in COMMANDS.items())
    return f"""Usage: {program} COMMAND [ARGUMENT...] [OPTION...]

Execute and revert disaster-recovery plans, and see what happens. The cluster is the one that kubectl uses.

Commands:
{rows}

Options of every command that asks the cluster:
  -n, --namespace NAME   namespace; without it, that of the context
  --context NAME         context of the kubeconfig
  --kubeconfig FILE      kubeconfig in place of KUBECONFIG and ~/.kube/config
  --no-color             no colours (so does NO_COLOR); there are none in a pipe
  -h, --help             help, also of a command: {program} status --help
  --version              version of drplan

NAME of an execution may be @latest, the newest one, or PLAN@latest, the newest one of a plan.

{EXIT_CODES}"""


def _program() -> str:
    return "kubectl drplan" if Path(sys.argv[0]).name == "kubectl-drplan" else "drplan"


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("drplan")
    except PackageNotFoundError:
        # A checkout is not installed.
        import tomllib

        project = Path(__file__).parents[1] / "pyproject.toml"
        return str(tomllib.loads(project.read_text())["project"]["version"])


def run() -> NoReturn:
    """Run as a program."""
    sys.exit(main())


if __name__ == "__main__":
    run()
