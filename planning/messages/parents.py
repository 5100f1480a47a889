"""What workflows, stages and the plan say of themselves, one small function each.

Sentences about actions are in planning/messages/actions.py. Source: docs/spec/drplanexecution.md, "Messages".
"""

from collections.abc import Sequence

from api.phases import OperationType
from planning.messages.actions import MESSAGE_BOUND, bounded, counted, listed


def current_action(running: Sequence[str]) -> str | None:
    """Name the actions of a workflow that run now: `create-a, create-b`; None where none does."""
    return listed(running, MESSAGE_BOUND, ", ") if running else None


def progress(operation: OperationType, done_actions: int, total: int) -> str:
    """Progress of a workflow: `2/2 actions rolled back`."""
    verb = "rolled back" if operation is OperationType.REVERT else "completed"
    return f"{done_actions}/{total} actions {verb}"


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


def plan_reverted(stages: int, actions: int, skipped_stages: int, hooks: int = 0) -> str:
    """The Revert is done; the counts are of what was really rolled back, and of rollback hooks besides."""
    executed = f", {counted(hooks, 'rollback hook')} executed" if hooks else ""
    skipped = f", {counted(skipped_stages, 'stage')} skipped" if skipped_stages else ""
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


def left_standing(known: int, unknown: int) -> str:
    """Follow a plan's message: objects of skipped parts that still exist, or may."""
    parts = [f"{counted(known, 'object')} left standing"] if known else []
    parts += [f"{counted(unknown, 'object')} not known to be gone"] if unknown else []
    return "".join(f"; {part}" for part in parts)


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


def ended_otherwise(reason: str) -> str:
    """A part's run closed without telling how far it came; `reason` is the engine's."""
    return bounded(f"ended without a status: {reason}")
