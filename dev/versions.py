"""The versions of the programs that the local stack runs, and the name of this platform.

They are written here once; `dev/go/*/go.mod` pins the same ones (a test compares them).
"""

import platform

KUBERNETES = "v1.36.3"
ETCD = "v3.6.16"


def platform_name() -> str:
    """Name this platform as Go and the Kubernetes release archives do, for example `linux-amd64`."""
    machine = platform.machine().lower()
    architecture = {"x86_64": "amd64", "aarch64": "arm64"}.get(machine, machine)
    return f"{platform.system().lower()}-{architecture}"


def numbers(version: str) -> tuple[int, ...]:
    """Turn `v1.36.3` into (1, 36, 3). Raises ValueError for pre-releases and anything else."""
    return tuple(int(part) for part in version.removeprefix("v").split("."))
