"""A decision as it is made in an activity: what it holds before it is stored, its bound, and how it fails.

What a Revert was decided on is kept for the proof at its end. That needs the same records again: those of an execution
that has ended, which never change. A worker that did not decide the Revert, or has no room for it, reads them.
Source: docs/architecture.md, "The bound" and "Errors and attempts"; docs/decisions/0027-a-revert-proves-what-it-did.md.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Generic, Protocol, TypeVar

from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.access import OpenNamespaces, require_readable_workflows
from activities.attempt import RunningAttempt
from activities.authorize import AuthorizedRun, Impersonation, actor_of
from activities.bounded_cache import BoundedCache
from activities.errors import ActionError, application_error, log_failure, log_unexpected
from activities.ledger import LedgerStore, prior_states
from activities.observe import observe
from activities.read import (
    OriginalDefinitions,
    OtherExecutions,
    find,
    find_workflows,
    original_definitions,
    original_of,
    other_executions,
    read_values,
)
from activities.standing_objects import makers_of, standing_objects
from activities.store import RevisionStore, SnapshotStore
from api.attempts import ActionOutcome
from api.decisions import ExecuteDecision, RevertDecision
from api.execution import DRPlanExecution
from api.failures import FailureType
from api.meta import Model, ObjectKey, ObjectName
from api.objects import Actor
from api.plan import DRPlan
from api.snapshot import Snapshot
from api.steps import Attempts, Origin
from api.tree import Rejection
from kube.client import Cluster
from planning.definitions.identifiers import workflow_references
from planning.execute.decide import decide_execute, objects_to_create, preview_execute
from planning.execute.decide import rejected as rejected_execute
from planning.execute.standing import conflicts, plan_was_executed
from planning.messages import access as access_messages
from planning.messages import actions as action_messages
from planning.messages import rejections as rejection_messages
from planning.messages import runs as run_messages
from planning.preview.tree import Place
from planning.revert.actions import executes_definitions
from planning.revert.decide import decide_revert, objects_to_observe
from planning.revert.decide import rejected as rejected_revert
from planning.revert.layers import Layer, in_effect, lacks_records, layer_of, was_taken_back
from planning.revert.marks import without_foreign, without_unmarked
from planning.revert.rejection import ENDED, why_rejected
from planning.revert.scope import Scope
from planning.snapshot.definitions import (
    layers_of,
    layers_of_revert,
    of_execute,
    of_revert,
    of_revert_today,
    revert_parameter_errors,
)
from planning.snapshot.documents import Definitions, PlanPlace, SnapshotDocument
from planning.snapshot.documents import documents as documents_of
from planning.snapshot.ledger import LedgerError
from planning.values.parameters import Layers, Resolved, resolve

DecisionT = TypeVar("DecisionT", RevertDecision, ExecuteDecision)
ResultT = TypeVar("ResultT", bound=Model)

_BOUND = 2_000_000
"""Bytes of one payload; Temporal refuses 2 MiB. Source: Temporal, "Workflow Execution limits"."""
_KEPT_BOUND = 3_000_000
"""Bytes of JSON of all that Reverts were decided on; as objects in memory they take some ten times as much."""
_ATTEMPTS_AFTER_UNEXPECTED = 5
_PATIENT_ATTEMPTS = 6
"""About a minute. A service account that does not exist by then fails the run. An object that cannot be read by then, a
dead aggregated API's for example, keeps nobody waiting: its action fails when its turn comes."""


@dataclass(frozen=True)
class Basis:
    """What a Revert, or a part of one, was decided on."""

    original: DRPlanExecution
    """With its ledger in place of its status."""
    plan: DRPlan | None

    def size(self) -> int:
        """Return the bytes of it as JSON."""
        return sum(len(one.model_dump_json()) for one in (self.original, self.plan) if one is not None)


