"""The parameters of one DRWorkflow at one place of a plan: which list gives each its value, and what the value is.

The lists are layers, from low to high precedence. A value is determined only where it counts: what a higher layer
replaces is never read. Reads go in rounds, because a reference may use values of lower layers: `resolve` returns what
is missing, an activity reads it and calls `resolve` again.
Source: docs/spec/drplan.md, "Parameters".
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from api.execution import DRPlanExecution
from api.meta import alias
from api.params import ManifestRef, Parameter, ParameterType
from api.phases import Mode, OperationType
from api.plan import DRPlan
from api.workflow import DRWorkflow
from planning.definitions.field_errors import FieldError, subject
from planning.definitions.yaml_documents import documents_in
from planning.definitions.yaml_scalars import ManifestError
from planning.messages import parameters as parameter_messages
from planning.values.jsonpath import Budget
from planning.values.placeholders import PlaceholderKind, TemplateError, Values, placeholders
from planning.values.redaction import HIDDEN, redacted, secret_forms
from planning.values.rendering import render
from planning.values.secret_names import is_secret_field, is_secret_name
from planning.values.secret_parts import secrets_in
from planning.values.value_from import Answers, ManifestRead, ParameterError, UnreadableManifest, read_of, value_of

RESERVED = "mode"
TEMPLATE_FIELDS = ("namespace", "name", "label_selector")
"""Fields of a `manifestRef` in which placeholders are filled in."""
_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?")


@dataclass(frozen=True)
class Layer:
    """A list of parameters, with its field and object: `spec.globalParams` of `DRPlan default/shop`."""

    parameters: tuple[Parameter, ...]
    path: str
    subject: str
    of_execution: bool = False
    """Whether an execution has it: what is there decides values, and never that one is a fragment."""


@dataclass(frozen=True)
class Layers:
    """All lists of a DRWorkflow at one place of a plan, from low to high precedence; the first is the DRWorkflow's."""

    plan_name: str
    items: tuple[Layer, ...]

    @cached_property
    def sources(self) -> dict[str, list[tuple[int, int]]]:
        """By name, from low to high: the levels that have a value for the parameter, and its index there."""
        found: dict[str, list[tuple[int, int]]] = {}
        for level, layer in enumerate(self.items):
            for index, item in enumerate(layer.parameters):
                known = found.get(item.name, [(-1, 0)])
                if _has_value(item) and known[-1][0] < level:
                    found.setdefault(item.name, []).append((level, index))
        return found

    @property
    def fragments(self) -> frozenset[str]:
        """Names of the parameters of type yaml, as the DRWorkflow or the plan declares them."""
        lists = [layer.parameters for layer in self.items if not layer.of_execution]
        return frozenset(item.name for items in lists for item in items if item.type is ParameterType.YAML)


def layers(
    plan: DRPlan, stage_index: int, workflow_index: int, dr_workflow: DRWorkflow, *executions: DRPlanExecution
) -> Layers:
    """Return the layers of a DRWorkflow at its place in a plan. A Revert's execution comes after its original's."""
    reference = plan.spec.stages[stage_index].workflows[workflow_index]
    path = f"spec.stages[{stage_index}].workflows[{workflow_index}].params"
    items = [
        Layer(tuple(dr_workflow.spec.parameters or ()), "spec.parameters", subject(dr_workflow)),
        Layer(tuple(plan.spec.global_params or ()), "spec.globalParams", subject(plan)),
        Layer(tuple(reference.params or ()), path, subject(plan)),
        *(layer for execution in executions for layer in _of_execution(execution)),
    ]
    return Layers(plan.metadata.name, tuple(items))


def kept_layers(
    plan_name: str, kept: Mapping[str, str], fragments: Collection[str], *executions: DRPlanExecution
) -> Layers:
    """Return the layers of a Revert that uses the values of the Execute; it cannot replace a fragment."""
    values = [Parameter(name=name, value=value) for name, value in kept.items() if name not in fragments]
    values += [Parameter(name=name, value=kept.get(name), type=ParameterType.YAML) for name in fragments]
    above = (layer for each in executions for layer in _of_execution(each))
    return Layers(plan_name, (Layer(tuple(values), "", ""), *above))


