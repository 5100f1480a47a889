"""What the screen shows in each situation, letter for letter, on terminals of three widths and in a pipe.

UPDATE_GOLDEN=1 writes the files anew; what has changed in them is then for the reviewer to judge.
"""

import os
from pathlib import Path

import pytest

from cli.run import read_run
from cli.screen import screen
from cli.terminal import Terminal
from tests.cli.scenarios import NOW, SCENARIOS

GOLDEN = Path(__file__).parent / "golden"
TERMINALS = {str(width): Terminal(width=width, height=24) for width in (40, 80, 200)} | {"pipe": Terminal()}


def shown(name: str, terminal: Terminal) -> list[str]:
    return terminal.rows(screen(read_run(SCENARIOS[name]()), NOW, terminal))


@pytest.mark.parametrize("form", TERMINALS)
@pytest.mark.parametrize("name", SCENARIOS)
def test_the_screen_is_as_the_golden_file_shows_it(name: str, form: str) -> None:
    file = GOLDEN / f"{name}.{form}.txt"
    text = "".join(f"{row}\n" for row in shown(name, TERMINALS[form]))
    if os.environ.get("UPDATE_GOLDEN"):
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
    assert text == file.read_text()


def test_every_golden_file_belongs_to_a_test() -> None:
    assert {file.name for file in GOLDEN.iterdir()} == {
        f"{name}.{form}.txt" for name in SCENARIOS for form in TERMINALS
    }


@pytest.mark.parametrize("name", SCENARIOS)
def test_nothing_scrolls_at_80_by_24(name: str) -> None:
    terminal = TERMINALS["80"]
    assert terminal.height_of(screen(read_run(SCENARIOS[name]()), NOW, terminal)) <= 23


@pytest.mark.parametrize("name", SCENARIOS)
def test_every_failure_is_told_whole_in_every_form(name: str) -> None:
    run = read_run(SCENARIOS[name]())
    failed = next((action for action in run.actions if action.phase == "Failed"), None)
    if failed is None:
        return
    for terminal in TERMINALS.values():
        rows = shown(name, terminal)
        joined = "".join("".join(rows).split())
        assert "".join(failed.message.split()) in joined
    assert any(failed.message in row for row in shown(name, TERMINALS["pipe"]))