class DecidedReverts:
    """Keeps what Reverts were decided on, the last ones where there is not room for all."""

    def __init__(self, bound: int = _KEPT_BOUND) -> None:
        self._kept: BoundedCache[tuple[str, str], Basis] = BoundedCache(bound)
        """By the uid of the Revert and the name of its part."""

    async def keep(self, revert: ObjectKey, part: str, basis: Basis) -> None:
        """Keep what a part of a Revert was decided on."""
        # In a thread: thousands of actions take longer than the event loop may be kept busy.
        size = await asyncio.to_thread(basis.size)
        self._kept.add((revert.uid, part), basis, size)

    def take(self, revert: ObjectKey, part: str) -> Basis | None:
        """Return what a part of a Revert was decided on, once; None where this worker does not know."""
        basis, _ = self._kept.pop((revert.uid, part)) or (None, 0)
        return basis


@dataclass(frozen=True)
class Loaded(Generic[DecisionT]):
    """What was decided, and what from; nothing is stored yet."""

    decision: DecisionT
    plan: DRPlan | None
    """As it is now."""
    account: str | None
    documents: Sequence[SnapshotDocument] = ()
    """The definitions that are carried out, as they are to be stored."""
    obstacles: Sequence[str] = ()
    """Of a preview: what would keep the execution as a whole from its start."""
    basis: Basis | None = None
    """What a Revert was decided on."""


AnyLoaded = Loaded[ExecuteDecision] | Loaded[RevertDecision]


class Previewer(Protocol):
    """Asks what would become of the actions of a decision. Raises ActionError where that cannot be asked."""

    async def ask(
        self, parts: Sequence[AnyLoaded], actor: Actor, report: Callable[[str], None]
    ) -> Mapping[Place, ActionOutcome]:
        """Return what would become of every Pending action, by its position in the tree of all parts together."""


@dataclass(frozen=True)
class ReturnTo:
    """What a Revert with `revertTo` is about."""

    plan: DRPlan | None
    later: Sequence[DRPlanExecution]
    """To take back, the newest first; at least one."""
    in_effect: str | None
    """The execution that it returns to; None where that was taken back before."""


