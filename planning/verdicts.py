"""A verdict for every action of the original, with actions on the same object told apart.

Source: docs/spec/drplanexecution.md, "Not 'deleted beforehand'" and "Clean".
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from api.phases import OnMissing
from api.steps import Seen
from planning import messages
from planning.earlier import NodeKey
from planning.judgement import Deletions, Place, Scene, Verdict, judge
from planning.rollback import Custom, Delete, Nothing, Refused, Undoing, undo
from planning.survey import Survey, carried_out


@dataclass
class Verdicts:
    """What becomes of every action that the original carried out, and of what its other parts left."""

    of: dict[NodeKey, Verdict] = field(default_factory=dict)
    custom: list[Place] = field(default_factory=list)
    """Actions with a rollback of their own."""
    left_standing: list[str] = field(default_factory=list)


def decide_all(ordered: Survey, scene: Scene) -> Verdicts:
    """Judge every action; `ordered` is in the order of the Revert, which says who deletes a shared object."""
    found = Verdicts()
    carried = [place for place, done in _walk(ordered) if done]
    for place in carried:
        undoing = _undo(place, scene)
        if isinstance(undoing, Custom):
            found.custom.append(place)
        else:
            found.of[place.key] = judge(place, undoing, scene) if isinstance(undoing, Delete) else undoing
    deleting = _claim(carried, found)
    standing = dict(_standing((place for place, done in _walk(ordered) if not done), scene))
    found.left_standing = [entry for uid, (entry, _) in standing.items() if uid not in deleting]
    makers = {uid: maker for uid, (_, maker) in standing.items()}
    for place in carried:
        _explain_kept(place, found, scene, deleting, makers)
    return found


def _walk(ordered: Survey) -> Iterator[tuple[Place, bool]]:
    """Walk the actions, each with whether the original carried it out."""
    for stage in ordered:
        for workflow, place in stage.places():
            yield place, carried_out(stage, workflow, place)


def _undo(place: Place, scene: Scene) -> Undoing:
    """Decide what undoes an action, unless an earlier Revert did it."""
    revert = scene.history.of_action(place.key)
    return Nothing(messages.already_rolled_back([revert])) if revert else undo(place.candidate)


def _claim(carried: Iterable[Place], found: Verdicts) -> dict[str, str]:
    """Leave each object to the first action that deletes it; give uid to that action's name."""
    claims: dict[str, str] = {}
    for place in carried:
        verdict = found.of.get(place.key)
        if isinstance(verdict, Deletions):
            found.of[place.key] = _unclaimed(verdict, claims)
            claims.update({item.uid: place.candidate.action.name for item in verdict.items if item.uid not in claims})
    return claims


def _unclaimed(verdict: Deletions, claims: dict[str, str]) -> Verdict:
    """Take out of a verdict what another action deletes."""
    items = tuple(item for item in verdict.items if item.uid not in claims)
    shared = [item for item in verdict.items if item.uid in claims]
    passed = (*verdict.passed, *(messages.same_object(item.target, claims[item.uid]) for item in shared))
    return Deletions(items, passed) if items else Nothing("; ".join(passed))


def _explain_kept(
    place: Place, found: Verdicts, scene: Scene, deleting: dict[str, str], makers: dict[str, str]
) -> None:
    """Correct 'existed before' where it was another action of the same execution that made the object."""
    verdict = found.of.get(place.key)
    if not isinstance(verdict, Nothing) or verdict.kept is None:
        return
    target, uid = verdict.kept.target, verdict.kept.uid or scene.look(verdict.kept.target).uid or ""
    if uid in deleting:
        message = messages.same_object(target, deleting[uid])
    elif uid in scene.reverted_uids:
        message = messages.already_rolled_back([scene.reverted_uids[uid]])
    elif uid in makers:
        message = messages.same_object_kept(target, makers[uid])
    else:
        return
    found.of[place.key] = Nothing(message)


def _standing(places: Iterable[Place], scene: Scene) -> Iterator[tuple[str, tuple[str, str]]]:
    """Find what parts that are skipped created and what still exists: uid to its entry and its maker."""
    strict = replace(scene, on_missing=OnMissing.FAIL)
    for place in places:
        if not place.candidate.perhaps_made or scene.history.of_action(place.key):
            continue
        undoing = undo(place.candidate)
        if isinstance(undoing, Delete):
            yield from ((uid, (entry, place.candidate.action.name)) for uid, entry in _entries(place, undoing, strict))


def _entries(place: Place, undoing: Delete, scene: Scene) -> Iterator[tuple[str, str]]:
    """Name the objects of one action that stand, or that may: uid, or the name where it is not known, to entry."""
    for item in undoing.objects:
        verdict = judge(place, Delete((item,), undoing.only_if_new), scene)
        if isinstance(verdict, Deletions):
            yield from ((deletion.uid, messages.placed(deletion.target)) for deletion in verdict.items)
        elif isinstance(verdict, Refused) and scene.look(item.target).seen is Seen.FORBIDDEN and item.uid:
            yield item.uid, messages.unreadable(item.target)
