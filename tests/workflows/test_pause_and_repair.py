"""A person pauses a run, or decides about an action that failed; days may pass until then."""

from typing import Any

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowUpdateFailedError

from api.attempts import ActionOutcome, ExecuteInput, RollbackInput
from api.decisions import Redecision
from api.failures import FailureType
from api.meta import ObjectKey
from api.nodes import ActionStatus, SnapshotRef
from api.phases import OnFailure, Operation, Phase
from api.reasons import Reason
from api.requests import Approval, PersonRequest, RequestType
from api.steps import Deletion, Origin, Refusal, Restoration, RollbackStep
from tests.eventually import eventually
from tests.workflows.decisions import ACTOR, execute, find, phases, revert, stage, target, workflow
from tests.workflows.engine import DevEngine, Run
from tests.workflows.fake_activities import Behaviour, FakeAttempt, HeldAttempt, fails
from workflows.contract import APPROVE_UPDATE, DECIDE_UPDATE, PAUSE_UPDATE

TREE = stage("s", workflow("w", "a", "b", "c"))
PAUSES = {"on_failure": OnFailure.PAUSE}
EXECUTE = execute(TREE).model_copy(update=PAUSES)
REVERT = revert(TREE).model_copy(update=PAUSES)
ORIGIN = Origin(execution=ObjectKey(namespace="default", name="e", uid="u"), snapshot=SnapshotRef(name="s", sha256="0"))
STORED = EXECUTE.model_copy(update={"origin": ORIGIN})
REVERT_STORED = REVERT.model_copy(update={"origin": ORIGIN})


def fails_until(mended: list[bool]) -> Behaviour:
    """Fail for good until something was mended outside."""

    async def behave(attempt: FakeAttempt) -> ActionOutcome:
        if not mended:
            raise attempt.failure("forbidden", FailureType.FORBIDDEN, attempt.errors + 1)
        return attempt.done()

    return behave


async def awaited(run: Run, name: str = "b") -> None:
    """Wait until an action waits for a decision."""

    async def waits() -> bool:
        try:
            node = await run.workflow_state((0, "s"), (0, "w"))
        except Exception:
            return False
        return any(one.name == name and one.reason is Reason.AWAITING_DECISION for one in node.actions)

    await eventually(waits, f"{name} waits for a decision")


def deletion_of(name: str) -> Deletion:
    return Deletion(target=target(name), uid="another")


async def decide(run: Run, kind: RequestType, action: int = 1, request_id: str | None = None, **fields: Any) -> None:
    request_id = request_id or f"{kind}-{action}"
    request = PersonRequest(id=request_id, type=kind, action=action, by="alice", **fields)
    await run.workflow((0, "s"), (0, "w")).execute_update(DECIDE_UPDATE, request)


async def pause(run: Run, kind: RequestType = RequestType.PAUSE) -> None:
    request = PersonRequest(id=kind, type=kind, by="alice", reason="look first")
    await run.handle.execute_update(PAUSE_UPDATE, request)


async def pause_arrived(run: Run) -> None:
    """Wait until the first workflow knows of a pause, which its root and its stage pass on."""

    async def workflow_knows() -> bool:
        history = await run.workflow((0, "s"), (0, "w")).fetch_history()
        return any(event.event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED for event in history.events)

    await eventually(workflow_knows, "the pause has reached the workflow")


@pytest.mark.parametrize("decision", [EXECUTE, REVERT], ids=["Execute", "Revert"])
async def test_a_retry_after_the_repair_ends_well(engine: DevEngine, decision: Any) -> None:
    mended: list[bool] = []
    run = await engine.start(decision, b=fails_until(mended))
    await awaited(run)
    waiting = (await run.workflow_state((0, "s"), (0, "w"))).actions[1]
    assert (waiting.phase, waiting.completion_time) == (Phase.RUNNING, None)
    error = "Failed to delete Localization: forbidden"
    assert waiting.message == f"Waiting for a decision (retry, skip, done or abort): {error}"
    await decide(run, RequestType.RETRY)
    await awaited(run)
    mended.append(True)
    await decide(run, RequestType.RETRY, timeout="7s")
    state = await run.end()
    assert run.begun == ["a", "b", "b", "b", "c"]
    assert state.phase is Phase.SUCCEEDED
    assert find(state, "b").retries == 2
    waits = find(state, "b").waits or []
    assert len(waits) == 2, "it waited for each of the two decisions"
    assert all(each.until is not None for each in waits)
    assert (waiting.waits or [])[0].until is None
    assert [one.timeout for one in engine.activities.given[run.uid]] == [None, None, None, "7s", None]


