"""The lock files cover what pyproject.toml asks for, with hashes, and say nothing of where it comes from."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from dev import cache
from dev.layout import REPOSITORY

LOCKS = [
    REPOSITORY / "requirements.lock",
    REPOSITORY / "requirements-runtime.lock",
    REPOSITORY / "requirements-cli.lock",
    REPOSITORY / "requirements-build.lock",
    REPOSITORY / "dev/go/requirements.lock",
    REPOSITORY / "requirements-docs.lock",
    REPOSITORY / "dev/helm.lock",
]
PYPROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
PROJECT = PYPROJECT["project"]
EXTRAS = PROJECT["optional-dependencies"]


def _pins(lock: Path) -> dict[str, str]:
    return dict(re.findall(r"^([a-z0-9-]+)==([^ ;]+)", lock.read_text(), re.MULTILINE))


@pytest.mark.parametrize(
    ("lock", "wanted"),
    [
        (LOCKS[0], [*PROJECT["dependencies"], *EXTRAS["server"], *EXTRAS["tracing"], *EXTRAS["dev"]]),
        (LOCKS[1], [*PROJECT["dependencies"], *EXTRAS["server"], *EXTRAS["tracing"]]),
        (LOCKS[2], PROJECT["dependencies"]),
        (LOCKS[3], PYPROJECT["build-system"]["requires"]),
        (LOCKS[5], EXTRAS["docs"]),
    ],
    ids=["development", "runtime", "command line", "build", "site"],
)
def test_every_dependency_is_pinned_to_a_version_that_fits(lock: Path, wanted: list[str]) -> None:
    pins = _pins(lock)

    for requirement in map(Requirement, wanted):
        assert pins[requirement.name.lower()] in requirement.specifier, f"run `make lock` for {requirement}"


def test_what_runs_in_production_is_what_the_tests_ran_with() -> None:
    assert _pins(LOCKS[1]).items() <= _pins(LOCKS[0]).items()
    assert _pins(LOCKS[2]).items() <= _pins(LOCKS[1]).items()
    assert _pins(LOCKS[3]).items() <= _pins(LOCKS[0]).items()
    assert "temporalio" in _pins(LOCKS[1])
    assert "temporalio" not in _pins(LOCKS[2])


def test_the_site_is_built_beside_what_the_tests_run_with() -> None:
    shared = _pins(LOCKS[5]).keys() & _pins(LOCKS[0]).keys()
    assert {name: _pins(LOCKS[5])[name] for name in shared} == {name: _pins(LOCKS[0])[name] for name in shared}


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: str(lock.relative_to(REPOSITORY)))
def test_a_lock_has_hashes_and_no_addresses(lock: Path) -> None:
    text = lock.read_text()

    assert len(re.findall(r"^[a-z0-9-]+==.* \\\n    --hash=sha256:", text, re.MULTILINE)) == len(_pins(lock)) > 0
    assert "://" not in text
    assert "index" not in text


@pytest.mark.parametrize(
    "line", [f"k8s.io/kubernetes {cache.KUBERNETES}", f"go.etcd.io/etcd/server/v3 {cache.ETCD}"], ids=["kube", "etcd"]
)
def test_the_go_module_pins_the_versions_that_we_name(line: str) -> None:
    assert f"\t{line}\n" in (REPOSITORY / "dev" / "go" / "go.mod").read_text()
