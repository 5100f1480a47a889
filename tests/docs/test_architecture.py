"""The tables of the architecture page are the program's own."""

from api.failures import FailureType
from api.meta import ObjectKey
from api.phases import OperationType
from planning.definitions.identifiers import root_id, stage_id, workflow_id
from tests.docs.pages import REPOSITORY, Page
from tests.shipped import PACKAGES
from workflows.activity_stubs import ActivityName
from workflows.contract import SearchAttribute, WorkflowType

PAGE = Page(REPOSITORY / "docs" / "architecture.md")


def table(first: str) -> list[list[str]]:
    """Give the cells of the rows below the table header that begins so, as written."""
    found = next(rows for rows in PAGE.tables() if rows[0][0].content == first)
    return [[cell.content for cell in row] for row in found[1:]]


def names(cell: str) -> list[str]:
    return [name.strip("` ") for name in cell.split(",")]


def test_every_failure_type_is_there_and_rightly_said_to_be_repeated() -> None:
    rows = [(FailureType(name), repeated == "yes") for cell, repeated, _ in table("type") for name in names(cell)]
    assert {kind for kind, _ in rows} == set(FailureType)
    assert all(kind.repeatable == repeated for kind, repeated in rows)


def test_every_activity_is_there() -> None:
    assert {name for cell, _ in table("activity") for name in names(cell)} == set(ActivityName)


def test_every_package_is_there() -> None:
    assert {cell.strip("`/") for cell, *_ in table("package")} == {*PACKAGES, "dev"}


def test_every_workflow_type_and_search_attribute_is_there() -> None:
    assert {*WorkflowType, *SearchAttribute} <= set(PAGE.code_spans())


def test_the_examples_of_ids_are_ids() -> None:
    root = root_id(
        OperationType.REVERT, ObjectKey(namespace="default", name="shop-back", uid="7d1c\N{HORIZONTAL ELLIPSIS}")
    )
    stage = stage_id(root, 0, "sites")
    shown = {cells[-1].strip("`") for cells in table("what")}
    assert {root, stage, workflow_id(stage, 1, "shop-east")} <= shown
