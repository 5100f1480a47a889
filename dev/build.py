"""Builds programs from Go modules, with progress. Compiled packages are kept, so that an interrupted build goes on.

Source: docs/decisions/0001-kubernetes-from-go-modules.md.
"""

import os
import shutil
import subprocess
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO

from dev import StackError
from dev.cache import KUBERNETES, built_folder, cache_root, install, partial_folder, version_numbers
from dev.progress import Progress, Ticker
from dev.toolchain import MODULES, find_go


@dataclass(frozen=True)
class Target:
    """A program, the package that is its `main`, and the folder of the module that pins its version."""

    program: str
    package: str
    module: Path


TARGETS = {
    "kube-apiserver": Target("kube-apiserver", "k8s.io/kubernetes/cmd/kube-apiserver", MODULES / "kube"),
    "kube-controller-manager": Target(
        "kube-controller-manager", "k8s.io/kubernetes/cmd/kube-controller-manager", MODULES / "kube"
    ),
    "etcd": Target("etcd", "go.etcd.io/etcd/server/v3", MODULES / "etcd"),
}


def compiled_packages() -> Path:
    """Where `go` keeps what it has compiled, until all programs are built."""
    return cache_root() / "go-build"


@dataclass(frozen=True)
class Go:
    """A toolchain, the lock that its processes hold, and where its progress is shown."""

    program: Path
    lock: int
    ticker: Ticker

    def list_stale(self, target: Target) -> dict[str, str]:
        """Return what has yet to be compiled: import path and source folder. Downloads the modules. Raises StackError.

        The folder tells packages apart: two modules may want one import path in different versions.
        """
        template = "{{if .Stale}}{{.ImportPath}}\t{{.Dir}}{{end}}"
        listing = partial_folder() / "packages"
        downloads = 0
        with listing.open("w") as output:
            for line in self._run(["list", "-deps", "-trimpath", "-f", template, target.package], target, output):
                downloads += line.startswith("go: downloading")
                self.ticker.show(f"{target.program}: modules downloaded: {downloads}")
        return dict(line.split("\t") for line in listing.read_text().splitlines() if line)

    def build(self, target: Target, file: Path) -> Iterator[str]:
        """Build the program into `file`; yield the import path of each package as its turn comes. Raises StackError."""
        arguments = ["build", "-v", "-trimpath", f"-ldflags={_linker_flags()}", "-o", str(file), target.package]
        yield from self._run(arguments, target, subprocess.DEVNULL)

    def _run(self, arguments: Sequence[str], target: Target, output: int | IO[str]) -> Iterator[str]:
        last: deque[str] = deque(maxlen=15)
        process = subprocess.Popen(
            [str(self.program), *arguments],
            cwd=target.module,
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
            raise StackError(f"`go {arguments[0]}` for {target.program} failed:\n{''.join(last)}")


def _settings() -> dict[str, str]:
    # The person's GOPROXY, GOMODCACHE and GOTOOLCHAIN stay as they are; what could change the result does not.
    return {"CGO_ENABLED": "0", "GOCACHE": str(compiled_packages()), "GOFLAGS": "-mod=readonly", "GOWORK": "off"}


def _linker_flags() -> str:
    major, minor, _ = version_numbers(KUBERNETES)
    version = {"gitVersion": KUBERNETES, "gitMajor": str(major), "gitMinor": str(minor), "gitTreeState": "clean"}
    flags = [f"-X k8s.io/component-base/version.{name}={value}" for name, value in version.items()]
    return " ".join(["-s -w", *flags])


def build(programs: Sequence[str], lock: int) -> dict[str, Path]:
    """Build these programs into the cache; return their paths. Raises StackError.

    `lock` is the descriptor of the locked cache. The compiler inherits it: should this process be killed, the next one
    waits until the compiler has ended, too.
    """
    targets = [TARGETS[program] for program in programs]
    print(f"Building {', '.join(programs)} from Go modules; once, and if interrupted, from where it was.", flush=True)
    with Ticker() as ticker:
        go = Go(find_go(), lock, ticker)
        stale = {target.program: go.list_stale(target) for target in targets}
        built = _compile(go, targets, stale)
    shutil.rmtree(compiled_packages(), ignore_errors=True)
    return built


def _compile(go: Go, targets: Sequence[Target], stale: Mapping[str, Mapping[str, str]]) -> dict[str, Path]:
    waiting = {folder for packages in stale.values() for folder in packages.values()}
    progress = Progress(packages=len(waiting), unlinked=len(targets))
    began = time.monotonic()
    built = {}
    for target in targets:
        for line in go.build(target, partial_folder() / target.program):
            folder = stale[target.program].get(line.strip())
            if folder in waiting:
                waiting.discard(folder)
                progress = progress.compiled(time.monotonic() - began)
            go.ticker.show(f"{target.program}: {progress.line()}")
        progress = replace(progress, unlinked=progress.unlinked - 1)
        built[target.program] = install(partial_folder() / target.program, built_folder(target.program))
    print(f"\nBuilt in {(time.monotonic() - began) / 60:.1f} minutes; kept in {cache_root()}", flush=True)
    return built
