"""How an operation on one object ends: its outcomes and failures, with the messages of the status.

Source: docs/spec/drplanexecution.md, "Messages" and "What undoes an action".
"""

from activities.effects.action import ResolvedAction
from activities.errors import EMPTY_RECORD, ActionError, action_error, words_of
from api.attempts import ActionOutcome, ActionRecord
from api.failures import FailureType
from api.phases import Operation, Phase
from api.reasons import Reason
from api.steps import Deletion
from kube.client import Object
from kube.errors import ApiError
from planning.definitions.action_types import row_of
from planning.messages import actions as action_messages
from planning.messages import preview as preview_messages
from planning.messages import rollback as rollback_messages
from planning.messages.text import bounded


def created(action: ResolvedAction, metadata: Object, *, existed: bool = False) -> ActionOutcome:
    """The object exists because of this action; `existed` says whether a Replace had something to replace."""
    if action.preview:
        return _would_create(action, existed=existed)
    match action.operation:
        case Operation.APPLY:
            message = action_messages.applied(action.target, created=True)
        case Operation.REPLACE:
            message = action_messages.replaced(action.target, existed=existed)
        case _:
            message = action_messages.done(action.operation, action.target)
    return _succeeded(action, message, metadata["uid"], created=True)


def changed(action: ResolvedAction, found: Object) -> ActionOutcome:
    """The object existed, and is now as the action wants it."""
    if action.preview:
        would_apply = preview_messages.would_apply(action.target, created=False)
        message = would_apply if action.operation is Operation.APPLY else _would(action)
        return _succeeded(action, message, found["metadata"]["uid"])
    if action.operation is Operation.APPLY:
        message = action_messages.applied(action.target, created=False)
    else:
        message = action_messages.done(Operation.PATCH, action.target)
    return _succeeded(action, message, found["metadata"]["uid"])


def deleted(action: ResolvedAction, uid: str | None, replaced_by: str = "") -> ActionOutcome:
    """The object is gone; a new one of that name was left alone."""
    if action.preview:
        return _succeeded(action, _would(action), uid)
    note = rollback_messages.replaced_meanwhile(action.target, replaced_by) if replaced_by else ""
    return _succeeded(action, action_messages.done(Operation.DELETE, action.target) + note, uid)


def already_absent(action: ResolvedAction) -> ActionOutcome:
    """There was nothing to delete."""
    absent = preview_messages.nothing_to_delete if action.preview else action_messages.was_already_absent
    done = _succeeded(action, absent(action.target), None)
    return done.model_copy(update={"reason": Reason.ALREADY_ABSENT})


def canceled(message: str) -> ActionOutcome:
    """A cancel came before the action was carried out."""
    return ActionOutcome(phase=Phase.CANCELED, message=bounded(message))


def _would(action: ResolvedAction) -> str:
    return preview_messages.would(action.operation, action.target)


def _would_create(action: ResolvedAction, *, existed: bool) -> ActionOutcome:
    """Return that the object would be created; the uid in the answer to a dry run is nobody's."""
    match action.operation:
        case Operation.APPLY:
            message = preview_messages.would_apply(action.target, created=True)
        case Operation.REPLACE:
            message = preview_messages.would_replace(action.target, existed=existed)
        case _:
            message = _would(action)
    return _succeeded(action, message, None)


def _succeeded(action: ResolvedAction, message: str, uid: str | None, *, created: bool = False) -> ActionOutcome:
    return ActionOutcome(
        phase=Phase.SUCCEEDED,
        message=bounded(message),
        operation=action.operation,
        created=None if action.preview else created,
        outputs=action.outputs(uid),
    )


def uid_of(action: ResolvedAction, done: ActionOutcome) -> str:
    """Return the uid of the object that an outcome records."""
    return str(getattr(done.outputs, row_of(action.definition).outputs[0]).uid)


