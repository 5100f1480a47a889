"""What carries out a type of action is handed in by type: one class, one line, and nothing else asks which it is."""

import pytest
from temporalio.exceptions import ApplicationError

from activities.attempt import RunningAttempt
from activities.effects.action import ResolvedAction
from activities.errors import ActionError
from activities.execute_action import EffectsByType, ExecuteActivities
from activities.registry import effects
from activities.rollback_action import RollbackActivities
from api.attempts import ActionOutcome, ExecuteInput, RollbackInput
from api.failures import FailureType
from api.phases import ActionType, Phase
from api.steps import CustomRollback, Part, RollbackStep
from tests.activities.believed_inputs import BelievedInputs
from tests.activities.live_namespace import Attempt, LiveNamespace, Object
from tests.activities.snapshot_of_a_plan import keep
from tests.manifests import writes

RING: Object = {"name": "ring", "type": "HTTP", "http": {"url": "http://$(planName).example.com"}}


class Bell:
    """The effect of a type that nobody knows: it rings."""

    def __init__(self, broken: bool = False) -> None:
        self.broken = broken
        self.rung: list[str] = []

    async def execute(self, action: ResolvedAction, attempt: RunningAttempt) -> ActionOutcome:
        attempt.wait_for("the bell", ActionError(FailureType.TIMED_OUT, "It did not ring in time"))
        if self.broken:
            raise ActionError(FailureType.NOT_READY, "It is broken")
        assert action.definition.http is not None
        self.rung.append(action.definition.http.url)
        return ActionOutcome(phase=Phase.SUCCEEDED, message="It rang")

    async def preview(self, action: ResolvedAction, attempt: RunningAttempt) -> ActionOutcome:
        return ActionOutcome(phase=Phase.SUCCEEDED, message="It would ring")

    async def verify(self, action: ResolvedAction) -> ActionOutcome:
        return ActionOutcome(phase=Phase.SUCCEEDED if self.rung else Phase.CANCELED, message="As was heard")


async def given_to_ring(ns: LiveNamespace, *actions: Object, part: Part = Part.ACTION) -> ExecuteInput:
    origin = await keep(ns, *actions)
    step = ns.step(actions[0]["name"]).model_copy(update={"part": part})
    return ExecuteInput(dr_workflow=ns.flow, step=step, actor=ns.actor, origin=origin)


def with_bell(bell: Bell) -> EffectsByType:
    return {ActionType.HTTP: bell}


async def test_the_effect_of_its_type_carries_an_action_out_and_verifies_it(ns: LiveNamespace) -> None:
    given, bell, attempt = await given_to_ring(ns, RING), Bell(), Attempt()
    executions = ExecuteActivities(ns.cluster, with_bell(bell), BelievedInputs(ns.cluster))
    assert (await Attempt().run(executions.verify_action, given)).phase is Phase.CANCELED
    assert (await attempt.run(executions.execute_action, given)).message == "It rang"
    assert bell.rung == ["http://shop.example.com"], "its placeholders are filled in"
    assert "the bell" in [beat.waiting_for for beat in attempt.beats]
    assert (await Attempt().run(executions.verify_action, given)).phase is Phase.SUCCEEDED


async def test_how_an_effect_fails_is_how_the_action_fails(ns: LiveNamespace) -> None:
    given = await given_to_ring(ns, RING)
    with pytest.raises(ApplicationError, match="It is broken") as caught:
        await Attempt().run(
            ExecuteActivities(ns.cluster, with_bell(Bell(broken=True)), BelievedInputs(ns.cluster)).execute_action,
            given,
        )
    assert (caught.value.type, caught.value.non_retryable) == (FailureType.NOT_READY, True)


async def test_the_same_effect_carries_out_a_custom_rollback_of_any_type(ns: LiveNamespace) -> None:
    made = writes("make", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: app}\n", rollback=RING)
    given, bell = await given_to_ring(ns, made, part=Part.ROLLBACK), Bell()
    custom = RollbackStep(custom=CustomRollback(step=given.step))
    rollbacks = RollbackActivities(
        ns.cluster,
        ExecuteActivities(ns.cluster, with_bell(bell), BelievedInputs(ns.cluster)),
        BelievedInputs(ns.cluster),
    )
    step = RollbackInput(step=custom, actor=ns.actor, dr_workflow=given.dr_workflow, origin=given.origin)
    outcome = await Attempt().run(rollbacks.rollback_action, step)
    assert outcome.message == "Rolled back: executed custom rollback action"
    assert bell.rung == ["http://shop.example.com"]


async def test_a_type_without_an_effect_is_said_to_be_unsupported(ns: LiveNamespace) -> None:
    given = await given_to_ring(ns, RING)
    with pytest.raises(ApplicationError, match="HTTP actions are not supported yet") as caught:
        await Attempt().run(ExecuteActivities(ns.cluster, {}, BelievedInputs(ns.cluster)).execute_action, given)
    assert caught.value.type == FailureType.UNSUPPORTED


async def test_every_type_of_today_has_its_effect(ns: LiveNamespace) -> None:
    assert set(effects(ns.cluster)) == set(ActionType)
