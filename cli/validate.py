"""`drplan validate`: read files, print a line for every error.

Files are YAML or JSON; of a folder, all files below it are read; `-` is standard input. Source: docs/spec/drplan.md,
"Before anything is applied".
"""

import sys
from collections.abc import Iterator
from pathlib import Path

from cli.terminal import neutral
from planning.definitions.yaml_documents import documents_in
from planning.definitions.yaml_scalars import ManifestError
from planning.execute.decide import filled_value_errors
from planning.messages import files as file_messages
from planning.validation import file_set
from planning.validation.documents import FileDocument

INVALID = 1
USAGE = 2
"""Exit code where there is nothing to check: a file does not exist, or none of our objects is in the files."""

STANDARD_INPUT = "-"
_SUFFIXES = (".yaml", ".yml", ".json")


class FileError(Exception):
    """A file cannot be read at all."""


def validate(paths: list[str], namespace: str) -> int:
    """Print the errors in some files and return the exit code; `namespace` is that of objects without one."""
    documents: list[FileDocument] = []
    not_yaml = 0
    try:
        for name in _files(paths):
            try:
                documents += _documents(name)
            except ManifestError as error:
                print(neutral(f"{name}: {error}"))
                not_yaml += 1
    except FileError as error:
        print(f"Error: {error}", file=sys.stderr)
        return USAGE
    result = file_set.validate(documents, namespace, filled_value_errors)
    for line in (*result.errors, *result.warnings, *result.unchecked):
        print(neutral(line.text))
    if not result.objects and not not_yaml:
        print(file_messages.NOTHING_FOUND, file=sys.stderr)
        return USAGE
    errors = len(result.errors) + not_yaml
    print(file_messages.summary(result.objects, errors), file=sys.stderr)
    return INVALID if errors else 0


def _files(paths: list[str]) -> Iterator[str]:
    """Return each file once, in order. Raises FileError for a path that does not exist."""
    seen: set[str] = set()
    for path in paths:
        file = Path(path)
        if path == STANDARD_INPUT:
            names = [path]
        elif file.is_dir():
            files = (each for each in file.rglob("*") if each.suffix in _SUFFIXES and each.is_file())
            names = sorted(map(str, files))
        elif file.exists():
            names = [str(file)]
        else:
            raise FileError(f"{file} does not exist")
        yield from (name for name in names if name not in seen)
        seen.update(names)


def _documents(name: str) -> list[FileDocument]:
    """Read the documents of a file. Raises FileError, and ManifestError where it is not YAML."""
    try:
        text = sys.stdin.read() if name == STANDARD_INPUT else Path(name).read_text(encoding="utf-8")
    except OSError as error:
        raise FileError(f"{name} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ManifestError("it is not text in UTF-8") from None
    return [FileDocument(name, body) for body in documents_in(text)]
