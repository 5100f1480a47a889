"""Load a run: read the objects, observe, let planning decide, and store the definitions that the run works from.

Source: docs/architecture.md, "The way of one Revert" and "In whose name"; docs/spec/drplanexecution.md, "What is
kept"; Kubernetes, "User impersonation".
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Generic, Protocol, TypeVar

from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.access import require_open_namespace, require_readable_workflows
from activities.attempt import RunningAttempt
from activities.authorize import Authorizer, Impersonation, actor_of
from activities.errors import ActionError, application_error, log_failure, log_unexpected
from activities.ledger import LedgerStore, prior_states
from activities.observe import observe
from activities.read import (
    OriginalDefinitions,
    OtherExecutions,
    find,
    find_workflows,
    makers_of,
    original_definitions,
    original_of,
    other_executions,
    preview_with,
    read_values,
    standing_objects,
)
from activities.store import RevisionStore, SnapshotStore
from api.execution import DRPlanExecution, Preview, Rejection, RunState
from api.meta import ObjectKey, ObjectName
from api.phases import OperationType, Phase
from api.plan import DRPlan
from api.snapshot import Snapshot
from api.steps import (
    ActionOutcome,
    Actor,
    Attempts,
    ExecuteDecision,
    FailureType,
    Origin,
    RehearsalInput,
    RevertDecision,
    RunInput,
)
from kube.client import Cluster
from planning.definitions.identifiers import workflow_references
from planning.execute.decide import decide_execute, objects_to_create, preview_execute
from planning.execute.decide import rejected as rejected_execute
from planning.execute.standing import conflicts, plan_was_executed
from planning.messages import access as access_messages
from planning.messages import actions as action_messages
from planning.messages import preview as preview_messages
from planning.messages import rejections as rejection_messages
from planning.messages import runs as run_messages
from planning.messages.text import bounded
from planning.preview.digest import differences, with_digest
from planning.preview.tree import Place, previewed, would_be_refused
from planning.revert.decide import ENDED, decide_revert, executes_definitions, objects_to_observe, why_rejected
from planning.revert.decide import rejected as rejected_revert
from planning.revert.layers import Layer, in_effect, lacks_records, layer_of
from planning.revert.marks import without_foreign, without_unmarked
from planning.revert.scope import Scope
from planning.revert.unwind import labelled, of_part, with_parts
from planning.snapshot.decision import decision_documents
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
from planning.snapshot.ledger import LedgerError, first_part
from planning.status.size_limit import shorten
from planning.status.transitions import with_counts
from planning.values.parameters import Layers, Resolved, resolve

DecisionT = TypeVar("DecisionT", RevertDecision, ExecuteDecision)
ResultT = TypeVar("ResultT", RevertDecision, ExecuteDecision, RunState)

_BOUND = 2_000_000
"""Bytes of one payload; Temporal refuses 2 MiB. Source: Temporal, "Workflow Execution limits"."""

_ATTEMPTS_AFTER_UNEXPECTED = 5
_PATIENT_ATTEMPTS = 6
"""About a minute. A service account that does not exist by then fails the run. An object that cannot be read by then, a
dead aggregated API's for example, keeps nobody waiting: its action fails when its turn comes."""


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


AnyLoaded = Loaded[ExecuteDecision] | Loaded[RevertDecision]


class Previewer(Protocol):
    """Asks what would become of the actions of a decision. Raises ActionError where that cannot be asked."""

    async def ask(
        self, loaded: AnyLoaded, actor: Actor, report: Callable[[str], None]
    ) -> Mapping[Place, ActionOutcome]:
        """Return what would become of every Pending action, by its position in the tree."""


