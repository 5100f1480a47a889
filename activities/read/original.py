"""What a Revert reads of its original: what it was, what it worked with, and which Reverts there were before.

Source: docs/spec/drplanexecution.md, "What a Revert does" and "What is kept".
"""

from dataclasses import dataclass

from activities.attempt.failures import ActionError, action_error
from activities.concurrency import each
from activities.read.definitions import find, find_workflows, parsed
from activities.store.snapshots import Snapshots
from api.execution import DRPlanExecution
from api.meta import API_VERSION, PLAN_LABEL
from api.phases import OperationType
from api.plan import DRPlan
from api.snapshot import Snapshot
from api.steps import FailureType, Target
from kube.client import OWN, Cluster, Object
from kube.errors import ApiError
from planning.definitions.identifiers import label_value
from planning.definitions.lookup import Workflows
from planning.messages import attempts as attempt_messages
from planning.snapshot.documents import plan_of


@dataclass(frozen=True)
class Worked:
    """What an original worked with, as it was or, where that was not kept, as it is today."""

    plan: DRPlan | None
    workflows: Workflows
    snapshot: Snapshot | None = None
    """None: these are the definitions of today."""


class Originals:
    """Executions that are taken back. Methods raise ActionError."""

    def __init__(self, cluster: Cluster, snapshots: Snapshots) -> None:
        self._cluster = cluster
        self._snapshots = snapshots

    async def original(self, revert: DRPlanExecution) -> DRPlanExecution | None:
        """Read the execution that a Revert takes back."""
        name = revert.spec.revert_execution_ref
        return await find(self._cluster, DRPlanExecution, revert.metadata.namespace, name) if name else None

    async def worked_with(self, original: DRPlanExecution, today: DRPlan | None) -> Worked:
        """Read the definitions that it was carried out with; `today` is its plan as it is now."""
        return await self._kept(original) or Worked(today, await self._workflows_of_today(original))

    async def reverts_of(self, original: DRPlanExecution) -> list[DRPlanExecution]:
        """Read its Reverts: the bridge labels what it accepts, the older controller labelled nothing."""
        namespace, name = original.metadata.namespace, original.metadata.name
        kind = Target(api_version=API_VERSION, kind="DRPlanExecution", name="", namespace=namespace)
        found: list[Object] = []
        try:
            for selector in (f"{PLAN_LABEL}={label_value(original.spec.plan_ref)}", f"!{PLAN_LABEL}"):
                async for page in self._cluster.pages(kind, selector, OWN):
                    found += [item for item in page.items if _is_revert_of(item, name)]
        except ApiError as error:
            raise action_error(
                error, attempt_messages.failed_to_read("DRPlanExecutions in", namespace, error.message)
            ) from error
        return [parsed(DRPlanExecution, item) for item in found]

    async def _kept(self, original: DRPlanExecution) -> Worked | None:
        """Read what was kept; None where nothing was, or it is gone, altered, or not to be understood."""
        ref, namespace = original.status.snapshot, original.metadata.namespace
        if ref is None:
            return None
        try:
            snapshot = await self._snapshots.root(namespace, ref)
            found = await each(snapshot.workflows, lambda kept: self._snapshots.workflow(namespace, kept))
        except ActionError as error:
            if error.type is not FailureType.UNDEFINED:
                raise
            return None
        workflows = {(one.metadata.namespace, one.metadata.name): one for one in found}
        return Worked(plan_of(snapshot), workflows, snapshot)

    async def _workflows_of_today(self, original: DRPlanExecution) -> Workflows:
        stages = original.status.stages
        return await find_workflows(self._cluster, (node.workflow_ref for stage in stages for node in stage.workflows))


def _is_revert_of(item: Object, name: str) -> bool:
    spec = item.get("spec", {})
    return bool(spec.get("operationType") == OperationType.REVERT and spec.get("revertExecutionRef") == name)
