"""What a Revert will do: from the original's status to the complete tree and a step for each action.

The heart of the project, and a pure function: a dry run, a property test and the real thing are one call.
Source: docs/spec/drplanexecution.md, "What a Revert does".
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from api.execution import ActionStatus, DRPlanExecution, RunState, StageStatus, WorkflowExecutionStatus
from api.meta import ObjectName
from api.phases import OperationType, Phase
from api.plan import DRPlan
from api.reasons import Cause
from api.steps import ObservedObject, Origin, RevertDecision, RollbackStep, Target
from planning.definitions.lookup import Workflows
from planning.messages import causes
from planning.messages import parents as parent_messages
from planning.messages.actions import bounded
from planning.revert.actions import Verdicts, decide_all, executes
from planning.revert.default_rollback import Delete, Nothing, Recorded, made
from planning.revert.original import Place, PlacedStage, PlacedWorkflow, mirrored, survey
from planning.revert.preconditions import why_not
from planning.revert.previous_reverts import history
from planning.revert.removals import scene
from planning.revert.steps import Steps
from planning.status.transitions import pending_or_skipped, with_counts

Row = list[RollbackStep | None]
"""The steps of one workflow, in the order of its node."""


def concerns(original: DRPlanExecution, workflows: Workflows) -> list[Target]:
    """Name every object to look at, those of parts that will be skipped included: unique, in Revert order."""
    return list(dict.fromkeys(item.target for item in _objects(original, workflows)))


def _objects(original: DRPlanExecution, workflows: Workflows) -> Iterator[Recorded]:
    for stage in mirrored(survey(original, workflows), None):
        for _, place in stage.places():
            objects = made(place.candidate) if place.candidate.perhaps_made else None
            if isinstance(objects, Delete):
                yield from objects.objects


def executes_definitions(original: DRPlanExecution, workflows: Workflows) -> bool:
    """Tell whether a Revert of this original carries definitions out, and so needs a snapshot of its own."""
    return executes(survey(original, workflows))


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
    found = survey(original, workflows)
    ordered = mirrored(found, plan)
    known = scene(found, looks, history(revert, original, earlier), revert.spec.on_missing)
    verdicts = decide_all(ordered, known)
    stages = [_planned_stage(stage, verdicts, revert.metadata.uid) for stage in ordered]
    state = RunState(
        phase=Phase.PENDING,
        stage_statuses=[stage.node for stage in stages],
        left_standing=verdicts.left_standing,
        unread=verdicts.unread,
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


def _planned_stage(stage: PlacedStage, verdicts: Verdicts, uid: str) -> _PlannedStage:
    """Plan a stage; it is Skipped where it failed, or where all of it was done before. `uid` is the Revert's."""
    skipped = None if stage.node.phase is Phase.SUCCEEDED else causes.original_stage_was(stage.node.phase)
    planned = [
        _planned_workflow(workflow, verdicts, skipped, Steps.of(uid, stage, workflow)) for workflow in stage.workflows
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
    workflow: PlacedWorkflow, verdicts: Verdicts, stage_skipped: Cause | None, steps: Steps
) -> _PlannedWorkflow:
    """Plan a workflow; `stage_skipped` says why its stage is skipped whole."""
    phase, ref = workflow.node.phase, workflow.node.workflow_ref
    skipped = stage_skipped if phase is Phase.SUCCEEDED else causes.original_workflow_was(phase)
    planned = [_planned_action(place, verdicts, skipped, steps) for place in workflow.places]
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
    place: Place, verdicts: Verdicts, part_skipped: Cause | None, steps: Steps
) -> tuple[ActionStatus, RollbackStep | None]:
    """Plan an action: its node, and a step where it is Pending."""
    verdict = verdicts.of.get(place.key)
    if verdict is None:
        hook, done = place.candidate.hook, place.candidate.action.phase is Phase.SUCCEEDED
        return _action(place, part_skipped if hook or done else causes.ORIGINAL_ACTION_NOT_SUCCEEDED), None
    if isinstance(verdict, Nothing):
        return _action(place, verdict.cause), None
    return _action(place, None), steps.step(place, verdict)


def _action(place: Place, skipped: Cause | None) -> ActionStatus:
    """Give an action's node: Skipped with its cause, else Pending."""
    reverts = list(skipped.rolled_back_by) if skipped else []
    return ActionStatus(
        name=place.candidate.action.name,
        retries=0,
        retry_count=0,
        type=place.candidate.type,
        rolled_back_by=reverts or None,
        **pending_or_skipped(skipped),
    )
