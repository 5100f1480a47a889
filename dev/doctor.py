"""`make doctor`: what this machine lacks for working on the project, and how to get it.

It runs before anything is installed: with the standard library alone, and with a Python that is too old for the rest.
What is looked at and what is said of it are apart, so that tests can say what a machine is like.
"""

from __future__ import annotations

import os
import platform
import resource
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

REPOSITORY = Path(__file__).resolve().parent.parent
PYTHON = (3, 11)
MEMORY = 4.0
"""GB. One test process with its servers takes 2.5, and the servers are built once."""
DISK = 8.0
"""GB for the environment, the programs and building them."""
OPEN_FILES = 1024
CORES = 2
SYSTEMS = ("Linux", "Darwin")
MACHINES = ("x86_64", "amd64", "aarch64", "arm64")

DEBIAN = {
    "git": "git",
    "make": "make",
    "python": "python3",
    "venv": "python3-venv",
    "chromium": "chromium",
    "docker": "docker.io",
    "pre-commit": "pre-commit",
}
"""Packages of Debian and Ubuntu by what they bring; those of the dev container as well."""
FEDORA = {
    "git": "git",
    "make": "make",
    "python": "python3.11",
    "venv": "python3",
    "chromium": "chromium",
    "docker": "moby-engine",
    "pre-commit": "pre-commit",
}
MACOS = {
    "git": "git",
    "make": "make",
    "python": "python@3.12",
    "venv": "python@3.12",
    "chromium": "--cask chromium",
    "docker": "--cask docker",
    "pre-commit": "pre-commit",
}
_INSTALLERS = {
    "apt-get": ("apt-get install", DEBIAN),
    "dnf": ("dnf install", FEDORA),
    "brew": ("brew install", MACOS),
}

OK, MISSING, OPTIONAL = "ok", "missing", "optional"


class Machine(NamedTuple):
    """What a machine is like."""

    system: str
    machine: str
    python: tuple[int, ...]
    modules: dict[str, bool]
    """Whether Python has `venv`, and `ensurepip` with which it makes an environment."""
    programs: dict[str, str | None]
    """Where each program is."""
    cores: int
    memory: float | None
    """GB; None where the system does not say."""
    disk: float
    """GB that are free where the programs are kept."""
    open_files: int
    installer: str | None
    environment: str
    """Of `.venv`: `none`, `old` where the lock file is newer, or `current`."""
    servers: tuple[str, ...]
    """Servers of the stack that are there already."""


class Requirement(NamedTuple):
    """One thing that was looked at."""

    state: str
    name: str
    said: str
    remedy: str = ""


def requirements(machine: Machine) -> list[Requirement]:
    """Return what there is to say of a machine, in the order in which it is to be mended."""
    return [*_system(machine), *_required(machine), *_prepared(machine), *_optional(machine)]


def _system(machine: Machine) -> list[Requirement]:
    known = machine.system in SYSTEMS and machine.machine.lower() in MACHINES
    elsewhere = "use Linux or macOS on x86-64 or ARM64, or the dev container (.devcontainer)"
    memory = "unknown" if machine.memory is None else f"{machine.memory:.1f} GB"
    enough = machine.memory is None or machine.memory >= MEMORY
    return [
        _found(known, "system", f"{machine.system} on {machine.machine}", elsewhere),
        _found(enough, "memory", memory, f"the stack and its tests need {MEMORY:g} GB"),
        _found(machine.disk >= DISK, "disk", f"{machine.disk:.0f} GB free", f"make room: {DISK:g} GB are needed"),
        _found(
            machine.open_files >= OPEN_FILES,
            "open files",
            str(machine.open_files),
            f"ulimit -n {OPEN_FILES}",
        ),
        _found(machine.cores >= CORES, "cores", str(machine.cores), "it works, but slowly", OPTIONAL),
    ]


def _required(machine: Machine) -> list[Requirement]:
    found = []
    for name in ("git", "make"):
        path = machine.programs.get(name)
        found.append(_found(path is not None, name, path or "not found", install(machine, name)))
    version = ".".join(map(str, machine.python[:3]))
    wanted = ".".join(map(str, PYTHON))
    named = "name another one with PYTHON=python3.12 make ..."
    remedy = f"{install(machine, 'python')}; Python {wanted} or newer is needed; {named}"
    found.append(_found(machine.python[:2] >= PYTHON, "python", version, remedy))
    complete = all(machine.modules.values())
    lacking = ", ".join(sorted(name for name, there in machine.modules.items() if not there))
    found.append(_found(complete, "venv", f"without {lacking}" if lacking else "", install(machine, "venv")))
    return found


