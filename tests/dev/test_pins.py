"""The check of pins finds what is not pinned by content, and this repository passes it."""

import pytest

from dev.pins import (
    main,
    modules_without_sum,
    unhashed_installs,
    unhashed_requirements,
    unpinned_actions,
    unpinned_images,
)

DIGEST = "@sha256:" + "0a" * 32
HASH = "    --hash=sha256:" + "0a" * 32


def test_everything_here_is_pinned(capsys: pytest.CaptureFixture[str]) -> None:
    assert main() == 0, capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("FROM python:3.11", ["python:3.11"]),
        ("FROM --platform=linux/amd64 python:3.11 AS build\nFROM build\n", ["python:3.11"]),
        ("ARG PYTHON=python:3.11-slim\nFROM ${PYTHON} AS build\nFROM ${PYTHON}", ["python:3.11-slim"]),
        (f"ARG PYTHON=python:3.11{DIGEST}\nFROM ${{PYTHON}} AS build\nFROM build", []),
        ("FROM python@sha256:0a0a", ["python@sha256:0a0a"]),
    ],
)
def test_an_image_of_a_dockerfile_needs_its_digest(text: str, found: list[str]) -> None:
    assert list(unpinned_images(text, dockerfile=True)) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("services:\n  db:\n    image: postgres:16\n", ["postgres:16"]),
        ("containers:\n  - image: busybox\n    name: x\n", ["busybox"]),
        (
            "x-temporal-image: &tools temporalio/admin-tools:1\nservices:\n  a:\n    image: *tools\n",
            ["temporalio/admin-tools:1"],
        ),
        (f"image: postgres:16{DIGEST}\n", []),
        ("image: drplan:0.1.0\n", []),
        ("image: drplan-evil:0.1.0\n", ["drplan-evil:0.1.0"]),
    ],
)
def test_an_image_of_compose_and_manifests_needs_its_digest(text: str, found: list[str]) -> None:
    assert list(unpinned_images(text, dockerfile=False)) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (f"a==1 \\\n{HASH} \\\n{HASH}\n    # via b\nb==2 ; sys_platform == 'win32' \\\n{HASH}\n", []),
        (f"a==1\nb==2 \\\n{HASH}\n", ["a==1"]),
        (f"a>=1 \\\n{HASH}\n", ["a>=1"]),
        ("a==1 \\\n    --hash=md5:0a0a\n", ["a==1"]),
    ],
)
def test_a_requirement_needs_an_exact_version_and_a_hash(text: str, found: list[str]) -> None:
    assert list(unhashed_requirements(text)) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("RUN pip install --require-hashes -r a.lock && pip install httpx", ["pip install httpx"]),
        ('RUN pip install \\\n    "setuptools>=77"', ['pip install "setuptools>=77"']),
        ("RUN pip install --no-deps --no-index /wheels/a.whl", []),
        ("RUN pip wheel .", ["pip wheel ."]),
    ],
)
def test_a_pip_command_needs_hashes(text: str, found: list[str]) -> None:
    assert list(unhashed_installs(text)) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("      - uses: actions/checkout@11bd71901bbe5b1630ceea73d27597364c9af683 # v4.2.2\n", []),
        ("      - uses: actions/checkout@v4\n", ["actions/checkout@v4"]),
        ("    uses: ./.github/workflows/other.yml\n", []),
    ],
)
def test_an_action_needs_its_commit(text: str, found: list[str]) -> None:
    assert list(unpinned_actions(text)) == found


def test_a_module_needs_its_sum() -> None:
    go_mod = (
        "module drplan.dev/localstack\n\ngo 1.26.0\n\nrequire (\n\ta.org/b v1.0.0\n\tc.org/d v2.0.0 // indirect\n)\n"
    )
    assert list(modules_without_sum(go_mod, "a.org/b v1.0.0 h1:x=\n")) == ["c.org/d v2.0.0"]
    assert list(modules_without_sum(go_mod, "a.org/b v1.0.0 h1:x=\nc.org/d v2.0.0/go.mod h1:y=\n")) == []
    assert list(modules_without_sum("require e.org/f v1.2.3\n", "")) == ["e.org/f v1.2.3"]


def test_a_replaced_module_needs_the_sum_of_the_other() -> None:
    go_mod = "require a.org/b v0.0.0\n\nreplace a.org/b => c.org/d v1.2.3\n"
    assert list(modules_without_sum(go_mod, "a.org/b v0.0.0 h1:x=\n")) == ["c.org/d v1.2.3"]
    assert list(modules_without_sum(go_mod, "c.org/d v1.2.3 h1:x=\n")) == []
