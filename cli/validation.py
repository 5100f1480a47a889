"""`drplan validate`: files in, a line for everything that is wrong out.

Source: docs/spec/drplan.md, "Before anything is applied".
"""

import typer

from cli.files import FileError, documents, named
from planning.definitions.manifest import ManifestError
from planning.messages import files as file_messages
from planning.validation.documents import Document
from planning.validation.file_set import review

WRONG = 1
USAGE = 2
"""Exit code where there is nothing to judge: no such file, or none of our objects in it."""


def validate(paths: list[str], namespace: str) -> int:
    """Judge files, say what is wrong, and give the exit code."""
    found: list[Document] = []
    broken = 0
    try:
        for name in named(paths):
            try:
                found += documents(name)
            except ManifestError as error:
                typer.echo(f"{name}: {error}")
                broken += 1
    except FileError as error:
        typer.secho(f"Error: {error}", fg=typer.colors.RED, err=True)
        return USAGE
    return _judge(found, namespace, broken)


def _judge(found: list[Document], namespace: str, broken: int) -> int:
    """Judge documents; `broken` files hold nothing that can be read."""
    result = review(found, namespace)
    for line in (*result.errors, *result.unchecked):
        typer.echo(line.text)
    if not result.objects and not broken:
        typer.secho(file_messages.NOTHING_FOUND, fg=typer.colors.RED, err=True)
        return USAGE
    errors = len(result.errors) + broken
    typer.echo(file_messages.verdict(result.objects, errors), err=True)
    return WRONG if errors else 0
