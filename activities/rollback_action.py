"""Taking an action back: delete its objects, each the very one that was looked at, or carry out its own rollback.

Source: docs/spec/drplanexecution.md, "What undoes an action", "The look" and "Cancel".
"""

from functools import partial

from temporalio import activity

from activities.attempt.attempt import Wording, run_attempt
from activities.attempt.failures import ActionError, action_error, application_error
from activities.attempt.heartbeat import Pulse
from activities.effects.delete import Removal, metadata_if_present
from activities.execute_action import Executions
from api.phases import Phase
from api.steps import (
    ActionOutcome,
    Actor,
    Deletion,
    ExecuteInput,
    FailureType,
    LookInput,
    Part,
    RollbackInput,
    RollbackStep,
)
from kube.client import Cluster
from kube.errors import ApiError
from planning.messages import actions as action_messages
from planning.messages import attempts as attempt_messages


class Rollbacks:
    """Activities of a Revert's actions."""

    def __init__(self, cluster: Cluster, executions: Executions) -> None:
        self._cluster = cluster
        self._executions = executions

    @activity.defn
    async def rollback_action(self, given: RollbackInput) -> ActionOutcome:
        """Do what the step says: delete in its order until all is gone, carry out, or fail with its refusal."""
        step, pulse = given.step, Pulse(_not_begun(given.step), given.errors)
        if (order := _order(given)) is None:
            return await run_attempt(step.attempts, pulse, lambda: self._roll_back(step, given.actor, pulse))
        counted = order.model_copy(update={"errors": given.errors, "lost": given.lost})
        work = partial(self._executions.carry_out, counted, pulse)
        return await run_attempt(step.attempts, pulse, work, _wording(order.step.part))

    @activity.defn
    async def look_again(self, given: LookInput) -> ActionOutcome:
        """Tell, without touching anything, whether the step was done all the same: Succeeded, else Canceled."""
        pulse = Pulse(_not_begun(given.step))
        async with pulse.beating():
            if (order := _order(given)) is None:
                return await self._look_again(given)
            return _looked(await self._executions.look(order, pulse), _wording(order.step.part))

    async def _roll_back(self, step: RollbackStep, actor: Actor, pulse: Pulse) -> ActionOutcome:
        if step.refusal is not None:
            raise ActionError(step.refusal.type, step.refusal.message)
        notes = [await self._remove(deletion, actor, pulse, step.attempts.timeout) for deletion in step.deletions]
        return _rolled_back(step, notes)

    async def _remove(self, deletion: Deletion, actor: Actor, pulse: Pulse, within: str) -> str:
        """Delete one object; give what is to be told besides."""
        removal = Removal(self._cluster, deletion, actor, pulse, within)
        try:
            await removal.run()
        except ApiError as error:
            reason = attempt_messages.naming(deletion.target, error.message)
            raise action_error(error, action_messages.failed_to_delete(deletion.target, reason)) from error
        return _note(deletion, removal.replaced_by)

    async def _look_again(self, given: LookInput) -> ActionOutcome:
        if given.step.refusal is not None:
            return ActionOutcome(phase=Phase.CANCELED, message=given.step.refusal.message)
        notes = []
        for deletion in given.step.deletions:
            try:
                seen = await metadata_if_present(self._cluster, deletion, given.actor)
            except ApiError as error:
                return _unseen(deletion, error)
            if seen is not None and seen["uid"] == deletion.uid:
                return ActionOutcome(
                    phase=Phase.CANCELED, message=attempt_messages.canceled_still_there(deletion.target)
                )
            notes.append(_note(deletion, seen["uid"] if seen else None))
        return _rolled_back(given.step, notes)


def _order(given: RollbackInput | LookInput) -> ExecuteInput | None:
    """Give what is to be carried out as an Execute would ask for it; None where the step is no custom one."""
    custom = given.step.custom
    if custom is None:
        return None
    assert given.dr_workflow is not None, "a custom step comes with its DRWorkflow"
    return ExecuteInput(
        dr_workflow=given.dr_workflow,
        step=custom.step.model_copy(update={"attempts": given.step.attempts}),
        actor=given.actor,
        origin=given.origin,
        outputs=custom.outputs,
        phases=custom.phases,
    )


def _wording(part: Part) -> Wording:
    """Give the words of a custom rollback, or of a rollback hook: one that is an action of its own."""
    if part is Part.ROLLBACK:
        return Wording(lambda _: action_messages.CUSTOM_ROLLBACK_DONE, action_messages.custom_rollback_failed)
    return Wording(action_messages.hook_done, action_messages.hook_failed)


def _looked(found: ActionOutcome, wording: Wording) -> ActionOutcome:
    """Put what a last look found into words; a Canceled one says already what is not known."""
    if found.phase is not Phase.SUCCEEDED:
        return found
    return found.model_copy(update={"message": action_messages.bounded(wording.done(found.message))})


def _not_begun(step: RollbackStep) -> ActionError:
    """Give the failure of an attempt whose time is over before anything was asked."""
    return ActionError(FailureType.TIMED_OUT, attempt_messages.ran_out_of_time(step.attempts.timeout))


def _note(deletion: Deletion, replaced_by: str | None) -> str:
    return action_messages.replaced_meanwhile(deletion.target, replaced_by) if replaced_by else ""


def _rolled_back(step: RollbackStep, notes: list[str]) -> ActionOutcome:
    message = action_messages.rolled_back([deletion.target for deletion in step.deletions])
    return ActionOutcome(phase=Phase.SUCCEEDED, message=action_messages.bounded(message + "".join(notes)))


def _unseen(deletion: Deletion, error: ApiError) -> ActionOutcome:
    """Give what a look that failed amounts to. Raises ApplicationError where another look may succeed."""
    message = action_messages.bounded(attempt_messages.canceled_unseen(deletion.target, error.message))
    if error.repeatable:
        raise application_error(action_error(error, message), 0, 0, activity.info().attempt)
    return ActionOutcome(phase=Phase.CANCELED, message=message)
