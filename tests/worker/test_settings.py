"""What an operator sets, how it is told what is wrong, and what `--help` says."""

import subprocess
import sys
from datetime import timedelta

import pytest
from pydantic import ValidationError

from tests.docs.pages import REPOSITORY
from worker.__main__ import main
from worker.settings import PREFIX, Settings


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(PREFIX + name.upper(), raising=False)


def test_the_defaults_are_those_of_the_documentation() -> None:
    settings = Settings()
    assert (settings.task_queue, settings.default_service_account, settings.impersonate) == ("drplan", "default", True)
    assert settings.graceful_shutdown == timedelta(seconds=10)
    assert (settings.deployment_name, settings.build_id) == (None, None)


def test_every_setting_stands_in_the_operations_page() -> None:
    page = (REPOSITORY / "docs" / "operations.md").read_text()
    assert [name for name in Settings.model_fields if f"`{PREFIX}{name.upper()}`" not in page] == []


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DRPLAN_TASK_QUEUE", "blue")
    monkeypatch.setenv("DRPLAN_IMPERSONATE", "false")
    monkeypatch.setenv("DRPLAN_GRACEFUL_SHUTDOWN", "1m30s")
    settings = Settings()
    assert (settings.task_queue, settings.impersonate) == ("blue", False)
    assert settings.graceful_shutdown == timedelta(seconds=90)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DRPLAN_GRACEFUL_SHUTDOWN", "10 seconds"),
        ("DRPLAN_IMPERSONATE", "perhaps"),
        ("DRPLAN_MAX_CONCURRENT_ACTIVITIES", "0"),
        ("DRPLAN_LOG_LEVEL", "loud"),
        ("DRPLAN_TASK_QUEUE", ""),
    ],
)
def test_a_wrong_setting_is_named_and_nothing_starts(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ValidationError):
        Settings()
    assert main([]) == 2
    assert capsys.readouterr().err.startswith(f"{name}: ")


def test_help_lists_every_setting_with_its_default() -> None:
    command = [sys.executable, "-m", "worker", "--help"]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    lines = {line.split()[0]: line for line in text.splitlines() if line.startswith(f"  {PREFIX}")}
    assert set(lines) == {PREFIX + name.upper() for name in Settings.model_fields}
    assert lines["DRPLAN_GRACEFUL_SHUTDOWN"].endswith("[10s]")
    assert lines["DRPLAN_BUILD_ID"].endswith("[not set]")
