"""What a Revert will do: from the original's status to the complete tree and a step for each action.

The heart of the project, and a pure function: a dry run, a property test and the real thing are one call.
Source: docs/spec/drplanexecution.md, "What a Revert does".
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import assert_never

from api.execution import ActionStatus, DRPlanExecution, RunState, StageStatus, WorkflowExecutionStatus
from api.meta import ObjectName
from api.phases import OperationType, Phase
from api.plan import DRPlan
from api.reasons import Cause
from api.steps import CustomRollback, ExecuteStep, ObservedObject, Origin, Part, RevertDecision, RollbackStep, Target
from planning.definitions import identifiers
from planning.definitions.action_types import operation_of
from planning.definitions.lookup import Workflows
from planning.definitions.manifest import ManifestError
from planning.definitions.retry import attempts_of
from planning.definitions.target import target_of_action
from planning.messages import actions as action_messages
from planning.messages import causes
from planning.messages import parents as parent_messages
from planning.messages.actions import bounded
from planning.revert.actions import ActionDecisions, decide_all, executes
from planning.revert.default_rollback import Custom, Delete, Nothing, Recorded, Refused, made
from planning.revert.original import OriginalAction, OriginalStage, OriginalWorkflow, mirrored, read_tree
from planning.revert.ownership import Deletions, gather_facts
from planning.revert.preconditions import why_not
from planning.revert.previous_reverts import action_keys, history
from planning.status.transitions import pending_or_skipped, with_counts
from planning.values.placeholders import PlaceholderKind, has_template, names_used

Row = list[RollbackStep | None]
"""The steps of one workflow, in the order of its node."""


@dataclass(frozen=True)
class Steps:
    """Makes the steps of one workflow of a Revert."""

    mark: str
    """Beginning of the marks of its actions."""
    names: Mapping[tuple[str, int], str]
    """The last part of each mark, by the action's name and occurrence."""
    records: Mapping[str, ActionStatus]
    """What the original recorded, by the action's name."""

    @classmethod
    def of(cls, uid: str, stage: OriginalStage, workflow: OriginalWorkflow) -> "Steps":
        """Prepare for a workflow; `uid` is the Revert's."""
        name, occurrence = stage.key
        siblings = identifiers.distinct([node.workflow_ref.name for node in stage.node.workflows])
        mark = identifiers.mark(uid, f"{name}[{occurrence}]" if occurrence else name, siblings[workflow.position])
        actions = workflow.node.actions
        names = identifiers.distinct([action.name for action in actions])
        return cls(
            mark, dict(zip(action_keys(actions), names, strict=True)), {action.name: action for action in actions}
        )

    def step(self, entry: OriginalAction, decision: Deletions | Refused | Custom) -> RollbackStep:
        """Give the step of one action; a refusal stands for a failure that is certain already."""
        match decision:
            case Refused():
                return RollbackStep(refusal=decision.refusal, attempts=attempts_of(entry.candidate.definition))
            case Deletions():
                attempts = attempts_of(entry.candidate.definition)
                return RollbackStep(deletions=list(decision.items), attempts=attempts)
            case Custom():
                return RollbackStep(custom=self._custom(entry, decision), attempts=attempts_of(decision.action))
            case _:
                assert_never(decision)

    def _custom(self, entry: OriginalAction, decision: Custom) -> CustomRollback:
        """Name the definition to carry out, with what the original recorded of the actions that it refers to."""
        name, used = entry.candidate.action.name, names_used(decision.action, PlaceholderKind.OUTPUTS)
        recorded = {one: self.records[one] for one in used if one in self.records}
        outputs = {one: record.outputs for one, record in recorded.items() if record.outputs}
        phases = {one: record.phase for one, record in recorded.items()}
        step = ExecuteStep(
            index=decision.index,
            action=name,
            mark=f"{self.mark}/{self.names[entry.key[-1]]}",
            title=bounded(title(name, decision)),
            part=decision.part,
            outputs_of=used,
        )
        return CustomRollback(step=step, outputs=outputs, phases=phases)


def concerns(original: DRPlanExecution, workflows: Workflows) -> list[Target]:
    """Name every object to look at, those of parts that will be skipped included: unique, in Revert order."""
    return list(dict.fromkeys(item.target for item in _objects(original, workflows)))


def _objects(original: DRPlanExecution, workflows: Workflows) -> Iterator[Recorded]:
    for stage in mirrored(read_tree(original, workflows), None):
        for _, entry in stage.entries():
            objects = made(entry.candidate) if entry.candidate.perhaps_made else None
            if isinstance(objects, Delete):
                yield from objects.objects


def executes_definitions(original: DRPlanExecution, workflows: Workflows) -> bool:
    """Tell whether a Revert of this original carries definitions out, and so needs a snapshot of its own."""
    return executes(read_tree(original, workflows))


