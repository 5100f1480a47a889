"""What a status says of an action of a Revert and of its object: what was taken back, and why it was not.

Source: docs/spec/drplanexecution.md, "Messages".
"""

from collections.abc import Sequence
from datetime import datetime

from api.meta import rfc3339
from api.objects import Target
from planning.messages.text import MESSAGE_BOUND, called, listed, placed

CUSTOM_ROLLBACK_DONE = "Rolled back: executed custom rollback action"
NOT_LOOKED_AT = "it was not looked at"
NOT_READABLE = "it could not be read"
PLACEHOLDERS = "its definition has placeholders, and no value was recorded"
UNNAMED = "neither its record nor its definition names it"


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


def rollback_title(action: str, what: str) -> str:
    """Name a custom rollback: `Roll back patch-app: Patch ConfigMap default/app`."""
    return f"Roll back {action}: {what}"


def hook_title(action: str, what: str) -> str:
    """Name the execution of a rollback hook: `Rollback hook drain: HTTP`."""
    return f"Rollback hook {action}: {what}"


def without_rollback(action: str) -> str:
    """A custom rollback is to be carried out, and the definition names none."""
    return f"Action {action} has no rollback of its own"


def looking(seen: int, total: int) -> str:
    """A Revert looks at every object concerned."""
    return f"Looking at {total} objects, {seen} done"


def canceled_not_restored(target: Target) -> str:
    """The object is not as it was before the action."""
    return f"Canceled between two attempts: {called(target)} was not restored"
