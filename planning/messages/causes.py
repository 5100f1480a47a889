"""Why a node was not begun, or did not come to its end: each reason with its sentence.

Source: docs/spec/drplanexecution.md, "Reasons" and "Messages".
"""

from collections.abc import Sequence

from api.phases import ActionType, Mode, Operation, OperationType, Phase
from api.reasons import Cause, Reason
from api.steps import Target
from planning.messages.actions import MESSAGE_BOUND, bounded, called, listed

_LEFT_TO_IT = "; what becomes of it is left to the custom rollback of that action"


# Why a node of a Revert is Skipped.


ORIGINAL_ACTION_NOT_SUCCEEDED = Cause(
    Reason.ORIGINAL_NOT_SUCCEEDED, "Original action did not succeed, skipped rollback"
)
EXISTED_BEFORE = Cause(Reason.EXISTED_BEFORE, "The object existed before the execution, not deleted")


def original_workflow_was(phase: Phase) -> Cause:
    """The workflow did not succeed in the original."""
    return Cause(Reason.ORIGINAL_NOT_SUCCEEDED, f"Original workflow phase was {phase.value}, skipped rollback")


def original_stage_was(phase: Phase) -> Cause:
    """The stage did not succeed in the original."""
    return Cause(Reason.ORIGINAL_NOT_SUCCEEDED, f"Original stage phase was {phase.value}, skipped rollback")


def no_rollback_defined(action_type: ActionType) -> Cause:
    """Nothing to undo for this type."""
    return Cause(Reason.NO_ROLLBACK_DEFINED, f"No rollback defined for {action_type.value} action")


def no_automatic_rollback(operation: Operation) -> Cause:
    """Nothing undoes this operation by itself."""
    return Cause(Reason.NO_AUTOMATIC_ROLLBACK, f"No automatic rollback for {operation.value} operation")


def existed_before(target: Target) -> Cause:
    """An Apply found the object already there."""
    return Cause(Reason.EXISTED_BEFORE, f"{called(target)} existed before the execution, not deleted")


def already_rolled_back(reverts: Sequence[str]) -> Cause:
    """Earlier Reverts did it; the message has room for whole names only."""
    begin = "Already rolled back by "
    names = listed(reverts, MESSAGE_BOUND - len(begin), ", ")
    return Cause(Reason.ALREADY_ROLLED_BACK, f"{begin}{names}", tuple(reverts))


def already_absent(target: Target) -> Cause:
    """`onMissing: Ignore` passes it over."""
    return Cause(Reason.ALREADY_ABSENT, f"Already absent: {called(target)}")


def already_absent_replaced(target: Target, uid: str) -> Cause:
    """`onMissing: Ignore` passes it over, and an object of that name stays."""
    absent = already_absent(target).message
    return Cause(Reason.ALREADY_ABSENT, f"{absent}; another object of that name (uid {uid}) was left alone")


def same_object(target: Target, action: str) -> Cause:
    """Another action of this Revert is to delete the very same object."""
    message = f"Same object as action {action}: {called(target)} is left to the rollback of that action"
    return Cause(Reason.SAME_OBJECT, message)


def created_by_another_action(target: Target, action: str) -> Cause:
    """Another action made the very same object, and is not rolled back."""
    message = f"{called(target)} was created by action {action} of this execution, which is not rolled back"
    return Cause(Reason.CREATED_BY_ANOTHER_ACTION, message)


def removed_by_action(target: Target, action: str, *, custom: bool = False) -> Cause:
    """A later action of the same Execute deleted it; `custom` tells that this one has a rollback of its own."""
    message = f"{called(target)} was already deleted by action {action} of the execution"
    return Cause(Reason.DELETED_BY_ANOTHER_ACTION, f"{message}{_LEFT_TO_IT if custom else ''}")


def replaced_by_action(target: Target, action: str, *, custom: bool = False) -> Cause:
    """A later action of the same Execute put another object in its place; `custom` as in `removed_by_action`."""
    message = f"{called(target)} was replaced by action {action} of the execution"
    return Cause(Reason.REPLACED_BY_ANOTHER_ACTION, f"{message}{_LEFT_TO_IT if custom else ''}")


