"""The original's tree with each action's record and definition, in the order of the original or of its Revert.

Source: docs/spec/drplanexecution.md, "Reverse order at every level" and "What undoes an action".
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from operator import attrgetter

from api.actions import Action, HookCleanup
from api.execution import DRPlanExecution
from api.meta import ObjectReference
from api.nodes import ActionOutputs, ActionStatus, StageStatus, WorkflowExecutionStatus
from api.objects import Target
from api.phases import ActionType, Operation, Phase
from api.plan import DRPlan
from api.reasons import Cause, Reason
from planning.definitions.action_list import PlannedAction, RollbackHook, as_executed, cleanup_of, rollback_hook
from planning.definitions.action_types import ACTION_TYPES, TypeRow, operation_of
from planning.definitions.dependencies import revert_order
from planning.definitions.identifiers import Workflows, definition, distinct, full_name, mark, occurrences
from planning.definitions.target import target_of_action
from planning.definitions.yaml_scalars import ManifestError
from planning.messages import rollback as rollback_messages
from planning.messages import tree as tree_messages
from planning.revert.scope import SUCCEEDED_ONLY, NamedPart, Scope, parts_of_stage, parts_of_workflow
from planning.values.placeholders import has_template

NodeKey = tuple[tuple[str, int], ...]
"""Names from the stage down, each with how many of the same name the original lists before it."""


@dataclass(frozen=True)
class OriginalAction:
    """An action of the original: its record, its definition, and what follows from both."""

    key: NodeKey
    rank: int
    """Position in the original's whole tree."""
    record: ActionStatus
    dr_workflow: str
    """Name of its DRWorkflow."""
    definition: Action | None
    """As the original carried it out; None where it is gone, or has become one of another type."""
    index: int
    """Position of the definition in the DRWorkflow."""
    type: ActionType | None
    """From the record, the kind of its outputs, or the definition; None where nothing tells."""
    operation: Operation | None
    """What it did to its object; None where nothing tells."""
    has_full_record: bool
    """Whether the record says by itself what the action did, as those of the older controller do not."""
    hook: RollbackHook | None
    """Which rollback hook it is: one is carried out in a Revert, and not rolled back itself."""
    custom: bool
    """Whether a rollback of its own takes the place of the default."""
    replaces: bool
    """Whether it put its object in the place of another one of that name."""
    cleanup: HookCleanup
    """When the action itself removes its object."""
    reverted: bool = False
    """Whether it has a part in the Revert; objects of others are left, and named."""
    skipped: Cause | None = None
    """Why it has none."""

    @property
    def name(self) -> str:
        """Its name."""
        return self.record.name

    @property
    def may_have_created(self) -> bool:
        """Whether it can have created an object, whatever it ended as.

        A record that names an object and not whether it was created is of an attempt that was never answered.
        """
        record = self.record
        if record.phase in (Phase.PENDING, Phase.SKIPPED):
            return False
        if record.phase is Phase.SUCCEEDED or record.type is None or record.created:
            return True
        return record.created is None and (record.outputs is not None or record.reason is Reason.OUTCOME_UNKNOWN)

    @cached_property
    def defined_target(self) -> Target | None:
        """The object that the definition is about today, read once; None without one.

        Raises ManifestError when its text cannot tell.
        """
        target = target_of_action(self.definition) if self.definition else None
        if target and any(has_template(text) for text in (target.name, target.namespace, target.kind) if text):
            raise ManifestError(rollback_messages.PLACEHOLDERS)
        return target


@dataclass(frozen=True)
class OriginalWorkflow:
    """A workflow of the original with its actions."""

    node: WorkflowExecutionStatus
    actions: tuple[OriginalAction, ...]
    skipped: Cause | None
    """Why the Revert skips it whole."""
    position: int
    """In the original's stage, which may list one DRWorkflow more than once."""


@dataclass(frozen=True)
class OriginalStage:
    """A stage of the original with its workflows."""

    key: tuple[str, int]
    node: StageStatus
    workflows: tuple[OriginalWorkflow, ...]
    skipped: Cause | None
    """Why the Revert skips it whole."""


OriginalTree = Sequence[OriginalStage]


def actions_of(tree: OriginalTree) -> Iterator[OriginalAction]:
    """Yield every action of a tree, in its order."""
    return (action for stage in tree for workflow in stage.workflows for action in workflow.actions)


def keys(nodes: Sequence[StageStatus | WorkflowExecutionStatus | ActionStatus]) -> list[tuple[str, int]]:
    """Tell the children of a node apart, by name and occurrence; they are in the original's order."""
    return occurrences(
        nodes, lambda node: full_name(node.workflow_ref) if isinstance(node, WorkflowExecutionStatus) else node.name
    )


def marks_of(uid: str, stage: OriginalStage, workflow: OriginalWorkflow, part: str = "") -> dict[tuple[str, int], str]:
    """Return the marks of a workflow's actions in an execution with this uid, by name and occurrence.

    `part` is the original's name in a Revert of several.
    """
    name, occurrence = stage.key
    name = f"{part}/{name}" if part else name
    siblings = distinct([node.workflow_ref.name for node in stage.node.workflows])
    prefix = mark(uid, f"{name}[{occurrence}]" if occurrence else name, siblings[workflow.position])
    records = workflow.node.actions
    names = distinct([record.name for record in records])
    return {key: f"{prefix}/{last}" for key, last in zip(keys(records), names, strict=True)}


