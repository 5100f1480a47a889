"""What undoes an action, with what was observed: deletions, nothing because of this, or a refusal.

From here on the outcome no longer depends on when a process was killed. Source:
docs/spec/drplanexecution.md, "The observation" and "Not 'deleted beforehand'".
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import assert_never

from api.execution import DRPlanExecutionSpec, NamedObject
from api.failures import FailureType
from api.nodes import ActionStatus
from api.objects import ObservedObject, Presence, Target
from api.phases import OnMissing, Operation, Phase
from api.reasons import Cause
from api.steps import Deletion, Refusal
from planning.definitions.action_list import cleanup_of
from planning.definitions.target import body_of_action, is_job
from planning.definitions.yaml_scalars import ManifestError
from planning.messages import actions as action_messages
from planning.messages import rollback as rollback_messages
from planning.messages import tree as tree_messages
from planning.messages.text import bounded
from planning.revert.default_rollback import (
    ActionToRun,
    DeleteObjects,
    NoRollback,
    RecordedObject,
    deletion_of_created,
    objects_in,
    objects_of,
    rollback,
)
from planning.revert.original import OriginalAction, OriginalTree, actions_of
from planning.revert.previous_reverts import History

CLOCK_TOLERANCE = timedelta(seconds=5)
"""Around an action of the older controller. Source: docs/spec/drplanexecution.md, "What undoes an action"."""
_NOT_OBSERVED = ObservedObject(presence=Presence.FORBIDDEN, reason=rollback_messages.NOT_LOOKED_AT)


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

    observations: Mapping[Target, ObservedObject]
    history: History
    on_missing: OnMissing
    ignored: frozenset[NamedObject] = frozenset()
    """Objects that are passed over where they are missing, whatever `on_missing` says."""
    marks: tuple[str, ...] | None = None
    """What the marks of the original's objects begin with; None: it marked nothing."""
    removed_uids: dict[str, Remover] = field(default_factory=dict)
    """By uid: who deleted the object in the same Execute."""
    removed_targets: dict[Target, list[Remover]] = field(default_factory=dict)
    """Where the older controller recorded no uid: by object, who deleted it."""
    replaced_targets: dict[Target, list[Remover]] = field(default_factory=dict)
    """By object: who put another one of that name in its place in the same Execute."""
    reverted_uids: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """uid to the earlier Reverts that rolled the object back."""
    asked_uids: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """uid to the earlier Reverts that asked for the object's deletion, and did not see it gone."""
    reverted_namespaces: dict[str, str] = field(default_factory=dict)
    reverted_targets: dict[Target, str] = field(default_factory=dict)
    """By object: the earlier Revert that put another one of that name in its place."""

    def observed(self, target: Target) -> ObservedObject:
        """Return what was observed of an object."""
        return self.observations.get(target, _NOT_OBSERVED)

    def ignores(self, target: Target) -> bool:
        """Return whether an object that is missing is passed over."""
        return self.on_missing is OnMissing.IGNORE or named(target) in self.ignored

    def has_mark(self, target: Target) -> bool:
        """Return whether an object exists and says itself that the original created it."""
        observed = self.observed(target)
        return observed.presence is Presence.PRESENT and (observed.mark or "").startswith(self.marks or ("/",))


@dataclass(frozen=True)
class Deletions:
    """Delete these; `omitted` says why other objects of the action are not among them."""

    items: tuple[Deletion, ...]
    omitted: tuple[Cause, ...] = ()


ActionDecision = Deletions | NoRollback | Refusal
_ObjectDecision = Deletion | NoRollback | Refusal


def decide_action(action: OriginalAction, deletion: DeleteObjects, facts: RevertFacts) -> ActionDecision:
    """Decide over all objects of one action: one that cannot be undone refuses the whole action."""
    decisions = [_decide_object(action, item, deletion.only_if_new, facts) for item in deletion.objects]
    refusal = next((decision for decision in decisions if isinstance(decision, Refusal)), None)
    if refusal:
        return refusal
    nothing = [decision for decision in decisions if isinstance(decision, NoRollback)]
    omitted = tuple(decision.cause for decision in nothing)
    items = tuple(decision for decision in decisions if isinstance(decision, Deletion))
    return Deletions(items, omitted) if items else NoRollback(tree_messages.together(omitted), nothing[0].existing)


