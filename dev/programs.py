"""Finds the programs of the stack, each from the first source that has it.

The order: KUBEBUILDER_ASSETS, our cache, the official envtest archive, built from Go modules.
Source: docs/local-stack.md, 'Where the programs come from'.
"""

import os
import sys
from dataclasses import dataclass
from pathlib import Path

from dev import versions
from dev.ready import StackError

BUILT = ("kube-apiserver", "kube-controller-manager", "etcd")


@dataclass(frozen=True)
class Programs:
    """Paths of the programs, all existing."""

    etcd: Path
    kube_apiserver: Path
    kube_controller_manager: Path
    kubectl: Path
    temporal: Path


def cache_root() -> Path:
    """The folder for what outlives a checkout."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "drplan"


def find_programs() -> Programs:
    """Find all programs, building what is nowhere to be had. Raises StackError."""
    built = {name: cached(name) for name in BUILT}
    kubectl, temporal = from_venv("kubectl"), from_venv("temporal")
    return Programs(built["etcd"], built["kube-apiserver"], built["kube-controller-manager"], kubectl, temporal)


def cached(name: str) -> Path:
    """Where the cache keeps a program of the wanted version for this platform."""
    version = ("etcd", versions.ETCD) if name == "etcd" else ("kubernetes", versions.KUBERNETES)
    return cache_root() / version[0] / f"{version[1]}-{versions.platform_name()}" / name


def from_venv(name: str) -> Path:
    """A program that a development dependency installed next to this Python. Raises StackError if it did not."""
    program = Path(sys.executable).parent / name
    if not program.exists():
        raise StackError(f"{program} is missing: run `make venv` (it comes with the development dependencies)")
    return program
