"""The page of DRPlanExecution has one row for each reason, with the sentence of its member."""

import ast
import inspect

from api.failures import FailureType
from api.phases import Phase
from api.reasons import Reason
from tests.api.documents import REPOSITORY
from tests.docs.pages import Page

TITLES = ["reason", "where", "phase", "what is then true"]


def sentences() -> dict[str, str]:
    """Return the docstring of each member, by value."""
    (cls,) = ast.parse(inspect.getsource(Reason)).body
    assert isinstance(cls, ast.ClassDef)
    found: dict[str, str] = {}
    for member, docstring in zip(cls.body, cls.body[1:], strict=False):
        if isinstance(member, ast.Assign):
            assert isinstance(docstring, ast.Expr), ast.unparse(member)
            found[ast.literal_eval(member.value)] = " ".join(ast.literal_eval(docstring.value).split())
    return found


def rows() -> list[list[str]]:
    for header, *found in Page(REPOSITORY / "docs" / "spec" / "drplanexecution.md").tables():
        if [cell.content for cell in header] == TITLES:
            return [[cell.content for cell in row] for row in found]
    raise AssertionError("there is no table of reasons")


def test_the_table_has_each_reason_once_with_what_is_then_true() -> None:
    assert {row[0].strip("`"): row[3] for row in rows()} == sentences()
    assert [row[0].strip("`") for row in rows()] == [reason.value for reason in Reason]


def test_every_member_has_one_sentence() -> None:
    assert all(sentence.endswith(".") and ". " not in sentence for sentence in sentences().values())


def test_the_table_says_where_a_reason_occurs() -> None:
    for _, where, phases, _ in rows():
        assert {*where.split(", ")} <= {"stage", "workflow", "action"}
        assert {phase.strip("`") for phase in phases.split(", ")} <= {phase.value for phase in Phase}


def test_every_type_of_failure_is_a_reason() -> None:
    assert {one.value for one in FailureType} <= {one.value for one in Reason}
