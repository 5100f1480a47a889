"""How tests are distributed over processes: shown by runs of pytest on small modules."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
COMMAND = [
    sys.executable,
    "-m",
    "pytest",
    *(word for name in ("hypothesispytest", "asyncio", "anyio", "cacheprovider") for word in ("-p", f"no:{name}")),
    "-p",
    "tests.distribution",
    "--verbose",
    "--dist=loadgroup",
]
MODULES = {
    "test_a.py": "def test_short(): pass\ndef test_long(): pass\ndef test_longest(): pass",
    "test_b.py": """
import pytest

@pytest.fixture(scope="module")
def shared(): pass

def test_one(shared): pass
def test_other(): pass
def test_two(shared): pass
""",
    "test_c.py": """
import pytest

@pytest.fixture
def stack(): pass

def test_with_a_server(stack): pass
""",
}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with tests and how long they take."""
    for name, text in MODULES.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "tests").mkdir()
    (tmp_path / "pytest.ini").write_text("[pytest]")
    seconds = {"test_a.py::test_longest": 9, "test_a.py::test_long": 6, "test_b.py::test_two": 7.0}
    (tmp_path / "tests" / "durations.json").write_text(json.dumps(seconds))
    return tmp_path


def run(project: Path, *arguments: str) -> str:
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST_")}
    env = {**inherited, "PYTHONPATH": str(REPOSITORY)}
    command = [*COMMAND, "--no-loadscope-reorder", *arguments]
    return subprocess.run(command, cwd=project, env=env, capture_output=True, text=True, check=True).stdout


def passed(output: str) -> list[str]:
    """Return the tests in the order in which they ended."""
    return re.findall(r"PASSED (\S+::\w+)", output)


def test_the_slowest_and_unknown_ones_with_servers_come_first_and_tests_with_a_shared_fixture_together(
    project: Path,
) -> None:
    assert passed(run(project, "-n1")) == [
        "test_a.py::test_longest",
        "test_b.py::test_one",
        "test_b.py::test_two",
        "test_a.py::test_long",
        "test_c.py::test_with_a_server",
        "test_a.py::test_short",
        "test_b.py::test_other",
    ]


def add_modules(project: Path, *names: str) -> None:
    """Add modules of two tests each below the folder `tests`."""
    for module in (project / "tests" / name for name in names):
        module.parent.mkdir(exist_ok=True)
        (module.parent / "__init__.py").touch()
        module.write_text("def test_one(): pass\ndef test_two(): pass")


def ran(output: str) -> list[tuple[str, str]]:
    """Return in which process which folder's tests have passed, in this order."""
    return re.findall(r"\[(gw\d)\] .*PASSED tests/(\w+)/\w+\.py::", output)


def test_a_process_keeps_to_the_servers_that_it_has_started(project: Path) -> None:
    add_modules(project, "e2e/test_d.py", "e2e/test_e.py", "kube/test_d.py", "kube/test_e.py")
    once = set(ran(run(project, "-n2", "tests")))
    assert len({process for process, _ in once}) == len(once) == 2


def test_one_of_several_processes_begins_with_tests_that_need_no_servers(project: Path) -> None:
    add_modules(project, "e2e/test_d.py", "e2e/test_e.py", "kube/test_d.py", "kube/test_e.py", "planning/test_d.py")
    first = dict(reversed(ran(run(project, "-n3", "tests"))))
    assert sorted(first.values()) == ["e2e", "kube", "planning"]


def test_no_servers_are_started_for_what_is_done_in_a_moment(project: Path) -> None:
    add_modules(project, "e2e/test_d.py", "e2e/test_e.py", "e2e/test_f.py", *(f"planning/test_{n}.py" for n in "defg"))
    processes = {process for process, folder in ran(run(project, "-n3", "tests")) if folder == "e2e"}
    assert len(processes) == 1


def test_tests_with_a_shared_fixture_run_in_one_process(project: Path) -> None:
    cases = "@pytest.mark.parametrize('number', range(20))\ndef test_case(shared, number): print(os.getpid())"
    shared = "@pytest.fixture(scope='module')\ndef shared(): pass"
    (project / "test_f.py").write_text(f"import os\nimport pytest\n{shared}\n{cases}")
    output = run(project, "-n2", "test_f.py", "test_a.py")
    assert len(set(re.findall(r"\[(gw\d)\] .*PASSED test_f.py::", output))) == 1


def test_all_run_once_in_several_processes(project: Path) -> None:
    everything = passed(run(project, "-n2"))
    assert len(everything) == len(set(everything)) == 7


def test_the_fast_ones_are_those_without_servers_that_take_little_time(project: Path) -> None:
    fast = passed(run(project, "-n1", "-m", "not servers and not slow"))
    assert sorted(fast) == ["test_a.py::test_short", "test_b.py::test_one", "test_b.py::test_other"]


def test_durations_of_tests_that_did_not_run_are_kept(project: Path) -> None:
    run(project, "-n1", "--record-durations", "test_a.py")
    assert json.loads((project / "tests" / "durations.json").read_text()) == {"test_b.py::test_two": 7.0}
