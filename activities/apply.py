"""Carrying out an action of an Execute: create, apply or delete one object.

Source: docs/spec/drplanexecution.md, "What undoes an action" and "Cancel"; docs/spec/drworkflow.md.
"""

from temporalio import activity

from activities.attempt import run_attempt
from activities.cluster import Cluster
from activities.creation import Creation, Made
from activities.definitions import Order, read_order
from activities.errors import ApiError
from activities.failures import ActionError, Remains, action_error, application_error
from activities.heartbeat import Pulse
from activities.removal import Removal
from api.phases import Operation, Phase
from api.steps import ActionOutcome, Deletion, ExecuteInput, FailureType
from planning import causes, messages
from planning.manifest import BATCH


class Executions:
    """Activities of an Execute's actions."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    @activity.defn
    async def execute_action(self, given: ExecuteInput) -> ActionOutcome:
        """Read an action's definition and carry it out, or find it carried out by an earlier attempt."""
        pulse = Pulse(_not_begun(given), given.errors)
        return await run_attempt(given.step.attempts, pulse, lambda: self._execute(given, pulse))

    @activity.defn
    async def verify_action(self, given: ExecuteInput) -> ActionOutcome:
        """Tell, without touching anything, whether the action was carried out: Succeeded, else Canceled."""
        pulse = Pulse(_not_begun(given))
        async with pulse.beating():
            try:
                return await self._verify(given)
            except ActionError as error:
                if error.type.repeatable:
                    raise application_error(error, 0, 0, activity.info().attempt) from error
                return ActionOutcome(phase=Phase.CANCELED, message=messages.bounded(error.message))

    async def _execute(self, given: ExecuteInput, pulse: Pulse) -> ActionOutcome:
        order = await read_order(self._cluster, given)
        if order.operation is Operation.DELETE:
            return await self._delete(order, given, pulse)
        creation = Creation(self._cluster, order, given.actor)
        pulse.last_look = lambda: _found(creation, order)
        pulse.wait_for("", _late(order, given.step.attempts.timeout))
        match order.operation:
            case Operation.CREATE:
                return _done(order, await creation.create())
            case Operation.APPLY:
                return _done(order, await creation.apply())
        raise ActionError(FailureType.UNSUPPORTED, causes.unsupported(order.operation, order.target))

    async def _delete(self, order: Order, given: ExecuteInput, pulse: Pulse) -> ActionOutcome:
        """Delete the object that is there now; none there is a success as well."""
        try:
            seen = await Creation(self._cluster, order, given.actor).present()
            found_before = pulse.said.deleting
            if seen is None:
                return _gone(order, found_before) if found_before else _absent(order)
            if found_before not in ("", seen["uid"]):
                # What an earlier attempt found is gone; this one was made since, by somebody else.
                return _gone(order, found_before, replaced_by=seen["uid"])
            pulse.say(deleting=seen["uid"])
            await self._removal(order, seen["uid"], given, pulse).run()
        except ApiError as error:
            reason = causes.naming(order.target, error.message)
            raise action_error(error, messages.failed_to_delete(order.target, reason)) from error
        return _gone(order, seen["uid"])

    def _removal(self, order: Order, uid: str, given: ExecuteInput, pulse: Pulse) -> Removal:
        foreground = order.target.kind == "Job" and order.target.api_version == BATCH
        deletion = Deletion(target=order.target, uid=uid, foreground=foreground)
        return Removal(self._cluster, deletion, given.actor, pulse, given.step.attempts.timeout)

    async def _verify(self, given: ExecuteInput) -> ActionOutcome:
        order = await read_order(self._cluster, given)
        creation = Creation(self._cluster, order, given.actor)
        try:
            seen = await creation.present()
        except ApiError as error:
            raise action_error(error, causes.canceled_unseen(order.target, error.message)) from error
        if order.operation is Operation.DELETE:
            return _canceled(causes.canceled_still_there(order.target)) if seen else _gone(order, None)
        if seen is not None and creation.is_ours(seen):
            return _done(order, Made(seen, True))
        return _canceled(causes.canceled_not_done(order.operation, order.target))


def _not_begun(given: ExecuteInput) -> ActionError:
    return ActionError(FailureType.TIMED_OUT, causes.ran_out_of_time(given.step.attempts.timeout))


def _late(order: Order, within: str) -> ActionError:
    """Give the failure of an attempt whose time is over while the API server was asked."""
    reason = causes.perhaps_made(causes.no_answer(order.target, within))
    message = messages.failed_to(order.operation, order.target.kind, reason)
    return ActionError(FailureType.TIMED_OUT, message, Remains(order.operation, None, order.outputs(None)))


async def _found(creation: Creation, order: Order) -> ActionOutcome | None:
    seen = await creation.present()
    return _done(order, Made(seen, True)) if seen is not None and creation.is_ours(seen) else None


def _done(order: Order, made: Made) -> ActionOutcome:
    if order.operation is Operation.APPLY:
        message = messages.applied(order.target, created=made.created)
    else:
        message = messages.done(order.operation, order.target)
    return _succeeded(order, message, made.created, made.metadata["uid"])


def _gone(order: Order, uid: str | None, replaced_by: str = "") -> ActionOutcome:
    note = messages.replaced_meanwhile(order.target, replaced_by) if replaced_by else ""
    return _succeeded(order, messages.done(Operation.DELETE, order.target) + note, False, uid)


def _absent(order: Order) -> ActionOutcome:
    return _succeeded(order, messages.was_already_absent(order.target), False, None)


def _succeeded(order: Order, message: str, created: bool, uid: str | None) -> ActionOutcome:
    return ActionOutcome(
        phase=Phase.SUCCEEDED,
        message=messages.bounded(message),
        operation=order.operation,
        created=created,
        outputs=order.outputs(uid),
    )


def _canceled(message: str) -> ActionOutcome:
    return ActionOutcome(phase=Phase.CANCELED, message=messages.bounded(message))
