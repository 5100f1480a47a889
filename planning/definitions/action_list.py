"""A DRWorkflow as an Execute carries it out in a mode: which parts of which actions, and what comes before each.

Without dependencies its actions run as they are written, otherwise by what they depend on. In mode Delete what the
actions create is deleted, in reverse order, unless the DRWorkflow says itself what is to be deleted, or creates none.
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
from planning.definitions.action_types import KINDS, Says, block_of, is_per_cluster, kind_of, operation_of
from planning.definitions.dependencies import sorted_by_need, stage_needs
from planning.definitions.manifest import ManifestError, parse_manifest, target_of
from planning.definitions.target import target_of_action

_CREATING = (Operation.CREATE, Operation.APPLY, Operation.REPLACE)
_BY_MANIFEST = next(type_ for type_, kind in KINDS.items() if kind.says is Says.MANIFEST)
"""The type that deletes whatever object it is told of."""


@dataclass(frozen=True)
class Planned:
    """One action as it is carried out."""

    action: Action
    """What is done; of an INVERSE, the deletion that is made of the definition."""
    index: int
    """Position of its definition in the DRWorkflow."""
    part: Part = Part.ACTION
    after: list[int] | None = None
    """Places in the list that is carried out; None where the actions run one after the other."""


def as_executed(dr_workflow: DRWorkflow, mode: Mode | None) -> list[Planned]:
    """Give the actions in the order in which they run; `when` is not looked at here.

    Actions on a circle of dependencies are left out, which validation reports.
    """
    actions = dr_workflow.spec.actions
    if is_taken_down(actions, mode):
        backwards = [(index, deletion_of(action)) for index, action in reversed(list(enumerate(actions)))]
        return [Planned(action, index, Part.INVERSE) for index, action in backwards if action is not None]
    if not any(action.depends_on for action in actions):
        return [Planned(action, index) for index, action in enumerate(actions)]
    return _by_dependency(actions)


def is_taken_down(actions: Sequence[Action], mode: Mode | None) -> bool:
    """Tell whether actions are not carried out themselves, but what they create is deleted.

    Where nothing creates an object there is nothing to take down: what only asks a service, say, runs as written.
    """
    if mode is not Mode.DELETE or any(operation_of(action) is Operation.DELETE for action in actions):
        return False
    return any(kind_of(action).has_object and operation_of(action) in _CREATING for action in actions)


def _by_dependency(actions: Sequence[Action]) -> list[Planned]:
    needs = stage_needs([action.name for action in actions], [action.depends_on or [] for action in actions])
    order = sorted_by_need(needs)
    places = {index: place for place, index in enumerate(order)}
    return [Planned(actions[index], index, after=sorted(places[one] for one in needs[index])) for index in order]


def deletion_of(action: Action) -> Action | None:
    """Give the deletion of what an action creates; None where it creates nothing that its definition names.

    It holds no more of the definition than what tells which object it is.
    """
    body = _deleting(action) if operation_of(action) in _CREATING else None
    if body is None:
        return None
    common = {"name": f"delete-{action.name}", "timeout": action.timeout, "retry_policy": action.retry_policy}
    # Only with both is the deletion one of the Subscriptions of single clusters.
    per_cluster = {"cluster_execution_mode": action.cluster_execution_mode, "wait_ready": is_per_cluster(action)}
    return Action(**common, **per_cluster, **body)


def _deleting(action: Action) -> dict[str, Any] | None:
    """Give type and block of a deletion."""
    block, kind = block_of(action), kind_of(action)
    if block is None or not kind.has_object:
        return None
    if kind.says is Says.MANIFEST:
        return _by_text(_identity(block.manifest))
    if Operation.DELETE in kind.rules:
        names = {name: getattr(block, name) for name in ("name", "namespace") if hasattr(block, name)}
        return {"type": action.type, kind.block: type(block)(**names, operation=Operation.DELETE)}
    target = target_of_action(action)
    return None if target is None else _by_text(_manifest(target))


def _by_text(manifest: str) -> dict[str, Any]:
    return {
        "type": _BY_MANIFEST,
        KINDS[_BY_MANIFEST].block: {"manifest": manifest, "operation": Operation.DELETE},
    }


def _identity(manifest: str) -> str:
    """Cut a manifest down to what names its object; one that is only YAML once it is filled in stays whole."""
    try:
        return _manifest(target_of(parse_manifest(manifest)))
    except ManifestError:
        return manifest


def _manifest(target: Target) -> str:
    """Name an object in a manifest. JSON is YAML."""
    metadata = {"name": target.name} | ({"namespace": target.namespace} if target.namespace else {})
    return json.dumps({"apiVersion": target.api_version, "kind": target.kind, "metadata": metadata}, ensure_ascii=False)
