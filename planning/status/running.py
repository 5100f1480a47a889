"""What of an execution runs, from its tree: its actions, and its message, which names the deepest part at work.

Source: docs/spec/drplanexecution.md, "While it runs".
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from api.nodes import ActionStatus, StageStatus, WorkflowExecutionStatus
from api.phases import Phase
from api.reasons import Reason
from api.tree import ExecutionTree
from planning.definitions import identifiers
from planning.messages import running as running_messages

_TELLING = (Reason.AWAITING_DECISION, Reason.PAUSED, Reason.RETRYING, Reason.ATTEMPT_LOST)
"""Why an action does not advance, the most important reason first."""


@dataclass(frozen=True)
class RunningAction:
    """An action that runs, and the workflow of its DRWorkflow."""

    path: str
    """As `stage/workflow/action`."""
    workflow_id: str
    index: int
    """Place of the action in its workflow."""
    node: ActionStatus


def running_actions(tree: ExecutionTree, root: str) -> Iterator[RunningAction]:
    """Yield them in the tree's order; `root` is the root's workflow id."""
    for stage_place, stage in enumerate(tree.stages):
        for place, workflow in enumerate(stage.workflows):
            name = workflow.workflow_ref.name
            for index, action in enumerate(workflow.actions):
                if action.phase is Phase.RUNNING:
                    stage_id = identifiers.stage_id(root, stage_place, stage.name)
                    run = identifiers.workflow_id(stage_id, place, name)
                    yield RunningAction(f"{stage.name}/{name}/{action.name}", run, index, action)


def current_part(stages: Sequence[StageStatus]) -> str:
    """Say what runs now; of parts that run in parallel, their number and the one that most needs a look."""
    running = next((stage for stage in stages if stage.phase is Phase.RUNNING), None)
    if running is None:
        waiting = next((one for one in stages if one.phase is Phase.PENDING and one.reason), None)
        if waiting is not None:
            return running_messages.at(running_messages.part(waiting.name), waiting.message or "")
        over = sum(stage.phase.terminal for stage in stages)
        return running_messages.ended(over, len(stages), "stage")
    return _in_stage(running)


def _in_stage(stage: StageStatus) -> str:
    path = running_messages.part(stage.name)
    running = [workflow for workflow in stage.workflows if workflow.phase is Phase.RUNNING]
    if not running:
        over = sum(workflow.phase.terminal for workflow in stage.workflows)
        return running_messages.at(path, running_messages.ended(over, len(stage.workflows), "workflow"))
    if len(running) == 1:
        return _in_workflow(stage, running[0])
    number = running_messages.at(path, running_messages.several(len(running), len(stage.workflows), "workflow"))
    actions = [(workflow, action) for workflow in running for action in _running(workflow)]
    return _with_most_telling(number, stage, actions)


def _in_workflow(stage: StageStatus, workflow: WorkflowExecutionStatus) -> str:
    path, running = running_messages.part(stage.name, workflow.workflow_ref.name), _running(workflow)
    if not running:
        over = sum(action.phase.terminal for action in workflow.actions)
        return running_messages.at(path, running_messages.ended(over, len(workflow.actions), "action"))
    if len(running) == 1:
        return _action(stage, workflow, running[0])
    number = running_messages.at(path, running_messages.several(len(running), len(workflow.actions), "action"))
    return _with_most_telling(number, stage, [(workflow, action) for action in running])


def _with_most_telling(
    number: str, stage: StageStatus, actions: Sequence[tuple[WorkflowExecutionStatus, ActionStatus]]
) -> str:
    """Name the action that most needs a look after the number of parts; one without a message tells nothing."""
    telling = [(workflow, action) for workflow, action in actions if action.message]
    if not telling:
        return number
    workflow, action = min(
        telling, key=lambda one: _TELLING.index(one[1].reason) if one[1].reason in _TELLING else len(_TELLING)
    )
    return running_messages.joined([number, _action(stage, workflow, action)])


def _running(workflow: WorkflowExecutionStatus) -> list[ActionStatus]:
    return [action for action in workflow.actions if action.phase is Phase.RUNNING]


def _action(stage: StageStatus, workflow: WorkflowExecutionStatus, action: ActionStatus) -> str:
    path = running_messages.part(stage.name, workflow.workflow_ref.name, action.name)
    return running_messages.at(path, action.message or running_messages.RUNNING)
