"""What is stored beside an execution could not be stored, is gone, or does not fit any more to what it left out.

Source: docs/spec/drplanexecution.md, "What is kept".
"""

from collections.abc import Sequence

from api.meta import ObjectKey


def secrets_changed(action: str, dr_workflow: str) -> str:
    """A definition whose secret parts were left out is not what it was, so they cannot be taken from it."""
    return (
        f"The secret parts of action {action} were not kept, and its definition in DRWorkflow {dr_workflow} has "
        "changed since or is gone"
    )


def parameters_changed(action: str, names: Sequence[str], reasons: Sequence[str]) -> str:
    """Secret values of parameters were left out, and cannot be determined again."""
    why = f": {'; '.join(reasons)}" if reasons else ""
    return (
        f"Action {action} uses secret values that were not kept and cannot be determined again "
        f"(parameters: {', '.join(names)}){why}"
    )


def values_not_kept(action: str) -> str:
    """A definition has placeholders, and nothing was kept to fill them in with."""
    return f"Action {action} has placeholders, and no values were kept for them"


def failed_to_keep(name: str, reason: str) -> str:
    """What a later Revert needs could not be stored."""
    return f"Failed to keep ControllerRevision {name}: {reason}"


def record_too_large(name: str, size: int, bound: int) -> str:
    """What is to be stored does not fit into one object; both in bytes."""
    return failed_to_keep(name, f"it takes {size} bytes, {bound} fit")


def snapshot_altered(name: str) -> str:
    """What is there is not what was kept."""
    return f"ControllerRevision {name} is not as it was kept: its content no longer has the hash that was recorded"


def snapshot_gone(name: str) -> str:
    """What was kept is no longer there."""
    return f"ControllerRevision {name} no longer exists"


def record_foreign(name: str, execution: ObjectKey) -> str:
    """An object with the name of a record lacks the prefix, the label or the owner of the records of an execution."""
    return (
        f"ControllerRevision {name} is not a record of DRPlanExecution {execution.name}: its name, "
        "its labels and its owner do not say so together"
    )
