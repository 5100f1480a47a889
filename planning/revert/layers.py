"""Later executions of the same plan that are in effect, and whether they rest on what a Revert takes away or changes.

Source: docs/spec/drplanexecution.md, "Later executions".
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from api.execution import DRPlanExecution
from api.nodes import ActionStatus
from api.objects import Target
from api.phases import TERMINAL, Operation, OperationType, Phase
from api.steps import Refusal
from api.tree import LaterExecution
from planning.definitions.action_types import ACTION_TYPES
from planning.messages.text import placed
from planning.revert.actions import ActionDecisions
from planning.revert.default_rollback import NoRollback, RecordedObject, objects_in
from planning.revert.original import OriginalTree, actions_of, keys
from planning.revert.ownership import Deletions
from planning.revert.previous_reverts import History, history

MOST_LISTED = 20
"""Later executions that a status names."""

_Name = tuple[str, str, str | None, str]
"""Group, kind, namespace and name: an object may be recorded at another version."""


@dataclass(frozen=True)
class Layer:
    """A later execution that is in effect, with the objects that it created or changed."""

    execution: str
    objects: tuple[RecordedObject, ...]


def in_effect(
    original: DRPlanExecution,
    executions: Iterable[DRPlanExecution],
    reverts: Sequence[DRPlanExecution],
    recent: Sequence[str],
) -> list[DRPlanExecution]:
    """Return the executions after the original that are in effect, the newest first.

    Each is in effect until a Revert of it without `only` has succeeded. `executions` and `reverts` may hold any.
    `recent` are the names in the history of the plan, the newest first: it decides about those that began in the same
    second.
    """

    def age(execution: DRPlanExecution) -> tuple[tuple[datetime, ...], int]:
        name = execution.metadata.name
        return _times(execution), -(recent.index(name) if name in recent else len(recent))

    later = [one for one in executions if _was_executed(one, original) and _is_later(one, original, recent)]
    return sorted((one for one in later if not was_taken_back(one, reverts)), key=age, reverse=True)


def was_taken_back(execution: DRPlanExecution, reverts: Iterable[DRPlanExecution]) -> bool:
    """Return whether one of some Reverts has taken a whole execution back."""
    return any(_takes_back(revert, execution) for revert in reverts)


def _was_executed(execution: DRPlanExecution, original: DRPlanExecution) -> bool:
    """Return whether another Execute of the same plan has done something, as far as its phase tells."""
    spec, status = execution.spec, execution.status
    return (
        (spec.operation_type, spec.plan_ref) == (OperationType.EXECUTE, original.spec.plan_ref)
        and not spec.dry_run
        and execution.metadata.name != original.metadata.name
        and status.phase in TERMINAL
        and (bool(status.stages) or status.ledger is not None)
    )


def _times(execution: DRPlanExecution) -> tuple[datetime, ...]:
    """Return when an execution began, was created and ended, as far as that is known."""
    status, created = execution.status, execution.metadata.creation_timestamp
    times = (status.start_time or created, created or status.start_time, status.completion_time or created)
    return tuple(time for time in times if time is not None)


def _is_later(execution: DRPlanExecution, original: DRPlanExecution, recent: Sequence[str]) -> bool:
    names = execution.metadata.name, original.metadata.name
    if all(name in recent for name in names):
        return recent.index(names[0]) < recent.index(names[1])
    return _times(execution) > _times(original)


def _takes_back(revert: DRPlanExecution, execution: DRPlanExecution) -> bool:
    """Return whether a Revert has taken a whole execution back, and not one that had its name before."""
    return (
        revert.spec.revert_execution_ref == execution.metadata.name
        and revert.status.phase is Phase.SUCCEEDED
        and revert.spec.only is None
        and not revert.spec.dry_run
        and _times(revert)[:1] >= _times(execution)[2:]
    )


def lacks_records(execution: DRPlanExecution) -> bool:
    """Return whether the status of an execution was shortened, so that its ledger tells more."""
    status = execution.status
    nodes = [node for stage in status.stages for node in stage.workflows if node.ledger is not None]
    return status.ledger is not None and (
        not status.stages
        or any(not stage.workflows for stage in status.stages)
        or any(not node.actions or any(map(_lacks_outputs, node.actions)) for node in nodes)
    )


def _lacks_outputs(action: ActionStatus) -> bool:
    names_object = action.type is None or ACTION_TYPES[action.type].has_object
    return names_object and action.outputs is None and action.phase is Phase.SUCCEEDED


def layer_of(execution: DRPlanExecution, reverts: Sequence[DRPlanExecution]) -> Layer:
    """Return what an execution created or changed, by its record, without what Reverts of it have taken back."""
    return Layer(execution.metadata.name, tuple(_objects(execution, history(execution, execution, reverts))))


def _objects(execution: DRPlanExecution, undone: History) -> Iterator[RecordedObject]:
    for stage_key, stage in zip(keys(execution.status.stages), execution.status.stages, strict=True):
        for workflow_key, node in zip(keys(stage.workflows), stage.workflows, strict=True):
            for key, action in zip(keys(node.actions), node.actions, strict=True):
                begun = action.phase not in (Phase.PENDING, Phase.SKIPPED)
                stands = not undone.of_action((stage_key, workflow_key, key))
                if begun and stands and action.operation is not Operation.DELETE:
                    yield from objects_in(action.outputs)


def later_executions(layers: Sequence[Layer], tree: OriginalTree, decisions: ActionDecisions) -> list[LaterExecution]:
    """Return what a status says of later executions, those first that rest on an object that the Revert is to touch."""
    touched = _Touched.of(tree, decisions)
    found = [LaterExecution(name=one.execution, rests_on=touched.first_of(one.objects)) for one in layers]
    return sorted(found, key=lambda one: one.rests_on is None)[:MOST_LISTED]


@dataclass(frozen=True)
class _Touched:
    """The objects that a Revert takes away or changes."""

    uids: frozenset[str]
    names: frozenset[_Name]
    """Of those that are changed, or of which no uid is known."""
    namespaces: frozenset[str]
    """That go with all that is in them."""

    @classmethod
    def of(cls, tree: OriginalTree, decisions: ActionDecisions) -> "_Touched":
        """Gather them from what was decided."""
        uids, names, namespaces = set[str](), set[_Name](), set[str]()
        for action in actions_of(tree):
            decision = decisions.of.get(action.key)
            if isinstance(decision, Deletions):
                uids |= {item.uid for item in decision.items}
                targets = [item.target for item in decision.items]
                namespaces |= {one.name for one in targets if (one.api_version, one.kind) == ("v1", "Namespace")}
            elif decision is not None and not isinstance(decision, NoRollback | Refusal):
                names |= {_name(item.target) for item in objects_in(action.record.outputs)}
        return cls(frozenset(uids), frozenset(names), frozenset(namespaces))

    def first_of(self, objects: Iterable[RecordedObject]) -> str | None:
        """Return the first of some objects that is touched, as messages name it; None without one."""
        for item in objects:
            if item.uid in self.uids or _name(item.target) in self.names or item.target.namespace in self.namespaces:
                return placed(item.target)
        return None


def _name(target: Target) -> _Name:
    return (target.api_version.rpartition("/")[0], target.kind, target.namespace, target.name)
