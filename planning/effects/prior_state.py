"""What is kept of an object before an action changes it, and whether it may ever be written back.

Only what is whole may: of a Secret and of what is larger than the bound nothing but metadata is kept. Nothing here
knows where it is kept. Source: docs/operations.md, "The state before a change".
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from planning.messages import conditions as condition_messages
from planning.values.redaction import secret_forms

Object = Mapping[str, Any]

BOUND = 256 * 1024
"""Bytes of one object as JSON. Several thousand of them must find room in etcd beside everything else."""

_NAMING = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp", "labels")
"""What is kept of metadata where the object is not: no annotation, for kubectl writes whole objects into one."""
_OF_THE_SERVER = ("managedFields", "resourceVersion", "generation")
"""Fields of metadata that change with every write, whatever was written."""
_SAYS_SECRET = re.compile(r"""\bkind["']?\s*:\s*["']?Secret\b""")


@dataclass(frozen=True)
class Before:
    """The state of an object before a change: the object, as far as it is kept."""

    uid: str
    resource_version: str
    found: Object
    complete: bool
    reason: str = ""
    """Why it is not complete, for people."""

    @property
    def version(self) -> tuple[str, str]:
        """Which state of which object this is."""
        return self.uid, self.resource_version


def version_of(found: Object) -> tuple[str, str]:
    """Give the uid and the resourceVersion of an object."""
    return found["metadata"]["uid"], found["metadata"]["resourceVersion"]


def before(found: Object, doubt: str = "", secrets: Iterable[str] = ()) -> Before:
    """Decide what to keep of an object as it was read.

    `doubt` says why its state is not that before the change. Nothing is kept that holds one of `secrets`, the texts
    that nobody may read: an earlier execution of the same plan may have written them there.
    """
    uid, version = version_of(found)
    kept = _without(found, ("managedFields",))
    left_out = _reason_to_leave_out(kept, secrets)
    shown = _named_only(found) if left_out else kept
    reason = left_out or doubt or ("" if not _on_its_way_out(found) else condition_messages.RECORD_ON_ITS_WAY_OUT)
    return Before(uid, version, shown, not reason, reason)


def doubtful(kept: Before, found: Object) -> bool:
    """Tell whether a change of ours may stand behind what happened to an object since it was kept.

    What Kubernetes itself writes into the status is no sign of that.
    """
    return not kept.complete or not same_state(_without_status(kept.found), _without_status(found))


def restorable(kept: Before) -> bool:
    """Tell whether an object may ever be written back from what was kept of it."""
    return kept.complete


def same_state(one: Object, other: Object) -> bool:
    """Tell whether two readings of an object differ in nothing that anybody wrote."""
    return _without(one, _OF_THE_SERVER) == _without(other, _OF_THE_SERVER)


def data_of(kept: Before) -> dict[str, Any]:
    """Give the record as it is stored."""
    return {
        "object": kept.found,
        "uid": kept.uid,
        "resourceVersion": kept.resource_version,
        "complete": kept.complete,
        "reason": kept.reason,
    }


def read(data: Object) -> Before | None:
    """Read a record as it was stored; None where it is not one."""
    try:
        return Before(data["uid"], data["resourceVersion"], data["object"], data["complete"] is True, data["reason"])
    except KeyError:
        return None


def _reason_to_leave_out(found: Object, secrets: Iterable[str]) -> str:
    if _holds_secret(found):
        return condition_messages.RECORD_CONFIDENTIAL
    text = json.dumps(found, ensure_ascii=False)
    if any(form in text for form in secret_forms(secrets)):
        return condition_messages.RECORD_WITH_SECRET_VALUE
    size = len(json.dumps(found).encode())
    return condition_messages.record_too_large(size, BOUND) if size > BOUND else ""


def _holds_secret(value: Any) -> bool:
    """Tell whether a Secret stands in a value, whole or as text: kubectl leaves it in an annotation as well."""
    if isinstance(value, Mapping):
        itself = value.get("kind") == "Secret" and ("data" in value or "stringData" in value)
        return itself or any(_holds_secret(item) for item in value.values())
    if isinstance(value, list):
        return any(_holds_secret(item) for item in value)
    return isinstance(value, str) and "data" in value.lower() and _SAYS_SECRET.search(value) is not None


def _named_only(found: Object) -> dict[str, Any]:
    metadata = {name: found["metadata"][name] for name in _NAMING if name in found["metadata"]}
    return {name: found[name] for name in ("apiVersion", "kind") if name in found} | {"metadata": metadata}


def _on_its_way_out(found: Object) -> bool:
    return bool(found["metadata"].get("deletionTimestamp"))


def _without(found: Object, names: tuple[str, ...]) -> dict[str, Any]:
    metadata = {name: value for name, value in found["metadata"].items() if name not in names}
    return {**found, "metadata": metadata}


def _without_status(found: Object) -> dict[str, Any]:
    return {name: value for name, value in found.items() if name != "status"}
