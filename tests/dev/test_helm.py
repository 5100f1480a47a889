"""Helm is found where it is pinned, else in PATH, and is not influenced by a person's own settings of it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from dev import StackError
from dev import helm as module
from dev.helm import find_helm, helm


@pytest.fixture
def another_platform(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """A machine for which none is pinned, with an empty PATH."""
    find_helm.cache_clear()
    monkeypatch.setattr(module, "platform_name", lambda: "darwin-arm64")
    monkeypatch.setenv("PATH", str(tmp_path))
    yield tmp_path
    find_helm.cache_clear()


def test_on_another_platform_it_is_that_of_the_path(another_platform: Path) -> None:
    program = another_platform / "helm"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    assert find_helm() == program


def test_where_there_is_none_it_says_what_to_install(another_platform: Path) -> None:
    with pytest.raises(StackError, match=r"darwin-arm64: install Helm 3\.17 or newer"):
        find_helm()


def test_it_reads_no_settings_of_a_person(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HELM_NAMESPACE", "mine")
    environment = dict(line.split("=", 1) for line in helm("env").stdout.splitlines())
    assert environment["HELM_NAMESPACE"] == '"default"'


def test_a_failure_is_told_with_its_command() -> None:
    with pytest.raises(StackError, match=r'helm nonsense: .*unknown command "nonsense"'):
        helm("nonsense")
