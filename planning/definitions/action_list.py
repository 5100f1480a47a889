"""The actions of a DRWorkflow as an Execute carries them out in a mode, and what comes before each.

Without dependencies actions run as they are written, otherwise after those that they depend on. In mode Delete what the
actions create is deleted, in reverse order, unless the DRWorkflow itself deletes something or creates nothing.
Source: docs/spec/drworkflow.md, "dependsOn" and "Mode Delete".
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from api.actions import Action
from api.phases import Mode, Operation
from api.steps import Part, Target
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
from planning.definitions.manifest import ManifestError, parse_manifest, target_of
from planning.definitions.target import target_of_action

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
