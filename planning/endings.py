"""Sentences about parts that ended in another way than by their own work: cancelled or ended from outside.

They stand in the tree like those of planning.messages. Source: docs/spec/drplanexecution.md, "Messages".
"""

from api.phases import OperationType
from planning.messages import bounded

TERMINATED = "terminated from outside"
TIMED_OUT = "timed out in the engine"


def canceled_unknown(reason: str) -> str:
    """A cancel came between two attempts, and the last look could not tell what is."""
    return bounded(f"Canceled between two attempts; whether it was done is not known: {reason}")


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
