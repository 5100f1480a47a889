"""Objects of the cluster by name, what was observed of them, and in whose name they are touched."""

from enum import StrEnum

from pydantic import Field

from api.meta import Model, Timestamp
from api.nodes import NodeReason


class Presence(StrEnum):
    """Whether an object exists, as far as it could be read."""

    PRESENT = "Present"
    ABSENT = "Absent"
    """There is no object of that name, or no kind that could have one."""
    FORBIDDEN = "Forbidden"
    UNREADABLE = "Unreadable"
    """No version of its kind is served although its definition exists, or the API server does not answer for it."""


class Target(Model):
    """An object by name. A namespace of None means cluster-scoped, or not known to be namespaced."""

    api_version: str
    kind: str
    name: str
    namespace: str | None = None


class ObservedObject(Model):
    """What a Revert observed of one object before it deleted anything."""

    presence: Presence
    uid: str | None = None
    version: str | None = None
    """Its resourceVersion, unless it was being deleted."""
    creation_timestamp: Timestamp | None = None
    finalizers: list[str] = Field(default_factory=list)
    mark: str | None = None
    """Value of its created-by annotation."""
    applies_later: bool = False
    """Whether it is an override of Clusternet whose deletion does not reach the child clusters by itself."""
    reason: str = ""
    """The API server's message where the object could not be read."""
    why: NodeReason = None
    """The reason of an action that fails because of it, where that says more."""


class Actor(Model):
    """As whom calls to the cluster are made. None means with the worker's own rights."""

    user: str | None = None
