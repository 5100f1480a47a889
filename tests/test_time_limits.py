"""A run of tests cannot hang, names what did, and leaves nothing behind: shown by runs of pytest on small modules."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.fork_server import MARK
from tests.leftovers import marked_processes

REPOSITORY = Path(__file__).resolve().parents[1]
NAMES = (
    "no:hypothesispytest",
    "no:anyio",
    "no:cacheprovider",
    "tests.leftovers",
    "tests.time_limits",
    "tests.distribution",
)
PLUGINS = [word for name in NAMES for word in ("-p", name)]
SETTINGS = """
[pytest]
asyncio_mode = auto
asyncio_default_fixture_loop_scope = session
asyncio_default_test_loop_scope = session
"""
STARTS = 'subprocess.Popen(["sleep", "{seconds}"], start_new_session=True)'

HANGS_IN_ITS_BODY = f"""
import asyncio, subprocess

async def test_that_hangs():
    {STARTS}
    await asyncio.Event().wait()

def test_that_passes():
    pass
"""
HANGS_IN_A_TEARDOWN = f"""
import asyncio, pytest, subprocess

@pytest.fixture(scope="session")
async def server():
    {STARTS}
    yield
    await asyncio.Event().wait()

async def test_that_fails(server):
    assert False
"""
HANGS_IN_NATIVE_CODE_OF_A_THREAD = """
import concurrent.futures, time

def test_that_hangs():
    with concurrent.futures.ThreadPoolExecutor() as pool:
        pool.submit(time.sleep, 1000)
"""
LEAVES_SOMETHING_BEHIND = f"""
import subprocess

def test_that_passes():
    {STARTS}
"""

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Run pytest on a module with this text; nothing of it is left when the test ends."""
    (tmp_path / "pytest.ini").write_text(SETTINGS)

    def run(text: str, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
        (tmp_path / "test_it.py").write_text(text.replace("{seconds}", unique(tmp_path)))
        inherited = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST_")}
        return subprocess.run(
            [sys.executable, "-m", "pytest", *PLUGINS, *arguments],
            cwd=tmp_path,
            env={**inherited, "PYTHONPATH": str(REPOSITORY), **env},
            capture_output=True,
            text=True,
            timeout=200,
        )

    return run


def unique(tmp_path: Path) -> str:
    """Return seconds by which the process that a test has started is recognised."""
    return f"1000.{abs(hash(str(tmp_path)))}"


def still_running(tmp_path: Path) -> list[str]:
    return [each.command for each in marked_processes() if unique(tmp_path) in each.command]


@pytest.mark.parametrize("processes", ["-n0", "-n2"])
@pytest.mark.parametrize(
    ("text", "what", "where"),
    [
        (HANGS_IN_ITS_BODY, "call of test_it.py::test_that_hangs", 'test_it.py", line 6'),
        (HANGS_IN_A_TEARDOWN, "teardown of test_it.py::test_that_fails", "server"),
        (HANGS_IN_NATIVE_CODE_OF_A_THREAD, "call of test_it.py::test_that_hangs", 'test_it.py", line 5'),
    ],
)
def test_what_hangs_is_ended_and_named_with_its_stacks(
    run: Run, tmp_path: Path, processes: str, text: str, what: str, where: str
) -> None:
    done = run(text, processes, "--dist=loadgroup", TEST_PART_LIMIT="2")
    assert done.returncode == pytest.ExitCode.TESTS_FAILED
    assert f"TIME LIMIT: {what} did not end within 2 s" in done.stderr
    assert where in done.stderr.partition("did not end within")[2]
    assert still_running(tmp_path) == []


def test_the_others_run_and_the_one_that_hangs_is_not_tried_again(run: Run) -> None:
    done = run(HANGS_IN_ITS_BODY, "-n1", "--dist=loadgroup", TEST_PART_LIMIT="2")
    assert "1 failed, 1 passed" in done.stdout
    assert "crashed while running 'test_it.py::test_that_hangs'" in done.stdout
    assert done.stderr.count("TIME LIMIT") == 1


@pytest.mark.parametrize("processes", ["-n0", "-n1"])
def test_a_run_that_exceeds_its_own_limit_ends_with_the_stacks_of_all_processes(
    run: Run, tmp_path: Path, processes: str
) -> None:
    done = run(HANGS_IN_ITS_BODY, processes, TEST_RUN_LIMIT="6")
    assert done.returncode == pytest.ExitCode.TESTS_FAILED
    assert "TIME LIMIT: the run did not end within 6 s" in done.stderr
    assert "most recent call first" in done.stderr
    assert still_running(tmp_path) == []


@pytest.mark.parametrize("processes", ["-n0", "-n1"])
def test_a_process_that_is_left_behind_fails_the_run_and_is_ended(run: Run, tmp_path: Path, processes: str) -> None:
    done = run(LEAVES_SOMETHING_BEHIND, processes)
    assert done.returncode == pytest.ExitCode.TESTS_FAILED
    assert f"LEFT BEHIND and killed: sleep {unique(tmp_path)}" in done.stdout
    assert still_running(tmp_path) == []


def test_what_a_killed_run_has_left_is_ended_by_the_next_one(run: Run, tmp_path: Path) -> None:
    dead = subprocess.Popen(["true"])
    dead.wait()
    left = subprocess.Popen(["sleep", unique(tmp_path)], env={**os.environ, MARK: str(dead.pid)})
    run("def test_that_passes(): pass")
    assert left.wait(timeout=10) < 0
