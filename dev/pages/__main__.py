"""Writes the pages and pictures that are made from the code: `python -m dev.pages`, part of `make crds`.

A test fails while a committed file differs, and for a file in a folder of generated pages that no program makes.
"""

from collections.abc import Callable, Mapping
from pathlib import Path

from dev.layout import REPOSITORY
from dev.pages import api_reference, architecture_picture, cli_reference, runbooks

FOLDERS: tuple[str, ...] = ("docs/runbooks", "docs/zh/runbooks")
"""Folders, below the repository, in which every file is generated."""
OTHERS: Mapping[str, Callable[[], str]] = {
    "docs/cli.md": cli_reference.page,
    "docs/api.md": api_reference.page,
    "docs/images/architecture.svg": architecture_picture.picture,
}
"""What makes each of the other files."""


def files() -> Mapping[str, str]:
    """Return the text of every generated file by its path in the repository."""
    return {**{name: make() for name, make in OTHERS.items()}, **dict(runbooks.files())}


def write(repository: Path) -> None:
    """Write all files, and remove what an earlier version made in the folders."""
    made = files()
    for folder in FOLDERS:
        for old in (repository / folder).glob("*.md"):
            if old.relative_to(repository).as_posix() not in made:
                old.unlink()
    for name, text in made.items():
        (repository / name).parent.mkdir(parents=True, exist_ok=True)
        (repository / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write(REPOSITORY)
