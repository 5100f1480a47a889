"""What a Revert found when it checked, at its end, whether every object is as it was before the Execute.

Source: docs/spec/drplanexecution.md, "Proof".
"""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from api.meta import Model, Timestamp

LONGEST_LIST = 20
"""Fields that are named for one action; their number is not bounded."""


class ProofResult(StrEnum):
    """Whether the objects of an action are as they were before the Execute."""

    VERIFIED = "Verified"
    """They are."""
    DIFFERS = "Differs"
    """They are not; `difference` says how."""
    NOT_RECORDED = "NotRecorded"
    """It is not known how they were: their state was not stored, or not whole."""
    UNREADABLE = "Unreadable"
    """It is not known how they are now: they could not be read."""
    NOT_APPLICABLE = "NotApplicable"
    """The action has no object that could be compared, such as an HTTP action."""


class Difference(StrEnum):
    """How an object differs from what was there before the Execute."""

    STILL_EXISTS = "StillExists"
    """The Execute created it, and it is still there."""
    BEING_DELETED = "BeingDeleted"
    """Its deletion was requested, and it is still there."""
    MISSING = "Missing"
    """It was there before, and is not now."""
    OTHER_OBJECT = "OtherObject"
    """Another object has its name."""
    CHANGED = "Changed"
    """Fields that the Execute changed are not as before."""
    CHANGED_BY_OTHERS = "ChangedByOthers"
    """What the Execute changed is as before; somebody else has changed other fields since."""


class ActionProof(Model):
    """Whether the objects of one action are as they were before the Execute."""

    result: ProofResult = ProofResult.VERIFIED
    """Whether they are."""
    difference: Difference | None = None
    """How they differ."""
    fields: Annotated[list[str] | None, Field(max_length=LONGEST_LIST)] = None
    """Paths of the first fields that differ; never their values."""
    message: str | None = None
    """What differs, or why it is not known, for people."""


class Proof(Model):
    """What the last check found."""

    checked_at: Timestamp
    """When it was made."""
    verified: int = 0
    """Actions whose objects are as they were before the Execute."""
    differing: int = 0
    """Actions with an object that is not."""
    unknown: int = 0
    """Actions with an object of which it is not known."""
    next_check_at: Timestamp | None = None
    """When it is checked again, as `spec.soak` asks for; absent when no check is due."""
    error: str | None = None
    """Why the check could not be made."""
