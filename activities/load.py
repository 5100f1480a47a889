"""Load a run: read the objects, observe, let planning decide, and store the definitions that the run works from.

Source: docs/architecture.md, "The way of one Revert" and "In whose name"; docs/spec/drplanexecution.md, "What is
kept"; Kubernetes, "User impersonation".
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import TypeVar

from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.access import require_open_namespace, require_readable_workflows
from activities.attempt import RunningAttempt
from activities.authorize import Authorizer, Impersonation, actor_of
from activities.errors import ActionError, application_error, log_failure, log_unexpected
from activities.ledger import LedgerStore
from activities.read import (
    OriginalDefinitions,
    OtherExecutions,
    find,
    find_workflows,
    makers_of,
    observe,
    original_definitions,
    original_of,
    other_executions,
    read_values,
    standing_objects,
)
from activities.store import RevisionStore, SnapshotStore
from api.execution import DRPlanExecution
from api.meta import ObjectKey, ObjectName
from api.plan import DRPlan
from api.snapshot import Snapshot
from api.steps import Actor, Attempts, ExecuteDecision, FailureType, Origin, RevertDecision, RunInput
from kube.client import Cluster
from planning.definitions.identifiers import workflow_references
from planning.execute.decide import decide_execute, objects_to_create
from planning.execute.decide import rejected as rejected_execute
from planning.execute.standing import conflicts, plan_was_executed
from planning.messages import actions as action_messages
from planning.messages import runs as run_messages
from planning.messages import tree as tree_messages
from planning.revert.decide import ENDED, decide_revert, executes_definitions, objects_to_observe
from planning.revert.decide import rejected as rejected_revert
from planning.revert.layers import Layer, in_effect, lacks_records, layer_of
from planning.revert.marks import without_foreign, without_unmarked
from planning.revert.scope import Scope
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
from planning.values.parameters import Layers, Resolved, resolve

DecisionT = TypeVar("DecisionT", RevertDecision, ExecuteDecision)

_BOUND = 2_000_000
"""Bytes of one payload; Temporal refuses 2 MiB. Source: Temporal, "Workflow Execution limits"."""

_ATTEMPTS_AFTER_UNEXPECTED = 5
_PATIENT_ATTEMPTS = 6
"""About a minute. A service account that does not exist by then fails the run. An object that cannot be read by then, a
dead aggregated API's for example, keeps nobody waiting: its action fails when its turn comes."""


class LoadActivities:
    """Activities at the beginning of a run."""

    def __init__(self, cluster: Cluster, impersonation: Impersonation, authorizer: Authorizer) -> None:
        self._cluster = cluster
        self._impersonation = impersonation
        self._authorizer = authorizer
        revisions = RevisionStore(cluster)
        self._snapshots, self._ledgers = SnapshotStore(revisions), LedgerStore(revisions)

    @activity.defn
    async def load_revert(self, request: RunInput) -> RevertDecision:
        """Decide what a Revert will do, from what is recorded and what is there."""
        return await _run(lambda attempt: self._revert(request, attempt))

    @activity.defn
    async def load_execute(self, request: RunInput) -> ExecuteDecision:
        """Decide what an Execute will do, and store the definitions that it works from."""
        return await _run(lambda _: self._execute(request))

    async def _execute(self, request: RunInput) -> ExecuteDecision:
        namespace = request.execution.namespace
        execution = await self._authorizer.root(request)
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
        decision = await asyncio.to_thread(decide_execute, execution, plan, workflows, resolved, origin)
        if decision.rejection is None and plan_was_executed(plan, execution):
            to_create = await asyncio.to_thread(objects_to_create, execution, plan, workflows, resolved)
            objects = await standing_objects(self._cluster, execution, to_create, actor)
            if objects and (errors := conflicts(await makers_of(self._cluster, plan, objects), objects)):
                decision = rejected_execute(tree_messages.not_started(errors))
        decision = await self._store(decision, request.execution, account, documents)
        if decision.origin is None or decision.state.snapshot is None:
            return decision
        ledger = await self._ledgers.store_first(request.execution, first_part(decision.state))
        origin = decision.origin.model_copy(update={"ledger": True})
        state = decision.state.model_copy(update={"ledger": ledger})
        return decision.model_copy(update={"origin": origin, "state": state})

    async def _revert(self, request: RunInput, attempt: RunningAttempt) -> RevertDecision:
        namespace = request.execution.namespace
        revert = await self._authorizer.root(request)
        live_plan = await find(self._cluster, DRPlan, namespace, request.plan)
        original = await original_of(self._cluster, revert)
        account = None if live_plan is None else await self._account(namespace, live_plan)
        if original is not None and original.status.phase in ENDED:
            try:
                original = await self._ledgers.with_ledger(original)
            except LedgerError as error:
                rejection = rejected_revert(str(error), error.fault)
                return await self._store(rejection, request.execution, account, [])
        if original is None:
            decision = decide_revert(revert, None, [], {}, live_plan, {})
            return await self._store(decision, request.execution, account, [])
        used = await original_definitions(self._cluster, self._snapshots, original, live_plan)
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
        layers = await self._layers(original, others, live_plan)
        definitions, errors = await self._revert_definitions(revert, original, used, actor)
        documents, origin = await _documents(request.execution, definitions)
        decide = partial(decide_revert, revert, original, others.reverts, looks, used.plan, used.workflows, origin)
        decision = await asyncio.to_thread(decide, definitions_of_today=used.snapshot is None, layers=layers)
        if original.status.ledger is None:
            decision = without_unmarked(decision, original, looks)
        if errors and decision.rejection is None:
            decision = rejected_revert(tree_messages.unusable(errors))
        return await self._store(decision, request.execution, account, documents)

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
        """Return the later executions of the plan that are in effect, the newest first."""
        recent = [record.name for record in plan.status.execution_history or []] if plan is not None else []
        layers = []
        for one in in_effect(original, others.later, others.reverts, recent):
            if lacks_records(one):
                with suppress(LedgerError):
                    one = await self._ledgers.with_ledger(one)
            layers.append(await asyncio.to_thread(layer_of, one, others.reverts))
        return layers

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

    async def _store(
        self, decision: DecisionT, execution: ObjectKey, account: str | None, documents: Sequence[SnapshotDocument]
    ) -> DecisionT:
        """Store what a run that goes ahead works with, and record that and the account in its status.

        Those are the `documents` of its definitions, and the decision of a Revert.
        """
        recorded: dict[str, object] = {"service_account_name": account}
        if decision.rejection is None:
            stored = [*documents]
            if documents:
                recorded["snapshot"] = documents[-1].ref
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


async def _run(work: Callable[[RunningAttempt], Awaitable[DecisionT]]) -> DecisionT:
    """Return a decision that Temporal can carry. Raises ApplicationError."""
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


def _failure(error: ActionError) -> ApplicationError:
    failure = application_error(error, activity.info().attempt)
    log_failure(failure)
    return failure
