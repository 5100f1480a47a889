"""Whether an object is as it was before an Execute: what was stored then, compared with what is there now.

Compared is what those who write an object decide of it. Not compared are its status, all metadata but labels,
annotations, finalizers and ownerReferences, and annotations that a controller counts or that a Revert itself sets.
Source: docs/spec/drplanexecution.md, "Proof"; docs/decisions/0027-a-revert-proves-what-it-did.md.
"""

from collections.abc import Collection, Mapping
from typing import Any

from api.meta import CREATED_BY_ANNOTATION, RESTORED_BY_ANNOTATION
from api.objects import Target
from api.proof import LONGEST_LIST, ActionProof, Difference, ProofResult
from api.reasons import Lack
from planning.effects.prior_state import PriorState, version_of
from planning.effects.restoration import content, differing, restored
from planning.messages import proof as proof_messages
from planning.messages.text import bounded

Object = Mapping[str, Any]

_NOT_COMPARED = frozenset({RESTORED_BY_ANNOTATION, "deployment.kubernetes.io/revision"})
"""Annotations. Source: Kubernetes, "Well-Known Labels, Annotations and Taints"."""
_PATH_BOUND = 200
"""Bytes of one path: the keys of a ConfigMap may be long."""


def compared_with_nothing(
    target: Target, metadata: Object | None, uids: Collection[str], marks: tuple[str, ...]
) -> ActionProof:
    """Compare an object that the Execute created with what was there before: nothing.

    `uids` are those that were recorded of it, `marks` what the annotations of the Execute's objects begin with.
    """
    if metadata is None:
        return ActionProof()
    uid, mark = str(metadata["uid"]), str((metadata.get("annotations") or {}).get(CREATED_BY_ANNOTATION, ""))
    if uid not in uids and not (marks and mark.startswith(marks)):
        return _differs(Difference.OTHER_OBJECT, proof_messages.other_object(target, uid))
    if metadata.get("deletionTimestamp"):
        return _differs(Difference.BEING_DELETED, proof_messages.being_deleted(target))
    return _differs(Difference.STILL_EXISTS, proof_messages.still_exists(target))


def compared_with_state(
    target: Target,
    prior: PriorState | None,
    found: Object | None,
    marks: tuple[str, ...],
    uids: Collection[str] = (),
) -> ActionProof:
    """Compare an object that the Execute changed, replaced or deleted with its stored state.

    `uids` are those that were recorded of it, `marks` what the annotations begin with by which the objects of the
    Execute, and those that a Revert created again, are known.
    """
    if prior is None or prior.lack is Lack.BEING_DELETED:
        return not_recorded(target, prior.lack if prior else None)
    if found is None:
        return _differs(Difference.MISSING, proof_messages.missing(target))
    metadata = found["metadata"]
    if metadata.get("deletionTimestamp"):
        return _differs(Difference.BEING_DELETED, proof_messages.being_deleted(target))
    if version_of(found) == prior.version:
        return ActionProof()  # nobody has written it since, so that what was not stored is the same
    if metadata["uid"] != prior.uid and not _is_in_its_place(metadata, marks, uids):
        return _differs(Difference.OTHER_OBJECT, proof_messages.other_object(target, metadata["uid"]))
    if not prior.complete:
        return not_recorded(target, prior.lack)
    stored, served = str(prior.found.get("apiVersion")), str(found.get("apiVersion"))
    if stored != served:
        return unreadable(proof_messages.other_version(target, stored, served))
    before, now = _compared(prior.found), _compared(found)
    fields = differing(before, now)
    if not fields:
        return ActionProof()
    if _is_undone(prior, found):
        message = proof_messages.changed_by_others(target, fields)
        return _differs(Difference.CHANGED_BY_OTHERS, message, fields)
    return _differs(Difference.CHANGED, proof_messages.changed(target, fields), fields)


def _is_in_its_place(metadata: Object, marks: tuple[str, ...], uids: Collection[str]) -> bool:
    """Return whether an object is what a Revert restored in the place of one that was deleted or replaced.

    A Replace is undone in the new object, which then no longer has the mark of its creation.
    """
    annotations = metadata.get("annotations") or {}
    restored_by, created_by = (
        str(annotations.get(name, "")) for name in (RESTORED_BY_ANNOTATION, CREATED_BY_ANNOTATION)
    )
    return restored_by.startswith(marks) or (metadata["uid"] in uids and not created_by.startswith(marks))


def _is_undone(prior: PriorState, found: Object) -> bool:
    """Return whether all that the action changed is as before, whatever else differs."""
    if prior.left is None:
        return False
    wanted, changed = restored(prior.found, prior.left.found, found)
    return not changed and not differing(wanted, content(found))


def _compared(found: Object) -> dict[str, Any]:
    whole = content(found)
    annotations = whole["metadata"].get("annotations") or {}
    kept = {name: value for name, value in annotations.items() if name not in _NOT_COMPARED}
    metadata = {**whole["metadata"], "annotations": kept}
    return {**whole, "metadata": {name: value for name, value in metadata.items() if value}}


def not_recorded(target: Target, lack: Lack | None = None) -> ActionProof:
    """Return that it is not known how an object was."""
    return ActionProof(result=ProofResult.NOT_RECORDED, message=bounded(proof_messages.not_recorded(target, lack)))


def unreadable(message: str) -> ActionProof:
    """Return that it is not known how an object is."""
    return ActionProof(result=ProofResult.UNREADABLE, message=bounded(message))


def _differs(difference: Difference, message: str, fields: list[str] | None = None) -> ActionProof:
    named = [bounded(field, _PATH_BOUND) for field in fields[:LONGEST_LIST]] if fields else None
    return ActionProof(result=ProofResult.DIFFERS, difference=difference, fields=named, message=bounded(message))
