"""A worker starts whatever is still away, says what it waits for, and ends when it is told to."""

import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import yaml

from dev.stack import Stack
from tests.worker.worker_process import worker


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


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_a_worker_says_when_it_serves_and_ends_with_0(stack: Stack, tmp_path: Path) -> None:
    with worker(tmp_path / "log", stack.env("worker") | {"DRPLAN_TASK_QUEUE": "starts"}) as process:
        line = process.wait_for("worker started")
        assert (line["task_queue"], line["namespace"], line["level"]) == ("starts", "default", "info")
        assert line["kubernetes"].startswith("v1.")
        assert process.terminate() == 0
    assert process.lines()[-1]["event"] == "worker stopped"


def test_a_worker_waits_for_temporal_and_names_where_it_looks(stack: Stack, tmp_path: Path) -> None:
    nowhere = f"127.0.0.1:{free_port()}"
    with worker(tmp_path / "log", stack.env("worker") | {"TEMPORAL_ADDRESS": nowhere}) as process:
        line = process.wait_for(f"cannot reach Temporal at {nowhere}: trying again")
        assert (line["level"], line["setting"]) == ("warning", "TEMPORAL_ADDRESS")
        assert line["reason"]
        assert process.terminate() == 0
    assert process.lines()[-1]["event"] == "worker stopped before it served"


def test_a_worker_waits_for_the_api_server(stack: Stack, tmp_path: Path) -> None:
    config = yaml.safe_load(stack.layout.kubeconfig_of("worker").read_text())
    config["clusters"][0]["cluster"]["server"] = f"https://127.0.0.1:{free_port()}"
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(yaml.safe_dump(config))
    with worker(tmp_path / "log", stack.env("worker") | {"KUBECONFIG": str(kubeconfig)}) as process:
        line = process.wait_for("cannot reach the Kubernetes API server: trying again")
        assert (line["level"], line["setting"]) == ("warning", "KUBECONFIG")
        assert process.terminate() == 0


def test_a_worker_that_starts_before_temporal_serves_once_that_is_there(stack: Stack, tmp_path: Path) -> None:
    port = free_port()
    address = {"TEMPORAL_ADDRESS": f"127.0.0.1:{port}", "DRPLAN_TASK_QUEUE": "early"}
    with worker(tmp_path / "log", stack.env("worker") | address) as process:
        process.wait_for("trying again")
        with forwarding(port, stack.temporal_address):
            process.wait_for("worker started")
            process.kill()


def test_a_worker_without_any_cluster_says_so_and_ends(tmp_path: Path) -> None:
    with worker(tmp_path / "log", {"HOME": str(tmp_path)}) as process:
        assert process.running.wait(30) == 2
    [line] = process.lines()
    assert line["event"] == "worker cannot start"
    assert line["reason"].startswith("no Kubernetes configuration: ")


def test_a_worker_with_a_broken_temporal_profile_says_so_and_ends(stack: Stack, tmp_path: Path) -> None:
    broken = tmp_path / "temporal.toml"
    broken.write_text("[profile.default\n")
    with worker(tmp_path / "log", stack.env("worker") | {"TEMPORAL_CONFIG_FILE": str(broken)}) as process:
        assert process.running.wait(30) == 2
    assert process.lines()[-1]["event"] == "worker cannot start"
