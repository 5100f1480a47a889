"""What a preview shows as one hash, and how what would be done now differs from it.

Messages do not count, for the words of others may change from one answer to the next. What counts is the plan, the
definitions and values that would be carried out, the account, and of every action what would become of it, with the
uids of the objects. Source: docs/spec/drplanexecution.md, "Preview".
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from api.nodes import ActionStatus
from api.phases import OperationType
from api.plan import DRPlan
from api.tree import ExecutionTree, Preview, RunState
from planning.definitions.identifiers import full_name
from planning.messages import preview as preview_messages
from planning.messages.text import placed
from planning.preview.tree import estimate
from planning.revert.default_rollback import objects_in
from planning.snapshot.documents import SnapshotDocument, digest

MOST_DIFFERENCES = 20


def definitions_digest(documents: Sequence[SnapshotDocument]) -> str | None:
    """Return the hash of definitions and values, whichever execution they are of; None without any."""
    if not documents:
        return None
    root: dict[str, Any] = dict(documents[-1].data)
    # An execution of its own has other names for the same content.
    root.pop("parametersOf", None)
    root.pop("serviceAccountName", None)
    root["plan"] = _without_generation(root["plan"])
    root["workflows"] = [
        {**_without_generation(one), "revision": one["revision"]["sha256"]} for one in root["workflows"]
    ]
    return digest(root)


def _without_generation(definition: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in definition.items() if name != "generation"}


def tree_digest(tree: ExecutionTree, operation: OperationType, plan: str, definitions: str | None) -> str:
    """Return the hash of what a preview shows."""
    return digest([plan, operation.value, tree.service_account_name, definitions, [*_facts(tree)]])


def with_digest(
    state: RunState, operation: OperationType, plan: DRPlan | None, documents: Sequence[SnapshotDocument]
) -> RunState:
    """Return the tree of a preview with its digest, and how long it is expected to take."""
    definitions = definitions_digest(documents)
    name = plan.metadata.name if plan else ""
    span, number = estimate(plan, operation) or (None, None)
    update = {
        "definitions": definitions,
        "digest": tree_digest(state, operation, name, definitions),
        "estimated_duration": span,
        "estimated_from": number,
    }
    return state.model_copy(update={"preview": (state.preview or Preview()).model_copy(update=update)})


def differences(before: ExecutionTree, now: ExecutionTree) -> list[str]:
    """Say what of a preview is not so any more; never empty, for the caller knows that something is not."""
    found = []
    if before.service_account_name != now.service_account_name:
        found.append(preview_messages.account_differs(before.service_account_name, now.service_account_name))
    if (before.preview and before.preview.definitions) != (now.preview and now.preview.definitions):
        found.append(preview_messages.definitions_differ())
    shown, current = dict(_facts(before)), dict(_facts(now))
    found += [preview_messages.action_added(place) for place in current if place not in shown]
    found += [preview_messages.action_gone(place) for place in shown if place not in current]
    found += [
        preview_messages.action_differs(place, _words(shown[place]), _words(facts))
        for place, facts in current.items()
        if place in shown and shown[place] != facts
    ]
    return found[:MOST_DIFFERENCES] or [preview_messages.definitions_differ()]


def _facts(tree: ExecutionTree) -> Iterator[tuple[str, list[str]]]:
    """Yield what counts of every action, by a name that only it has."""
    for stage in tree.stages:
        workflows = _numbered([full_name(node.workflow_ref) for node in stage.workflows])
        for workflow, node in zip(workflows, stage.workflows, strict=True):
            names = _numbered([action.name for action in node.actions])
            for name, action in zip(names, node.actions, strict=True):
                yield preview_messages.place(stage.name, workflow, name), _facts_of(action)


def _numbered(names: Sequence[str]) -> list[str]:
    """Return names; one that occurs more than once gets its position."""
    counts = Counter(names)
    return [f"{name}[{place}]" if counts[name] > 1 else name for place, name in enumerate(names)]


def _facts_of(action: ActionStatus) -> list[str]:
    words = [action.phase, action.reason, action.type, action.operation]
    objects = [f"{placed(one.target)} with uid {one.uid}" for one in objects_in(action.outputs) if one.uid]
    return [str(word) for word in words if word is not None] + sorted(objects)


def _words(facts: Sequence[str]) -> str:
    return ", ".join(facts)
