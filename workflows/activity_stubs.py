"""The activities by name, and one typed wrapper for each that is not about a single action: see `action_calls`.

Activities are named, not imported, so that workflow code carries no Kubernetes code; a test compares
every name and model with the worker's registry. Source: docs/architecture.md, "Temporal".
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import TypeVar

from temporalio import workflow
from temporalio.common import RetryPolicy as TemporalRetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError

with workflow.unsafe.imports_passed_through():
    from api.attempts import ActionOutcome, ExecuteInput, LedgerInput, ObserveInput, ParametersInput, RollbackInput
    from api.decisions import ExecuteDecision, Redecision, RedecisionInput, RevertDecision
    from api.ledger import WorkflowRecord
    from api.nodes import LedgerRef, RetriedWith
    from api.runs import ProofInput, ProofReport, RehearsalInput, RunInput
    from api.steps import Origin
    from api.tree import RunState
    from planning.messages import proof as proof_messages
    from planning.messages import temporal_ui

HEARTBEAT_TIMEOUT = timedelta(seconds=10)
"""How soon a dead worker is noticed. Source: docs/architecture.md, "Temporal"."""
HEARTBEAT_TIMED_OUT = "TemporalTimeout:Heartbeat"
"""How a retry policy names an attempt that was lost with its worker: the workflow decides when the next one begins.
Source: the Temporal server, common/retrypolicy, "TimeoutFailureTypePrefix".
"""
LOAD_TIMEOUT = timedelta(minutes=30)
"""For reading and observing everything, thousands of objects included."""
REHEARSAL_ATTEMPTS = 10
"""About four minutes: what could not be asked by then is asked again by the next rehearsal."""
RECORD_TIMEOUT = timedelta(minutes=2)
"""For one request with a megabyte."""
PROOF_TIMEOUT = timedelta(minutes=10)
"""For reading every object concerned and its record, thousands of both."""
PROOF_ATTEMPTS = 10
"""A proof that cannot be had in some minutes does not keep a Revert from its end."""
TOO_LARGE = "PayloadsTooLarge"
"""Type of the failure that the SDK makes of a result above Temporal's 2 MB (TMPRL1103)."""

DecisionT = TypeVar("DecisionT", RevertDecision, ExecuteDecision)
LoadedT = TypeVar("LoadedT", RevertDecision, ExecuteDecision, RunState)


class ActivityName(StrEnum):
    """Names under which the worker registers the activities."""

    LOAD_REVERT = "load_revert"
    LOAD_EXECUTE = "load_execute"
    PREVIEW = "preview"
    REHEARSE = "rehearse"
    ROLLBACK_ACTION = "rollback_action"
    EXECUTE_ACTION = "execute_action"
    LOOK_AGAIN = "look_again"
    VERIFY_ACTION = "verify_action"
    STORE_RECORD = "store_record"
    PROVE_REVERT = "prove_revert"
    STORE_PARAMETERS = "store_parameters"
    DECIDE_AGAIN = "decide_again"


@dataclass(frozen=True)
class Signature:
    """The models that an activity takes and returns."""

    input: type
    output: type


SIGNATURES = {
    ActivityName.LOAD_REVERT: Signature(RunInput, RevertDecision),
    ActivityName.LOAD_EXECUTE: Signature(RunInput, ExecuteDecision),
    ActivityName.PREVIEW: Signature(RunInput, RunState),
    ActivityName.REHEARSE: Signature(RehearsalInput, RunState),
    ActivityName.ROLLBACK_ACTION: Signature(RollbackInput, ActionOutcome),
    ActivityName.EXECUTE_ACTION: Signature(ExecuteInput, ActionOutcome),
    ActivityName.LOOK_AGAIN: Signature(ObserveInput, ActionOutcome),
    ActivityName.VERIFY_ACTION: Signature(ExecuteInput, ActionOutcome),
    ActivityName.STORE_RECORD: Signature(LedgerInput, LedgerRef),
    ActivityName.PROVE_REVERT: Signature(ProofInput, ProofReport),
    ActivityName.STORE_PARAMETERS: Signature(ParametersInput, RetriedWith),
    ActivityName.DECIDE_AGAIN: Signature(RedecisionInput, Redecision),
}


