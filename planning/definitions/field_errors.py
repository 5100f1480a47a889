"""Errors at fields: what is wrong, at which path, and in which object.

Validation finds errors with paths relative to what it looks at. `below` puts the path of a parent in front, and
`in_object` names the object. Source: docs/spec/drplan.md and docs/spec/drworkflow.md, "Errors".
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from pydantic import ValidationError

from api.execution import DRPlanExecution
from api.plan import DRPlan
from api.workflow import DRWorkflow
from planning.messages import fields as field_messages


class FieldError(NamedTuple):
    """One thing that is wrong."""

    path: str
    """`spec.stages[1].name`."""
    message: str
    """What is wrong and, after a semicolon, the remedy."""
    subject: str = ""
    """The object: `DRPlan default/shop`. Empty as long as the path is relative."""

    @property
    def text(self) -> str:
        """Path, object and message as one sentence."""
        return field_messages.at_field(self.path, self.subject, self.message)


def subject(of: DRPlan | DRWorkflow | DRPlanExecution) -> str:
    """Return the name of an object with its kind: `DRPlan default/shop`."""
    return f"{of.kind} {of.metadata.namespace}/{of.metadata.name}"


def below(path: str, errors: Iterable[FieldError]) -> Iterator[FieldError]:
    """Yield the errors of a field's content with the path of that field in front."""
    return (error._replace(path=f"{path}.{error.path}" if error.path else path) for error in errors)


def in_object(of: DRPlan | DRWorkflow | DRPlanExecution, errors: Iterable[FieldError]) -> list[FieldError]:
    """Return errors with the object in which they were found."""
    return [error._replace(subject=subject(of)) for error in errors]


def model_errors(error: ValidationError) -> list[FieldError]:
    """Return what pydantic found, without the values: they may be secret."""
    found = error.errors(include_input=False, include_url=False)
    return [FieldError(field_path(each["loc"]), each["msg"]) for each in found]


def field_path(location: Iterable[int | str]) -> str:
    """Return a location as people write it: `spec.stages[1].name`."""
    parts = (f"[{part}]" if isinstance(part, int) else f".{part}" for part in location)
    return "".join(parts).removeprefix(".")
