"""What is to be known of the whole original before any one action is judged.

Source: docs/spec/drplanexecution.md, "Not 'deleted beforehand'".
"""

from collections.abc import Iterator, Mapping

from api.phases import OnMissing, Phase
from api.steps import Look, Target
from planning.earlier import History
from planning.judgement import Place, Scene, deletes
from planning.manifest import ManifestError
from planning.rollback import Recorded, recorded
from planning.survey import Survey


def scene(found: Survey, looks: Mapping[Target, Look], history: History, on_missing: OnMissing | None) -> Scene:
    """Gather who removed which object: actions of the original itself, and earlier Reverts."""
    built = Scene(looks, history, on_missing or OnMissing.FAIL)
    for stage in found:
        for _, place in stage.places():
            if place.candidate.action.phase is Phase.SUCCEEDED:
                _note(built, place)
    return built


def _note(built: Scene, place: Place) -> None:
    """Add what one succeeded action removed, or what of it an earlier Revert removed."""
    name, revert = place.candidate.action.name, built.history.of_action(place.key)
    for item in _objects(place):
        namespace = item.target.kind == "Namespace" and item.target.api_version == "v1"
        if deletes(place.candidate):
            if item.uid:
                built.removed_uids[item.uid] = name
            if namespace or not place.candidate.ours:
                built.removed_targets.setdefault(item.target, []).append((place.rank, name))
        elif revert:
            if item.uid:
                built.reverted_uids[item.uid] = revert
            if namespace:
                built.reverted_namespaces[item.target.name] = revert


def _objects(place: Place) -> Iterator[Recorded]:
    """Give the objects of an action as far as they are known; what it records itself, where it is ours."""
    candidate = place.candidate
    if candidate.type is None or (candidate.ours and candidate.action.outputs is None):
        return
    try:
        yield from recorded(candidate, candidate.type)
    except ManifestError:
        return
