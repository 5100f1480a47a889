"""Validate references by themselves: each is a name that an object of its kind can have.

A name becomes part of the path of a request and of a label, so a reference is validated before anything is read with
it. Source: docs/spec/drplan.md and docs/spec/drplanexecution.md, "Messages".
"""

from collections.abc import Iterator

from api.execution import DRPlanExecution
from api.meta import ObjectName
from api.plan import DRPlan
from planning.definitions.field_errors import FieldError, in_object
from planning.definitions.identifiers import is_dns_label, is_dns_subdomain, reference_in_plan
from planning.messages import fields as field_messages


def execution_reference_errors(execution: DRPlanExecution) -> list[FieldError]:
    """Validate what an execution refers to. Whether a Revert names its original is not examined here."""
    spec = execution.spec
    errors = list(_name_errors("spec.planRef", spec.plan_ref, field_messages.NO_PLAN))
    if spec.revert_execution_ref:
        errors += _name_errors("spec.revertExecutionRef", spec.revert_execution_ref)
    if spec.revert_to:
        errors += _name_errors("spec.revertTo", spec.revert_to)
    return in_object(execution, errors)


def plan_reference_errors(plan: DRPlan) -> Iterator[FieldError]:
    """Validate the references of a plan to DRWorkflows and to its service account."""
    if plan.spec.service_account_name:
        yield from _name_errors("spec.serviceAccountName", plan.spec.service_account_name)
    for path, reference in references(plan):
        yield from _name_errors(f"{path}.name", reference.name, field_messages.EMPTY_REFERENCE)
        if reference.namespace and not is_dns_label(reference.namespace):
            yield FieldError(f"{path}.namespace", field_messages.not_a_namespace(reference.namespace))


def references(plan: DRPlan) -> Iterator[tuple[str, ObjectName]]:
    """Yield every reference of a plan to a DRWorkflow with its field path."""
    for index, stage in enumerate(plan.spec.stages):
        for place, use in enumerate(stage.workflows):
            yield f"spec.stages[{index}].workflows[{place}].workflowRef", reference_in_plan(plan, use.workflow_ref)


def _name_errors(path: str, name: str, empty: str = "") -> Iterator[FieldError]:
    if not name:
        yield FieldError(path, empty)
    elif not is_dns_subdomain(name):
        yield FieldError(path, field_messages.not_a_subdomain(name))
