"""Only a process that the stack has started is believed or ended, whatever the pid files say."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from dev import StackError
from dev.layout import Layout
from dev.process import Service, ensure, find, start, stop, wait
from tests.eventually import until

SLEEPER = Service("etcd", ("sleep", "1000"))
STUBBORN = Service(
    "etcd",
    (
        sys.executable,
        "-c",
        "import signal, time; signal.signal(15, signal.SIG_IGN); print('deaf', flush=True); time.sleep(1000)",
    ),
)


@pytest.fixture
def layout(tmp_path: Path) -> Iterator[Layout]:
    layout = Layout(tmp_path / "stack")
    layout.create()
    yield layout
    stop(layout, ["etcd"], grace=0)


def test_the_pid_file_holds_the_id_of_the_process_itself(layout: Layout) -> None:
    start(layout, SLEEPER)

    pid = int(layout.pid_file("etcd").read_text())
    assert Path(f"/proc/{pid}/cmdline").read_bytes() == b"sleep\x001000\x00"


def test_what_runs_is_not_started_again(layout: Layout) -> None:
    assert ensure(layout, SLEEPER)
    first = find(layout, "etcd")

    assert not ensure(layout, SLEEPER)
    assert find(layout, "etcd") == first


def test_what_was_killed_is_started_again(layout: Layout) -> None:
    pid = start(layout, SLEEPER)
    os.kill(pid, signal.SIGKILL)
    until(lambda: find(layout, "etcd") is None)

    assert ensure(layout, SLEEPER)
    assert find(layout, "etcd") is not None


def test_what_should_run_otherwise_is_replaced(layout: Layout) -> None:
    start(layout, SLEEPER)

    assert ensure(layout, Service("etcd", ("sleep", "2000")))

    pid = int(layout.pid_file("etcd").read_text())
    assert b"2000" in Path(f"/proc/{pid}/cmdline").read_bytes()


def test_a_reused_process_id_is_neither_believed_nor_ended(layout: Layout, stranger: "subprocess.Popen[bytes]") -> None:
    layout.pid_file("etcd").write_text(f"{stranger.pid}\n")

    assert find(layout, "etcd") is None
    assert stop(layout, ["etcd"]) == []
    assert stranger.poll() is None


@pytest.mark.parametrize("content", ["", "not a number", "4194304999"])
def test_a_broken_pid_file_is_no_obstacle(layout: Layout, content: str) -> None:
    layout.pid_file("etcd").write_text(content)

    assert ensure(layout, SLEEPER)


def test_a_process_whose_pid_file_is_lost_is_found_and_ended(layout: Layout) -> None:
    pid = start(layout, SLEEPER)
    layout.pid_file("etcd").unlink()

    assert not ensure(layout, SLEEPER)
    assert int(layout.pid_file("etcd").read_text()) == pid
    assert stop(layout, ["etcd"]) == ["etcd"]
    assert not layout.pid_file("etcd").exists()


def test_a_second_process_of_the_same_name_is_ended_as_well(layout: Layout) -> None:
    first, second = start(layout, SLEEPER), start(layout, SLEEPER)

    assert stop(layout, ["etcd"]) == ["etcd"]
    assert find(layout, "etcd") is None
    assert first != second


def test_two_stacks_do_not_see_each_other(layout: Layout, tmp_path: Path) -> None:
    other = Layout(tmp_path / "stack-2")
    other.create()
    start(layout, SLEEPER)

    assert find(other, "etcd") is None
    assert stop(other, ["etcd"]) == []
    assert find(layout, "etcd") is not None


def test_a_process_that_does_not_listen_is_killed_in_the_end(layout: Layout) -> None:
    start(layout, STUBBORN)
    until(lambda: b"deaf" in layout.log("etcd").read_bytes())

    assert stop(layout, ["etcd"], grace=0.2) == ["etcd"]
    assert find(layout, "etcd") is None


def test_a_process_that_ends_while_it_is_waited_for_is_reported_with_its_last_words(layout: Layout) -> None:
    start(layout, Service("etcd", ("sh", "-c", "echo disk is full >&2; exit 3")))

    with pytest.raises(StackError, match=r"etcd ended while starting(.|\n)*disk is full"):
        wait(layout, "etcd", lambda: False)


def test_a_program_gets_the_persons_settings_but_not_another_cluster_or_temporal(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", "/of/production")
    monkeypatch.setenv("TEMPORAL_API_KEY", "of-production")
    monkeypatch.setenv("LANG", "C.UTF-8")
    start(layout, Service("etcd", ("env",), {"KUBECONFIG": "/of/the/stack"}))

    until(lambda: b"KUBECONFIG" in layout.log("etcd").read_bytes())
    said = layout.log("etcd").read_text()
    assert "KUBECONFIG=/of/the/stack\n" in said
    assert "LANG=C.UTF-8\n" in said
    assert "of-production" not in said
