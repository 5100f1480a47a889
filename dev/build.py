"""Builds programs from Go modules, with progress. Compiled packages are kept, so that an interrupted build goes on.

Only what the stack starts is built, and as fast as the compiler can: docs/decisions/0001-kubernetes-from-go-modules.md
has the measurements.
"""

import hashlib
import os
import shutil
import subprocess
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from dev import StackError
from dev.cache import ETCD, KUBERNETES, cache_root, install, partial_folder, platform_name, version_numbers
from dev.progress import Progress, Ticker
from dev.toolchain import MODULE, find_go

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
    progress = Progress(packages=len(stale), unlinked=len(programs))
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
