"""An execution's status as a picture for a terminal. Pure: a model in, a rich renderable out.

It shows what the object says and adds no words of its own.
"""

from typing import assert_never

from rich.text import Text
from rich.tree import Tree

from api.execution import ActionStatus, DRPlanExecution, StageStatus, WorkflowExecutionStatus
from api.phases import Phase


def sign(phase: Phase | None) -> tuple[str, str]:
    """Return the sign of a phase and its colour, as rich names colours."""
    match phase:
        case Phase.SUCCEEDED:
            return "✔", "green"
        case Phase.FAILED:
            return "✘", "bold red"
        case Phase.RUNNING:
            return "▶", "bold cyan"
        case Phase.CANCELED:
            return "■", "yellow"
        case Phase.SKIPPED:
            return "↷", "yellow"
        case Phase.PENDING | None:
            return "○", "bright_black"
        case Phase.UNKNOWN:
            return "?", "bright_black"
        case _:
            assert_never(phase)


def tree(execution: DRPlanExecution) -> Tree:
    """Draw the whole status: stages, their workflows, their actions, in the order of the object."""
    status = execution.status
    done = f"{status.progress.actions} actions" if status.progress else None
    facts = [execution.spec.operation_type.value, execution.spec.plan_ref, done, status.duration]
    picture = Tree(
        _line(status.phase, execution.metadata.name or "", facts, status.message), guide_style="bright_black"
    )
    for stage in status.stages:
        _add_stage(picture, stage)
    return picture


def _add_stage(parent: Tree, stage: StageStatus) -> None:
    facts = ["parallel" if stage.parallel else None, stage.duration]
    branch = parent.add(_line(stage.phase, stage.name, facts, stage.message))
    for workflow in stage.workflows:
        _add_workflow(branch, workflow)


def _add_workflow(parent: Tree, workflow: WorkflowExecutionStatus) -> None:
    facts = [workflow.progress, workflow.duration]
    branch = parent.add(_line(workflow.phase, workflow.workflow_ref.name, facts, workflow.message))
    for action in workflow.actions:
        branch.add(_action(action))


def _action(action: ActionStatus) -> Text:
    return _line(action.phase, action.name, [], action.message or (action.type.value if action.type else None))


def _line(phase: Phase | None, name: str, facts: list[str | None], message: str | None) -> Text:
    mark, colour = sign(phase)
    line = Text.assemble((mark, colour), " ", (name, colour if phase is Phase.RUNNING else "bold"))
    for fact in facts:
        if fact:
            line.append(f"  {fact}", "cyan")
    if message:
        line.append(f"  {message}", "red" if phase is Phase.FAILED else "bright_black")
    line.no_wrap = True
    line.overflow = "ellipsis"
    return line
