"""Sentences of the status tree about actions; why one was not begun is in planning/messages/causes.py.

Names and reasons go in as they are; what is too long is cut by `bounded`. Source:
docs/spec/drplanexecution.md, "Messages".
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from api.meta import go_duration, rfc3339
from api.phases import Operation
from api.steps import Target

MESSAGE_BOUND = 1024
"""Bytes of UTF-8 in one message. Source: docs/architecture.md, "Temporal", the bound for the tree."""

CUT = " … (cut) … "
CUSTOM_ROLLBACK_DONE = "Rolled back: executed custom rollback action"
NOT_LOOKED_AT = "it was not looked at"
NOT_READABLE = "it could not be read"
PLACEHOLDERS = "its definition has placeholders, and no value was recorded"
UNNAMED = "neither its record nor its definition names it"

_PAST = {
    Operation.CREATE: "Created",
    Operation.APPLY: "Applied",
    Operation.PATCH: "Patched",
    Operation.DELETE: "Deleted",
    Operation.REPLACE: "Replaced",
}


def bounded(text: str, bound: int = MESSAGE_BOUND) -> str:
    """Give `text` within `bound` bytes of UTF-8: its beginning and its end, for causes stand last."""
    raw = text.encode()
    if len(raw) <= bound:
        return text
    room = max(bound - len(CUT.encode()), 0)
    tail = room // 3
    begin = raw[: room - tail].decode(errors="ignore")
    end = raw[len(raw) - tail :].decode(errors="ignore")
    return f"{begin}{CUT}{end}"


def counted(number: int, noun: str) -> str:
    """Give a number with its noun: `1 stage`, `2 stages`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def called(target: Target) -> str:
    """Give an object as messages call it: `ConfigMap app-config`."""
    return f"{target.kind} {target.name}"


def placed(target: Target) -> str:
    """Give an object with its namespace: `ConfigMap default/app-config`, `Namespace shop`."""
    name = f"{target.namespace}/{target.name}" if target.namespace else target.name
    return f"{target.kind} {name}"


# What a Revert's action says when its turn has come.


def rolled_back(targets: Sequence[Target]) -> str:
    """The default rollback is done: every object is gone."""
    return f"Rolled back: deleted {', '.join(called(target) for target in targets)}"


def replaced_meanwhile(target: Target, uid: str) -> str:
    """Follow a success: somebody made a new object of that name, and it stays."""
    return f"; a new {called(target)} (uid {uid}) was left alone"


def failed_to_delete(target: Target, reason: str) -> str:
    """The deletion failed; `reason` holds the object's name."""
    return failed_to(Operation.DELETE, target.kind, reason)


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


def still_there(target: Target, timeout: str, finalizers: Sequence[str]) -> str:
    """Reason: the object was told to go and did not within the action's timeout (Go duration)."""
    waiting = f"finalizers {', '.join(finalizers)}" if finalizers else "its removal"
    return f"{called(target)} still exists after {timeout}, waiting for {waiting}"


def action_undefined(action: str, dr_workflow: str) -> str:
    """Refuse: the record is not enough and the definition is gone."""
    return f"Action {action} is no longer defined in DRWorkflow {dr_workflow}"


def rollback_undefined(action: str, dr_workflow: str) -> str:
    """Refuse: the action had a rollback of its own, and its definition is gone or has none."""
    return f"The custom rollback of action {action} is no longer defined in DRWorkflow {dr_workflow}"


def object_unknown(action: str, dr_workflow: str, reason: str) -> str:
    """Refuse: neither the record nor the definition says which object the action made."""
    return f"Failed to roll back: the object of action {action} of DRWorkflow {dr_workflow} is not known: {reason}"


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


# Actions in general.


def retrying(retry: int, limit: int, error: str) -> str:
    """Between two attempts; `retry` counts from 1 and is the next one of `limit`."""
    return f"Retrying ({retry} of {limit}): {error}"


ATTEMPT_LOST = "An attempt was lost with its worker: another one follows"
"""Between two attempts, when the last one was lost: it counts as no retry."""


def attempts_lost(losses: int, pause: timedelta) -> str:
    """So many attempts were lost with their workers; the next one waits."""
    return f"{losses} attempts were lost with their workers: the next one begins in {go_duration(pause)}"


def shortened(dropped: Sequence[str]) -> str:
    """Say what the bound cost."""
    return f"Status shortened to its bound, without {', '.join(dropped)}"


def and_more(number: int) -> str:
    """End a list that was cut."""
    return f"and {number} more"


def listed(items: Sequence[str], bound: int, separator: str = "; ") -> str:
    """Join `items` within `bound` bytes; the ones that do not fit are counted."""
    text = separator.join(items)
    if len(text.encode()) <= bound:
        return text
    kept: list[str] = []
    room = bound - len(f"{separator}{and_more(len(items))}".encode())
    for item in items:
        room -= len(f"{item}{separator}".encode())
        if room < 0:
            break
        kept.append(item)
    first = kept or [bounded(items[0], bound // 2)]
    return separator.join([*first, and_more(len(items) - len(first))])
