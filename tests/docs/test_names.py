"""What the pages name exists: make targets, files, modules, settings."""

import re
from functools import cache

import pytest

from bridge.settings import BridgeSettings
from process.codec_server import CodecSettings
from tests.docs.pages import REPOSITORY, Page, pages
from worker.settings import Settings as WorkerSettings

TOP = {entry.name for entry in REPOSITORY.iterdir() if entry.is_dir() and not entry.name.startswith(".")}
MADE_AT_RUN_TIME = (".stack/", "~/", ".venv/")
TARGET = re.compile(r"\bmake ([a-z][a-z-]*)")
PATH = re.compile(r"^[\w.-]+(/[\w.-]+)*/?$")


VARIABLE = re.compile(r"\bDRPLAN_[A-Z_]+\b")


@cache
def settings() -> set[str]:
    """Give the variables of the processes."""
    fields = {*BridgeSettings.model_fields, *WorkerSettings.model_fields, *CodecSettings.model_fields}
    return {f"DRPLAN_{field.upper()}" for field in fields}


@cache
def variables_of_the_local_stack() -> set[str]:
    return {name for file in (REPOSITORY / "dev").glob("*.py") for name in VARIABLE.findall(file.read_text())}


@cache
def make_targets() -> set[str]:
    return set(re.findall(r"^([a-z][a-z-]*):", (REPOSITORY / "Makefile").read_text(), re.MULTILINE))


def looks_like_a_path(span: str) -> bool:
    """Tell a path of this repository from a word, a field path or an image name."""
    if not PATH.match(span) or span.startswith(MADE_AT_RUN_TIME):
        return False
    first = span.split("/")[0]
    return ("/" in span and first in TOP) or span.endswith((".py", ".md", ".yml")) or first == "Makefile"


def exists(span: str, page: Page) -> bool:
    return any((base / span).exists() for base in (REPOSITORY, page.path.parent)) or _a_file_of_a_package(span)


@cache
def _a_file_of_a_package(span: str) -> bool:
    """A table of modules names them without their folder."""
    return "/" not in span and any((REPOSITORY / top).rglob(span) for top in TOP)


@pytest.mark.parametrize("page", pages(), ids=str)
def test_every_make_target_exists(page: Page) -> None:
    commands = [*page.code_spans(), *page.fences("sh", "bash", "console", "")]
    named = {target for command in commands for target in TARGET.findall(command)}
    assert named <= make_targets()


@pytest.mark.parametrize("page", pages(), ids=str)
def test_every_path_exists(page: Page) -> None:
    paths = [span for span in page.code_spans() if looks_like_a_path(span)]
    assert not [path for path in paths if not exists(path, page)]


@pytest.mark.parametrize("page", pages(), ids=str)
def test_every_setting_exists(page: Page) -> None:
    named = set(VARIABLE.findall(page.path.read_text()))
    assert named <= settings() | variables_of_the_local_stack()


def test_operations_explains_every_setting() -> None:
    text = (REPOSITORY / "docs" / "operations.md").read_text()
    assert not {name for name in settings() if f"`{name}`" not in text}
