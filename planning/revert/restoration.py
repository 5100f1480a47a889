"""What restores an object that an action of the original changed or deleted: the state before, if it was stored.

Whether somebody else has changed the object since is decided when it is restored, for until then it may change.
Source: docs/spec/drplanexecution.md, "What is restored"; docs/decisions/0025-a-revert-restores-what-was-changed.md.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from api.execution import DRPlanExecution
from api.meta import ObjectKey
from api.nodes import SnapshotRef
from api.objects import Presence
from api.phases import Operation
from api.reasons import Cause, Lack, Reason
from api.steps import Restoration
from planning.definitions.identifiers import Workflows
from planning.definitions.yaml_scalars import ManifestError
from planning.messages import tree as tree_messages
from planning.revert.default_rollback import DeleteObjects, NoRollback, RecordedObject, Rollback, objects_of, rollback
from planning.revert.original import NodeKey, OriginalAction, marks_of, read_tree
from planning.revert.ownership import RevertFacts
from planning.revert.scope import Scope

_LEAVES_IT = frozenset({Reason.NO_AUTOMATIC_ROLLBACK, Reason.EXISTED_BEFORE})
"""Why nothing undoes an action that has changed or deleted an object."""


@dataclass(frozen=True)
class StoredState:
    """Where the state before an action is stored, and why it is not restored, if so."""

    execution: ObjectKey
    mark: str
    record: SnapshotRef
    lack: Lack | None = None


PriorStates = Mapping[NodeKey, StoredState]
"""By action of the original."""


@dataclass(frozen=True)
class Candidate:
    """An action of the original whose object is restored, if its state was stored."""

    key: NodeKey
    operation: Operation
    mark: str


def candidates(original: DRPlanExecution, workflows: Workflows, scope: Scope) -> list[Candidate]:
    """Return the actions whose prior states are to be read. Only a ledger says reliably which objects those are of."""
    if original.status.ledger is None:
        return []
    return [
        Candidate(action.key, action.operation, marks[action.key[-1]])
        for stage in read_tree(original, workflows, scope)
        for workflow in stage.workflows
        for marks in [marks_of(original.metadata.uid, stage, workflow)]
        for action in workflow.actions
        if action.reverted and action.operation is not None and object_to_restore(action) is not None
    ]


def object_to_restore(action: OriginalAction) -> RecordedObject | None:
    """Return the object that an action changed or deleted, if its default rollback leaves that as it is."""
    undoing = rollback(action)
    leaves_it = isinstance(undoing, NoRollback) and undoing.cause.reason in _LEAVES_IT
    if not leaves_it or action.type is None or not action.has_full_record:
        return None
    try:
        items = [item for item in objects_of(action, action.type) if item.uid]
    except ManifestError:
        return None
    return items[0] if len(items) == 1 else None


@dataclass(frozen=True)
class OtherActions:
    """What other actions of the original did to the objects that are restored, and what becomes of those."""

    created: frozenset[str]
    """Uids of objects that the original created and this Revert deletes, whatever they were in between."""
    recreated: set[str] = field(default_factory=set)
    """Uids of deleted objects in whose place a Revert creates new ones; their earlier changes are restored after."""

    @classmethod
    def of(cls, reverted: Iterable[OriginalAction]) -> "OtherActions":
        """Find what the actions that are rolled back created."""
        undoing = (rollback(action) for action in reverted)
        items = (item for one in undoing if isinstance(one, DeleteObjects) for item in one.objects)
        return cls(frozenset(item.uid for item in items if item.uid))


def with_restoration(
    action: OriginalAction, undoing: Rollback, stored: StoredState | None, facts: RevertFacts, others: OtherActions
) -> Rollback | Restoration:
    """Return what restores the object of an action, in place of nothing, if its state before was stored."""
    item = object_to_restore(action)
    if stored is None or item is None or item.uid is None or action.operation is None or item.uid in others.created:
        return undoing
    if stored.lack is None and action.operation is Operation.DELETE:
        others.recreated.add(item.uid)
    if not isinstance(undoing, NoRollback) or undoing.cause.reason not in _LEAVES_IT:
        return undoing  # an earlier Revert has done it
    cause = tree_messages.state_not_kept(stored.lack) if stored.lack else _why_gone(action, item, facts, others)
    if cause is not None:
        return NoRollback(cause)
    return Restoration(
        target=item.target,
        uid=item.uid,
        operation=action.operation,
        execution=stored.execution,
        record=stored.record,
        mark=stored.mark,
    )


def _why_gone(action: OriginalAction, item: RecordedObject, facts: RevertFacts, others: OtherActions) -> Cause | None:
    """Say why the object of an action is left alone: another action took it away, or `onMissing` says so."""
    target, uid, observed = item.target, item.uid or "", facts.observed(item.target)
    if action.operation is not Operation.DELETE:
        if uid in others.recreated:
            return None
        if remover := facts.removed_uids.get(uid):
            return tree_messages.removed_by_action(target, remover.action, custom=remover.custom)
        later = (one for one in facts.replaced_targets.get(target, ()) if one.rank > action.rank)
        if replacer := next(later, None):
            return tree_messages.replaced_by_action(target, replacer.action, custom=replacer.custom)
        if facts.ignores(target) and observed.presence is Presence.ABSENT:
            return tree_messages.already_absent(target)
    if facts.ignores(target) and observed.presence is Presence.PRESENT and observed.uid != uid:
        return tree_messages.already_absent_replaced(target, observed.uid or "")
    return None