@pytest.mark.parametrize("decision", [STORED, REVERT_STORED], ids=["Execute", "Revert"])
async def test_a_retry_with_parameters_takes_what_was_stored_of_them(engine: DevEngine, decision: Any) -> None:
    mended: list[bool] = []
    run = await engine.start(decision, b=fails_until(mended))
    await awaited(run)
    with pytest.raises(WorkflowUpdateFailedError) as refusal:
        await decide(run, RequestType.RETRY, parameters=["refused"])
    assert "does not use it" in str(refusal.value.cause)
    await decide(run, RequestType.RETRY, request_id="first", parameters=["image"], reason="old one")
    await awaited(run)
    mended.append(True)
    await decide(run, RequestType.RETRY, request_id="second")
    state = await run.end()
    given = engine.activities.given[run.uid]
    assert [_record(one) for one in given] == [None, None, "drplan-first", "drplan-first", None]
    assert run.begun == ["a", "b", "b", "b", "c"]
    retried = find(state, "b").retried_with
    assert retried is not None
    assert (retried.parameters, retried.by, retried.record.name) == (["image"], "alice", "drplan-first")
    asked = engine.activities.asked_parameters[run.uid][-1]
    assert (asked.request.id, asked.rollback is None) == ("first", decision is STORED)


def _record(given: ExecuteInput | RollbackInput) -> str | None:
    refs = given.parameters if isinstance(given, ExecuteInput) else [given.parameters]
    return next((each.record.name for each in refs if each is not None), None)


@pytest.mark.parametrize("decision", [EXECUTE, REVERT], ids=["Execute", "Revert"])
async def test_what_is_skipped_does_not_stop_what_follows(engine: DevEngine, decision: Any) -> None:
    run = await engine.start(decision, b=fails())
    await awaited(run)
    with pytest.raises(WorkflowUpdateFailedError) as refusal:
        await decide(run, RequestType.SKIP)
    assert "skip needs a reason" in str(refusal.value.cause)
    await decide(run, RequestType.SKIP, reason="not needed here")
    state = await run.end()
    assert phases(state) == {
        "s": "Succeeded",
        "s/w": "Succeeded",
        "s/w/a": "Succeeded",
        "s/w/b": "Skipped",
        "s/w/c": "Succeeded",
    }
    assert find(state, "b").reason is Reason.SKIPPED_ON_REQUEST
    assert find(state, "b").message == (
        "Skipped by alice: not needed here; it had failed: Failed to delete Localization: forbidden"
    )


async def test_what_is_done_by_hand_has_succeeded(engine: DevEngine) -> None:
    run = await engine.start(REVERT, b=fails())
    await awaited(run)
    await decide(run, RequestType.DONE, reason="deleted with the vendor's tool")
    state = await run.end()
    done = find(state, "b")
    assert (state.phase, done.phase, done.reason) == (Phase.SUCCEEDED, Phase.SUCCEEDED, Reason.DONE_BY_HAND)
    assert done.message == (
        "Done by hand by alice: deleted with the vendor's tool; it had failed: Failed to delete Localization: forbidden"
    )


async def test_an_abort_fails_as_without_a_pause(engine: DevEngine) -> None:
    run = await engine.start(REVERT, b=fails())
    await awaited(run)
    await decide(run, RequestType.ABORT)
    state = await run.end()
    assert (state.phase, find(state, "b").phase, find(state, "c").phase) == (
        Phase.FAILED,
        Phase.FAILED,
        Phase.SKIPPED,
    )
    assert find(state, "b").message == "Failed to delete Localization: forbidden"


async def test_a_cancel_ends_the_wait(engine: DevEngine) -> None:
    run = await engine.start(REVERT, b=fails())
    await awaited(run)
    await run.handle.cancel()
    state = await run.end()
    assert (find(state, "b").phase, find(state, "c").phase) == (Phase.FAILED, Phase.SKIPPED)


