"""The status of an execution as a tree for a terminal: a model in, a rich renderable out.

It shows the messages of the object and adds none.
"""

from typing import assert_never

from rich.text import Text
from rich.tree import Tree

from api.execution import DRPlanExecution
from api.phases import Phase


def sign(phase: Phase | None) -> tuple[str, str]:
    """Return the symbol of a phase and its colour by the name that rich has for it."""
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
    """Return the whole status as a tree: stages, their workflows, their actions, in the order of the object."""
    status = execution.status
    done = f"{status.progress.actions} actions" if status.progress else None
    facts = [execution.spec.operation_type.value, execution.spec.plan_ref, done, status.duration]
    root = _line(status.phase, execution.metadata.name or "", facts, status.message)
    plan = Tree(root, guide_style="bright_black")
    for stage in status.stages:
        facts = ["parallel" if stage.parallel else None, stage.duration]
        of_stage = plan.add(_line(stage.phase, stage.name, facts, stage.message))
        for workflow in stage.workflows:
            facts = [workflow.progress, workflow.duration]
            of_workflow = of_stage.add(_line(workflow.phase, workflow.workflow_ref.name, facts, workflow.message))
            for action in workflow.actions:
                text = action.message or (action.type.value if action.type else None)
                of_workflow.add(_line(action.phase, action.name, [], text))
    return plan


def _line(phase: Phase | None, name: str, facts: list[str | None], message: str | None) -> Text:
    symbol, colour = sign(phase)
    line = Text.assemble((symbol, colour), " ", (name, colour if phase is Phase.RUNNING else "bold"))
    for fact in facts:
        if fact:
            line.append(f"  {fact}", "cyan")
    if message:
        line.append(f"  {message}", "red" if phase is Phase.FAILED else "bright_black")
    line.no_wrap = True
    line.overflow = "ellipsis"
    return line