def recorded_objects(action: ResolvedAction, done: ActionOutcome) -> list[Deletion]:
    """Return the deletions of the objects that an outcome records."""
    recorded = [getattr(done.outputs, field) for field in row_of(action.definition).outputs if done.outputs]
    references = [each for one in recorded if one for each in (one if isinstance(one, list) else [one])]
    return [
        Deletion(target=action.target.model_copy(update={"name": each.name}), uid=each.uid)
        for each in references
        if each.uid
    ]


def failed(action: ResolvedAction, kind: FailureType, reason: str, record: ActionRecord = EMPTY_RECORD) -> ActionError:
    """Return the failure of an action under its own message."""
    return ActionError(kind, _failed_to(action, reason), record)


def failed_by(action: ResolvedAction, error: ApiError) -> ActionError:
    """Return an error of the API as the failure of an action."""
    return _by_api(action, error, words_of(error, action.target))


def changed_meanwhile(action: ResolvedAction) -> ActionError:
    """Return the failure of an action because somebody else created, changed or deleted its object meanwhile."""
    return failed(action, FailureType.TRANSIENT, action_messages.changed_meanwhile(action.target))


def being_deleted(action: ResolvedAction) -> ActionError:
    """Return the failure of an action because its object is being deleted; it may be gone at the next attempt."""
    return failed(action, FailureType.TRANSIENT, action_messages.being_deleted(action.target))


def perhaps_created_by(action: ResolvedAction, error: ApiError) -> ActionError:
    """Return an error of the API that leaves open whether the object was created."""
    reason = action_messages.perhaps_made(words_of(error, action.target))
    return _by_api(action, error, reason, _perhaps_created(action))


def perhaps_changed_by(action: ResolvedAction, error: ApiError, uid: str) -> ActionError:
    """Return an error of the API that leaves open whether the object was changed."""
    reason = words_of(error, action.target)
    reason = action_messages.perhaps_changed(action.operation, reason)
    return _by_api(action, error, reason, _perhaps_changed(action, uid))


def timed_out(action: ResolvedAction) -> ActionError:
    """Return the failure if the time runs out before the API server was asked for a change."""
    return failed(action, FailureType.TIMED_OUT, _no_answer(action))


def creation_timed_out(action: ResolvedAction) -> ActionError:
    """Return the failure if the time runs out after the API server was asked for a new object."""
    reason = action_messages.perhaps_made(_no_answer(action))
    return failed(action, FailureType.TIMED_OUT, reason, _perhaps_created(action))


def change_timed_out(action: ResolvedAction, uid: str) -> ActionError:
    """Return the failure if the time runs out after the API server was asked for a change."""
    reason = action_messages.perhaps_changed(action.operation, _no_answer(action))
    return failed(action, FailureType.TIMED_OUT, reason, _perhaps_changed(action, uid))


def half_replaced(action: ResolvedAction, error: ActionError) -> ActionError:
    """Return the failure of a Replace that had deleted the former object."""
    message = action_messages.former_deleted(action.target, error.message)
    return ActionError(error.type, message, error.record, error.retry_after, error.reason)


def perhaps_deleted(action: ResolvedAction, uid: str) -> ActionRecord:
    """Return the record of a deletion that was asked for and not seen to end, so that a Revert knows the object.

    Only that of a Delete: a Replace records its new object.
    """
    return _perhaps_changed(action, uid) if action.operation is Operation.DELETE else EMPTY_RECORD


def _no_answer(action: ResolvedAction) -> str:
    return action_messages.no_answer(action.target, action.attempts.timeout)


def _by_api(action: ResolvedAction, error: ApiError, reason: str, record: ActionRecord = EMPTY_RECORD) -> ActionError:
    return action_error(error, _failed_to(action, reason), record)


def _failed_to(action: ResolvedAction, reason: str) -> str:
    words = preview_messages.would_fail_to if action.preview else action_messages.failed_to
    return words(action.operation, action.target.kind, reason)


def _perhaps_created(action: ResolvedAction) -> ActionRecord:
    return ActionRecord(operation=action.operation, outputs=action.outputs(None))


def _perhaps_changed(action: ResolvedAction, uid: str) -> ActionRecord:
    return ActionRecord(operation=action.operation, created=False, outputs=action.outputs(uid))
