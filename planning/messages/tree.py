"""What a status says of workflows, stages and the plan that have ended, and why a part was not begun.

Source: docs/spec/drplanexecution.md, "Reasons" and "Messages".
"""

from collections.abc import Sequence

from api.objects import Target
from api.phases import ActionType, Mode, Operation, OperationType, Phase
from api.reasons import Cause, Lack, Reason
from planning.messages.text import MESSAGE_BOUND, bounded, called, counted, listed


def part_succeeded(operation: OperationType, part: str) -> str:
    """A part (`Workflow` or `Stage`) is done."""
    return f"{part} {'reverted' if operation is OperationType.REVERT else 'executed'} successfully"


def part_failed(operation: OperationType, child: str, name: str) -> str:
    """A part failed because of a child: `Failed to rollback action X`."""
    return f"Failed to {'rollback' if operation is OperationType.REVERT else 'execute'} {child} {name}"


def part_canceled(operation: OperationType, part: str, done_children: int, total: int) -> str:
    """A part was cut short; `part` is `Workflow` (of actions) or `Stage` (of workflows)."""
    noun = "action" if part == "Workflow" else "workflow"
    what, verb = ("revert", "rolled back") if operation is OperationType.REVERT else ("execution", "completed")
    return f"{part} {what} canceled: {done_children} of {counted(total, noun)} {verb}"


def plan_reverted(stages: int, actions: int, skipped_stages: int, skipped_actions: int = 0, hooks: int = 0) -> str:
    """The Revert is done; the counts are of what was really rolled back, and of rollback hooks besides.

    `skipped_actions` are those of the stages that were not skipped.
    """
    executed = f", {counted(hooks, 'rollback hook')} executed" if hooks else ""
    skipped = f", {counted(skipped_stages, 'stage')} skipped" if skipped_stages else ""
    skipped += f", {counted(skipped_actions, 'action')} skipped" if skipped_actions else ""
    done_parts = f"{counted(stages, 'stage')}, {counted(actions, 'action')} rolled back"
    return f"Plan reverted successfully: {done_parts}{executed}{skipped}"


def nothing_left(reverts: Sequence[str], absent: int) -> str:
    """Nothing had to be done; `absent` actions were let pass because their objects were gone."""
    passed = f", {counted(absent, 'action')} already absent" if absent else ""
    begin = "Nothing left to revert: already reverted by "
    # Whole names only, with room for what may follow.
    return f"{begin}{listed(reverts, MESSAGE_BOUND * 3 // 4, ', ')}{passed}"


def nothing_to_revert(skipped_actions: int, skipped_stages: int) -> str:
    """Nothing in the original could be taken back."""
    skipped = ", ".join(
        counted(number, noun) for number, noun in ((skipped_stages, "stage"), (skipped_actions, "action")) if number
    )
    return f"Nothing to revert: {skipped or 'the execution did nothing'}{' skipped' if skipped else ''}"


def left_standing(known: int, unknown: int, skipped_actions: int = 0) -> str:
    """Follow a plan's message: objects of what was skipped that still exist, or may.

    After a count of `skipped_actions` they are the next item of that list.
    """
    parts = [f"{counted(known, 'object')} left standing"] if known else []
    parts += [f"{counted(unknown, 'object')} not known to be gone"] if unknown else []
    return "".join(f"{', ' if skipped_actions else '; '}{part}" for part in parts)


def plan_executed(stages: int, actions: int, skipped_stages: int) -> str:
    """The Execute is done."""
    skipped = f", {counted(skipped_stages, 'stage')} skipped" if skipped_stages else ""
    return f"Plan executed successfully: {counted(stages, 'stage')}, {counted(actions, 'action')}{skipped}"


def plan_failed(operation: OperationType, stage: str, chain: Sequence[str]) -> str:
    """The plan failed; `chain` leads from the stage's message down to the action's."""
    verb = "revert" if operation is OperationType.REVERT else "execute"
    return ": ".join([f"Failed to {verb} stage {stage}", *chain])


