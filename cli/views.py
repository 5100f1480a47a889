"""Two views of an execution while it runs: a tree that is updated in place, and lines for a log."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime

from rich.console import Console
from rich.live import Live

from api.execution import DRPlanExecution, ExecutionStatus
from api.phases import Phase
from cli.tree import tree

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
