"""Every command of docs/write-your-first-plan.md works, and prints what the page says."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from dev.stack import Stack
from tests.docs.pages import REPOSITORY, Page
from tests.e2e.installation import Installation
from tests.e2e.page_commands import run, same, shell_of, steps

PAGE = Page(REPOSITORY / "docs" / "write-your-first-plan.md")
FILES = sorted((REPOSITORY / "examples" / "first-plan").glob("*.yaml"))
SET_UP = ("make ", ". ", "export ")
"""Beginnings of the commands that the test's own stack stands for."""


@pytest.fixture
def shell(stack: Stack, installation: Installation, tmp_path: Path) -> Iterator[dict[str, str]]:
    """Variables of a shell in which `kubectl` acts on the stack."""
    yield shell_of(stack, tmp_path)
    stack.kubectl("delete", "namespace", "greeting", "--ignore-not-found", "--timeout=60s")


def test_every_command_works_and_prints_what_the_page_says(shell: dict[str, str]) -> None:
    for commands, expected in steps(PAGE):
        if not commands.startswith(SET_UP):
            assert same(expected) in same(run(shell, commands)), commands


def test_the_page_shows_the_files_as_they_are() -> None:
    shown = [yaml.safe_load(block) for block in PAGE.fences("yaml")]
    files = [document for file in FILES for document in yaml.safe_load_all(file.read_text())]
    assert shown
    assert all(block in files for block in shown)


def test_the_page_uses_every_file() -> None:
    text = PAGE.path.read_text()
    assert FILES
    assert not [file.name for file in FILES if f"examples/first-plan/{file.name}" not in text]
