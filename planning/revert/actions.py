"""A decision for every action of the original, with actions on the same object told apart.

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
from planning.revert.original import OriginalAction, OriginalTree, carried_out
from planning.revert.ownership import ActionDecision, Deletions, RevertFacts, decide_action
from planning.revert.previous_reverts import NodeKey


@dataclass
class ActionDecisions:
    """What becomes of every action that the original carried out, and of what its other parts left."""

    of: dict[NodeKey, ActionDecision | Custom] = field(default_factory=dict)
    left_standing: list[str] = field(default_factory=list)
    unread: int = 0
    """How many of these could not be read."""


def executes(found: OriginalTree) -> bool:
    """Tell whether a Revert carries definitions out: custom rollbacks, or rollback hooks."""
    undoings = (undo(entry.candidate) for entry, done in _walk(found) if done)
    return any(isinstance(one, Custom) and isinstance(_on_condition(one), Custom) for one in undoings)


def decide_all(ordered: OriginalTree, facts: RevertFacts) -> ActionDecisions:
    """Judge every action; `ordered` is in the order of the Revert, which says who deletes a shared object."""
    found = ActionDecisions()
    carried = [entry for entry, done in _walk(ordered) if done]
    for entry in carried:
        undoing = _undo(entry, facts)
        found.of[entry.key] = decide_action(entry, undoing, facts) if isinstance(undoing, Delete) else undoing
    customs = _left_to_customs(carried, found, facts)
    deleting = _claim(carried, found, customs)
    standing = dict(_standing((entry for entry, done in _walk(ordered) if not done), facts))
    left = [one for uid, one in standing.items() if uid not in deleting]
    found.left_standing = [one.entry for one in left]
    found.unread = sum(not one.known for one in left)
    undone = {uid: custom.candidate.action.name for uid, custom in customs.items()} | deleting
    makers = {uid: one.maker for uid, one in standing.items()}
    for entry in carried:
        _explain_kept(entry, found, facts, undone, makers)
    return found


def _walk(ordered: OriginalTree) -> Iterator[tuple[OriginalAction, bool]]:
    """Walk the actions, each with whether it has its part in the Revert."""
    for stage in ordered:
        for workflow, entry in stage.entries():
            candidate = entry.candidate
            did = candidate.action.phase is Phase.SUCCEEDED or candidate.hook is not None
            yield entry, did and carried_out(stage, workflow)


def _undo(entry: OriginalAction, facts: RevertFacts) -> Undoing:
    """Decide what undoes an action, unless an earlier Revert did it, or a hook's condition does not hold."""
    undoing = undo(entry.candidate)
    reverts = facts.history.of_action(entry.key)
    if not reverts and isinstance(undoing, Custom) and (presumed := facts.history.presumed(entry.key)):
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


def _left_to_customs(
    carried: Iterable[OriginalAction], found: ActionDecisions, facts: RevertFacts
) -> dict[str, OriginalAction]:
    """Find the objects that actions with a rollback of their own made: uid to the action."""
    lenient = replace(facts, on_missing=OnMissing.IGNORE)
    return {
        uid: entry
        for entry in carried
        if isinstance(decision := found.of[entry.key], Custom) and decision.part is Part.ROLLBACK
        for uid in _made_by(entry, lenient)
    }


def _made_by(entry: OriginalAction, facts: RevertFacts) -> Iterator[str]:
    """Give the uids of what an action made, as recorded or, where nothing is, as far as the look shows."""
    objects = made(entry.candidate)
    if isinstance(objects, Delete):
        decision = decide_action(entry, objects, facts)
        yield from (item.uid for item in decision.items) if isinstance(decision, Deletions) else ()
        yield from (item.uid for item in objects.objects if item.uid)


def _claim(
    carried: Iterable[OriginalAction], found: ActionDecisions, customs: Mapping[str, OriginalAction]
) -> dict[str, str]:
    """Leave each object to the first action that deletes it; give uid to that action's name.

    What an action with a rollback of its own made before is left to that rollback.
    """
    claims: dict[str, str] = {}
    for entry in carried:
        decision = found.of[entry.key]
        if not isinstance(decision, Deletions):
            continue
        others = ((item.uid, claims.get(item.uid) or _maker(customs.get(item.uid), entry)) for item in decision.items)
        elsewhere = {uid: name for uid, name in others if name is not None}
        found.of[entry.key] = _unclaimed(decision, elsewhere)
        own = (item.uid for item in decision.items if item.uid not in elsewhere)
        claims.update(dict.fromkeys(own, entry.candidate.action.name))
    return claims


def _maker(custom: OriginalAction | None, entry: OriginalAction) -> str | None:
    """Name an action with a rollback of its own, where it came before another one on the same object."""
    return custom.candidate.action.name if custom and custom.rank < entry.rank else None


def _unclaimed(decision: Deletions, elsewhere: Mapping[str, str]) -> ActionDecision:
    """Take out of a decision what is left to other actions: uid to the action's name."""
    items = tuple(item for item in decision.items if item.uid not in elsewhere)
    shared = [item for item in decision.items if item.uid in elsewhere]
    passed = (*decision.passed, *(causes.same_object(item.target, elsewhere[item.uid]) for item in shared))
    return Deletions(items, passed) if items else Nothing(causes.together(passed))


def _explain_kept(
    entry: OriginalAction,
    found: ActionDecisions,
    facts: RevertFacts,
    undone: Mapping[str, str],
    makers: Mapping[str, str],
) -> None:
    """Correct 'existed before' where it was another action of the same execution that made the object."""
    decision = found.of.get(entry.key)
    if not isinstance(decision, Nothing) or decision.kept is None:
        return
    target, uid = decision.kept.target, decision.kept.uid or facts.look(decision.kept.target).uid or ""
    if uid in undone:
        cause = causes.same_object(target, undone[uid])
    elif uid in facts.reverted_uids:
        cause = causes.already_rolled_back(facts.reverted_uids[uid])
    elif uid in makers:
        cause = causes.created_by_another_action(target, makers[uid])
    else:
        return
    found.of[entry.key] = Nothing(cause)


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


def _standing(entries: Iterable[OriginalAction], facts: RevertFacts) -> Iterator[tuple[str, Leftover]]:
    """Find what parts that are skipped created and what still exists, or may: by uid."""
    strict = replace(facts, on_missing=OnMissing.FAIL)
    for entry in entries:
        if not entry.candidate.perhaps_made or facts.history.of_action(entry.key):
            continue
        objects = made(entry.candidate)
        if isinstance(objects, Delete):
            yield from _leftovers(entry, objects, strict)


def _leftovers(entry: OriginalAction, undoing: Delete, facts: RevertFacts) -> Iterator[tuple[str, Leftover]]:
    maker = entry.candidate.action.name
    for item in undoing.objects:
        decision = decide_action(entry, Delete((item,), undoing.only_if_new), facts)
        if isinstance(decision, Deletions):
            yield from ((deletion.uid, Leftover(deletion.target, maker, known=True)) for deletion in decision.items)
        elif isinstance(decision, Refused) and facts.look(item.target).presence is Presence.FORBIDDEN and item.uid:
            yield item.uid, Leftover(item.target, maker, known=False)
