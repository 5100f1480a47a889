"""Builds sdist and wheel with the build system of pyproject.toml, without a network and always the same."""

import os
import subprocess
import sys
from pathlib import Path

from dev.layout import REPOSITORY


def build_wheel(folder: Path, epoch: int, sources: Path = REPOSITORY) -> Path:
    """Build the wheel into a folder and return its file."""
    return _build("wheel", folder, epoch, sources)


def build_sdist(folder: Path, epoch: int) -> Path:
    """Build the archive of the sources into a folder and return its file."""
    return _build("sdist", folder, epoch, REPOSITORY)


def _build(kind: str, folder: Path, epoch: int, sources: Path) -> Path:
    before = {*folder.iterdir()}
    command = [sys.executable, "-m", "hatchling", "build", "--target", kind, "--directory", str(folder.resolve())]
    env = {**os.environ, "SOURCE_DATE_EPOCH": str(epoch)}
    subprocess.run(command, cwd=sources, env=env, stderr=subprocess.DEVNULL, check=True)
    (built,) = {*folder.iterdir()} - before
    return built
