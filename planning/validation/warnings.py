"""What is worth knowing of an object that is valid: nothing here keeps it from being used.

Source: docs/spec/drplan.md, "Before anything is applied".
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Any

from api.actions import Action, ManifestObject
from api.objects import Target
from api.phases import Operation, PatchType
from api.workflow import DRWorkflow
from planning.definitions.action_types import block_of, row_of
from planning.definitions.field_errors import FieldError, below, in_object
from planning.definitions.manifest import one_document, parse_manifest, server_fields, target_of
from planning.definitions.merge_patch import lists_in, lost, takes_strategic, value_at
from planning.definitions.target import DEFAULT_NAMESPACE
from planning.definitions.yaml_scalars import ManifestError
from planning.messages import fields as field_messages
from planning.messages import files as file_messages
from planning.validation.actions import rollback_or_none
from planning.values.placeholders import TemplateError, Values
from planning.values.rendering import render_manifest

Object = Mapping[str, Any]
KnownObjects = Mapping[Target, Object]


def workflow_warnings(dr_workflow: DRWorkflow, known: KnownObjects) -> list[FieldError]:
    """Return what is worth knowing of a DRWorkflow; `known` are objects that its actions may change."""
    found: list[FieldError] = []
    for index, action in enumerate(dr_workflow.spec.actions):
        found += below(f"spec.actions[{index}]", _action_warnings(action, known))
        if (rollback := rollback_or_none(action)) is not None:
            found += below(f"spec.actions[{index}].rollback", _action_warnings(rollback, known))
    return in_object(dr_workflow, found)


def known_objects(workflows: Iterable[DRWorkflow], others: Iterable[Object]) -> dict[Target, Object]:
    """Return the objects that other documents hold and those that actions create, by `target_in_files`."""
    known: dict[Target, Object] = {}
    for body in others:
        known.setdefault(target_in_files(body), body)
    for action in (action for each in workflows for action in each.spec.actions):
        block = block_of(action)
        if isinstance(block, ManifestObject) and block.operation in (Operation.CREATE, Operation.APPLY):
            with suppress(ManifestError, TemplateError):
                body = parse_manifest(render_manifest(block.manifest, Values(), partly=True))
                known.setdefault(target_in_files(body), body)
    return known


def target_in_files(body: Object) -> Target:
    """Return the object of a manifest. Which kinds have no namespace is not known: all get one."""
    target = target_of(dict(body))
    return target.model_copy(update={"namespace": target.namespace or DEFAULT_NAMESPACE})


def _action_warnings(action: Action, known: KnownObjects) -> Iterator[FieldError]:
    row, block = row_of(action), block_of(action)
    if not isinstance(block, ManifestObject):
        return
    try:
        body = one_document(render_manifest(block.manifest, Values(), partly=True))
    except (ManifestError, TemplateError):
        return
    if ignored := server_fields(body):
        yield FieldError(f"{row.field}.manifest", file_messages.not_sent(ignored))
    if block.operation is Operation.PATCH:
        with suppress(ManifestError):
            target = target_in_files(parse_manifest(render_manifest(block.manifest, Values(), partly=True)))
            yield from below(row.field, _patch_warnings(body, block.patch_type, known.get(target)))


def _patch_warnings(body: Object, patch_type: PatchType | None, existing: Object | None) -> Iterator[FieldError]:
    """Find lists that a merge patch replaces whole, and a strategic merge patch that the API server refuses."""
    strategic = takes_strategic(body["apiVersion"])
    if patch_type is PatchType.STRATEGIC and not strategic:
        yield FieldError("patchType", field_messages.STRATEGIC_WITHOUT_SCHEMA)
    if patch_type not in (None, PatchType.MERGE):
        return
    for path, value in lists_in(body):
        before = None if existing is None else value_at(existing, path)
        if losses := [*lost(value, before, value, path)]:
            yield FieldError("manifest", field_messages.list_items_lost(path, losses, strategic))
        elif before is None:
            yield FieldError("manifest", field_messages.list_replaced(path, strategic))