async def test_a_retry_of_what_was_refused_at_the_decision_is_refused(engine: DevEngine) -> None:
    row = REVERT.steps[0][0]
    refusal = Refusal(type=FailureType.WRONG_UID, message="another object")
    refused = [row[0], RollbackStep(refusal=refusal, deletions=[deletion_of("b")]), row[2]]
    wrong = fails("another object", FailureType.WRONG_UID)
    run = await engine.start(REVERT.model_copy(update={"steps": [[refused]]}), b=wrong)
    await awaited(run)
    with pytest.raises(WorkflowUpdateFailedError) as error:
        await decide(run, RequestType.RETRY)
    assert "a retry changes nothing" in str(error.value.cause)
    assert run.begun == ["a", "b", "decide again on b"]
    await decide(run, RequestType.DONE, reason="it is gone")
    assert (await run.end()).phase is Phase.SUCCEEDED


@pytest.mark.parametrize("skipped", [False, True], ids=["there is something to do", "there is nothing to do any more"])
async def test_a_retry_of_what_was_refused_decides_it_again(engine: DevEngine, skipped: bool) -> None:
    row, mended = REVERT.steps[0][0], list[bool]()
    refusal = Refusal(type=FailureType.FORBIDDEN, message="no right to see it")
    refused = [row[0], RollbackStep(refusal=refusal, deletions=[deletion_of("b")]), row[2]]
    run = await engine.start(REVERT.model_copy(update={"steps": [[refused]]}), b=fails_until(mended))
    await awaited(run)
    absent = {"phase": Phase.SKIPPED, "reason": Reason.ALREADY_ABSENT, "message": "Already absent: b"}
    node = ActionStatus(name="b", phase=Phase.PENDING).model_copy(update=absent if skipped else {})
    again, step = SnapshotRef(name="drplan-again", sha256="a"), None if skipped else row[1]
    engine.activities.redecisions[run.uid]["b"] = Redecision(node=node, step=step, actor=ACTOR, decision=again)
    mended.append(True)
    await decide(run, RequestType.RETRY)
    state = await run.end()
    tried = [] if skipped else ["b"]
    assert run.begun == ["a", "b", "decide again on b", *tried, "c"]
    assert (state.phase, find(state, "b").phase) == (Phase.SUCCEEDED, Phase.SKIPPED if skipped else Phase.SUCCEEDED)
    given = [one for one in engine.activities.given[run.uid] if isinstance(one, RollbackInput)]
    assert [one.decided_again for one in given] == [None, None, *([] if skipped else [again]), None]


async def test_a_restoration_looks_when_its_turn_comes_so_a_retry_is_just_that(engine: DevEngine) -> None:
    row, mended = REVERT.steps[0][0], list[bool]()
    record = SnapshotRef(name="drplan-before", sha256="b")
    restoration = Restoration(
        target=target("b"), uid="u", operation=Operation.PATCH, execution=ORIGIN.execution, record=record, mark="m"
    )
    refusal = Refusal(type=FailureType.UNSUPPORTED, message="for older workers")
    restores = RollbackStep(refusal=refusal, deletions=[deletion_of("b")], restoration=restoration)
    decision = REVERT.model_copy(update={"steps": [[[row[0], restores, row[2]]]]})
    run = await engine.start(decision, b=fails_until(mended))
    await awaited(run)
    mended.append(True)
    await decide(run, RequestType.RETRY)
    assert (await run.end()).phase is Phase.SUCCEEDED
    assert run.begun == ["a", "b", "b", "c"]


async def test_only_an_action_that_waits_can_be_decided_about(engine: DevEngine) -> None:
    gate = HeldAttempt()
    run = await engine.start(EXECUTE, b=gate)
    await gate.held()
    with pytest.raises(WorkflowUpdateFailedError) as refusal:
        await decide(run, RequestType.SKIP, reason="no")
    assert "no action waits for a decision" in str(refusal.value.cause)
    gate.open()
    assert (await run.end()).phase is Phase.SUCCEEDED


async def test_a_pause_waits_for_what_runs_and_starts_nothing_further(engine: DevEngine) -> None:
    gate = HeldAttempt()
    run = await engine.start(revert(TREE, stage("t", workflow("w", "d"))), b=gate)
    await gate.held()
    await pause(run)
    with pytest.raises(WorkflowUpdateFailedError):
        await pause(run)
    state = await run.state()
    assert state.paused is not None
    assert (state.paused.by, state.paused.reason) == ("alice", "look first")
    await pause_arrived(run)
    gate.open()

    async def b_is_done() -> bool:
        return (await run.workflow_state((0, "s"), (0, "w"))).actions[1].phase is Phase.SUCCEEDED

    await eventually(b_is_done, "b is done")
    assert run.begun == ["a", "b"]
    await pause(run, RequestType.RESUME)
    ended = await run.end()
    assert ended.phase is Phase.SUCCEEDED
    assert run.begun == ["a", "b", "c", "d"]
    assert (await run.state()).paused is None
    [over] = ended.pauses or []
    assert (ended.paused, over.since) == (None, state.paused.since)
    assert over.until is not None
    assert over.until >= over.since


