"""What is stored of an object before an action changes it, and whether it may be written back.

Only a complete object may: of a Secret, and of an object larger than the bound, only metadata is stored.
Source: docs/operations.md, "The state before a change".
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from planning.messages import runs as run_messages
from planning.values.redaction import secret_forms
from planning.values.secret_parts import secrets_in

Object = Mapping[str, Any]

BOUND = 256 * 1024
"""Bytes of one object as JSON. Several thousand of them must find room in etcd beside everything else."""

_NAMING = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp", "labels")
"""What is stored of metadata where the object is not: no annotations, since kubectl writes whole objects into one."""
_OF_THE_SERVER = ("managedFields", "resourceVersion", "generation")
"""Fields of metadata that change with every write, whatever was written."""
_SAYS_SECRET = re.compile(r"""\bkind["']?\s*:\s*["']?Secret\b""")


@dataclass(frozen=True)
class PriorState:
    """The state of an object before a change, as far as it is stored."""

    uid: str
    resource_version: str
    found: Object
    complete: bool
    reason: str = ""
    """Why it is not complete, as a message."""

    @property
    def version(self) -> tuple[str, str]:
        """Which state of which object this is."""
        return self.uid, self.resource_version


def version_of(found: Object) -> tuple[str, str]:
    """Return the uid and the resourceVersion of an object."""
    return found["metadata"]["uid"], found["metadata"]["resourceVersion"]


def prior_state_of(found: Object, doubt: str = "", secrets: Iterable[str] = ()) -> PriorState:
    """Decide what to store of an object.

    `doubt` is why its state may not be that before the change. An object that contains one of `secrets` is not stored:
    an earlier execution of the same plan may have written them there.
    """
    uid, version = version_of(found)
    kept = _without(found, ("managedFields",))
    left_out = _reason_to_leave_out(kept, secrets)
    shown = _named_only(found) if left_out else kept
    deleting = run_messages.RECORD_ON_ITS_WAY_OUT if found["metadata"].get("deletionTimestamp") else ""
    reason = left_out or doubt or deleting
    return PriorState(uid, version, shown, not reason, reason)


def doubtful(kept: PriorState, found: Object) -> bool:
    """Tell whether an object may have been changed by this action since it was stored.

    A change of its status is no sign of that.
    """
    return not kept.complete or not same_state({**kept.found, "status": None}, {**found, "status": None})


def same_state(one: Object, other: Object) -> bool:
    """Tell whether two versions of an object differ only in fields that the API server sets."""
    return _without(one, _OF_THE_SERVER) == _without(other, _OF_THE_SERVER)


def data_of(kept: PriorState) -> dict[str, Any]:
    """Return the record as it is stored."""
    return {
        "object": kept.found,
        "uid": kept.uid,
        "resourceVersion": kept.resource_version,
        "complete": kept.complete,
        "reason": kept.reason,
    }


def read(data: Object) -> PriorState | None:
    """Return a stored record; None where the data is not one."""
    try:
        return PriorState(
            data["uid"], data["resourceVersion"], data["object"], data["complete"] is True, data["reason"]
        )
    except KeyError:
        return None


def _reason_to_leave_out(found: Object, secrets: Iterable[str]) -> str:
    if _holds_secret(found):
        return run_messages.RECORD_CONFIDENTIAL
    text = json.dumps(found, ensure_ascii=False)
    if any(form in text for form in secret_forms(secrets)):
        return run_messages.RECORD_WITH_SECRET_VALUE
    size = len(json.dumps(found).encode())
    if size > BOUND:
        return run_messages.record_too_large(size, BOUND)
    return run_messages.RECORD_WITH_SECRET_NAME if secrets_in(found) else ""


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
