"""The page for a bad night has the rows that the status has, and each row is complete."""

import re
import shlex

import pytest

from dev.pages.runbooks import example
from planning.messages.next_steps import ADVICE
from planning.messages.situations import Situation
from tests.docs.next_steps_page import filled
from tests.docs.pages import REPOSITORY

PAGE = REPOSITORY / "docs" / "operations.md"


def test_the_page_is_generated_from_the_table() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert filled(text) == text, "run `make crds`"
    assert "<!-- next steps -->" in text


def test_every_situation_has_its_row() -> None:
    assert list(ADVICE) == list(Situation)


@pytest.mark.parametrize("situation", Situation)
def test_a_row_says_what_why_and_how(situation: Situation) -> None:
    row = ADVICE[situation]
    assert row.shows
    assert row.why
    assert row.what
    assert row.command or row.more
    text = example(situation)
    assert not re.search(r"\$\w", text), "a fact that nobody puts in"
    assert shlex.split(text) or row.more
