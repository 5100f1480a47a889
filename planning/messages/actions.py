"""What a status says of an action and of its object, and why a single attempt failed.

Why an action was not begun is in planning/messages/tree.py. Names and reasons go in as they are; what is too long is
cut by `bounded`. Source: docs/spec/drplanexecution.md, "Messages".
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from api.meta import go_duration, rfc3339
from api.objects import Target
from api.phases import ActionType, Operation
from planning.messages.text import MESSAGE_BOUND, bounded, called, listed, placed

CUSTOM_ROLLBACK_DONE = "Rolled back: executed custom rollback action"
NOT_LOOKED_AT = "it was not looked at"
NOT_READABLE = "it could not be read"
PLACEHOLDERS = "its definition has placeholders, and no value was recorded"
UNNAMED = "neither its record nor its definition names it"

_NOTES = 600
_WARNING = 300
"""Bytes of what may follow the end of an action, and of one part of it."""
_PAST = {
    Operation.CREATE: "Created",
    Operation.APPLY: "Applied",
    Operation.PATCH: "Patched",
    Operation.DELETE: "Deleted",
    Operation.REPLACE: "Replaced",
}


# What a Revert's action says when its turn has come.


def rolled_back(targets: Sequence[Target]) -> str:
    """The default rollback is done: every object is gone."""
    return f"Rolled back: deleted {', '.join(called(target) for target in targets)}"


def restored(target: Target) -> str:
    """The default rollback is done: the object is as it was before the action."""
    return f"Rolled back: restored {called(target)}"


def restoring_failed(target: Target, reason: str) -> str:
    """The object could not be restored."""
    return f"Failed to restore {target.kind}: {reason}"


def changed_since(target: Target, fields: Sequence[str]) -> str:
    """Reason: what the action set has another value by now."""
    names = listed(fields, MESSAGE_BOUND // 2, ", ")
    return f"{placed(target)} was changed by somebody else since the execution, in {names}; nothing was restored"


def exists_again(target: Target, uid: str) -> str:
    """Reason: the object that the action deleted was created again by somebody else."""
    return f"{placed(target)} exists again, with uid {uid}, and was not created by this Revert; it was left alone"


RESTORED_BY_NEWER_WORKERS = "the worker that got this step is older than the one that decided it: update all workers"
"""Refuse, in a worker that does not know how to restore."""


def deletion_applies_later(target: Target) -> str:
    """Follow a deletion that does not reach the child clusters by itself."""
    return (
        f"; {called(target)} had the overridePolicy ApplyLater: the child clusters keep what it changed until "
        "Clusternet deploys there again for another reason"
    )


def restored_for_later(target: Target) -> str:
    """Note that what is restored does not reach the child clusters by itself."""
    return (
        f"{called(target)} has the overridePolicy ApplyLater: the child clusters get it when Clusternet deploys there "
        "again for another reason"
    )


def replaced_meanwhile(target: Target, uid: str) -> str:
    """Follow a success: somebody made a new object of that name, and it stays."""
    return f"; a new {called(target)} (uid {uid}) was left alone"


def custom_rollback_failed(reason: str) -> str:
    """The action's own rollback failed."""
    return f"Custom rollback failed: {reason}"


def hook_done(what: str) -> str:
    """A rollback hook is done; `what` is what it says as an action."""
    return f"Executed rollback hook: {what}"


def hook_failed(reason: str) -> str:
    """A rollback hook failed."""
    return f"Rollback hook failed: {reason}"


def wrong_uid(target: Target, recorded: str, seen: str) -> str:
    """Reason: another object bears the name now."""
    return f"{called(target)} has uid {seen}, but the execution recorded uid {recorded}: it is another object"


def without_mark(target: Target, uid: str, annotation: str) -> str:
    """Reason: only a status that others can write says that the execution created the object."""
    return (
        f"{called(target)} with uid {uid} lacks the annotation {annotation} of the execution, and the "
        "status alone is not believed; delete it by hand if the execution created it"
    )


def wrong_time(target: Target, created: datetime | None, start: datetime | None, end: datetime | None) -> str:
    """Reason: no uid was recorded, and the object's age does not fit the action."""
    moment = rfc3339(created) if created else "at an unknown time"
    begin, finish = (rfc3339(time) if time else "an unknown time" for time in (start, end))
    return (
        f"{called(target)} was created {moment}, but the action, which recorded no uid, ran from {begin} to {finish}: "
        "it cannot be shown to be the same object"
    )


def not_found(target: Target) -> str:
    """Reason where the API server gave no words of its own."""
    return f'{target.kind} "{target.name}" not found'


def action_undefined(action: str, dr_workflow: str) -> str:
    """Refuse: the record is not enough and the definition is gone."""
    return f"Action {action} is no longer defined in DRWorkflow {dr_workflow}"