def removed_by_hook_cleanup(target: Target) -> Cause:
    """It went as soon as the action had succeeded: `hookCleanup.onSuccess`."""
    return Cause(Reason.DELETED_BY_HOOK_CLEANUP, f"{called(target)} was removed by its own hook cleanup")


def removed_by_ttl(target: Target, seconds: int) -> Cause:
    """A finished Job went by itself."""
    message = f"{called(target)} is gone: it was to be removed {seconds}s after it finished (ttlSecondsAfterFinished)"
    return Cause(Reason.DELETED_BY_TTL, message)


def removed_with_namespace(target: Target, revert: str) -> Cause:
    """It went with its namespace, which this earlier Revert rolled back."""
    message = f"{called(target)} went with Namespace {target.namespace}, which {revert} rolled back"
    return Cause(Reason.DELETED_WITH_NAMESPACE, message, (revert,))


def together(causes: Sequence[Cause]) -> Cause:
    """Return one cause for an action with several objects, each sentence once.

    That an object was absent shows in the reason, who rolled another one back in the names; that all of it was
    rolled back before is said only where that is so.
    """
    reasons = [cause.reason for cause in causes]
    others = [reason for reason in reasons if reason is not Reason.ALREADY_ROLLED_BACK]
    reason = Reason.ALREADY_ABSENT if Reason.ALREADY_ABSENT in reasons else (others or reasons)[0]
    message = "; ".join(dict.fromkeys(cause.message for cause in causes))
    return Cause(reason, message, tuple(dict.fromkeys(name for cause in causes for name in cause.rolled_back_by)))


# What an Execute leaves out from the beginning, and a Revert of its hooks.


def condition_not_met(mode: Mode, needed: Sequence[Mode]) -> Cause:
    """An action's `when` holds in other modes only."""
    needs = " or ".join(one.value.lower() for one in needed)
    return Cause(Reason.CONDITION_NOT_MET, f"Condition not met: mode is {mode.value.lower()}, needs {needs}")


NOTHING_TO_DELETE = Cause(
    Reason.NOTHING_TO_DELETE, "Nothing to delete: no action creates an object that the DRWorkflow names"
)
"""A DRWorkflow in mode Delete of which nothing is left."""


# Why a node was never reached.


NOT_ATTEMPTED_CANCELED = Cause(Reason.NOT_STARTED_BEFORE_CANCEL, "Not attempted: canceled")


def not_attempted_after(operation: OperationType, action: str) -> Cause:
    """Something failed before its turn."""
    what = "rollback" if operation is OperationType.REVERT else "execution"
    return Cause(Reason.STOPPED_AFTER_FAILURE, f"Not attempted: {what} stopped after action {action} failed")


def not_attempted_broken(part: str) -> Cause:
    """A part ended without a failed action; `part` is e.g. `workflow deploy`."""
    return Cause(Reason.STOPPED_AFTER_FAILURE, f"Not attempted: {part} did not complete")


def not_attempted_dependency(stage: str) -> Cause:
    """A stage that it depends on, directly or not, did not succeed."""
    message = f"Not attempted: depends on stage {stage}, which did not succeed"
    return Cause(Reason.DEPENDENCY_NOT_SUCCEEDED, message)


def not_attempted_action(action: str) -> Cause:
    """An action that it depends on, directly or not, did not succeed."""
    message = f"Not attempted: depends on action {action}, which did not succeed"
    return Cause(Reason.DEPENDENCY_NOT_SUCCEEDED, message)


# Why it is not known what became of a node.


CANCELED_WHILE_RUNNING = Cause(Reason.OUTCOME_UNKNOWN, "Canceled while it ran: its outcome is not known")


def canceled_unknown(reason: str) -> Cause:
    """A cancel came between two attempts, and the last look could not tell what is."""
    message = bounded(f"Canceled between two attempts; whether it was done is not known: {reason}")
    return Cause(Reason.OUTCOME_UNKNOWN, message)


def unknown_outcome(reason: str) -> Cause:
    """An action was running when its workflow was ended from outside."""
    return Cause(Reason.OUTCOME_UNKNOWN, bounded(f"Outcome unknown: {reason}"))
