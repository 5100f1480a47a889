"""The commands of a page, run in a shell as a reader runs them, and compared with the output that the page shows."""

import os
import re
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from dev.stack import Stack
from tests.docs.pages import REPOSITORY, Page
from tests.private_stack import empty_namespace

SET_UP = ("make ", ". ", "export ")
"""Beginnings of the blocks that the test's own stack stands for."""
DIFFERS = (
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"), "<time>"),
    (re.compile(r"\b(\d+h)?(\d+m)?\d+(\.\d+)?(ms|s|m)\b"), "<span>"),
    (re.compile(r"[ \t]+"), " "),
)


def steps(page: Page) -> list[tuple[str, str]]:
    """Give each block of commands with the output that follows it, empty where the page shows none."""
    found: list[tuple[str, str]] = []
    for token in page.tokens:
        if token.type == "fence" and token.info == "sh":
            found.append((token.content, ""))
        elif token.type == "fence" and token.info == "text" and found:
            found[-1] = (found[-1][0], token.content)
    return found


def same(text: str) -> str:
    """Take out what is different each time: times, spans and the width of columns."""
    for pattern, replacement in DIFFERS:
        text = pattern.sub(replacement, text)
    return "\n".join(line.strip() for line in text.strip().splitlines())


def shell_of(stack: Stack, home: Path) -> dict[str, str]:
    """Give the variables of a shell in which `kubectl`, `temporal` and `drplan` act on the stack, as administrator."""
    programs = home / "bin"
    programs.mkdir()
    (programs / "kubectl").symlink_to(stack.programs.kubectl)
    (programs / "temporal").symlink_to(stack.programs.temporal)
    program = programs / "drplan"
    program.write_text(f'#!/bin/sh\nPYTHONPATH="{REPOSITORY}" exec "{sys.executable}" -m cli.main "$@"\n')
    program.chmod(0o755)
    return {
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "KUBECONFIG": str(stack.layout.kubeconfig),
        "TEMPORAL_ADDRESS": stack.temporal_address,
        "HOME": str(home),
    }


def remove_examples(stack: Stack, kinds: str, namespaces: Iterable[str]) -> None:
    """Delete what pages have created: objects of these kinds in the namespace `default`, and these namespaces."""
    empty_namespace(stack, "default")
    stack.kubectl("delete", kinds, "--all", "--namespace=default", "--timeout=60s")
    stack.kubectl("delete", "namespace", *namespaces, "--ignore-not-found", "--timeout=60s")


def run(shell: dict[str, str], commands: str) -> str:
    """Run commands of a page, each of which has to succeed, and give what they print."""
    line = ["bash", "-euo", "pipefail", "-c", commands]
    done = subprocess.run(line, env=shell, cwd=REPOSITORY, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, f"{commands}\n{done.stderr}"
    return done.stdout


def differences(shell: dict[str, str], page: Page) -> list[str]:
    """Run every block of a page, and give what it printed where the page shows something else."""
    found = []
    for commands, expected in steps(page):
        if not commands.startswith(SET_UP):
            printed = run(shell, commands)
            if same(expected) not in same(printed):
                found.append(f"{commands}\n{printed}")
    return found
