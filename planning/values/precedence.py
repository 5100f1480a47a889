"""The lists in which a parameter may get its value, from low to high precedence, and which of them gives it.

Source: docs/spec/drplan.md, "Parameters".
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from api.execution import DRPlanExecution
from api.params import ManifestRef, Parameter
from api.phases import Mode, OperationType
from api.plan import DRPlan
from api.workflow import DRWorkflow
from planning.definitions.field_errors import FieldError, execution_subject, plan_subject, workflow_subject
from planning.values.declarations import RESERVED
from planning.values.omission import is_secret_name


@dataclass(frozen=True)
class Layer:
    """A list of parameters, and where it stands: `spec.globalParams` of `DRPlan default/shop`."""

    parameters: tuple[Parameter, ...]
    path: str
    subject: str


@dataclass(frozen=True)
class Layers:
    """All lists of a DRWorkflow at one place of a plan, from low to high precedence."""

    plan_name: str
    items: tuple[Layer, ...]


def layers(
    plan: DRPlan, stage_index: int, workflow_index: int, dr_workflow: DRWorkflow, *executions: DRPlanExecution
) -> Layers:
    """Give the layers of a DRWorkflow at its place in a plan. A Revert's execution comes after its original's."""
    reference = plan.spec.stages[stage_index].workflows[workflow_index]
    place = f"spec.stages[{stage_index}].workflows[{workflow_index}].params"
    items = [
        Layer(tuple(dr_workflow.spec.parameters or ()), "spec.parameters", workflow_subject(dr_workflow)),
        Layer(tuple(plan.spec.global_params or ()), "spec.globalParams", plan_subject(plan)),
        Layer(tuple(reference.params or ()), place, plan_subject(plan)),
        *(layer for execution in executions for layer in _own(execution)),
    ]
    return Layers(plan.metadata.name, tuple(items))


def kept_layers(plan_name: str, kept: Mapping[str, str], *executions: DRPlanExecution) -> Layers:
    """Give the layers of a Revert that works with values kept at the Execute."""
    values = tuple(Parameter(name=name, value=value) for name, value in kept.items())
    return Layers(plan_name, (Layer(values, "", ""), *(layer for execution in executions for layer in _own(execution))))


def _own(execution: DRPlanExecution) -> Iterator[Layer]:
    """Give what an execution says itself: its parameters, and its mode, which none of them can replace."""
    subject = execution_subject(execution)
    yield Layer(tuple(execution.spec.params or ()), "spec.params", subject)
    mode = Mode.ROLLBACK if execution.spec.operation_type is OperationType.REVERT else execution.spec.mode
    if mode is not None:
        yield Layer((Parameter(name=RESERVED, value=mode.value.lower()),), "spec.mode", subject)


@dataclass(frozen=True)
class Giver:
    """Where a parameter gets its value."""

    layer: Layer
    level: int
    """Position of the layer; only lower ones count for placeholders in a reference."""
    index: int

    @property
    def parameter(self) -> Parameter:
        """The parameter, as that layer has it."""
        return self.layer.parameters[self.index]

    @property
    def reference(self) -> ManifestRef | None:
        """The live object's field that the value is read from; None where it is written down."""
        return reference(self.parameter)

    @property
    def literal(self) -> str:
        """The value that is written down. An empty one gives way to a default."""
        return self.parameter.value or self.parameter.default or ""

    @property
    def is_secret(self) -> bool:
        """Whether the value is secret: the name says so, or it is read from a Secret."""
        return is_secret_name(self.parameter.name) or (self.reference is not None and self.reference.kind == "Secret")

    def error(self, message: str, below: str = "") -> FieldError:
        """Say what is wrong with the value, at the field that gives it."""
        given_by = "value" if self.parameter.value or self.parameter.default is None else "default"
        field = "valueFrom.manifestRef" if self.reference else given_by
        path = f"{self.layer.path}[{self.index}].{field}{'.' if below else ''}{below}"
        return FieldError(path=path, message=message, subject=self.layer.subject)


def giver(of: Layers, name: str, below: int | None = None) -> Giver | None:
    """Find the highest layer, under `below` if that is given, that gives a parameter its value."""
    for level in reversed(range(len(of.items) if below is None else below)):
        for index, item in enumerate(of.items[level].parameters):
            if item.name == name and gives(item):
                return Giver(of.items[level], level, index)
    return None


def given(of: Layers) -> frozenset[str]:
    """Name the parameters that have a value, or one that is to be read."""
    return frozenset(item.name for layer in of.items for item in layer.parameters if gives(item))


def gives(parameter: Parameter) -> bool:
    """Tell whether an entry gives a value; one that only declares leaves it to the layers below."""
    return reference(parameter) is not None or parameter.value is not None or parameter.default is not None


def reference(parameter: Parameter) -> ManifestRef | None:
    """Give the reference that an entry holds."""
    return parameter.value_from.manifest_ref if parameter.value_from else None
