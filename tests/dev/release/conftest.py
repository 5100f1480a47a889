"""What is released, built once: the wheel, and the one file from the libraries of this environment."""

from pathlib import Path

import pytest

from dev.release.build import build_wheel
from dev.release.one_file import installed_libraries, one_file

EPOCH = 1_700_000_000
STRANGERS = ("activities", "api", "bridge", "cli", "kube", "planning", "process", "worker", "workflows")
"""Our names at the root of the repository, which other people's packages have as well."""


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout."""
    return build_wheel(tmp_path_factory.mktemp("wheel"), EPOCH)


@pytest.fixture(scope="session")
def program(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The one file."""
    file = tmp_path_factory.mktemp("program") / "drplan"
    file.write_bytes(one_file(wheel, installed_libraries(), EPOCH))
    file.chmod(0o755)
    return file


@pytest.fixture
def strangers(tmp_path: Path) -> Path:
    """A folder with other people's packages of all of our names, which must not be loaded by us."""
    return write_strangers(tmp_path / "strangers")


def write_strangers(folder: Path) -> Path:
    """Write other people's packages into a folder."""
    for name in (*STRANGERS, "yaml", "pydantic"):
        (folder / name).mkdir(parents=True)
        (folder / name / "__init__.py").write_text(f"raise SystemExit('loaded the {name} of somebody else')\n")
    return folder
