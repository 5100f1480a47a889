"""Where a stack keeps its files: all under one folder, so that removing it forgets the stack."""

import os
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Layout:
    """The files of one stack. Source: docs/local-stack.md, 'Files'."""

    root: Path

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig; the others carry the process's name."""
        return self.root / "kubeconfig"

    @property
    def env_file(self) -> Path:
        """Shell `export` lines for a person's terminal."""
        return self.root / "env"

    @property
    def bin(self) -> Path:
        """Links to `kubectl` and `temporal`."""
        return self.root / "bin"

    @property
    def data(self) -> Path:
        """What outlives a restart: etcd's and Temporal's databases, certificates, tokens."""
        return self.root / "data"

    @property
    def ports_file(self) -> Path:
        """The ports that were chosen at the first start."""
        return self.data / "ports.json"

    @property
    def audit_log(self) -> Path:
        """One JSON document a line, written by the API server before it answers."""
        return self.root / "logs" / "audit.log"

    def kubeconfig_of(self, process: str) -> Path:
        """The kubeconfig with which `worker` or `bridge` connects."""
        return self.root / f"{process}.kubeconfig"

    def log(self, process: str) -> Path:
        """What the process writes to its standard output and error."""
        return self.root / "logs" / f"{process}.log"

    def pid_file(self, process: str) -> Path:
        """Holds the id of the process itself and nothing else."""
        return self.root / "pids" / process

    def create(self) -> None:
        """Make the folders. The data holds tokens and keys, so it is closed to other users."""
        for name in ("bin", "logs", "pids"):
            (self.root / name).mkdir(parents=True, exist_ok=True)
        self.data.mkdir(mode=0o700, exist_ok=True)


def default_layout() -> Layout:
    """The stack in `STACK_DIR`, by default `.stack` in the checkout."""
    return Layout((REPOSITORY / os.environ.get("STACK_DIR", ".stack")).resolve())
