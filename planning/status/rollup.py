"""Children's phases to their parent's, and the failure policies: stop or go on.

Source: docs/spec/drplanexecution.md, "Phases"; docs/spec/drplan.md, "When something fails".
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from api.execution import ActionStatus, Progress, RunState, StageStatus, Summary, WorkflowExecutionStatus
from api.phases import OperationType, Phase, PlanFailurePolicy, StageFailurePolicy, WorkflowFailurePolicy
from api.reasons import Cause, Reason
from planning.definitions.dependencies import Needs
from planning.messages import causes
from planning.messages import parents as parent_messages
from planning.messages.actions import bounded


def rollup(phases: Iterable[Phase], canceled: bool = False) -> Phase:
    """Give a begun parent's phase. A failed child makes it Failed in every case, a cancel Canceled.

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


def _broken(phase: Phase) -> bool:
    """Tell whether a part ended other than it should."""
    return phase in (Phase.FAILED, Phase.CANCELED)


def may_start_next_action(policy: WorkflowFailurePolicy, phases: Iterable[Phase]) -> bool:
    """Tell whether an Execute's workflow goes on after these phases of its actions."""
    return policy is WorkflowFailurePolicy.CONTINUE or not any(_broken(phase) for phase in phases)


def may_start_next_workflow(policy: StageFailurePolicy, phases: Iterable[Phase]) -> bool:
    """Tell whether an Execute's stage starts another workflow after these phases of its workflows."""
    return policy is StageFailurePolicy.CONTINUE or not any(_broken(phase) for phase in phases)


def failed_needs(actions: Sequence[ActionStatus], needs: Needs) -> dict[int, str]:
    """Give for each action that waits for a Failed one, directly or not, the name of the first such.

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


def cancels_siblings(policy: StageFailurePolicy) -> bool:
    """Tell whether a failed workflow of a parallel stage cancels those that run beside it."""
    return policy is StageFailurePolicy.FAIL_FAST


def blocking_stage(stages: Sequence[StageStatus], index: int) -> str | None:
    """Give the name of a dependency, direct or not, that did not succeed; None where there is none.

    A stage that was skipped in its turn does not hide the one that failed.
    """
    by_name = {stage.name: stage for stage in stages}
    waiting, seen, blocked = list(stages[index].depends_on or []), {stages[index].name}, None
    while waiting:
        name = waiting.pop(0)
        if name in seen or name not in by_name:
            continue
        seen.add(name)
        if _broken(by_name[name].phase):
            return name
        blocked = blocked or (name if by_name[name].phase is not Phase.SUCCEEDED else None)
        waiting.extend(by_name[name].depends_on or [])
    return blocked


def may_start_stage(policy: PlanFailurePolicy, stages: Sequence[StageStatus], index: int) -> bool:
    """Tell whether an Execute starts the stage at `index` of `stages`, the earlier ones having ended.

    Stop: only while nothing failed. Continue: whatever does not depend on a failed stage.
    """
    if policy is PlanFailurePolicy.CONTINUE:
        return blocking_stage(stages, index) is None
    return not any(_broken(stage.phase) for stage in stages[:index])


def _ended(counts: Counter[Phase]) -> int:
    """Count what is over: succeeded + failed + skipped + canceled."""
    return sum(number for phase, number in counts.items() if phase.terminal)


def _running(counts: Counter[Phase]) -> int:
    """Count what is neither over nor still to begin."""
    return counts.total() - _ended(counts) - counts[Phase.PENDING]


def count(phases: Iterable[Phase]) -> Counter[Phase]:
    """Count phases; absent ones count 0."""
    return Counter(phases)


def summarize(stages: Sequence[StageStatus]) -> Summary:
    """Count stages, workflows and actions by phase."""
    of_stages = count(stage.phase for stage in stages)
    of_workflows = count(node.phase for stage in stages for node in stage.workflows)
    of_actions = count(action.phase for stage in stages for node in stage.workflows for action in node.actions)
    return Summary(
        total_stages=of_stages.total(),
        completed_stages=_ended(of_stages),
        running_stages=_running(of_stages),
        pending_stages=of_stages[Phase.PENDING],
        succeeded_stages=of_stages[Phase.SUCCEEDED],
        failed_stages=of_stages[Phase.FAILED],
        skipped_stages=of_stages[Phase.SKIPPED],
        canceled_stages=of_stages[Phase.CANCELED],
        total_workflows=of_workflows.total(),
        completed_workflows=_ended(of_workflows),
        running_workflows=_running(of_workflows),
        pending_workflows=of_workflows[Phase.PENDING],
        failed_workflows=of_workflows[Phase.FAILED],
        total_actions=of_actions.total(),
        succeeded_actions=of_actions[Phase.SUCCEEDED],
        failed_actions=of_actions[Phase.FAILED],
        skipped_actions=of_actions[Phase.SKIPPED],
        canceled_actions=of_actions[Phase.CANCELED],
    )


def progress_of(summary: Summary) -> Progress:
    """Give completed of total, for columns: `3/5`."""
    actions = summary.succeeded_actions + summary.failed_actions + summary.skipped_actions + summary.canceled_actions
    return Progress(
        stages=f"{summary.completed_stages}/{summary.total_stages}", actions=f"{actions}/{summary.total_actions}"
    )


def first_failed_action(nodes: Iterable[WorkflowExecutionStatus | StageStatus]) -> str | None:
    """Give the name of the first Failed action in tree order; None where there is none."""
    return next((action.name for node in nodes for action in _actions(node) if action.phase is Phase.FAILED), None)


def _actions(node: WorkflowExecutionStatus | StageStatus) -> Iterator[ActionStatus]:
    """Walk the actions below a node."""
    if isinstance(node, WorkflowExecutionStatus):
        yield from node.actions
    else:
        for workflow in node.workflows:
            yield from workflow.actions


def stop_cause(
    operation: OperationType, nodes: Sequence[WorkflowExecutionStatus | StageStatus], canceled: bool
) -> Cause:
    """Say why the Pending siblings of `nodes` are not reached: the first failure, else the cancel."""
    failed = first_failed_action(nodes)
    if failed is not None:
        return causes.not_attempted_after(operation, failed)
    broken = next((node for node in nodes if node.phase is Phase.FAILED), None)
    if broken is not None and not canceled:
        return causes.not_attempted_broken(_titled(broken))
    return causes.NOT_ATTEMPTED_CANCELED


def _titled(node: WorkflowExecutionStatus | StageStatus) -> str:
    """Name a node with its kind: `stage deploy`."""
    return f"stage {node.name}" if isinstance(node, StageStatus) else f"workflow {node.workflow_ref.name}"


def succeeded(nodes: Iterable[ActionStatus | WorkflowExecutionStatus | StageStatus]) -> int:
    """Count the Succeeded among siblings."""
    return sum(node.phase is Phase.SUCCEEDED for node in nodes)


def parent_reason(phase: Phase, operation: OperationType, failed: Reason) -> Reason | None:
    """Say in a word how a workflow or a stage ended, `failed` where something in it did; None while it has not."""
    done = Reason.ROLLED_BACK if operation is OperationType.REVERT else Reason.EXECUTED
    return {Phase.SUCCEEDED: done, Phase.FAILED: failed, Phase.CANCELED: Reason.CANCELED}.get(phase)


def workflow_message(phase: Phase, operation: OperationType, actions: Sequence[ActionStatus]) -> str | None:
    """Say how a workflow ended; None while it has not."""
    if phase is Phase.SUCCEEDED:
        return parent_messages.part_succeeded(operation, "Workflow")
    if phase is Phase.CANCELED:
        return parent_messages.part_canceled(operation, "Workflow", succeeded(actions), len(actions))
    failed = next((action.name for action in actions if action.phase is Phase.FAILED), None)
    return None if failed is None else bounded(parent_messages.part_failed(operation, "action", failed))


def stage_message(phase: Phase, operation: OperationType, nodes: Sequence[WorkflowExecutionStatus]) -> str | None:
    """Say how a stage ended; None while it has not."""
    if phase is Phase.SUCCEEDED:
        return parent_messages.part_succeeded(operation, "Stage")
    if phase is Phase.CANCELED:
        return parent_messages.part_canceled(operation, "Stage", succeeded(nodes), len(nodes))
    failed = next((node.workflow_ref.name for node in nodes if node.phase is Phase.FAILED), None)
    return None if failed is None else bounded(parent_messages.part_failed(operation, "workflow", failed))


def failure_chain(stage: StageStatus) -> list[str]:
    """Give the messages from a failed stage down to the action that made it fail."""
    workflow = next((node for node in stage.workflows if node.phase is Phase.FAILED), None)
    action = next((one for one in workflow.actions if one.phase is Phase.FAILED), None) if workflow else None
    return [node.message for node in (stage, workflow, action) if node is not None and node.message]


def plan_message(phase: Phase, operation: OperationType, state: RunState) -> str | None:
    """Say how a plan's run ended; None while it has not."""
    if phase is Phase.FAILED:
        stage = next(stage for stage in state.stages if stage.phase is Phase.FAILED)
        return bounded(parent_messages.plan_failed(operation, stage.name, failure_chain(stage)))
    if phase is Phase.CANCELED:
        return _canceled(operation, state.stages)
    if phase is not Phase.SUCCEEDED:
        return None
    if operation is OperationType.EXECUTE:
        return _executed(state.stages)
    known = len(state.left_standing) - state.unread
    return bounded(_reverted(state.stages)) + parent_messages.left_standing(known, state.unread)