def read_tree(original: DRPlanExecution, workflows: Workflows, scope: Scope = SUCCEEDED_ONLY) -> list[OriginalStage]:
    """Find the definition of each action of the original, and what the Revert skips.

    The tree has the order in which the original lists it.
    """
    tree, rank = [], 0
    for stage_key, stage in zip(keys(original.status.stages), original.status.stages, strict=True):
        stage_skipped, originals = scope.why_not(stage, parts_of_stage(stage)), []
        for position, (workflow_key, node) in enumerate(zip(keys(stage.workflows), stage.workflows, strict=True)):
            dr_workflow = definition(workflows, node.workflow_ref)
            planned = as_executed(dr_workflow, original.spec.mode) if dr_workflow else []
            by_key = dict(zip(occurrences(planned, lambda one: one.action.name), planned, strict=True))
            skipped = scope.why_not(node, parts_of_workflow(stage.name, node)) or stage_skipped
            actions = []
            for key, record in zip(keys(node.actions), node.actions, strict=True):
                place = (stage_key, workflow_key, key)
                action = original_action(record, by_key.get(key), node.workflow_ref.name, place, rank)
                part = NamedPart(stage.name, node.workflow_ref, record.name)
                why_not = _why_not(action, part, scope, skipped)
                actions.append(replace(action, reverted=why_not is None, skipped=why_not))
                rank += 1
            originals.append(OriginalWorkflow(node, tuple(actions), skipped, position))
        tree.append(OriginalStage(stage_key, stage, tuple(originals), stage_skipped))
    return tree


def _why_not(action: OriginalAction, part: NamedPart, scope: Scope, part_skipped: Cause | None) -> Cause | None:
    """Say why an action has no part in the Revert; `part_skipped` says so of its workflow."""
    if not scope.selects(part):
        return tree_messages.NOT_SELECTED
    has_part = action.hook is not None or scope.is_revertible(action.record.phase)
    return part_skipped if has_part else tree_messages.ORIGINAL_ACTION_NOT_SUCCEEDED


def original_action(
    record: ActionStatus, planned: PlannedAction | None, dr_workflow: str, key: NodeKey = (), rank: int = 0
) -> OriginalAction:
    """Combine an action's record with its definition, None where that is gone. `dr_workflow` is a name."""
    of_outputs = (type_ for type_, row in ACTION_TYPES.items() if references(record.outputs, row))
    type_ = record.type or next(of_outputs, None) or (planned.action.type if planned else None)
    if planned and planned.action.type is not type_:
        planned = None
    defined = planned.action if planned else None
    operation = record.operation or (operation_of(defined) if defined else None)
    row = ACTION_TYPES[record.type] if record.type else None
    has_full_record = record.operation is not None or (row is not None and not row.has_object)
    defines_rollback = defined is not None and defined.rollback is not None
    # A run that was lost left no record of ours; what its status says beyond the objects is not used.
    is_unsaid = record.custom_rollback is None or not has_full_record
    cleanup = cleanup_of(defined, operation or Operation.CREATE) if defined else HookCleanup()
    return OriginalAction(
        key=key,
        rank=rank,
        record=record,
        dr_workflow=dr_workflow,
        definition=defined,
        index=planned.index if planned else 0,
        type=type_,
        operation=operation,
        has_full_record=has_full_record,
        hook=rollback_hook(defined) if defined else None,
        custom=bool(record.custom_rollback) or (defines_rollback and is_unsaid),
        replaces=operation is Operation.REPLACE or bool(cleanup.before_create and record.created),
        cleanup=cleanup,
    )


def references(outputs: ActionOutputs | None, row: TypeRow) -> list[ObjectReference]:
    """Return the references to objects of a type that a record contains."""
    found: list[ObjectReference] = []
    for field in row.outputs if outputs and row.has_object else ():
        value = getattr(outputs, field)
        found += value if isinstance(value, list) else [value] if value else []
    return found


def mirrored(tree: OriginalTree, plan: DRPlan | None) -> list[OriginalStage]:
    """Return the tree in the order of a Revert: reversed at every level."""
    order = revert_order([stage.node for stage in tree], plan)
    return [
        replace(
            stage,
            workflows=tuple(
                replace(workflow, actions=_mirrored_actions(workflow.actions)) for workflow in stage.workflows[::-1]
            ),
        )
        for stage in (tree[place] for place in order)
    ]


def _mirrored_actions(actions: Sequence[OriginalAction]) -> tuple[OriginalAction, ...]:
    """Reverse the actions; the rollback hooks are before and after them, in the order of the DRWorkflow."""
    before, after = (
        sorted((one for one in actions if one.hook is hook), key=attrgetter("index")) for hook in RollbackHook
    )
    return (*before, *(one for one in actions[::-1] if one.hook is None), *after)
