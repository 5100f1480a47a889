"""The folder for programs that outlive a checkout: which versions it holds, who may write to it, and how.

The versions are written here once; `dev/go/go.mod` pins the same ones (a test compares them).
"""

import fcntl
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

KUBERNETES = "v1.36.3"
ETCD = "v3.6.8"


def platform_name() -> str:
    """Name this platform as Go and the Kubernetes release archives do, for example `linux-amd64`."""
    machine = platform.machine().lower()
    architecture = {"x86_64": "amd64", "aarch64": "arm64"}.get(machine, machine)
    return f"{platform.system().lower()}-{architecture}"


def version_numbers(version: str) -> tuple[int, ...]:
    """Turn `v1.36.3` into (1, 36, 3). Raises ValueError for pre-releases and anything else."""
    return tuple(int(part) for part in version.removeprefix("v").split("."))


def cache_root() -> Path:
    """The cache of this user, shared by all checkouts."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "drplan"


def archive_folder() -> Path:
    """Where the programs of the envtest archive for the wanted Kubernetes version are kept."""
    return cache_root() / "envtest" / f"{KUBERNETES}-{platform_name()}"


@contextmanager
def exclusive() -> Iterator[int]:
    """Let one process at a time fill the cache; yield the lock's descriptor, for children that outlive this process."""
    cache_root().mkdir(parents=True, exist_ok=True)
    with (cache_root() / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("Another process is fetching or building the programs; waiting for it.", flush=True)
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield lock.fileno()


def partial_folder() -> Path:
    """A folder for incomplete files, on the same file system. What a killed process left there is never used."""
    folder = cache_root() / "partial"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def install(file: Path, folder: Path) -> Path:
    """Move a complete program to its folder in one step, so that another process sees all of it or nothing."""
    folder.mkdir(parents=True, exist_ok=True)
    file.chmod(0o755)
    return file.replace(folder / file.name)
