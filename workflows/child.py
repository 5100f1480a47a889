"""Start a child workflow and read its part of the tree from however it ended.

A child that did its work returns its node, one that failed carries it in the failure's details. Any
other end (terminated in the UI, say) leaves it unknown how far the child came, and that is then said.
Source: docs/architecture.md, "Temporal".
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Generic, TypeVar

from temporalio import workflow
from temporalio.common import WorkflowIDReusePolicy
from temporalio.exceptions import (
    ApplicationError,
    ChildWorkflowError,
    TerminatedError,
    WorkflowAlreadyStartedError,
)
from temporalio.exceptions import CancelledError as CutShort
from temporalio.exceptions import TimeoutError as TimedOut

with workflow.unsafe.imports_passed_through():
    from pydantic import ValidationError

    from api.execution import StageStatus, WorkflowExecutionStatus
    from api.meta import Model
    from planning.messages import parents as parent_messages
from datetime import datetime

from api.execution import StageStatus, WorkflowExecutionStatus
from api.phases import Phase
from planning.status.transitions import stage_broken, workflow_broken
from workflows.cancellation import Cancellation
from workflows.contract import WorkflowType

NodeT = TypeVar("NodeT", StageStatus, WorkflowExecutionStatus)

REOPENED_WAIT = timedelta(seconds=2)
REOPENED_TRIES = 30
"""After a reset the former run's children close by and by; until then their ids are taken."""


_TASK_TIMEOUT = timedelta(seconds=10)
_PART_REPLAYED = timedelta(milliseconds=20)
_LONGEST_TASK_TIMEOUT = timedelta(seconds=120)
"""Temporal takes no longer one."""


@dataclass(frozen=True)
class ChildCall(Generic[NodeT]):
    """A child to start: which workflow, under which id, with what."""

    workflow_type: WorkflowType
    id: str
    given: Model
    node: type[NodeT]
    parts: int
    """How many children or actions it walks over."""
    summary: str
    details: str

    @property
    def task_timeout(self) -> timedelta:
        """How long one workflow task may take, a replay of everything after a worker's death included.

        Measured: 7 ms for each action on a busy machine. A task that times out is begun anew, so 5,000 actions
        never got through within Temporal's usual 10 s; a longer one delays what follows a death in mid-task.
        """
        return min(_TASK_TIMEOUT + self.parts * _PART_REPLAYED, _LONGEST_TASK_TIMEOUT)


class NeverBegan(Exception):  # noqa: N818 - an end, not an error
    """A child that a cancel closed before it did anything."""


class Unheard(Exception):  # noqa: N818 - an end, not an error
    """A child that ended without telling how far it came; the reason is its only argument."""


async def run_child(
    call: ChildCall[NodeT],
    cancellation: Cancellation,
    started: Callable[[], None],
    unwanted: Callable[[], bool] | None = None,
) -> NodeT:
    """Start a child, tell that it has `started`, and give its node at the end.

    A cancel, or `unwanted` becoming true, is passed on to it. Raises NeverBegan and Unheard.
    """
    handle = await _start(call, cancellation)
    started()
    try:
        return await cancellation.settle(handle, unwanted)
    except ChildWorkflowError as error:
        ended = error
    return _read(ended, call.node)


async def _start(call: ChildCall[NodeT], cancellation: Cancellation) -> workflow.ChildWorkflowHandle[Any, NodeT]:
    for _ in range(REOPENED_TRIES):
        if cancellation.requested:
            raise NeverBegan
        try:
            return await workflow.start_child_workflow(
                call.workflow_type,
                call.given,
                id=call.id,
                result_type=call.node,
                id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
                cancellation_type=workflow.ChildWorkflowCancellationType.WAIT_CANCELLATION_COMPLETED,
                task_timeout=call.task_timeout,
                static_summary=call.summary,
                static_details=call.details,
            )
        except WorkflowAlreadyStartedError:
            await cancellation.pause(REOPENED_WAIT)
    raise Unheard(parent_messages.already_open(call.id))


def _read(error: ChildWorkflowError, node: type[NodeT]) -> NodeT:
    cause = error.cause
    if isinstance(cause, CutShort):
        # A child of ours that has begun always tells its node: this one was closed before its first task.
        raise NeverBegan from None
    if isinstance(cause, ApplicationError) and cause.details:
        try:
            return node.model_validate(cause.details[0])
        except ValidationError:
            raise Unheard(parent_messages.ended_otherwise(cause.message)) from None
    raise Unheard(_reason(cause)) from None


def _reason(cause: BaseException | None) -> str:
    if isinstance(cause, TerminatedError):
        return parent_messages.TERMINATED
    if isinstance(cause, TimedOut):
        return parent_messages.TIMED_OUT
    return parent_messages.ended_otherwise(str(cause))


def _perhaps_begun(node: WorkflowExecutionStatus) -> WorkflowExecutionStatus:
    actions = [
        action.model_copy(update={"phase": Phase.RUNNING}) if action.phase is Phase.PENDING else action
        for action in node.actions
    ]
    phase = Phase.RUNNING if node.phase is Phase.PENDING else node.phase
    return node.model_copy(update={"phase": phase, "action_statuses": actions})


def unheard_workflow(node: WorkflowExecutionStatus, reason: str, now: datetime) -> WorkflowExecutionStatus:
    """Close the node of a workflow; `reason` says how its run ended."""
    return workflow_broken(_perhaps_begun(node), reason, now)


def unheard_stage(node: StageStatus, reason: str, now: datetime) -> StageStatus:
    """Close the node of a stage; `reason` says how its run ended."""
    workflows = [child if child.phase is Phase.SKIPPED else _perhaps_begun(child) for child in node.workflows]
    return stage_broken(node.model_copy(update={"workflow_executions": workflows}), reason, now)