def _prepared(machine: Machine) -> list[Requirement]:
    said = {"none": "not made yet", "old": "older than requirements.lock", "current": "current"}[machine.environment]
    lacking = [name for name in ("kube-apiserver", "etcd", "kube-controller-manager") if name not in machine.servers]
    built = "the first `make test` fetches or builds them, which takes some minutes, once"
    return [
        _found(
            machine.environment == "current",
            "environment",
            said,
            "`make venv`; every other target does it too",
            OPTIONAL,
        ),
        _found(not lacking, "servers", "not there: " + ", ".join(lacking) if lacking else "there", built, OPTIONAL),
    ]


def _optional(machine: Machine) -> list[Requirement]:
    uses = {
        "chromium": "tests of the view in a browser, and pictures for docs",
        "docker": "the image and the compose file",
        "pre-commit": "checks before each commit (`pre-commit install`)",
    }
    found = []
    for name, use in uses.items():
        path = machine.programs.get(name)
        found.append(_found(path is not None, name, path or "not found", f"{install(machine, name)}: {use}", OPTIONAL))
    return found


def _found(fine: bool, name: str, said: str, remedy: str, otherwise: str = MISSING) -> Requirement:
    return Requirement(OK, name, said or "there") if fine else Requirement(otherwise, name, said, remedy)


def install(machine: Machine, name: str) -> str:
    """Return the command that installs something here."""
    if machine.installer not in _INSTALLERS:
        return f"install {name}"
    command, packages = _INSTALLERS[machine.installer]
    return f"{command} {packages[name]}"


def report(found: list[Requirement]) -> str:
    """Return the requirements as lines, and last what they come to."""
    lines = [f"{one.state:<9} {one.name:<12} {one.said}" for one in found]
    remedies = [f"{one.name:<12} {one.remedy}" for one in found if one.state != OK]
    lines += ["", "What to do:", *remedies] if remedies else []
    missing = [one.name for one in found if one.state == MISSING]
    lines += ["", f"Missing: {', '.join(missing)}." if missing else "This machine has what is needed."]
    return "\n".join(lines)


def this_machine() -> Machine:
    """Look at this machine."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Machine(
        system=platform.system(),
        machine=platform.machine(),
        python=sys.version_info[:3],
        modules={name: _has(name) for name in ("venv", "ensurepip")},
        programs={name: _program(name) for name in DEBIAN},
        cores=os.cpu_count() or 1,
        memory=_memory(),
        disk=shutil.disk_usage(_existing(cache)).free / 1e9,
        open_files=resource.getrlimit(resource.RLIMIT_NOFILE)[0],
        installer=next((name for name in _INSTALLERS if shutil.which(name)), None),
        environment=_environment(),
        servers=_servers(cache / "drplan"),
    )


def _has(module: str) -> bool:
    command = [sys.executable, "-c", f"import {module}"]
    return subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0


def _program(name: str) -> str | None:
    names = {"python": ("python3",), "chromium": ("chromium", "chromium-browser", "google-chrome")}.get(name, (name,))
    return next(filter(None, map(shutil.which, names)), None)


def _existing(folder: Path) -> Path:
    return next(each for each in (folder, *folder.parents) if each.exists())


def _memory() -> float | None:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    except (ValueError, OSError):
        return None


def _environment() -> str:
    installed = Path(os.environ.get("VENV") or REPOSITORY / ".venv") / ".installed"
    if not installed.exists():
        return "none"
    lock = REPOSITORY / "requirements.lock"
    return "old" if lock.stat().st_mtime > installed.stat().st_mtime else "current"


def _servers(cache: Path) -> tuple[str, ...]:
    assets = os.environ.get("KUBEBUILDER_ASSETS")
    folders = [cache, *([Path(assets)] if assets else [])]
    names = ("kube-apiserver", "etcd", "kube-controller-manager")
    return tuple(name for name in names if any(any(each.rglob(name)) for each in folders if each.exists()))


def main() -> int:
    """Print the report; return 1 where something is missing."""
    found = requirements(this_machine())
    print(report(found))
    return int(any(one.state == MISSING for one in found))


if __name__ == "__main__":
    sys.exit(main())