async def test_a_pause_reaches_actions_that_run_in_parallel_and_a_cancel_ends_it(engine: DevEngine) -> None:
    gates = {"a": HeldAttempt(), "b": HeldAttempt()}
    tree = stage("s", workflow("w", "a", "b", "c"), workflow("v", "x"))
    run = await engine.start(execute(tree, after={"c": ["a"]}), a=gates["a"], b=gates["b"])
    await gates["b"].held()
    await pause(run)
    await pause_arrived(run)
    gates["a"].open()

    async def a_is_done() -> bool:
        return (await run.workflow_state((0, "s"), (0, "w"))).actions[0].phase is Phase.SUCCEEDED

    await eventually(a_is_done, "a is done")
    await run.handle.cancel()
    gates["b"].open()
    state = await run.end()
    assert state.paused is not None, "the pause lasts until the end"
    assert sorted(run.begun) == ["a", "b"]
    assert phases(state)["s/w/c"] == "Skipped"
    assert phases(state)["s/v"] == "Skipped"


async def approve(run: Run, by: str, stage: int = 1, group: str = "leads") -> None:
    request = PersonRequest(id=f"{by}-{stage}-{group}", type=RequestType.APPROVE, by=by, stage=stage, group=group)
    await run.handle.execute_update(APPROVE_UPDATE, request)


async def stage_waits(run: Run, given: int = 0) -> None:
    async def waits() -> bool:
        stages = (await run.state()).stages
        awaits = bool(stages) and stages[1].reason is Reason.AWAITING_APPROVAL
        return awaits and len(stages[1].approvals or []) == given

    await eventually(waits, "the stage waits for approval")


TWO_STAGES = (TREE, stage("t", workflow("w", "d")))
NEEDED = [None, Approval(required=2, group="leads")]


@pytest.mark.parametrize("decision", [execute(*TWO_STAGES), revert(*TWO_STAGES)], ids=["Execute", "Revert"])
async def test_a_stage_begins_once_enough_persons_have_approved_it(engine: DevEngine, decision: Any) -> None:
    run = await engine.start(decision.model_copy(update={"approvals": NEEDED, "requested_by": "alice"}))
    await stage_waits(run)
    waiting = (await run.state()).stages[1]
    assert (waiting.phase, waiting.message) == (Phase.PENDING, "Waiting for approval of group leads: 0 of 2")
    for by, number, group, why in [
        ("alice", 1, "leads", "alice created the execution"),
        ("bob", 0, "leads", "no stage waits for approval"),
        ("bob", 1, "others", "asks for approval of group leads"),
        ("", 1, "leads", "request-by is missing"),
    ]:
        with pytest.raises(WorkflowUpdateFailedError) as refusal:
            await approve(run, by, number, group)
        assert why in str(refusal.value.cause)
    await approve(run, "bob")
    await stage_waits(run, given=1)
    assert run.begun == ["a", "b", "c"]
    with pytest.raises(WorkflowUpdateFailedError):
        await run.handle.execute_update(
            APPROVE_UPDATE,
            PersonRequest(id="again", type=RequestType.APPROVE, by="bob", stage=1, group="leads"),
        )
    await approve(run, "carol")
    state = await run.end()
    assert state.phase is Phase.SUCCEEDED
    assert [each.by for each in state.stages[1].approvals or []] == ["bob", "carol"]
    assert (state.stages[1].phase, state.stages[1].reason is Reason.AWAITING_APPROVAL) == (Phase.SUCCEEDED, False)
    [wait] = state.stages[1].waits or []
    assert (waiting.waits or [])[0].since == wait.since
    assert wait.until is not None, "one wait, however many approvals it takes"


async def test_a_cancel_ends_the_wait_for_approval(engine: DevEngine) -> None:
    run = await engine.start(execute(*TWO_STAGES).model_copy(update={"approvals": NEEDED}))
    await stage_waits(run)
    await run.handle.cancel()
    state = await run.end()
    assert (state.phase, state.stages[1].phase) == (Phase.CANCELED, Phase.SKIPPED)
    assert state.stages[1].message == "Not attempted: canceled"
