"""What a person can type."""

import os
import re
import subprocess
import sys

import pytest

from dev.layout import REPOSITORY


def test_make_alone_lists_every_target() -> None:
    # `make test` has left its own variables in the environment.
    env = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    listed = subprocess.run(["make"], cwd=REPOSITORY, env=env, capture_output=True, text=True, check=True).stdout
    targets = re.findall(r"^\.PHONY: (\S+)$", (REPOSITORY / "Makefile").read_text(), re.MULTILINE)

    assert [line.split()[1] for line in listed.splitlines()] == targets
    assert {"demo", "test", "stack", "stack-down", "lint", "crds", "bench"} <= set(targets)


@pytest.mark.parametrize("arguments", [[], ["sideways"], ["up", "down"]])
def test_a_wrong_command_gets_the_right_ones_named(arguments: list[str]) -> None:
    command = [sys.executable, "-m", "dev", *arguments]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True)

    assert done.returncode == 2
    assert done.stderr == "usage: python -m dev up | down | programs\n"
