"""What the commands do with DRPlanExecutions on a cluster: create, read, follow to the end, cancel."""

import asyncio
from collections.abc import AsyncIterator

from api.execution import DRPlanExecution
from api.meta import CANCEL_ANNOTATION
from bridge.keys import Kind
from bridge.kubernetes.api import Cluster, Unreachable
from cli.requests import Request

LOOK_SECONDS = 0.5
"""The bridge writes about as often."""


class Executions:
    """The executions of one namespace. Raises ClusterError."""

    def __init__(self, cluster: Cluster, namespace: str) -> None:
        self._cluster = cluster
        self._namespace = namespace

    async def create(self, request: Request) -> str:
        """Create an execution and give its name."""
        made = await self._cluster.create(Kind.EXECUTION, self._namespace, request)
        return str(made["metadata"]["name"])

    async def get(self, name: str) -> DRPlanExecution:
        """Read an execution."""
        return DRPlanExecution.model_validate(await self._cluster.get(Kind.EXECUTION, self._namespace, name))

    async def cancel(self, name: str) -> None:
        """Ask for a cancel; asked again it changes nothing."""
        change = {"metadata": {"annotations": {CANCEL_ANNOTATION: "true"}}}
        await self._cluster.patch(Kind.EXECUTION, self._namespace, name, change)

    async def follow(self, name: str) -> AsyncIterator[DRPlanExecution]:
        """Give each state of an execution up to its terminal one; an API server that is away is waited for."""
        seen = None
        while True:
            try:
                execution = await self.get(name)
            except Unreachable:
                await asyncio.sleep(LOOK_SECONDS)
                continue
            if execution != seen:
                seen = execution
                yield execution
            if execution.status.phase is not None and execution.status.phase.terminal:
                return
            await asyncio.sleep(LOOK_SECONDS)
