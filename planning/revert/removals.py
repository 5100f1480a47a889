"""What is to be known of the whole original before any one action is judged.

Source: docs/spec/drplanexecution.md, "Not 'deleted beforehand'".
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from api.execution import ActionStatus
from api.phases import OnMissing, Operation, Phase
from api.steps import ObservedObject, Presence, Target
from planning.definitions.manifest import ManifestError
from planning.definitions.rollback import cleanup_of
from planning.messages import actions as action_messages
from planning.revert.default_rollback import (
    Candidate,
    Custom,
    Delete,
    Recorded,
    deletes,
    made,
    recorded,
    referred,
    replaces,
    undo,
)
from planning.revert.original import Place, Survey
from planning.revert.previous_reverts import History

_NOT_LOOKED_AT = ObservedObject(presence=Presence.FORBIDDEN, reason=action_messages.NOT_LOOKED_AT)


@dataclass(frozen=True)
class Remover:
    """An action of the original that took an object away."""

    action: str
    rank: int
    custom: bool
    """Whether a rollback of its own decides what becomes of the object."""


@dataclass
class Scene:
    """All that a judgement rests on beside the action itself. Filled by planning.scene, then only read."""

    looks: Mapping[Target, ObservedObject]
    history: History
    on_missing: OnMissing
    removed_uids: dict[str, Remover] = field(default_factory=dict)
    """By uid: who deleted the object in the same Execute."""
    removed_targets: dict[Target, list[Remover]] = field(default_factory=dict)
    """Where the older controller recorded no uid: by object, who deleted it."""
    replaced_targets: dict[Target, list[Remover]] = field(default_factory=dict)
    """By object: who put another one of that name in its place in the same Execute."""
    reverted_uids: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """uid to the earlier Reverts that rolled the object back."""
    reverted_namespaces: dict[str, str] = field(default_factory=dict)
    reverted_targets: dict[Target, str] = field(default_factory=dict)
    """By object: the earlier Revert that put another one of that name in its place."""

    def look(self, target: Target) -> ObservedObject:
        """Give what was seen of an object."""
        return self.looks.get(target, _NOT_LOOKED_AT)

    def remover(self, target: Target, rank: int) -> Remover | None:
        """Give the action after `rank` that deleted an object by name; None where there is none."""
        return _after(self.removed_targets.get(target, ()), rank)

    def replacer(self, target: Target, rank: int) -> Remover | None:
        """Give the action after `rank` that replaced an object; None where there is none."""
        return _after(self.replaced_targets.get(target, ()), rank)


def _after(removers: Sequence[Remover], rank: int) -> Remover | None:
    return next((remover for remover in removers if remover.rank > rank), None)


def scene(
    found: Survey, looks: Mapping[Target, ObservedObject], history: History, on_missing: OnMissing | None
) -> Scene:
    """Gather who removed which object: actions of the original itself, and earlier Reverts."""
    built = Scene(looks, history, on_missing or OnMissing.FAIL)
    for stage in found:
        for _, place in stage.places():
            action = place.candidate.action
            if action.phase is Phase.SUCCEEDED or (action.created and replaces(place.candidate)):
                _note(built, place)
            for revert, node in history.records.get(place.key, ()):
                _note_carried_out(built, place, revert, node)
    return built


def _note_carried_out(built: Scene, place: Place, revert: str, node: ActionStatus) -> None:
    """Add what a custom rollback or a hook removed in an earlier Revert, by that one's record of it."""
    undoing, operation = undo(place.candidate), node.operation or Operation.CREATE
    cleared = isinstance(undoing, Custom) and cleanup_of(undoing.action, operation).before_create
    for item in referred(node.outputs):
        if operation is Operation.DELETE and node.phase is Phase.SUCCEEDED and item.uid:
            built.reverted_uids.setdefault(item.uid, (revert,))
        if node.created and (cleared or operation is Operation.REPLACE):
            built.reverted_targets.setdefault(item.target, revert)


def _note(built: Scene, place: Place) -> None:
    """Add what one succeeded action removed, or what of it an earlier Revert removed."""
    candidate, reverts = place.candidate, built.history.of_action(place.key)
    remover = Remover(candidate.action.name, place.rank, candidate.custom)
    for item in _objects(place):
        namespace = item.target.kind == "Namespace" and item.target.api_version == "v1"
        if deletes(candidate):
            if item.uid:
                built.removed_uids[item.uid] = remover
            if namespace or not candidate.ours:
                built.removed_targets.setdefault(item.target, []).append(remover)
            continue
        if replaces(candidate):
            built.replaced_targets.setdefault(item.target, []).append(remover)
        if reverts and _unmakes(candidate):
            if item.uid:
                built.reverted_uids[item.uid] = reverts
            if namespace:
                built.reverted_namespaces[item.target.name] = reverts[0]


def _unmakes(candidate: Candidate) -> bool:
    """Tell whether the rollback of an action takes what it made away; one of a change does not.

    A hook was carried out by the Revert, and what it had made in the Execute stayed.
    """
    return candidate.hook is None and isinstance(made(candidate), Delete)


def _objects(place: Place) -> Iterator[Recorded]:
    """Give the objects of an action as far as they are known; what it records itself, where it is ours."""
    candidate = place.candidate
    if candidate.type is None or (candidate.ours and candidate.action.outputs is None):
        return
    try:
        yield from recorded(candidate, candidate.type)
    except ManifestError:
        return