class Decider:
    """Reads what a decision rests on, observes, and lets planning decide; stores nothing. Methods raise ActionError."""

    def __init__(self, cluster: Cluster, impersonation: Impersonation, ledgers: LedgerStore) -> None:
        self._cluster = cluster
        self._impersonation = impersonation
        self._revisions = RevisionStore(cluster)
        self._ledgers = ledgers
        self._open_namespaces = OpenNamespaces(cluster)

    async def execute(self, run: AuthorizedRun) -> Loaded[ExecuteDecision]:
        """Decide what an Execute does."""
        execution, plan = run.execution, run.plan
        namespace = execution.metadata.namespace
        if plan is None:
            raise ActionError(FailureType.NOT_FOUND, run_messages.plan_gone(execution.spec.plan_ref))
        account = await self._account(namespace, plan)
        actor = actor_of(namespace, account)
        references = workflow_references(plan)
        await require_readable_workflows(self._cluster, namespace, actor, references)
        workflows = await find_workflows(self._cluster, references)
        resolved = await self._resolved(layers_of(plan, workflows, execution), actor)
        definitions = of_execute(execution, plan, workflows, resolved)
        documents, origin = await stored_documents(execution.metadata.key, definitions, account)
        # Thousands of actions take seconds; in a thread, so that the heartbeats of this worker continue.
        decided_from, obstacles = (execution, plan, workflows, resolved, origin), list[str]()
        if execution.spec.dry_run:
            decision, obstacles = await asyncio.to_thread(preview_execute, *decided_from)
        else:
            decision = await asyncio.to_thread(decide_execute, *decided_from)
        if decision.rejection is None and plan_was_executed(plan, execution):
            to_create = await asyncio.to_thread(objects_to_create, execution, plan, workflows, resolved)
            objects = await standing_objects(self._cluster, execution, to_create, actor)
            if objects and (errors := conflicts(await makers_of(self._cluster, plan, objects), objects)):
                obstacles = [*obstacles, *errors]
        if obstacles and not execution.spec.dry_run:
            message = rejection_messages.not_started(obstacles)
            return Loaded(rejected_execute(message, Rejection.OBJECT_OF_ANOTHER_EXECUTION), plan, account)
        return Loaded(decision, plan, account, documents, obstacles)

    async def return_to(self, run: AuthorizedRun, name: str) -> ReturnTo | str:
        """Return what a Revert to the execution of this name takes back, or why it may not."""
        namespace = run.execution.metadata.namespace
        target = await find(self._cluster, DRPlanExecution, namespace, name)
        if target is None:
            return rejection_messages.unknown_execution(name, namespace)
        if reason := why_rejected(run.execution, target):
            return reason
        others = await other_executions(self._cluster, target)
        later = await self._in_effect(target, others, run.plan)
        if not later:
            return rejection_messages.nothing_later(name)
        return ReturnTo(run.plan, later, None if was_taken_back(target, others.reverts) else name)

    async def revert(self, run: AuthorizedRun, attempt: RunningAttempt, part: str = "") -> Loaded[RevertDecision]:
        """Decide what a Revert of one execution does; `part` is its name where the Revert takes back several."""
        revert, live_plan = run.execution, run.plan
        namespace = revert.metadata.namespace
        original = await original_of(self._cluster, revert)
        account = None if live_plan is None else await self._account(namespace, live_plan)
        if original is not None and original.status.phase in ENDED:
            try:
                original = await self._ledgers.with_ledger(original)
            except LedgerError as error:
                return Loaded(rejected_revert(str(error), error.fault), live_plan, account)
        if original is None:
            return Loaded(decide_revert(revert, None, [], {}, live_plan, {}), live_plan, account)
        basis = Basis(original, live_plan)
        # Not what this worker has read before: a decision is made of what is stored now.
        stored = SnapshotStore.of(self._cluster)
        used = await original_definitions(self._cluster, stored, original, live_plan)
        if live_plan is None:
            account = await self._account(namespace, None, used.snapshot)
        actor = actor_of(namespace, account)
        if used.snapshot is None:
            names = [ObjectName(name=name, namespace=of) for of, name in used.workflows]
            await require_readable_workflows(self._cluster, namespace, actor, names)
        targets = await asyncio.to_thread(objects_to_observe, original, used.workflows)
        patient = activity.info().attempt <= _PATIENT_ATTEMPTS
        looks = await observe(
            self._cluster, targets, actor, lambda text: attempt.report(waiting_for=text), patient=patient
        )
        if original.status.ledger is not None:
            original = without_foreign(original, looks)
        others = await other_executions(self._cluster, original)
        # Those that came after a part are taken back by then.
        layers = [] if part else await self._layers(original, others, live_plan)
        definitions, errors = await self._revert_definitions(revert, original, used, actor)
        documents, origin = await stored_documents(revert.metadata.key, definitions)
        decide = partial(decide_revert, revert, original, others.reverts, looks, used.plan, used.workflows, origin)
        states = await prior_states(self._revisions, original, used.workflows, Scope.of(revert.spec))
        decision = await asyncio.to_thread(
            decide, definitions_of_today=used.snapshot is None, layers=layers, part=part, prior_states=states
        )
        if original.status.ledger is None:
            decision = without_unmarked(decision, original, looks)
        if errors and decision.rejection is None and not revert.spec.dry_run:
            decision = rejected_revert(rejection_messages.unusable(errors))
        return Loaded(decision, live_plan, account, documents, errors, basis)

    async def _account(self, namespace: str, plan: DRPlan | None, snapshot: Snapshot | None = None) -> str | None:
        """Return the service account whose rights actions have; None for the worker's own. Raises ActionError."""
        account = self._impersonation.account(plan, snapshot)
        if account is not None:
            try:
                await self._open_namespaces.require(namespace, account)
            except ActionError as error:
                # A person who applies a whole folder may have the account in it, after the execution.
                if error.type is FailureType.NOT_FOUND and activity.info().attempt <= _PATIENT_ATTEMPTS:
                    raise ActionError(FailureType.TRANSIENT, error.message) from None
                raise
        return account

    async def _layers(self, original: DRPlanExecution, others: OtherExecutions, plan: DRPlan | None) -> list[Layer]:
        """Return the later executions of the plan that are in effect, with what they rest on, the newest first."""
        layers = []
        for one in await self._in_effect(original, others, plan):
            if lacks_records(one):
                with suppress(LedgerError):
                    one = await self._ledgers.with_ledger(one)
            layers.append(await asyncio.to_thread(layer_of, one, others.reverts))
        return layers

    async def _in_effect(
        self, original: DRPlanExecution, others: OtherExecutions, plan: DRPlan | None
    ) -> list[DRPlanExecution]:
        recent = [record.name for record in plan.status.execution_history or []] if plan is not None else []
        return await asyncio.to_thread(in_effect, original, others.later, others.reverts, recent)

    async def _revert_definitions(
        self, revert: DRPlanExecution, original: DRPlanExecution, used: OriginalDefinitions, actor: Actor
    ) -> tuple[Definitions | None, list[str]]:
        """Return the definitions that a Revert executes, if any, and what is wrong with its own parameters."""
        if used.plan is None or not executes_definitions(original, used.workflows, Scope.of(revert.spec)):
            return None, []
        if used.snapshot is not None:
            resolved = await self._resolved(layers_of_revert(used.snapshot, revert), actor)
            stored = of_revert(used.snapshot, used.workflows, revert, resolved)
            return stored, revert_parameter_errors(revert, resolved)
        resolved = await self._resolved(layers_of(used.plan, used.workflows, original, revert), actor)
        definitions = of_revert_today(original, revert, used.plan, used.workflows, resolved)
        return definitions, revert_parameter_errors(revert, resolved)

    async def _resolved(self, places: Mapping[PlanPlace, Layers], actor: Actor) -> dict[PlanPlace, Resolved]:
        """Return all parameters, including those whose values are in live objects."""
        answers = await read_values(self._cluster, actor, list(places.values()))
        return await asyncio.to_thread(lambda: {place: resolve(of, answers) for place, of in places.items()})


