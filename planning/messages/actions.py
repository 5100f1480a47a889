"""What a status says of an action of an Execute and of its object, and why a single attempt failed.

A Revert's own are in planning/messages/rollback.py, why an action was not begun is in planning/messages/tree.py. Names
and reasons go in as they are; what is too long is cut by `bounded`.
Source: docs/spec/drplanexecution.md, "Messages".
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from api.meta import go_duration, rfc3339
from api.objects import Target
from api.phases import ActionType, Operation
from planning.messages.text import bounded, called, listed, placed

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


def not_found(target: Target) -> str:
    """Reason where the API server gave no words of its own."""
    return f'{target.kind} "{target.name}" not found'


# What an Execute's action says.


def title(operation: Operation, target: Target) -> str:
    """Name an action by what it does: `Create Localization default/nginx-loc-a`."""
    return f"{operation.value} {placed(target)}"


def request_title(method: str, address: str) -> str:
    """Name an HTTP action by what it does: `POST https://example.com/hook`."""
    return f"{method} {address}"


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


# What a last look after a cancel found.


def canceled_still_there(target: Target) -> str:
    """An object that was to go is still there."""
    return f"Canceled between two attempts: {called(target)} still exists"


def canceled_not_done(operation: Operation, target: Target) -> str:
    """Nothing shows that the operation was carried out."""
    return f"Canceled between two attempts: {operation.value.lower()} of {called(target)} was not done"


def canceled_half_replaced(target: Target) -> str:
    """A Replace was cut short between its two halves."""
    return f"Canceled between two attempts: {called(target)} was deleted, and the new one was not created"


def canceled_unseen(target: Target, reason: str) -> str:
    """The look was refused."""
    return f"Canceled between two attempts; whether {called(target)} is as wanted is not known: {reason}"
