"""The README's table of what works today holds every type and every operation."""

from enum import StrEnum

import pytest

from api.phases import ActionType, Operation
from tests.docs.pages import REPOSITORY, Page


def today(name: str) -> list[str]:
    """Give the code spans of one row, those of today."""
    for table in Page(REPOSITORY / "README.md").tables():
        for cells in table:
            if cells[0].content == name:
                return [part.content for part in cells[1].children or [] if part.type == "code_inline"]
    raise AssertionError(f"the README has no row {name}")


@pytest.mark.parametrize(("name", "words"), [("action types", ActionType), ("operations", Operation)])
def test_it_names_all_of_them(name: str, words: type[StrEnum]) -> None:
    assert sorted(today(name)) == sorted(words)
