"""docs/cli.md: every command of `drplan` with its arguments, from the parsers of the program itself."""

import argparse
from collections.abc import Iterator

from cli.main import COMMANDS, EXIT_CODES, command_parser
from dev.pages.markdown import GENERATED, table

_INTRODUCTION = """# Command-line reference

`drplan` talks to the Kubernetes API only, with the kubeconfig and the rights of kubectl. As `kubectl-drplan` in the `PATH` it is a plugin, and
`kubectl drplan status` is the same as `drplan status`. `drplan COMMAND --help` prints what this page says of a command;
[the command line](operations.md#the-command-line) says what the screens show and which rights each command needs.

`NAME` of an execution may be `@latest`, the newest one of the namespace, or `PLAN@latest`, the newest one of a plan.

"""
_CLUSTER = ("context", "kubeconfig", "namespace", "no_color")
"""Options that are listed once, because every command that asks the cluster has them."""


def page() -> str:
    """Return the page."""
    commands = table(("command", "what it does"), ((f"[`{name}`](#{name})", text) for name, text in COMMANDS.items()))
    return "".join(
        [
            GENERATED.format(source="the commands in cli/"),
            _INTRODUCTION,
            commands,
            "\n## Options of every command that asks the cluster\n\n",
            _arguments([each for each in _actions("status") if each.dest in _CLUSTER]),
            "\n`--help` of a command prints its help, and `drplan --version` the version.\n",
            "\n## Exit codes\n\n",
            table(("exit code", "meaning"), _exit_codes()),
            *(_section(name, sentence) for name, sentence in COMMANDS.items()),
        ]
    )


def _exit_codes() -> Iterator[tuple[str, str]]:
    for line in EXIT_CODES.splitlines()[1:]:
        code, meaning = line.split(maxsplit=1)
        yield code, meaning


def _section(name: str, sentence: str) -> str:
    parser = command_parser(name)
    asks = any(each.dest == "kubeconfig" for each in parser._actions)
    own = [each for each in _actions(name) if each.dest not in _CLUSTER or not asks]
    more = "\nIt has [the options of every command that asks the cluster](#options-of-every-command-that-asks-the-cluster), too.\n"
    arguments = "\n" + _arguments(own) if own else ""
    return f"\n## {name}\n\n{sentence}.\n\n```text\n{_usage(name)}\n```\n{arguments}{more if asks else ''}"


def _usage(name: str) -> str:
    """Return how a command is written: argparse breaks its own usage at other places in each Python."""
    words = [each for each in _actions(name) if not each.option_strings]
    written = [f"{_value(each)}..." if each.nargs == "+" else _value(each) for each in words]
    optional = [f"[{text}]" if each.nargs == "?" else text for each, text in zip(words, written, strict=True)]
    return " ".join(["drplan", name, *optional, "[OPTION...]"])


def _actions(name: str) -> list[argparse.Action]:
    return [each for each in command_parser(name)._actions if each.dest != "help"]


def _arguments(actions: list[argparse.Action]) -> str:
    return table(("argument", "meaning"), ((_spelling(each), each.help or "") for each in actions))


def _value(action: argparse.Action) -> str:
    return "|".join(map(str, action.choices)) if action.choices else str(action.metavar or action.dest.upper())


def _spelling(action: argparse.Action) -> str:
    value = _value(action)
    if not action.option_strings:
        return f"`{value}`" + ("" if action.required else ", optional")
    takes_value = action.nargs != 0
    return ", ".join(f"`{option} {value}`" if takes_value else f"`{option}`" for option in action.option_strings)
