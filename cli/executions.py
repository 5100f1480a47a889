"""What the commands do with DRPlanExecutions on a cluster: create, read, follow to the end, cancel."""

import asyncio
from collections.abc import AsyncIterator

from api.execution import DRPlanExecution
from api.meta import API_VERSION, CANCEL_ANNOTATION
from api.steps import Target
from cli.requests import Request
from kube.client import OWN, Cluster
from kube.errors import ApiError

LOOK_SECONDS = 0.5
"""The bridge writes about as often."""


class Executions:
    """The executions of one namespace. Raises ApiError."""

    def __init__(self, cluster: Cluster, namespace: str) -> None:
        self._cluster = cluster
        self._namespace = namespace

    async def create(self, request: Request) -> str:
        """Create an execution and give its name."""
        created = await self._cluster.create(self._target(""), request, OWN)
        return str(created["metadata"]["name"])

    async def get(self, name: str) -> DRPlanExecution:
        """Read an execution."""
        return DRPlanExecution.model_validate(await self._cluster.get(self._target(name), OWN))

    async def cancel(self, name: str) -> None:
        """Ask for a cancel; asked again it changes nothing."""
        change = {"metadata": {"annotations": {CANCEL_ANNOTATION: "true"}}}
        await self._cluster.patch(self._target(name), change, OWN)

    async def follow(self, name: str) -> AsyncIterator[DRPlanExecution]:
        """Give each state of an execution up to its terminal one; an API server that is away is waited for."""
        seen = None
        while True:
            try:
                execution = await self.get(name)
            except ApiError as error:
                if not error.unavailable:
                    raise
                await asyncio.sleep(max(LOOK_SECONDS, error.retry_after or 0.0))
                continue
            if execution != seen:
                seen = execution
                yield execution
            if execution.status.phase is not None and execution.status.phase.terminal:
                return
            await asyncio.sleep(LOOK_SECONDS)

    def _target(self, name: str) -> Target:
        return Target(api_version=API_VERSION, kind="DRPlanExecution", name=name, namespace=self._namespace)
