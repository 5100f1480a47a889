"""What Temporal knows of an execution. Read only: the tests never start or end a run by themselves."""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar

from temporalio.client import Client, WorkflowExecution

from api.meta import ObjectKey
from api.phases import OperationType
from planning.definitions.identifiers import root_id
from tests.eventually import until
from workflows.contract import ROOTS

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

    def begun(self, execution: dict[str, Any]) -> list[WorkflowExecution]:
        """Give the same for an execution that has a run, which Temporal may list a while after it began."""
        return until(lambda: self.roots(execution), "a run is listed")

    def of_namespace(self, namespace: str) -> list[WorkflowExecution]:
        """Give every root that was started for an object of a Kubernetes namespace."""
        types = ", ".join(f"'{each}'" for each in ROOTS)  # their children have the same attributes
        return self.listed(f'drplanNamespace = "{namespace}" AND WorkflowType IN ({types})')

    def told(self, execution: dict[str, Any]) -> str:
        """Give all that Temporal has on an execution and its children: memos and histories, payloads as text."""
        return _run(self._told([each.id for each in self.roots(execution)]))

    async def _told(self, ids: list[str]) -> str:
        client = await Client.connect(self.address)
        texts: list[str] = []
        while ids:
            handle = client.get_workflow_handle(ids.pop())
            texts.append(str((await handle.describe()).raw_description))
            for event in (await handle.fetch_history()).events:
                texts.append(str(event))
                if event.HasField("child_workflow_execution_started_event_attributes"):
                    child = event.child_workflow_execution_started_event_attributes.workflow_execution
                    ids.append(child.workflow_id)
        return "\n".join(texts)

    def listed(self, query: str) -> list[WorkflowExecution]:
        """Give all runs that match a visibility query."""

        async def read() -> list[WorkflowExecution]:
            client = await Client.connect(self.address)
            return [each async for each in client.list_workflows(query)]

        return _run(read())


def _run(what: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(what)
