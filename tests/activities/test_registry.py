"""What carries out a type of action is handed in by type: one class, one line, and nothing else asks which it is."""

import pytest
from temporalio.exceptions import ApplicationError

from activities.attempt.failures import ActionError
from activities.attempt.heartbeat import Pulse
from activities.effects.effect import Order
from activities.execute_action import Effects, Executions
from activities.registry import effects
from activities.rollback_action import Rollbacks
from api.phases import ActionType, Phase
from api.steps import ActionOutcome, CustomRollback, ExecuteInput, FailureType, Part, RollbackInput, RollbackStep
from tests.activities.site import Attempt, Object, Site
from tests.activities.snapshot_of_a_plan import keep
from tests.manifests import writes

RING: Object = {"name": "ring", "type": "HTTP", "http": {"url": "http://$(planName).example.com"}}


class Bell:
    """The effect of a type that nobody knows: it rings."""

    def __init__(self, broken: bool = False) -> None:
        self.broken = broken
        self.rung: list[str] = []

    async def execute(self, order: Order, pulse: Pulse) -> ActionOutcome:
        pulse.wait_for("the bell", ActionError(FailureType.TIMED_OUT, "It did not ring in time"))
        if self.broken:
            raise ActionError(FailureType.NOT_READY, "It is broken")
        assert order.action.http is not None
        self.rung.append(order.action.http.url)
        return ActionOutcome(phase=Phase.SUCCEEDED, message="It rang")

    async def verify(self, order: Order) -> ActionOutcome:
        return ActionOutcome(phase=Phase.SUCCEEDED if self.rung else Phase.CANCELED, message="As was heard")


async def given_to_ring(site: Site, *actions: Object, part: Part = Part.ACTION) -> ExecuteInput:
    origin = await keep(site, *actions)
    step = site.step(actions[0]["name"]).model_copy(update={"part": part})
    return ExecuteInput(dr_workflow=site.flow, step=step, actor=site.actor, origin=origin)


def with_bell(bell: Bell) -> Effects:
    return {ActionType.HTTP: bell}


async def test_the_effect_of_its_type_carries_an_action_out_and_verifies_it(site: Site) -> None:
    given, bell, attempt = await given_to_ring(site, RING), Bell(), Attempt()
    executions = Executions(site.cluster, with_bell(bell))
    assert (await Attempt().run(executions.verify_action, given)).phase is Phase.CANCELED
    assert (await attempt.run(executions.execute_action, given)).message == "It rang"
    assert bell.rung == ["http://shop.example.com"], "its placeholders are filled in"
    assert "the bell" in [beat.waiting_for for beat in attempt.beats]
    assert (await Attempt().run(executions.verify_action, given)).phase is Phase.SUCCEEDED


async def test_how_an_effect_fails_is_how_the_action_fails(site: Site) -> None:
    given = await given_to_ring(site, RING)
    with pytest.raises(ApplicationError, match="It is broken") as caught:
        await Attempt().run(Executions(site.cluster, with_bell(Bell(broken=True))).execute_action, given)
    assert (caught.value.type, caught.value.non_retryable) == (FailureType.NOT_READY, True)


async def test_the_same_effect_carries_out_a_custom_rollback_of_any_type(site: Site) -> None:
    made = writes("make", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: app}\n", rollback=RING)
    given, bell = await given_to_ring(site, made, part=Part.ROLLBACK), Bell()
    custom = RollbackStep(custom=CustomRollback(step=given.step))
    rollbacks = Rollbacks(site.cluster, Executions(site.cluster, with_bell(bell)))
    step = RollbackInput(step=custom, actor=site.actor, dr_workflow=given.dr_workflow, origin=given.origin)
    outcome = await Attempt().run(rollbacks.rollback_action, step)
    assert outcome.message == "Rolled back: executed custom rollback action"
    assert bell.rung == ["http://shop.example.com"]


async def test_a_type_without_an_effect_is_said_to_be_unsupported(site: Site) -> None:
    given = await given_to_ring(site, RING)
    with pytest.raises(ApplicationError, match="HTTP actions are not supported yet") as caught:
        await Attempt().run(Executions(site.cluster, {}).execute_action, given)
    assert caught.value.type == FailureType.UNSUPPORTED


async def test_every_type_of_today_has_its_effect(site: Site) -> None:
    assert set(effects(site.cluster)) == set(ActionType)
