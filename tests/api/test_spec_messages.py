"""The tables of messages under docs/spec hold what the program says, word for word, and every sentence has its row."""

import ast
from pathlib import Path

import pytest

from tests.api.documents import REPOSITORY
from tests.docs.pages import Page
from tests.planning.messages import table

PAGES = sorted((REPOSITORY / "docs" / "spec").glob("*.md"))
MODULES = ("actions", "effects", "fields", "files", "preview", "rehearsals", "runs", "running", "temporal_ui", "tree")
JOINING = {"caption", "current_action", "escaped", "invalid", "query_link", "requires", "run_link", "together"}
"""Functions that only join or cut what others say."""


def _messages(page: Page) -> list[str]:
    """Return the code span of each cell under `message`, over all tables of a page."""
    found: list[str] = []
    for header, *rows in page.tables():
        titles = [cell.content for cell in header]
        if "message" in titles:
            cells = [row[titles.index("message")] for row in rows]
            found += [part.content for cell in cells for part in cell.children or [] if part.type == "code_inline"]
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_the_tables_hold_what_the_program_says(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert table.filled(text) == text, "run `make crds`"
    assert _messages(Page(page)) == table.messages_of(text)


def test_every_table_has_its_page() -> None:
    texts = [page.read_text(encoding="utf-8") for page in PAGES]
    assert sorted(name for text in texts for name in table.names_in(text)) == sorted(table.TABLES)


@pytest.mark.parametrize("module", MODULES)
def test_every_sentence_has_a_row(module: str) -> None:
    code = ast.parse((REPOSITORY / "planning" / "messages" / f"{module}.py").read_text(encoding="utf-8"))
    sentences = {node.name for node in code.body if isinstance(node, ast.FunctionDef) and not node.name.startswith("_")}
    rows = ast.parse((REPOSITORY / "tests" / "planning" / "messages" / "table.py").read_text(encoding="utf-8"))
    said = {node.attr for node in ast.walk(rows) if isinstance(node, ast.Attribute)}
    assert sentences - said - JOINING == set()
