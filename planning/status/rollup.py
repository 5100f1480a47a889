"""Children's phases to their parent's, with its message, and the failure policies: stop or go on.

Source: docs/spec/drplanexecution.md, "Phases"; docs/spec/drplan.md, "When something fails".
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, Literal

from api.nodes import ActionStatus, StageStatus, WorkflowExecutionStatus
from api.phases import OperationType, Phase, PlanFailurePolicy, StageFailurePolicy, WorkflowFailurePolicy
from api.reasons import Cause, Reason
from api.steps import RollbackStep
from api.tree import RunState, Summary
from planning.definitions.dependencies import Needs
from planning.messages import rejections as rejection_messages
from planning.messages import tree as tree_messages
from planning.messages.text import bounded, placed

_BROKEN = (Phase.FAILED, Phase.CANCELED)
"""Phases of a part that ended other than it should."""


def rollup(phases: Iterable[Phase], canceled: bool = False) -> Phase:
    """Return a begun parent's phase. A failed child makes it Failed in every case, a cancel Canceled.

    A parent all of whose children were Skipped is Succeeded: it had nothing to do.
    """
    seen = frozenset(phases)
    if Phase.FAILED in seen:
        return Phase.FAILED
    if canceled or Phase.CANCELED in seen:
        return Phase.CANCELED
    if any(not phase.terminal for phase in seen):
        return Phase.RUNNING
    return Phase.SUCCEEDED


# What starts.


def may_start_next(policy: WorkflowFailurePolicy | StageFailurePolicy, phases: Iterable[Phase]) -> bool:
    """Tell whether a workflow goes on after these phases of its actions, or a stage after those of its workflows."""
    if policy in (WorkflowFailurePolicy.CONTINUE, StageFailurePolicy.CONTINUE):
        return True
    return not any(phase in _BROKEN for phase in phases)


def cancels_siblings(policy: StageFailurePolicy) -> bool:
    """Tell whether a failed workflow of a parallel stage cancels those that run beside it."""
    return policy is StageFailurePolicy.FAIL_FAST


def may_start_stage(policy: PlanFailurePolicy, stages: Sequence[StageStatus], index: int) -> bool:
    """Tell whether an Execute starts the stage at `index` of `stages`, the earlier ones having ended.

    Stop: only while nothing failed. Continue: whatever does not depend on a failed stage.
    """
    if policy is PlanFailurePolicy.CONTINUE:
        return blocking_stage(stages, index) is None
    return not any(stage.phase in _BROKEN for stage in stages[:index])


def blocking_stage(stages: Sequence[StageStatus], index: int) -> str | None:
    """Return the name of a dependency, direct or not, that did not succeed; None where there is none.

    A stage that was skipped in its turn does not hide the one that failed.
    """
    by_name = {stage.name: stage for stage in stages}
    waiting, seen, blocked = list(stages[index].depends_on or []), {stages[index].name}, None
    while waiting:
        name = waiting.pop(0)
        if name in seen or name not in by_name:
            continue
        seen.add(name)
        if by_name[name].phase in _BROKEN:
            return name
        blocked = blocked or (name if by_name[name].phase is not Phase.SUCCEEDED else None)
        waiting.extend(by_name[name].depends_on or [])
    return blocked


# Why something did not start.


def failed_needs(actions: Sequence[ActionStatus], needs: Needs) -> dict[int, str]:
    """Return for each action that waits for a Failed one, directly or not, the name of the first such.

    What lies between may have been skipped by its condition: it passes on what it waits for. `needs` names
    only places that come before, as in the order in which the actions run.
    """
    failed = {index: action.name for index, action in enumerate(actions) if action.phase is Phase.FAILED}
    blocked: dict[int, str] = {}
    for index, before in enumerate(needs):
        names = [failed.get(place) or blocked.get(place) for place in sorted(before)]
        name = next(filter(None, names), None)
        if name is not None and actions[index].phase in (Phase.PENDING, Phase.SKIPPED):
            blocked[index] = name
    return blocked


def stop_cause(
    operation: OperationType, nodes: Sequence[WorkflowExecutionStatus] | Sequence[StageStatus], canceled: bool
) -> Cause:
    """Say why the Pending siblings of `nodes` are not reached: the first failure, else the cancel."""
    for node in nodes:
        for action in node.actions:
            if action.phase is Phase.FAILED:
                return tree_messages.not_attempted_after(operation, action.name)
    broken = next((node for node in nodes if node.phase is Phase.FAILED), None)
    if broken is None or canceled:
        return tree_messages.NOT_ATTEMPTED_CANCELED
    part = f"stage {broken.name}" if isinstance(broken, StageStatus) else f"workflow {broken.workflow_ref.name}"
    return tree_messages.not_attempted_broken(part)


# How a parent ended.


def part_end(
    phase: Phase, operation: OperationType, part: Literal["Workflow", "Stage"], children: Sequence[tuple[str, Phase]]
) -> dict[str, Any]:
    """Return phase, reason and message of a workflow or a stage, whose children have these names and phases.

    Reason and message are None while it has not ended.
    """
    reason: Reason | None = None
    message: str | None = None
    if phase is Phase.SUCCEEDED:
        reason = Reason.ROLLED_BACK if operation is OperationType.REVERT else Reason.EXECUTED
        message = tree_messages.part_succeeded(operation, part)
    elif phase is Phase.CANCELED:
        reason = Reason.CANCELED
        done = sum(ended is Phase.SUCCEEDED for _, ended in children)
        message = tree_messages.part_canceled(operation, part, done, len(children))
    elif phase is Phase.FAILED:
        child, reason = ("action", Reason.ACTION_FAILED) if part == "Workflow" else ("workflow", Reason.WORKFLOW_FAILED)
        failed = next(name for name, ended in children if ended is Phase.FAILED)
        message = bounded(tree_messages.part_failed(operation, child, failed))
    return {"phase": phase, "reason": reason, "message": message}


def plan_message(phase: Phase, operation: OperationType, state: RunState) -> str | None:
    """Say how a plan's run ended; None while it has not. A stage in which nothing was done is not counted as done."""
    stages = state.stages
    done = [sum(action.phase is Phase.SUCCEEDED for action in stage.actions) for stage in stages]
    whole = sum(stage.phase is Phase.SUCCEEDED and number > 0 for stage, number in zip(stages, done, strict=True))
    if phase is Phase.FAILED:
        failed = next(stage for stage in stages if stage.phase is Phase.FAILED)
        return bounded(tree_messages.plan_failed(operation, failed.name, _failure_chain(failed)))
    if phase is Phase.CANCELED:
        total = sum(len(stage.actions) for stage in stages)
        return tree_messages.plan_canceled(operation, (whole, len(stages)), (sum(done), total))
    if phase is not Phase.SUCCEEDED:
        return None
    if operation is OperationType.EXECUTE:
        skipped = sum(stage.phase is Phase.SKIPPED for stage in stages)
        return tree_messages.plan_executed(whole, sum(done), skipped)
    standing = (len(state.left_standing) - state.unread, state.unread)
    message = bounded(_reverted(stages, whole, sum(done))) + tree_messages.left_standing(
        *standing, _skipped_alone(stages)
    )
    later = [one.name for one in state.later_executions or []]
    return f"{message}{rejection_messages.later_in_effect(later)}" if later else message


