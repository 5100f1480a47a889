"""The worker is replaced by another version in the middle of the runs, in the two ways in which operators do it."""

import signal
import subprocess
from abc import ABC, abstractmethod
from pathlib import Path

from dev.process import environment
from tests.chaos.processes import Name, System, own_process
from tests.eventually import until

_DEPLOYMENT = "drplan"


class Upgrade(ABC):
    """One way to replace the worker."""

    @abstractmethod
    def prepare(self, system: System) -> None:
        """Run the earlier version."""

    @abstractmethod
    def upgrade(self, system: System) -> None:
        """Go over to the later one."""

    @abstractmethod
    def finish(self, system: System) -> None:
        """Run the worker as in other rounds."""


class OtherCode(Upgrade):
    """A worker with the code of another revision is ended, and one with the code of the checkout takes up its runs."""

    def __init__(self, code: Path) -> None:
        self._code = code

    def prepare(self, system: System) -> None:
        self._restart(system, self._code)

    def upgrade(self, system: System) -> None:
        self._restart(system, None)

    def finish(self, system: System) -> None:
        if system.own[Name.WORKER].code is not None:
            self._restart(system, None)

    @staticmethod
    def _restart(system: System, code: Path | None) -> None:
        worker = system.own[Name.WORKER]
        worker.code = code
        worker.restart(signal.SIGTERM)
        system.wait_until_ready()


class OtherBuild(Upgrade):
    """Worker versioning: one with another build id runs beside the first, and becomes the version of new runs.

    Source: docs/operations.md, "Upgrading".
    """

    def __init__(self, build: str) -> None:
        self._build = build

    def prepare(self, system: System) -> None:
        worker = system.own[Name.WORKER]
        worker.program.env = {**worker.program.env, **self._version("one")}
        worker.restart(signal.SIGTERM)
        system.wait_until_ready()
        self._set_current(system, "--build-id", f"{self._build}-one")

    def upgrade(self, system: System) -> None:
        system.own[Name.OTHER_WORKER] = own_process(
            Name.OTHER_WORKER, "worker", system.stack, system.loop, system.folder, self._version("two")
        )
        system.wait_until_ready()
        self._set_current(system, "--build-id", f"{self._build}-two")

    def finish(self, system: System) -> None:
        worker = system.own[Name.WORKER]
        version = self._version("one")
        worker.program.env = {key: value for key, value in worker.program.env.items() if key not in version}
        worker.restart(signal.SIGTERM)
        if Name.OTHER_WORKER in system.own:
            system.own.pop(Name.OTHER_WORKER).close()
        system.wait_until_ready()
        self._set_current(system, "--unversioned")

    def _version(self, number: str) -> dict[str, str]:
        return {"DRPLAN_DEPLOYMENT_NAME": _DEPLOYMENT, "DRPLAN_BUILD_ID": f"{self._build}-{number}"}

    @staticmethod
    def _set_current(system: System, *version: str) -> None:
        command = [str(system.stack.programs.temporal), "worker", "deployment", "set-current-version", "--yes"]
        command += ["--address", system.stack.temporal_address, "--deployment-name", _DEPLOYMENT, *version]

        def is_set() -> bool:
            return subprocess.run(command, capture_output=True, env=environment({})).returncode == 0

        until(is_set, "the version is that of new runs", 60)
