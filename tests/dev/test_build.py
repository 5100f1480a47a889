"""A build shows how far it is, happens once, and survives every kind of interruption."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from dev import StackError
from dev.build import LINKING, MODULE, BuildProgress, in_words
from dev.layout import REPOSITORY
from dev.programs import find_servers
from tests.dev.conftest import FakeGo
from tests.dev.whole_stack import INTERRUPTED
from tests.eventually import until

COMMAND = [sys.executable, "-m", "dev", "programs"]


def _start() -> "subprocess.Popen[str]":
    return subprocess.Popen(
        COMMAND, cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    )


def test_progress_tells_packages_and_keeps_quiet_about_time_at_first(
    fake_go: FakeGo, capsys: pytest.CaptureFixture[str]
) -> None:
    find_servers()

    said = capsys.readouterr().out
    assert "modules downloaded: 1" in said
    assert "Built in" in said


def test_the_compiled_packages_are_kept_until_all_is_built(
    fake_go: FakeGo, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_GO_ERROR", "no space left on device")
    with pytest.raises(StackError, match=r"`go build` failed:(.|\n)*no space left on device"):
        find_servers()
    assert (cache / "go-build" / "compiled").exists()

    monkeypatch.setenv("FAKE_GO_ERROR", "")
    find_servers()
    assert not (cache / "go-build").exists()


def test_without_space_on_the_disk_nothing_is_begun(fake_go: FakeGo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dev.build.SPACE", 1e18)

    with pytest.raises(StackError, match=r"Building needs 1000000000 GB in .*drplan, where .* GB are free"):
        find_servers()
    assert fake_go.builds() == []


def test_an_error_of_go_says_where_else_the_programs_can_come_from(
    fake_go: FakeGo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_GO_ERROR", "dial tcp: lookup proxy.example.com: no such host")

    with pytest.raises(StackError, match=r"no such host\n(.|\n)*docs/local-stack.md"):
        find_servers()


def test_a_program_is_built_again_when_its_recipe_changes_and_no_other(
    fake_go: FakeGo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = tmp_path / "module"
    shutil.copytree(MODULE, module)
    monkeypatch.setattr("dev.build.MODULE", module)
    find_servers()
    controllers = module / "kube-controller-manager" / "main.go"

    controllers.write_text(f"{controllers.read_text()}// changed\n")
    find_servers()
    assert fake_go.builds()[3:] == ["./kube-controller-manager"]

    (module / "go.sum").write_text("")
    find_servers()
    assert len(fake_go.builds()) == 7


def test_two_at_once_build_once(fake_go: FakeGo) -> None:
    with fake_go.held():
        first, second = _start(), _start()
        until(lambda: len(fake_go.builds()) == 3)
    for process in (first, second):
        process.communicate(timeout=60)

    assert (first.returncode, second.returncode) == (0, 0)
    assert len(fake_go.builds()) == 3


def test_after_ctrl_c_the_compiler_has_ended_and_the_next_build_goes_on(fake_go: FakeGo, cache: Path) -> None:
    with fake_go.held():
        process = _start()
        until(lambda: len(fake_go.builds()) == 3)
        os.killpg(process.pid, signal.SIGINT)
        said, _ = process.communicate(timeout=60)

    assert process.returncode in INTERRUPTED
    assert "Interrupted" in said
    assert (cache / "go-build" / "compiled").exists()
    assert set(find_servers()) == {"kube-apiserver", "kube-controller-manager", "etcd"}


def test_after_a_kill_the_next_build_waits_for_the_orphaned_compiler(fake_go: FakeGo, cache: Path) -> None:
    with fake_go.held():
        killed = _start()
        until(lambda: len(fake_go.builds()) == 3)
        killed.kill()
        killed.wait()
        following = _start()
        assert following.stdout is not None
        assert "waiting for it" in following.stdout.readline()
        assert len(fake_go.builds()) == 3
    following.communicate(timeout=60)

    assert following.returncode == 0
    assert len(fake_go.builds()) == 6


@pytest.mark.parametrize(
    ("progress", "seconds"),
    [
        (BuildProgress(packages=1000, unlinked=0, done=250, elapsed=60.0), 180.0),
        (BuildProgress(packages=1000, unlinked=0, done=1000, elapsed=240.0), 0.0),
        (BuildProgress(packages=1000, unlinked=1, done=1000, elapsed=250.0), LINKING * 0.25),
        (BuildProgress(packages=1000, unlinked=0, done=900, elapsed=5.0), None),
        (BuildProgress(packages=1000, unlinked=3, done=0, elapsed=90.0), None),
    ],
)
def test_the_estimate_follows_from_the_rate_so_far(progress: BuildProgress, seconds: float | None) -> None:
    assert progress.remaining() == seconds


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (None, "estimating the time"),
        (20.0, "less than a minute to go"),
        (70.0, "about 1 minute to go"),
        (170.0, "about 3 minutes to go"),
    ],
)
def test_the_estimate_is_no_more_exact_in_words_than_it_can_be(seconds: float | None, words: str) -> None:
    assert in_words(seconds) == words