def _failure_chain(stage: StageStatus) -> list[str]:
    """Return the messages from a failed stage down to the action that made it fail."""
    workflow = next((node for node in stage.workflows if node.phase is Phase.FAILED), None)
    action = next((one for one in workflow.actions if one.phase is Phase.FAILED), None) if workflow else None
    return [node.message for node in (stage, workflow, action) if node is not None and node.message]


def _reverted(stages: Sequence[StageStatus], whole: int, done: int) -> str:
    """Say what was taken back, or why there was nothing to take back."""
    actions = [action for stage in stages for action in stage.actions]
    skipped_stages = sum(stage.phase is Phase.SKIPPED for stage in stages)
    if done:
        hooks = sum(action.reason is Reason.ROLLBACK_HOOK_EXECUTED for action in actions)
        return tree_messages.plan_reverted(whole, done - hooks, skipped_stages, _skipped_alone(stages), hooks)
    skipped = [action for action in actions if action.phase is Phase.SKIPPED]
    earlier = dict.fromkeys(name for action in skipped for name in action.rolled_back_by or [])
    if earlier:
        absent = sum(action.reason is Reason.ALREADY_ABSENT for action in skipped)
        return tree_messages.nothing_left(list(earlier), absent)
    return tree_messages.nothing_to_revert(len(skipped), skipped_stages)


