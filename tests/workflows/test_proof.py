"""The proof of a Revert: at its end, and once more after a time of soak by a workflow that nothing waits for."""

from datetime import timedelta

from temporalio.client import WorkflowExecutionStatus
from temporalio.exceptions import ApplicationError

from api.decisions import RevertDecision
from api.failures import FailureType
from api.phases import Phase
from api.proof import ActionProof, Difference, Proof, ProofResult
from api.runs import ProofReport, ProvedAction
from planning.definitions.identifiers import proof_id
from tests.eventually import eventually
from tests.workflows.decisions import execute, find, revert, stage, workflow
from tests.workflows.engine import DevEngine, Run, cancel_requested
from tests.workflows.fake_activities import HeldAttempt, fails

STANDS = ActionProof(result=ProofResult.DIFFERS, difference=Difference.STILL_EXISTS, message="b still exists")


def answered(**proofs: ActionProof) -> ProofReport:
    return ProofReport(
        actions=[
            ProvedAction(stage="s", workflow="default/w", action=name, proof=proof) for name, proof in proofs.items()
        ]
    )


def plain(soak: str | None = None) -> RevertDecision:
    return revert(stage("s", workflow("w", "b", "a"))).model_copy(update={"soak": soak})


async def proving(
    engine: DevEngine, found: ProofReport | Exception, soak: str | None = None, *more: ProofReport
) -> Run:
    """Start a Revert that is checked: its last action is held until it is said what is found."""
    held = HeldAttempt()
    run = await engine.start(plain(soak), a=held)
    engine.activities.proofs[run.uid] = [found, *more]
    held.open()
    return run


async def test_a_revert_ends_with_its_proof(engine: DevEngine) -> None:
    run = await proving(engine, answered(a=ActionProof(), b=STANDS))
    state = await run.end()
    assert (find(state, "a").proof, find(state, "b").proof) == (ActionProof(), STANDS)
    assert isinstance(state.proof, Proof)
    assert (state.proof.verified, state.proof.differing, state.proof.next_check_at) == (1, 1, None)
    assert state.phase is Phase.SUCCEEDED, "what differs changes no phase"
    (check,) = engine.activities.checks[run.uid]
    assert (check.run.execution.uid, check.parts, check.soak) == (run.uid, [], "")


async def test_a_proof_takes_no_time_of_the_revert(engine: DevEngine) -> None:
    state = await (await proving(engine, answered())).end()
    assert state.completion_time is not None
    assert state.proof is not None
    assert state.completion_time <= state.proof.checked_at


async def test_a_check_that_fails_does_not_fail_the_revert(engine: DevEngine) -> None:
    failure = ApplicationError("the ledger is gone", type=FailureType.UNDEFINED, non_retryable=True)
    state = await (await proving(engine, failure, "10m")).end()
    assert state.phase is Phase.SUCCEEDED
    assert state.proof is not None
    assert (state.proof.error, state.proof.next_check_at) == ("the ledger is gone", None)


async def test_a_failed_revert_is_checked_as_well_and_a_canceled_one_is_not(engine: DevEngine) -> None:
    failed = await engine.start(plain(), b=fails())
    assert (await failed.end()).proof is not None
    assert len(engine.activities.checks[failed.uid]) == 1
    held = HeldAttempt()
    canceled = await engine.start(plain(), b=held)
    await held.held()
    await canceled.handle.cancel()
    await cancel_requested(canceled.workflow((0, "s"), (0, "w")))
    held.open()
    state = await canceled.end()
    assert state.phase is Phase.CANCELED
    assert state.proof is not None
    assert state.proof.error
    assert not engine.activities.checks[canceled.uid]


async def test_an_execute_and_a_revert_with_nothing_to_do_are_not_checked(engine: DevEngine) -> None:
    executed = await engine.start(execute(stage("s", workflow("w", "a"))))
    assert (await executed.end()).proof is None
    nothing = await engine.start(revert())
    assert (await nothing.end()).proof is None
    assert not engine.activities.checks[executed.uid] + engine.activities.checks[nothing.uid]


async def test_with_a_soak_another_workflow_checks_again_and_nothing_waits_for_it(engine: DevEngine) -> None:
    run = await proving(engine, answered(a=ActionProof(), b=STANDS), "1s", answered(a=ActionProof(), b=ActionProof()))
    state = await run.end()
    assert state.proof is not None
    assert state.proof.next_check_at is not None
    assert state.proof.next_check_at - state.proof.checked_at == timedelta(seconds=1)
    again = engine.client.get_workflow_handle(proof_id(run.handle.id), result_type=ProofReport)
    report = await again.result()
    assert [one.proof.result for one in report.actions] == [ProofResult.VERIFIED] * 2
    assert [check.soak for check in engine.activities.checks[run.uid]] == ["", "1s"]


async def test_a_cancel_after_the_end_reaches_no_second_check(engine: DevEngine) -> None:
    run = await proving(engine, answered(), "1h")
    await run.end()
    await run.handle.cancel()
    again = engine.client.get_workflow_handle(proof_id(run.handle.id))

    async def sleeps() -> bool:
        return (await again.describe()).status is WorkflowExecutionStatus.RUNNING

    await eventually(sleeps, "it waits")
    await again.terminate()
