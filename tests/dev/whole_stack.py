"""A stack as a person has it: started and ended by the commands of the Makefile, in a folder of its own."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from dev.layout import REPOSITORY, Layout
from dev.process import find
from tests.eventually import until

PROCESSES = {"etcd", "kube-apiserver", "kube-controller-manager", "temporal", "worker", "bridge"}

INTERRUPTED = (130, -signal.SIGINT)
"""Exit codes after Ctrl-C; a shell shows 130 for both.

Python sends itself the signal at its end where the interrupt came while it executed a string, as dataclasses do when
they are imported, although the program caught it.
"""


@dataclass(frozen=True)
class WholeStack:
    """The folder, and what a person types."""

    folder: Path

    @property
    def layout(self) -> Layout:
        """Where the stack keeps its files."""
        return Layout(self.folder)

    def start(self, *arguments: str, env: Mapping[str, str] | None = None) -> "subprocess.Popen[str]":
        """Start `python ARGUMENTS` on this stack, in a process group of its own, and do not wait."""
        return subprocess.Popen(
            [sys.executable, *arguments],
            cwd=REPOSITORY,
            env={**os.environ, "STACK_DIR": str(self.folder), "PYTHONUNBUFFERED": "1", **(env or {})},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
        )

    def run(self, *arguments: str, env: Mapping[str, str] | None = None) -> str:
        """Run `python ARGUMENTS` on this stack; it must succeed. Return what it said."""
        process = self.start(*arguments, env=env)
        said, _ = process.communicate(timeout=240)
        assert process.returncode == 0, said
        return said

    def up(self) -> str:
        """`make stack`."""
        return self.run("-m", "dev", "up")

    def down(self) -> str:
        """`make stack-down`."""
        return self.run("-m", "dev", "down")

    def pids(self) -> dict[str, int]:
        """The ids in the pid files."""
        return {file.name: int(file.read_text()) for file in (self.folder / "pids").iterdir()}

    def kill(self, *names: str) -> None:
        """Kill these processes as a crash would."""
        for name in names:
            os.kill(self.pids()[name], signal.SIGKILL)
        for name in names:
            until(lambda name=name: find(self.layout, name) is None)  # type: ignore[misc]

    def shell(self, command: str) -> str:
        """Run a command as a person's shell would, with the stack's `env` and `bin`."""
        script = f'. "{self.folder}/env"; PATH="{self.folder}/bin:$PATH"; {command}'
        done = subprocess.run(["sh", "-c", script], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout
