"""The actions of a DRWorkflow that an Execute carries out in a mode, and those that a Revert carries out.

Without dependencies actions run as they are written, otherwise after those that they depend on. In mode Delete what the
actions create is deleted, in reverse order, unless the DRWorkflow itself deletes something or creates nothing. A Revert
carries out an action's own rollback, and the rollback hooks.
Source: docs/spec/drworkflow.md, "dependsOn", "Mode Delete" and "rollback".
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from pydantic import ValidationError

from api.actions import Action, HookCleanup
from api.objects import Target
from api.phases import Mode, Operation
from api.steps import Part
from api.workflow import DRWorkflow
from planning.definitions.action_types import (
    ACTION_TYPES,
    CREATING,
    NamedBy,
    block_of,
    is_per_cluster,
    operation_of,
    row_of,
)
from planning.definitions.dependencies import dependency_order, needs_of
from planning.definitions.field_errors import FieldError, below, model_errors
from planning.definitions.manifest import parse_manifest, target_of
from planning.definitions.target import target_of_action
from planning.definitions.yaml_scalars import ManifestError

_BY_MANIFEST = next(type_ for type_, row in ACTION_TYPES.items() if row.named_by is NamedBy.MANIFEST)
"""The type that can delete any object."""


@dataclass(frozen=True)
class PlannedAction:
    """One action as it is carried out."""

    action: Action
    """What is done; for an INVERSE the deletion that is derived from the definition."""
    index: int
    """Position of its definition in the DRWorkflow."""
    part: Part = Part.ACTION
    after: list[int] | None = None
    """Positions in the planned list that must end first; None where the actions run one after the other."""


def as_executed(dr_workflow: DRWorkflow, mode: Mode | None) -> list[PlannedAction]:
    """Return the actions in the order in which they run; `when` is not evaluated here.

    Actions on a cycle of dependencies are left out; validation reports them.
    """
    actions = dr_workflow.spec.actions
    if is_inverted(actions, mode):
        backwards = [(index, deletion_of(action)) for index, action in reversed(list(enumerate(actions)))]
        return [PlannedAction(action, index, Part.INVERSE) for index, action in backwards if action is not None]
    if not any(action.depends_on for action in actions):
        return [PlannedAction(action, index) for index, action in enumerate(actions)]
    needs = needs_of([(action.name, action.depends_on or []) for action in actions])
    order = dependency_order(needs)
    places = {index: place for place, index in enumerate(order)}
    return [PlannedAction(actions[index], index, after=sorted(places[one] for one in needs[index])) for index in order]


def is_inverted(actions: Sequence[Action], mode: Mode | None) -> bool:
    """Tell whether, instead of carrying actions out, what they create is deleted.

    Where nothing creates an object nothing can be deleted: a DRWorkflow of HTTP actions runs as written.
    """
    if mode is not Mode.DELETE or any(operation_of(action) is Operation.DELETE for action in actions):
        return False
    return any(row_of(action).has_object and operation_of(action) in CREATING for action in actions)


def deletion_of(action: Action) -> Action | None:
    """Return the deletion of what an action creates; None where its definition names no object that it creates.

    Of the definition it contains only what identifies the object.
    """
    row, block = row_of(action), block_of(action)
    if operation_of(action) not in CREATING or block is None or not row.has_object:
        return None
    if row.named_by is NamedBy.MANIFEST:
        deletion = _by_manifest(_identity(block.manifest))
    elif Operation.DELETE in row.rules:
        names = {name: getattr(block, name) for name in ("name", "namespace") if hasattr(block, name)}
        deletion = {"type": action.type, row.block: type(block)(**names, operation=Operation.DELETE)}
    elif (target := target_of_action(action)) is not None:
        deletion = _by_manifest(_manifest(target))
    else:
        return None
    return Action(
        name=f"delete-{action.name}",
        timeout=action.timeout,
        retry_policy=action.retry_policy,
        # Only with both is the deletion one of the Subscriptions of single clusters.
        cluster_execution_mode=action.cluster_execution_mode,
        wait_ready=is_per_cluster(action),
        **deletion,
    )


def _by_manifest(manifest: str) -> dict[str, Any]:
    block = {"manifest": manifest, "operation": Operation.DELETE}
    return {"type": _BY_MANIFEST, ACTION_TYPES[_BY_MANIFEST].block: block}


def _identity(manifest: str) -> str:
    """Reduce a manifest to what names its object; one that is YAML only after it is filled in stays whole."""
    try:
        return _manifest(target_of(parse_manifest(manifest)))
    except ManifestError:
        return manifest


def _manifest(target: Target) -> str:
    """Return a manifest of nothing but the name of an object. JSON is YAML."""
    metadata = {"name": target.name} | ({"namespace": target.namespace} if target.namespace else {})
    return json.dumps({"apiVersion": target.api_version, "kind": target.kind, "metadata": metadata}, ensure_ascii=False)


class CustomRollbackError(ValueError):
    """An action's `rollback` does not have the form of an action."""

    def __init__(self, errors: list[FieldError]) -> None:
        super().__init__("; ".join(f"{error.path}: {error.message}" for error in errors))
        self.errors = errors
        """Paths are relative to the action."""


class RollbackHook(StrEnum):
    """Values of `hookType` with which an action belongs to the rollback of its DRWorkflow."""

    PRE = "pre-rollback"
    """Carried out before the first rollback."""
    POST = "post-rollback"
    """Carried out after the last rollback."""


def rollback_of(action: Action) -> Action | None:
    """Return an action's own rollback as an action; None where it has none.

    Name and type are those of the action unless the rollback sets its own. Raises CustomRollbackError.
    """
    if action.rollback is None:
        return None
    body = {key: value for key, value in action.rollback.items() if value not in (None, "")}
    try:
        return Action.model_validate({"name": action.name, "type": action.type, **body})
    except ValidationError as error:
        raise CustomRollbackError(list(below("rollback", model_errors(error)))) from None


def rollback_hook(action: Action) -> RollbackHook | None:
    """Return which rollback hook an action is; None where it is none."""
    return next((hook for hook in RollbackHook if hook == action.hook_type), None)


def cleanup_of(action: Action, operation: Operation) -> HookCleanup:
    """Return when the action's object is removed; never, where type or operation do not support it."""
    supported = row_of(action).own_cleanup and operation in CREATING
    return (action.hook_cleanup if supported else None) or HookCleanup()