def reason_of(error: ActivityError) -> str:
    """Return in words why an activity failed, as it says it itself where it does."""
    cause = error.cause
    return cause.message if isinstance(cause, ApplicationError) else str(cause or error)


def load(name: ActivityName, run_input: RunInput, decision_type: type[LoadedT]) -> workflow.ActivityHandle[LoadedT]:
    """Start the activity that reads, observes and decides what a run will, or would, do; it retries what may pass."""
    return workflow.start_activity(
        name,
        run_input,
        result_type=decision_type,
        activity_id=name.replace("_", "-"),
        start_to_close_timeout=LOAD_TIMEOUT,
        heartbeat_timeout=HEARTBEAT_TIMEOUT,
        retry_policy=TemporalRetryPolicy(
            initial_interval=timedelta(seconds=1),
            maximum_interval=timedelta(seconds=30),
            non_retryable_error_types=[TOO_LARGE],
        ),
        cancellation_type=workflow.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
        summary=temporal_ui.load_caption(run_input.operation, run_input.execution),
    )


async def rehearse(request: RehearsalInput) -> RunState:
    """Ask what an execution of a plan would do. Raises ActivityError."""
    asked: RunState = await workflow.execute_activity(
        ActivityName.REHEARSE,
        request,
        result_type=RunState,
        activity_id="rehearse",
        start_to_close_timeout=LOAD_TIMEOUT,
        heartbeat_timeout=HEARTBEAT_TIMEOUT,
        retry_policy=TemporalRetryPolicy(
            initial_interval=timedelta(seconds=1),
            maximum_interval=timedelta(seconds=30),
            maximum_attempts=REHEARSAL_ATTEMPTS,
        ),
        summary=temporal_ui.rehearse_caption(request.plan),
    )
    return asked


async def store_records(origin: Origin, records: Sequence[WorkflowRecord]) -> LedgerRef:
    """Store what the run of a DRWorkflow did, its first part last, so that what that names exists before it.

    Repeated for as long as that may help. Raises ActivityError.
    """
    first, *others = records
    continued = [await _store_record(LedgerInput(origin=origin, part=n, record=one)) for n, one in enumerate(others, 1)]
    first = first.model_copy(update={"continued": continued})
    return await _store_record(LedgerInput(origin=origin, part=0, record=first))


async def _store_record(request: LedgerInput) -> LedgerRef:
    stored: LedgerRef = await workflow.execute_activity(
        ActivityName.STORE_RECORD,
        request,
        result_type=LedgerRef,
        activity_id=f"record-{request.part}",
        start_to_close_timeout=RECORD_TIMEOUT,
        heartbeat_timeout=HEARTBEAT_TIMEOUT,
        retry_policy=TemporalRetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(seconds=30)),
        summary=temporal_ui.store_record_caption(request.part),
    )
    return stored


def prove(request: ProofInput) -> workflow.ActivityHandle[ProofReport]:
    """Start the activity that compares every object with what it was before the Execute."""
    return workflow.start_activity(
        ActivityName.PROVE_REVERT,
        request,
        result_type=ProofReport,
        activity_id="proof",
        start_to_close_timeout=PROOF_TIMEOUT,
        heartbeat_timeout=HEARTBEAT_TIMEOUT,
        retry_policy=TemporalRetryPolicy(
            initial_interval=timedelta(seconds=1),
            maximum_interval=timedelta(seconds=30),
            maximum_attempts=PROOF_ATTEMPTS,
            non_retryable_error_types=[TOO_LARGE],
        ),
        cancellation_type=workflow.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
        summary=proof_messages.CHECK_CAPTION,
    )
