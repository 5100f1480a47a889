"""The folder for programs that outlive a checkout: who may write to it, and how a file gets into it whole."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dev.versions import ETCD, KUBERNETES, platform_name


def cache_root() -> Path:
    """The cache of this user, shared by all checkouts."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "drplan"


def built_folder(program: str) -> Path:
    """Where a program that we have built is kept: by version and platform."""
    name, version = ("etcd", ETCD) if program == "etcd" else ("kubernetes", KUBERNETES)
    return cache_root() / name / f"{version}-{platform_name()}"


def archive_folder() -> Path:
    """Where the programs of the envtest archive for the wanted Kubernetes version are kept."""
    return cache_root() / "envtest" / f"{KUBERNETES}-{platform_name()}"


@contextmanager
def exclusive() -> Iterator[int]:
    """Let one process at a time fill the cache; yield the lock's descriptor, for children that work on after us."""
    cache_root().mkdir(parents=True, exist_ok=True)
    with (cache_root() / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("Another process is fetching or building the programs; waiting for it.", flush=True)
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield lock.fileno()


def partial_folder() -> Path:
    """A folder for files that are not whole yet, on the same file system. What a killed process left there is void."""
    folder = cache_root() / "partial"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def install(file: Path, folder: Path) -> Path:
    """Move a complete program to its place; whoever looks there sees all of it or none."""
    folder.mkdir(parents=True, exist_ok=True)
    file.chmod(0o755)
    return file.replace(folder / file.name)
