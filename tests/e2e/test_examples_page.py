"""The commands of examples/README.md work on a stack as they are written, and print what the page says."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from dev.stack import Stack
from tests.docs.pages import REPOSITORY, Page
from tests.e2e.installation import Installation
from tests.e2e.page_commands import run, same, shell_of, steps
from tests.private_stack import empty_namespace

PAGE = Page(REPOSITORY / "examples" / "README.md")


@pytest.fixture
def shell(stack: Stack, installation: Installation, tmp_path: Path) -> Iterator[dict[str, str]]:
    """Variables of a shell in which `kubectl` acts on the stack."""
    empty_namespace(stack, "default")  # other tests run the same examples
    yield shell_of(stack, tmp_path)
    kinds = "drplanexecutions,drplans,drworkflows,configmaps"
    stack.kubectl("delete", kinds, "--all", "--namespace=default", "--timeout=60s")
    stack.kubectl("delete", "namespace", "switch-over-east", "switch-over-west", "--timeout=60s")


def test_every_command_works_and_prints_what_the_page_says(shell: dict[str, str]) -> None:
    for commands, expected in steps(PAGE):
        assert same(expected) in same(run(shell, commands)), commands
