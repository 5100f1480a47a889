"""The commands that `make venv` writes run the code of the checkout, also as a plugin of kubectl."""

import os
import subprocess
from pathlib import Path

from dev.commands import write
from dev.programs import from_venv


def test_the_commands_run_from_anywhere(tmp_path: Path) -> None:
    files = {file.name: file for file in write(tmp_path)}
    assert set(files) == {"drplan", "kubectl-drplan", "kubectl_complete-drplan"}
    path = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    for command in ([files["drplan"]], [from_venv("kubectl"), "drplan"]):
        done = subprocess.run(
            [*command, "status", "--help"], env=path, cwd="/", capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, done.stderr
        assert f"usage: {'kubectl ' if len(command) > 1 else ''}drplan status" in done.stdout
