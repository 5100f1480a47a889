"""What an activity may do, derived from objects that only the bridge and the worker write.

A client of the Temporal namespace can start a workflow with any input, and one that polls the task queue can ask for
any activity in a genuine run. So no input is believed: the root of the activity's own run comes from Temporal's server,
and the execution that it is for must exist, be accepted and name that very run in its status. Namespace, service
account, definitions and the steps of a Revert then come from the execution and from what the worker stored beside it.
Source: docs/operations.md, "Who reaches Temporal"; docs/decisions/0020-what-gives-power-is-derived.md.
"""

import asyncio
import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import Protocol, Self, TypeVar

from temporalio import activity
from temporalio.client import Client

from activities.attempt import RunningAttempt
from activities.errors import ActionError, NotRecordedError
from activities.observe import observe
from activities.read import find, original_of, read_execution
from activities.store import SnapshotStore
from activities.temporal_runs import RootRecord, RunUnknownError, TemporalRuns
from api.attempts import ExecuteInput, LedgerInput, ObserveInput, RollbackInput
from api.execution import DRPlanExecution, Engine
from api.failures import FailureType
from api.meta import ACCEPTED_ANNOTATION, FINALIZER, ObjectKey
from api.nodes import SnapshotRef
from api.objects import Actor
from api.phases import OperationType
from api.plan import DRPlan
from api.runs import ProofInput, RehearsalInput, RunInput
from api.snapshot import Snapshot
from api.steps import Origin
from kube.client import Cluster
from planning.definitions.identifiers import rehearsal_id, root_id, root_id_of
from planning.definitions.rehearsal import preview_of
from planning.execute.workflow import is_step_of
from planning.messages import access as access_messages
from planning.messages import runs as run_messages
from planning.revert.marks import is_own
from planning.snapshot.decision import step_of
from planning.snapshot.documents import use_of

InputT = TypeVar("InputT", ExecuteInput, RollbackInput, ObserveInput)

_CACHE_SECONDS = 2.0
"""How long an execution that was read is used: a status may hold a megabyte, and many actions run at once."""
_CACHE_SIZE = 200
_FIRST_PAUSE = 0.05
_SHOWN_AFTER = 0.5
_LONGEST_PAUSE = 1.0
_LONGEST_WAIT = 20.0
"""Seconds; within the margin that start-to-close leaves above the action's own time."""


@dataclass(frozen=True)
class Impersonation:
    """The installation's settings: the service account for plans that name none, and whether accounts are used."""

    default_service_account: str = "default"
    enabled: bool = True

    def account(self, plan: DRPlan | None, snapshot: Snapshot | None = None) -> str | None:
        """Return the name of the service account; None if actions have the worker's own rights.

        If the plan is gone, the account of the original is used, as the `snapshot` of that records it.
        """
        if not self.enabled:
            return None
        if plan is not None:
            return plan.spec.service_account_name or self.default_service_account
        recorded = _account_of(snapshot) if snapshot is not None else None
        return recorded or self.default_service_account


def _account_of(snapshot: Snapshot) -> str | None:
    """Return the account of an Execute; None if neither the plan named one nor the release recorded it."""
    return snapshot.service_account_name or snapshot.plan.spec.service_account_name


def actor_of(namespace: str, account: str | None) -> Actor:
    """Return the actor for a service account in the plan's namespace."""
    return Actor(user=None if account is None else f"system:serviceaccount:{namespace}:{account}")


@dataclass(frozen=True)
class AuthorizedRun:
    """What a root workflow may decide on."""

    execution: DRPlanExecution
    plan: DRPlan | None
    """As it was when the lock in it was seen: a decision is made of it, and does not read it again."""


class Authorizer(Protocol):
    """Decides what an activity may do. Methods raise ActionError, and NotRecordedError where it is not known yet."""

    async def root(self, request: RunInput) -> AuthorizedRun:
        """Return the execution that the root workflow of this activity may decide on, and its plan."""

    async def rehearsal(self, request: RehearsalInput) -> AuthorizedRun:
        """Return the preview of a plan that this activity may make, as an execution that is stored nowhere."""

    async def action(self, request: InputT, attempt: RunningAttempt) -> InputT:
        """Return the input of an action with what gives power as trusted objects have it."""

    async def record(self, request: LedgerInput, attempt: RunningAttempt) -> None:
        """Return if this activity belongs to the run whose ledger it is to write."""

    async def proof(self, request: ProofInput, attempt: RunningAttempt) -> DRPlanExecution:
        """Return the Revert whose run this activity belongs to, also after its end: it only reads."""

    async def redecision(self, attempt: RunningAttempt) -> DRPlanExecution:
        """Return the Revert whose run asks for another decision on an action."""


