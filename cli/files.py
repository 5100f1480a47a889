"""Objects from files: YAML or JSON, folders whole, `-` for what comes in.

Source: docs/spec/drplan.md, "Before anything is applied".
"""

import sys
from collections.abc import Iterator
from pathlib import Path

from planning.definitions.manifest import ManifestError, documents_in
from planning.validation.documents import Document

STANDARD_INPUT = "-"
_ENDINGS = (".yaml", ".yml", ".json")


class FileError(Exception):
    """A file cannot be read at all."""


def named(paths: list[str]) -> Iterator[str]:
    """Give the files that are meant, each once; of a folder those below it that hold YAML or JSON.

    Raises FileError for what is not there.
    """
    seen: set[str] = set()
    for path in paths:
        for name in [path] if path == STANDARD_INPUT else _below(Path(path)):
            if name not in seen:
                seen.add(name)
                yield name


def _below(path: Path) -> list[str]:
    if path.is_dir():
        return sorted(str(file) for file in path.rglob("*") if file.suffix in _ENDINGS and file.is_file())
    if not path.exists():
        raise FileError(f"{path} does not exist")
    return [str(path)]


def documents(name: str) -> list[Document]:
    """Read the documents of a file. Raises FileError, and ManifestError where it is not YAML."""
    try:
        text = sys.stdin.read() if name == STANDARD_INPUT else Path(name).read_text(encoding="utf-8")
    except OSError as error:
        raise FileError(f"{name} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ManifestError("it is not text in UTF-8") from None
    return [Document(name, body) for body in documents_in(text)]