def _skipped_alone(stages: Sequence[StageStatus]) -> int:
    """Count the actions that were skipped in stages that were not; none where nothing was done."""
    begun = [action for stage in stages if stage.phase is not Phase.SKIPPED for action in stage.actions]
    done = any(action.phase is Phase.SUCCEEDED for action in begun)
    return sum(action.phase is Phase.SKIPPED for action in begun) if done else 0


def not_deleted(
    stages: Sequence[StageStatus], steps: Sequence[Sequence[Sequence[RollbackStep | None]]]
) -> list[str] | None:
    """Name the objects that a Revert was to delete and did not: `steps` has one for each action of the tree.

    Of an action with several objects all are named where it did not succeed; so is one that could not be read. A
    workflow whose list of actions was lost counts as a whole.
    """
    found = []
    for stage, rows in zip(stages, steps, strict=False):
        for workflow, row in zip(stage.workflows, rows, strict=False):
            phases = [action.phase for action in workflow.actions]
            if len(phases) != len(row):
                phases = [workflow.phase] * len(row)
            for phase, step in zip(phases, row, strict=True):
                if step is not None and phase is not Phase.SUCCEEDED:
                    found += [placed(deletion.target) for deletion in step.deletions]
                    if step.refusal is not None and step.refusal.may_exist is not None:
                        found.append(placed(step.refusal.may_exist))
    return list(dict.fromkeys(found)) or None


# Counts.


def summarize(stages: Sequence[StageStatus]) -> Summary:
    """Count stages, workflows and actions by phase."""
    of_stages = Counter(stage.phase for stage in stages)
    of_workflows = Counter(node.phase for stage in stages for node in stage.workflows)
    of_actions = Counter(action.phase for stage in stages for action in stage.actions)
    completed_stages = _completed(of_stages)
    completed_workflows = _completed(of_workflows)
    return Summary(
        total_stages=of_stages.total(),
        completed_stages=completed_stages,
        running_stages=of_stages.total() - completed_stages - of_stages[Phase.PENDING],
        pending_stages=of_stages[Phase.PENDING],
        succeeded_stages=of_stages[Phase.SUCCEEDED],
        failed_stages=of_stages[Phase.FAILED],
        skipped_stages=of_stages[Phase.SKIPPED],
        canceled_stages=of_stages[Phase.CANCELED],
        total_workflows=of_workflows.total(),
        completed_workflows=completed_workflows,
        running_workflows=of_workflows.total() - completed_workflows - of_workflows[Phase.PENDING],
        pending_workflows=of_workflows[Phase.PENDING],
        failed_workflows=of_workflows[Phase.FAILED],
        total_actions=of_actions.total(),
        succeeded_actions=of_actions[Phase.SUCCEEDED],
        failed_actions=of_actions[Phase.FAILED],
        skipped_actions=of_actions[Phase.SKIPPED],
        canceled_actions=of_actions[Phase.CANCELED],
    )


def _completed(counts: Counter[Phase]) -> int:
    """Count what is over: succeeded + failed + skipped + canceled."""
    return sum(number for phase, number in counts.items() if phase.terminal)
