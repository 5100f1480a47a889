"""Builds `drplan` as one file, of our wheel and what requirements-cli.lock lists.

The file of this platform can be built from what is installed in the environment. Those for others are built from
wheels that uv fetches by their hashes, for each version of Python.
Source: docs/decisions/0030-one-file-and-one-name.md.
"""

import hashlib
import platform
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterable, Mapping
from importlib.metadata import Distribution, distributions
from pathlib import Path, PurePosixPath

from cli.one_file import DIGEST, NEWEST, PACKAGES
from dev.layout import REPOSITORY
from dev.programs import from_venv
from dev.release.archives import zipped
from dev.release.version import ReleaseError

LOCK = REPOSITORY / "requirements-cli.lock"
PLATFORMS = {
    "linux-amd64": "x86_64-unknown-linux-gnu",
    "linux-arm64": "aarch64-unknown-linux-gnu",
    "darwin-amd64": "x86_64-apple-darwin",
    "darwin-arm64": "aarch64-apple-darwin",
}
"""The platforms by the names of Go, which krew uses, each with uv's name of it."""
_LEFT_OUT = ("__pycache__", "..", ".pyi", ".typed")
_KEPT_OF_METADATA = ("METADATA", "licenses")
"""What is shipped of a package's description: who it is, and the terms that it is used under."""


def this_platform() -> str:
    """Return the name of the platform of this interpreter."""
    machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    return f"{sys.platform}-{machine}"


def one_file(wheel: Path, libraries: Mapping[str, bytes], epoch: int) -> bytes:
    """Return the program, of our wheel and of the libraries by their paths."""
    with zipfile.ZipFile(wheel) as archive:
        ours = {path: archive.read(path) for path in archive.namelist() if _is_shipped(path)}
    packages = zipped({**libraries, **ours}, epoch)
    digest = hashlib.sha256(packages).hexdigest()[:20].encode()
    start = (REPOSITORY / "cli" / "one_file.py").read_bytes()
    return b"#!/usr/bin/env python3\n" + zipped({"__main__.py": start, DIGEST: digest, PACKAGES: packages}, epoch)


def installed_libraries() -> dict[str, bytes]:
    """Return the libraries that are installed in this environment. Raises ReleaseError."""
    return _files(sys.path)


def fetched_libraries(name: str, folder: Path) -> dict[str, bytes]:
    """Return the libraries of a platform for all versions of Python, fetched into a folder. Raises ReleaseError."""
    files: dict[str, bytes] = {}
    for minor in range(11, NEWEST + 1):
        target = folder / f"{name}-3.{minor}"
        fitting = ["--python-platform", PLATFORMS[name], "--python-version", f"3.{minor}", "--only-binary=:all:"]
        pinned = ["--require-hashes", "--no-deps", "--requirements", str(LOCK)]
        install = [str(from_venv("uv")), "pip", "install", "--quiet", "--target", str(target), *fitting, *pinned]
        if subprocess.run(install, check=False).returncode:
            raise ReleaseError(f"cannot fetch the libraries for {name} and Python 3.{minor}")
        for path, content in _files([str(target)]).items():
            if files.setdefault(path, content) != content and not path.endswith("/METADATA"):
                raise ReleaseError(f"{path} differs between versions of Python: it cannot be in one file")
    return files


def locked() -> dict[str, str]:
    """Return the versions of the libraries by their names."""
    return dict(re.findall(r"^([a-z0-9-]+)==([^ ;]+)", LOCK.read_text(), re.MULTILINE))


def _files(path: list[str]) -> dict[str, bytes]:
    wanted, files = locked(), dict[str, bytes]()
    for each in distributions(path=path):
        name = re.sub(r"[-_.]+", "-", each.metadata["Name"]).lower()
        if name in wanted:
            if each.version != wanted.pop(name):
                raise ReleaseError(
                    f"{name} {each.version} is installed, and another version is locked: run `make venv`"
                )
            files |= dict(_files_of(each))
    if wanted:
        raise ReleaseError(f"not installed: {', '.join(wanted)}")
    return files


def _files_of(distribution: Distribution) -> Iterable[tuple[str, bytes]]:
    for path in distribution.files or []:
        if _is_shipped(str(path)):
            yield str(path), Path(str(distribution.locate_file(path))).read_bytes()


def _is_shipped(path: str) -> bool:
    parts = PurePosixPath(path).parts
    if parts[0].endswith(".dist-info"):
        return parts[1] in _KEPT_OF_METADATA
    return not any(part in _LEFT_OUT for part in (*parts, PurePosixPath(path).suffix))
