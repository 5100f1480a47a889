"""Two ways to show a run as it goes: a picture that changes in place, and lines for a log."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime

from rich.console import Console
from rich.live import Live

from api.execution import DRPlanExecution
from cli.changes import changes
from cli.tree import tree

Show = Callable[[DRPlanExecution], None]


@contextmanager
def view(console: Console) -> Iterator[Show]:
    """Give a function that shows the newest state of one execution; the last picture stays."""
    with _picture(console) if console.is_terminal else _lines(console) as show:
        yield show


@contextmanager
def _picture(console: Console) -> Iterator[Show]:
    with Live(console=console, refresh_per_second=10) as live:
        yield lambda execution: live.update(tree(execution), refresh=True)


@contextmanager
def _lines(console: Console) -> Iterator[Show]:
    last: list[DRPlanExecution] = []

    def show(execution: DRPlanExecution) -> None:
        now = datetime.now().astimezone()
        for line in changes(last[-1] if last else None, execution):
            console.print(f"{now:%H:%M:%S}  {line}", markup=False, highlight=False, soft_wrap=True)
        last[:] = [execution]

    yield show
    if last:
        console.print(tree(last[-1]))