def _of_execution(execution: DRPlanExecution) -> Iterator[Layer]:
    """Yield an execution's parameters, and above them its mode, which no parameter can replace."""
    yield Layer(tuple(execution.spec.params or ()), "spec.params", subject(execution), of_execution=True)
    mode = Mode.ROLLBACK if execution.spec.operation_type is OperationType.REVERT else execution.spec.mode
    if mode is not None:
        own = (Parameter(name=RESERVED, value=mode.value.lower()),)
        yield Layer(own, "spec.mode", subject(execution), of_execution=True)


@dataclass(frozen=True)
class ValueSource:
    """The entry of a layer from which a parameter gets its value."""

    layer: Layer
    level: int
    """Position of the layer; only lower ones count for placeholders in a reference."""
    index: int

    @property
    def parameter(self) -> Parameter:
        """The parameter as the layer has it."""
        return self.layer.parameters[self.index]

    @property
    def reference(self) -> ManifestRef | None:
        """The field of a live object from which the value is read; None for a literal value."""
        return _reference(self.parameter)

    @property
    def literal(self) -> str:
        """The literal value. An empty one gives way to a default."""
        return self.parameter.value or self.parameter.default or ""

    @property
    def is_secret(self) -> bool:
        """Whether the value is secret: for the parameter's name, or because of what it is read from."""
        return is_secret_name(self.parameter.name) or self.reads_secret

    @property
    def reads_secret(self) -> bool:
        """Whether the value is read from a Secret, or from a field whose name says secret."""
        if self.reference is None:
            return False
        last = re.findall(r"[\w-]+", self.reference.json_path or "")[-1:]
        return self.reference.kind == "Secret" or any(map(is_secret_field, last))

    def error(self, message: str, below: str = "") -> FieldError:
        """Return an error at the field with the value."""
        literal = "value" if self.parameter.value or self.parameter.default is None else "default"
        path = f"{self.layer.path}[{self.index}].{'valueFrom.manifestRef' if self.reference else literal}"
        return FieldError(f"{path}.{below}" if below else path, message, self.layer.subject)


def source_of(of: Layers, name: str, below: int | None = None) -> ValueSource | None:
    """Return the highest layer, below the level `below` if that is not None, with a value for a parameter."""
    for level, index in reversed(of.sources.get(name, [])):
        if below is None or level < below:
            return ValueSource(of.items[level], level, index)
    return None


def names_with_value(of: Layers) -> frozenset[str]:
    """Return the parameters that have a value, or one that is to be read."""
    return frozenset(of.sources)


def _has_value(parameter: Parameter) -> bool:
    """Tell whether an entry has a value; one that only declares leaves it to the layers below."""
    return _reference(parameter) is not None or parameter.value is not None or parameter.default is not None


def _reference(parameter: Parameter) -> ManifestRef | None:
    return parameter.value_from.manifest_ref if parameter.value_from else None


@dataclass(frozen=True)
class Resolved:
    """Parameters with their values, as far as they are known."""

    values: dict[str, str] = field(default_factory=dict)
    left_out: frozenset[str] = frozenset()
    """Names of those whose values are secret and stored nowhere."""
    fragments: frozenset[str] = frozenset()
    """Names of those whose values may be lists or mappings."""
    errors: list[FieldError] = field(default_factory=list)
    reads: list[ManifestRead] = field(default_factory=list)
    """What must be read before the rest can be known; empty when nothing is missing any more."""

    @property
    def shown(self) -> dict[str, str]:
        """The values for texts that people read."""
        return {name: HIDDEN if name in self.left_out else value for name, value in self.values.items()}


def reads(places: Iterable[Layers], answers: Answers) -> list[ManifestRead]:
    """Return what must be read next for all places, each once; empty when nothing is missing any more."""
    return list(dict.fromkeys(read for place in places for read in resolve(place, answers).reads))


def resolve(of: Layers, answers: Answers) -> Resolved:
    """Determine the values with what has been read so far. Without answers: the errors that need no reading."""
    names, resolver = sorted(names_with_value(of)), _Resolver(of, answers)
    values = {name: value for name in names if (value := resolver.value(name)) is not None}
    secret = frozenset(
        name
        for name in names
        if (source := source_of(of, name)) is not None and (source.is_secret or secrets_in(values.get(name)))
    )
    errors = [*missing(of), *resolver.errors.values(), *_forbidden_to_executions(of)]
    for layer in of.items:
        for item in layer.parameters:
            text, source = values.get(item.name), source_of(of, item.name)
            if text is not None and source is not None and not is_of_type(text, item.type):
                shown = None if item.name in secret else text
                errors.append(source.error(parameter_messages.wrong_type(item.type, layer.subject, shown)))
    return Resolved(values, secret, of.fragments, errors, list(dict.fromkeys(resolver.reads)))


