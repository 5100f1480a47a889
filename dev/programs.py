"""Finds the programs of the stack, each from the first source that has it.

The order: KUBEBUILDER_ASSETS, our cache, the official envtest archive, built from Go modules.
Source: docs/local-stack.md, 'Where the programs come from'.
"""

import os
import sys
from dataclasses import dataclass
from pathlib import Path

from dev import StackError, archive
from dev.build import build, built_folder
from dev.cache import archive_folder, exclusive

# What neither the Python package index nor Debian has in a version of today.
SERVERS = ("kube-apiserver", "kube-controller-manager", "etcd")


@dataclass(frozen=True)
class Programs:
    """Paths of the programs, all existing."""

    etcd: Path
    kube_apiserver: Path
    kube_controller_manager: Path
    kubectl: Path
    temporal: Path


def find_programs() -> Programs:
    """Find all programs; fetch or build what is missing. Raises StackError."""
    servers = find_servers()
    return Programs(
        etcd=servers["etcd"],
        kube_apiserver=servers["kube-apiserver"],
        kube_controller_manager=servers["kube-controller-manager"],
        kubectl=from_venv("kubectl"),
        temporal=from_venv("temporal"),
    )


def find_servers() -> dict[str, Path]:
    """Find the three servers. Raises StackError."""
    found = from_cache() | from_assets()
    if _missing(found):
        with exclusive() as lock:
            found = from_cache() | from_assets()
            if {"kube-apiserver", "etcd"} & set(_missing(found)):
                found = _from_archive() | found
            if missing := _missing(found):
                found |= build(missing, lock)
    return found


def _missing(found: dict[str, Path]) -> list[str]:
    return [name for name in SERVERS if name not in found]


def from_assets() -> dict[str, Path]:
    """Take what KUBEBUILDER_ASSETS holds. Raises StackError if it lacks a server of envtest."""
    assets = os.environ.get("KUBEBUILDER_ASSETS")
    if not assets:
        return {}
    found = _present(Path(assets).resolve())
    if absent := {"kube-apiserver", "etcd"} - set(found):
        raise StackError(f"KUBEBUILDER_ASSETS={assets} holds no {' and no '.join(sorted(absent))}")
    return found


def from_cache() -> dict[str, Path]:
    """Take what was built or fetched before; what we have built goes first, its version is the exact one."""
    built = {name: built_folder(name) / name for name in SERVERS}
    return _present(archive_folder()) | {name: path for name, path in built.items() if path.exists()}


def _present(folder: Path) -> dict[str, Path]:
    return {name: folder / name for name in SERVERS if (folder / name).exists()}


def _from_archive() -> dict[str, Path]:
    try:
        return archive.fetch()
    except archive.NoArchiveError as error:
        print(f"No official test programs: {error}", flush=True)
        return {}


def from_venv(name: str) -> Path:
    """A program that a development dependency installed next to this Python. Raises StackError if it did not."""
    program = Path(sys.executable).parent / name
    if not program.exists():
        raise StackError(f"{program} is missing: run `make venv` (it comes with the development dependencies)")
    return program
