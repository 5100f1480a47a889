"""Which parts of its original a Revert takes back: `includePartial` and `only`.

Source: docs/spec/drplanexecution.md, "Parts of an execution".
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from api.execution import DRPlanExecutionSpec, Selection
from api.meta import ObjectName
from api.nodes import StageStatus, WorkflowExecutionStatus
from api.phases import Phase
from api.reasons import Cause
from planning.definitions.field_errors import FieldError
from planning.definitions.identifiers import full_name
from planning.messages import fields as field_messages
from planning.messages import tree as tree_messages


@dataclass(frozen=True)
class NamedPart:
    """An action of the original; None where a stage or a workflow lists nothing below it."""

    stage: str
    workflow: ObjectName | None = None
    action: str | None = None

    @property
    def names(self) -> tuple[tuple[str, ...], ...]:
        """What a person may call it, by stage, DRWorkflow and action."""
        workflow = (self.workflow.name, full_name(self.workflow)) if self.workflow else ()
        return (self.stage,), workflow, (self.action,) if self.action is not None else ()


@dataclass(frozen=True)
class Scope:
    """Which parts a Revert takes back; without anything set, all that succeeded."""

    include_partial: bool = False
    stages: frozenset[str] = frozenset()
    workflows: frozenset[str] = frozenset()
    actions: frozenset[str] = frozenset()
    """Names that are selected; empty where the level selects nothing."""

    @classmethod
    def of(cls, spec: DRPlanExecutionSpec) -> "Scope":
        """Return what a Revert asks for."""
        only = spec.only or Selection()
        names = (frozenset(each or ()) for each in (only.stages, only.workflows, only.actions))
        return cls(bool(spec.include_partial), *names)

    def is_revertible(self, phase: Phase) -> bool:
        """Return whether a part of the original that ended in this phase is taken back."""
        return phase is Phase.SUCCEEDED or (self.include_partial and phase in (Phase.FAILED, Phase.CANCELED))

    def selects(self, part: NamedPart) -> bool:
        """Return whether `only` selects an action."""
        wanted = (self.stages, self.workflows, self.actions)
        return all(not names or not names.isdisjoint(called) for names, called in zip(wanted, part.names, strict=True))

    def why_not(self, node: StageStatus | WorkflowExecutionStatus, parts: Sequence[NamedPart]) -> Cause | None:
        """Say why a stage or a workflow, with these parts, is skipped whole; None where it is not."""
        if not any(map(self.selects, parts)):
            return tree_messages.NOT_SELECTED
        if self.is_revertible(node.phase):
            return None
        is_stage = isinstance(node, StageStatus)
        return (tree_messages.original_stage_was if is_stage else tree_messages.original_workflow_was)(node.phase)


SUCCEEDED_ONLY = Scope()


def parts_of_workflow(stage: str, node: WorkflowExecutionStatus) -> list[NamedPart]:
    """Return the parts of a workflow: one without a list of actions counts as one."""
    parts = [NamedPart(stage, node.workflow_ref, action.name) for action in node.actions]
    return parts or [NamedPart(stage, node.workflow_ref)]


def parts_of_stage(stage: StageStatus) -> list[NamedPart]:
    """Return the parts of a stage: one without a list of workflows counts as one."""
    return [part for node in stage.workflows for part in parts_of_workflow(stage.name, node)] or [NamedPart(stage.name)]


def selection_errors(only: Selection | None, stages: Sequence[StageStatus]) -> Iterator[FieldError]:
    """Find names that select nothing in an original, together with what the other lists select."""
    if only is None:
        return
    parts = [part for stage in stages for part in parts_of_stage(stage)]
    lists = {"stages": only.stages or [], "workflows": only.workflows or [], "actions": only.actions or []}
    scope = Scope(False, *map(frozenset, lists.values()))
    if scope == SUCCEEDED_ONLY:
        yield FieldError("spec.only", field_messages.EMPTY_SELECTION)
    for level, (field, names) in enumerate(lists.items()):
        known = {name for part in parts if scope.selects(part) for name in part.names[level]}
        for place, name in enumerate(names):
            if name not in known:
                choices = dict.fromkeys(part.names[level][0] for part in parts if part.names[level])
                message = field_messages.selects_nothing(name, list(choices))
                yield FieldError(f"spec.only.{field}[{place}]", message)
