"""The beginning of a run: read the objects, look, let planning decide, and keep what the run works with.

Source: docs/architecture.md, "The way of one Revert"; docs/spec/drplanexecution.md, "What is kept".
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import TypeVar

from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.attempt import log
from activities.attempt.failures import ActionError, application_error
from activities.attempt.heartbeat import Pulse
from activities.impersonation import Impersonation, actor_of
from activities.read.definitions import find, find_workflows
from activities.read.look import look_at
from activities.read.original import Originals, Worked
from activities.read.parameters import read_values
from activities.store.controller_revisions import Revisions
from activities.store.snapshots import Snapshots
from api.execution import DRPlanExecution
from api.meta import ObjectKey
from api.plan import DRPlan
from api.steps import Actor, ExecuteDecision, FailureType, Origin, RevertDecision, RunInput
from kube.client import Cluster
from planning.execute.decide import decide_execute
from planning.messages import attempts as attempt_messages
from planning.messages import rejections
from planning.revert.decide import concerns, decide_revert, executes_definitions
from planning.revert.decide import rejected as rejected_revert
from planning.snapshot.definitions import (
    layers_of,
    layers_of_revert,
    of_execute,
    of_revert,
    of_revert_today,
    own_errors,
)
from planning.snapshot.documents import Definitions, Document, Place, documents
from planning.values.precedence import Layers
from planning.values.resolve import Resolved, resolve

DecisionT = TypeVar("DecisionT", RevertDecision, ExecuteDecision)

_BOUND = 2_000_000
"""Bytes of one payload; Temporal refuses 2 MiB. Source: Temporal, "Workflow Execution limits"."""

_ATTEMPTS_AT_THE_UNEXPECTED = 5


class Loads:
    """Activities at the beginning of a run."""

    def __init__(self, cluster: Cluster, impersonation: Impersonation) -> None:
        self._cluster = cluster
        self._impersonation = impersonation
        self._snapshots = Snapshots(Revisions(cluster))
        self._originals = Originals(cluster, self._snapshots)

    @activity.defn
    async def load_revert(self, given: RunInput) -> RevertDecision:
        """Decide what a Revert will do, from what is recorded and what is there."""
        return await _run(lambda pulse: self._revert(given, pulse))

    @activity.defn
    async def load_execute(self, given: RunInput) -> ExecuteDecision:
        """Decide what an Execute will do, and keep what it works with."""
        return await _run(lambda pulse: self._execute(given))

    async def _execute(self, given: RunInput) -> ExecuteDecision:
        namespace = given.execution.namespace
        execution = await self._execution(given.execution)
        plan = await find(self._cluster, DRPlan, namespace, given.plan)
        if plan is None:
            raise ActionError(FailureType.NOT_FOUND, attempt_messages.plan_gone(given.plan))
        references = (each.workflow_ref for stage in plan.spec.stages for each in stage.workflows)
        workflows = await find_workflows(self._cluster, references)
        account = self._impersonation.account(plan)
        resolved = await self._resolved(layers_of(plan, workflows, execution), actor_of(namespace, account))
        kept = await _documents(given.execution, of_execute(execution, plan, workflows, resolved))
        # Thousands of actions take seconds; in a thread, so that all attempts of this worker go on beating.
        origin = _origin(given.execution, kept)
        decision = await asyncio.to_thread(decide_execute, execution, plan, workflows, resolved, origin)
        return _named(await self._kept(decision, given.execution, kept), namespace, account)

    async def _revert(self, given: RunInput, pulse: Pulse) -> RevertDecision:
        namespace = given.execution.namespace
        revert = await self._execution(given.execution)
        today = await find(self._cluster, DRPlan, namespace, given.plan)
        original = await self._originals.original(revert)
        account = self._impersonation.account(today, original)
        if original is None:
            return _named(decide_revert(revert, None, [], {}, today, {}), namespace, account)
        worked = await self._originals.worked_with(original, today)
        decision = await self._decided(revert, original, worked, actor_of(namespace, account), pulse)
        return _named(decision, namespace, account)

    async def _decided(
        self, revert: DRPlanExecution, original: DRPlanExecution, worked: Worked, actor: Actor, pulse: Pulse
    ) -> RevertDecision:
        """Look, decide, and keep what is to be carried out."""
        targets = await asyncio.to_thread(concerns, original, worked.workflows)
        looks = await look_at(self._cluster, targets, actor, lambda text: pulse.say(waiting_for=text))
        earlier = await self._originals.reverts_of(original)
        definitions, errors = await self._carried_out(revert, original, worked, actor)
        kept = await _documents(revert.metadata.key, definitions)
        work = partial(decide_revert, revert, original, earlier, looks, worked.plan, worked.workflows)
        origin, of_today = _origin(revert.metadata.key, kept), worked.snapshot is None
        decision = await asyncio.to_thread(work, origin, definitions_of_today=of_today)
        if errors and decision.rejection is None:
            return rejected_revert(rejections.bad_parameters(errors))
        return await self._kept(decision, revert.metadata.key, kept)

    async def _carried_out(
        self, revert: DRPlanExecution, original: DRPlanExecution, worked: Worked, actor: Actor
    ) -> tuple[Definitions | None, list[str]]:
        """Give the definitions that a Revert carries out, if any, and what is wrong with its own parameters."""
        if worked.plan is None or not executes_definitions(original, worked.workflows):
            return None, []
        if worked.snapshot is not None:
            resolved = await self._resolved(layers_of_revert(worked.snapshot, revert), actor)
            return of_revert(worked.snapshot, worked.workflows, revert, resolved), own_errors(revert, resolved)
        resolved = await self._resolved(layers_of(worked.plan, worked.workflows, original, revert), actor)
        definitions = of_revert_today(original, revert, worked.plan, worked.workflows, resolved)
        return definitions, own_errors(revert, resolved)

    async def _resolved(self, places: Mapping[Place, Layers], actor: Actor) -> dict[Place, Resolved]:
        """Determine all parameters, what stands in live objects included."""
        answers = await read_values(self._cluster, actor, list(places.values()))
        return {place: resolve(of, answers) for place, of in places.items()}

    async def _kept(self, decision: DecisionT, execution: ObjectKey, kept: Sequence[Document]) -> DecisionT:
        """Keep the documents of a run that goes ahead, and name them in its status."""
        if decision.rejection is not None or not kept:
            return decision
        await self._snapshots.keep(execution, kept)
        state = decision.state.model_copy(update={"snapshot": kept[-1].ref})
        return decision.model_copy(update={"state": state})

    async def _execution(self, key: ObjectKey) -> DRPlanExecution:
        """Read the object that is carried out, and no other of that name."""
        found = await find(self._cluster, DRPlanExecution, key.namespace, key.name)
        if found is None or found.metadata.uid != key.uid:
            raise ActionError(FailureType.NOT_FOUND, attempt_messages.another_execution(key))
        phase = found.status.phase
        if phase is not None and phase.terminal and found.status.engine is None:
            # A bridge that was stopped before the start, and started it after another one had ended it.
            raise ActionError(FailureType.INVALID, attempt_messages.ended_before_start(key, phase))
        return found


async def _documents(execution: ObjectKey, definitions: Definitions | None) -> Sequence[Document]:
    """Give what is to be kept; nothing where nothing is to be carried out."""
    return [] if definitions is None else await asyncio.to_thread(documents, execution, definitions)


def _origin(execution: ObjectKey, kept: Sequence[Document]) -> Origin | None:
    return Origin(execution=execution, snapshot=kept[-1].ref) if kept else None


async def _run(work: Callable[[Pulse], Awaitable[DecisionT]]) -> DecisionT:
    """Give a decision that Temporal can carry. Raises ApplicationError."""
    pulse = Pulse(ActionError(FailureType.TIMED_OUT, ""))
    try:
        async with pulse.beating():
            decision = await work(pulse)
            _refuse_too_large(decision)
    except ActionError as error:
        raise _failure(error) from None
    except Exception as error:
        log.broke("A decision ended", error)
        # Without its cause: Temporal would show its text, which may quote what is secret.
        raise _failure(_unexpected(error)) from None
    return decision


def _failure(error: ActionError) -> ApplicationError:
    failure = application_error(error, 0, 0, activity.info().attempt)
    log.attempt_failed(failure)
    return failure


def _unexpected(error: Exception) -> ActionError:
    """Give a fault of ours as a failure: repeated a few times, for it may come from a strange answer."""
    again = activity.info().attempt < _ATTEMPTS_AT_THE_UNEXPECTED
    return ActionError(FailureType.TRANSIENT if again else FailureType.INVALID, attempt_messages.unexpected(error))


def _named(decision: DecisionT, namespace: str, account: str | None) -> DecisionT:
    """Add in whose name the actions act."""
    state = decision.state.model_copy(update={"service_account_name": account})
    return decision.model_copy(update={"state": state, "actor": actor_of(namespace, account)})


def _refuse_too_large(decision: RevertDecision | ExecuteDecision) -> None:
    size = sum(len(payload.data) for payload in activity.payload_converter().to_payloads([decision]))
    if size > _BOUND:
        raise ActionError(FailureType.TOO_LARGE, attempt_messages.too_large(size, _BOUND))
