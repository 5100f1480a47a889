"""Ports are chosen free and kept, unless someone else has taken them meanwhile."""

import socket
from pathlib import Path

import pytest

from dev.layout import RANGE, settle

NAMES = ["etcd", "temporal"]


def taken(port: int) -> socket.socket:
    """Be the someone else."""
    server = socket.socket()
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.bind(("127.0.0.1", port))
    server.listen()
    return server


def test_ports_are_different_and_below_those_of_outgoing_connections(tmp_path: Path) -> None:
    ports = settle(tmp_path / "ports.json", NAMES, set())

    assert len(set(ports.values())) == 2
    assert all(RANGE[0] <= port < RANGE[1] for port in ports.values())


def test_the_same_ports_come_back(tmp_path: Path) -> None:
    first = settle(tmp_path / "ports.json", NAMES, set())

    assert settle(tmp_path / "ports.json", NAMES, set()) == first


def test_a_port_that_someone_else_has_taken_is_replaced_and_no_other(tmp_path: Path) -> None:
    first = settle(tmp_path / "ports.json", NAMES, set())

    with taken(first["etcd"]):
        second = settle(tmp_path / "ports.json", NAMES, set())

    assert second["etcd"] != first["etcd"]
    assert second["temporal"] == first["temporal"]


def test_a_port_that_our_own_process_holds_is_kept(tmp_path: Path) -> None:
    first = settle(tmp_path / "ports.json", NAMES, set())

    with taken(first["etcd"]):
        assert settle(tmp_path / "ports.json", NAMES, {"etcd"}) == first


@pytest.mark.parametrize("content", ["", '{"etcd": 21', "[]"])
def test_a_file_that_was_cut_off_is_no_obstacle(tmp_path: Path, content: str) -> None:
    (tmp_path / "ports.json").write_text(content)

    assert set(settle(tmp_path / "ports.json", NAMES, set())) == set(NAMES)
