"""Chinese pages say what the English ones say: the same commands, the same headings, the same tables."""

import re

import pytest

from tests.docs.pages import REPOSITORY, Page

PAIRS = {
    "README.md": "docs/zh/README.md",
    "docs/quick-start.md": "docs/zh/quick-start.md",
    "docs/how-a-revert-decides.md": "docs/zh/how-a-revert-decides.md",
    **{
        file.relative_to(REPOSITORY).as_posix(): f"docs/zh/runbooks/{file.name}"
        for file in sorted((REPOSITORY / "docs" / "runbooks").glob("*.md"))
    },
}
CHINESE = re.compile("[\u4e00-\u9fff]")


def structure(page: Page) -> list[tuple[str, ...]]:
    """Return headings by level, code blocks word for word, and tables by their rows and columns, in their order."""
    found: list[tuple[str, ...]] = []
    for token in page.tokens:
        if token.type == "heading_open":
            found.append(("heading", token.tag))
        elif token.type == "fence":
            found.append(("block", token.info, token.content))
        elif token.type in ("table_open", "tr_open", "td_open", "th_open"):
            found.append((token.type,))
    return found


@pytest.mark.parametrize("english", PAIRS)
def test_a_chinese_page_has_the_structure_of_the_english_one(english: str) -> None:
    chinese = Page(REPOSITORY / PAIRS[english])
    assert structure(chinese) == structure(Page(REPOSITORY / english)), f"bring {PAIRS[english]} up to date"
    assert [heading for heading in chinese.headings() if not CHINESE.search(heading)] in ([], ["drplan"])


def test_every_chinese_page_has_an_english_one() -> None:
    pages = {file.relative_to(REPOSITORY).as_posix() for file in (REPOSITORY / "docs" / "zh").rglob("*.md")}
    assert pages == set(PAIRS.values())


def test_another_command_a_row_less_and_another_level_are_noticed() -> None:
    page = Page(REPOSITORY / "README.md")
    whole = structure(page)
    assert ("block", "sh", "make demo\nmake test\n") in whole
    assert ("heading", "h2") in whole
    assert ("tr_open",) in whole
