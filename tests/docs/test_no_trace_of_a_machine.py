"""No file of the repository knows the machine on which it was written."""

import os
import re
import socket
import subprocess
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
SERVES_PACKAGES = ("PIP_INDEX_URL", "UV_INDEX_URL", "UV_DEFAULT_INDEX", "GOPROXY", "HTTP_PROXY", "HTTPS_PROXY")
HOME_FOLDER = re.compile("(^|[^A-Za-z0-9_.~$}])/(" + "|".join(("ro" + "ot", "ho" + "me", "Us" + "ers")) + ")/")
PUBLIC = {"proxy.golang.org", "pypi.org", "files.pythonhosted.org", "localhost", "127.0.0.1", ""}


def files() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    )
    return [path for name in listed.stdout.splitlines() if (path := REPOSITORY / name).is_file()]


def lines() -> list[tuple[str, str]]:
    found = []
    for path in files():
        name = path.relative_to(REPOSITORY).as_posix()
        found += [(name, line) for line in path.read_text(errors="replace").splitlines()]
    return found


def configured_hosts() -> set[str]:
    """Hosts of the package registries and proxies that this machine is told to use."""
    pip = subprocess.run(["python", "-m", "pip", "config", "list"], capture_output=True, text=True, check=False).stdout
    values = [pip, *(os.environ.get(name, "") for name in SERVES_PACKAGES)]
    hosts = {host for value in values for host in re.findall(r"https?://(?:[^@/\s']*@)?([\w.-]+)", value)}
    return hosts - PUBLIC


def test_no_file_names_this_checkout_or_its_registries() -> None:
    words = {str(REPOSITORY) + "/", *configured_hosts()}
    assert not [(name, line[:120]) for name, line in lines() if any(word in line for word in words)]


def test_no_file_names_this_machine() -> None:
    host = re.compile(rf"\b{re.escape(socket.gethostname())}\b")
    told_apart = len(socket.gethostname()) > 5 and socket.gethostname() != "localhost"
    assert not told_apart or not [(name, line[:120]) for name, line in lines() if host.search(line)]


def test_no_file_names_somebodys_home_folder() -> None:
    assert not [(name, line[:120]) for name, line in lines() if HOME_FOLDER.search(line)]


def test_no_file_is_a_program_or_too_large_to_be_read() -> None:
    assert not [path.name for path in files() if path.read_bytes()[:4] == b"\x7fELF" or path.stat().st_size > 5_000_000]
