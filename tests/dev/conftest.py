"""What the tests of dev/ share: a cache of their own, and programs that are told apart from real ones by their text."""

import http.server
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from tests.dev.whole_stack import WholeStack
from tests.private_stack import clear_abandoned, folder


@pytest.fixture(scope="session", autouse=True)
def interruptible() -> None:
    """Ctrl-C reaches what tests start, also where the run itself is in the background of a script, which ignores it."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache; no assets, and an index of archives that nobody serves."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("KUBEBUILDER_ASSETS", raising=False)
    monkeypatch.setenv("DRPLAN_ENVTEST_INDEX", "http://127.0.0.1:1/releases.yaml")
    return tmp_path / "cache" / "drplan"


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A folder and the address at which its files are served."""
    folder = tmp_path / "served"
    folder.mkdir()
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=folder)) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield folder, f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


FAKE_GO = """#!/bin/sh
echo "$@" >> "$FAKE_GO_CALLS"
case "$1" in
  version) echo "go version ${FAKE_GO_VERSION:-go1.26.1} linux/amd64" ;;
  list)
    echo "go: downloading example.com/module v1.0.0" >&2
    mkdir -p "$GOCACHE" && touch "$GOCACHE/compiled"
    printf 'example.com/one\\nexample.com/two\\n' ;;
  build)
    while [ "$1" != -o ]; do shift; done
    folder=$2
    shift 2
    for package in one two; do
      echo "example.com/$package" >&2
      while [ -e "$FAKE_GO_CALLS.hold" ]; do sleep 0.05; done
    done
    [ -z "$FAKE_GO_ERROR" ] || { echo "$FAKE_GO_ERROR" >&2; exit 1; }
    for package in "$@"; do echo "built $package" > "$folder/${package##*/}"; done ;;
esac
"""


@dataclass(frozen=True)
class FakeGo:
    """A toolchain that builds at once, and notes how it was called."""

    calls_file: Path

    def builds(self) -> list[str]:
        """The programs' packages that were built, in order."""
        calls = self.calls_file.read_text().splitlines() if self.calls_file.exists() else []
        builds = [call.partition(" -o ")[2].split()[1:] for call in calls if call.startswith("build ")]
        return [package for packages in builds for package in packages]

    @contextmanager
    def held(self) -> Iterator[None]:
        """Let builds hang at their first package until the context ends."""
        hold = self.calls_file.with_suffix(".hold")
        hold.touch()
        try:
            yield
        finally:
            hold.unlink()


@pytest.fixture
def fake_go(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeGo:
    """The only `go` on the PATH."""
    assert cache.is_relative_to(tmp_path)
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "go").write_text(FAKE_GO)
    (folder / "go").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    monkeypatch.setenv("FAKE_GO_CALLS", str(tmp_path / "calls"))
    return FakeGo(tmp_path / "calls")


@pytest.fixture(scope="session")
def whole_stack() -> Iterator[WholeStack]:
    """A stack with worker and bridge. A test calls `up` first: another may have ended it."""
    clear_abandoned()
    with folder() as path:
        yield WholeStack(path)


@pytest.fixture
def new_stack() -> Iterator[WholeStack]:
    """A stack that was never started."""
    with folder() as path:
        yield WholeStack(path)


@pytest.fixture
def stranger() -> Iterator["subprocess.Popen[bytes]"]:
    """A process that is none of the stack's business."""
    process = subprocess.Popen(["sleep", "1000"])
    yield process
    process.kill()
    process.wait()
