"""What undoes an action, given what was observed: delete, nothing with its cause, or refuse; who removed which object.

From here on the outcome no longer depends on when a process was killed. Source:
docs/spec/drplanexecution.md, "The observation" and "Not 'deleted beforehand'".
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from api.execution import ActionStatus
from api.phases import OnMissing, Operation, Phase
from api.reasons import Cause
from api.steps import Deletion, FailureType, ObservedObject, Presence, Refusal, Target
from planning.definitions.manifest import ManifestError
from planning.definitions.rollback import cleanup_of
from planning.definitions.target import body_of_action
from planning.messages import actions as action_messages
from planning.messages import causes
from planning.revert.default_rollback import (
    Candidate,
    Custom,
    Delete,
    Nothing,
    Recorded,
    Refused,
    deletes,
    made,
    recorded,
    referred,
    replaces,
    undo,
)
from planning.revert.original import OriginalAction, OriginalTree
from planning.revert.previous_reverts import History

CLOCK_TOLERANCE = timedelta(seconds=5)
"""Around an action of the older controller. Source: docs/spec/drplanexecution.md, "What undoes an action"."""


@dataclass(frozen=True)
class Remover:
    """An action of the original that took an object away."""

    action: str
    rank: int
    custom: bool
    """Whether a rollback of its own decides what becomes of the object."""


@dataclass
class RevertFacts:
    """What is known of the whole original and of earlier Reverts. Filled by `gather_facts`, then only read."""

    looks: Mapping[Target, ObservedObject]
    history: History
    on_missing: OnMissing
    removed_uids: dict[str, Remover] = field(default_factory=dict)
    """By uid: who deleted the object in the same Execute."""
    removed_targets: dict[Target, list[Remover]] = field(default_factory=dict)
    """Where the older controller recorded no uid: by object, who deleted it."""
    replaced_targets: dict[Target, list[Remover]] = field(default_factory=dict)
    """By object: who put another one of that name in its entry in the same Execute."""
    reverted_uids: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """uid to the earlier Reverts that rolled the object back."""
    reverted_namespaces: dict[str, str] = field(default_factory=dict)
    reverted_targets: dict[Target, str] = field(default_factory=dict)
    """By object: the earlier Revert that put another one of that name in its entry."""

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


@dataclass(frozen=True)
class Deletions:
    """Delete these; `passed` says why other objects of the action are not among them."""

    items: tuple[Deletion, ...]
    passed: tuple[Cause, ...] = ()


ActionDecision = Deletions | Nothing | Refused
_One = Deletion | Nothing | Refused


def decide_action(entry: OriginalAction, found: Delete, facts: RevertFacts) -> ActionDecision:
    """Decide over all objects of one action: one that cannot be undone refuses the whole action."""
    decisions = [_decide_object(entry, item, found.only_if_new, facts) for item in found.objects]
    refused = next((decision for decision in decisions if isinstance(decision, Refused)), None)
    if refused:
        return refused
    nothing = [decision for decision in decisions if isinstance(decision, Nothing)]
    passed = tuple(decision.cause for decision in nothing)
    items = tuple(decision for decision in decisions if isinstance(decision, Deletion))
    return Deletions(items, passed) if items else Nothing(causes.together(passed), nothing[0].kept)


def _decide_object(entry: OriginalAction, item: Recorded, only_if_new: bool, facts: RevertFacts) -> _One:
    """Decide over one object, by what was seen of it."""
    look = facts.look(item.target)
    gone = _gone_by_uid(item, look, facts)
    if gone:
        return Nothing(gone)
    match look.presence:
        case Presence.FORBIDDEN:
            return _refused(FailureType.FORBIDDEN, item.target, look.reason or action_messages.NOT_READABLE)
        case Presence.ABSENT:
            return _decide_absent(entry, item, look, facts)
        case Presence.PRESENT:
            return _decide_present(entry, item, look, only_if_new, facts)


def _refused(type_: FailureType, target: Target, reason: str) -> Refused:
    return Refused(
        Refusal(type=type_, message=action_messages.bounded(action_messages.failed_to_delete(target, reason)))
    )


def _gone_by_uid(item: Recorded, look: ObservedObject, facts: RevertFacts) -> Cause | None:
    """Say who removed the very object that was recorded; None where nobody is known to have."""
    if item.uid is None or look.uid == item.uid:
        return None
    if item.uid in facts.removed_uids:
        return _removed(item.target, facts.removed_uids[item.uid])
    if item.uid in facts.reverted_uids:
        return causes.already_rolled_back(facts.reverted_uids[item.uid])
    return None


def _decide_absent(entry: OriginalAction, item: Recorded, look: ObservedObject, facts: RevertFacts) -> _One:
    cause = _cause_of_absence(entry, item, facts)
    if cause:
        return Nothing(cause)
    if facts.on_missing is OnMissing.IGNORE:
        return Nothing(causes.already_absent(item.target))
    return _refused(FailureType.NOT_FOUND, item.target, look.reason or action_messages.not_found(item.target))


def _removed(target: Target, by: Remover) -> Cause:
    return causes.removed_by_action(target, by.action, custom=by.custom)


def _cause(entry: OriginalAction, item: Recorded, facts: RevertFacts) -> Cause | None:
    """Say why the action's object need not be there any more, whatever bears its name; None where it is missing."""
    target = item.target
    remover = facts.remover(target, entry.rank) if item.uid is None else None
    if remover:
        return _removed(target, remover)
    replacer = facts.replacer(target, entry.rank)
    if replacer:
        return causes.replaced_by_action(target, replacer.action, custom=replacer.custom)
    presumed = facts.history.presumed(entry.key)
    if presumed:
        return causes.already_rolled_back([presumed])
    if target in facts.reverted_targets:
        return causes.already_rolled_back([facts.reverted_targets[target]])
    return causes.removed_by_hook_cleanup(target) if entry.candidate.cleanup.on_success else None


