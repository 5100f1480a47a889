"""What a status says of the proof of a Revert: at its end, and after a second check."""

from datetime import timedelta
from typing import Any

import pytest

from api.execution import ExecutionStatus
from api.phases import Phase
from api.proof import ActionProof, Difference, Proof, ProofResult
from api.runs import ProofReport, ProvedAction
from api.tree import RunState
from bridge.status import conditions
from bridge.status import execution as execution_status
from bridge.status.conditions import ConditionType
from bridge.status.merge import RunStatus
from planning.messages import proof as proof_messages
from planning.messages.next_steps import ADVICE
from planning.messages.situations import Situation
from planning.revert.proof import with_proof, without_proof
from tests.bridge.scripted_workflows import done
from tests.bridge.status.open_run import MOMENT, NOW, REVERT, RUN, running

CONTEXT = REVERT.model_copy(update={"namespace": "shop", "name": "back", "plan": "plan", "original": "move"})
DIFFERS = ActionProof(
    result=ProofResult.DIFFERS, difference=Difference.STILL_EXISTS, message="ConfigMap shop/a still exists"
)
UNKNOWN = ActionProof(result=ProofResult.NOT_RECORDED, message="the state of Secret shop/a was not stored")
SOAK = timedelta(minutes=10)


def report(proof: ActionProof) -> ProofReport:
    return ProofReport(actions=[ProvedAction(stage="first", workflow="default/work", action="one", proof=proof)])


def ended(state: RunState, **run: Any) -> ExecutionStatus:
    run = {"state": state, "status": RunStatus.COMPLETED, **run}
    return execution_status.closed(running(ExecutionStatus()), RUN.model_copy(update=run), CONTEXT)


def proved(proof: ActionProof, soak: timedelta | None = None, phase: Phase = Phase.SUCCEEDED) -> ExecutionStatus:
    return ended(with_proof(done(phase), report(proof), NOW, soak))


def verified(status: ExecutionStatus) -> tuple[str, str, str]:
    found = conditions.find(status.conditions, ConditionType.VERIFIED)
    assert found is not None
    return found.status.value, found.reason, found.message


def advised(status: ExecutionStatus, situation: Situation) -> bool:
    return any(step.what == ADVICE[situation].what for step in status.next_steps or [])


SAID: list[tuple[ActionProof, str, str, str]] = [
    (ActionProof(), "True", "AsBefore", "The objects of 1 action are as they were before the Execute"),
    (DIFFERS, "False", "Differs", "1 of 1 action differs: ConfigMap shop/a still exists"),
    (
        UNKNOWN,
        "Unknown",
        "NotKnown",
        "Of 1 action it is not known: the state of Secret shop/a was not stored",
    ),
    (ActionProof(result=ProofResult.NOT_APPLICABLE), "True", "AsBefore", proof_messages.NOTHING_TO_COMPARE),
]


@pytest.mark.parametrize(("proof", "status", "reason", "message"), SAID)
def test_the_condition_says_what_was_found(proof: ActionProof, status: str, reason: str, message: str) -> None:
    after = proved(proof)
    assert verified(after) == (status, reason, message)
    assert after.phase is Phase.SUCCEEDED
    assert after.stages[0].actions[0].proof == proof
    assert advised(after, Situation.PROOF_DIFFERS) is (status == "False")


def test_while_a_second_check_is_due_nothing_is_verified_and_a_difference_is_told() -> None:
    soaking = proved(ActionProof(), SOAK)
    assert verified(soaking)[:2] == ("Unknown", "Soaking")
    assert verified(soaking)[2].endswith("; checked again at 2026-02-03T10:10:00Z")
    assert verified(proved(DIFFERS, SOAK))[:2] == ("False", "Differs")
    assert verified(proved(UNKNOWN, SOAK))[:2] == ("Unknown", "NotKnown")


def test_the_second_check_replaces_what_the_first_one_found_and_nothing_else() -> None:
    before = proved(DIFFERS, SOAK)
    later = CONTEXT.model_copy(update={"now": NOW + SOAK})
    after = execution_status.proved_again(before, report(ActionProof()), later)
    assert verified(after)[:2] == ("True", "AsBefore")
    assert after.proof == Proof(checked_at=NOW + SOAK, verified=1)
    assert not advised(after, Situation.PROOF_DIFFERS)
    other = {"proof", "conditions", "next_steps", "stage_statuses"}
    assert after.model_dump(exclude=other) == before.model_dump(exclude=other)
    kinds = [each.type for each in before.conditions or []]
    assert [each.type for each in after.conditions or []] == kinds
    worse = execution_status.proved_again(proved(ActionProof(), SOAK), report(DIFFERS), later)
    assert verified(worse)[:2] == ("False", "Differs")
    assert advised(worse, Situation.PROOF_DIFFERS)


def test_a_check_that_could_not_be_made_is_said_to_be_so() -> None:
    failed = ended(without_proof(done(), "the ledger is gone", NOW))
    assert verified(failed)[:2] == ("Unknown", "NotChecked")
    assert advised(failed, Situation.NOT_CHECKED)
    lost = execution_status.proved_again(proved(ActionProof(), SOAK), proof_messages.CHECK_LOST, CONTEXT)
    assert verified(lost)[:2] == ("Unknown", "NotChecked")
    assert lost.proof is not None
    assert lost.proof.next_check_at is None
    canceled = without_proof(done(Phase.CANCELED), proof_messages.CANCELED, NOW)
    assert not advised(ended(canceled, status=RunStatus.CANCELED), Situation.NOT_CHECKED)


def test_what_differs_after_a_failure_is_no_advice_of_its_own() -> None:
    after = proved(DIFFERS, phase=Phase.FAILED)
    assert verified(after)[:2] == ("False", "Differs")
    assert not advised(after, Situation.PROOF_DIFFERS)


def test_runs_without_a_proof_have_no_such_condition() -> None:
    assert conditions.find(ended(done()).conditions, ConditionType.VERIFIED) is None
    executed = execution_status.closed(running(ExecutionStatus()), RUN.model_copy(update={"state": done()}), MOMENT)
    assert conditions.find(executed.conditions, ConditionType.VERIFIED) is None