class LoadActivities:
    """Activities at the beginning of a run."""

    def __init__(
        self,
        cluster: Cluster,
        impersonation: Impersonation,
        authorizer: Authorizer,
        previewer: Previewer,
        snapshots: SnapshotStore | None = None,
    ) -> None:
        self._cluster = cluster
        self._previewer = previewer
        self._snapshots = snapshots or SnapshotStore.of(cluster)
        self._impersonation = impersonation
        self._authorizer = authorizer
        self._revisions = RevisionStore(cluster)
        self._ledgers = LedgerStore(self._revisions)

    @activity.defn
    async def load_revert(self, request: RunInput) -> RevertDecision:
        """Decide what a Revert will do, from what is recorded and what is there."""
        return await _run(lambda attempt: self._revert(request, attempt))

    @activity.defn
    async def preview(self, request: RunInput) -> RunState:
        """Decide what an execution would do, and ask about every action; nothing is changed or stored."""
        return await _run(lambda attempt: self._preview(request, attempt))

    @activity.defn
    async def rehearse(self, request: RehearsalInput) -> RunState:
        """Ask what an execution of a plan would do, as a preview does; return what it found without the tree."""
        return await _run(lambda attempt: self._rehearse(request, attempt))

    @activity.defn
    async def load_execute(self, request: RunInput) -> ExecuteDecision:
        """Decide what an Execute will do, and store the definitions that it works from."""
        return await _run(lambda attempt: self._execute(request, attempt))

    async def _execute(self, request: RunInput, attempt: RunningAttempt) -> ExecuteDecision:
        execution = await self._authorizer.root(request)
        _require_preview(execution, preview=False)
        loaded = await self._decided_execute(request, execution)
        decision = await self._store(await self._as_previewed(execution, loaded, attempt), request.execution)
        if decision.origin is None or decision.state.snapshot is None:
            return decision
        ledger = await self._ledgers.store_first(request.execution, first_part(decision.state))
        origin = decision.origin.model_copy(update={"ledger": True})
        state = decision.state.model_copy(update={"ledger": ledger})
        return decision.model_copy(update={"origin": origin, "state": state})

    async def _decided_execute(self, request: RunInput, execution: DRPlanExecution) -> Loaded[ExecuteDecision]:
        namespace = request.execution.namespace
        plan = await find(self._cluster, DRPlan, namespace, request.plan)
        if plan is None:
            raise ActionError(FailureType.NOT_FOUND, run_messages.plan_gone(request.plan))
        account = await self._account(namespace, plan)
        actor = actor_of(namespace, account)
        references = workflow_references(plan)
        await require_readable_workflows(self._cluster, namespace, actor, references)
        workflows = await find_workflows(self._cluster, references)
        resolved = await self._resolved(layers_of(plan, workflows, execution), actor)
        definitions = of_execute(execution, plan, workflows, resolved)
        documents, origin = await _documents(request.execution, definitions, account)
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

    async def _revert(self, request: RunInput, attempt: RunningAttempt) -> RevertDecision:
        revert = await self._authorizer.root(request)
        _require_preview(revert, preview=False)
        if revert.spec.revert_to is not None:
            return await self._unwound(request, revert, revert.spec.revert_to, attempt)
        loaded = await self._decided_revert(request, revert, attempt)
        return await self._store(await self._as_previewed(revert, loaded, attempt), request.execution)

    async def _unwound(
        self, request: RunInput, revert: DRPlanExecution, name: str, attempt: RunningAttempt
    ) -> RevertDecision:
        """Decide on the next execution of those that came after the one of this name, which stays."""
        namespace = request.execution.namespace
        target = await find(self._cluster, DRPlanExecution, namespace, name)
        if target is None:
            return rejected_revert(rejection_messages.unknown_execution(name, namespace))
        if reason := why_rejected(revert, target):
            return rejected_revert(reason)
        plan = await find(self._cluster, DRPlan, namespace, request.plan)
        later = await self._in_effect(target, await other_executions(self._cluster, target), plan)
        names = [one.metadata.name for one in later]
        part = request.part or next(iter(names), None)
        if part is None or part not in names:
            return rejected_revert(rejection_messages.nothing_later(name))
        loaded = await self._decided_revert(request, of_part(revert, part), attempt, part)
        decision = labelled(await self._store(loaded, request.execution), part)
        if request.part is not None or decision.rejection is not None:
            return decision
        return with_parts(decision, later[1:], plan)

    async def _decided_revert(
        self, request: RunInput, revert: DRPlanExecution, attempt: RunningAttempt, part: str = ""
    ) -> Loaded[RevertDecision]:
        namespace = request.execution.namespace
        live_plan = await find(self._cluster, DRPlan, namespace, request.plan)
        original = await original_of(self._cluster, revert)
        account = None if live_plan is None else await self._account(namespace, live_plan)
        if original is not None and original.status.phase in ENDED:
            try:
                original = await self._ledgers.with_ledger(original)
            except LedgerError as error:
                return Loaded(rejected_revert(str(error), error.fault), live_plan, account)
        if original is None:
            return Loaded(decide_revert(revert, None, [], {}, live_plan, {}), live_plan, account)
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
        documents, origin = await _documents(request.execution, definitions)
        decide = partial(decide_revert, revert, original, others.reverts, looks, used.plan, used.workflows, origin)
        states = await prior_states(self._revisions, original, used.workflows, Scope.of(revert.spec))
        decision = await asyncio.to_thread(
            decide, definitions_of_today=used.snapshot is None, layers=layers, part=part, prior_states=states
        )
        if original.status.ledger is None:
            decision = without_unmarked(decision, original, looks)
        if errors and decision.rejection is None and not revert.spec.dry_run:
            decision = rejected_revert(rejection_messages.unusable(errors))
        return Loaded(decision, live_plan, account, documents, errors)

    async def _preview(self, request: RunInput, attempt: RunningAttempt) -> RunState:
        execution = await self._authorizer.root(request)
        _require_preview(execution, preview=True)
        return shorten(await self._preview_of(request, execution, attempt))

    async def _rehearse(self, request: RehearsalInput, attempt: RunningAttempt) -> RunState:
        execution = await self._authorizer.rehearsal(request)
        spec = execution.spec
        run_input = RunInput(execution=execution.metadata.key, plan=spec.plan_ref, operation=spec.operation_type)
        try:
            found = await self._preview_of(run_input, execution, attempt)
        except ActionError as error:
            if error.type.repeatable:
                raise
            # The execution would end in the same way: the account is missing, for example.
            return would_be_refused(RunState(), error.message)
        return RunState(phase=found.phase, message=found.message, preview=found.preview)

    async def _preview_of(self, request: RunInput, execution: DRPlanExecution, attempt: RunningAttempt) -> RunState:
        loaded: Loaded[ExecuteDecision] | Loaded[RevertDecision]
        if request.operation is OperationType.EXECUTE:
            loaded = await self._decided_execute(request, execution)
        else:
            loaded = await self._decided_revert(request, execution, attempt)
        return await self._previewed(execution, loaded, attempt)

    async def _previewed(self, execution: DRPlanExecution, loaded: AnyLoaded, attempt: RunningAttempt) -> RunState:
        """Return the tree of what would happen now, with its digest."""
        decision, operation = loaded.decision, execution.spec.operation_type
        state = decision.state.model_copy(update={"service_account_name": loaded.account})
        if decision.rejection is not None:
            return would_be_refused(state, decision.rejection)
        actor = actor_of(execution.metadata.namespace, loaded.account)
        outcomes = await self._previewer.ask(loaded, actor, lambda text: attempt.report(waiting_for=text))
        # Thousands of actions take seconds; in a thread, so that the heartbeats of this worker continue.
        tree = await asyncio.to_thread(previewed, state, outcomes, operation, loaded.obstacles)
        return await asyncio.to_thread(with_digest, tree, operation, loaded.plan, loaded.documents)

    async def _as_previewed(
        self, execution: DRPlanExecution, loaded: Loaded[DecisionT], attempt: RunningAttempt
    ) -> Loaded[DecisionT]:
        """Return what was decided, with its preview; refused unless that is the one that the execution names."""
        wanted, decision = execution.spec.preview_digest, loaded.decision
        if not wanted or decision.rejection is not None:
            return loaded
        now = await self._previewed(execution, loaded, attempt)
        found, update = now.preview, dict[str, object]()
        if found is None or found.digest != wanted:
            shown = await preview_with(self._cluster, execution)
            plan = execution.spec.plan_ref
            what = differences(shown.status, now) if shown else [preview_messages.preview_gone(plan)]
            found = Preview(digest=found and found.digest, differences=what)
            message = bounded(preview_messages.not_as_previewed(wanted, what))
            state = RunState(phase=Phase.FAILED, message=message, preview=found)
            update = {"rejection": message, "state": with_counts(state)}
        else:
            update = {"state": decision.state.model_copy(update={"preview": Preview(digest=wanted)})}
        return replace(loaded, decision=decision.model_copy(update=update))

    async def _account(self, namespace: str, plan: DRPlan | None, snapshot: Snapshot | None = None) -> str | None:
        """Return the service account whose rights actions have; None for the worker's own. Raises ActionError."""
        account = self._impersonation.account(plan, snapshot)
        if account is not None:
            try:
                await require_open_namespace(self._cluster, namespace, account)
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

    async def _store(self, loaded: Loaded[DecisionT], execution: ObjectKey) -> DecisionT:
        """Store what a run that goes ahead works with, and record that and the account in its status.

        Those are the documents of its definitions, and the decision of a Revert.
        """
        decision, account = loaded.decision, loaded.account
        recorded: dict[str, object] = {"service_account_name": account}
        if decision.rejection is None:
            stored = [*loaded.documents]
            if stored:
                recorded["snapshot"] = stored[-1].ref
            if isinstance(decision, RevertDecision):
                stored += await asyncio.to_thread(decision_documents, execution, decision, account)
                recorded["decision"] = stored[-1].ref
            await self._snapshots.store(execution, stored)
        state = decision.state.model_copy(update=recorded)
        return decision.model_copy(update={"state": state, "actor": actor_of(execution.namespace, account)})


async def _documents(
    execution: ObjectKey, definitions: Definitions | None, service_account_name: str | None = None
) -> tuple[Sequence[SnapshotDocument], Origin | None]:
    """Return what is to be stored, and where it will be read: nothing if no definition is executed."""
    if definitions is None:
        return [], None
    stored = await asyncio.to_thread(documents_of, execution, definitions, service_account_name)
    return stored, Origin(execution=execution, snapshot=stored[-1].ref)


async def _run(work: Callable[[RunningAttempt], Awaitable[ResultT]]) -> ResultT:
    """Return a decision, or a preview, that Temporal can carry. Raises ApplicationError."""
    attempt = RunningAttempt(Attempts())
    try:
        async with attempt.heartbeats():
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


def _require_preview(execution: DRPlanExecution, *, preview: bool) -> None:
    """Raise ActionError where a run asks for something else than its execution: a preview must change nothing."""
    if bool(execution.spec.dry_run) is not preview:
        raise ActionError(FailureType.UNTRUSTED_RUN, access_messages.another_request(execution.metadata.key))


def _failure(error: ActionError) -> ApplicationError:
    failure = application_error(error, activity.info().attempt)
    log_failure(failure)
    return failure
