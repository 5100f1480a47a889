"""The objects of some files, taken together: what is wrong with them, and which references lead out of the files.

Source: docs/spec/drplan.md, "Before anything is applied".
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Self

from api.execution import DRPlanExecution
from api.phases import OperationType
from api.plan import DRPlan
from api.workflow import DRWorkflow
from planning.definitions.field_errors import FieldError, execution_subject, plan_subject
from planning.definitions.lookup import full_name
from planning.messages import files as file_messages
from planning.validation import objects as validation
from planning.validation.documents import Document, Read, read_all


@dataclass
class FileSet:
    """The models of the files, by namespace and name. Of several with one name the first counts."""

    plans: dict[tuple[str, str], DRPlan] = field(default_factory=dict)
    workflows: dict[tuple[str, str], DRWorkflow] = field(default_factory=dict)
    executions: dict[tuple[str, str], DRPlanExecution] = field(default_factory=dict)
    malformed: set[str] = field(default_factory=set)
    """Subjects of objects that are there and could not be read."""

    @classmethod
    def of(cls, objects: Sequence[Read]) -> Self:
        """Sort what was read by kinds."""
        known = cls()
        for each in objects:
            match each.model:
                case DRPlan():
                    known.plans.setdefault((each.namespace, each.name), each.model)
                case DRWorkflow():
                    known.workflows.setdefault((each.namespace, each.name), each.model)
                case DRPlanExecution():
                    known.executions.setdefault((each.namespace, each.name), each.model)
                case None:
                    known.malformed.add(each.subject)
        return known

    def errors(self) -> Iterator[FieldError]:
        """Find what is wrong with them."""
        for dr_workflow in self.workflows.values():
            yield from validation.workflow_errors(dr_workflow)
        for plan in self.plans.values():
            yield from validation.plan_errors(plan)
            yield from self._value_errors(plan)
        for execution in self.executions.values():
            yield from self._execution_errors(execution)

    def _value_errors(self, plan: DRPlan) -> Iterator[FieldError]:
        """Judge the plan's values with those of each Execute among the files; without one, as it stands."""
        given = [[execution] for execution in self._executes(plan)]
        for executions in given or [[]]:
            yield from validation.value_errors(plan, self.workflows, *executions)

    def _executes(self, plan: DRPlan) -> list[DRPlanExecution]:
        return [
            each
            for each in self.executions.values()
            if each.spec.operation_type is OperationType.EXECUTE and self._plan(each) is plan
        ]

    def _plan(self, execution: DRPlanExecution) -> DRPlan | None:
        return self.plans.get((execution.metadata.namespace, execution.spec.plan_ref))

    def _execution_errors(self, execution: DRPlanExecution) -> Iterator[FieldError]:
        yield from validation.parameter_errors(execution)
        if not execution.spec.plan_ref:
            message = file_messages.NO_PLAN
            yield FieldError(path="spec.planRef", message=message, subject=execution_subject(execution))
        plan = self._plan(execution)
        if execution.spec.operation_type is OperationType.REVERT:
            for path, message in self._revert_faults(execution):
                yield FieldError(path=path, message=message, subject=execution_subject(execution))
        elif plan is not None:
            yield from validation.mode_errors(execution, plan, self.workflows)

    def _revert_faults(self, execution: DRPlanExecution) -> Iterator[tuple[str, str]]:
        name = execution.spec.revert_execution_ref
        if not name:
            yield "spec.revertExecutionRef", file_messages.NO_ORIGINAL
            return
        original = self.executions.get((execution.metadata.namespace, name))
        if original is not None and original.spec.operation_type is not OperationType.EXECUTE:
            yield "spec.revertExecutionRef", file_messages.not_an_execute(name)
        elif original is not None and original.spec.plan_ref != execution.spec.plan_ref:
            yield "spec.planRef", file_messages.other_plan(name, original.spec.plan_ref)

    def unchecked(self) -> Iterator[FieldError]:
        """Name the references that lead out of the files."""
        there = {f"DRPlan {namespace}/{name}" for namespace, name in self.plans}
        there |= {f"DRWorkflow {namespace}/{name}" for namespace, name in self.workflows}
        there |= {f"DRPlanExecution {namespace}/{name}" for namespace, name in self.executions}
        for subject, path, object_ in self._references():
            if object_ not in there | self.malformed:
                yield FieldError(path=path, message=file_messages.not_here(object_), subject=subject)

    def _references(self) -> Iterator[tuple[str, str, str]]:
        """Give every reference: whose it is, where it stands, and to what."""
        for plan in self.plans.values():
            for path, reference in validation.references(plan):
                if reference.name:
                    yield plan_subject(plan), path, f"DRWorkflow {full_name(reference)}"
        for execution in self.executions.values():
            subject, namespace, spec = execution_subject(execution), execution.metadata.namespace, execution.spec
            if spec.plan_ref:
                yield subject, "spec.planRef", f"DRPlan {namespace}/{spec.plan_ref}"
            if spec.operation_type is OperationType.REVERT and spec.revert_execution_ref:
                yield subject, "spec.revertExecutionRef", f"DRPlanExecution {namespace}/{spec.revert_execution_ref}"


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
