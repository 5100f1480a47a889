"""How our own processes, worker and bridge, are started on a stack."""

import sys

from dev.process import Service

# What each of them logs once it serves.
READY = {"worker": "worker started", "bridge": "bridge started"}


def own(name: str, env: dict[str, str], inputs: str = "") -> Service:
    """Run a package of this checkout with this Python."""
    return Service(name, (sys.executable, "-m", name), {"PYTHONUNBUFFERED": "1", **env}, inputs)
