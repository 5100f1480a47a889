"""The search attributes of a run: what a child is started with, and the first action that failed.

A start with an attribute that the Temporal namespace does not have would repeat a workflow task for ever. So nothing is
set unless the root has STAGE and FAILED_ACTION, which the bridge sets where all of them are registered. The start of a
run of an earlier release holds neither, so that it is replayed as it was.
"""

from temporalio import workflow
from temporalio.common import SearchAttributeKey, SearchAttributePair, TypedSearchAttributes

with workflow.unsafe.imports_passed_through():
    from api.nodes import StageStatus, WorkflowExecutionStatus
    from api.phases import Phase
    from api.tree import RunState
    from planning.messages.text import bounded
    from planning.status.stage_table import first_failed, name_of
from workflows.contract import NONE, OF_EARLIER_RELEASES, SEARCH_ATTRIBUTE_BOUND, SearchAttribute

KEYS = {name: SearchAttributeKey.for_keyword(name.value) for name in SearchAttribute}
_ADDED = (SearchAttribute.STAGE, SearchAttribute.FAILED_ACTION)


def of_child(stage: str | None = None) -> TypedSearchAttributes:
    """Return the attributes of a child: those of its parent, and the name of the stage that it is, or is a part of."""
    own = workflow.info().typed_search_attributes
    if not _has_all(own):
        return TypedSearchAttributes.empty
    values = {name: own.get(KEYS[name]) for name in OF_EARLIER_RELEASES}
    values[SearchAttribute.STAGE] = NONE if stage is None else bounded(stage, SEARCH_ATTRIBUTE_BOUND)
    values[SearchAttribute.FAILED_ACTION] = NONE
    return TypedSearchAttributes(
        [SearchAttributePair(KEYS[name], value) for name, value in values.items() if value is not None]
    )


def set_failed_action(node: RunState | StageStatus | WorkflowExecutionStatus) -> None:
    """Say in the attributes of a run that ends as Failed which action failed first: `stage/workflow/action`.

    That is one event, in the workflow task that closes the run.
    """
    own = workflow.info().typed_search_attributes
    if node.phase is not Phase.FAILED or not _has_all(own):
        return
    above = [own.get(KEYS[SearchAttribute.STAGE]) or ""] if isinstance(node, WorkflowExecutionStatus) else []
    path = [*above, *(name for each in (node, *first_failed(node)) if (name := name_of(each)))]
    if path:
        failed = KEYS[SearchAttribute.FAILED_ACTION].value_set(bounded("/".join(path), SEARCH_ATTRIBUTE_BOUND))
        workflow.upsert_search_attributes([failed])


def _has_all(own: TypedSearchAttributes) -> bool:
    return all(own.get(KEYS[name]) is not None for name in _ADDED)
