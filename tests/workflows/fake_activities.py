"""Activities that do nothing but what a test tells them, under the real names and with the real models."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from temporalio import activity
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from api.attempts import (
    ActionOutcome,
    AttemptFailure,
    ExecuteInput,
    Heartbeat,
    LedgerInput,
    ObserveInput,
    ParametersInput,
    RollbackInput,
)
from api.decisions import ExecuteDecision, Redecision, RedecisionInput, RevertDecision
from api.failures import FailureType
from api.meta import ObjectReference
from api.nodes import ActionOutputs, LedgerRef, RetriedWith, SnapshotRef
from api.phases import Operation, Phase
from api.runs import ProofInput, ProofReport, RehearsalInput, RunInput
from api.steps import RollbackStep
from api.tree import RunState
from tests.eventually import DEADLINE
from workflows.activity_stubs import ActivityName


@dataclass
class FakeAttempt:
    """One attempt as a behaviour sees it."""

    action: str
    errors: int
    success: str
    """The message of an ordinary success."""
    given: ExecuteInput | RollbackInput

    def done(self) -> ActionOutcome:
        """Succeed."""
        reference = ObjectReference(kind="Localization", namespace="default", name=self.action)
        created = self.success.startswith("Created")
        return ActionOutcome(
            phase=Phase.SUCCEEDED,
            message=self.success,
            attempt=activity.info().attempt,
            operation=Operation.CREATE if created else None,
            created=True if created else None,
            outputs=ActionOutputs(localization_ref=reference) if created else None,
        )

    def failure(self, reason: str, kind: FailureType, errors: int, not_begun: int = 0) -> ApplicationError:
        """Fail as the real activities do: `errors` counts this one, or `not_begun` does."""
        details = AttemptFailure(errors=errors, attempt=activity.info().attempt, not_begun=not_begun)
        return ApplicationError(
            f"Failed to delete Localization: {reason}",
            details,
            type=kind,
            non_retryable=not kind.repeatable,
            category=ApplicationErrorCategory.BENIGN,
        )


Behaviour = Callable[[FakeAttempt], Awaitable[ActionOutcome]]


@dataclass
class HeldAttempt:
    """Holds an attempt until a test opens it; heartbeats meanwhile, and passes over a cancel."""

    opened: asyncio.Event = field(default_factory=asyncio.Event)
    reached: asyncio.Event = field(default_factory=asyncio.Event)
    reason: str = ""
    """Fail with this reason once opened."""

    def open(self) -> None:
        """Let the attempt end."""
        self.opened.set()

    async def held(self) -> None:
        """Wait until an attempt stands before it."""
        await asyncio.wait_for(self.reached.wait(), DEADLINE)

    async def __call__(self, attempt: FakeAttempt) -> ActionOutcome:
        self.reached.set()
        while not self.opened.is_set():
            try:
                activity.heartbeat(Heartbeat(errors=attempt.errors))
                await asyncio.wait_for(self.opened.wait(), 0.2)
            except (TimeoutError, asyncio.CancelledError):
                continue
        if self.reason:
            raise attempt.failure(self.reason, FailureType.TRANSIENT, attempt.errors + 1)
        return attempt.done()


def fails(reason: str = "forbidden", kind: FailureType = FailureType.FORBIDDEN) -> Behaviour:
    """Fail at every attempt."""

    async def behave(attempt: FakeAttempt) -> ActionOutcome:
        raise attempt.failure(reason, kind, attempt.errors + activity.info().attempt)

    return behave


def fails_at_first(times: int, reason: str = "the server was away") -> Behaviour:
    """Fail the first `times` attempts with an error that a repeat may mend."""

    async def behave(attempt: FakeAttempt) -> ActionOutcome:
        if activity.info().attempt <= times:
            raise attempt.failure(reason, FailureType.TRANSIENT, attempt.errors + activity.info().attempt)
        return attempt.done()

    return behave


class FakeActivities:
    """Answers with each run's decision and behaves, action by action, as the run's test says."""

    def __init__(self) -> None:
        self.decisions: dict[str, RevertDecision | ExecuteDecision | Exception | HeldAttempt] = {}
        """By the execution's uid, or the name of a part; a HeldAttempt holds the load and then gives what stands under
        `<uid>/after`."""
        self.behaviours: dict[str, dict[str, Behaviour]] = defaultdict(dict)
        self.looks: dict[str, dict[str, ActionOutcome | Exception]] = defaultdict(dict)
        self.begun: dict[str, list[str]] = defaultdict(list)
        """Which attempts began, in order; a last look as `look at <action>`."""
        self.given: dict[str, list[ExecuteInput | RollbackInput]] = defaultdict(list)
        """What each of them was given."""
        self.records: dict[str, list[LedgerInput]] = defaultdict(list)
        """What was to be stored in the ledger."""
        self.checks: dict[str, list[ProofInput]] = defaultdict(list)
        """What was to be proved."""
        self.proofs: dict[str, list[ProofReport | Exception]] = defaultdict(list)
        """What is found, one after the other; after the last one, nothing."""
        self.redecisions: dict[str, dict[str, Redecision]] = defaultdict(dict)
        """What is decided again on actions that were refused; without one it is refused again."""
        self.asked_parameters: dict[str, list[ParametersInput]] = defaultdict(list)
        """What was to be stored of the parameters of retries; a value of a parameter `refused` is refused."""
        self.ledger: Callable[[LedgerInput], Awaitable[LedgerRef]] = self._remember

    async def _remember(self, given: LedgerInput) -> LedgerRef:
        self.records[_uid()].append(given)
        return LedgerRef(name=f"drplan-{given.origin.workflow}-{given.part}", sha256="0" * 64)

    async def _decide(self, uid: str) -> RevertDecision | ExecuteDecision:
        decision = self.decisions[uid]
        if isinstance(decision, HeldAttempt):
            decision.reached.set()
            while not decision.opened.is_set():
                activity.heartbeat()
                await asyncio.sleep(0.1)
            decision = self.decisions[f"{uid}/after"]
        assert not isinstance(decision, HeldAttempt)
        if isinstance(decision, Exception):
            raise decision
        return decision

    async def _behave(self, attempt: FakeAttempt) -> ActionOutcome:
        self.begun[_uid()].append(attempt.action)
        self.given[_uid()].append(attempt.given)
        behave = self.behaviours[_uid()].get(attempt.action)
        return await behave(attempt) if behave else attempt.done()

    def _look(self, action: str) -> ActionOutcome:
        self.begun[_uid()].append(f"look at {action}")
        seen = self.looks[_uid()].get(action)
        if isinstance(seen, Exception):
            raise seen
        return seen or ActionOutcome(phase=Phase.CANCELED, message=f"Canceled: Localization {action} still exists")

    @activity.defn(name=ActivityName.LOAD_REVERT)
    async def load_revert(self, given: RunInput) -> RevertDecision:
        decision = await self._decide(given.part or given.execution.uid)
        assert isinstance(decision, RevertDecision)
        return decision

    @activity.defn(name=ActivityName.LOAD_EXECUTE)
    async def load_execute(self, given: RunInput) -> ExecuteDecision:
        decision = await self._decide(given.execution.uid)
        assert isinstance(decision, ExecuteDecision)
        return decision

    @activity.defn(name=ActivityName.PREVIEW)
    async def preview(self, given: RunInput) -> RunState:
        return (await self._decide(given.execution.uid)).state

    @activity.defn(name=ActivityName.REHEARSE)
    async def rehearse(self, given: RehearsalInput) -> RunState:
        return (await self._decide(given.plan.uid)).state

    @activity.defn(name=ActivityName.ROLLBACK_ACTION)
    async def rollback_action(self, given: RollbackInput) -> ActionOutcome:
        name = _named(given.step)
        return await self._behave(FakeAttempt(name, given.errors, f"Rolled back: deleted Localization {name}", given))

    @activity.defn(name=ActivityName.EXECUTE_ACTION)
    async def execute_action(self, given: ExecuteInput) -> ActionOutcome:
        name = given.step.action
        return await self._behave(FakeAttempt(name, given.errors, f"Created Localization {name}", given))

    @activity.defn(name=ActivityName.LOOK_AGAIN)
    async def look_again(self, given: ObserveInput) -> ActionOutcome:
        return self._look(_named(given.step))

    @activity.defn(name=ActivityName.VERIFY_ACTION)
    async def verify_action(self, given: ExecuteInput) -> ActionOutcome:
        return self._look(given.step.action)

    @activity.defn(name=ActivityName.STORE_RECORD)
    async def store_record(self, given: LedgerInput) -> LedgerRef:
        return await self.ledger(given)

    @activity.defn(name=ActivityName.PROVE_REVERT)
    async def prove_revert(self, given: ProofInput) -> ProofReport:
        self.checks[_uid()].append(given)
        found = self.proofs[_uid()].pop(0) if self.proofs[_uid()] else ProofReport()
        if isinstance(found, Exception):
            raise found
        return found

    @activity.defn(name=ActivityName.STORE_PARAMETERS)
    async def store_parameters(self, given: ParametersInput) -> RetriedWith:
        self.asked_parameters[_uid()].append(given)
        if "refused" in given.request.parameters:
            raise ApplicationError("the action does not use it", type=FailureType.INVALID, non_retryable=True)
        ref = SnapshotRef(name=f"drplan-{given.request.id}", sha256="0" * 64)
        names = given.request.parameters
        return RetriedWith(parameters=names, by=given.request.by, at=datetime.now(UTC), record=ref)

    @activity.defn(name=ActivityName.DECIDE_AGAIN)
    async def decide_again(self, given: RedecisionInput) -> Redecision:
        self.begun[_uid()].append(f"decide again on {given.action}")
        found = self.redecisions[_uid()].get(given.action)
        if found is None:
            message = "a retry changes nothing: another object"
            raise ApplicationError(message, type=FailureType.INVALID, non_retryable=True)
        return found

    def all(self) -> list[Callable[..., object]]:
        """What a worker registers."""
        return [
            self.load_revert,
            self.load_execute,
            self.preview,
            self.rehearse,
            self.rollback_action,
            self.execute_action,
            self.look_again,
            self.verify_action,
            self.store_record,
            self.prove_revert,
            self.store_parameters,
            self.decide_again,
        ]


def _named(step: RollbackStep) -> str:
    return step.custom.step.action if step.custom else step.deletions[0].target.name


def _uid() -> str:
    """The execution's uid, from the id `<operation>/<namespace>/<name>/<uid>/…`."""
    workflow_id = activity.info().workflow_id
    assert workflow_id is not None
    return workflow_id.split("/")[3]
