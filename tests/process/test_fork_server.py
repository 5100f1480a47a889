"""A program that is forked for a test does what an interpreter of its own would do."""

import signal
from pathlib import Path

import pytest

from dev.stack import Stack
from tests.programs import running


@pytest.mark.parametrize(
    ("arguments", "env", "code", "says"),
    [
        (["--help"], {}, 0, "usage: python -m bridge"),
        (["--wrong"], {}, 2, "unrecognized arguments: --wrong"),
        ([], {"DRPLAN_LOG_LEVEL": "loud"}, 2, "DRPLAN_LOG_LEVEL"),
    ],
)
@pytest.mark.usefixtures("stack")  # which has the fork server load the programs
def test_a_forked_program_prints_and_ends_like_one_with_an_interpreter_of_its_own(
    tmp_path: Path, arguments: list[str], env: dict[str, str], code: int, says: str
) -> None:
    for real in (False, True):
        with running("bridge", tmp_path / f"{real}.log", env, *arguments, real=real) as program:
            assert program.wait_for_end() == code
    logs = [(tmp_path / f"{real}.log").read_text() for real in (False, True)]
    assert all(says in log for log in logs)
    if "timestamp" not in logs[0]:
        assert logs[0] == logs[1]


def test_a_forked_program_that_is_killed_ends_by_the_signal_and_starts_again(stack: Stack, tmp_path: Path) -> None:
    env = stack.env("bridge") | {"DRPLAN_TASK_QUEUE": "forked"}
    with running("bridge", tmp_path / "log", env) as program:
        program.wait_until_it_says("bridge started")
        first = program.pid
        program.kill()
        assert program.wait_for_end() == -signal.SIGKILL
        program.start()
        program.wait_until_it_says("bridge started")
        assert program.pid != first
        assert program.stop() == 0
