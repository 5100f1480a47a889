"""Messages, conditions and reasons in the tables of the operations page are the program's own."""

import ast
import re
from collections.abc import Iterator
from functools import cache

import pytest

from bridge.status.conditions import ConditionType
from planning.messages.next_steps import ADVICE
from tests.docs.pages import REPOSITORY, Page, pages
from tests.shipped import PACKAGES

GAP = "\N{HORIZONTAL ELLIPSIS}"
"""Stands in a page for whatever the program puts there."""


@cache
def constants() -> tuple[ast.Constant | ast.JoinedStr, ...]:
    return tuple(_constants())


def _constants() -> Iterator[ast.Constant | ast.JoinedStr]:
    for package in PACKAGES:
        for file in sorted((REPOSITORY / package).rglob("*.py")):
            for node in ast.walk(ast.parse(file.read_text())):
                if isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str)):
                    yield node


def pattern(node: ast.Constant | ast.JoinedStr) -> str:
    """Give a regular expression for what a string of the program can become."""
    parts = node.values if isinstance(node, ast.JoinedStr) else [node]
    return "".join(re.escape(str(part.value)) if isinstance(part, ast.Constant) else "(.*)" for part in parts)


@cache
def sentences() -> list[re.Pattern[str]]:
    """What the program can say, at least two words of its own each."""
    texts = {pattern(node) for node in constants()}
    return [re.compile(text) for text in sorted(texts) if len(re.findall(r"[A-Za-z]{2,}", text)) >= 2]


@cache
def words() -> frozenset[str]:
    """Every single word that the program writes as a string."""
    return frozenset(str(node.value) for node in constants() if isinstance(node, ast.Constant))


def is_said(message: str) -> bool:
    """Tell whether the program can say this; a cause in it is the API server's word or a sentence itself."""
    for sentence in sentences():
        found = sentence.fullmatch(message)
        if found and all(GAP not in group or group.strip() != message for group in found.groups()):
            return True
    return False


def column(page: Page, header: str) -> list[list[str]]:
    """Give the code spans of each cell under a header, over all tables of a page."""
    cells = []
    for table in page.tables():
        titles = [cell.content.strip() for cell in table[0]]
        if header in titles:
            place = titles.index(header)
            cells += [
                [part.content for part in row[place].children or [] if part.type == "code_inline"] for row in table[1:]
            ]
    return cells


OPERATIONS = Page(REPOSITORY / "docs" / "operations.md")


def messages() -> list[str]:
    """Give the messages that the table of next steps has; other rows of it name a condition, a reason or a phase."""
    cells = [row.shows for row in ADVICE.values() if row.shows.startswith("`")]
    return [message for cell in cells for message in re.findall("`([^`]+)`", cell)]


@pytest.mark.parametrize("message", messages())
def test_the_program_can_say_this(message: str) -> None:
    assert is_said(message)


def test_a_sentence_of_nobody_would_be_noticed() -> None:
    assert not is_said("The moon is full")
    assert not is_said("Expecting DRPlan shop")


def test_the_conditions_and_reasons_of_the_next_steps_exist() -> None:
    cells = [row.shows for row in ADVICE.values() if not row.shows.startswith("`")]
    assert {name for cell in cells for name in re.findall("condition `([^`]+)`", cell)} <= set(ConditionType)
    assert {name for cell in cells for name in re.findall("(?:reason|or|,) `([^`]+)`", cell)} <= words()


@pytest.mark.parametrize("page", pages(), ids=str)
def test_every_condition_exists(page: Page) -> None:
    named = {spans[0] for spans in column(page, "condition") if spans}
    assert named <= set(ConditionType)


@pytest.mark.parametrize("page", pages(), ids=str)
def test_every_reason_exists(page: Page) -> None:
    reasons = {span for header in ("status, reason", "reason") for spans in column(page, header) for span in spans}
    assert reasons <= words()
