"""A verdict for every action of the original, with actions on the same object told apart.

Source: docs/spec/drplanexecution.md, "Not 'deleted beforehand'" and "Clean".
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from api.phases import Mode, OnMissing, Phase
from api.reasons import Cause
from api.steps import FailureType, Part, Presence, Refusal, Target
from planning.definitions.when import WhenError, modes, runs
from planning.messages import actions as action_messages
from planning.messages import causes
from planning.messages.actions import bounded
from planning.revert.default_rollback import Custom, Delete, Nothing, Refused, Undoing, made, undo
from planning.revert.original import Place, Survey, carried_out
from planning.revert.ownership import Deletions, Verdict, judge
from planning.revert.previous_reverts import NodeKey
from planning.revert.removals import Scene


@dataclass
class Verdicts:
    """What becomes of every action that the original carried out, and of what its other parts left."""

    of: dict[NodeKey, Verdict | Custom] = field(default_factory=dict)
    left_standing: list[str] = field(default_factory=list)
    unread: int = 0
    """How many of these could not be read."""


def executes(found: Survey) -> bool:
    """Tell whether a Revert carries definitions out: custom rollbacks, or rollback hooks."""
    undoings = (undo(place.candidate) for place, done in _walk(found) if done)
    return any(isinstance(one, Custom) and isinstance(_on_condition(one), Custom) for one in undoings)


def decide_all(ordered: Survey, scene: Scene) -> Verdicts:
    """Judge every action; `ordered` is in the order of the Revert, which says who deletes a shared object."""
    found = Verdicts()
    carried = [place for place, done in _walk(ordered) if done]
    for place in carried:
        undoing = _undo(place, scene)
        found.of[place.key] = judge(place, undoing, scene) if isinstance(undoing, Delete) else undoing
    customs = _left_to_customs(carried, found, scene)
    deleting = _claim(carried, found, customs)
    standing = dict(_standing((place for place, done in _walk(ordered) if not done), scene))
    left = [one for uid, one in standing.items() if uid not in deleting]
    found.left_standing = [one.entry for one in left]
    found.unread = sum(not one.known for one in left)
    undone = {uid: custom.candidate.action.name for uid, custom in customs.items()} | deleting
    makers = {uid: one.maker for uid, one in standing.items()}
    for place in carried:
        _explain_kept(place, found, scene, undone, makers)
    return found


def _walk(ordered: Survey) -> Iterator[tuple[Place, bool]]:
    """Walk the actions, each with whether it has its part in the Revert."""
    for stage in ordered:
        for workflow, place in stage.places():
            candidate = place.candidate
            did = candidate.action.phase is Phase.SUCCEEDED or candidate.hook is not None
            yield place, did and carried_out(stage, workflow)


def _undo(place: Place, scene: Scene) -> Undoing:
    """Decide what undoes an action, unless an earlier Revert did it, or a hook's condition does not hold."""
    undoing = undo(place.candidate)
    reverts = scene.history.of_action(place.key)
    if not reverts and isinstance(undoing, Custom) and (presumed := scene.history.presumed(place.key)):
        # What cannot be looked at is believed to have been done by the Revert that claims the whole: never twice.
        reverts = (presumed,)
    if reverts:
        return Nothing(causes.already_rolled_back(reverts))
    return _on_condition(undoing) if isinstance(undoing, Custom) else undoing


def _on_condition(found: Custom) -> Undoing:
    """Carry a hook out only where its condition holds; that of a custom rollback means nothing."""
    if found.part is Part.ROLLBACK:
        return found
    try:
        return found if runs(found.action.when, Mode.ROLLBACK) else Nothing(_unmet(found.action.when or ""))
    except WhenError as error:
        return Refused(Refusal(type=FailureType.INVALID, message=bounded(action_messages.hook_failed(str(error)))))


def _unmet(when: str) -> Cause:
    return causes.condition_not_met(Mode.ROLLBACK, [mode for mode in Mode if mode in modes(when)])


def _left_to_customs(carried: Iterable[Place], found: Verdicts, scene: Scene) -> dict[str, Place]:
    """Find the objects that actions with a rollback of their own made: uid to the action."""
    lenient = replace(scene, on_missing=OnMissing.IGNORE)
    return {
        uid: place
        for place in carried
        if isinstance(verdict := found.of[place.key], Custom) and verdict.part is Part.ROLLBACK
        for uid in _made_by(place, lenient)
    }