class RunRecords(Protocol):
    """What Temporal's server says of runs. Methods raise RunUnknownError."""

    async def root_of(self, workflow_id: str, run_id: str) -> RootRecord:
        """Return the root of a run, which is the run itself where nobody started it as a child."""

    async def first_run_id(self, workflow_id: str, run_id: str) -> str:
        """Return the first run of the chain of resets that a run belongs to."""


class RunAuthorizer:
    """Authorizes activities by the execution that names their run."""

    def __init__(
        self, cluster: Cluster, snapshots: SnapshotStore, runs: RunRecords, impersonation: Impersonation
    ) -> None:
        self._cluster = cluster
        self._snapshots = snapshots
        self._runs = runs
        self._impersonation = impersonation
        self._cache: OrderedDict[ObjectKey, tuple[DRPlanExecution, float]] = OrderedDict()
        """Executions, and when they were read."""

    @classmethod
    def of(cls, client: Client, cluster: Cluster, snapshots: SnapshotStore, impersonation: Impersonation) -> Self:
        """Return the authorizer of a worker."""
        return cls(cluster, snapshots, TemporalRuns(client), impersonation)

    async def root(self, request: RunInput) -> AuthorizedRun:
        """Return the execution that the root workflow of this activity may decide on, and its plan.

        The status names the run only after the start, but what the bridge writes before it is there. The lock is
        required of every run but a preview: whoever may write a status can name any run there.
        """
        info, key = activity.info(), request.execution
        execution = await read_execution(self._cluster, key, FailureType.NOT_FOUND)
        spec, status = execution.spec, execution.status
        if (spec.plan_ref, spec.operation_type) != (request.plan, request.operation):
            raise _refused(access_messages.another_request(key))
        if info.workflow_id != root_id(request.operation, key):
            raise _refused(access_messages.another_run(key, info.workflow_id or ""))
        if status.phase is not None and status.phase.terminal and status.engine is None:
            # A bridge that was stopped before the start, and started it after another one had ended it.
            raise ActionError(FailureType.INVALID, access_messages.ended_before_start(key, status.phase))
        recorded = _own_engine(execution)
        if recorded is not None:
            await self._require_same_run(key, recorded, info.workflow_run_id or "")
        elif not _accepted(execution) or FINALIZER not in execution.metadata.finalizers:
            raise ActionError(FailureType.TRANSIENT, access_messages.not_started_by_bridge(key))
        plan = await find(self._cluster, DRPlan, key.namespace, spec.plan_ref)
        # Of a plan that is gone nobody has the lock, so only a run that the bridge has recorded goes on.
        locked = recorded is not None if plan is None else plan.locked_by(key)
        if not spec.dry_run and not locked:
            raise ActionError(FailureType.TRANSIENT, access_messages.without_lock(key, spec.plan_ref))
        if status.summary is None and not status.stages:
            # The first action asks before the bridge can have recorded the run, and need not read this to be told so.
            self._remember(key, execution)
        return AuthorizedRun(execution, plan)

    async def rehearsal(self, request: RehearsalInput) -> AuthorizedRun:
        """Return the preview of a plan that this activity may make, as an execution that is stored nowhere.

        What it asks is in the status of the plan, which names this very run by its start.
        """
        key = request.plan
        plan = await find(self._cluster, DRPlan, key.namespace, key.name)
        if plan is None or plan.metadata.uid != key.uid:
            raise ActionError(FailureType.NOT_FOUND, run_messages.plan_gone(key.name))
        record, workflow_id = plan.status.rehearsal, activity.info().workflow_id or ""
        if record is None or record.completion_time is not None or workflow_id != rehearsal_id(key, record.start_time):
            raise _refused(access_messages.another_rehearsal(key, workflow_id))
        return AuthorizedRun(preview_of(plan, record.operation, record.execution), plan)

    async def action(self, request: InputT, attempt: RunningAttempt) -> InputT:
        """Return the input of an action with what gives power as trusted objects have it."""
        root = await self._root_of_this_run()
        execution = await self._recorded(root, attempt)
        key = execution.metadata.key
        reverts = execution.spec.operation_type is OperationType.REVERT
        if isinstance(request, ExecuteInput) is reverts:
            raise _refused_step(key)
        own = request.parameters if isinstance(request, ExecuteInput) else [request.parameters]
        if any(each is not None and each.execution != key for each in own):
            raise _refused_step(key)
        if isinstance(request, ExecuteInput):
            account = await self._account_of_execute(execution, request)
        else:
            account = await self._account_of_revert(execution, request, root)
        account = account or self._impersonation.default_service_account
        actor = actor_of(key.namespace, account if self._impersonation.enabled else None)
        if request.actor.user not in (None, actor.user):
            raise _refused(access_messages.another_actor(key, request.actor.user or ""))
        return request.model_copy(update={"actor": actor})

    async def record(self, request: LedgerInput, attempt: RunningAttempt) -> None:
        """Return if this activity belongs to the run whose ledger it is to write: an Execute, and no other's."""
        execution = await self._recorded(await self._root_of_this_run(), attempt)
        key = execution.metadata.key
        if request.origin.execution != key or execution.spec.operation_type is not OperationType.EXECUTE:
            raise _refused(access_messages.another_ledger(key, request.origin.execution))

    async def proof(self, request: ProofInput, attempt: RunningAttempt) -> DRPlanExecution:
        """Return the Revert whose run this activity belongs to, also after its end: it only reads."""
        execution = await self._recorded(await self._root_of_this_run(), attempt, after_end=True)
        key = execution.metadata.key
        if request.run.execution != key or execution.spec.operation_type is not OperationType.REVERT:
            raise _refused(access_messages.another_request(key))
        return execution

    async def redecision(self, attempt: RunningAttempt) -> DRPlanExecution:
        """Return the Revert whose run this activity belongs to, which goes on."""
        execution = await self._recorded(await self._root_of_this_run(), attempt)
        if execution.spec.operation_type is not OperationType.REVERT:
            raise _refused_step(execution.metadata.key)
        return execution

    async def _account_of_execute(self, execution: DRPlanExecution, request: ExecuteInput) -> str | None:
        """Return the account of an Execute that runs the step that is asked for, of these definitions."""
        key = execution.metadata.key
        origin = request.origin
        if origin is None:
            raise _refused(access_messages.without_origin(key))
        _require_origin(origin, key, execution.status.snapshot)
        snapshot = await self._snapshots.root(key, origin.snapshot)
        use = use_of(snapshot, (origin.stage, origin.workflow))
        definition = use and await self._snapshots.definition(key, use[0].revision)
        if definition is None or not is_step_of(execution, definition.spec.actions, request.step):
            raise _refused_step(key)
        return _account_of(snapshot)

    async def _account_of_revert(
        self, execution: DRPlanExecution, request: RollbackInput | ObserveInput, root: RootRecord
    ) -> str | None:
        """Return the account of a Revert that decided on the step that is asked for."""
        key, ref = execution.metadata.key, execution.status.decision
        if ref is None:
            return await self._account_without_decision(execution, request)
        decision = await self._snapshots.decision(key, ref)
        if request.decided_again is not None:
            # The worker stored it, like the first one, and only says which of the two has the step.
            decision = await self._snapshots.decision(key, request.decided_again)
        if not decision.contains(step_of(request)):
            was_reset = execution.status.engine is not None and execution.status.engine.run_id != root.run_id
            if was_reset or execution.spec.revert_to is not None:
                # Of a run that was reset, and of one that decides on each of several executions in its turn, the status
                # names the decision before until the bridge records the next one.
                raise NotRecordedError(FailureType.TRANSIENT, access_messages.waiting_for_record(key))
            raise _refused_step(key)
        if request.origin is not None:
            _require_origin(request.origin, key, decision.snapshot)
        return decision.service_account_name

    async def _account_without_decision(
        self, revert: DRPlanExecution, request: RollbackInput | ObserveInput
    ) -> str | None:
        """Return the account of a Revert that a release decided which stored no decisions, or a bridge does not record.

        Its deletions are limited to objects that the original created, and what it carries out to stored definitions;
        it restores nothing.
        """
        key, origin = revert.metadata.key, request.origin
        if request.step.restoration is not None:
            raise _refused_step(key)
        if origin is not None:
            _require_origin(origin, key, revert.status.snapshot)
        elif request.step.custom is not None:
            raise _refused(access_messages.without_origin(key))
        plan = await find(self._cluster, DRPlan, key.namespace, revert.spec.plan_ref)
        if plan is not None and not plan.locked_by(key):
            # No decision shows that the worker has seen the lock before.
            raise NotRecordedError(FailureType.TRANSIENT, access_messages.without_lock(key, revert.spec.plan_ref))
        account = self._impersonation.account(plan)
        if deletions := request.step.deletions:
            original = await original_of(self._cluster, revert)
            targets, actor = [deletion.target for deletion in deletions], actor_of(key.namespace, account)
            observed = await observe(self._cluster, targets, actor, lambda _: None)
            if original is None or not all(is_own(original, each, observed[each.target]) for each in deletions):
                raise _refused_step(key)
        return account

    async def _root_of_this_run(self) -> RootRecord:
        info = activity.info()
        if not info.workflow_id or not info.workflow_run_id:
            raise _refused(access_messages.WITHOUT_RUN)
        try:
            return await self._runs.root_of(info.workflow_id, info.workflow_run_id)
        except RunUnknownError as error:
            raise NotRecordedError(FailureType.TRANSIENT, access_messages.run_not_described(str(error))) from None

    async def _recorded(self, root: RootRecord, attempt: RunningAttempt, *, after_end: bool = False) -> DRPlanExecution:
        """Return the execution that names this run, once the bridge has recorded the run and its tree.

        With `after_end` it may have ended.
        """
        if root.run_input is None:
            raise _refused(access_messages.not_a_root(root.workflow_id, root.workflow_type))
        key, operation = root.run_input.execution, root.run_input.operation
        if root.workflow_id != root_id(operation, key):
            raise _refused(access_messages.another_run(key, root.workflow_id))
        waited, pause, cached = 0.0, _FIRST_PAUSE, True
        while True:
            execution = await self._execution(key, cached=cached)
            if execution.spec.operation_type is not operation or execution.spec.dry_run:
                raise _refused(access_messages.another_request(key))
            status, waiting = execution.status, access_messages.waiting_for_record(key)
            if (recorded := _own_engine(execution)) is not None:
                await self._require_same_run(key, recorded, root.run_id)
                if status.phase is not None and status.phase.terminal and not after_end:
                    # A run that was reset after the end, or an end that the bridge will take back.
                    waiting = access_messages.after_end(key, status.phase)
                # The bridge writes account and snapshot together with the first tree, whose counts are the summary.
                elif _accepted(execution) and status.summary is not None:
                    return execution
            if waited >= _LONGEST_WAIT:
                raise NotRecordedError(FailureType.TRANSIENT, waiting)
            if waited >= _SHOWN_AFTER:
                # Each is a call to Temporal and a write there; the first action of a run always waits for a moment.
                attempt.report(waiting_for=waiting)
            await asyncio.sleep(pause)
            waited, pause, cached = waited + pause, min(pause * 2, _LONGEST_PAUSE), False

    async def _require_same_run(self, execution: ObjectKey, recorded: Engine, run_id: str) -> None:
        """Raise ActionError unless the recorded run is this one, or one that this run was reset from or to."""
        if recorded.run_id == run_id:
            return
        try:
            first = await self._runs.first_run_id(recorded.workflow_id, run_id)
            same = recorded.run_id == first or (
                await self._runs.first_run_id(recorded.workflow_id, recorded.run_id) == first
            )
        except RunUnknownError as error:
            raise NotRecordedError(FailureType.TRANSIENT, access_messages.run_not_described(str(error))) from None
        if not same:
            raise _refused(access_messages.another_run(execution, recorded.workflow_id, run_id))

    async def _execution(self, key: ObjectKey, *, cached: bool) -> DRPlanExecution:
        known = self._cache.get(key)
        if cached and known is not None and time.monotonic() - known[1] < _CACHE_SECONDS:
            return known[0]
        execution = await read_execution(self._cluster, key, FailureType.NOT_FOUND, tree=False)
        self._remember(key, execution)
        return execution

    def _remember(self, key: ObjectKey, execution: DRPlanExecution) -> None:
        self._cache[key] = (execution, time.monotonic())
        self._cache.move_to_end(key)
        while len(self._cache) > _CACHE_SIZE:
            self._cache.popitem(last=False)


def _accepted(execution: DRPlanExecution) -> bool:
    return execution.metadata.annotations.get(ACCEPTED_ANNOTATION) == execution.metadata.uid


def _own_engine(execution: DRPlanExecution) -> Engine | None:
    """Return the run that the status names; None where that is another object's, which the bridge never writes."""
    engine = execution.status.engine
    own = root_id_of(execution)
    return engine if engine is not None and engine.workflow_id == own else None


def _require_origin(origin: Origin, execution: ObjectKey, snapshot: SnapshotRef | None) -> None:
    """Raise ActionError unless the definitions that are asked for are those stored for the execution."""
    if origin.execution != execution or origin.snapshot != snapshot:
        raise _refused(access_messages.another_snapshot(execution, origin.snapshot.name))


def _refused(message: str) -> ActionError:
    return ActionError(FailureType.UNTRUSTED_RUN, message)


def _refused_step(execution: ObjectKey) -> ActionError:
    return ActionError(FailureType.UNTRUSTED_STEP, access_messages.another_step(execution))