def _worked(stages: Sequence[StageStatus]) -> tuple[int, int]:
    """Count the stages and actions that did something: a stage with nothing done is not counted."""
    done = [succeeded(_actions(stage)) for stage in stages]
    whole = sum(1 for stage, number in zip(stages, done, strict=True) if stage.phase is Phase.SUCCEEDED and number)
    return whole, sum(done)


def _canceled(operation: OperationType, stages: Sequence[StageStatus]) -> str:
    whole, actions = _worked(stages)
    total = sum(len(workflow.actions) for stage in stages for workflow in stage.workflows)
    return parent_messages.plan_canceled(operation, (whole, len(stages)), (actions, total))


def _executed(stages: Sequence[StageStatus]) -> str:
    whole, actions = _worked(stages)
    return parent_messages.plan_executed(whole, actions, _skipped(stages))


def _skipped(stages: Sequence[StageStatus]) -> int:
    return sum(stage.phase is Phase.SKIPPED for stage in stages)


def _reverted(stages: Sequence[StageStatus]) -> str:
    """Say what was taken back, or why there was nothing to take back."""
    whole, done = _worked(stages)
    if done:
        reasons = [action.reason for stage in stages for action in _actions(stage)]
        hooks = reasons.count(Reason.ROLLBACK_HOOK_EXECUTED)
        return parent_messages.plan_reverted(whole, done - hooks, _skipped(stages), hooks)
    skipped = [action for stage in stages for action in _actions(stage) if action.phase is Phase.SKIPPED]
    earlier = dict.fromkeys(name for action in skipped for name in action.rolled_back_by or [])
    if earlier:
        absent = sum(action.reason is Reason.ALREADY_ABSENT for action in skipped)
        return parent_messages.nothing_left(list(earlier), absent)
    return parent_messages.nothing_to_revert(len(skipped), _skipped(stages))
