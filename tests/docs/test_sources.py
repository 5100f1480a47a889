"""A docstring that names a section of a page names one that exists."""

import re
from pathlib import Path

import pytest

from tests.docs.pages import REPOSITORY, Page
from tests.shipped import PACKAGES

HERE = Path(__file__).parent
"""These tests speak of pages that do not exist."""

FOLDERS = (*PACKAGES, "dev", "bench", "tests", "deploy")
REFERENCE = re.compile(r"""(docs/[\w/.-]+\.md)((?:(?:,| and)\s+(?:"[^"\n]+"|'[^'\n]+'))*)""")
SECTION = re.compile(r"""(["'])(.+?)\1""")


def references(text: str) -> list[tuple[str, list[str]]]:
    """Give pages and the sections named with them: `docs/x.md, "One", "Two"`."""
    flat = re.sub(r"\n\s*#?\s*", " ", text)
    return [(page, [name for _, name in SECTION.findall(sections)]) for page, sections in REFERENCE.findall(flat)]


def sources() -> list[Path]:
    files = [file for folder in FOLDERS for file in (REPOSITORY / folder).rglob("*")]
    files = [file for file in files if file.parent != HERE]
    wanted = [file for file in files if file.suffix in (".py", ".yaml", ".sh")]
    return sorted([*wanted, *REPOSITORY.glob("*.yml"), *REPOSITORY.glob("Makefile")])


def wrong(path: Path) -> list[str]:
    problems = []
    for name, sections in references(path.read_text()):
        page = Page(REPOSITORY / name)
        if not page.path.exists():
            problems.append(name)
            continue
        problems += [f"{name}: {section}" for section in sections if section not in page.headings()]
    return problems


@pytest.mark.parametrize("path", sources(), ids=lambda path: path.relative_to(REPOSITORY).as_posix())
def test_the_named_pages_and_sections_exist(path: Path) -> None:
    assert not wrong(path)


def test_several_sections_of_one_page_are_told_apart() -> None:
    text = """Source: docs/a.md, "One" and "It's two"; docs/b.md; docs/c.md,\n    'Three'."""
    assert references(text) == [("docs/a.md", ["One", "It's two"]), ("docs/b.md", []), ("docs/c.md", ["Three"])]