def _made_by(place: Place, scene: Scene) -> Iterator[str]:
    """Give the uids of what an action made, as recorded or, where nothing is, as far as the look shows."""
    objects = made(place.candidate)
    if isinstance(objects, Delete):
        verdict = judge(place, objects, scene)
        yield from (item.uid for item in verdict.items) if isinstance(verdict, Deletions) else ()
        yield from (item.uid for item in objects.objects if item.uid)


def _claim(carried: Iterable[Place], found: Verdicts, customs: Mapping[str, Place]) -> dict[str, str]:
    """Leave each object to the first action that deletes it; give uid to that action's name.

    What an action with a rollback of its own made before is left to that rollback.
    """
    claims: dict[str, str] = {}
    for place in carried:
        verdict = found.of[place.key]
        if not isinstance(verdict, Deletions):
            continue
        others = ((item.uid, claims.get(item.uid) or _maker(customs.get(item.uid), place)) for item in verdict.items)
        elsewhere = {uid: name for uid, name in others if name is not None}
        found.of[place.key] = _unclaimed(verdict, elsewhere)
        own = (item.uid for item in verdict.items if item.uid not in elsewhere)
        claims.update(dict.fromkeys(own, place.candidate.action.name))
    return claims


def _maker(custom: Place | None, place: Place) -> str | None:
    """Name an action with a rollback of its own, where it came before another one on the same object."""
    return custom.candidate.action.name if custom and custom.rank < place.rank else None


def _unclaimed(verdict: Deletions, elsewhere: Mapping[str, str]) -> Verdict:
    """Take out of a verdict what is left to other actions: uid to the action's name."""
    items = tuple(item for item in verdict.items if item.uid not in elsewhere)
    shared = [item for item in verdict.items if item.uid in elsewhere]
    passed = (*verdict.passed, *(causes.same_object(item.target, elsewhere[item.uid]) for item in shared))
    return Deletions(items, passed) if items else Nothing(causes.together(passed))


def _explain_kept(
    place: Place, found: Verdicts, scene: Scene, undone: Mapping[str, str], makers: Mapping[str, str]
) -> None:
    """Correct 'existed before' where it was another action of the same execution that made the object."""
    verdict = found.of.get(place.key)
    if not isinstance(verdict, Nothing) or verdict.kept is None:
        return
    target, uid = verdict.kept.target, verdict.kept.uid or scene.look(verdict.kept.target).uid or ""
    if uid in undone:
        cause = causes.same_object(target, undone[uid])
    elif uid in scene.reverted_uids:
        cause = causes.already_rolled_back(scene.reverted_uids[uid])
    elif uid in makers:
        cause = causes.created_by_another_action(target, makers[uid])
    else:
        return
    found.of[place.key] = Nothing(cause)


@dataclass(frozen=True)
class Leftover:
    """An object of a part that is skipped, and the action that made it."""

    target: Target
    maker: str
    known: bool
    """Whether it was seen to exist, or could not be read."""

    @property
    def entry(self) -> str:
        """Name it for the condition Clean."""
        return action_messages.placed(self.target) if self.known else action_messages.unreadable(self.target)


def _standing(places: Iterable[Place], scene: Scene) -> Iterator[tuple[str, Leftover]]:
    """Find what parts that are skipped created and what still exists, or may: by uid."""
    strict = replace(scene, on_missing=OnMissing.FAIL)
    for place in places:
        if not place.candidate.perhaps_made or scene.history.of_action(place.key):
            continue
        objects = made(place.candidate)
        if isinstance(objects, Delete):
            yield from _leftovers(place, objects, strict)


def _leftovers(place: Place, undoing: Delete, scene: Scene) -> Iterator[tuple[str, Leftover]]:
    maker = place.candidate.action.name
    for item in undoing.objects:
        verdict = judge(place, Delete((item,), undoing.only_if_new), scene)
        if isinstance(verdict, Deletions):
            yield from ((deletion.uid, Leftover(deletion.target, maker, known=True)) for deletion in verdict.items)
        elif isinstance(verdict, Refused) and scene.look(item.target).presence is Presence.FORBIDDEN and item.uid:
            yield item.uid, Leftover(item.target, maker, known=False)
