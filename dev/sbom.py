"""Writes sbom.cdx.json: what the image consists of, in CycloneDX, from the lock file and the Dockerfile.

`python -m dev.sbom`, part of `make lock`; a test holds that the file is current. The packages of the base image are not
listed, only the image. A release has the same for the command line.
Source: SECURITY.md, "What is built from elsewhere"; CycloneDX, "Specification Overview".
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import NAMESPACE_URL, uuid5

from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL
from packaging.requirements import Requirement

from dev.layout import REPOSITORY
from dev.release.version import current

FILE = REPOSITORY / "sbom.cdx.json"
LOCK = REPOSITORY / "requirements-runtime.lock"
COMMAND_LINE_LOCK = REPOSITORY / "requirements-cli.lock"
IMAGE_PLATFORM = {"sys_platform": "linux", "platform_system": "Linux", "os_name": "posix", "python_version": "3.11"}
"""By which the image installs some packages of the lock and others not."""

CONTAINER = ComponentType.CONTAINER
_ENTRY = re.compile(r"^(?=[A-Za-z0-9])", re.MULTILINE)
_USER = re.compile(r"^    # (?:via |  )([A-Za-z0-9]\S*)", re.MULTILINE)
"""In the comments below an entry: one user on the line of `# via`, or one on each of the lines after it."""
_BASE_IMAGE = re.compile(r"^ARG PYTHON=([^:@\s]+):([^@\s]+)@(sha256:[0-9a-f]{64})$", re.MULTILINE)


@dataclass(frozen=True)
class Package:
    """One entry of the lock file."""

    name: str
    version: str
    needed_by: tuple[str, ...]
    """Names of packages, and of the project itself."""


def packages(lock: str) -> Iterator[Package]:
    """Yield the packages of a lock file that the image installs."""
    for entry in _ENTRY.split(lock)[1:]:
        requirement = Requirement(entry.splitlines()[0].removesuffix("\\"))
        if requirement.marker is None or requirement.marker.evaluate(IMAGE_PLATFORM):
            users = tuple(_USER.findall(entry))
            yield Package(requirement.name, str(requirement.specifier).removeprefix("=="), users)


def sbom(lock: str, dockerfile: str, version: str) -> str:
    """Return the bill of materials as JSON; the same input makes the same text.

    Without the text of a Dockerfile it has no base image.
    """
    root = _component("drplan", version, PackageURL("pypi", name="drplan", version=version), ComponentType.APPLICATION)
    images = [
        _component(name, tag, PackageURL("docker", name=name, version=digest, qualifiers={"tag": tag}), CONTAINER)
        for name, tag, digest in _BASE_IMAGE.findall(dockerfile)
    ]
    locked = list(packages(lock))
    parts = {each.name: _component(each.name, each.version, _pypi(each), ComponentType.LIBRARY) for each in locked}
    bom = Bom(components=[*images, *parts.values()], serial_number=uuid5(NAMESPACE_URL, lock + dockerfile + version))
    bom.metadata.component = root
    for each in locked:
        for user in each.needed_by:
            bom.register_dependency(root if user == "drplan" else parts[user], [parts[each.name]])
    bom.register_dependency(root, images)
    document = json.loads(JsonV1Dot6(bom).output_as_string())
    # It would make each text another one, and says nothing about the contents.
    del document["metadata"]["timestamp"]
    return json.dumps(document, indent=1) + "\n"


def _pypi(package: Package) -> PackageURL:
    return PackageURL("pypi", name=package.name, version=package.version)


def _component(name: str, version: str, purl: PackageURL, kind: ComponentType) -> Component:
    return Component(name=name, version=version, purl=purl, type=kind, bom_ref=str(purl))


def bill_of_image() -> str:
    """Return what the file has to hold for the lock file, the Dockerfile and the version of this checkout."""
    return sbom(LOCK.read_text(), (REPOSITORY / "Dockerfile").read_text(), current())


def bill_of_command_line() -> str:
    """Return the same of what the one file `drplan` holds."""
    return sbom(COMMAND_LINE_LOCK.read_text(), "", current())


if __name__ == "__main__":
    Path(FILE).write_text(bill_of_image())
