"""Two views of an execution while it runs: a tree that is updated in place, and lines for a log."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import assert_never

from rich.console import Console
from rich.live import Live
from rich.text import Text
from rich.tree import Tree

from api.execution import DRPlanExecution, ExecutionStatus
from api.phases import Phase
from planning.status.rollup import summarize
from planning.status.transitions import progress_of

Show = Callable[[DRPlanExecution], None]
State = tuple[Phase | None, str | None]


@contextmanager
def view(console: Console) -> Iterator[Show]:
    """Return a function that shows the newest state of one execution; the last tree remains on the console."""
    if console.is_terminal:
        with Live(console=console, refresh_per_second=10) as live:
            yield lambda execution: live.update(tree(execution), refresh=True)
        return
    last: DRPlanExecution | None = None

    def show(execution: DRPlanExecution) -> None:
        nonlocal last
        now = datetime.now().astimezone()
        for line in changes(last, execution):
            console.print(f"{now:%H:%M:%S}  {line}", markup=False, highlight=False, soft_wrap=True)
        last = execution

    yield show
    if last is not None:
        console.print(tree(last))


def changes(old: DRPlanExecution | None, new: DRPlanExecution) -> list[str]:
    """Return a line for every node whose phase or message has changed, in the order of the tree.

    Nodes that are Pending from the beginning are left out: they are the plan, not news.
    """
    before = _states(old) if old else {}
    return [
        f"{path}: {phase.value if phase else 'new'}{f'  {message}' if message else ''}"
        for path, (phase, message) in _states(new).items()
        if (phase, message) != before.get(path) and (path in before or phase not in (Phase.PENDING, None))
    ]


def _states(execution: DRPlanExecution) -> dict[str, State]:
    root, status = execution.metadata.name or "", execution.status
    return {root: (status.phase, status.message), **{f"{root}/{path}": state for path, state in _nodes(status)}}


def _nodes(status: ExecutionStatus) -> Iterator[tuple[str, State]]:
    for stage in status.stages:
        yield stage.name, (stage.phase, stage.message)
        # With its place, because a stage may run one DRWorkflow twice.
        for place, workflow in enumerate(stage.workflows):
            path = f"{stage.name}/{place}-{workflow.workflow_ref.name}"
            yield path, (workflow.phase, workflow.message)
            for action in workflow.actions:
                yield f"{path}/{action.name}", (action.phase, action.message)


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
    facts = [execution.spec.operation_type.value, execution.spec.plan_ref, _actions_done(status), status.duration]
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
    for step in status.next_steps or []:
        advice = plan.add(Text.assemble(("→", "yellow"), f" {step.why}: {step.what}"))
        if step.command:
            advice.add(Text(step.command, style="cyan"))
    return plan


def _actions_done(status: ExecutionStatus) -> str | None:
    """Say how many actions succeeded, by the tree that is drawn below; a tree that was cut has its summary."""
    counts = summarize(status.stages)
    if status.summary is not None and status.summary.total_actions > counts.total_actions:
        counts = status.summary
    return f"{progress_of(counts).actions} actions" if counts.total_actions else None


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
