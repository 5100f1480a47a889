"""What undoes an action: delete these objects, carry this action out, nothing because of this, or a refusal.

A full record decides alone; one of the older controller needs its definition. What is special about a type is a row in
a table. Nothing here looks at the cluster. Source: docs/spec/drplanexecution.md, "What undoes an action".
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import assert_never

from api.actions import Action
from api.failures import FailureType
from api.meta import ObjectReference
from api.nodes import ActionOutputs
from api.objects import Target
from api.phases import ActionType, Operation
from api.reasons import Cause
from api.steps import Part, Refusal
from planning.definitions.action_list import CustomRollbackError, rollback_of
from planning.definitions.action_types import ACTION_TYPES, Rule
from planning.definitions.target import DEFAULT_NAMESPACE
from planning.definitions.yaml_scalars import ManifestError
from planning.messages import rollback as rollback_messages
from planning.messages import tree as tree_messages
from planning.messages.text import bounded
from planning.revert.original import OriginalAction, references


@dataclass(frozen=True)
class RecordedObject:
    """An object of an action, with the uid that was recorded, if any."""

    target: Target
    uid: str | None


@dataclass(frozen=True)
class NoRollback:
    """Nothing is to be undone, because of this. `existing` is the object that an Apply did not create."""

    cause: Cause
    existing: RecordedObject | None = None


@dataclass(frozen=True)
class ActionToRun:
    """An action is to be carried out: the action's own rollback, or the action itself, a rollback hook."""

    action: Action
    part: Part
    index: int
    """Position of its definition in the DRWorkflow's actions."""


@dataclass(frozen=True)
class DeleteObjects:
    """These objects are to be deleted."""

    objects: tuple[RecordedObject, ...]
    only_if_new: bool = False
    """An Apply of the older controller: only what came into being while it ran."""


Default = NoRollback | Refusal | DeleteObjects
Rollback = Default | ActionToRun


def rollback(action: OriginalAction) -> Rollback:
    """Decide what undoes an action, before any object is observed."""
    if action.hook and action.definition:
        return ActionToRun(action.definition, Part.ACTION, action.index)
    if not action.custom:
        return default_rollback(action)
    try:
        own = rollback_of(action.definition) if action.definition else None
    except CustomRollbackError as error:
        return _refusal(FailureType.INVALID, rollback_messages.custom_rollback_failed(str(error)))
    if own is None:
        return _refusal(FailureType.UNDEFINED, rollback_messages.rollback_undefined(action.name, action.dr_workflow))
    return ActionToRun(own, Part.ROLLBACK, action.index)


def _refusal(type_: FailureType, message: str) -> Refusal:
    return Refusal(type=type_, message=bounded(message))


def default_rollback(action: OriginalAction) -> Default:
    """Decide what undoes an action that has no rollback of its own."""
    if action.type is None or (action.definition is None and not action.has_full_record):
        return _undefined(action)
    operation, row = action.operation or Operation.CREATE, ACTION_TYPES[action.type]
    rule = row.rule(operation)
    if not action.has_full_record and row.older_records_deleted and operation is not Operation.DELETE:
        rule = Rule.DELETE  # as the older controller did, whose record it is
    match rule:
        case Rule.UNDEFINED:
            return NoRollback(tree_messages.no_rollback_defined(action.type))
        case Rule.NOT_AUTOMATIC:
            return NoRollback(tree_messages.no_automatic_rollback(operation))
        case Rule.DELETE_IF_CREATED:
            return _delete(action, action.type, only_if_new=action.record.created is None)
        case Rule.DELETE:
            return _delete(action, action.type, only_if_new=False)
        case _:
            assert_never(rule)


def deletion_of_created(action: OriginalAction) -> Default:
    """Decide what would delete the objects that an action created, whatever undoes the action."""
    if action.record.created and action.type is not None:
        return _delete(action, action.type, only_if_new=False)
    return default_rollback(action)


def _delete(action: OriginalAction, type_: ActionType, *, only_if_new: bool) -> Default:
    """Name the objects to delete, or say why they are kept or not known."""
    try:
        objects = tuple(objects_of(action, type_))
    except ManifestError as error:
        return _object_unknown(action, str(error))
    if action.record.created is False:
        existing = objects[0] if objects else None
        return NoRollback(
            tree_messages.existed_before(existing.target) if existing else tree_messages.EXISTED_BEFORE, existing
        )
    if objects:
        return DeleteObjects(objects, only_if_new)
    return _undefined(action) if action.definition is None else _object_unknown(action, rollback_messages.UNNAMED)


def _undefined(action: OriginalAction) -> Refusal:
    message = rollback_messages.action_undefined(action.name, action.dr_workflow)
    return Refusal(type=FailureType.UNDEFINED, message=message)


def _object_unknown(action: OriginalAction, reason: str) -> Refusal:
    message = rollback_messages.object_unknown(action.name, action.dr_workflow, reason)
    return Refusal(type=FailureType.UNDEFINED, message=message)


def objects_of(action: OriginalAction, type_: ActionType) -> Iterator[RecordedObject]:
    """Yield the objects of an action, each once: from its record, else from its definition.

    Raises ManifestError when neither can tell.
    """
    refs = references(action.record.outputs, ACTION_TYPES[type_])
    if not refs:
        if target := action.defined_target:
            yield RecordedObject(target, None)
        return
    seen: list[RecordedObject] = []
    for ref in refs:
        target = _target_of_reference(ref, type_) or action.defined_target
        item = RecordedObject(target, ref.uid or None) if target else None
        if item and item not in seen:
            seen.append(item)
            yield item


def objects_in(outputs: ActionOutputs | None) -> Iterator[RecordedObject]:
    """Yield every object that a record names, whatever its type."""
    for type_, row in ACTION_TYPES.items():
        for ref in references(outputs, row):
            if target := _target_of_reference(ref, type_):
                yield RecordedObject(target, ref.uid or None)


def _target_of_reference(ref: ObjectReference, type_: ActionType) -> Target | None:
    """Read a reference, with what the type fixes filled in; None where it does not name an object."""
    row = ACTION_TYPES[type_]
    api_version, kind = ref.api_version or row.api_version, ref.kind or row.kind
    if not ref.name or not api_version or not kind:
        return None
    namespace = ref.namespace or (DEFAULT_NAMESPACE if row.kind and row.namespaced else None)
    return Target(api_version=api_version, kind=kind, name=ref.name, namespace=namespace)