def rollback_undefined(action: str, dr_workflow: str) -> str:
    """Refuse: the action had a rollback of its own, and its definition is gone or has none."""
    return f"The custom rollback of action {action} is no longer defined in DRWorkflow {dr_workflow}"


def object_unknown(action: str, dr_workflow: str, reason: str) -> str:
    """Refuse: neither the record nor the definition says which object the action made."""
    return f"Failed to roll back: the object of action {action} of DRWorkflow {dr_workflow} is not known: {reason}"


def perhaps_deleted_by(reason: str, reverts: Sequence[str]) -> str:
    """Follow why an object is missing: earlier Reverts of another controller did not finish."""
    names = listed(list(reverts), MESSAGE_BOUND // 4, ", ")
    return (
        f"{reason}; the Revert {names}, which another controller did not finish, may have deleted it without a record: "
        "create a Revert with spec.onMissing: Ignore"
    )


def unreadable(target: Target) -> str:
    """Name an object that may have been left standing, for it could not be read."""
    return f"{placed(target)} (not known: it could not be read)"


# What an Execute's action says.


def title(operation: Operation, target: Target) -> str:
    """Name an action by what it does: `Create Localization default/nginx-loc-a`."""
    return f"{operation.value} {placed(target)}"


def request_title(method: str, address: str) -> str:
    """Name an HTTP action by what it does: `POST https://example.com/hook`."""
    return f"{method} {address}"


def rollback_title(action: str, what: str) -> str:
    """Name a custom rollback: `Roll back patch-app: Patch ConfigMap default/app`."""
    return f"Roll back {action}: {what}"


def hook_title(action: str, what: str) -> str:
    """Name the execution of a rollback hook: `Rollback hook drain: HTTP`."""
    return f"Rollback hook {action}: {what}"


def done(operation: Operation, target: Target) -> str:
    """The operation is done: `Created Localization nginx-loc-a`, `Deleted ConfigMap app`."""
    return f"{_PAST[operation]} {called(target)}"


def applied(target: Target, *, created: bool) -> str:
    """An Apply is done; `created` tells whether the object is there because of it."""
    return f"{done(Operation.APPLY, target)} ({'created' if created else 'it existed before'})"


def replaced(target: Target, *, existed: bool) -> str:
    """A Replace is done; `existed` tells whether there was an object to replace."""
    return f"{done(Operation.REPLACE, target)}{'' if existed else ' (it did not exist before)'}"


def was_already_absent(target: Target) -> str:
    """A Delete found nothing."""
    return f"{called(target)} was already absent"


def failed_to(operation: Operation, kind: str, reason: str) -> str:
    """An operation failed: `Failed to create Localization: <reason>`."""
    return f"Failed to {operation.value.lower()} {kind}: {reason}"


def and_removed(message: str) -> str:
    """Follow how an action ended whose object its own hook cleanup has removed since."""
    return f"{message}; removed by its hook cleanup"


def and_not_removed(message: str, reason: str) -> str:
    """Follow how an action ended whose object its own hook cleanup could not remove."""
    return f"{message}; its hook cleanup failed: {reason}"


def with_notes(message: str, notes: Sequence[str]) -> str:
    """Follow how an action ended with what the API server warns of, and what else came of it."""
    return f"{message}; {listed(notes, _NOTES)}"


def api_warning(text: str) -> str:
    """The API server warns of what was sent."""
    return f"the API server warns: {bounded(text, _WARNING)}"


def lost_with_lists(paths: Sequence[str]) -> str:
    """A merge patch replaced lists of named items."""
    return f"the merge patch replaced lists, so these are gone: {listed(paths, _WARNING, ', ')}"


# Actions in general.


def retrying(retry: int, limit: int, error: str, at: datetime | None = None) -> str:
    """Between two attempts; `retry` counts from 1 and is the next one of `limit`, which begins `at`."""
    message = f"Retrying ({retry} of {limit}): {error}"
    return message if at is None else f"{message}; next attempt at {rfc3339(at)}"


ATTEMPT_LOST = "An attempt was lost with its worker: another one follows"
"""Between two attempts, when the last one was lost: it counts as no retry."""


def attempts_lost(losses: int, pause: timedelta) -> str:
    """So many attempts were lost with their workers; the next one waits."""
    return f"{losses} attempts were lost with their workers: the next one begins in {go_duration(pause)}"


def shortened(dropped: Sequence[str]) -> str:
    """Say what the bound cost."""
    return f"Status shortened to its bound, without {', '.join(dropped)}"


# Reasons: what follows `Failed to create ConfigMap: `.


def exists_of_another(target: Target, mark: str | None, execution: str | None = None) -> str:
    """The name is taken; `mark` is the annotation of the object that has it, `execution` names whose mark that is."""
    creator = f"execution {execution}" if execution else mark
    whose = f"it was created by {creator}" if creator else "it was not created by a plan"
    return f"{placed(target)} already exists, and {whose}"


def being_deleted(target: Target) -> str:
    """An object of that name is on its way out."""
    return f"{placed(target)} is being deleted"


def changed_meanwhile(target: Target) -> str:
    """Somebody else works on the object at the same time."""
    return f"{placed(target)} was created, changed or deleted by somebody else at the same time"


def perhaps_made(reason: str) -> str:
    """The request was not answered, and the look after it was not either."""
    return f"{reason} (whether it was created is not known)"


def perhaps_changed(operation: Operation, reason: str) -> str:
    """An Apply or Patch of an object that was there was not answered, and the look after it did not show it either."""
    done = {Operation.APPLY: "applied", Operation.PATCH: "patched"}.get(operation, "changed")
    return f"{reason} (whether it was {done} is not known)"


def perhaps_patched_before(target: Target) -> str:
    """Reason: an earlier attempt may have sent a JSON patch, which may do more each time."""
    return (
        f"whether an earlier attempt has patched {called(target)} is not known, and a JSON patch is not sent twice: "
        "look at the object, then create a new execution"
    )


def former_deleted(target: Target, reason: str) -> str:
    """A Replace got no further than the deletion; `reason` says why."""
    return f"{reason}; the former {called(target)} was deleted"


def no_answer(target: Target, timeout: str) -> str:
    """The action's timeout (Go duration) was over before the API server had answered."""
    return f"{called(target)}: the API server did not answer within {timeout}"


def unseen(target: Target, timeout: str, reason: str) -> str:
    """The action's timeout was over, and at the end the object could not be read."""
    return f"whether {called(target)} is gone after {timeout} is not known: {reason}"


def unexpected(error: Exception) -> str:
    """A fault of ours, or an answer that nobody foresaw; its text is kept out, it may hold what is secret."""
    return f"unexpected {type(error).__name__}; the worker's log says more"


# Whole messages.


def failed_to_read(kind: str, name: str, reason: str) -> str:
    """A definition or record could not be read."""
    return f"Failed to read {kind} {name}: {reason}"


def failed_to_read_value(what: str, reason: str) -> str:
    """An object from which a parameter takes its value could not be read; `what` names it."""
    return f"Failed to read {what} for a parameter: {reason}"


def place_unknown(stage: str, dr_workflow: str) -> str:
    """A snapshot has no such DRWorkflow in its plan."""
    return f"The definitions that were kept have no DRWorkflow {dr_workflow} at this place of stage {stage}"


def without_rollback(action: str) -> str:
    """A custom rollback is to be carried out, and the definition names none."""
    return f"Action {action} has no rollback of its own"


def not_renderable(action: str, reason: str) -> str:
    """A placeholder in an action cannot be filled in; `reason` begins with the field path."""
    return f"Action {action} cannot be carried out: {reason}"


def not_usable_with_secrets(action: str) -> str:
    """What is wrong with a text may quote a secret value in it, so it is not told."""
    return f"The manifest of action {action} is not usable once its secret values are filled in"


def too_many_secrets(action: str, most: int) -> str:
    """Each secret text has to be looked for in every message."""
    return f"Action {action} has more than {most} secret values: divide it, or read them from a Secret"


def not_readable(kind: str, name: str, problem: str) -> str:
    """A definition or record is not what its kind says; `problem` names field and fault."""
    return f"{kind} {name} cannot be understood: {problem}"


def ran_out_of_time(timeout: str) -> str:
    """The action's timeout (Go duration) was over before its object was known."""
    return f"Failed to begin within {timeout}"


def without_object(action: str) -> str:
    """The action's type has no object that could be created or deleted."""
    return f"Action {action} names no object"


def no_effect(action_type: ActionType) -> str:
    """A type of action that this release does not carry out."""
    return f"{action_type.value} actions are not supported yet"


# What is waited for, in the Temporal UI and in the bridge's eyes.


def waiting_for_server(reason: str) -> str:
    """The API server does not answer."""
    return f"Waiting for the API server: {reason}"


def looking(seen: int, total: int) -> str:
    """A Revert looks at every object concerned."""
    return f"Looking at {total} objects, {seen} done"


# What a last look after a cancel found.


def canceled_still_there(target: Target) -> str:
    """An object that was to go is still there."""
    return f"Canceled between two attempts: {called(target)} still exists"


def canceled_not_done(operation: Operation, target: Target) -> str:
    """Nothing shows that the operation was carried out."""
    return f"Canceled between two attempts: {operation.value.lower()} of {called(target)} was not done"


def canceled_not_restored(target: Target) -> str:
    """The object is not as it was before the action."""
    return f"Canceled between two attempts: {called(target)} was not restored"


def canceled_half_replaced(target: Target) -> str:
    """A Replace was cut short between its two halves."""
    return f"Canceled between two attempts: {called(target)} was deleted, and the new one was not created"


def canceled_unseen(target: Target, reason: str) -> str:
    """The look was refused."""
    return f"Canceled between two attempts; whether {called(target)} is as wanted is not known: {reason}"


# Jobs.
