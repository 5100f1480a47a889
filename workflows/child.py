"""Start a child workflow with its search attributes, and read its node from however it ended.

A run returns its node, or fails with the node in the failure's details. Any other end, such as a termination in
Temporal's UI, leaves it unknown how far the child came; the node then says so.
Source: docs/architecture.md, "Temporal"; docs/decisions/0004-a-failed-run-fails-in-temporal-too.md.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Generic, TypeVar, cast

from temporalio import workflow
from temporalio.common import SearchAttributeKey, SearchAttributePair, TypedSearchAttributes, WorkflowIDReusePolicy
from temporalio.exceptions import (
    ApplicationError,
    CancelledError,
    ChildWorkflowError,
    TerminatedError,
    WorkflowAlreadyStartedError,
)
from temporalio.exceptions import TimeoutError as TemporalTimeoutError

with workflow.unsafe.imports_passed_through():
    from pydantic import ValidationError

    from api.meta import Model
    from api.nodes import StageStatus, WorkflowExecutionStatus
    from api.phases import OperationType, Phase
    from api.tree import RunState
    from planning.messages import temporal_ui
    from planning.messages import tree as tree_messages
    from planning.messages.text import bounded
    from planning.status.size_limit import RenderedTree, TreeWriter
    from planning.status.stage_table import StageTable, first_failed, name_of
    from planning.status.transitions import stage_broken, workflow_broken
from workflows.cancellation import Cancellation
from workflows.contract import (
    FAILED_TYPES,
    NONE,
    OF_EARLIER_RELEASES,
    SEARCH_ATTRIBUTE_BOUND,
    SearchAttribute,
    WorkflowType,
)

NodeT = TypeVar("NodeT", RunState, StageStatus, WorkflowExecutionStatus)
ChildT = TypeVar("ChildT", StageStatus, WorkflowExecutionStatus)

ID_TAKEN_WAIT = timedelta(seconds=2)
ID_TAKEN_TRIES = 30
"""After a reset the children of the former run close one by one; until then their ids are taken."""

KEYS = {name: SearchAttributeKey.for_keyword(name.value) for name in SearchAttribute}
_ADDED = (SearchAttribute.STAGE, SearchAttribute.FAILED_ACTION)
"""What the bridge sets on a root only where all of them are registered: a start with one that the Temporal namespace
does not have would repeat a workflow task for ever. So nothing is set unless the root has these. The start of a run of
an earlier release holds neither, so that it is replayed as it was."""

TASK_TIMEOUT = timedelta(seconds=10)
REPLAY_OF_ONE_PART = timedelta(milliseconds=20)
LONGEST_TASK_TIMEOUT = timedelta(seconds=120)
"""Temporal accepts no longer one."""


@dataclass(frozen=True)
class ChildCall(Generic[ChildT]):
    """A child to start."""

    workflow_type: WorkflowType
    id: str
    input: Model
    result_type: type[ChildT]
    parts: int
    """Number of its own children or actions."""
    summary: str
    details: str
    stage: str
    """Name of the stage that it is, or is a part of."""

    @property
    def task_timeout(self) -> timedelta:
        """How long one workflow task may take, including the replay of the whole run after a worker's death.

        Measured: 7 ms for each action on a busy machine. A task that times out starts over, so 5,000 actions never
        completed within Temporal's default of 10 s. A worker that dies in the middle of a task delays its run by the
        timeout, so up to 500 parts keep the default, which is also the heartbeat timeout of an action.
        """
        return min(max(TASK_TIMEOUT, self.parts * REPLAY_OF_ONE_PART), LONGEST_TASK_TIMEOUT)


class ChildNotStarted(Exception):  # noqa: N818 - an end, not an error
    """A child that a cancel closed before it did anything."""


class ChildLost(Exception):  # noqa: N818 - an end, not an error
    """A child that ended without its node; the reason is the only argument."""


async def start_child(call: ChildCall[ChildT], cancellation: Cancellation) -> workflow.ChildWorkflowHandle[Any, ChildT]:
    """Start a child and return once it runs. Raises ChildNotStarted and ChildLost."""
    for _ in range(ID_TAKEN_TRIES):
        if cancellation.requested:
            raise ChildNotStarted
        try:
            return await workflow.start_child_workflow(
                call.workflow_type,
                call.input,
                id=call.id,
                result_type=call.result_type,
                id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
                cancellation_type=workflow.ChildWorkflowCancellationType.WAIT_CANCELLATION_COMPLETED,
                task_timeout=call.task_timeout,
                static_summary=call.summary,
                static_details=call.details,
                search_attributes=attributes_of_child(call.stage),
            )
        except WorkflowAlreadyStartedError:
            await cancellation.pause(ID_TAKEN_WAIT)
    raise ChildLost(tree_messages.already_open(call.id))


def attributes_of_child(stage: str | None = None) -> TypedSearchAttributes:
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


def _has_all(own: TypedSearchAttributes) -> bool:
    return all(own.get(KEYS[name]) is not None for name in _ADDED)


async def final_node(
    child: workflow.ChildWorkflowHandle[Any, ChildT],
    call: ChildCall[ChildT],
    cancellation: Cancellation,
    unwanted: Callable[[], bool] = lambda: False,
) -> ChildT:
    """Wait for a child that runs, and return its final node.

    A cancel is passed on to the child; so is `unwanted` when it becomes true. Raises ChildNotStarted and ChildLost.
    """
    try:
        return await cancellation.settle(child, unwanted)
    except ChildWorkflowError as error:
        cause = error.cause
    if isinstance(cause, CancelledError):
        # A child that has run a task always leaves its node: this one was closed before its first task.
        raise ChildNotStarted
    if isinstance(cause, ApplicationError) and cause.details:
        try:
            return call.result_type.model_validate(cause.details[0])
        except ValidationError:
            raise ChildLost(tree_messages.ended_otherwise(cause.message)) from None
    if isinstance(cause, TerminatedError):
        raise ChildLost(tree_messages.TERMINATED)
    if isinstance(cause, TemporalTimeoutError):
        raise ChildLost(tree_messages.TIMED_OUT)
    raise ChildLost(tree_messages.ended_otherwise(str(cause)))


def lost_workflow(
    node: WorkflowExecutionStatus, operation: OperationType, reason: str, now: datetime
) -> WorkflowExecutionStatus:
    """Close the node of a workflow whose run was lost; `reason` says how that ended."""
    return workflow_broken(_possibly_running(node), operation, reason, now)


def lost_stage(node: StageStatus, operation: OperationType, reason: str, now: datetime) -> StageStatus:
    """Close the node of a stage whose run was lost; `reason` says how that ended."""
    workflows = [child if child.phase is Phase.SKIPPED else _possibly_running(child) for child in node.workflows]
    return stage_broken(node.model_copy(update={"workflow_executions": workflows}), operation, reason, now)


def _possibly_running(node: WorkflowExecutionStatus) -> WorkflowExecutionStatus:
    actions = [
        action.model_copy(update={"phase": Phase.RUNNING}) if action.phase is Phase.PENDING else action
        for action in node.actions
    ]
    phase = Phase.RUNNING if node.phase is Phase.PENDING else node.phase
    return node.model_copy(update={"phase": phase, "action_statuses": actions})


def written_end(
    node: RunState | StageStatus | WorkflowExecutionStatus, tree: TreeWriter, table: StageTable | None = None
) -> RenderedTree:
    """Write the node with which a run closes, and show in Temporal's UI how it ended; a root with its `table`."""
    end = tree.rendered(node)
    details = temporal_ui.end_details(node.phase, end.message)
    if table is not None and isinstance(node, RunState):
        details = table.text(node, details)
    workflow.set_current_details(details)
    _set_failed_action(node)
    return end


def _set_failed_action(node: RunState | StageStatus | WorkflowExecutionStatus) -> None:
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


def result(node: NodeT, operation: OperationType, tree: TreeWriter, table: StageTable | None = None) -> NodeT:
    """Return the node with which a run closes. Raises it as a failure where it is Failed."""
    end = written_end(node, tree, table)
    if node.phase is Phase.FAILED:
        raise failure(end, operation)
    # The payload converter takes it as the node.
    return cast(NodeT, end)


def failure(node: RenderedTree, operation: OperationType) -> ApplicationError:
    """Return the failure that carries a node; its type is `RevertFailed` or `ExecuteFailed`.

    It must be raised without a cause: details of nested causes add up, and three levels of a large tree would
    exceed what Temporal accepts.
    """
    message = node.message or f"{operation} failed"
    return ApplicationError(message, node, type=FAILED_TYPES[operation], non_retryable=True)
