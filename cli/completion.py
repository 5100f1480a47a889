"""What can come next on a command line: commands, options, their values, and names that the cluster has.

A cluster that does not answer within two seconds completes nothing; completing never prints an error.
Source: Kubernetes, "Extend kubectl with plugins": kubectl runs kubectl_complete-NAME with the words typed so far.
"""

import argparse
import sys
from collections.abc import Sequence
from typing import NoReturn

from cli.main import COMMANDS, command_parser
from cli.options import CONTEXTS, EXECUTIONS, NAMESPACES, PLANS

_SECONDS = 2.0
_NO_FILES = ":4"
"""The directive of kubectl's completion that says not to offer files."""


def complete(words: Sequence[str]) -> int:
    """Print what the last word can become, a line each."""
    for each in candidates(words):
        print(each)
    return 0


def run() -> NoReturn:
    """Answer kubectl's own completion."""
    complete(sys.argv[1:])
    print(_NO_FILES)
    sys.exit(0)


def candidates(words: Sequence[str]) -> list[str]:
    """Return what the last of some words can become; the words before it are complete."""
    *before, last = words or [""]
    command = next((word for word in before if word in COMMANDS), None)
    if command is None:
        return [name for name in COMMANDS if name.startswith(last)]
    parser = command_parser(command)
    options = {name: action for action in parser._actions for name in action.option_strings}
    asked = options.get(before[-1]) if before else None
    if asked is not None and asked.nargs != 0:
        found = _values(asked, before)
    elif last.startswith("-"):
        found = sorted(options)
    else:
        positional = next((action for action in parser._actions if not action.option_strings), None)
        found = _values(positional, before) if positional is not None else []
    return [each for each in found if each.startswith(last)]


def _values(action: argparse.Action, before: Sequence[str]) -> list[str]:
    if action.choices is not None:
        return [str(each) for each in action.choices]
    kind = getattr(action, "values", "")
    if not kind:
        return []
    try:
        return _names(kind, before)
    except Exception:  # completing must not disturb who types
        return []


def _names(kind: str, before: Sequence[str]) -> list[str]:
    from cli.executions import Executions
    from kube.blocking import ApiServer
    from kube.kubeconfig import context_names

    given = {name: _value(before, name) for name in ("--kubeconfig", "--context", "--namespace", "-n")}
    if kind == CONTEXTS:
        return context_names(given["--kubeconfig"])
    server = ApiServer.connect(given["--kubeconfig"], given["--context"], seconds=_SECONDS)
    executions = Executions(server, given["--namespace"] or given["-n"] or server.namespace)
    if kind == NAMESPACES:
        return executions.namespaces()
    assert kind in (EXECUTIONS, PLANS)
    return [*(["@latest"] if kind == EXECUTIONS else []), *executions.names(kind)]


def _value(words: Sequence[str], option: str) -> str | None:
    """Return the value of an option among words, as `--option value` or `--option=value`."""
    for place, word in enumerate(words):
        if word == option and place + 1 < len(words):
            return words[place + 1]
        if word.startswith(f"{option}="):
            return word.removeprefix(f"{option}=")
    return None
