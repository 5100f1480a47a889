"""An authorizer that believes every input: for tests of what an action does, not of what it may do."""

from activities.attempt import RunningAttempt
from activities.authorize import InputT
from activities.read import read_execution
from api.execution import DRPlanExecution
from api.steps import FailureType, LedgerInput, RunInput
from kube.client import Cluster


class BelievedInputs:
    """Authorizes whatever is asked for."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    async def root(self, request: RunInput) -> DRPlanExecution:
        return await read_execution(self._cluster, request.execution, FailureType.NOT_FOUND)

    async def action(self, request: InputT, attempt: RunningAttempt) -> InputT:
        return request

    async def record(self, request: LedgerInput, attempt: RunningAttempt) -> None:
        return


async def unprepared() -> None:
    """What `run_attempt` prepares where the work needs nothing."""