def _forbidden_to_executions(of: Layers) -> Iterator[FieldError]:
    """Find what an execution sets although only a DRWorkflow can allow that: fragments, and values read from secrets.

    Who may create executions chooses values; what the plan's account may read, and structure, are the plan's to choose.
    """
    allowed = {item.name for item in of.items[0].parameters if item.allow_from_execution}
    for name in sorted(names_with_value(of) - allowed):
        source = source_of(of, name)
        if source is None or not source.layer.of_execution:
            continue
        if name in of.fragments:
            yield source.error(parameter_messages.fragment_of_execution(name))
        elif source.reads_secret:
            yield source.error(parameter_messages.secret_of_execution(name))


def missing(of: Layers) -> Iterator[FieldError]:
    """Find parameters that are required and have no value; the error is at their declaration."""
    known = names_with_value(of)
    for layer in of.items:
        for index, item in enumerate(layer.parameters):
            if item.required and item.name not in known:
                yield FieldError(
                    f"{layer.path}[{index}]", parameter_messages.missing_parameter(item.name), layer.subject
                )


def is_of_type(text: str, type_: ParameterType) -> bool:
    """Tell whether a value can be read as a type: a number as JSON writes it, true or false, YAML, any text."""
    match type_:
        case ParameterType.STRING:
            return True
        case ParameterType.NUMBER:
            return _NUMBER.fullmatch(text) is not None
        case ParameterType.BOOLEAN:
            return text in ("true", "false")
        case ParameterType.YAML:
            try:
                return len(documents_in(text)) <= 1
            except ManifestError:
                return False


class _Resolver:
    """One pass over the layers; collects errors, and the reads that are still needed."""

    def __init__(self, of: Layers, answers: Answers) -> None:
        self._of = of
        self._answers = answers
        self._known: dict[tuple[int, int], str | None] = {}
        self._secret: list[str] = []
        self._budget = Budget()
        self.errors: dict[tuple[int, int], FieldError] = {}
        self.reads: list[ManifestRead] = []

    def value(self, name: str, below: int | None = None) -> str | None:
        """Return a value; None where there is none, it is wrong, or something must be read first."""
        source = source_of(self._of, name, below)
        if source is None:
            return None
        key = source.level, source.index
        if key not in self._known:
            try:
                value = source.literal if source.reference is None else self._read(source, source.reference)
            except ParameterError as error:
                # The name of an object may hold a secret value, and the API server repeat it.
                reason = redacted(error.reason, secret_forms(self._secret))
                self.errors[key] = source.error(reason, error.field)
                value = None
            self._known[key] = value
            if source.is_secret:
                self._secret.append(value or "")
        return self._known[key]

    def _read(self, source: ValueSource, reference: ManifestRef) -> str | None:
        """Fill a reference in and evaluate it; None where something must be read first. Raises ParameterError."""
        fields = {name: self._filled(source.level, name, getattr(reference, name) or "") for name in TEMPLATE_FIELDS}
        if None in fields.values():
            return None
        reference = reference.model_copy(update=fields)
        read = read_of(reference)
        answer = self._answers.get(read)
        if answer is None:
            self.reads.append(read)
            return None
        if isinstance(answer, UnreadableManifest):
            raise ParameterError(parameter_messages.unreadable(read.text, answer.reason))
        return value_of(reference, answer, self._budget)

    def _filled(self, level: int, name: str, text: str) -> str | None:
        """Fill one field of a reference in, with values below a level. Raises ParameterError."""
        path = alias(ManifestRef, name)
        params: dict[str, str | None] = {}
        for each in placeholders(text):
            if each.kind is PlaceholderKind.OUTPUTS:
                raise ParameterError(parameter_messages.outputs_too_early(each.text), path)
            if each.kind is PlaceholderKind.PARAMS:
                if source_of(self._of, each.name, level) is None:
                    raise ParameterError(parameter_messages.undefined_below(each.name), path)
                params[each.name] = self.value(each.name, level)
        known = {each: value for each, value in params.items() if value is not None}
        if len(known) < len(params):
            return None
        try:
            filled = render(text, Values(known, self._of.plan_name))
        except TemplateError as error:
            raise ParameterError(error.reason, path) from None
        if text and not filled:  # an empty name would turn one object into all of its kind
            raise ParameterError(parameter_messages.FILLED_TO_NOTHING, path)
        return filled
