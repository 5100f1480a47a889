"""Validate parameters: each list by itself, and the values that a DRWorkflow needs where a plan uses it.

A plan may use a DRWorkflow several times, with other parameters each time: it is validated at each of its places.
Source: docs/spec/drplan.md, "Parameters" and "Errors".
"""

import re
from collections.abc import Iterator, Sequence

from api.execution import DRPlanExecution
from api.meta import alias
from api.params import ManifestRef, Parameter
from api.plan import DRPlan
from api.workflow import DRWorkflow
from planning.definitions.field_errors import FieldError, below, in_object, subject
from planning.definitions.identifiers import Workflows, definition, reference_in_plan, used_workflows
from planning.messages import fields as field_messages
from planning.messages import parameters as parameter_messages
from planning.validation.placeholders import uses_in
from planning.values import jsonpath
from planning.values.parameters import (
    RESERVED,
    TEMPLATE_FIELDS,
    is_of_type,
    layers,
    missing,
    names_with_value,
    resolve,
)
from planning.values.placeholders import PlaceholderKind, placeholders

_NAME = re.compile(r"[a-zA-Z][a-zA-Z0-9_-]*")


def workflow_parameter_errors(dr_workflow: DRWorkflow) -> Iterator[FieldError]:
    """Validate the parameters that a DRWorkflow declares."""
    return parameter_errors(dr_workflow.spec.parameters or [], "spec.parameters", of_execution=False)


def plan_parameter_errors(plan: DRPlan) -> Iterator[FieldError]:
    """Validate a plan's lists of parameters, each by itself."""
    yield from parameter_errors(plan.spec.global_params or [], "spec.globalParams", of_execution=False)
    for index, stage in enumerate(plan.spec.stages):
        for place, reference in enumerate(stage.workflows):
            path = f"spec.stages[{index}].workflows[{place}].params"
            yield from parameter_errors(reference.params or [], path, of_execution=False)


def execution_parameter_errors(execution: DRPlanExecution) -> Iterator[FieldError]:
    """Validate an execution's parameters by themselves."""
    return parameter_errors(execution.spec.params or [], "spec.params", of_execution=True)


def parameter_errors(parameters: Sequence[Parameter], path: str, *, of_execution: bool) -> Iterator[FieldError]:
    """Validate one list of parameters, which is the field `path`."""
    seen: set[str] = set()
    for index, parameter in enumerate(parameters):
        name, field = parameter.name, f"{path}[{index}].name"
        if name in seen:
            yield FieldError(field, field_messages.duplicate_name("parameter", name))
        seen.add(name)
        if not _NAME.fullmatch(name):
            yield FieldError(field, parameter_messages.not_a_parameter_name(name))
        elif of_execution and name == RESERVED:
            yield FieldError(field, parameter_messages.reserved_parameter(name))
        yield from below(f"{path}[{index}]", _value_errors(parameter))


def _value_errors(parameter: Parameter) -> Iterator[FieldError]:
    source = parameter.value_from
    if source is not None and parameter.value:
        yield FieldError("", parameter_messages.VALUE_AND_SOURCE)
    if source is not None and source.manifest_ref is None:
        yield FieldError("valueFrom", parameter_messages.EMPTY_SOURCE)
    elif source is not None and source.manifest_ref is not None:
        yield from below("valueFrom.manifestRef", _reference_errors(source.manifest_ref))
    for field, text in (("value", parameter.value), ("default", parameter.default)):
        if text and not is_of_type(text, parameter.type):
            yield FieldError(field, parameter_messages.wrong_type(parameter.type, "its type"))


def _reference_errors(ref: ManifestRef) -> Iterator[FieldError]:
    for name in ("api_version", "kind", "json_path"):
        if not getattr(ref, name).strip():
            yield FieldError(alias(ManifestRef, name), parameter_messages.EMPTY_REFERENCE_FIELD)
    if ref.name and ref.label_selector:
        yield FieldError("", parameter_messages.NAME_AND_LABELS)
    for name in TEMPLATE_FIELDS:
        for placeholder in placeholders(getattr(ref, name) or ""):
            if placeholder.kind is PlaceholderKind.UNKNOWN:
                yield FieldError(
                    alias(ManifestRef, name), parameter_messages.unknown_template(placeholder.text, placeholder.meant)
                )
            elif placeholder.kind is PlaceholderKind.OUTPUTS:
                yield FieldError(alias(ManifestRef, name), parameter_messages.outputs_too_early(placeholder.text))
    if ref.json_path.strip():
        try:
            jsonpath.check(ref.json_path)
        except jsonpath.PathError as error:
            yield FieldError("jsonPath", str(error))


def value_errors(plan: DRPlan, workflows: Workflows, *executions: DRPlanExecution) -> list[FieldError]:
    """Find values that are missing or wrong when all lists are taken together; missing DRWorkflows are ignored."""
    found: list[FieldError] = []
    for stage_index, stage in enumerate(plan.spec.stages):
        for index, reference in enumerate(stage.workflows):
            dr_workflow = definition(workflows, reference_in_plan(plan, reference.workflow_ref))
            if dr_workflow is not None:
                found += _errors_at_place(plan, stage_index, index, dr_workflow, executions)
    if not found:
        return []
    # A field that is wrong by itself is reported once, whatever the other lists say.
    lists = in_object(plan, plan_parameter_errors(plan))
    for dr_workflow in used_workflows(plan, workflows):
        lists += in_object(dr_workflow, workflow_parameter_errors(dr_workflow))
    for execution in executions:
        lists += in_object(execution, execution_parameter_errors(execution))
    known = frozenset((error.subject, error.path) for error in lists)
    return [error for error in dict.fromkeys(found) if (error.subject, error.path) not in known]


def _errors_at_place(
    plan: DRPlan, stage_index: int, index: int, dr_workflow: DRWorkflow, executions: tuple[DRPlanExecution, ...]
) -> Iterator[FieldError]:
    of = layers(plan, stage_index, index, dr_workflow, *executions)
    declared = set(missing(of))
    yield from (error for error in resolve(of, {}).errors if error not in declared)
    needed: dict[str, str] = {}
    for layer in of.items:
        for place, item in enumerate(layer.parameters):
            if item.required:
                needed[item.name] = parameter_messages.requires(f"{layer.path}[{place}]", layer.subject)
    for name, use in _uses_of_parameters(dr_workflow, executions[-1] if executions else None).items():
        needed[name] = parameter_messages.uses(use, subject(dr_workflow))
    # Without an execution the mode is still open; an execution's mode is among the layers.
    known = names_with_value(of) if executions else names_with_value(of) | {RESERVED}
    path = f"spec.stages[{stage_index}].workflows[{index}].params"
    for name, needed_by in needed.items():
        if name not in known:
            yield FieldError(path, parameter_messages.nowhere_given(name, needed_by), subject(plan))


def _uses_of_parameters(dr_workflow: DRWorkflow, execution: DRPlanExecution | None) -> dict[str, str]:
    """Return the parameters of the actions that may run, each with the path of the first field that uses it."""
    paths: dict[str, str] = {}
    for use in uses_in(dr_workflow, execution.spec.mode if execution else None):
        if use.placeholder.kind is PlaceholderKind.PARAMS:
            paths.setdefault(use.placeholder.name, use.path)
    return paths