async def stored_documents(
    execution: ObjectKey, definitions: Definitions | None, service_account_name: str | None = None
) -> tuple[Sequence[SnapshotDocument], Origin | None]:
    """Return what is to be stored, and where it will be read: nothing if no definition is executed."""
    if definitions is None:
        return [], None
    stored = await asyncio.to_thread(documents_of, execution, definitions, service_account_name)
    return stored, Origin(execution=execution, snapshot=stored[-1].ref)


async def run_decision(work: Callable[[RunningAttempt], Awaitable[ResultT]]) -> ResultT:
    """Return a decision, or a preview, that Temporal can carry. Raises ApplicationError."""
    attempt = RunningAttempt(Attempts())
    try:
        with attempt.heartbeats():
            decision = await work(attempt)
            size = sum(len(payload.data) for payload in activity.payload_converter().to_payloads([decision]))
            if size > _BOUND:
                raise ActionError(FailureType.TOO_LARGE, run_messages.too_large(size, _BOUND))
    except ActionError as error:
        raise _failure(error) from None
    except Exception as error:
        log_unexpected("A decision ended", error)
        # Repeated a few times, for it may come from a strange answer.
        again = activity.info().attempt < _ATTEMPTS_AFTER_UNEXPECTED
        kind = FailureType.TRANSIENT if again else FailureType.INVALID
        # Without its cause: Temporal would show its text, which may quote a secret.
        raise _failure(ActionError(kind, action_messages.unexpected(error))) from None
    return decision


def require_preview(execution: DRPlanExecution, *, preview: bool) -> None:
    """Raise ActionError where a run asks for something else than its execution: a preview must change nothing."""
    if bool(execution.spec.dry_run) is not preview:
        raise ActionError(FailureType.UNTRUSTED_RUN, access_messages.another_request(execution.metadata.key))


def _failure(error: ActionError) -> ApplicationError:
    failure = application_error(error, activity.info().attempt)
    log_failure(failure)
    return failure
