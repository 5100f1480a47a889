"""What a workflow, stage or plan says when it has ended, derived from the nodes below it.

Kept apart from progress.py, which moves the phases. Source: docs/spec/drplanexecution.md, "Messages".
"""

from collections.abc import Iterable, Iterator, Sequence

from api.execution import ActionStatus, RunState, StageStatus, WorkflowExecutionStatus
from api.phases import OperationType, Phase
from api.reasons import Cause, Reason
from planning.messages import causes
from planning.messages import parents as parent_messages
from planning.messages.actions import bounded


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
