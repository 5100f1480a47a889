"""Starts our own processes, worker and bridge."""

import sys
from collections.abc import Mapping
from functools import partial

from dev.layout import Layout
from dev.process import Service, ensure
from dev.ready import has_logged, wait
from dev.stack import Stack

# What each of them logs once it serves.
READY = {"worker": "worker started", "bridge": "bridge started"}


def service(name: str, env: Mapping[str, str], inputs: str = "") -> Service:
    """Run a package of this checkout with this Python."""
    return Service(name, (sys.executable, "-m", name), {"PYTHONUNBUFFERED": "1", **env}, inputs)


def services_of(stack: Stack) -> dict[str, Service]:
    """Worker and bridge of this stack, each with its own rights."""
    return {name: _service_of(stack, name, {}) for name in READY}


def _service_of(stack: Stack, name: str, extra_env: Mapping[str, str]) -> Service:
    return service(name, {**stack.env(name), **extra_env}, inputs=stack.layout.kubeconfig_of(name).read_text())


def start_own(stack: Stack, name: str, extra_env: Mapping[str, str] | None = None) -> None:
    """Start the `worker` or the `bridge` of this stack, unless it runs so already, and wait until it serves."""
    start_all(stack.layout, {name: _service_of(stack, name, extra_env or {})})


def start_all(layout: Layout, services: Mapping[str, Service]) -> None:
    """Start these processes of ours side by side and wait until they serve. Raises StackError."""
    for each in services.values():
        ensure(layout, each)
    for name in services:
        wait(layout, name, partial(has_logged, layout, name, READY[name]))
