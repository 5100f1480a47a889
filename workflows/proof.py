"""The proof of a Revert: at its end, and once more after a time of soak.

The plan is free meanwhile: the second check is an abandoned child, and the bridge writes what it finds.
Source: docs/spec/drplanexecution.md, "Proof"; docs/decisions/0027-a-revert-proves-what-it-did.md.
"""

from datetime import timedelta

from temporalio import workflow
from temporalio.common import WorkflowIDReusePolicy
from temporalio.exceptions import ActivityError, ApplicationError, WorkflowAlreadyStartedError

with workflow.unsafe.imports_passed_through():
    from api.meta import parse_duration
    from api.phases import Phase
    from api.runs import ProofInput, ProofReport, RunInput
    from api.tree import RunState
    from planning.definitions import identifiers
    from planning.messages import proof as proof_messages
    from planning.revert import proof
from workflows import activity_stubs
from workflows.cancellation import Cancellation
from workflows.child import attributes_of_child
from workflows.contract import WorkflowType

PATCH = "proof"
"""Runs from before there were proofs are replayed without one."""


async def proved(finished: RunState, run_input: RunInput, soak: str | None, cancellation: Cancellation) -> RunState:
    """Return the final tree of a Revert with its proof, and start the second check, where one is wanted."""
    if not proof.is_checked(finished.stages) or not workflow.patched(PATCH):
        return finished
    if cancellation.requested or finished.phase is Phase.CANCELED:
        return proof.without_proof(finished, proof_messages.CANCELED, workflow.now())
    workflow.set_current_details(proof_messages.CHECKING)
    request = ProofInput(run=run_input, parts=proof.parts_of(finished.stages))
    try:
        report = await cancellation.settle(activity_stubs.prove(request))
    except ActivityError as error:
        return proof.without_proof(finished, activity_stubs.reason_of(error), workflow.now())
    delay = _delay(soak)
    if delay is not None:
        await _check_again(request.model_copy(update={"soak": soak}))
    return proof.with_proof(finished, report, workflow.now(), delay)


def _delay(soak: str | None) -> timedelta | None:
    try:
        return parse_duration(soak) if soak else None
    except (ValueError, OverflowError):
        return None


async def _check_again(request: ProofInput) -> None:
    try:
        await workflow.start_child_workflow(
            WorkflowType.REVERT_PROOF,
            request,
            id=identifiers.proof_id(workflow.info().workflow_id),
            id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
            parent_close_policy=workflow.ParentClosePolicy.ABANDON,
            cancellation_type=workflow.ChildWorkflowCancellationType.ABANDON,
            static_summary=proof_messages.soak_caption(request.soak),
            search_attributes=attributes_of_child(),
        )
    except WorkflowAlreadyStartedError:
        return  # by the run that this one was reset from


@workflow.defn(name=WorkflowType.REVERT_PROOF)
class RevertProof:
    """Wait for the time of soak, then check again."""

    @workflow.run
    async def run(self, request: ProofInput) -> ProofReport:
        """Return what was found. Raises ApplicationError where it cannot be checked."""
        await workflow.sleep(_delay(request.soak) or timedelta(0))
        try:
            return await activity_stubs.prove(request)
        except ActivityError as error:
            if not isinstance(error.cause, ApplicationError):
                raise
            raise ApplicationError(error.cause.message, type=error.cause.type, non_retryable=True) from None
