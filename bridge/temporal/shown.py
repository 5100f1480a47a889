"""What a root's start says to Temporal's UI: search attributes, summary and details.

Source: docs/architecture.md, "What Temporal's UI shows".
"""

from collections.abc import Collection

from temporalio.common import SearchAttributeKey, SearchAttributePair, TypedSearchAttributes

from api.execution import DRPlanExecution
from api.meta import ObjectKey
from api.phases import OperationType
from planning.definitions import identifiers
from planning.messages import temporal_ui
from workflows.contract import NONE, SearchAttribute


def attributes_of(execution: DRPlanExecution, names: Collection[SearchAttribute]) -> TypedSearchAttributes:
    """Return the search attributes of an execution's root, as far as they are among `names`."""
    spec = execution.spec
    values = {
        SearchAttribute.PLAN: spec.plan_ref,
        SearchAttribute.NAMESPACE: execution.metadata.namespace,
        SearchAttribute.EXECUTION: execution.metadata.name,
        SearchAttribute.OPERATION: spec.operation_type.value,
        SearchAttribute.STAGE: NONE,
        SearchAttribute.FAILED_ACTION: NONE,
    }
    if spec.revert_execution_ref:
        values[SearchAttribute.ORIGINAL] = spec.revert_execution_ref
    return _typed({name: value for name, value in values.items() if name in names})


def attributes_of_rehearsal(plan: ObjectKey) -> TypedSearchAttributes:
    """Return the search attributes of a plan's rehearsal, which is of no execution."""
    return _typed({SearchAttribute.PLAN: plan.name, SearchAttribute.NAMESPACE: plan.namespace})


def _typed(values: dict[SearchAttribute, str]) -> TypedSearchAttributes:
    pairs = [SearchAttributePair(SearchAttributeKey.for_keyword(name.value), value) for name, value in values.items()]
    return TypedSearchAttributes(pairs)


def static_details(
    execution: DRPlanExecution, original: DRPlanExecution | None, names: Collection[SearchAttribute]
) -> str:
    """Return where the object of a run is, and the way to the run that it takes back, or to those that take it back."""
    spec, meta, details = execution.spec, execution.metadata, []
    if spec.operation_type is OperationType.REVERT:
        if spec.revert_execution_ref:
            ours = original is not None and original.status.engine is not None
            run = identifiers.root_id(OperationType.EXECUTE, original.metadata.key) if original and ours else None
            details.append(temporal_ui.original_details(spec.revert_execution_ref, run))
    elif not spec.dry_run and SearchAttribute.ORIGINAL in names:
        where = {SearchAttribute.ORIGINAL: meta.name, SearchAttribute.NAMESPACE: meta.namespace}
        query = " AND ".join(f'{name.value}="{value}"' for name, value in where.items())
        details.append(temporal_ui.reverts_details(query))
    return "\n\n".join([*details, temporal_ui.object_details(execution)])
