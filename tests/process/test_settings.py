"""What an operator sets, how an error in it is reported, and what `--help` says: the same for both processes."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from functools import partial

import pytest
from pydantic import ValidationError

import bridge.__main__ as bridge_process
import worker.__main__ as worker_process
from bridge.settings import BridgeSettings
from process.main import main
from process.settings import PREFIX, ProcessSettings
from tests.docs.pages import REPOSITORY
from worker.settings import Settings as WorkerSettings

SETTINGS: dict[str, type[ProcessSettings]] = {"worker": WorkerSettings, "bridge": BridgeSettings}
MAIN: dict[str, Callable[[list[str]], int]] = {
    "worker": lambda arguments: main("worker", "", WorkerSettings, worker_process.serve, arguments),
    "bridge": lambda arguments: main("bridge", "", BridgeSettings, bridge_process.serve, arguments),
}
both = partial(pytest.mark.parametrize, "name", SETTINGS)


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for settings in SETTINGS.values():
        for name in settings.model_fields:
            monkeypatch.delenv(PREFIX + name.upper(), raising=False)


def test_the_defaults_are_those_of_the_documentation() -> None:
    settings = WorkerSettings()
    assert (settings.task_queue, settings.default_service_account, settings.impersonate) == ("drplan", "default", True)
    assert settings.graceful_shutdown == timedelta(seconds=10)
    assert (settings.deployment_name, settings.build_id) == (None, None)


@both()
def test_the_processes_find_each_other_and_log_alike_by_default(name: str) -> None:
    settings = SETTINGS[name]()
    assert (settings.task_queue, settings.log_level) == ("drplan", "info")


@both()
def test_every_setting_stands_in_the_operations_page(name: str) -> None:
    page = (REPOSITORY / "docs" / "operations.md").read_text()
    assert [field for field in SETTINGS[name].model_fields if f"`{PREFIX}{field.upper()}`" not in page] == []


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DRPLAN_TASK_QUEUE", "blue")
    monkeypatch.setenv("DRPLAN_IMPERSONATE", "false")
    monkeypatch.setenv("DRPLAN_GRACEFUL_SHUTDOWN", "1m30s")
    settings = WorkerSettings()
    assert (settings.task_queue, settings.impersonate) == ("blue", False)
    assert settings.graceful_shutdown == timedelta(seconds=90)


@pytest.mark.parametrize(
    ("name", "variable", "value"),
    [
        ("worker", "DRPLAN_GRACEFUL_SHUTDOWN", "10 seconds"),
        ("worker", "DRPLAN_IMPERSONATE", "perhaps"),
        ("worker", "DRPLAN_MAX_CONCURRENT_ACTIVITIES", "0"),
        ("worker", "DRPLAN_LOG_LEVEL", "loud"),
        ("worker", "DRPLAN_TASK_QUEUE", ""),
        ("worker", "DRPLAN_HTTP_ALLOWED_HOSTS", "https://where?"),
        ("worker", "DRPLAN_DEFAULT_SERVICE_ACCOUNT", "team-a:default"),
        ("worker", "DRPLAN_PAYLOAD_KEYS", "/no/such/folder"),
        ("worker", "DRPLAN_PAYLOAD_KEY_ID", "2026-11"),
        ("bridge", "DRPLAN_PAYLOAD_KEYS", "/no/such/folder"),
        ("bridge", "DRPLAN_PAYLOAD_KEY_ID", "2026-11"),
        ("bridge", "DRPLAN_LEASE_NAME", "../configmaps/other"),
        ("bridge", "DRPLAN_LEASE_NAMESPACE", "Mine"),
        ("bridge", "DRPLAN_LEASE_DURATION", "8 seconds"),
        ("bridge", "DRPLAN_PASSES", "none"),
        ("bridge", "DRPLAN_LONG_POLLS", "-1"),
        ("bridge", "DRPLAN_LOG_LEVEL", "loud"),
        ("bridge", "DRPLAN_TASK_QUEUE", ""),
    ],
)
def test_a_wrong_setting_is_named_and_nothing_starts(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(ValidationError):
        SETTINGS[name]()
    assert MAIN[name]([]) == 2
    [line] = capsys.readouterr().err.splitlines()
    said = json.loads(line)
    assert (said["event"], said["level"]) == (f"{name} cannot start", "error")
    assert said["reason"].startswith(f"{variable}: ")


@both()
def test_every_wrong_setting_is_named_and_no_value_is_printed(name: str) -> None:
    wrong = {"DRPLAN_LOG_LEVEL": "hunter2-level", "DRPLAN_TASK_QUEUE": ""}
    command = [sys.executable, "-m", name]
    done = subprocess.run(command, capture_output=True, text=True, env=wrong, cwd=REPOSITORY, timeout=60)
    assert done.returncode == 2
    [line] = done.stderr.splitlines()
    *wrong, advice = json.loads(line)["reason"].split("; ")
    assert [each.split(": ")[0] for each in wrong] == ["DRPLAN_LOG_LEVEL", "DRPLAN_TASK_QUEUE"]
    assert advice == "--help lists all settings"
    assert "hunter2" not in done.stderr + done.stdout


@pytest.fixture(scope="module")
def helps() -> dict[str, dict[str, str]]:
    """The lines that `--help` has of each setting, by process and setting; each process is started once."""
    return {name: help_lines(name) for name in SETTINGS}


@both()
def test_help_lists_every_setting_with_its_default(name: str, helps: dict[str, dict[str, str]]) -> None:
    lines = helps[name]
    assert set(lines) == {PREFIX + field.upper() for field in SETTINGS[name].model_fields}
    assert [line for line in lines.values() if not line.endswith("]") or " None " in line] == []
    assert lines["DRPLAN_LOG_LEVEL"].endswith("least severe line of the log [info]")


def test_help_shows_defaults_as_they_are_written(helps: dict[str, dict[str, str]]) -> None:
    of_worker, of_bridge = helps["worker"], helps["bridge"]
    assert of_worker["DRPLAN_GRACEFUL_SHUTDOWN"].endswith("[10s]")
    assert of_worker["DRPLAN_BUILD_ID"].endswith("[not set]")
    assert of_worker["DRPLAN_IMPERSONATE"].endswith("[true]")
    assert of_bridge["DRPLAN_SHORTEST_INTERVAL"].endswith("[300ms]")
    assert of_bridge["DRPLAN_IDENTITY"].endswith("[generated]")


def help_lines(name: str) -> dict[str, str]:
    command = [sys.executable, "-m", name, "--help"]
    env = {key: value for key, value in os.environ.items() if not key.startswith(PREFIX)}
    text = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60, env=env).stdout
    assert "KUBECONFIG" in text
    assert "TEMPORAL_ADDRESS" in text
    return {line.split()[0]: line for line in text.splitlines() if line.startswith(f"  {PREFIX}")}
