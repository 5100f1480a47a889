"""What undoes an action, held against what the look saw: delete, pass over because …, or refuse.

From here on the outcome no longer depends on when a process was killed. Source:
docs/spec/drplanexecution.md, "The look" and "Not 'deleted beforehand'".
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from api.execution import ActionStatus
from api.phases import OnMissing
from api.reasons import Cause
from api.steps import Deletion, FailureType, ObservedObject, Presence, Refusal, Target
from planning.definitions.manifest import ManifestError
from planning.definitions.target import body_of_action
from planning.messages import actions as action_messages
from planning.messages import causes
from planning.revert.default_rollback import Candidate, Delete, Nothing, Recorded, Refused
from planning.revert.original import Place
from planning.revert.removals import Remover, Scene

CLOCK_TOLERANCE = timedelta(seconds=5)
"""Around an action of the older controller. Source: docs/spec/drplanexecution.md, "What undoes an action"."""


@dataclass(frozen=True)
class Deletions:
    """Delete these; `passed` says why other objects of the action are not among them."""

    items: tuple[Deletion, ...]
    passed: tuple[Cause, ...] = ()


Verdict = Deletions | Nothing | Refused
_One = Deletion | Nothing | Refused


def judge(place: Place, found: Delete, scene: Scene) -> Verdict:
    """Decide over all objects of one action: one that cannot be undone refuses the whole action."""
    verdicts = [_judge_one(place, item, found.only_if_new, scene) for item in found.objects]
    refused = next((verdict for verdict in verdicts if isinstance(verdict, Refused)), None)
    if refused:
        return refused
    nothing = [verdict for verdict in verdicts if isinstance(verdict, Nothing)]
    passed = tuple(verdict.cause for verdict in nothing)
    items = tuple(verdict for verdict in verdicts if isinstance(verdict, Deletion))
    return Deletions(items, passed) if items else Nothing(causes.together(passed), nothing[0].kept)


def _judge_one(place: Place, item: Recorded, only_if_new: bool, scene: Scene) -> _One:
    """Decide over one object, by what was seen of it."""
    look = scene.look(item.target)
    gone = _gone_by_uid(item, look, scene)
    if gone:
        return Nothing(gone)
    match look.presence:
        case Presence.FORBIDDEN:
            return _refused(FailureType.FORBIDDEN, item.target, look.reason or action_messages.NOT_READABLE)
        case Presence.ABSENT:
            return _judge_absent(place, item, look, scene)
        case Presence.PRESENT:
            return _judge_present(place, item, look, only_if_new, scene)


def _refused(type_: FailureType, target: Target, reason: str) -> Refused:
    return Refused(
        Refusal(type=type_, message=action_messages.bounded(action_messages.failed_to_delete(target, reason)))
    )


def _gone_by_uid(item: Recorded, look: ObservedObject, scene: Scene) -> Cause | None:
    """Say who removed the very object that was recorded; None where nobody is known to have."""
    if item.uid is None or look.uid == item.uid:
        return None
    if item.uid in scene.removed_uids:
        return _removed(item.target, scene.removed_uids[item.uid])
    if item.uid in scene.reverted_uids:
        return causes.already_rolled_back(scene.reverted_uids[item.uid])
    return None


def _judge_absent(place: Place, item: Recorded, look: ObservedObject, scene: Scene) -> _One:
    cause = _cause_of_absence(place, item, scene)
    if cause:
        return Nothing(cause)
    if scene.on_missing is OnMissing.IGNORE:
        return Nothing(causes.already_absent(item.target))
    return _refused(FailureType.NOT_FOUND, item.target, look.reason or action_messages.not_found(item.target))


def _removed(target: Target, by: Remover) -> Cause:
    return causes.removed_by_action(target, by.action, custom=by.custom)


def _cause(place: Place, item: Recorded, scene: Scene) -> Cause | None:
    """Say why the action's object need not be there any more, whatever bears its name; None where it is missing."""
    target = item.target
    remover = scene.remover(target, place.rank) if item.uid is None else None
    if remover:
        return _removed(target, remover)
    replacer = scene.replacer(target, place.rank)
    if replacer:
        return causes.replaced_by_action(target, replacer.action, custom=replacer.custom)
    presumed = scene.history.presumed(place.key)
    if presumed:
        return causes.already_rolled_back([presumed])
    if target in scene.reverted_targets:
        return causes.already_rolled_back([scene.reverted_targets[target]])
    return causes.removed_by_hook_cleanup(target) if place.candidate.cleanup.on_success else None


def _cause_of_absence(place: Place, item: Recorded, scene: Scene) -> Cause | None:
    """Say why an absent object need not be missed; None where it is missing."""
    target = item.target
    cause = _cause(place, item, scene)
    if cause:
        return cause
    home = Target(api_version="v1", kind="Namespace", name=target.namespace) if target.namespace else None
    remover = scene.remover(home, place.rank) if home else None
    if remover:
        return _removed(target, remover)
    ttl = time_to_live(place.candidate) if item.foreground else None
    if ttl is not None:
        return causes.removed_by_ttl(target, ttl)
    if target.namespace in scene.reverted_namespaces:
        return causes.removed_with_namespace(target, scene.reverted_namespaces[target.namespace])
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


def _judge_present(place: Place, item: Recorded, look: ObservedObject, only_if_new: bool, scene: Scene) -> _One:
    action, target = place.candidate.action, item.target
    same = item.uid is None or look.uid == item.uid
    timed = item.uid is None or only_if_new
    if same and look.uid and (not timed or _made_during(action, look.creation_timestamp)):
        return Deletion(target=target, uid=look.uid, foreground=item.foreground)
    if same and only_if_new and _made_before(action, look.creation_timestamp):
        return Nothing(causes.existed_before(target), item)
    return _judge_another(place, item, look, scene)


def _judge_another(place: Place, item: Recorded, look: ObservedObject, scene: Scene) -> _One:
    """Decide where the name is borne by an object that cannot be shown to be the action's."""
    action, target = place.candidate.action, item.target
    cause = _cause(place, item, scene)
    if cause:
        return Nothing(cause)
    if scene.on_missing is OnMissing.IGNORE:
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
