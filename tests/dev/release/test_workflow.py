"""The workflow file that publishes a release: valid, with as few rights as can be, and of commands that exist."""

import re
import subprocess
import sys
from typing import Any

import yaml

from dev.layout import REPOSITORY

FILE = REPOSITORY / ".github" / "workflows" / "release.yml"
WORKFLOW: dict[str, Any] = yaml.safe_load(FILE.read_text())
STEPS = [step for job in WORKFLOW["jobs"].values() for step in job["steps"]]


def test_it_is_a_workflow() -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.github-workflows", str(FILE)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout


def test_only_the_job_that_publishes_may_write_and_sign() -> None:
    assert WORKFLOW["permissions"] == {}
    strong = {
        name
        for name, job in WORKFLOW["jobs"].items()
        if {"contents", "id-token", "attestations"}
        & {right for right, level in job["permissions"].items() if level == "write"}
    }
    assert strong == {"publish"}


def test_no_script_has_a_value_from_outside_written_into_it() -> None:
    assert [step["run"] for step in STEPS if "${{" in step.get("run", "")] == []


def test_it_makes_targets_that_exist() -> None:
    targets = {name for step in STEPS for name in re.findall(r"\bmake ([a-z-]+)", step.get("run", ""))}
    assert targets == {"test", "release"}
    assert targets <= set(re.findall(r"^([a-z-]+):", (REPOSITORY / "Makefile").read_text(), re.MULTILINE))
