"""Pages and pictures that are made from the code are those of today's code, and complete."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path

import pytest

from api.crds import KINDS
from cli.main import COMMANDS, command_parser
from dev.pages import runbooks
from dev.pages.__main__ import FOLDERS, OTHERS, files, write
from tests.docs.pages import REPOSITORY, Page

NAMES = [*OTHERS, *dict(runbooks.files())]
"""All files; what is slow to make is not made where tests are only collected."""


@cache
def generated() -> Mapping[str, str]:
    return files()


@pytest.mark.parametrize("name", NAMES)
def test_a_file_is_generated_from_the_code(name: str) -> None:
    assert (REPOSITORY / name).read_text(encoding="utf-8") == generated()[name], "run `make crds`"


def test_no_file_is_left_from_earlier_code() -> None:
    committed = {
        file.relative_to(REPOSITORY).as_posix() for folder in FOLDERS for file in (REPOSITORY / folder).iterdir()
    }
    assert not committed - generated().keys(), "run `make crds`"


def test_every_option_of_every_command_is_there() -> None:
    spans = set(Page(REPOSITORY / "docs" / "cli.md").code_spans())
    options = {option for name in COMMANDS for each in command_parser(name)._actions for option in each.option_strings}
    assert not {option for option in options if not any(span.split()[0] == option for span in spans)} - {"-h"}


def test_every_object_of_the_definitions_has_its_table() -> None:
    page = Page(REPOSITORY / "docs" / "api.md")
    assert {kind.name for kind in KINDS} <= set(page.headings())
    assert "DRPlanExecution: status.stageStatuses[].workflowExecutions[].actionStatuses[].outputs" in page.headings()


def test_all_is_written_below_the_folder(tmp_path: Path) -> None:
    write(tmp_path)
    written = {file.relative_to(tmp_path).as_posix() for file in tmp_path.rglob("*") if file.is_file()}
    assert written == set(NAMES) == set(generated())
