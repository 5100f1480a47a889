"""Why an execution is rejected: the reason, then the remedy.

Source: docs/spec/drplanexecution.md, "Messages".
"""

from collections.abc import Sequence

from api.phases import OperationType, Phase
from planning.messages.actions import MESSAGE_BOUND, listed

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


def stage_called(name: str) -> str:
    """Name a stage for `part_not_recorded`."""
    return f"stage {name}"


def workflow_called(name: str, stage: str) -> str:
    """Name a workflow for `part_not_recorded`."""
    return f"workflow {name} of stage {stage}"


def part_not_recorded(name: str, part: str) -> str:
    """A part of the original's tree is missing."""
    return (
        f"Nothing was reverted: the status of DRPlanExecution {name} does not list what {part} did; "
        "look for its objects and delete them by hand"
    )


def bad_parameters(errors: Sequence[str]) -> str:
    """A Revert's own parameters cannot be used; everything found is listed."""
    return f"Nothing was reverted: {listed(errors, MESSAGE_BOUND - 30)}"


def not_started(errors: Sequence[str]) -> str:
    """An Execute is wrong in itself; everything found is listed."""
    return f"Not started: {listed(errors, MESSAGE_BOUND - 20)}"