def _decide_object(
    action: OriginalAction, item: RecordedObject, only_if_new: bool, facts: RevertFacts
) -> _ObjectDecision:
    """Decide over one object, by what was observed of it; whoever removed the very object is named."""
    observed = facts.observed(item.target)
    if item.uid is not None and observed.uid != item.uid:
        if item.uid in facts.removed_uids:
            return NoRollback(_removed(item.target, facts.removed_uids[item.uid]))
        if item.uid in facts.reverted_uids:
            return NoRollback(tree_messages.already_rolled_back(facts.reverted_uids[item.uid]))
        if item.uid in facts.asked_uids and observed.presence is not Presence.FORBIDDEN:
            return NoRollback(tree_messages.gone_since_asked(facts.asked_uids[item.uid]))
    match observed.presence:
        case Presence.FORBIDDEN:
            refusal = _refusal(FailureType.FORBIDDEN, item.target, observed.reason or rollback_messages.NOT_READABLE)
            return refusal.model_copy(update={"may_exist": item.target})
        case Presence.UNREADABLE:
            refusal = _refusal(FailureType.UNSUPPORTED, item.target, observed.reason or rollback_messages.NOT_READABLE)
            return refusal.model_copy(update={"reason": observed.why, "may_exist": item.target})
        case Presence.ABSENT:
            return _decide_absent(action, item, observed, facts)
        case Presence.PRESENT:
            return _decide_present(action, item, observed, only_if_new, facts)
        case _:
            assert_never(observed.presence)


def _refusal(type_: FailureType, target: Target, reason: str) -> Refusal:
    return Refusal(type=type_, message=bounded(action_messages.failed_to(Operation.DELETE, target.kind, reason)))


def _removed(target: Target, by: Remover) -> Cause:
    return tree_messages.removed_by_action(target, by.action, custom=by.custom)


def _decide_absent(
    action: OriginalAction, item: RecordedObject, observed: ObservedObject, facts: RevertFacts
) -> _ObjectDecision:
    cause = _why_not_the_object(action, item, facts) or _why_absent(action, item, facts)
    if cause:
        return NoRollback(cause)
    if asked := facts.history.asked.get(action.key):
        return NoRollback(tree_messages.gone_since_asked(asked))
    if facts.ignores(item.target):
        return NoRollback(tree_messages.already_absent(item.target))
    reason = observed.reason or action_messages.not_found(item.target)
    if facts.history.unfinished:
        reason = rollback_messages.perhaps_deleted_by(reason, facts.history.unfinished)
    return _refusal(FailureType.NOT_FOUND, item.target, reason)


def _why_not_the_object(action: OriginalAction, item: RecordedObject, facts: RevertFacts) -> Cause | None:
    """Say why the action's object need not exist any more, whatever has its name; None where it is missing."""
    target = item.target
    if item.uid is None and (remover := _later(facts.removed_targets, target, action)):
        return _removed(target, remover)
    if replacer := _later(facts.replaced_targets, target, action):
        return tree_messages.replaced_by_action(target, replacer.action, custom=replacer.custom)
    if presumed := facts.history.presumed(action.key):
        return tree_messages.already_rolled_back([presumed])
    if target in facts.reverted_targets:
        return tree_messages.already_rolled_back([facts.reverted_targets[target]])
    return tree_messages.removed_by_hook_cleanup(target) if action.cleanup.on_success else None


def _later(removers: Mapping[Target, Sequence[Remover]], target: Target, action: OriginalAction) -> Remover | None:
    """Return who removed an object after an action of the original."""
    return next((remover for remover in removers.get(target, ()) if remover.rank > action.rank), None)


def _why_absent(action: OriginalAction, item: RecordedObject, facts: RevertFacts) -> Cause | None:
    """Say what took an object along, or let it go by itself; None where it is missing."""
    target = item.target
    if target.namespace:
        home = Target(api_version="v1", kind="Namespace", name=target.namespace)
        if remover := _later(facts.removed_targets, home, action):
            return _removed(target, remover)
    if is_job(target) and (ttl := _time_to_live(action)) is not None:
        return tree_messages.removed_by_ttl(target, ttl)
    if target.namespace in facts.reverted_namespaces:
        return tree_messages.removed_with_namespace(target, facts.reverted_namespaces[target.namespace])
    return None


def _time_to_live(action: OriginalAction) -> int | None:
    """Return the seconds after which a finished Job goes by itself; None without, or where nothing tells."""
    if action.definition is None:
        return None
    try:
        # Any mark will do: it only names a Job that has no name of its own.
        spec = body_of_action(action.definition, mark="any").get("spec")
    except ManifestError:
        return None
    seconds = spec.get("ttlSecondsAfterFinished") if isinstance(spec, dict) else None
    return seconds if isinstance(seconds, int) else None


def _decide_present(
    action: OriginalAction, item: RecordedObject, observed: ObservedObject, only_if_new: bool, facts: RevertFacts
) -> _ObjectDecision:
    same = item.uid is None or observed.uid == item.uid
    timed = item.uid is None or only_if_new
    if same and observed.uid and (not timed or created_during(action.record, observed.creation_timestamp)):
        return Deletion(
            target=item.target,
            uid=observed.uid,
            foreground=is_job(item.target),
            applies_later=observed.applies_later,
            version=observed.version,
        )
    if same and only_if_new and _created_before(action.record, observed.creation_timestamp):
        return NoRollback(tree_messages.existed_before(item.target), item)
    return _decide_other_object(action, item, observed, facts)


