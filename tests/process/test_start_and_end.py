"""Both processes start whatever is still away, say what they wait for, and end when they are told to."""

import asyncio
import re
import signal
import socket
import socketserver
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
import yaml

from dev.stack import Stack
from process.temporal import WATCH_SECONDS
from tests.bridge.tcp_gate import gate
from tests.eventually import eventually, until
from tests.private_stack import free_port
from tests.process.test_health import ask, free_address
from tests.programs import Program, running, worker

AWAY = 15.0
"""Seconds for which Temporal is away: long enough for each of the process's loops to find out, some more than once."""


@contextmanager
def forwarding(port: int, address: str) -> Iterator[None]:
    """Let a port of loopback lead to another address."""
    host, _, upstream = address.rpartition(":")

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with socket.create_connection((host, int(upstream))) as other:
                back = threading.Thread(target=copy, args=(other, self.request), daemon=True)
                back.start()
                copy(self.request, other)

    with socketserver.ThreadingTCPServer(("127.0.0.1", port), Handler) as server:
        server.daemon_threads, server.block_on_close = True, False
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield
        server.shutdown()


def copy(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)


def leading_nowhere(stack: Stack, name: str, folder: Path) -> Path:
    """Write a kubeconfig of the process whose server does not exist."""
    config = yaml.safe_load(stack.layout.kubeconfig_of(name).read_text())
    config["clusters"][0]["cluster"]["server"] = f"https://127.0.0.1:{free_port()}"
    kubeconfig = folder / "kubeconfig"
    kubeconfig.write_text(yaml.safe_dump(config))
    return kubeconfig


def test_a_worker_says_when_it_serves_and_ends_with_0(stack: Stack, tmp_path: Path) -> None:
    address = free_address()
    env = stack.env("worker") | {"DRPLAN_TASK_QUEUE": "starts", "DRPLAN_HEALTH_ADDRESS": address}
    with worker(tmp_path / "log", env, real=True) as process:
        line = process.wait_for("worker started")
        assert (line["task_queue"], line["namespace"], line["level"]) == ("starts", "default", "info")
        assert line["kubernetes"].startswith("v1.")
        until(lambda: ask(address, "/readyz")[0] == 200, "Temporal sees the worker poll")
        until(lambda: "[+] task-queue: starts is polled\n" in ask(address, "/readyz?verbose")[1], "the queue is named")
        assert process.stop() == 0
    assert process.lines()[-1]["event"] == "worker stopped"


def test_a_worker_waits_for_temporal_and_names_where_it_looks(stack: Stack, tmp_path: Path) -> None:
    nowhere, address = f"127.0.0.1:{free_port()}", free_address()
    env = stack.env("worker") | {"TEMPORAL_ADDRESS": nowhere, "DRPLAN_HEALTH_ADDRESS": address}
    with worker(tmp_path / "log", env, real=True) as process:
        line = process.wait_for(f"cannot reach Temporal at {nowhere}: trying again")
        assert (line["level"], line["setting"]) == ("warning", "TEMPORAL_ADDRESS")
        assert line["reason"]
        assert ask(address, "/healthz")[0] == 200, "it is no reason to restart the process"
        assert ask(address, "/readyz") == (503, "[+] event-loop\n[-] worker: is not connected yet\nnot ok\n")
        assert process.stop() == 0
    assert process.lines()[-1]["event"] == "worker stopped before it served"


def test_a_worker_waits_for_the_api_server(stack: Stack, tmp_path: Path) -> None:
    nowhere = {"KUBECONFIG": str(leading_nowhere(stack, "worker", tmp_path))}
    with worker(tmp_path / "log", stack.env("worker") | nowhere, real=True) as process:
        line = process.wait_for("cannot reach the Kubernetes API server: trying again")
        assert (line["level"], line["setting"]) == ("warning", "KUBECONFIG")
        assert process.stop() == 0


def test_a_worker_that_starts_before_temporal_serves_once_that_is_there(stack: Stack, tmp_path: Path) -> None:
    port = free_port()
    address = {"TEMPORAL_ADDRESS": f"127.0.0.1:{port}", "DRPLAN_TASK_QUEUE": "early"}
    with worker(tmp_path / "log", stack.env("worker") | address, real=True) as process:
        process.wait_for("trying again")
        with forwarding(port, stack.temporal_address):
            process.wait_for("worker started")
            process.kill()


def test_a_bridge_says_when_it_serves_and_ends_with_0(stack: Stack, tmp_path: Path) -> None:
    with running(
        "bridge", tmp_path / "log", stack.env("bridge") | {"DRPLAN_TASK_QUEUE": "starts"}, real=True
    ) as process:
        line = process.wait_for("bridge started")
        assert line["level"] == "info"
        assert process.stop() == 0
    assert process.lines()[-1]["event"] == "bridge stopped"


def test_a_bridge_starts_while_temporal_is_away(stack: Stack, tmp_path: Path) -> None:
    address = free_address()
    nowhere = {"TEMPORAL_ADDRESS": f"127.0.0.1:{free_port()}", "DRPLAN_HEALTH_ADDRESS": address}
    with running("bridge", tmp_path / "log", stack.env("bridge") | nowhere, real=True) as process:
        process.wait_for("bridge started")
        until(lambda: "[-] temporal: no answer for" in ask(address, "/readyz")[1], "the bridge knows that")
        until(lambda: "[+] lease: " in ask(address, "/readyz?verbose")[1], "the bridge knows who leads")
        assert "[+] caches: complete\n" in ask(address, "/readyz?verbose")[1]
        assert ask(address, "/healthz") == (200, "[+] event-loop\n[+] passes\n[+] watches\n[+] lease-loop\nok\n")
        assert process.stop() == 0


