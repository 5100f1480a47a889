"""`python -m dev.release FOLDER`, as `make release` calls it: builds all that is published of a version.

The same commit gives the same files, byte by byte: times are those of the commit (SOURCE_DATE_EPOCH), the order is
that of names, and what comes from elsewhere is pinned by its hash. Source: docs/releases.md, "Make a release".
"""

import argparse
import hashlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from dev.layout import REPOSITORY
from dev.release.archives import File, tar_gz
from dev.release.build import build_sdist, build_wheel
from dev.release.kubernetes import chart, krew_plugin, manifests
from dev.release.one_file import PLATFORMS, fetched_libraries, installed_libraries, one_file, this_platform
from dev.release.version import ReleaseError, changelog_date, current
from dev.sbom import bill_of_command_line, bill_of_image

CHECKSUMS = "SHA256SUMS"


@dataclass(frozen=True)
class Release:
    """What is to be published, and under which names it will be found."""

    version: str
    epoch: int
    """The time of the commit, in seconds."""
    image: str = ""
    """The image of worker and bridge, as registry, path and digest; empty where it is not published."""
    url: str = ""
    """Where the files will be found; empty where they are not published."""
    platforms: tuple[str, ...] = tuple(PLATFORMS)

    def build(self, folder: Path) -> None:
        """Write all files into an empty folder. Raises ReleaseError."""
        wheel = build_wheel(folder, self.epoch)
        build_sdist(folder, self.epoch)
        name = f"drplan-{self.version}"
        (folder / f"{name}.tgz").write_bytes(tar_gz(chart(self.version, self.image), self.epoch))
        (folder / f"{name}-manifests.tar.gz").write_bytes(tar_gz(manifests(self.version, self.image), self.epoch))
        (folder / f"{name}-image.cdx.json").write_text(bill_of_image())
        (folder / f"{name}-cli.cdx.json").write_text(bill_of_command_line())
        programs = {each: folder / f"{name}-{each}.tar.gz" for each in self.platforms}
        for platform, file in programs.items():
            file.write_bytes(tar_gz(self._program(platform, wheel), self.epoch))
        sums = {platform: _sha256(file) for platform, file in programs.items()}
        (folder / "drplan.yaml").write_text(krew_plugin(self.version, self.url, sums))
        files = sorted(folder.iterdir())
        (folder / CHECKSUMS).write_text("".join(f"{_sha256(file)}  {file.name}\n" for file in files))

    def _program(self, platform: str, wheel: Path) -> dict[str, File]:
        with tempfile.TemporaryDirectory() as folder:
            # With one platform it is this one, whose libraries are here.
            installed = self.platforms == (this_platform(),)
            libraries = installed_libraries() if installed else fetched_libraries(platform, Path(folder))
        program = one_file(wheel, libraries, self.epoch)
        return {"drplan": File(program, program=True), "LICENSE": File((REPOSITORY / "LICENSE").read_bytes())}


def _sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def epoch_of_the_commit() -> int:
    """Return SOURCE_DATE_EPOCH where it is set, else the time of the commit. Raises ReleaseError."""
    if seconds := os.environ.get("SOURCE_DATE_EPOCH"):
        return int(seconds)
    if changed := _git("status", "--porcelain"):
        raise ReleaseError(f"a release is built from a commit, and these files differ from it:\n{changed}")
    return int(_git("log", "-1", "--format=%ct"))


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ReleaseError(f"git cannot tell which commit this is; set SOURCE_DATE_EPOCH: {done.stderr.strip()}")
    return done.stdout.strip()


def _emptied(folder: Path) -> Path:
    """Return the folder without what an earlier release left in it. Raises ReleaseError for a folder of other files."""
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()) and not (folder / CHECKSUMS).exists():
        raise ReleaseError(f"{folder} holds files that are no release")
    for each in folder.iterdir():
        each.unlink()
    return folder


def main(arguments: Iterable[str] | None = None) -> int:
    """Build the release of this checkout and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m dev.release", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--image", default="", help="the published image of worker and bridge, with its digest")
    parser.add_argument("--url", default="", help="the address below which the files will be found")
    parser.add_argument("--platforms", nargs="+", choices=[*PLATFORMS, "this"], default=[*PLATFORMS])
    options = parser.parse_args(None if arguments is None else [*arguments])
    platforms = tuple(this_platform() if each == "this" else each for each in options.platforms)
    try:
        changelog_date(current())
        release = Release(current(), epoch_of_the_commit(), options.image, options.url.rstrip("/"), platforms)
        release.build(_emptied(options.folder))
    except ReleaseError as error:
        print(f"Error: {error}", file=sys.stderr)
        return 1
    print((options.folder / CHECKSUMS).read_text(), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