def _decide_other_object(
    action: OriginalAction, item: RecordedObject, observed: ObservedObject, facts: RevertFacts
) -> _ObjectDecision:
    """Decide where an object has the name that cannot be shown to be the action's."""
    record, target, uid = action.record, item.target, observed.uid or ""
    if cause := _why_not_the_object(action, item, facts):
        return NoRollback(cause)
    if facts.ignores(target):
        return NoRollback(tree_messages.already_absent_replaced(target, uid))
    if item.uid is not None and observed.uid != item.uid:
        reason = rollback_messages.wrong_uid(target, item.uid, uid)
    else:
        times = (observed.creation_timestamp, record.start_time, record.completion_time)
        reason = rollback_messages.wrong_time(target, *times)
    return _refusal(FailureType.WRONG_UID, target, reason)


def created_during(record: ActionStatus, created: datetime | None) -> bool:
    """Return whether an object came into being while the action ran, give or take the tolerance."""
    if created is None or record.start_time is None or record.completion_time is None:
        return False
    return record.start_time - CLOCK_TOLERANCE <= created <= record.completion_time + CLOCK_TOLERANCE


def _created_before(record: ActionStatus, created: datetime | None) -> bool:
    """Return whether an object existed before the action began, by more than the tolerance."""
    if created is None or record.start_time is None:
        return False
    return created < record.start_time - CLOCK_TOLERANCE


def named(target: Target) -> NamedObject:
    """Return an object as a Revert's `ignoreMissing` names it."""
    return plain(NamedObject(kind=target.kind, namespace=target.namespace, name=target.name))


def plain(one: NamedObject) -> NamedObject:
    """Return a name in the one form in which names are compared."""
    return one.model_copy(update={"namespace": one.namespace or None})


def gather_facts(
    tree: OriginalTree,
    observations: Mapping[Target, ObservedObject],
    history: History,
    spec: DRPlanExecutionSpec,
    marks: tuple[str, ...] | None = None,
) -> RevertFacts:
    """Gather who removed which object: actions of the original itself, and earlier Reverts."""
    ignored = frozenset(
        one.model_copy(update={"namespace": one.namespace or None}) for one in spec.ignore_missing or ()
    )
    facts = RevertFacts(observations, history, spec.on_missing or OnMissing.FAIL, ignored, marks)
    for action in actions_of(tree):
        undone = bool(history.of_action(action.key))
        # A deletion that was not seen to end may have ended since: only an object that is gone is looked for here.
        was_asked = action.operation is Operation.DELETE and action.record.outputs is not None
        is_known = was_asked or (action.record.created and (action.replaces or undone))
        if action.record.phase is Phase.SUCCEEDED or is_known:
            _add_removals(facts, action)
        for revert, node in history.records.get(action.key, ()):
            _add_removals_of_revert(facts, action, revert, node)
    return facts


def _add_removals(facts: RevertFacts, action: OriginalAction) -> None:
    """Add what one succeeded action removed, or what of it an earlier Revert removed."""
    reverts = facts.history.of_action(action.key)
    # A hook was carried out by the Revert, and what it had created in the Execute stayed, like what was changed.
    deleted = bool(reverts) and action.hook is None and isinstance(deletion_of_created(action), DeleteObjects)
    asked = facts.history.asked.get(action.key, ())
    remover = Remover(action.name, action.rank, action.custom)
    for item in _known_objects(action):
        namespace = item.target.kind == "Namespace" and item.target.api_version == "v1"
        if action.operation is Operation.DELETE:
            if item.uid:
                facts.removed_uids[item.uid] = remover
            if namespace or not action.has_full_record:
                facts.removed_targets.setdefault(item.target, []).append(remover)
            continue
        if action.replaces:
            facts.replaced_targets.setdefault(item.target, []).append(remover)
        if deleted and item.uid:
            facts.reverted_uids[item.uid] = reverts
        if deleted and namespace:
            facts.reverted_namespaces[item.target.name] = reverts[0]
        if asked and item.uid:
            facts.asked_uids[item.uid] = asked
        if asked and namespace and facts.observed(item.target).presence is Presence.ABSENT:
            facts.reverted_namespaces[item.target.name] = asked[0]


def _known_objects(action: OriginalAction) -> Sequence[RecordedObject]:
    """Return the objects of an action as far as they are known: those of a full record, where there is one."""
    if action.type is None or (action.has_full_record and action.record.outputs is None):
        return ()
    try:
        return tuple(objects_of(action, action.type))
    except ManifestError:
        return ()


def _add_removals_of_revert(facts: RevertFacts, action: OriginalAction, revert: str, node: ActionStatus) -> None:
    """Add what a custom rollback or a hook removed in an earlier Revert, by that one's record of it."""
    undoing, operation = rollback(action), node.operation or Operation.CREATE
    cleared = isinstance(undoing, ActionToRun) and cleanup_of(undoing.action, operation).before_create
    for item in objects_in(node.outputs):
        if operation is Operation.DELETE and node.phase is Phase.SUCCEEDED and item.uid:
            facts.reverted_uids.setdefault(item.uid, (revert,))
        if node.created and (cleared or operation is Operation.REPLACE):
            facts.reverted_targets.setdefault(item.target, revert)
