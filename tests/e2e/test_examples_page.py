"""The commands of examples/README.md work on a stack as they are written, and print what the page says."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from dev.stack import Stack
from tests.docs.pages import REPOSITORY, Page
from tests.e2e.installation import Installation
from tests.e2e.page_commands import remove_examples, run, same, shell_of, steps
from tests.e2e.test_pages import SHOWN

PAGE = Page(REPOSITORY / "examples" / "README.md")
NAMESPACES = ("switch-over-east", "switch-over-west", "rolling-first", "rolling-third")
KINDS = "drplanexecutions,drplans,drworkflows,configmaps,secrets,jobs,localizations"
FOLDERS = sorted(folder.name for folder in (REPOSITORY / "examples").iterdir() if folder.is_dir())


@pytest.fixture
def shell(stack: Stack, installation: Installation, tmp_path: Path) -> Iterator[dict[str, str]]:
    """Variables of a shell in which `kubectl` acts on the stack."""
    remove_examples(stack, KINDS, NAMESPACES)  # other tests run the same examples
    yield shell_of(stack, tmp_path)
    remove_examples(stack, KINDS, NAMESPACES)


@pytest.mark.parametrize("folder", ["switch-over", "demo", "rolling-install", "live-parameters", "job"])
def test_every_command_works_and_prints_what_the_page_says(shell: dict[str, str], folder: str) -> None:
    [(commands, expected)] = [step for step in steps(PAGE) if f"examples/{folder}/" in step[0]]
    assert same(expected) in same(run(shell, commands)), commands


def test_the_page_tells_the_commands_of_every_example_and_first_what_it_needs() -> None:
    text = PAGE.path.read_text()
    on_the_stack, elsewhere = text.split("## On a cluster that has what they need")
    begun = [folder for folder in FOLDERS if f"create -f examples/{folder}/" in text]
    assert begun == [folder for folder in FOLDERS if folder not in SHOWN.values()]
    for folder in ("install", "health-gates"):
        assert f"examples/{folder}/" not in on_the_stack
        assert elsewhere.split(f"### {folder}\n")[1].lstrip().startswith("It needs ")
