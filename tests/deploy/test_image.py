"""The image holds every shipped package: what .dockerignore leaves out cannot be built into it."""

from tests.shipped import PACKAGES, PYPROJECT, REPOSITORY


def test_every_shipped_package_is_sent_to_the_build() -> None:
    lines = (REPOSITORY / ".dockerignore").read_text().splitlines()
    assert {f"!{package}" for package in PACKAGES} <= set(lines)


def test_every_shipped_package_is_in_the_wheel() -> None:
    wheel = PYPROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert set(wheel["only-include"]) == {*PACKAGES}
    assert wheel["sources"] == {package: f"drplan/root/{package}" for package in PACKAGES}
