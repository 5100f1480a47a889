"""Actions with a rollback of their own, kept as an Execute keeps them, and taken back as a worker would do it."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError

from activities.execute_action import ExecuteActivities
from activities.registry import effects
from activities.rollback_action import RollbackActivities
from api.actions import RetryPolicy
from api.attempts import ActionOutcome, ObserveInput, RollbackInput
from api.nodes import ActionOutputs
from api.phases import Phase
from api.steps import Attempts, CustomRollback, ExecuteStep, Origin, Part, RollbackStep
from planning.effects.allowed_hosts import allowed_hosts
from tests.activities.believed_inputs import BelievedInputs
from tests.activities.live_namespace import Attempt, LiveNamespace, Object
from tests.activities.snapshot_of_a_plan import keep

MARK = "uid-of-revert/only/flow/act"
DONE = "Rolled back: executed custom rollback action"


@dataclass
class Undoing:
    """The rollback of the only action of a plan, tried as often as a test asks for it."""

    ns: LiveNamespace
    origin: Origin | None
    part: Part = Part.ROLLBACK
    timeout: str = "5m"
    limit: int = 3
    outputs: dict[str, ActionOutputs] = field(default_factory=dict)
    attempts: list[Attempt] = field(default_factory=list)

    @property
    def step(self) -> RollbackStep:
        named = ExecuteStep(index=0, action="act", mark=MARK, title="act", part=self.part)
        phases = dict.fromkeys(self.outputs, Phase.SUCCEEDED)
        custom = CustomRollback(step=named, outputs=self.outputs, phases=phases)
        return RollbackStep(custom=custom, attempts=Attempts(timeout=self.timeout, retry=RetryPolicy(limit=self.limit)))

    async def run(self) -> ActionOutcome:
        """Make one attempt, which knows what the one before left; the outcome is given without the attempt's number."""
        before = self.attempts[-1].beats[-1] if self.attempts and self.attempts[-1].beats else None
        self.attempts.append(Attempt(number=len(self.attempts) + 1, left=before))
        given = RollbackInput(step=self.step, actor=self.ns.actor, dr_workflow=self.ns.flow, origin=self.origin)
        outcome = await self.attempts[-1].run(rollbacks(self.ns).rollback_action, given)
        return outcome.model_copy(update={"attempt": 1})

    async def fails(self) -> ApplicationError:
        with pytest.raises(ApplicationError) as caught:
            await self.run()
        return caught.value

    async def killed(self, when: Callable[[], bool]) -> None:
        """Make one attempt whose worker dies once `when()` is true."""
        running = asyncio.create_task(self.run())
        while not when():
            assert not running.done(), f"ended before it was killed: {running}"
            await asyncio.sleep(0.01)
        running.cancel()
        await asyncio.wait({running})

    async def look_again(self) -> ActionOutcome:
        given = ObserveInput(step=self.step, actor=self.ns.actor, dr_workflow=self.ns.flow, origin=self.origin)
        return await Attempt().run(rollbacks(self.ns).look_again, given)

    def waits_for(self, words: str) -> bool:
        return any(words in beat.waiting_for for beat in self.attempts[-1].beats)


def rollbacks(ns: LiveNamespace) -> RollbackActivities:
    """Give the activities of a worker that may talk to services on loopback."""
    return RollbackActivities(
        ns.cluster,
        ExecuteActivities(ns.cluster, effects(ns.cluster, allowed_hosts("*, 127.0.0.0/8")), BelievedInputs(ns.cluster)),
        BelievedInputs(ns.cluster),
    )


async def undoing(ns: LiveNamespace, rollback: Object, *, params: Any = None, **more: Any) -> Undoing:
    """Keep a plan whose action `act` has this rollback."""
    text = json.dumps(
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "made", "namespace": ns.namespace}}
    )
    action = {"name": "act", "type": "KubernetesResource", "resource": {"manifest": text}, "rollback": rollback}
    return Undoing(ns, await keep(ns, action, globalParams=params or []), **more)


def resource(ns: LiveNamespace, operation: str, text: str = "new", name: str = "app") -> Object:
    """Give a rollback that does something with a ConfigMap."""
    metadata = {"name": name, "namespace": ns.namespace}
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"text": text}}
    return {"type": "KubernetesResource", "resource": {"manifest": json.dumps(body), "operation": operation}}
