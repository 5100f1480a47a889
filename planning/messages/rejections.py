"""Why an execution is rejected, before anything is done.

Source: docs/spec/drplanexecution.md, "Messages".
"""

from collections.abc import Sequence

from api.objects import Target
from api.phases import OperationType, Phase
from api.tree import LaterExecution
from planning.messages.text import MESSAGE_BOUND, counted, listed, placed

_LATER = 300
"""Bytes of the names of later executions."""
_NEW_REVERT = "create a new Revert that names"
NO_REFERENCE = (
    "Nothing was reverted: spec.revertExecutionRef is not set; "
    f"{_NEW_REVERT} the execution to take back in spec.revertExecutionRef"
)


def unknown_execution(name: str, namespace: str) -> str:
    """The original does not exist."""
    return (
        f"Nothing was reverted: spec.revertExecutionRef names DRPlanExecution {name}, which does not exist in "
        f"namespace {namespace}; {_NEW_REVERT} an existing one"
    )


def other_namespace(name: str, theirs: str, ours: str) -> str:
    """The original lives elsewhere."""
    return (
        f"Nothing was reverted: DRPlanExecution {name} is in namespace {theirs}, not in {ours}; "
        "create the Revert in the namespace of the execution"
    )


def not_an_execute(name: str, operation: OperationType) -> str:
    """Only an Execute can be taken back."""
    return (
        f"Nothing was reverted: DRPlanExecution {name} is of operationType {operation.value}, and only an Execute can "
        f"be reverted; {_NEW_REVERT} an Execute"
    )


def is_preview(name: str) -> str:
    """Reject: the execution that is named changed nothing."""
    return (
        f"Nothing was reverted: DRPlanExecution {name} is a preview, which changed nothing; "
        f"{_NEW_REVERT} an Execute that is none"
    )


def other_plan(name: str, theirs: str, ours: str) -> str:
    """The original ran another plan."""
    return (
        f"Nothing was reverted: DRPlanExecution {name} ran DRPlan {theirs}, but spec.planRef is {ours}; "
        f"create a new Revert with planRef {theirs}"
    )


def not_ended(name: str, phase: Phase | None) -> str:
    """The original still runs, or has not begun."""
    now = (phase or Phase.PENDING).value
    return (
        f"Nothing was reverted: DRPlanExecution {name} is {now}, and only one that is Succeeded, Failed or Canceled "
        "can be reverted; wait for its end or cancel it, then create a new Revert"
    )


def nothing_recorded(name: str) -> str:
    """The original's status has no tree."""
    return (
        f"Nothing was reverted: DRPlanExecution {name} has no status.stageStatuses, so what it did, if anything, is "
        "not recorded; look for its objects and delete them by hand"
    )


def later_rests_on(name: str, resting: Sequence[LaterExecution]) -> str:
    """Later executions rest on objects that the Revert is to take away or change; the newest is named."""
    newest = resting[0]
    others = f" (and {counted(len(resting) - 1, 'other execution')} like it)" if len(resting) > 1 else ""
    return (
        f"Nothing was reverted: DRPlanExecution {newest.name}, which came after {name} and is in effect, rests on "
        f"{newest.rests_on}, which this Revert would take away or change{others}; first create a Revert with "
        f"revertExecutionRef: {newest.name}, or one of {name} with force: true"
    )


def later_in_effect(names: Sequence[str]) -> str:
    """Follow a plan's message: executions that came later and are in effect."""
    if not names:
        return ""
    if len(names) == 1:
        return f"; the later execution {names[0]} is in effect"
    return f"; {len(names)} later executions are in effect: {listed(names, _LATER, ', ')}"


def ledger_altered(name: str, revision: str) -> str:
    """A part of the original's ledger is not what the worker stored."""
    return (
        f"Nothing was reverted: ControllerRevision {revision}, a part of the record of DRPlanExecution {name}, was "
        "altered: it does not have the hash that was recorded, or does not belong to that execution; restore it from a "
        "backup, or look for the objects and delete them by hand"
    )


def ledger_gone(name: str, revision: str) -> str:
    """A part of the original's ledger that its status or another part names does not exist."""
    return (
        f"Nothing was reverted: ControllerRevision {revision}, a part of the record of DRPlanExecution {name}, no "
        "longer exists; restore it from a backup, or look for the objects and delete them by hand"
    )


def ledger_lacks(name: str, workflow: str, stage: str) -> str:
    """A DRWorkflow succeeded by the original's status, and its record is not there."""
    return (
        f"Nothing was reverted: the record of what workflow {workflow} of stage {stage} did in DRPlanExecution {name} "
        "does not exist; restore it from a backup, or look for its objects and delete them by hand"
    )


def never_started(name: str, phase: Phase) -> str:
    """The original ended before anything of it was started."""
    return (
        f"Nothing was reverted: DRPlanExecution {name} ended as {phase.value} before it started, so it did nothing; "
        "there is nothing to take back"
    )


def part_not_recorded(name: str, part: str) -> str:
    """A part of the original's tree is missing."""
    return (
        f"Nothing was reverted: the status of DRPlanExecution {name} does not list what {part} did; "
        "look for its objects and delete them by hand"
    )


def unusable(errors: Sequence[str]) -> str:
    """Fields of a Revert cannot be used; everything found is listed."""
    return f"Nothing was reverted: {listed(errors, MESSAGE_BOUND - 30)}"


def not_started(errors: Sequence[str]) -> str:
    """An Execute is wrong in itself; everything found is listed."""
    return f"Not started: {listed(errors, MESSAGE_BOUND - 20)}"


DELETE_IT = "no Revert takes it back: delete it"


def first_revert(execution: str, *, include_partial: bool = False) -> str:
    """The Revert that takes the object of an earlier execution back."""
    partial = " and includePartial: true" if include_partial else ""
    return f"first create a Revert with revertExecutionRef: {execution}{partial}"


def still_stands(execution: str, action: str, target: Target, more: int, remedy: str) -> str:
    """An earlier execution of the plan made an object that this one is to create, and `more` of them."""
    others = f" and {counted(more, 'other object')}" if more else ""
    made = f"action {action} is to create {placed(target)}, which DRPlanExecution {execution} made{others}"
    return f"{made}; {remedy}, or use the operation Apply"


def nothing_later(name: str) -> str:
    """A Revert that returns to an execution on top of which there is nothing."""
    return (
        f"Nothing was reverted: no execution of the plan that came after {name} is in effect; to take back {name} "
        f"itself, {_NEW_REVERT} it in spec.revertExecutionRef"
    )


def not_with_revert_to(fields: Sequence[str]) -> str:
    """A Revert that returns to an execution has fields that are about a single one."""
    names = ", ".join(f"spec.{field}" for field in fields)
    return f"Nothing was reverted: spec.revertTo cannot be used together with {names}; create a new Revert without"
