"""`make doctor` says what a machine lacks and how to get it, before anything is installed."""

import ast
import json
import subprocess
import sys
from typing import Any

import pytest

from dev.doctor import DEBIAN, MISSING, OK, OPTIONAL, Machine, report, requirements, this_machine
from tests.api.documents import REPOSITORY

COMPLETE = Machine(
    system="Linux",
    machine="x86_64",
    python=(3, 11, 7),
    modules={"venv": True, "ensurepip": True},
    programs={name: f"/usr/bin/{name}" for name in DEBIAN},
    cores=4,
    memory=16.0,
    disk=100.0,
    open_files=1048576,
    installer="apt-get",
    environment="current",
    servers=("kube-apiserver", "etcd", "kube-controller-manager"),
)


def test_a_machine_with_everything_lacks_nothing() -> None:
    found = requirements(COMPLETE)
    assert {one.state for one in found} == {OK}
    assert report(found).endswith("This machine has what is needed.")


@pytest.mark.parametrize(
    ("lack", "state", "name", "remedy"),
    [
        ({"python": (3, 9, 2)}, MISSING, "python", "Python 3.11 or newer is needed; name another one with PYTHON="),
        ({"modules": {"venv": True, "ensurepip": False}}, MISSING, "venv", "apt-get install python3-venv"),
        ({"programs": {**COMPLETE.programs, "git": None}}, MISSING, "git", "apt-get install git"),
        (
            {"programs": {**COMPLETE.programs, "chromium": None}},
            OPTIONAL,
            "chromium",
            "apt-get install chromium: tests",
        ),
        (
            {"programs": {**COMPLETE.programs, "docker": None}, "installer": "brew"},
            OPTIONAL,
            "docker",
            "brew install --cask",
        ),
        ({"programs": {**COMPLETE.programs, "make": None}, "installer": None}, MISSING, "make", "install make"),
        ({"system": "Windows"}, MISSING, "system", "the dev container"),
        ({"machine": "riscv64"}, MISSING, "system", "the dev container"),
        ({"memory": 2.0}, MISSING, "memory", "need 4 GB"),
        ({"disk": 3.0}, MISSING, "disk", "8 GB are needed"),
        ({"open_files": 256}, MISSING, "open files", "ulimit -n 1024"),
        ({"cores": 1}, OPTIONAL, "cores", "slowly"),
        ({"environment": "old"}, OPTIONAL, "environment", "make venv"),
        ({"servers": ("etcd",)}, OPTIONAL, "servers", "the first `make test` fetches or builds them"),
    ],
)
def test_each_lack_is_named_with_its_remedy(lack: dict[str, Any], state: str, name: str, remedy: str) -> None:
    found = requirements(COMPLETE._replace(**lack))
    [wrong] = [one for one in found if one.state != OK]
    assert (wrong.state, wrong.name) == (state, name)
    assert remedy in wrong.remedy
    assert wrong.remedy in report(found)
    assert (f"Missing: {name}." in report(found)) is (state == MISSING)


def test_a_machine_whose_memory_is_not_known_is_taken_as_it_is() -> None:
    assert {one.state for one in requirements(COMPLETE._replace(memory=None))} == {OK}


def test_it_runs_without_any_package_and_says_how_this_machine_is() -> None:
    """`-S` leaves all installed packages out."""
    done = subprocess.run([sys.executable, "-S", "-m", "dev.doctor"], cwd=REPOSITORY, capture_output=True, text=True)
    found = requirements(this_machine())
    assert done.returncode == int(any(one.state == MISSING for one in found)), done.stderr
    assert [line.split()[0] for line in done.stdout.splitlines()[: len(found)]] == [one.state for one in found]


def test_an_older_python_can_read_it() -> None:
    ast.parse((REPOSITORY / "dev" / "doctor.py").read_text(), feature_version=(3, 7))


def test_the_dev_container_has_what_it_asks_for() -> None:
    container = json.loads((REPOSITORY / ".devcontainer" / "devcontainer.json").read_text())
    assert container["build"]["dockerfile"] == "Dockerfile"
    dockerfile = (REPOSITORY / ".devcontainer" / "Dockerfile").read_text()
    installed = {word.strip("\\") for word in dockerfile.split()}
    assert {DEBIAN[name] for name in ("git", "make", "chromium", "pre-commit")} <= installed
    [image] = [line for line in dockerfile.splitlines() if line.startswith("FROM ")]
    shipped = (REPOSITORY / "Dockerfile").read_text()
    assert f"ARG PYTHON={image.removeprefix('FROM ')}\n" in shipped, "the Python that is shipped"
