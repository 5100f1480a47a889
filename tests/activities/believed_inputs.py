"""An authorizer that believes every input: for tests of what an action does, not of what it may do."""

from collections.abc import Callable, Sequence

from activities.attempt import RunningAttempt
from activities.authorize import AuthorizedRun, InputT
from activities.decision import AnyLoaded
from activities.read import find, read_execution
from api.attempts import ActionOutcome, LedgerInput
from api.execution import DRPlanExecution
from api.failures import FailureType
from api.objects import Actor
from api.plan import DRPlan
from api.runs import ProofInput, RehearsalInput, RunInput
from kube.client import Cluster
from planning.definitions.rehearsal import preview_of
from planning.preview.tree import Place


class BelievedInputs:
    """Authorizes whatever is asked for."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    async def root(self, request: RunInput) -> AuthorizedRun:
        execution = await read_execution(self._cluster, request.execution, FailureType.NOT_FOUND)
        return AuthorizedRun(execution, await find(self._cluster, DRPlan, request.execution.namespace, request.plan))

    async def rehearsal(self, request: RehearsalInput) -> AuthorizedRun:
        plan = await find(self._cluster, DRPlan, request.plan.namespace, request.plan.name)
        assert plan is not None
        assert plan.status.rehearsal is not None
        return AuthorizedRun(preview_of(plan, plan.status.rehearsal.operation, plan.status.rehearsal.execution), plan)

    async def action(self, request: InputT, attempt: RunningAttempt) -> InputT:
        return request

    async def record(self, request: LedgerInput, attempt: RunningAttempt) -> None:
        return

    async def redecision(self, attempt: RunningAttempt) -> DRPlanExecution:
        raise AssertionError("nothing is decided again here")

    async def proof(self, request: ProofInput, attempt: RunningAttempt) -> DRPlanExecution:
        return await read_execution(self._cluster, request.run.execution, FailureType.NOT_FOUND)


class NoQuestions:
    """For tests of runs that are not previewed."""

    async def ask(
        self, parts: Sequence[AnyLoaded], actor: Actor, report: Callable[[str], None]
    ) -> dict[Place, ActionOutcome]:
        raise AssertionError("nothing is previewed here")


async def unprepared() -> None:
    """What `run_attempt` prepares where the work needs nothing."""