def plan_canceled(operation: OperationType, stages: tuple[int, int], actions: tuple[int, int]) -> str:
    """The plan was cut short; each pair is what was done, of how many."""
    what, verb = ("revert", "rolled back") if operation is OperationType.REVERT else ("execution", "completed")
    done_stages = f"{stages[0]} of {counted(stages[1], 'stage')}"
    return f"Plan {what} canceled: {done_stages}, {actions[0]} of {counted(actions[1], 'action')} {verb}"


TERMINATED = "terminated from outside"
TIMED_OUT = "timed out in the engine"


def canceled_before_planning(operation: OperationType) -> str:
    """A cancel came before the tree was known: nothing was touched."""
    what = "revert" if operation is OperationType.REVERT else "execution"
    return f"Plan {what} canceled before anything was begun"


def too_large(operation: OperationType) -> str:
    """The decision does not fit into the engine; nothing was touched."""
    return f"Plan too large to {operation.lower()} at once: it needs more than the engine's 2 MB; split it into several"


def already_open(workflow_id: str) -> str:
    """A part could not start, for an earlier run of it has not closed."""
    return bounded(f"another run of {workflow_id} is still open")


def not_recorded(reason: str) -> str:
    """The ledger lacks a DRWorkflow that has ended, so that no Revert can roll it back."""
    return f"The record for a Revert could not be stored: {reason}"


def ended_otherwise(reason: str) -> str:
    """A part's run closed without telling how far it came; `reason` is the engine's."""
    return bounded(f"ended without a status: {reason}")


_LEFT_TO_IT = "; what becomes of it is left to the custom rollback of that action"


# Why a node of a Revert is Skipped.


ORIGINAL_ACTION_NOT_SUCCEEDED = Cause(
    Reason.ORIGINAL_NOT_SUCCEEDED, "Original action did not succeed, skipped rollback"
)
LEFT_NOTHING = Cause(
    Reason.ORIGINAL_NOT_SUCCEEDED, "Original action did not succeed, and nothing is recorded that it left"
)
"""Of a Revert with `includePartial`."""
NOT_SELECTED = Cause(Reason.NOT_SELECTED, "Not selected by spec.only, skipped rollback")
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


_NOT_RESTORED = {
    Lack.SECRET: "was not kept (secret data)",
    Lack.TOO_LARGE: "was not kept (too large)",
    Lack.BEING_DELETED: "was no state to return to (its deletion had been requested)",
    Lack.DOUBTFUL: "is not known (an earlier attempt may have changed the object already)",
    Lack.RESULT_UNKNOWN: "was kept, but not what the action left",
    Lack.NOT_BY_CREATION: "does not return with a new object",
}


def state_not_kept(lack: Lack) -> Cause:
    """What an action changed or deleted stays as it is."""
    return Cause(Reason.STATE_NOT_KEPT, f"State before {_NOT_RESTORED[lack]}, not restored")


def existed_before(target: Target) -> Cause:
    """An Apply found the object already there."""
    return Cause(Reason.EXISTED_BEFORE, f"{called(target)} existed before the execution, not deleted")


def already_rolled_back(reverts: Sequence[str]) -> Cause:
    """Earlier Reverts did it; the message has room for whole names only."""
    begin = "Already rolled back by "
    names = listed(reverts, MESSAGE_BOUND - len(begin), ", ")
    return Cause(Reason.ALREADY_ROLLED_BACK, f"{begin}{names}", tuple(reverts))


def gone_since_asked(reverts: Sequence[str]) -> Cause:
    """Earlier Reverts asked for the deletion and did not see its end: a finalizer had held the object."""
    begin, end = "Already rolled back by ", ": its deletion was asked for, and it is gone"
    names = listed(reverts, MESSAGE_BOUND - len(begin) - len(end), ", ")
    return Cause(Reason.ALREADY_ROLLED_BACK, f"{begin}{names}{end}", tuple(reverts))


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
