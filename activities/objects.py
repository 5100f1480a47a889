"""The effect on one object: create, apply or delete it.

Source: docs/spec/drplanexecution.md, "What undoes an action" and "Cancel"; docs/spec/drworkflow.md, "Operations".
"""

from activities.cluster import Cluster
from activities.creation import Creation, Made
from activities.effects import Order
from activities.errors import ApiError
from activities.failures import ActionError, Remains, action_error
from activities.heartbeat import Pulse
from activities.removal import Removal
from api.phases import Operation, Phase
from api.steps import ActionOutcome, Deletion, FailureType
from planning import causes, messages
from planning.kinds import BATCH


class ObjectEffect:
    """Effect of the types whose definition is one object: the Clusternet kinds and KubernetesResource."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    async def execute(self, order: Order, pulse: Pulse) -> ActionOutcome:
        """Bring the object into the state that the operation asks for."""
        if order.operation is Operation.DELETE:
            return await self._delete(order, pulse)
        creation = Creation(self._cluster, order)
        pulse.last_look = lambda: _found(creation, order)
        pulse.wait_for("", _late(order))
        match order.operation:
            case Operation.CREATE:
                return _done(order, await creation.create())
            case Operation.APPLY:
                return _done(order, await creation.apply())
        raise ActionError(FailureType.UNSUPPORTED, causes.unsupported(order.operation, order.subject))

    async def verify(self, order: Order) -> ActionOutcome:
        """Look whether the object is as the operation leaves it."""
        creation = Creation(self._cluster, order)
        try:
            seen = await creation.present()
        except ApiError as error:
            raise action_error(error, causes.canceled_unseen(order.subject, error.message)) from error
        if order.operation is Operation.DELETE:
            return _canceled(causes.canceled_still_there(order.subject)) if seen else _gone(order, None)
        if seen is not None and creation.is_ours(seen):
            return _done(order, Made(seen, True))
        return _canceled(causes.canceled_not_done(order.operation, order.subject))

    async def _delete(self, order: Order, pulse: Pulse) -> ActionOutcome:
        """Delete the object that is there now; none there is a success as well."""
        try:
            seen = await Creation(self._cluster, order).present()
            found_before = pulse.said.deleting
            if seen is None:
                return _gone(order, found_before) if found_before else _absent(order)
            if found_before not in ("", seen["uid"]):
                # What an earlier attempt found is gone; this one was made since, by somebody else.
                return _gone(order, found_before, replaced_by=seen["uid"])
            pulse.say(deleting=seen["uid"])
            await self._removal(order, seen["uid"], pulse).run()
        except ApiError as error:
            reason = causes.naming(order.subject, error.message)
            raise action_error(error, messages.failed_to_delete(order.subject, reason)) from error
        return _gone(order, seen["uid"])

    def _removal(self, order: Order, uid: str, pulse: Pulse) -> Removal:
        foreground = order.subject.kind == "Job" and order.subject.api_version == BATCH
        deletion = Deletion(target=order.subject, uid=uid, foreground=foreground)
        return Removal(self._cluster, deletion, order.actor, pulse, order.attempts.timeout)


def _late(order: Order) -> ActionError:
    """Give the failure of an attempt whose time is over while the API server was asked."""
    reason = causes.perhaps_made(causes.no_answer(order.subject, order.attempts.timeout))
    message = messages.failed_to(order.operation, order.subject.kind, reason)
    return ActionError(FailureType.TIMED_OUT, message, Remains(order.operation, None, order.outputs(None)))


async def _found(creation: Creation, order: Order) -> ActionOutcome | None:
    seen = await creation.present()
    return _done(order, Made(seen, True)) if seen is not None and creation.is_ours(seen) else None


def _done(order: Order, made: Made) -> ActionOutcome:
    if order.operation is Operation.APPLY:
        message = messages.applied(order.subject, created=made.created)
    else:
        message = messages.done(order.operation, order.subject)
    return _succeeded(order, message, made.created, made.metadata["uid"])


def _gone(order: Order, uid: str | None, replaced_by: str = "") -> ActionOutcome:
    note = messages.replaced_meanwhile(order.subject, replaced_by) if replaced_by else ""
    return _succeeded(order, messages.done(Operation.DELETE, order.subject) + note, False, uid)


def _absent(order: Order) -> ActionOutcome:
    return _succeeded(order, messages.was_already_absent(order.subject), False, None)


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
