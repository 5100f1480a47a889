"""What Temporal knows of an execution. Read only: the tests never start or end a run by themselves."""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar

from temporalio.client import Client, WorkflowExecution

from api.meta import ObjectKey
from api.phases import OperationType
from planning.ids import root_id

T = TypeVar("T")


@dataclass(frozen=True)
class Runs:
    """A reader of one Temporal server."""

    address: str

    def roots(self, execution: dict[str, Any]) -> list[WorkflowExecution]:
        """Give every run that ever carried the root workflow id of this object."""
        meta = execution["metadata"]
        key = ObjectKey(namespace=meta["namespace"], name=meta["name"], uid=meta["uid"])
        operation = OperationType(execution["spec"]["operationType"])
        return self.listed(f'WorkflowId = "{root_id(operation, key)}"')

    def of_namespace(self, namespace: str) -> list[WorkflowExecution]:
        """Give every root that was started for an object of a Kubernetes namespace."""
        return self.listed(f'drplanNamespace = "{namespace}"')

    def listed(self, query: str) -> list[WorkflowExecution]:
        """Give all runs that match a visibility query."""

        async def read() -> list[WorkflowExecution]:
            client = await Client.connect(self.address)
            return [each async for each in client.list_workflows(query)]

        return _run(read())


def _run(what: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(what)
