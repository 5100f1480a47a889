"""All that the bridge needs to know of the workflows: type names, the query, the memo key, search attributes.

It must not import any workflow. Source: docs/architecture.md, "Temporal".
"""

from enum import StrEnum

from api.phases import OperationType


class WorkflowType(StrEnum):
    """Names under which the workflow classes are registered."""

    REVERT_PLAN = "RevertPlan"
    REVERT_STAGE = "RevertStage"
    REVERT_WORKFLOW = "RevertWorkflow"
    EXECUTE_PLAN = "ExecutePlan"
    EXECUTE_STAGE = "ExecuteStage"
    EXECUTE_WORKFLOW = "ExecuteWorkflow"
    PREVIEW_PLAN = "PreviewPlan"
    REHEARSE_PLAN = "RehearsePlan"
    """Of no execution: its result is the RunState of a preview without the tree."""
    REVERT_PROOF = "RevertProof"


ROOT_TYPES = {
    OperationType.EXECUTE: WorkflowType.EXECUTE_PLAN,
    OperationType.REVERT: WorkflowType.REVERT_PLAN,
}
PARTS = (
    WorkflowType.REVERT_STAGE,
    WorkflowType.REVERT_WORKFLOW,
    WorkflowType.EXECUTE_STAGE,
    WorkflowType.EXECUTE_WORKFLOW,
)
"""Types of what a root's run consists of; the server terminates them with it."""
ROOTS = (*ROOT_TYPES.values(), WorkflowType.PREVIEW_PLAN)


FAILED_TYPES = {operation: f"{operation}Failed" for operation in OperationType}
"""Types of the failure with which a run of either operation ends as Failed."""


def root_type(operation: OperationType, *, preview: bool) -> WorkflowType:
    """Return the type of the root of an execution."""
    return WorkflowType.PREVIEW_PLAN if preview else ROOT_TYPES[operation]


STATE_QUERY = "state"
"""Returns RunState from a root, StageStatus from a stage, WorkflowExecutionStatus from a workflow."""

PAUSE_UPDATE = "pause"
"""Update of a root, with a PersonRequest: Pause or Resume."""
PAUSE_SIGNAL = "pause"
"""Signal of a parent to its running children, with a Pause, or None to resume."""
DECIDE_UPDATE = "decide"
"""Update of the workflow of a DRWorkflow, with a PersonRequest: what to do about an action that failed."""

APPROVE_UPDATE = "approve"
"""Update of a root, with a PersonRequest: a person agrees to the start of a stage."""

FINAL_STATE_MEMO = "finalState"
"""Memo of a cancelled root: its final RunState, because a cancelled run has neither a result nor details."""


class SearchAttribute(StrEnum):
    """Keyword search attributes of every run of an execution."""

    PLAN = "drplanPlan"
    NAMESPACE = "drplanNamespace"
    EXECUTION = "drplanExecution"
    OPERATION = "drplanOperation"
    STAGE = "drplanStage"
    """Of a stage and of what is below it: its name; NONE of a root."""
    FAILED_ACTION = "drplanFailedAction"
    """The first action that failed, as `stage/workflow/action`; NONE until the run ends as Failed."""
    ORIGINAL = "drplanOriginal"
    """Of the root of a Revert: the execution that it takes back."""


OF_EARLIER_RELEASES = (
    SearchAttribute.PLAN,
    SearchAttribute.NAMESPACE,
    SearchAttribute.EXECUTION,
    SearchAttribute.OPERATION,
)
"""What a Temporal namespace has that was set up for release 0.1."""
NONE = "none"
SEARCH_ATTRIBUTE_BOUND = 200
"""Bytes of a value. SQL servers take 255 characters."""