@pytest.mark.parametrize("name", ["worker", "bridge"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_further_signals_while_a_process_stops_are_harmless(
    stack: Stack, tmp_path: Path, name: str, number: signal.Signals
) -> None:
    with running(name, tmp_path / "log", stack.env(name) | {"DRPLAN_TASK_QUEUE": "signals"}) as process:
        process.wait_for(f"{name} started")
        assert end_by_many_signals(process, number) == 0
    assert process.lines()[-1]["event"] == f"{name} stopped"


def end_by_many_signals(process: Program, number: signal.Signals) -> int:
    """Send a signal again and again until the process has ended, and return its exit code."""
    for _ in range(4000):
        if not process.running:
            return process.wait_for_end()
        process.send_signal(number)
        time.sleep(0.01)
    raise AssertionError("the process did not end")


@pytest.mark.parametrize("name", ["worker", "bridge"])
def test_every_line_of_a_log_is_one_json_object_of_the_same_shape(stack: Stack, tmp_path: Path, name: str) -> None:
    debug = {"DRPLAN_TASK_QUEUE": "logs", "DRPLAN_LOG_LEVEL": "debug"}
    with running(name, tmp_path / "log", stack.env(name) | debug) as process:
        process.wait_for(f"{name} started")
        assert process.stop() == 0
    lines = process.lines()
    assert [line for line in lines if not {"event", "level", "logger", "timestamp"} <= set(line)] == []
    libraries = ("temporalio", "kubernetes", "aiohttp", "asyncio", "httpx", "httpcore")
    assert [line for line in lines if line["logger"].startswith(libraries) and line["level"] == "debug"] == []


@pytest.mark.parametrize("name", ["worker", "bridge"])
def test_a_log_level_holds_back_what_is_less_severe(stack: Stack, tmp_path: Path, name: str) -> None:
    quiet = {"DRPLAN_LOG_LEVEL": "warning", "KUBECONFIG": str(leading_nowhere(stack, name, tmp_path))}
    with running(name, tmp_path / "log", stack.env(name) | quiet) as process:
        process.wait_for("")
        assert process.stop() == 0
    assert {line["level"] for line in process.lines()} <= {"warning", "error"}


@pytest.mark.parametrize("name", ["worker", "bridge"])
def test_a_process_without_any_cluster_says_so_and_ends(tmp_path: Path, name: str) -> None:
    with running(name, tmp_path / "log", {"HOME": str(tmp_path)}) as process:
        assert process.wait_for_end() == 2
    [line] = process.lines()
    assert line["event"] == f"{name} cannot start"
    assert line["reason"].startswith("no Kubernetes configuration: ")


@pytest.mark.parametrize("name", ["worker", "bridge"])
@pytest.mark.parametrize("address", ["http://x y:1", "temporal:port", "temporal:70000", "//"])
def test_an_address_that_is_none_is_one_line(stack: Stack, tmp_path: Path, name: str, address: str) -> None:
    with running(name, tmp_path / "log", stack.env(name) | {"TEMPORAL_ADDRESS": address}) as process:
        assert process.wait_for_end() == 2
    [line] = process.lines()
    assert (line["event"], line["reason"].split()[0]) == (f"{name} cannot start", "TEMPORAL_ADDRESS")


@pytest.mark.parametrize("name", ["worker", "bridge"])
def test_a_process_with_a_broken_temporal_profile_says_so_and_ends(stack: Stack, tmp_path: Path, name: str) -> None:
    broken = tmp_path / "temporal.toml"
    broken.write_text("[profile.default\n")
    with running(name, tmp_path / "log", stack.env(name) | {"TEMPORAL_CONFIG_FILE": str(broken)}) as process:
        assert process.wait_for_end() == 2
    assert process.lines()[-1]["event"] == f"{name} cannot start"


@pytest.mark.parametrize(("name", "ready"), [("worker", "worker started"), ("bridge", "bridge leading")])
async def test_the_loss_of_temporal_and_its_return_are_one_line_each(
    stack: Stack, tmp_path: Path, name: str, ready: str
) -> None:
    async with gate(stack.temporal_address) as door:
        environment = stack.env(name) | {"TEMPORAL_ADDRESS": door.address, "DRPLAN_TASK_QUEUE": "lost"}
        with running(name, tmp_path / "log", environment) as process:
            await asyncio.to_thread(process.wait_for, ready)
            await asyncio.sleep(WATCH_SECONDS)
            await door.shut()
            await eventually(lambda: about_temporal(process)[-1:] == ["Temporal is lost"], "the loss")
            await asyncio.sleep(AWAY)
            await door.open()
            await eventually(lambda: about_temporal(process)[-1:] == ["Temporal is back"], "the return")
            assert await asyncio.to_thread(process.stop) == 0
    lines = [line for line in process.lines() if not line["logger"].startswith("bridge.kubernetes.")]
    # A machine that is busy for seconds is a short loss of its own.
    [end] = [place for place, line in enumerate(lines) if line.get("seconds", 0.0) >= AWAY]
    assert [line["event"] for line in lines[end - 1 : end + 1]] == ["Temporal is lost", "Temporal is back"]


def about_temporal(process: Program) -> list[str]:
    """Return the lines so far that say that Temporal is lost, or back."""
    return re.findall("Temporal is (?:lost|back)", process.log.read_text())
