"""Every sentence of the status tree about actions, one small function each: a contract with its readers.

Names and reasons go in as they are; what is too long is cut by `bounded`. Source:
docs/spec/drplanexecution.md, "Messages".
"""

from collections.abc import Sequence
from datetime import datetime

from api.meta import rfc3339
from api.phases import ActionType, Mode, Operation, OperationType, Phase
from api.steps import Target

MESSAGE_BOUND = 1024
"""Bytes of UTF-8 in one message. Source: docs/architecture.md, "Temporal", the bound for the tree."""

CUT = " … (cut) … "
ORIGINAL_ACTION_NOT_SUCCEEDED = "Original action did not succeed, skipped rollback"
CUSTOM_ROLLBACK_DONE = "Rolled back: executed custom rollback action"
EXISTED_BEFORE = "The object existed before the execution, not deleted"
NOT_LOOKED_AT = "it was not looked at"
NOT_READABLE = "it could not be read"
PLACEHOLDERS = "its definition has placeholders, and no value was recorded"
UNNAMED = "neither its record nor its definition names it"
NOT_ATTEMPTED_CANCELED = "Not attempted: canceled"
CANCELED_WHILE_RUNNING = "Canceled while it ran: its outcome is not known"
_HOOK = "Executed rollback hook: "
_LEFT_TO_IT = "; what becomes of it is left to the custom rollback of that action"
_ALREADY = "Already rolled back by "
_ABSENT = "Already absent: "
_UNKNOWN = "Outcome unknown: "
_UNREADABLE = " (not known: it could not be read)"

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
    return f"{_HOOK}{what}"


def is_hook_done(message: str | None) -> bool:
    """Tell whether a message is one of `hook_done`."""
    return bool(message and message.startswith(_HOOK))


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


# Why a node of a Revert is Skipped.


def no_rollback_defined(action_type: ActionType) -> str:
    """Nothing to undo for this type."""
    return f"No rollback defined for {action_type.value} action"


def no_automatic_rollback(operation: Operation) -> str:
    """Nothing undoes this operation by itself."""
    return f"No automatic rollback for {operation.value} operation"


def existed_before(target: Target) -> str:
    """An Apply found the object already there."""
    return f"{called(target)} existed before the execution, not deleted"


def already_rolled_back(reverts: Sequence[str]) -> str:
    """An earlier Revert, or several, did it."""
    return f"{_ALREADY}{', '.join(reverts)}"


def rolled_back_by(message: str | None) -> list[str]:
    """Read the names back from `already_rolled_back`; empty for any other message."""
    return message.removeprefix(_ALREADY).split(", ") if message and message.startswith(_ALREADY) else []


def same_object(target: Target, action: str) -> str:
    """Another action of this Revert is to delete the very same object."""
    return f"Same object as action {action}: {called(target)} is left to the rollback of that action"


def same_object_kept(target: Target, action: str) -> str:
    """Another action made the very same object, and is not rolled back."""
    return f"{called(target)} was created by action {action} of this execution, which is not rolled back"


def removed_by_action(target: Target, action: str, *, custom: bool = False) -> str:
    """A later action of the same Execute deleted it; `custom` tells that this one has a rollback of its own."""
    return f"{called(target)} was already deleted by action {action} of the execution{_LEFT_TO_IT if custom else ''}"


def replaced_by_action(target: Target, action: str, *, custom: bool = False) -> str:
    """A later action of the same Execute put another object in its place; `custom` as of `removed_by_action`."""
    return f"{called(target)} was replaced by action {action} of the execution{_LEFT_TO_IT if custom else ''}"


def removed_by_hook_cleanup(target: Target) -> str:
    """It went as soon as the action had succeeded: `hookCleanup.onSuccess`."""
    return f"{called(target)} was removed by its own hook cleanup"


def removed_by_ttl(target: Target, seconds: int) -> str:
    """A finished Job went by itself."""
    return f"{called(target)} is gone: it was to be removed {seconds}s after it finished (ttlSecondsAfterFinished)"


def removed_with_namespace(target: Target, revert: str) -> str:
    """It went with its namespace."""
    return f"{called(target)} went with Namespace {target.namespace}, which {revert} rolled back"


def already_absent(target: Target) -> str:
    """`onMissing: Ignore` let it pass."""
    return f"{_ABSENT}{called(target)}"


def is_already_absent(message: str | None) -> bool:
    """Tell whether a message is one of `already_absent`."""
    return bool(message and message.startswith(_ABSENT))


def already_absent_replaced(target: Target, uid: str) -> str:
    """`onMissing: Ignore` let it pass, and an object of that name stays."""
    return f"{already_absent(target)}; another object of that name (uid {uid}) was left alone"


def original_workflow_was(phase: Phase) -> str:
    """The workflow did not succeed in the original."""
    return f"Original workflow phase was {phase.value}, skipped rollback"


def original_stage_was(phase: Phase) -> str:
    """The stage did not succeed in the original."""
    return f"Original stage phase was {phase.value}, skipped rollback"


def unreadable(target: Target) -> str:
    """Name an object that may have been left standing, for it could not be read."""
    return f"{placed(target)}{_UNREADABLE}"


def is_unreadable(entry: str) -> bool:
    """Tell whether an entry is one of `unreadable`."""
    return entry.endswith(_UNREADABLE)


# Why a node was never reached.


def not_attempted_after(operation: OperationType, action: str) -> str:
    """Something failed before its turn."""
    what = "rollback" if operation is OperationType.REVERT else "execution"
    return f"Not attempted: {what} stopped after action {action} failed"


def not_attempted_broken(part: str) -> str:
    """A part ended without a failed action; `part` is e.g. `workflow deploy`."""
    return f"Not attempted: {part} did not complete"


def not_attempted_dependency(stage: str) -> str:
    """A stage that it depends on, directly or not, did not succeed."""
    return f"Not attempted: depends on stage {stage}, which did not succeed"


def not_attempted_action(action: str) -> str:
    """An action that it depends on, directly or not, did not succeed."""
    return f"Not attempted: depends on action {action}, which did not succeed"


# What an Execute leaves out from the beginning.


def condition_not_met(mode: Mode, needed: Sequence[Mode]) -> str:
    """An action's `when` holds in other modes only."""
    needs = " or ".join(one.value.lower() for one in needed)
    return f"Condition not met: mode is {mode.value.lower()}, needs {needs}"


NOTHING_TO_DELETE = "Nothing to delete: no action creates an object that the DRWorkflow names"
"""A DRWorkflow in mode Delete of which nothing is left."""


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


def unknown_outcome(reason: str) -> str:
    """An action was running when its workflow was ended from outside."""
    return f"{_UNKNOWN}{reason}"


def is_unknown_outcome(message: str | None) -> bool:
    """Tell whether a message is one of `unknown_outcome`."""
    return bool(message and message.startswith(_UNKNOWN))


# Actions in general.


def retrying(retry: int, limit: int, error: str) -> str:
    """Between two attempts; `retry` counts from 1 and is the next one of `limit`."""
    return f"Retrying ({retry} of {limit}): {error}"


def attempt_lost() -> str:
    """Between two attempts, when the last one was lost: it counts as no retry."""
    return "An attempt was lost with its worker: another one follows"


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
