"""Validate the objects of some files together, and list the references that lead out of the files.

Source: docs/spec/drplan.md, "Before anything is applied".
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from api.execution import DRPlanExecution
from api.phases import OperationType
from api.plan import DRPlan
from api.workflow import DRWorkflow
from planning.definitions.field_errors import FieldError, in_object, subject
from planning.definitions.identifiers import Workflows, full_name
from planning.messages import files as file_messages
from planning.messages.text import bounded
from planning.validation import objects as validation
from planning.validation.documents import FileDocument, FileObject, other_objects, read_objects
from planning.validation.parameters import value_errors
from planning.validation.schema import apart_from
from planning.validation.warnings import known_objects, workflow_warnings

FilledErrors = Callable[[DRPlanExecution, DRPlan, Workflows], Iterable[FieldError]]


@dataclass
class FileSet:
    """The models of the files, by namespace and name. Of several with one name the first counts."""

    plans: dict[tuple[str, str], DRPlan] = field(default_factory=dict)
    workflows: dict[tuple[str, str], DRWorkflow] = field(default_factory=dict)
    executions: dict[tuple[str, str], DRPlanExecution] = field(default_factory=dict)
    malformed: dict[str, FileObject] = field(default_factory=dict)
    """By subject: objects that exist and do not have the form of their kind."""

    @classmethod
    def of(cls, objects: Sequence[FileObject]) -> Self:
        """Sort objects by kind."""
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
                    known.malformed.setdefault(each.subject, each)
        return known

    def errors(self, filled: FilledErrors) -> Iterator[FieldError]:
        """Validate the objects. A plan's values are validated with each Execute of it; without one, as they are."""
        for dr_workflow in self.workflows.values():
            yield from validation.workflow_errors(dr_workflow)
        for plan in self.plans.values():
            yield from validation.own_errors(plan)
            executes = [
                each
                for each in self.executions.values()
                if each.spec.operation_type is OperationType.EXECUTE and self._plan(each) is plan
            ]
            for execution in executes:
                yield from value_errors(plan, self.workflows, execution)
                yield from filled(execution, plan, self.workflows)
            if not executes:
                yield from value_errors(plan, self.workflows)
        for execution in self.executions.values():
            yield from self._execution_errors(execution)
        for each in self.malformed.values():
            yield from apart_from(each.errors, self._own_errors(each.repaired))

    def _own_errors(self, repaired: DRPlan | DRWorkflow | DRPlanExecution | None) -> Iterator[FieldError]:
        """Validate an object by itself: what others say of it may be about what was repaired."""
        match repaired:
            case DRPlan():
                yield from validation.own_errors(repaired)
            case DRWorkflow():
                yield from validation.workflow_errors(repaired)
            case DRPlanExecution():
                yield from self._execution_errors(repaired)

    def _plan(self, execution: DRPlanExecution) -> DRPlan | None:
        return self.plans.get((execution.metadata.namespace, execution.spec.plan_ref))

    def _execution_errors(self, execution: DRPlanExecution) -> Iterator[FieldError]:
        yield from validation.execution_reference_errors(execution)
        yield from validation.parameter_errors(execution)
        yield from in_object(execution, self._reference_errors(execution))
        plan = self._plan(execution)
        if execution.spec.operation_type is OperationType.EXECUTE and plan is not None:
            yield from validation.mode_errors(execution, plan, self.workflows)

    def _reference_errors(self, execution: DRPlanExecution) -> Iterator[FieldError]:
        spec = execution.spec
        if spec.operation_type is not OperationType.REVERT:
            return
        field, name = _original_of(execution)
        if not name:
            yield FieldError(field, file_messages.NO_ORIGINAL)
            return
        original = self.executions.get((execution.metadata.namespace, name))
        if original is not None and original.spec.operation_type is not OperationType.EXECUTE:
            yield FieldError(field, file_messages.not_an_execute(name))
        elif original is not None and original.spec.dry_run:
            yield FieldError(field, file_messages.is_preview(name))
        elif original is not None and original.spec.plan_ref != spec.plan_ref:
            yield FieldError("spec.planRef", file_messages.other_plan(name, original.spec.plan_ref))

    def warnings(self, others: Iterable[Mapping[str, Any]]) -> Iterator[FieldError]:
        """Return what is worth knowing of the objects, errors apart; `others` are objects of other kinds."""
        known = known_objects(self.workflows.values(), others)
        return (warning for each in self.workflows.values() for warning in workflow_warnings(each, known))

    def unchecked(self) -> Iterator[FieldError]:
        """List the references to objects that are not in the files."""
        known = {subject(plan) for plan in self.plans.values()} | {subject(each) for each in self.workflows.values()}
        known |= {subject(execution) for execution in self.executions.values()} | self.malformed.keys()
        for path, name, of in self._references():
            if name not in known:
                yield FieldError(path, file_messages.not_here(name), of)

    def _references(self) -> Iterator[tuple[str, str, str]]:
        """Yield the path of every reference, the object that it names, and the object in which it is."""
        for plan in self.plans.values():
            for path, reference in validation.references(plan):
                if reference.name:
                    yield path, f"DRWorkflow {full_name(reference)}", subject(plan)
        for execution in self.executions.values():
            of, namespace, spec = subject(execution), execution.metadata.namespace, execution.spec
            if spec.plan_ref:
                yield "spec.planRef", f"DRPlan {namespace}/{spec.plan_ref}", of
            field, name = _original_of(execution)
            if spec.operation_type is OperationType.REVERT and name:
                yield field, f"DRPlanExecution {namespace}/{name}", of


