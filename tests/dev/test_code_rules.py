"""The rules of the shipped code: each finds a violation that is made on purpose, and the code has none."""

import ast

import pytest

from dev.code_rules import MOST_LINES, changed_state, lines_too_many, main

VIOLATIONS = {
    "a global name": "count = 0\ndef f():\n    global count\n    count += 1\n",
    "an entry of a dict": "SEEN = {}\ndef f(key):\n    SEEN[key] = 1\n",
    "an appended item": "LOG: list[str] = []\nasync def f(text):\n    LOG.append(text)\n",
    "a deleted entry": "SEEN = {}\nclass C:\n    def f(self, key):\n        del SEEN[key]\n",
    "an attribute": "STATE = object()\ndef f():\n    STATE.busy = True\n",
    "a lambda": "LOG = []\nnote = lambda text: LOG.append(text)\n",
}
ALLOWED = {
    "a table that is read": "TABLE = {1: 2}\ndef f(key):\n    return TABLE[key]\n",
    "a local list of that name": "items = []\ndef f():\n    items = []\n    items.append(1)\n    return items\n",
    "an argument of that name": "items = []\ndef f(items):\n    items.append(1)\n",
    "a table that the module itself fills": "TABLE = {}\nfor n in range(3):\n    TABLE[n] = n\n",
}


@pytest.mark.parametrize("case", VIOLATIONS)
def test_a_change_of_module_state_is_found(case: str) -> None:
    assert list(changed_state(ast.parse(VIOLATIONS[case])))


@pytest.mark.parametrize("case", ALLOWED)
def test_anything_else_is_allowed(case: str) -> None:
    assert list(changed_state(ast.parse(ALLOWED[case]))) == []


def test_the_shipped_code_keeps_the_rules(capsys: pytest.CaptureFixture[str]) -> None:
    assert main() == 0, capsys.readouterr().out


def test_a_module_with_one_line_over_the_bound_is_too_long() -> None:
    assert [lines_too_many("x = 1\n" * (MOST_LINES + more)) > 0 for more in (0, 1)] == [False, True]
