"""An action's record to what undoes it: delete these objects, carry this out, nothing because …, or refuse.

A record of ours decides alone; one of the older controller needs its definition. What is special about a
type is a row in a table. Nothing here looks at the cluster. Source: docs/spec/drplanexecution.md, "What
undoes an action".
"""

from collections.abc import Iterator
from dataclasses import dataclass

from api.actions import Action, HookCleanup
from api.execution import ActionOutputs, ActionStatus
from api.meta import ObjectReference
from api.phases import ActionType, Operation, Phase
from api.reasons import Cause, Reason
from api.steps import FailureType, Part, Refusal, Target
from planning.definitions.action_list import PlannedAction
from planning.definitions.action_types import ACTION_TYPES, Rule, TypeRow, operation_of
from planning.definitions.manifest import ManifestError
from planning.definitions.rollback import CustomRollbackError, RollbackHook, cleanup_of, rollback_hook, rollback_of
from planning.definitions.target import DEFAULT_NAMESPACE, is_job, target_of_action
from planning.messages import actions as action_messages
from planning.messages import causes
from planning.values.placeholders import has_template


@dataclass(frozen=True)
class Recorded:
    """An object that an action made, with the uid that was recorded, if any."""

    target: Target
    uid: str | None

    @property
    def foreground(self) -> bool:
        """A Job goes with its pods."""
        return is_job(self.target)


@dataclass(frozen=True)
class Nothing:
    """Nothing is to be undone, because of this. `kept` is the object that an Apply found and left."""

    cause: Cause
    kept: Recorded | None = None


@dataclass(frozen=True)
class Refused:
    """It cannot be undone, because of this."""

    refusal: Refusal


@dataclass(frozen=True)
class Custom:
    """An action is to be carried out: its own rollback, or itself, a rollback hook."""

    action: Action
    part: Part
    index: int
    """Position of its definition in the DRWorkflow's actions."""


@dataclass(frozen=True)
class Delete:
    """These objects are to be deleted."""

    objects: tuple[Recorded, ...]
    only_if_new: bool = False
    """An Apply of the older controller: only what came into being while it ran."""


Default = Nothing | Refused | Delete
Undoing = Default | Custom


@dataclass(frozen=True)
class Candidate:
    """An action of the original with what is known about it."""

    action: ActionStatus
    planned: PlannedAction | None
    """Its definition as the original carried it out; None where it is gone."""
    dr_workflow: str
    """Name of its DRWorkflow."""

    @property
    def definition(self) -> Action | None:
        """Its definition; None where it is gone."""
        return self.planned.action if self.planned else None

    @property
    def hook(self) -> RollbackHook | None:
        """Which rollback hook it is: one is carried out in a Revert, and not rolled back itself."""
        return rollback_hook(self.planned.action) if self.planned and not self.redefined else None

    @property
    def cleanup(self) -> HookCleanup:
        """When its object is removed by the action itself: never, where nothing tells."""
        definition = None if self.redefined else self.definition
        return cleanup_of(definition, self.operation or Operation.CREATE) if definition else HookCleanup()

    @property
    def custom(self) -> bool:
        """Whether a rollback of its own takes the entry of the default: the record says so, else the definition."""
        defined = self.definition is not None and self.definition.rollback is not None
        return bool(self.action.custom_rollback) or (not self.ours and defined)

    @property
    def ours(self) -> bool:
        """Whether the record says by itself what the action did."""
        type_ = self.action.type
        return self.action.operation is not None or (type_ is not None and not ACTION_TYPES[type_].has_object)

    @property
    def type(self) -> ActionType | None:
        """The type, from the record, its kind of output, or the definition; None where nothing tells."""
        if self.action.type is not None:
            return self.action.type
        recorded_type = next((type_ for type_, kind in ACTION_TYPES.items() if _refs(self.action.outputs, kind)), None)
        return recorded_type or (self.definition.type if self.definition else None)

    @property
    def redefined(self) -> bool:
        """Whether today's definition is of another type than the record: it no longer is the action's."""
        return self.definition is not None and self.definition.type is not self.type

    @property
    def perhaps_made(self) -> bool:
        """Whether it can have made an object, whatever it ended as; a record of ours says so itself.

        One that names an object and not whether it was created is of an attempt that was never answered.
        """
        action = self.action
        if action.phase in (Phase.PENDING, Phase.SKIPPED):
            return False
        if action.phase is Phase.SUCCEEDED or action.type is None or action.created:
            return True
        unknown = action.outputs is not None or action.reason is Reason.OUTCOME_UNKNOWN
        return action.created is None and unknown

    @property
    def operation(self) -> Operation | None:
        """What it did to its object, from the record, else the definition."""
        return self.action.operation or (operation_of(self.definition) if self.definition else None)


def undo(candidate: Candidate) -> Undoing:
    """Decide what undoes an action, before any object is looked at."""
    if candidate.hook and candidate.planned:
        return Custom(candidate.planned.action, Part.ACTION, candidate.planned.index)
    return _custom(candidate) if candidate.custom else by_default(candidate)


