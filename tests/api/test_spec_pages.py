"""The pages under docs/spec say what models and program do."""

from pathlib import Path

import pytest

from api.fields import TABLES, filled
from tests.api.documents import REPOSITORY

PAGES = sorted((REPOSITORY / "docs" / "spec").glob("*.md"))

pages = pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)


@pages
def test_the_field_tables_are_not_stale(path: Path) -> None:
    text = path.read_text(encoding="utf-8")

    assert filled(text) == text, "run `make crds`"


def test_every_model_has_its_table_once() -> None:
    text = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    assert {name: text.count(f"<!-- fields: {name} -->") for name in TABLES} == dict.fromkeys(TABLES, 1)
