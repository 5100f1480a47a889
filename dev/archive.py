"""Fetches kube-apiserver and etcd from the official envtest archives, checked against their published hashes.

Source: https://book.kubebuilder.io/reference/envtest.html; the index is what `setup-envtest` reads.
"""

import hashlib
import os
import re
import shutil
import tarfile
import urllib.request
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, Field

from dev.cache import KUBERNETES, archive_folder, install, partial_folder, platform_name, version_numbers

INDEX = "https://raw.githubusercontent.com/kubernetes-sigs/controller-tools/HEAD/envtest-releases.yaml"
PROGRAMS = ("kube-apiserver", "etcd")

# A machine without internet must find out at once.
TIMEOUT = 5.0


class NoArchiveError(Exception):
    """There is no archive to be had; the message says why."""


class Archive(BaseModel, frozen=True):
    """One published archive: where it is, and its SHA-512 in hexadecimal digits."""

    url: str = Field(alias="selfLink")
    sha512: str = Field(alias="hash")


class ArchiveIndex(BaseModel, frozen=True):
    """The published archives: version, then file name."""

    releases: dict[str, dict[str, Archive]]


def fetch(wanted: str = KUBERNETES) -> dict[str, Path]:
    """Download, check and unpack the best archive; return the paths of its programs. Raises NoArchiveError."""
    index = os.environ.get("DRPLAN_ENVTEST_INDEX", INDEX)
    file = partial_folder() / "envtest.tar.gz"
    try:
        archive = choose(ArchiveIndex.model_validate(yaml.safe_load(_open(index).read())), wanted, platform_name())
        print(f"Downloading the official test programs: {archive.url}", flush=True)
        _download(archive, file)
        return {program.name: install(program, archive_folder()) for program in _unpack(file)}
    except (OSError, ValueError, tarfile.TarError, yaml.YAMLError) as error:
        raise NoArchiveError(str(error)) from error
    finally:
        file.unlink(missing_ok=True)


def choose(index: ArchiveIndex, wanted: str, platform: str) -> Archive:
    """Choose the latest patch release of the wanted minor version. Raises NoArchiveError if none is published.

    The archives skip patch releases, so the very version may be missing.
    """
    minor = version_numbers(wanted)[:2]
    versions = [version for version in index.releases if re.fullmatch(r"v\d+\.\d+\.\d+", version)]
    for version in sorted((v for v in versions if version_numbers(v)[:2] == minor), key=version_numbers, reverse=True):
        archive = index.releases[version].get(f"envtest-{version}-{platform}.tar.gz")
        if archive:
            return archive
    raise NoArchiveError(f"none is published for Kubernetes {minor[0]}.{minor[1]} on {platform}")


def _open(url: str) -> Any:
    return urllib.request.urlopen(url, timeout=TIMEOUT)  # noqa: S310 - our own constant, or the person's choice


def _download(archive: Archive, file: Path) -> None:
    with _open(archive.url) as response, file.open("wb") as stream:
        shutil.copyfileobj(response, stream)
    with file.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha512").hexdigest()
    if digest != archive.sha512:
        raise NoArchiveError(f"{archive.url} does not have its published hash and was thrown away")


def _unpack(file: Path) -> list[Path]:
    unpacked = []
    with tarfile.open(file) as archive:
        for member in archive:
            name = Path(member.name).name
            if (content := archive.extractfile(member)) is not None and name in PROGRAMS:
                unpacked.append(partial_folder() / name)
                with unpacked[-1].open("wb") as stream:
                    shutil.copyfileobj(content, stream)
    if len(unpacked) != len(PROGRAMS):
        raise NoArchiveError(f"the archive holds only {', '.join(path.name for path in unpacked) or 'nothing of use'}")
    return unpacked
