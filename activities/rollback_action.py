"""Roll one action back: delete its objects, each the very one that was observed, restore one, or execute its rollback.

Source: docs/spec/drplanexecution.md, "What undoes an action", "The observation" and "Cancel".
"""

from temporalio import activity

from activities.attempt import UNCHANGED, MessageFormat, RunningAttempt, run_attempt, run_check
from activities.authorize import Authorizer
from activities.effects.delete import ObjectDeletion, metadata_if_present
from activities.effects.restore import ObjectRestoration
from activities.errors import ActionError, action_error, words_of
from activities.execute_action import ExecuteActivities
from api.attempts import ActionOutcome, ExecuteInput, ObserveInput, RollbackInput
from api.phases import Operation, Phase
from api.reasons import Reason
from api.steps import Part, RollbackStep
from kube.client import Cluster
from kube.errors import ApiError
from planning.messages import actions as action_messages
from planning.messages import rollback as rollback_messages
from planning.messages.text import bounded

_CUSTOM = MessageFormat(lambda _: rollback_messages.CUSTOM_ROLLBACK_DONE, rollback_messages.custom_rollback_failed)
_HOOK = MessageFormat(rollback_messages.hook_done, rollback_messages.hook_failed)


class RollbackActivities:
    """Activities for the actions of a Revert."""

    def __init__(self, cluster: Cluster, executing: ExecuteActivities, authorizer: Authorizer) -> None:
        self._cluster = cluster
        self._executing = executing
        self._authorizer = authorizer

    @activity.defn
    async def rollback_action(self, request: RollbackInput) -> ActionOutcome:
        """Do what the step says: delete or restore objects, execute its action, or fail with its refusal."""
        attempt = RunningAttempt(request.attempts, request.errors, request.heartbeat)
        return await run_attempt(
            attempt,
            lambda: self._authorizer.action(request, attempt),
            lambda authorized: self._roll_back(authorized, attempt),
            _message_format(request.step),
        )

    @activity.defn
    async def look_again(self, request: ObserveInput) -> ActionOutcome:
        """Check, without changing anything, whether the step was done after all: Succeeded, else Canceled."""
        attempt = RunningAttempt(request.step.attempts)
        return await run_check(
            attempt,
            lambda: self._authorizer.action(request, attempt),
            lambda authorized: self._verify(authorized, attempt),
        )

    async def _roll_back(self, request: RollbackInput, attempt: RunningAttempt) -> ActionOutcome:
        if request.step.restoration is not None:
            return await ObjectRestoration(self._cluster, request.step.restoration, request.actor).run(attempt)
        execute = execute_input(request)
        if execute is None:
            return await self._delete_objects(request, attempt)
        execute = execute.model_copy(
            update={"errors": request.errors, "lost": request.lost, "timeout": request.timeout}
        )
        return await self._executing.carry_out(execute, attempt)

    async def _verify(self, request: ObserveInput, attempt: RunningAttempt) -> ActionOutcome:
        if request.step.restoration is not None:
            return await ObjectRestoration(self._cluster, request.step.restoration, request.actor).verify()
        execute = execute_input(request)
        if execute is None:
            return await self._verify_deletions(request)
        outcome = await self._executing.verify(execute, attempt)
        if outcome.phase is not Phase.SUCCEEDED:
            return outcome
        message = _message_format(request.step).done(outcome.message)
        return outcome.model_copy(update={"message": bounded(message)})

    async def _delete_objects(self, request: RollbackInput, attempt: RunningAttempt) -> ActionOutcome:
        step, replaced = request.step, []
        if step.refusal is not None:
            raise ActionError(step.refusal.type, step.refusal.message, reason=step.refusal.reason)
        for deletion in step.deletions:
            try:
                replaced_by = await ObjectDeletion(self._cluster, deletion, request.actor, attempt).run()
            except ApiError as error:
                reason = words_of(error, deletion.target)
                message = action_messages.failed_to(Operation.DELETE, deletion.target.kind, reason)
                raise action_error(error, message) from error
            replaced.append(replaced_by)
        return _rolled_back(step, replaced)

    async def _verify_deletions(self, request: ObserveInput) -> ActionOutcome:
        """Check whether every object of the step is gone. Raises ActionError."""
        step, replaced = request.step, []
        if step.refusal is not None:
            return ActionOutcome(phase=Phase.CANCELED, message=step.refusal.message)
        for deletion in step.deletions:
            try:
                metadata = await metadata_if_present(self._cluster, deletion.target, request.actor)
            except ApiError as error:
                raise action_error(error, action_messages.canceled_unseen(deletion.target, error.message)) from error
            if metadata is not None and metadata["uid"] == deletion.uid:
                message = action_messages.canceled_still_there(deletion.target)
                reason = Reason.DELETION_PENDING if metadata.get("deletionTimestamp") else None
                return ActionOutcome(phase=Phase.CANCELED, message=message, reason=reason)
            replaced.append(metadata["uid"] if metadata else None)
        return _rolled_back(step, replaced)


def execute_input(request: RollbackInput | ObserveInput) -> ExecuteInput | None:
    """Return what is to be executed as an Execute would ask for it; None if the step has no action to execute."""
    custom = request.step.custom
    if custom is None:
        return None
    assert request.dr_workflow is not None, "a custom step comes with its DRWorkflow"
    return ExecuteInput(
        dr_workflow=request.dr_workflow,
        step=custom.step.model_copy(update={"attempts": request.step.attempts}),
        actor=request.actor,
        origin=request.origin,
        outputs=custom.outputs,
        phases=custom.phases,
        parameters=[each for each in (custom.parameters, request.parameters) if each is not None],
    )


def _message_format(step: RollbackStep) -> MessageFormat:
    """Return the format for a custom rollback, or for a rollback hook: that is an action of its own."""
    if step.custom is None:
        return UNCHANGED
    return _CUSTOM if step.custom.step.part is Part.ROLLBACK else _HOOK


def _rolled_back(step: RollbackStep, replaced: list[str | None]) -> ActionOutcome:
    """Return the outcome; `replaced` has the uid of the new object of each deleted one's name, if there is any."""
    targets = [deletion.target for deletion in step.deletions]
    notes = [
        rollback_messages.replaced_meanwhile(target, uid) for target, uid in zip(targets, replaced, strict=True) if uid
    ]
    notes += [rollback_messages.deletion_applies_later(one.target) for one in step.deletions if one.applies_later]
    message = rollback_messages.rolled_back(targets) + "".join(notes)
    return ActionOutcome(phase=Phase.SUCCEEDED, message=bounded(message))
