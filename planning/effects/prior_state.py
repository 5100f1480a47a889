"""What is stored of an object before an action changes it, and whether a Revert may restore it.

Only a complete object may be: of a Secret, and of an object larger than the bound, only metadata is stored. What the
action leaves is stored with it, so that a Revert can tell its changes from those of others.
Source: docs/operations.md, "The state before a change".
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from api.phases import Operation
from api.reasons import Lack
from planning.effects.restoration import is_brought_back
from planning.messages import runs as run_messages
from planning.values.redaction import secret_forms
from planning.values.secret_parts import secrets_in

Object = Mapping[str, Any]

BOUND = 256 * 1024
"""Bytes of one object as JSON. Several thousand of them must find room in etcd beside everything else."""

RECORD_BOUND = 1_000_000
"""Bytes of a whole record as JSON. The owners of the fields are often larger than the fields."""

_NAMING = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp", "labels")
"""What is stored of metadata where the object is not: no annotations, since kubectl writes whole objects into one."""
_OF_THE_SERVER = ("managedFields", "resourceVersion", "generation")
"""Fields of metadata that change with every write, whatever was written."""
_SAYS_SECRET = re.compile(r"""\bkind["']?\s*:\s*["']?Secret\b""")


@dataclass(frozen=True)
class LeftState:
    """An object as an action leaves it, with the owners of its fields."""

    found: Object
    owners: Sequence[Object]


@dataclass(frozen=True)
class PriorState:
    """The state of an object before a change, as far as it is stored."""

    uid: str
    resource_version: str
    found: Object
    complete: bool
    reason: str = ""
    """Why it is not complete, as a message."""
    owners: Sequence[Object] | None = field(default=None, compare=False)
    """The managed fields; None in a record of an earlier release, which cannot be restored."""
    left: LeftState | None = field(default=None, compare=False)
    """None before a deletion, and where `lack` says why."""
    lack: Lack | None = field(default=None, compare=False)

    @property
    def version(self) -> tuple[str, str]:
        """Which state of which object this is."""
        return self.uid, self.resource_version


def version_of(found: Object) -> tuple[str, str]:
    """Return the uid and the resourceVersion of an object."""
    return found["metadata"]["uid"], found["metadata"]["resourceVersion"]


def prior_state_of(
    found: Object, doubt: str = "", secrets: Iterable[str] = (), owners: Sequence[Object] | None = None
) -> PriorState:
    """Decide what to store of an object.

    `doubt` is why its state may not be that before the change. An object that contains one of `secrets` is not stored:
    an earlier execution of the same plan may have written them there. `owners` are those before the change, where that
    has begun already.
    """
    uid, version = version_of(found)
    kept = _without(found, ("managedFields",))
    owners = found["metadata"].get("managedFields") or [] if owners is None else owners
    if left_out := _reason_to_leave_out(kept, owners, secrets):
        return PriorState(uid, version, _named_only(found), False, left_out[1], owners=[], lack=left_out[0])
    deleting = found["metadata"].get("deletionTimestamp")
    reason = doubt or (run_messages.RECORD_ON_ITS_WAY_OUT if deleting else "")
    lack = Lack.DOUBTFUL if doubt else Lack.BEING_DELETED if deleting else None
    return PriorState(uid, version, kept, not reason, reason, owners, lack=lack)


def with_left(prior: PriorState, left: Object | None, secrets: Iterable[str] = ()) -> PriorState:
    """Return a complete state with how the change leaves the object; None: that is not known."""
    if left is None:
        return replace(prior, left=None, lack=Lack.RESULT_UNKNOWN)
    kept, owners = _without(left, ("managedFields",)), left["metadata"].get("managedFields") or []
    kept = {name: value for name, value in kept.items() if name != "status"}
    if left_out := _reason_to_leave_out(kept, owners, secrets):
        return replace(prior, left=None, lack=left_out[0])
    known = replace(prior, left=LeftState(kept, owners), lack=None)
    if len(json.dumps(data_of(known))) > RECORD_BOUND:
        return replace(prior, left=None, lack=Lack.TOO_LARGE)
    return known


def left_so(prior: PriorState, found: Object) -> bool:
    """Tell whether a record says that the change leaves the object like this; True where it may not say it."""
    if prior.left is None:
        return prior.lack not in (None, Lack.RESULT_UNKNOWN)
    return same_apart_from_status(prior.left.found, found)


def why_not_restored(prior: PriorState, operation: Operation) -> Lack | None:
    """Return why a Revert of an operation does not restore a state; None where it does."""
    if operation is Operation.DELETE:
        return prior.lack or (None if is_brought_back(prior.found) else Lack.NOT_BY_CREATION)
    return prior.lack or (Lack.RESULT_UNKNOWN if prior.left is None else None)


def doubtful(kept: PriorState, found: Object) -> bool:
    """Tell whether an object may have been changed by this action since it was stored.

    A change of its status is no sign of that.
    """
    return not kept.complete or not same_apart_from_status(kept.found, found)


def same_state(one: Object, other: Object) -> bool:
    """Tell whether two versions of an object differ only in fields that the API server sets."""
    return _without(one, _OF_THE_SERVER) == _without(other, _OF_THE_SERVER)


def same_apart_from_status(one: Object, other: Object) -> bool:
    """Tell whether two versions of an object differ only in its status and in fields that the API server sets."""
    return same_state({**one, "status": None}, {**other, "status": None})


def data_of(kept: PriorState) -> dict[str, Any]:
    """Return the record as it is stored."""
    return {
        "object": kept.found,
        "uid": kept.uid,
        "resourceVersion": kept.resource_version,
        "complete": kept.complete,
        "reason": kept.reason,
        "managedFields": kept.owners,
        "left": kept.left and {"object": kept.left.found, "managedFields": kept.left.owners},
        "lack": kept.lack,
    }


def read(data: Object) -> PriorState | None:
    """Return a stored record; None where the data is not one."""
    left, lack = data.get("left"), data.get("lack")
    try:
        return PriorState(
            uid=data["uid"],
            resource_version=data["resourceVersion"],
            found=data["object"],
            complete=data["complete"] is True,
            reason=data["reason"],
            owners=data.get("managedFields"),
            left=left and LeftState(left["object"], left["managedFields"]),
            lack=None if lack is None else Lack(lack),
        )
    except (KeyError, ValueError):
        return None


def _reason_to_leave_out(found: Object, owners: Sequence[Object], secrets: Iterable[str]) -> tuple[Lack, str] | None:
    """Return why an object is not stored, also as a message; an owner may list values of a field."""
    if _holds_secret(found):
        return Lack.SECRET, run_messages.RECORD_CONFIDENTIAL
    text = json.dumps([found, owners], ensure_ascii=False)
    if any(form in text for form in secret_forms(secrets)):
        return Lack.SECRET, run_messages.RECORD_WITH_SECRET_VALUE
    size = len(json.dumps(found).encode())
    if size > BOUND:
        return Lack.TOO_LARGE, run_messages.record_too_large(size, BOUND)
    return (Lack.SECRET, run_messages.RECORD_WITH_SECRET_NAME) if secrets_in(found) else None


def _holds_secret(value: Any) -> bool:
    """Tell whether a value contains a Secret, as an object or as text: kubectl writes it into an annotation."""
    if isinstance(value, Mapping):
        itself = value.get("kind") == "Secret" and ("data" in value or "stringData" in value)
        return itself or any(_holds_secret(item) for item in value.values())
    if isinstance(value, list):
        return any(_holds_secret(item) for item in value)
    return isinstance(value, str) and "data" in value.lower() and _SAYS_SECRET.search(value) is not None


def _named_only(found: Object) -> dict[str, Any]:
    metadata = {name: found["metadata"][name] for name in _NAMING if name in found["metadata"]}
    return {name: found[name] for name in ("apiVersion", "kind") if name in found} | {"metadata": metadata}


def _without(found: Object, names: tuple[str, ...]) -> dict[str, Any]:
    metadata = {name: value for name, value in found["metadata"].items() if name not in names}
    return {**found, "metadata": metadata}
