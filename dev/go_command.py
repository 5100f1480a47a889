"""Calls the `go` command: what it has still to compile, and compiling it, line by line as it goes."""

import os
import subprocess
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from dev.cache import cache_root, partial_folder
from dev.ready import StackError
from dev.ticker import Ticker
from dev.versions import KUBERNETES, numbers


@dataclass(frozen=True)
class Target:
    """A program, the package that is its `main`, and the folder of the module that pins its version."""

    program: str
    package: str
    module: Path


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
    major, minor, _ = numbers(KUBERNETES)
    version = {"gitVersion": KUBERNETES, "gitMajor": str(major), "gitMinor": str(minor), "gitTreeState": "clean"}
    flags = [f"-X k8s.io/component-base/version.{name}={value}" for name, value in version.items()]
    return " ".join(["-s -w", *flags])
