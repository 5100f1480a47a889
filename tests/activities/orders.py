"""Orders carried out by the effect of their type, each attempt as a worker would make it."""

import asyncio
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError

from activities.attempt import RunningAttempt, run_attempt
from activities.effects.action import ResolvedAction
from activities.registry import effects
from api.actions import Action, RetryPolicy
from api.attempts import ActionOutcome
from api.meta import ObjectKey
from api.objects import Actor
from api.phases import Operation
from api.steps import Attempts
from planning.definitions.action_types import operation_of
from planning.definitions.identifiers import RecordKind, record_name
from planning.definitions.target import body_of_action, target_of_action
from planning.effects.prior_state import PriorState, read
from tests.activities.believed_inputs import unprepared
from tests.activities.live_namespace import Attempt, LiveNamespace, Object
from tests.manifests import execute


def execution_of(ns: LiveNamespace) -> ObjectKey:
    """Create the execution beside which things are kept."""
    ns.create(execute("there", "shop"))
    return ObjectKey(namespace=ns.namespace, name="there", uid=ns.uid("drpe", "there"))


@dataclass
class Task:
    """One action of one execution, carried out as often as a test asks for it."""

    ns: LiveNamespace
    action: Object
    execution: ObjectKey | None = None
    actor: Actor | None = None
    timeout: str = "5m"
    limit: int = 3
    errors: int = 0
    """Attempts that ended with an error so far."""
    lost: bool = False
    attempts: list[Attempt] = field(default_factory=list)
    operation: Operation | None = None
    """In place of the definition's: the mode Delete."""

    @property
    def mark(self) -> str:
        return "uid-of-execution/stage/flow/" + str(self.action["name"])

    async def order(self) -> ResolvedAction:
        action = Action.model_validate(self.action)
        target = target_of_action(action, self.mark)
        operation = self.operation or operation_of(action)
        anywhere = operation is Operation.DELETE
        return ResolvedAction(
            definition=action,
            operation=operation,
            optional_target=await self.ns.cluster.place(target, in_any_version=anywhere) if target else None,
            optional_body=body_of_action(action, self.mark) if target else None,
            mark=self.mark,
            actor=self.actor or self.ns.actor,
            execution=self.execution,
            attempts=Attempts(timeout=self.timeout, retry=RetryPolicy(limit=self.limit)),
            lost=self.lost,
        )

    async def run(self) -> ActionOutcome:
        """Make one attempt, which knows what the one before left; the outcome is given without the attempt's number."""
        before = self.attempts[-1].beats[-1] if self.attempts and self.attempts[-1].beats else None
        attempt = Attempt(number=len(self.attempts) + 1, left=before)
        self.attempts.append(attempt)
        outcome = await attempt.run(self._attempt, await self.order())
        return outcome.model_copy(update={"attempt": 1})

    async def fails(self) -> ApplicationError:
        """Make one attempt that fails."""
        with pytest.raises(ApplicationError) as caught:
            await self.run()
        self.errors += 1
        return caught.value

    async def killed(self, when: Any) -> None:
        """Make one attempt whose worker dies once `when()` is true."""
        running = asyncio.create_task(self.run())
        while not when():
            assert not running.done(), f"ended before it was killed: {running}"
            await asyncio.sleep(0.01)
        running.cancel()
        await asyncio.wait({running})
        self.lost = True

    def waits_for(self, words: str) -> bool:
        """Tell whether the attempt said that it waits for something with these words in it."""
        return any(words in beat.waiting_for for attempt in self.attempts[-1:] for beat in attempt.beats)

    async def verify(self) -> ActionOutcome:
        """Look at it after a cancel."""
        order = await self.order()
        return await Attempt().run(lambda given: effects(self.ns.cluster)[given.definition.type].verify(given), order)

    def kept(self) -> PriorState | None:
        """Give the record of the state before, as it is stored."""
        latest = self.records(RecordKind.BEFORE)[-1:]
        return read(latest[0]["data"]) if latest else None

    def records(self, kind: RecordKind) -> list[Object]:
        """Give the records of a kind, those first that others replace."""
        assert self.execution is not None
        name = record_name(self.execution, kind, self.mark)
        every = self.ns.admin.list("controllerrevisions", self.ns.namespace)
        records = [each for each in every if each["metadata"]["name"].startswith(name)]
        return sorted(records, key=lambda record: int(record["revision"]))

    async def _attempt(self, order: ResolvedAction) -> ActionOutcome:
        running = RunningAttempt(order.attempts)
        order = replace(order, attempt=running)
        effect = effects(self.ns.cluster)[order.definition.type]
        return await run_attempt(running, unprepared, lambda _: effect.execute(order, running))


def manifest(name: str, namespace: str, kind: str = "ConfigMap", **fields: Any) -> Object:
    """Give an object of the core group; `metadata` is merged in."""
    metadata = {"name": name, "namespace": namespace, **fields.pop("metadata", {})}
    return {"apiVersion": "v1", "kind": kind, "metadata": metadata, **fields}


def subscription(name: str, namespace: str | None, operation: str, **more: Any) -> Object:
    """Give the action `<operation>-<name>` on a Subscription."""
    spec = more.pop("spec", {"subscribers": [], "feeds": []})
    block = {"name": name, "namespace": namespace, "operation": operation, "spec": spec}
    return {"name": f"{operation.lower()}-{name}", "type": "Subscription", "subscription": block, **more}
