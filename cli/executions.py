"""What the commands do with DRPlanExecutions on a cluster: create, read, follow to the end, cancel."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any

from api.execution import DRPlanExecution
from api.meta import API_VERSION, CANCEL_ANNOTATION
from api.phases import OperationType
from api.requests import REQUESTED_BY_ANNOTATION
from api.steps import Target
from kube.client import OWN, Cluster
from kube.errors import ApiError

POLL_SECONDS = 0.5
"""The bridge writes about as often."""


class Executions:
    """The executions of one namespace. Raises ApiError."""

    def __init__(self, cluster: Cluster, namespace: str) -> None:
        self._cluster = cluster
        self._namespace = namespace

    async def execute(self, plan: str, name: str | None, options: Mapping[str, Any]) -> str:
        """Create an execution of a plan and return its name; without one, the API server generates it.

        `options` are further fields of its spec.
        """
        spec = {"planRef": plan, "operationType": OperationType.EXECUTE.value, **options}
        return await self._create({"name": name} if name else {"generateName": f"{plan}-execute-"}, spec)

    async def revert(self, execution: str, name: str | None, options: Mapping[str, Any]) -> str:
        """Create a Revert of an execution and return its name; without one, the API server generates it.

        `options` are further fields of its spec; with `revertTo` that is the execution to return to.
        """
        plan = (await self.get(execution)).spec.plan_ref
        spec = {"planRef": plan, "operationType": OperationType.REVERT.value, **options}
        if "revertTo" not in options:
            spec["revertExecutionRef"] = execution
        return await self._create({"name": name} if name else {"generateName": f"{execution}-revert-"}, spec)

    async def _create(self, metadata: dict[str, Any], spec: dict[str, Any]) -> str:
        metadata = {**metadata, "annotations": {REQUESTED_BY_ANNOTATION: await self.user()}}
        body = {"apiVersion": API_VERSION, "kind": "DRPlanExecution", "metadata": metadata, "spec": spec}
        created = await self._cluster.create(self._target(""), body, OWN)
        return str(created["metadata"]["name"])

    async def get(self, name: str) -> DRPlanExecution:
        """Read an execution."""
        return DRPlanExecution.model_validate(await self._cluster.get(self._target(name), OWN))

    async def user(self) -> str:
        """Return the name of the user, as the API server knows it."""
        review = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
        target = Target(api_version="authentication.k8s.io/v1", kind="SelfSubjectReview", name="")
        answer = await self._cluster.create(target, review, OWN)
        return str(answer["status"]["userInfo"]["username"])

    async def annotate(self, name: str, annotations: Mapping[str, str | None]) -> None:
        """Set annotations of an execution, and remove those with None."""
        await self._cluster.patch(self._target(name), {"metadata": {"annotations": dict(annotations)}}, OWN)

    async def cancel(self, name: str) -> None:
        """Request the cancel of an execution; repeating it changes nothing."""
        await self.annotate(name, {CANCEL_ANNOTATION: "true"})

    async def follow(self, name: str) -> AsyncIterator[DRPlanExecution]:
        """Yield each state of an execution until a terminal one; wait while the API server does not answer."""
        last = None
        while True:
            try:
                execution = await self.get(name)
            except ApiError as error:
                if not error.unavailable:
                    raise
                await asyncio.sleep(max(POLL_SECONDS, error.retry_after or 0.0))
                continue
            if execution != last:
                last = execution
                yield execution
            if execution.status.phase is not None and execution.status.phase.terminal:
                return
            await asyncio.sleep(POLL_SECONDS)

    def _target(self, name: str) -> Target:
        return Target(api_version=API_VERSION, kind="DRPlanExecution", name=name, namespace=self._namespace)
