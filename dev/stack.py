"""A running stack: its addresses, variables and kubectl; objects that are watched; and how it is stopped."""

import fcntl
import json
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, Any

from dev import StackError
from dev.layout import REPOSITORY, Layout
from dev.process import GRACE, environment, stop
from dev.programs import Programs, from_venv

Document = dict[str, Any]

# In the order in which they end: each before what it talks to.
STOPPING = (("bridge", "worker", "kube-controller-manager"), ("kube-apiserver", "temporal"), ("etcd",))


@dataclass(frozen=True)
class Stack:
    """A stack whose API server and Temporal are ready."""

    layout: Layout
    programs: Programs
    ports: dict[str, int]

    @property
    def server(self) -> str:
        """Where the API server answers."""
        return f"https://127.0.0.1:{self.ports['kube-apiserver']}"

    @property
    def temporal_address(self) -> str:
        """Where Temporal's frontend answers, as clients want it."""
        return f"127.0.0.1:{self.ports['temporal']}"

    @property
    def temporal_ui(self) -> str:
        """Where a browser finds Temporal's UI."""
        return f"http://127.0.0.1:{self.ports['temporal-ui']}"

    def env(self, user: str = "admin") -> dict[str, str]:
        """The variables with which a process acts on this stack as `admin`, `worker` or `bridge`."""
        kubeconfig = self.layout.kubeconfig if user == "admin" else self.layout.kubeconfig_of(user)
        return {
            "KUBECONFIG": str(kubeconfig),
            "TEMPORAL_ADDRESS": self.temporal_address,
            "TEMPORAL_UI": self.temporal_ui,
        }

    def kubectl_command(self, *args: str) -> list[str]:
        """The command line that runs kubectl as the administrator."""
        cache = f"--cache-dir={self.layout.data / 'kubectl-cache'}"
        return [str(self.programs.kubectl), f"--kubeconfig={self.layout.kubeconfig}", cache, *args]

    def kubectl(self, *args: str, stdin: str | None = None, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run kubectl as the administrator. Raises StackError with its error output unless `check` is off."""
        command = self.kubectl_command(*args)
        done = subprocess.run(command, input=stdin, capture_output=True, text=True, env=environment({}))
        if check and done.returncode != 0:
            raise StackError(f"kubectl {' '.join(args)}: {done.stderr.strip()}")
        return done


@contextmanager
def locked(layout: Layout) -> Iterator[None]:
    """Let one start or stop of this stack happen at a time. The lock goes with its process, however that ends."""
    layout.create()
    with (layout.data / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def stop_all(layout: Layout, grace: float = GRACE) -> list[str]:
    """End everything of this stack, each process before what it talks to; return the names of those that ran."""
    return [ended for names in STOPPING for ended in stop(layout, names, grace)]


def prepare_shell(layout: Layout, env: Mapping[str, str]) -> None:
    """Link kubectl, temporal and drplan into the stack's `bin`, and write one `export` line for each variable."""
    for name in ("kubectl", "temporal"):
        target = layout.bin / name
        target.unlink(missing_ok=True)
        target.symlink_to(from_venv(name))
    drplan = layout.bin / "drplan"
    run = shlex.join(["exec", "env", f"PYTHONPATH={REPOSITORY}", sys.executable, "-m", "cli.main"])
    drplan.write_text(f'#!/bin/sh\n{run} "$@"\n')
    drplan.chmod(0o755)
    layout.env_file.write_text("".join(f"export {name}={shlex.quote(value)}\n" for name, value in env.items()))


@contextmanager
def watch(stack: Stack, *what: str) -> Iterator[Iterator[Document]]:
    """Yield the states of these objects, present and coming, until the context ends."""
    process = subprocess.Popen(
        stack.kubectl_command("get", *what, "--watch", "--output=json"),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        # Ctrl-C is ours to handle; kubectl ends with the context.
        start_new_session=True,
    )
    assert process.stdout is not None
    try:
        yield _documents(process.stdout)
    finally:
        process.terminate()
        process.wait()


def _documents(stream: IO[str]) -> Iterator[Document]:
    """Split what kubectl prints into documents: each ends with a brace in the first column."""
    lines: list[str] = []
    for line in stream:
        lines.append(line)
        if line.rstrip() == "}":
            yield json.loads("".join(lines))
            lines.clear()