def _cause_of_absence(entry: OriginalAction, item: Recorded, facts: RevertFacts) -> Cause | None:
    """Say why an absent object need not be missed; None where it is missing."""
    target = item.target
    cause = _cause(entry, item, facts)
    if cause:
        return cause
    home = Target(api_version="v1", kind="Namespace", name=target.namespace) if target.namespace else None
    remover = facts.remover(home, entry.rank) if home else None
    if remover:
        return _removed(target, remover)
    ttl = time_to_live(entry.candidate) if item.foreground else None
    if ttl is not None:
        return causes.removed_by_ttl(target, ttl)
    if target.namespace in facts.reverted_namespaces:
        return causes.removed_with_namespace(target, facts.reverted_namespaces[target.namespace])
    return None


def time_to_live(candidate: Candidate) -> int | None:
    """Give the seconds after which a finished Job goes by itself; None without, or where nothing tells."""
    if candidate.definition is None:
        return None
    try:
        # Any mark will do: it only names a Job that has no name of its own.
        spec = body_of_action(candidate.definition, mark="any").get("spec")
    except ManifestError:
        return None
    seconds = spec.get("ttlSecondsAfterFinished") if isinstance(spec, dict) else None
    return seconds if isinstance(seconds, int) else None


def _decide_present(
    entry: OriginalAction, item: Recorded, look: ObservedObject, only_if_new: bool, facts: RevertFacts
) -> _One:
    action, target = entry.candidate.action, item.target
    same = item.uid is None or look.uid == item.uid
    timed = item.uid is None or only_if_new
    if same and look.uid and (not timed or _made_during(action, look.creation_timestamp)):
        return Deletion(target=target, uid=look.uid, foreground=item.foreground)
    if same and only_if_new and _made_before(action, look.creation_timestamp):
        return Nothing(causes.existed_before(target), item)
    return _decide_other_object(entry, item, look, facts)


def _decide_other_object(entry: OriginalAction, item: Recorded, look: ObservedObject, facts: RevertFacts) -> _One:
    """Decide where the name is borne by an object that cannot be shown to be the action's."""
    action, target = entry.candidate.action, item.target
    cause = _cause(entry, item, facts)
    if cause:
        return Nothing(cause)
    if facts.on_missing is OnMissing.IGNORE:
        return Nothing(causes.already_absent_replaced(target, look.uid or ""))
    if item.uid is not None and look.uid != item.uid:
        reason = action_messages.wrong_uid(target, item.uid, look.uid or "")
    else:
        reason = action_messages.wrong_time(target, look.creation_timestamp, action.start_time, action.completion_time)
    return _refused(FailureType.WRONG_UID, target, reason)


def _made_during(action: ActionStatus, created: datetime | None) -> bool:
    """Tell whether an object came into being while the action ran, give or take the tolerance."""
    if created is None or action.start_time is None or action.completion_time is None:
        return False
    return action.start_time - CLOCK_TOLERANCE <= created <= action.completion_time + CLOCK_TOLERANCE


def _made_before(action: ActionStatus, created: datetime | None) -> bool:
    """Tell whether an object was there before the action began, by more than the tolerance."""
    if created is None or action.start_time is None:
        return False
    return created < action.start_time - CLOCK_TOLERANCE


_NOT_LOOKED_AT = ObservedObject(presence=Presence.FORBIDDEN, reason=action_messages.NOT_LOOKED_AT)


def gather_facts(
    found: OriginalTree, looks: Mapping[Target, ObservedObject], history: History, on_missing: OnMissing | None
) -> RevertFacts:
    """Gather who removed which object: actions of the original itself, and earlier Reverts."""
    built = RevertFacts(looks, history, on_missing or OnMissing.FAIL)
    for stage in found:
        for _, entry in stage.entries():
            action = entry.candidate.action
            if action.phase is Phase.SUCCEEDED or (action.created and replaces(entry.candidate)):
                _note(built, entry)
            for revert, node in history.records.get(entry.key, ()):
                _note_carried_out(built, entry, revert, node)
    return built


def _note_carried_out(built: RevertFacts, entry: OriginalAction, revert: str, node: ActionStatus) -> None:
    """Add what a custom rollback or a hook removed in an earlier Revert, by that one's record of it."""
    undoing, operation = undo(entry.candidate), node.operation or Operation.CREATE
    cleared = isinstance(undoing, Custom) and cleanup_of(undoing.action, operation).before_create
    for item in referred(node.outputs):
        if operation is Operation.DELETE and node.phase is Phase.SUCCEEDED and item.uid:
            built.reverted_uids.setdefault(item.uid, (revert,))
        if node.created and (cleared or operation is Operation.REPLACE):
            built.reverted_targets.setdefault(item.target, revert)


def _note(built: RevertFacts, entry: OriginalAction) -> None:
    """Add what one succeeded action removed, or what of it an earlier Revert removed."""
    candidate, reverts = entry.candidate, built.history.of_action(entry.key)
    remover = Remover(candidate.action.name, entry.rank, candidate.custom)
    for item in _objects(entry):
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


def _objects(entry: OriginalAction) -> Iterator[Recorded]:
    """Give the objects of an action as far as they are known; what it records itself, where it is ours."""
    candidate = entry.candidate
    if candidate.type is None or (candidate.ours and candidate.action.outputs is None):
        return
    try:
        yield from recorded(candidate, candidate.type)
    except ManifestError:
        return
