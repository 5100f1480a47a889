"""Every command of these pages works on one stack, in the order of the page, and prints what the page says."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from dev.stack import Stack
from tests.docs.pages import REPOSITORY, Page
from tests.e2e.installation import Installation
from tests.e2e.page_commands import differences, remove_examples, shell_of

PAGES = {
    "quick-start": "docs/quick-start.md",
    "write-your-first-plan": "docs/write-your-first-plan.md",
    "how-a-revert-decides": "docs/how-a-revert-decides.md",
    "game-day": "docs/game-day.md",
    "rights": "docs/rights.md",
}
KINDS = "drplanexecutions,drplans,drworkflows,configmaps,localizations"
"""What the pages create in the namespace `default`."""
SHOWN = {"docs/write-your-first-plan.md": "first-plan", "docs/how-a-revert-decides.md": "shared-object"}
"""Folders of examples whose files a page uses."""


@pytest.fixture
def shell(stack: Stack, installation: Installation, tmp_path: Path) -> Iterator[dict[str, str]]:
    """Variables of a shell in which `kubectl` and `drplan` act on the stack."""
    remove_all(stack)  # other tests run the same examples
    yield shell_of(stack, tmp_path)
    remove_all(stack)


def remove_all(stack: Stack) -> None:
    remove_examples(stack, KINDS, ("greeting", "market", "shop"))


@pytest.mark.parametrize("page", PAGES.values(), ids=PAGES)
def test_every_command_works_and_prints_what_the_page_says(shell: dict[str, str], page: str) -> None:
    found = differences(shell, Page(REPOSITORY / page))
    assert not found, "\n\n".join(found)


@pytest.mark.parametrize("page", SHOWN)
def test_the_page_shows_the_files_as_they_are_and_uses_every_one(page: str) -> None:
    files = sorted((REPOSITORY / "examples" / SHOWN[page]).glob("*.yaml"))
    documents = [document for file in files for document in yaml.safe_load_all(file.read_text())]
    assert all(yaml.safe_load(block) in documents for block in Page(REPOSITORY / page).fences("yaml"))
    text = (REPOSITORY / page).read_text()
    assert not [file.name for file in files if f"examples/{SHOWN[page]}/{file.name}" not in text]