def _original_of(execution: DRPlanExecution) -> tuple[str, str | None]:
    """Return the execution that a Revert names, and the field."""
    spec = execution.spec
    is_return = spec.revert_to and not spec.revert_execution_ref
    return ("spec.revertTo", spec.revert_to) if is_return else ("spec.revertExecutionRef", spec.revert_execution_ref)


@dataclass(frozen=True)
class ReportLine:
    """One line about an object."""

    file: str
    subject: str
    path: str
    message: str

    @property
    def text(self) -> str:
        """`plan.yaml: DRPlan default/shop: spec.stages[1].name: …`."""
        return f"{self.file}: {bounded(self.subject)}: {self.path}: {self.message}"


@dataclass(frozen=True)
class Report:
    """The result of a validation."""

    objects: int
    errors: list[ReportLine]
    """In the order of the files and of the objects in them."""
    warnings: list[ReportLine]
    """What is worth knowing of objects that are valid."""
    unchecked: list[ReportLine]
    """References that lead out of the files."""


def validate(documents: Iterable[FileDocument], namespace: str, filled: FilledErrors = lambda *_: ()) -> Report:
    """Validate all objects of our kinds; `namespace` is that of objects that name none.

    `filled` validates the actions of an Execute with its values.
    """
    documents = list(documents)
    objects = read_objects(documents, namespace)
    known = FileSet.of(objects)
    errors = [
        ReportLine(each.file, each.subject, error.path, error.message) for each in objects for error in each.errors
    ]
    files: dict[str, str] = {}
    for each in objects:
        if each.subject in files and each.name and not each.generated:
            message = file_messages.duplicate_object(files[each.subject])
            errors.append(ReportLine(each.file, each.subject, "metadata.name", message))
        files.setdefault(each.subject, each.file)

    def line(error: FieldError) -> ReportLine:
        return ReportLine(files[error.subject], error.subject, error.path, error.message)

    errors += [line(error) for error in dict.fromkeys(known.errors(filled))]
    places = {(each.file, each.subject): place for place, each in reversed(list(enumerate(objects)))}
    errors.sort(key=lambda each: places[each.file, each.subject])
    warnings = [line(warning) for warning in known.warnings(other_objects(documents))]
    return Report(len(objects), errors, warnings, [line(reference) for reference in known.unchecked()])
