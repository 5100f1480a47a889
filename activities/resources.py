"""The effect of a KubernetesResource: any one object; a Job that is created and waited for is carried to its end.

Such a Job may be gone before anybody has seen how it ended, and must not run anew: that is what the effect of the type
Job is there for. Source: docs/spec/drworkflow.md, "waitReady" and "Job".
"""

from activities.effects import Effect, Order
from activities.heartbeat import Pulse
from api.phases import Operation
from api.steps import ActionOutcome
from planning.definitions.action_types import BATCH


class ResourceEffect:
    """An effect on one object, or on a Job that is to complete."""

    def __init__(self, objects: Effect, jobs: Effect) -> None:
        self._objects = objects
        self._jobs = jobs

    async def execute(self, order: Order, pulse: Pulse) -> ActionOutcome:
        """Carry the order out."""
        return await self._effect(order).execute(order, pulse)

    async def verify(self, order: Order) -> ActionOutcome:
        """Look whether it was carried out."""
        return await self._effect(order).verify(order)

    def _effect(self, order: Order) -> Effect:
        subject = order.subject
        job = subject.kind == "Job" and subject.api_version == BATCH
        runs = job and order.action.wait_ready and order.operation is Operation.CREATE
        return self._jobs if runs else self._objects
