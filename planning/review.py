"""Files of objects judged without a cluster: what is wrong with them, each with its file, and what was not checked.

Source: docs/spec/drplan.md, "Before anything is applied".
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from planning.definitions.field_errors import FieldError
from planning.documents import Document, Read, read_all
from planning.fileset import FileSet
from planning.messages import files as file_messages


@dataclass(frozen=True)
class Line:
    """One thing to say about an object."""

    file: str
    subject: str
    path: str
    message: str

    @property
    def text(self) -> str:
        """`plan.yaml: DRPlan default/shop: spec.stages[1].name: …`."""
        return f"{self.file}: {self.subject}: {self.path}: {self.message}"


@dataclass(frozen=True)
class Review:
    """What was found."""

    objects: int
    errors: list[Line]
    """In the order of the files and of the objects in them."""
    unchecked: list[Line]
    """References that lead out of the files."""


def review(documents: Iterable[Document], namespace: str) -> Review:
    """Judge all objects of our kinds among the documents; `namespace` is that of objects that name none."""
    objects = read_all(documents, namespace)
    known = FileSet.of(objects)
    files = {each.subject: each.file for each in reversed(objects)}
    errors = [Line(each.file, each.subject, *fault) for each in objects for fault in each.faults]
    errors += _twice(objects)
    errors += [_line(error, files) for error in dict.fromkeys(known.errors())]
    places = {(each.file, each.subject): place for place, each in reversed(list(enumerate(objects)))}
    errors.sort(key=lambda line: places[line.file, line.subject])
    return Review(len(objects), errors, [_line(note, files) for note in known.unchecked()])


def _line(error: FieldError, files: dict[str, str]) -> Line:
    return Line(files[error.subject], error.subject, error.path, error.message)


def _twice(objects: Sequence[Read]) -> Iterator[Line]:
    first: dict[str, str] = {}
    for each in objects:
        if each.subject in first and each.name and not each.made_up:
            yield Line(each.file, each.subject, "metadata.name", file_messages.stands_twice(first[each.subject]))
        first.setdefault(each.subject, each.file)
