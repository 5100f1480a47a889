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
from api.steps import Look, RevertDecision, RollbackStep, Target
from planning import messages, refusals
from planning.attempts import attempts_of
from planning.earlier import history
from planning.eligibility import why_not
from planning.judgement import Deletions, Place
from planning.lookup import Workflows
from planning.messages import bounded
from planning.progress import with_counts
from planning.rollback import Delete, Nothing, Recorded, Refused, undo
from planning.scene import scene
from planning.survey import PlacedStage, PlacedWorkflow, mirrored, survey
from planning.verdicts import Verdicts, decide_all

Steps = list[RollbackStep | None]


def concerns(original: DRPlanExecution, workflows: Workflows) -> list[Target]:
    """Name every object to look at, those of parts that will be skipped included: unique, in Revert order."""
    return list(dict.fromkeys(item.target for item in _objects(original, workflows)))


def _objects(original: DRPlanExecution, workflows: Workflows) -> Iterator[Recorded]:
    for stage in mirrored(survey(original, workflows), None):
        for _, place in stage.places():
            undoing = undo(place.candidate) if place.candidate.perhaps_made else None
            if isinstance(undoing, Delete):
                yield from undoing.objects


def decide_revert(
    revert: DRPlanExecution,
    original: DRPlanExecution | None,
    earlier: Sequence[DRPlanExecution],
    looks: Mapping[Target, Look],
    plan: DRPlan | None,
    workflows: Workflows,
) -> RevertDecision:
    """Decide over every node; `actor` is left to the caller.

    `earlier` may hold any executions: those that count are picked here. `looks` holds what was seen of
    each of `concerns`. A rejection means that nothing may be touched; the state then has no stages.
    """
    reason = why_not(revert, original)
    if reason or original is None:
        return rejected(reason or "")
    found = survey(original, workflows)
    ordered = mirrored(found, plan)
    known = scene(found, looks, history(revert, original, earlier), revert.spec.on_missing)
    verdicts = decide_all(ordered, known)
    if verdicts.custom:
        return rejected(refusals.custom_rollbacks([_named(place) for place in verdicts.custom]))
    return _decision([_planned_stage(stage, verdicts) for stage in ordered], verdicts.left_standing)


def rejected(reason: str) -> RevertDecision:
    """Give the decision to touch nothing."""
    message = bounded(reason)
    return RevertDecision(state=with_counts(RunState(phase=Phase.FAILED, message=message)), rejection=message)


def _named(place: Place) -> str:
    return refusals.custom_rollback(place.candidate.action.name, place.candidate.dr_workflow)


def _decision(stages: Sequence["_PlannedStage"], left_standing: list[str]) -> RevertDecision:
    state = RunState(phase=Phase.PENDING, stage_statuses=[stage.node for stage in stages], left_standing=left_standing)
    return RevertDecision(state=with_counts(state), steps=[stage.steps for stage in stages])


@dataclass(frozen=True)
class _PlannedStage:
    node: StageStatus
    steps: list[Steps]


@dataclass(frozen=True)
class _PlannedWorkflow:
    node: WorkflowExecutionStatus
    steps: Steps


def _planned_stage(stage: PlacedStage, verdicts: Verdicts) -> _PlannedStage:
    """Plan a stage; it is Skipped where it did not succeed, or where everything in it was done before."""
    skipped = None if stage.node.phase is Phase.SUCCEEDED else messages.original_stage_was(stage.node.phase)
    planned = [_planned_workflow(workflow, verdicts, skipped) for workflow in stage.workflows]
    message = skipped or _done_before([(workflow.node.phase, workflow.node.message) for workflow in planned])
    node = StageStatus(
        name=stage.node.name,
        phase=Phase.SKIPPED if message else Phase.PENDING,
        workflow_executions=[workflow.node for workflow in planned],
        **_given(message=message, parallel=stage.node.parallel or None),
    )
    return _PlannedStage(node, [workflow.steps for workflow in planned])


def _given(**fields: object) -> dict[str, object]:
    """Leave out what is None: what was never set is never sent."""
    return {name: value for name, value in fields.items() if value is not None}


def _planned_workflow(workflow: PlacedWorkflow, verdicts: Verdicts, stage_skipped: str | None) -> _PlannedWorkflow:
    """Plan a workflow; `stage_skipped` is the message of a stage that is skipped whole."""
    phase, ref = workflow.node.phase, workflow.node.workflow_ref
    skipped = stage_skipped if phase is Phase.SUCCEEDED else messages.original_workflow_was(phase)
    planned = [_planned_action(place, verdicts, skipped) for place in workflow.places]
    message = skipped or _done_before([(action.phase, action.message) for action, _ in planned])
    node = WorkflowExecutionStatus(
        workflow_ref=ObjectName(name=ref.name, namespace=ref.in_namespace),
        phase=Phase.SKIPPED if message else Phase.PENDING,
        progress=messages.progress(OperationType.REVERT, 0, len(planned)),
        action_statuses=[action for action, _ in planned],
        **_given(message=message),
    )
    return _PlannedWorkflow(node, [step for _, step in planned])


def _done_before(children: Sequence[tuple[Phase, str | None]]) -> str | None:
    """Say which earlier Reverts did a part, where nothing in it is left to do; None otherwise."""
    if any(phase is Phase.PENDING for phase, _ in children):
        return None
    reverts = dict.fromkeys(name for _, message in children for name in messages.rolled_back_by(message))
    return bounded(messages.already_rolled_back(list(reverts))) if reverts else None


def _planned_action(
    place: Place, verdicts: Verdicts, part_skipped: str | None
) -> tuple[ActionStatus, RollbackStep | None]:
    """Plan an action: its node, and a step where it is Pending."""
    action, verdict = place.candidate.action, verdicts.of.get(place.key)
    if action.phase is not Phase.SUCCEEDED:
        return _action(place, messages.ORIGINAL_ACTION_NOT_SUCCEEDED), None
    if verdict is None:
        return _action(place, part_skipped or ""), None
    if isinstance(verdict, Nothing):
        return _action(place, verdict.message), None
    attempts = attempts_of(place.candidate.definition)
    step = RollbackStep(**_given(attempts=attempts), **_content(verdict))
    return _action(place, None), step


def _content(verdict: Deletions | Refused) -> dict[str, object]:
    """Give what a step does: a refusal stands for a failure that is certain already."""
    if isinstance(verdict, Refused):
        return {"refusal": verdict.refusal}
    return {"deletions": list(verdict.items)}


def _action(place: Place, skipped: str | None) -> ActionStatus:
    """Give an action's node: Skipped with that message, else Pending."""
    return ActionStatus(
        name=place.candidate.action.name,
        phase=Phase.PENDING if skipped is None else Phase.SKIPPED,
        retries=0,
        retry_count=0,
        **_given(type=place.candidate.type, message=None if skipped is None else bounded(skipped)),
    )
