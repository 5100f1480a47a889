"""Every command of docs/write-your-first-plan.md works, and prints what the page says."""

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from dev.stack import Stack
from tests.docs.pages import REPOSITORY, Page
from tests.e2e.installation import Installation

PAGE = Page(REPOSITORY / "docs" / "write-your-first-plan.md")
FILES = sorted((REPOSITORY / "examples" / "first-plan").glob("*.yaml"))
SET_UP = ("make ", ". ", "export ")
"""Beginnings of the commands that the test's own stack stands for."""

DIFFERS = (
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"), "<time>"),
    (re.compile(r"\b(\d+h)?(\d+m)?\d+(\.\d+)?(ms|s|m)\b"), "<span>"),
    (re.compile(r"[ \t]+"), " "),
)


def steps() -> list[tuple[str, str]]:
    """Give each block of commands with the output that follows it, empty where the page shows none."""
    found: list[tuple[str, str]] = []
    for token in PAGE.tokens:
        if token.type == "fence" and token.info == "sh":
            found.append((token.content, ""))
        elif token.type == "fence" and token.info == "text":
            found[-1] = (found[-1][0], token.content)
    return [(commands, output) for commands, output in found if not commands.startswith(SET_UP)]


def same(text: str) -> str:
    """Take out what is different each time: times, spans and the width of columns."""
    for pattern, replacement in DIFFERS:
        text = pattern.sub(replacement, text)
    return "\n".join(line.strip() for line in text.strip().splitlines())


@pytest.fixture
def shell(stack: Stack, installation: Installation, tmp_path: Path) -> Iterator[dict[str, str]]:
    """Variables of a shell in which `kubectl` acts on the stack."""
    (tmp_path / "kubectl").symlink_to(stack.programs.kubectl)
    yield {
        "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}",
        "KUBECONFIG": str(stack.layout.kubeconfig),
        "HOME": str(tmp_path),
    }
    stack.kubectl("delete", "namespace", "greeting", "--ignore-not-found", "--timeout=60s")


def test_every_command_works_and_prints_what_the_page_says(shell: dict[str, str]) -> None:
    for commands, expected in steps():
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", commands],
            env=shell,
            cwd=REPOSITORY,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, f"{commands}\n{done.stderr}"
        assert same(expected) in same(done.stdout), commands


def test_the_page_shows_the_files_as_they_are() -> None:
    shown = [yaml.safe_load(block) for block in PAGE.fences("yaml")]
    files = [document for file in FILES for document in yaml.safe_load_all(file.read_text())]
    assert shown
    assert all(block in files for block in shown)


def test_the_page_uses_every_file() -> None:
    text = PAGE.path.read_text()
    assert FILES
    assert not [file.name for file in FILES if f"examples/first-plan/{file.name}" not in text]
