"""The start of the one file `drplan`, for which neither packages nor libraries have to be installed.

The file is a zip archive, and Python cannot load a compiled library from one. So its packages are unpacked once, into
the cache of the user, and loaded from there. Of the environment nothing is loaded but Python's own library.
Source: docs/decisions/0030-one-file-and-one-name.md.
"""

import os
import stat
import sys
import time
from contextlib import suppress
from importlib import import_module
from importlib.machinery import EXTENSION_SUFFIXES
from zipimport import zipimporter

ARCHIVE = os.path.dirname(os.path.abspath(__file__))
PACKAGES = "packages.zip"
"""The archive of the packages within this one: Python reads the list of ours at each start, which so is a short one."""
DIGEST = "digest"
"""The file that says which packages these are, by a hash."""
NEWEST = 14
"""The last minor version of Python that the archive holds compiled libraries for."""
_UNUSED_SECONDS = 30 * 86400.0
"""How long packages stay in the cache after they were last used."""

# A person's `python3` may be older. Nothing here needs more than Python 3.6 until it is called.
if sys.version_info < (3, 11):  # noqa: UP036
    import shutil

    for minor in range(NEWEST, 10, -1):
        python = shutil.which(f"python3.{minor}")
        if python:
            os.execv(python, [python, ARCHIVE, *sys.argv[1:]])  # noqa: S606
    sys.exit(f"Error: drplan needs Python 3.11 or newer; this is {sys.version_info[0]}.{sys.version_info[1]}")


def main() -> None:
    """Run the command with the packages of this file."""
    sys.path[:] = [_packages(), *filter(_is_python_itself, sys.path)]
    try:
        import_module("drplan").run()
    except ModuleNotFoundError as error:
        if error.name != "pydantic_core._pydantic_core":
            raise
        python, machine = sys.implementation.cache_tag, os.uname().machine
        sys.exit(
            f"Error: this file has no library for {python} on {machine}, which this command needs: use CPython 3.11 "
            f"to 3.{NEWEST}, or install drplan with `uv tool` or `pipx`"
        )


def _is_python_itself(folder: str) -> bool:
    """Tell whether a folder of the path is the standard library, and not that of installed packages or PYTHONPATH."""
    name = os.path.basename(folder)
    archived = name.startswith("python") and name.endswith(".zip")
    return folder == os.path.dirname(os.__file__) or name == "lib-dynload" or archived


def _packages() -> str:
    """Return the folder with the unpacked packages, which is temporary where the cache cannot be used."""
    digest = _read(DIGEST).decode()
    folder = os.path.join(_cache(), f"{digest}-{sys.implementation.cache_tag}")
    with suppress(OSError):
        if not os.path.lexists(folder):
            _fill(folder)
        if _is_trusted(folder):
            with suppress(OSError):
                os.utime(folder)
            return folder
    import atexit
    from tempfile import TemporaryDirectory

    temporary = TemporaryDirectory(prefix="drplan-", ignore_cleanup_errors=True)
    atexit.register(temporary.cleanup)
    _unpack(temporary.name)
    return temporary.name


def _fill(folder: str) -> None:
    """Unpack into a folder of the cache, which is there with all of its files or not at all. Raises OSError."""
    import shutil
    from tempfile import mkdtemp

    cache = os.path.dirname(folder)
    os.makedirs(cache, mode=0o700, exist_ok=True)
    for each in os.scandir(cache):
        if time.time() - each.stat(follow_symlinks=False).st_mtime > _UNUSED_SECONDS:
            shutil.rmtree(each.path, ignore_errors=True)
    unfinished = mkdtemp(prefix="unfinished-", dir=cache)
    try:
        _unpack(unfinished)
        os.rename(unfinished, folder)
    except OSError:
        shutil.rmtree(unfinished, ignore_errors=True)
        # Unless another process was faster.
        if not os.path.lexists(folder):
            raise


def _cache() -> str:
    mine = os.path.join("~", "Library", "Caches") if sys.platform == "darwin" else os.path.join("~", ".cache")
    return os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser(mine), "drplan", "packages")


def _is_trusted(folder: str) -> bool:
    """Tell whether nobody but this user can have written a folder."""
    found = os.lstat(folder)
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and not found.st_mode & 0o022


def _unpack(folder: str) -> None:
    """Write the packages into a folder, of the compiled libraries those of this Python."""
    from io import BytesIO
    from zipfile import ZipFile

    with ZipFile(BytesIO(_read(PACKAGES))) as packages:
        for name in packages.namelist():
            suffix = os.path.basename(name).partition(".")[2]
            if not suffix.endswith("so") or f".{suffix}" in EXTENSION_SUFFIXES:
                packages.extract(name, folder)


def _read(name: str) -> bytes:
    return zipimporter(ARCHIVE).get_data(name)


if __name__ == "__main__":
    main()