def decide_revert(
    revert: DRPlanExecution,
    original: DRPlanExecution | None,
    earlier: Sequence[DRPlanExecution],
    looks: Mapping[Target, ObservedObject],
    plan: DRPlan | None,
    workflows: Workflows,
    origin: Origin | None = None,
    *,
    definitions_of_today: bool = False,
) -> RevertDecision:
    """Decide over every node; `actor` is left to the caller.

    `earlier` may hold any executions: those that count are picked here. `looks` holds what was seen of
    each of `concerns`. `workflows` are as they were at the Execute or, with `definitions_of_today`, as they are
    now; `origin` says where those are kept that this Revert carries out. A rejection means that nothing
    may be touched; the state then has no stages.
    """
    reason = why_not(revert, original)
    if reason or original is None:
        return rejected(reason or "")
    found = read_tree(original, workflows)
    ordered = mirrored(found, plan)
    known = gather_facts(found, looks, history(revert, original, earlier), revert.spec.on_missing)
    decisions = decide_all(ordered, known)
    stages = [_planned_stage(stage, decisions, revert.metadata.uid) for stage in ordered]
    state = RunState(
        phase=Phase.PENDING,
        stage_statuses=[stage.node for stage in stages],
        left_standing=decisions.left_standing,
        unread=decisions.unread,
        definitions_of_today=definitions_of_today,
    )
    return RevertDecision(state=with_counts(state), steps=[stage.steps for stage in stages], origin=origin)


def rejected(reason: str) -> RevertDecision:
    """Give the decision to touch nothing."""
    message = bounded(reason)
    return RevertDecision(state=with_counts(RunState(phase=Phase.FAILED, message=message)), rejection=message)


@dataclass(frozen=True)
class _PlannedStage:
    node: StageStatus
    steps: list[Row]


@dataclass(frozen=True)
class _PlannedWorkflow:
    node: WorkflowExecutionStatus
    steps: Row


def _planned_stage(stage: OriginalStage, decisions: ActionDecisions, uid: str) -> _PlannedStage:
    """Plan a stage; it is Skipped where it failed, or where all of it was done before. `uid` is the Revert's."""
    skipped = None if stage.node.phase is Phase.SUCCEEDED else causes.original_stage_was(stage.node.phase)
    planned = [
        _planned_workflow(workflow, decisions, skipped, Steps.of(uid, stage, workflow)) for workflow in stage.workflows
    ]
    actions = [action for workflow in planned for action in workflow.node.actions]
    nodes = [workflow.node for workflow in planned]
    node = StageStatus(
        name=stage.node.name,
        workflow_executions=nodes,
        parallel=stage.node.parallel or None,
        **pending_or_skipped(skipped or _done_before(nodes, actions)),
    )
    return _PlannedStage(node, [workflow.steps for workflow in planned])


def _planned_workflow(
    workflow: OriginalWorkflow, decisions: ActionDecisions, stage_skipped: Cause | None, steps: Steps
) -> _PlannedWorkflow:
    """Plan a workflow; `stage_skipped` says why its stage is skipped whole."""
    phase, ref = workflow.node.phase, workflow.node.workflow_ref
    skipped = stage_skipped if phase is Phase.SUCCEEDED else causes.original_workflow_was(phase)
    planned = [_planned_action(entry, decisions, skipped, steps) for entry in workflow.entries]
    actions = [action for action, _ in planned]
    node = WorkflowExecutionStatus(
        workflow_ref=ObjectName(name=ref.name, namespace=ref.in_namespace),
        progress=parent_messages.progress(OperationType.REVERT, 0, len(planned)),
        action_statuses=actions,
        **pending_or_skipped(skipped or _done_before(actions, actions)),
    )
    return _PlannedWorkflow(node, [step for _, step in planned])


def _done_before(
    children: Sequence[ActionStatus | WorkflowExecutionStatus], actions: Sequence[ActionStatus]
) -> Cause | None:
    """Say which earlier Reverts did a part, where nothing in it is left to do; None otherwise."""
    if any(child.phase is Phase.PENDING for child in children):
        return None
    reverts = dict.fromkeys(name for action in actions for name in action.rolled_back_by or [])
    return causes.already_rolled_back(list(reverts)) if reverts else None


def _planned_action(
    entry: OriginalAction, decisions: ActionDecisions, part_skipped: Cause | None, steps: Steps
) -> tuple[ActionStatus, RollbackStep | None]:
    """Plan an action: its node, and a step where it is Pending."""
    decision = decisions.of.get(entry.key)
    if decision is None:
        hook, done = entry.candidate.hook, entry.candidate.action.phase is Phase.SUCCEEDED
        return _action(entry, part_skipped if hook or done else causes.ORIGINAL_ACTION_NOT_SUCCEEDED), None
    if isinstance(decision, Nothing):
        return _action(entry, decision.cause), None
    return _action(entry, None), steps.step(entry, decision)


def _action(entry: OriginalAction, skipped: Cause | None) -> ActionStatus:
    """Give an action's node: Skipped with its cause, else Pending."""
    reverts = list(skipped.rolled_back_by) if skipped else []
    return ActionStatus(
        name=entry.candidate.action.name,
        retries=0,
        retry_count=0,
        type=entry.candidate.type,
        rolled_back_by=reverts or None,
        **pending_or_skipped(skipped),
    )


def title(name: str, decision: Custom) -> str:
    """Name what is carried out, for Temporal's UI; values of parameters never stand there."""
    action = decision.action
    try:
        target = target_of_action(action)
    except ManifestError:
        target = None
    hidden = target is None or any(has_template(text) for text in (target.name, target.namespace, target.kind) if text)
    what = action.type.value if hidden or target is None else action_messages.title(operation_of(action), target)
    return (
        action_messages.hook_title(name, what)
        if decision.part is Part.ACTION
        else action_messages.rollback_title(name, what)
    )