def _custom(candidate: Candidate) -> Custom | Refused:
    """Give the action's own rollback."""
    planned = None if candidate.redefined else candidate.planned
    try:
        action = rollback_of(planned.action) if planned else None
    except CustomRollbackError as error:
        return _refused(FailureType.INVALID, action_messages.custom_rollback_failed(str(error)))
    if planned is None or action is None:
        return _refused(
            FailureType.UNDEFINED, action_messages.rollback_undefined(candidate.action.name, candidate.dr_workflow)
        )
    return Custom(action, Part.ROLLBACK, planned.index)


def _refused(type_: FailureType, message: str) -> Refused:
    return Refused(Refusal(type=type_, message=action_messages.bounded(message)))


def by_default(candidate: Candidate) -> Default:
    """Decide what undoes an action that has no rollback of its own."""
    if not candidate.ours and (candidate.definition is None or candidate.redefined):
        return Refused(_undefined(candidate))
    type_, operation = candidate.type, candidate.operation or Operation.CREATE
    if type_ is None:
        return Refused(_undefined(candidate))
    match ACTION_TYPES[type_].rule(operation):
        case Rule.UNDEFINED:
            return Nothing(causes.no_rollback_defined(type_))
        case Rule.NOT_AUTOMATIC:
            return Nothing(causes.no_automatic_rollback(operation))
        case Rule.DELETE_IF_CREATED:
            return _delete(candidate, type_, only_if_new=candidate.action.created is None)
        case Rule.DELETE:
            return _delete(candidate, type_, only_if_new=False)


def made(candidate: Candidate) -> Default:
    """Name the objects that an action made, whatever undoes it: they stand where it is not rolled back."""
    if candidate.action.created and candidate.type is not None:
        return _delete(candidate, candidate.type, only_if_new=False)
    return by_default(candidate)


def _delete(candidate: Candidate, type_: ActionType, *, only_if_new: bool) -> Default:
    """Name the objects to delete, or say why they are kept or not known."""
    try:
        objects = tuple(recorded(candidate, type_))
    except ManifestError as error:
        return Refused(_unknown(candidate, str(error)))
    if candidate.action.created is False:
        kept = objects[0] if objects else None
        return Nothing(causes.existed_before(kept.target) if kept else causes.EXISTED_BEFORE, kept)
    if objects:
        return Delete(objects, only_if_new)
    if candidate.definition is None:
        return Refused(_undefined(candidate))
    return Refused(_unknown(candidate, action_messages.UNNAMED))


def _undefined(candidate: Candidate) -> Refusal:
    message = action_messages.action_undefined(candidate.action.name, candidate.dr_workflow)
    return Refusal(type=FailureType.UNDEFINED, message=message)


def _unknown(candidate: Candidate, reason: str) -> Refusal:
    message = action_messages.object_unknown(candidate.action.name, candidate.dr_workflow, reason)
    return Refusal(type=FailureType.UNDEFINED, message=message)


def recorded(candidate: Candidate, type_: ActionType) -> Iterator[Recorded]:
    """Give the objects of an action, each once: from its record, else from its definition.

    Raises ManifestError when neither can tell.
    """
    refs = _refs(candidate.action.outputs, ACTION_TYPES[type_])
    if not refs:
        target = _defined_target(candidate)
        if target:
            yield Recorded(target, None)
        return
    seen: list[Recorded] = []
    for ref in refs:
        target = _target_of_ref(ref, type_) or _defined_target(candidate)
        item = Recorded(target, ref.uid or None) if target else None
        if item and item not in seen:
            seen.append(item)
            yield item


def referred(outputs: ActionOutputs | None) -> Iterator[Recorded]:
    """Give every object that a record names, whatever its type."""
    for type_, kind in ACTION_TYPES.items():
        for ref in _refs(outputs, kind):
            target = _target_of_ref(ref, type_)
            if target:
                yield Recorded(target, ref.uid or None)


def _refs(outputs: ActionOutputs | None, kind: TypeRow) -> list[ObjectReference]:
    """Give the references in a record that are of a kind, lists flattened."""
    found: list[ObjectReference] = []
    for field in kind.outputs if outputs and kind.has_object else ():
        value = getattr(outputs, field)
        found += value if isinstance(value, list) else [value] if value else []
    return found


def _target_of_ref(ref: ObjectReference, type_: ActionType) -> Target | None:
    """Read a reference, with what the type fixes filled in; None where it does not name an object."""
    kind = ACTION_TYPES[type_]
    api_version, name = ref.api_version or kind.api_version, ref.kind or kind.kind
    if not ref.name or not api_version or not name:
        return None
    namespace = ref.namespace or (DEFAULT_NAMESPACE if kind.kind and kind.namespaced else None)
    return Target(api_version=api_version, kind=name, name=ref.name, namespace=namespace)


def _defined_target(candidate: Candidate) -> Target | None:
    """Name the object that the definition is about today; None without one.

    Raises ManifestError when its text cannot tell.
    """
    if candidate.definition is None or candidate.redefined:
        return None
    target = target_of_action(candidate.definition)
    if target and any(has_template(text) for text in (target.name, target.namespace, target.kind) if text):
        raise ManifestError(action_messages.PLACEHOLDERS)
    return target


def deletes(candidate: Candidate) -> bool:
    """Tell whether the action itself was a deletion."""
    return candidate.operation is Operation.DELETE


def replaces(candidate: Candidate) -> bool:
    """Tell whether the action put its object in the entry of another one of that name."""
    cleared = bool(candidate.cleanup.before_create and candidate.action.created)
    return cleared or candidate.operation is Operation.REPLACE
