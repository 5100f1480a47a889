"""The beginning of a run: read the objects, look, let planning decide, and say in whose name it acts.

Source: docs/architecture.md, "The way of one Revert".
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

from temporalio import activity

from activities.actors import Impersonation, actor_of
from activities.cluster import OWN, Cluster, Object
from activities.definitions import find, parsed
from activities.errors import ApiError
from activities.failures import ActionError, action_error, application_error
from activities.heartbeat import Pulse
from activities.looking import each, look_at
from api.execution import DRPlanExecution
from api.meta import API_VERSION, PLAN_LABEL, ObjectKey, ObjectName
from api.phases import OperationType
from api.plan import DRPlan
from api.steps import ExecuteDecision, FailureType, RevertDecision, RunInput, Target
from api.workflow import DRWorkflow
from planning import causes
from planning.execute import decide_execute
from planning.ids import label_value
from planning.lookup import Workflows
from planning.revert import concerns, decide_revert

DecisionT = TypeVar("DecisionT", RevertDecision, ExecuteDecision)

_BOUND = 2_000_000
"""Bytes of one payload; Temporal refuses 2 MiB. Source: Temporal, "Workflow Execution limits"."""

_ATTEMPTS_AT_THE_UNEXPECTED = 5


class Loads:
    """Activities at the beginning of a run."""

    def __init__(self, cluster: Cluster, impersonation: Impersonation) -> None:
        self._cluster = cluster
        self._impersonation = impersonation

    @activity.defn
    async def load_revert(self, given: RunInput) -> RevertDecision:
        """Decide what a Revert will do, from what is recorded and what is there."""
        return await _run(lambda pulse: self._revert(given, pulse))

    @activity.defn
    async def load_execute(self, given: RunInput) -> ExecuteDecision:
        """Decide what an Execute will do."""
        return await _run(lambda pulse: self._execute(given))

    async def _revert(self, given: RunInput, pulse: Pulse) -> RevertDecision:
        namespace = given.execution.namespace
        revert = await self._execution(given.execution)
        plan = await find(self._cluster, DRPlan, namespace, given.plan)
        original = await self._original(revert)
        account = self._impersonation.account(plan, original)
        if original is None:
            return _named(decide_revert(revert, None, [], {}, plan, {}), namespace, account)
        stages = original.status.stages
        workflows = await self._workflows(node.workflow_ref for stage in stages for node in stage.workflows)
        targets = await asyncio.to_thread(concerns, original, workflows)
        actor = actor_of(namespace, account)
        looks = await look_at(self._cluster, targets, actor, lambda text: pulse.say(waiting_for=text))
        earlier = await self._reverts_of(original)
        # Thousands of actions take seconds; in a thread, so that all attempts of this worker go on beating.
        decision = await asyncio.to_thread(decide_revert, revert, original, earlier, looks, plan, workflows)
        return _named(decision, namespace, account)

    async def _execute(self, given: RunInput) -> ExecuteDecision:
        namespace = given.execution.namespace
        execution = await self._execution(given.execution)
        plan = await find(self._cluster, DRPlan, namespace, given.plan)
        if plan is None:
            raise ActionError(FailureType.NOT_FOUND, causes.plan_gone(given.plan))
        stages = plan.spec.stages
        workflows = await self._workflows(each.workflow_ref for stage in stages for each in stage.workflows)
        account = self._impersonation.account(plan)
        return _named(await asyncio.to_thread(decide_execute, execution, plan, workflows), namespace, account)

    async def _execution(self, key: ObjectKey) -> DRPlanExecution:
        """Read the object that is carried out, and no other of that name."""
        found = await find(self._cluster, DRPlanExecution, key.namespace, key.name)
        if found is None or found.metadata.uid != key.uid:
            raise ActionError(FailureType.NOT_FOUND, causes.another_execution(key))
        phase = found.status.phase
        if phase is not None and phase.terminal and found.status.engine is None:
            # A bridge that was stopped before the start, and started it after another one had ended it.
            raise ActionError(FailureType.INVALID, causes.ended_before_start(key, phase))
        return found

    async def _original(self, revert: DRPlanExecution) -> DRPlanExecution | None:
        name = revert.spec.revert_execution_ref
        return await find(self._cluster, DRPlanExecution, revert.metadata.namespace, name) if name else None

    async def _workflows(self, references: Iterable[ObjectName]) -> Workflows:
        """Read every DRWorkflow that is named; the ones that are gone stay out."""
        keys = list(dict.fromkeys((reference.in_namespace, reference.name) for reference in references))
        found = await each(keys, lambda key: find(self._cluster, DRWorkflow, *key))
        return {key: dr_workflow for key, dr_workflow in zip(keys, found, strict=True) if dr_workflow is not None}

    async def _reverts_of(self, original: DRPlanExecution) -> list[DRPlanExecution]:
        """Read its Reverts: the bridge labels what it accepts, the older controller labelled nothing."""
        namespace, name = original.metadata.namespace, original.metadata.name
        kind = Target(api_version=API_VERSION, kind="DRPlanExecution", name="", namespace=namespace)
        found: list[Object] = []
        try:
            for selector in (f"{PLAN_LABEL}={label_value(original.spec.plan_ref)}", f"!{PLAN_LABEL}"):
                async for page in self._cluster.pages(kind, selector, OWN):
                    found += [item for item in page if _is_revert_of(item, name)]
        except ApiError as error:
            raise action_error(error, causes.failed_to_read("DRPlanExecutions in", namespace, error.message)) from error
        return [parsed(DRPlanExecution, item) for item in found]


def _is_revert_of(item: Object, name: str) -> bool:
    spec = item.get("spec", {})
    return bool(spec.get("operationType") == OperationType.REVERT and spec.get("revertExecutionRef") == name)


async def _run(work: Callable[[Pulse], Awaitable[DecisionT]]) -> DecisionT:
    """Give a decision that Temporal can carry. Raises ApplicationError."""
    pulse = Pulse(ActionError(FailureType.TIMED_OUT, ""))
    try:
        async with pulse.beating():
            decision = await work(pulse)
            _refuse_too_large(decision)
    except ActionError as error:
        raise application_error(error, 0, 0, activity.info().attempt) from error
    except Exception as error:
        activity.logger.exception("A decision ended unexpectedly")
        raise application_error(_unexpected(error), 0, 0, activity.info().attempt) from error
    return decision


def _unexpected(error: Exception) -> ActionError:
    """Give a fault of ours as a failure: repeated a few times, for it may come from a strange answer."""
    again = activity.info().attempt < _ATTEMPTS_AT_THE_UNEXPECTED
    return ActionError(FailureType.TRANSIENT if again else FailureType.INVALID, causes.unexpected(error))


def _named(decision: DecisionT, namespace: str, account: str | None) -> DecisionT:
    """Add in whose name the actions act."""
    state = decision.state.model_copy(update={"service_account_name": account})
    return decision.model_copy(update={"state": state, "actor": actor_of(namespace, account)})


def _refuse_too_large(decision: RevertDecision | ExecuteDecision) -> None:
    size = sum(len(payload.data) for payload in activity.payload_converter().to_payloads([decision]))
    if size > _BOUND:
        raise ActionError(FailureType.TOO_LARGE, causes.too_large(size, _BOUND))
