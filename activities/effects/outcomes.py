"""How an operation on one object ends: outcome and failure of an order, in the words of the status.

Source: docs/spec/drplanexecution.md, "Messages" and "What undoes an action".
"""

from activities.attempt.failures import EMPTY_RECORD, ActionError, action_error
from activities.effects.effect import Order
from api.phases import Operation, Phase
from api.steps import ActionOutcome, ActionRecord, Deletion, FailureType
from kube.client import Object
from kube.errors import ApiError
from planning.definitions.action_types import kind_of
from planning.messages import actions as action_messages
from planning.messages import attempts as attempt_messages


def made(order: Order, metadata: Object, *, existed: bool = False) -> ActionOutcome:
    """The object is there because of this action; `existed` tells whether a Replace had something to replace."""
    match order.operation:
        case Operation.APPLY:
            message = action_messages.applied(order.subject, created=True)
        case Operation.REPLACE:
            message = action_messages.replaced(order.subject, existed=existed)
        case _:
            message = action_messages.done(order.operation, order.subject)
    return _succeeded(order, message, metadata["uid"], created=True)


def changed(order: Order, found: Object) -> ActionOutcome:
    """The object was there, and is now as the action wants it."""
    applied = order.operation is Operation.APPLY
    message = (
        action_messages.applied(order.subject, created=False)
        if applied
        else action_messages.done(Operation.PATCH, order.subject)
    )
    return _succeeded(order, message, found["metadata"]["uid"])


def deleted(order: Order, uid: str | None, replaced_by: str = "") -> ActionOutcome:
    """The object is gone; a new one of that name was left alone."""
    note = action_messages.replaced_meanwhile(order.subject, replaced_by) if replaced_by else ""
    return _succeeded(order, action_messages.done(Operation.DELETE, order.subject) + note, uid)


def already_absent(order: Order) -> ActionOutcome:
    """There was nothing to delete."""
    return _succeeded(order, action_messages.was_already_absent(order.subject), None)


def canceled(message: str) -> ActionOutcome:
    """A cancel came before it was carried out."""
    return ActionOutcome(phase=Phase.CANCELED, message=action_messages.bounded(message))


def uid_of(order: Order, done: ActionOutcome) -> str:
    """Read the uid of the object from the record of what was done."""
    return str(getattr(done.outputs, kind_of(order.action).outputs[0]).uid)


def made_by(order: Order, done: ActionOutcome) -> list[Deletion]:
    """Read from the record of what was done the objects that it made, as what deletes them."""
    recorded = [getattr(done.outputs, field) for field in kind_of(order.action).outputs if done.outputs]
    references = [each for one in recorded if one for each in (one if isinstance(one, list) else [one])]
    return [
        Deletion(target=order.subject.model_copy(update={"name": each.name}), uid=each.uid)
        for each in references
        if each.uid
    ]


def failed(order: Order, kind: FailureType, reason: str, record: ActionRecord = EMPTY_RECORD) -> ActionError:
    """Give the failure of an order under its own message."""
    return ActionError(kind, action_messages.failed_to(order.operation, order.subject.kind, reason), record)


def failed_by(order: Order, error: ApiError) -> ActionError:
    """Give an error of the API as the failure of an order."""
    reason = attempt_messages.naming(order.subject, error.message)
    return action_error(error, action_messages.failed_to(order.operation, order.subject.kind, reason))


def perhaps_changed(order: Order, error: ApiError, uid: str) -> ActionError:
    """Give an error of the API that leaves open whether the object was changed."""
    reason = attempt_messages.perhaps_changed(order.operation, attempt_messages.naming(order.subject, error.message))
    message = action_messages.failed_to(order.operation, order.subject.kind, reason)
    return action_error(error, message, _perhaps_changed(order, uid))


def late(order: Order) -> ActionError:
    """The attempt's time is over before the API server was asked for a change."""
    return failed(order, FailureType.TIMED_OUT, attempt_messages.no_answer(order.subject, order.attempts.timeout))


def late_creation(order: Order) -> ActionError:
    """The attempt's time is over while the API server was asked for a new object."""
    reason = attempt_messages.perhaps_made(attempt_messages.no_answer(order.subject, order.attempts.timeout))
    return failed(order, FailureType.TIMED_OUT, reason, perhaps_created(order))


def late_change(order: Order, uid: str) -> ActionError:
    """The attempt's time is over while the API server was asked for a change."""
    reason = attempt_messages.perhaps_changed(
        order.operation, attempt_messages.no_answer(order.subject, order.attempts.timeout)
    )
    return failed(order, FailureType.TIMED_OUT, reason, _perhaps_changed(order, uid))


def half_done(order: Order, error: ActionError) -> ActionError:
    """Give the failure of a Replace that had deleted the former object."""
    return ActionError(
        error.type, attempt_messages.former_deleted(order.subject, error.message), error.record, error.retry_after
    )


def _succeeded(order: Order, message: str, uid: str | None, *, created: bool = False) -> ActionOutcome:
    return ActionOutcome(
        phase=Phase.SUCCEEDED,
        message=action_messages.bounded(message),
        operation=order.operation,
        created=created,
        outputs=order.outputs(uid),
    )


def perhaps_created(order: Order) -> ActionRecord:
    """Return the record of an attempt of which nobody knows whether it created the object."""
    return ActionRecord(operation=order.operation, outputs=order.outputs(None))


def _perhaps_changed(order: Order, uid: str) -> ActionRecord:
    return ActionRecord(operation=order.operation, created=False, outputs=order.outputs(uid))
