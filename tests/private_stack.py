"""A stack of the tests' own, which nobody else's stack can disturb and which does not outlive them for long."""

import fcntl
import os
import random
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from itertools import count
from pathlib import Path
from typing import IO
from unittest import mock

import yaml

from dev import StackError
from dev.layout import REPOSITORY, Layout, is_free
from dev.programs import find_programs
from dev.stack import Stack, locked, stop_all
from dev.start import start_servers
from tests.admin import Admin, Object
from tests.eventually import until
from tests.programs import load_programs

_numbers = count(1)
PORTS = (30_000, 32_768)
"""Above those of a person's stack, and below those of outgoing connections."""
_claims: list[IO[str]] = []
"""Locks on files named for the ports of this process, which end with it."""


def _home() -> Path:
    return Path(tempfile.gettempdir()).resolve() / f"drplan-test-stacks-{os.getuid()}"


def clear_abandoned() -> None:
    """End the stacks of test runs that were killed before they could do it."""
    for folder in _home().glob("*-*"):
        if not _is_alive(int(folder.name.split("-")[0])):
            stop_all(Layout(folder), grace=0)
            shutil.rmtree(folder, ignore_errors=True)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@contextmanager
def folder() -> Iterator[Path]:
    """A folder for one stack; whatever runs there ends with the context."""
    path = _home() / f"{os.getpid()}-{next(_numbers)}"
    path.mkdir(parents=True)
    try:
        yield path
    finally:
        stop_all(Layout(path), grace=0)
        shutil.rmtree(path)


@contextmanager
def private_stack() -> Iterator[Stack]:
    """A running stack (etcd, API server, controller manager, Temporal; neither worker nor bridge)."""
    clear_abandoned()
    load_programs()
    with folder() as path:
        layout = Layout(path)
        # Others that start at the same time would take these for free until they are listened at.
        with locked(layout), mock.patch("dev.layout.choose", side_effect=lambda _: free_port()):
            stack = start_servers(layout, find_programs())
        yield stack


def free_port() -> int:
    """Return a port at which nothing listens, and at which no other process that runs tests will listen."""
    folder = _home() / "ports"
    folder.mkdir(parents=True, exist_ok=True)
    while True:
        port = random.randrange(*PORTS)
        claim = (folder / str(port)).open("w")
        with suppress(BlockingIOError):
            fcntl.flock(claim, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if is_free(port):
                _claims.append(claim)
                return port
        claim.close()


def new_namespace(stack: Stack) -> str:
    """Create a namespace in which the service account `default` may do what demos and tests do; return its name."""
    admin, name = Admin.of(stack), f"test-{next(_numbers)}"
    admin.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    admin.create(
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": f"actions-{name}"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "drplan-stack-actions"},
            "subjects": [{"kind": "ServiceAccount", "name": "default", "namespace": name}],
        }
    )
    admin.create(_team_namespace(), name)
    until(lambda: _serves(admin, name), "the authorizer knows the new bindings")
    until(lambda: admin.get("serviceaccount", "default", name), "the namespace has its service account")
    return name


@cache
def _team_namespace() -> Object:
    manifest: Object = yaml.safe_load((REPOSITORY / "deploy" / "team-namespace.yaml").read_text())
    return manifest


def _serves(admin: Admin, namespace: str) -> bool:
    actor, worker = f"system:serviceaccount:{namespace}:default", "system:serviceaccount:drplan-system:drplan-worker"
    return admin.may(actor, "create", "configmaps", namespace) and admin.may(
        worker, "impersonate", "serviceaccounts", namespace
    )


_OURS = ("drplanexecutions", "drplans", "drworkflows")


def empty_namespace(stack: Stack, name: str) -> None:
    """Delete our objects of a namespace: each bridge that starts later would make a pass over each of them."""
    admin = Admin.of(stack)
    for execution in admin.list("drplanexecutions", name):
        with suppress(StackError):  # a bridge may have let go of one that is being deleted
            admin.patch("drplanexecutions", execution["metadata"]["name"], {"metadata": {"finalizers": None}}, name)
    for kind in _OURS:
        admin.delete_all(kind, name)


def empty_all_namespaces(stack: Stack) -> None:
    """Delete what the tests of all other namespaces have left of our objects."""
    left = {item["metadata"]["namespace"] for kind in _OURS for item in Admin.of(stack).list(kind)}
    for name in left:
        empty_namespace(stack, name)
