"""Names of what is kept for single actions of an execution: each attempt finds it again by the action's mark.

Source: docs/operations.md, "What is kept".
"""

import hashlib
from enum import StrEnum

from api.meta import ObjectKey


class Kept(StrEnum):
    """What is kept for an action."""

    BEFORE = "before"
    """The state of its object before it was changed."""
    DONE = "done"
    """How the action ended whose object its own hook cleanup then removes."""


def record_name(execution: ObjectKey, kept: Kept, mark: str) -> str:
    """Name a record of one action in one execution."""
    return f"drplan-{execution.uid[:8]}-{kept.value}-{hashlib.sha256(mark.encode()).hexdigest()[:16]}"
