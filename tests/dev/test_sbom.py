"""sbom.cdx.json is valid CycloneDX and lists what the image of this checkout consists of."""

import json
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from dev.sbom import FILE, bill_of_command_line, bill_of_image, packages
from tests.dev.test_locked_dependencies import LOCKS, PROJECT

HASH = "    --hash=sha256:" + "0a" * 32


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(FILE.read_text())
    return loaded


def test_it_is_current() -> None:
    assert FILE.read_text() == bill_of_image(), "run `make sbom`"


def test_it_is_valid() -> None:
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(FILE.read_text()) is None


def test_it_lists_every_package_that_the_image_installs(document: dict[str, Any]) -> None:
    listed = {f"{each['name']}=={each['version']}" for each in document["components"] if each["type"] == "library"}
    locked = {line.split()[0] for line in LOCKS[1].read_text().splitlines() if line[:1].isalnum() and " ; " not in line}
    assert locked
    assert locked <= listed
    assert not any(each.startswith("colorama==") for each in listed)


def test_it_names_the_base_image_by_its_digest(document: dict[str, Any]) -> None:
    (image,) = (each for each in document["components"] if each["type"] == "container")
    assert image["purl"].startswith("pkg:docker/python@sha256:")


def test_the_project_depends_on_what_pyproject_asks_for(document: dict[str, Any]) -> None:
    root = document["metadata"]["component"]["bom-ref"]
    (edges,) = (each["dependsOn"] for each in document["dependencies"] if each["ref"] == root)
    direct = {ref.split("@")[0].removeprefix("pkg:pypi/") for ref in edges if ref.startswith("pkg:pypi/")}
    extras = PROJECT["optional-dependencies"]
    needed = [*PROJECT["dependencies"], *extras["server"], *extras["tracing"]]
    assert direct == {wanted.split(">")[0].split("=")[0] for wanted in needed}


def test_that_of_the_command_line_is_valid_and_lists_what_it_needs() -> None:
    text = bill_of_command_line()
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    listed = {each["name"] for each in json.loads(text)["components"]}
    assert {line.split("==")[0] for line in LOCKS[2].read_text().splitlines() if line[:1].isalnum()} == listed


def test_one_user_and_several_are_read() -> None:
    lock = (
        f"a==1 \\\n{HASH}\n    # via drplan (pyproject.toml)\n"
        f"b==2 ; sys_platform == 'linux' \\\n{HASH}\n    # via\n    #   -c requirements.lock\n    #   a\n    #   c-d\n"
        f"e==3 ; sys_platform == 'win32' \\\n{HASH}\n    # via a\n"
    )
    assert [(each.name, each.version, each.needed_by) for each in packages(lock)] == [
        ("a", "1", ("drplan",)),
        ("b", "2", ("a", "c-d")),
    ]
