"""Options that several commands have, in kubectl's words, and how a command reaches the cluster with them."""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NoReturn

from api.phases import OnFailure

if TYPE_CHECKING:
    from cli.executions import Executions

EXECUTIONS, PLANS, NAMESPACES, CONTEXTS = "drplanexecutions", "drplans", "namespaces", "contexts"
"""What completes the value of an argument."""
LATEST_HELP = "@latest, the newest one, or PLAN@latest"


class UsageError(Exception):
    """The command line is wrong."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Raise UsageError in place of an exit."""
        raise UsageError(f"{message}\nSee: {self.prog} --help")


class _Help(argparse.RawDescriptionHelpFormatter):
    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=30, width=100)


def parser_of(program: str, description: str, epilog: str) -> argparse.ArgumentParser:
    """Return a parser without options; those of a command have their help."""
    return _Parser(
        prog=program,
        description=description,
        epilog=epilog,
        formatter_class=_Help,
        allow_abbrev=False,
        add_help=bool(description),
    )


def add_help(parser: argparse.ArgumentParser) -> None:
    """Add what the program itself answers."""
    parser.add_argument("-h", "--help", action="store_true")
    parser.add_argument("--version", action="store_true")


def add_common(parser: argparse.ArgumentParser, default: Any) -> None:
    """Add the options of every command that asks the cluster. They may come before the command, too."""
    add_namespace(parser, default, "namespace; without it, that of the context")
    group = parser.add_argument_group("cluster")
    completed(
        group.add_argument("--context", metavar="NAME", default=default, help="context of the kubeconfig"), CONTEXTS
    )
    group.add_argument("--kubeconfig", metavar="FILE", default=default, help="kubeconfig to use")
    no_color = default if default is not None else False
    parser.add_argument("--no-color", action="store_true", default=no_color, help="no colours (so does NO_COLOR)")


def add_namespace(parser: argparse.ArgumentParser, default: Any, text: str) -> None:
    """Add the option for the namespace."""
    completed(parser.add_argument("-n", "--namespace", metavar="NAME", default=default, help=text), NAMESPACES)


def add_execution(parser: argparse.ArgumentParser, default: str | None = None) -> None:
    """Add the argument that names an execution; with a default it may be left out."""
    text = f"name of the DRPlanExecution; {LATEST_HELP}" + (f" [{default}]" if default else "")
    if default is None:
        completed(parser.add_argument("name", metavar="NAME", help=text), EXECUTIONS)
    else:
        completed(parser.add_argument("name", metavar="NAME", nargs="?", default=default, help=text), EXECUTIONS)


def add_parameters(parser: argparse.ArgumentParser, text: str) -> None:
    """Add values of parameters."""
    parser.add_argument("-p", "--param", metavar="NAME=VALUE", action="append", default=[], help=text)


def parameters(texts: Sequence[str]) -> dict[str, str]:
    """Return the values of parameters by name; of a name that stands twice the last one. Raises UsageError."""
    pairs = [each.partition("=") for each in texts]
    if any(not equals for _, equals, _ in pairs):
        raise UsageError("a parameter is NAME=VALUE")
    return {name: value for name, _, value in pairs}


def add_wait(parser: argparse.ArgumentParser) -> None:
    """Add whether the execution is followed."""
    parser.add_argument(
        "--wait",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="follow the execution until it ends; without, return at once",
    )


def add_creation(parser: argparse.ArgumentParser) -> None:
    """Add the options of what creates an execution: a preview, what happens at a failure, and what is printed."""
    parser.add_argument("--dry-run", action="store_true", help="preview: say what would happen, and change nothing")
    parser.add_argument("--preview-digest", metavar="DIGEST", help="refuse to do anything but what a preview showed")
    add_on_failure(parser)
    add_wait(parser)
    add_output(parser, "name")


def add_on_failure(parser: argparse.ArgumentParser) -> None:
    """Add what happens at a failure."""
    parser.add_argument(
        "--on-failure",
        choices=[each.value for each in OnFailure],
        help="at a failure: Stop (default), or Pause until a person decides",
    )


def creation_fields(options: argparse.Namespace) -> dict[str, object]:
    """Return the fields of the spec that these options set."""
    fields = {
        "dryRun": options.dry_run,
        "previewDigest": options.preview_digest,
        "onFailure": options.on_failure,
    }
    return {field: value for field, value in fields.items() if value}


def add_output(parser: argparse.ArgumentParser, *formats: str) -> None:
    """Add the format of the output."""
    parser.add_argument("-o", "--output", choices=formats, help="another form of output")


def completed(action: argparse.Action, values: str) -> argparse.Action:
    """Say with what names from the cluster the value of an argument is completed."""
    action.values = values  # type: ignore[attr-defined]
    return action


def connection_options(options: argparse.Namespace) -> dict[str, str | None]:
    """Return the options with which the cluster is reached."""
    return {"--context": options.context, "--kubeconfig": options.kubeconfig}


@contextmanager
def connected(options: argparse.Namespace) -> Iterator["Executions"]:
    """Yield the executions of the namespace that the options name, or that of the context."""
    from cli.executions import Executions
    from kube.blocking import ApiServer

    server = ApiServer.connect(options.kubeconfig, options.context)
    try:
        yield Executions(server, options.namespace or server.namespace)
    finally:
        server.close()


def print_objects(objects: Sequence[dict[str, Any]], form: str, *, one: bool) -> None:
    """Print objects as kubectl does: one of them, or a List; by `name`, their names only."""
    if form == "name":
        for each in objects:
            print(f"drplanexecution.dr.bkbcs.tencent.com/{_plain(each['metadata']['name'])}")
        return
    body = objects[0] if one else {"apiVersion": "v1", "kind": "List", "items": list(objects)}
    if form == "json":
        unicode = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
        text = json.dumps(body, indent=4, ensure_ascii=True)
        print(_readable(text) if unicode else text)
    else:
        import yaml

        print(yaml.safe_dump(body, sort_keys=False, allow_unicode=False, width=200), end="")


def _plain(text: object) -> str:
    from cli.terminal import neutral

    return neutral(text)


def _readable(text: str) -> str:
    """Write letters as such in JSON of ASCII, and leave what controls a terminal escaped."""
    import re

    from cli.terminal import neutral

    def letter(found: re.Match[str]) -> str:
        character = chr(int(found.group(2), 16))
        return found.group(1) + (character if neutral(character) == character else found.group()[len(found.group(1)) :])

    return re.sub(r"((?<!\\)(?:\\\\)*)\\u([0-9a-f]{4})", letter, text)
