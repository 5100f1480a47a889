"""From the status of an execution to the rows of its page: the tree, with the time of each part as a bar.

Source: docs/view.md.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from api.execution import DRPlanExecution
from api.meta import go_duration
from api.nodes import ActionStatus, StageStatus, WorkflowExecutionStatus
from api.phases import Phase

ROWS = 400
"""Rows on one page; stages beyond are shown without what is below them, each with a page of its own."""
WIDTH = 1000
"""Units of a bar: the time from the start of the execution to its end, or to now."""


@dataclass(frozen=True)
class Bar:
    """When a part ran, in units of WIDTH."""

    start: int
    length: int


@dataclass(frozen=True)
class Row:
    """A stage, a workflow or an action."""

    level: int
    name: str
    phase: Phase
    detail: str
    """Type or progress."""
    message: str
    start: datetime | None
    duration: str
    retries: int
    bar: Bar | None
    hidden: int = 0
    """Parts below it that are not shown."""
    index: int | None = None
    """Of a stage: its place."""


@dataclass(frozen=True)
class _Span:
    begin: datetime
    end: datetime

    def bar(self, start: datetime | None, end: datetime | None) -> Bar | None:
        if start is None or self.end <= self.begin:
            return None
        whole = (self.end - self.begin).total_seconds()
        first = round(WIDTH * max((start - self.begin).total_seconds(), 0) / whole)
        last = round(WIDTH * min(((end or self.end) - self.begin).total_seconds(), whole) / whole)
        first = min(first, WIDTH - 4)
        return Bar(first, max(last - first, 4))


def rows(execution: DRPlanExecution, now: datetime, only_stage: int | None = None, skip: int = 0) -> list[Row]:
    """Return the rows of an execution's page, or of one stage from its `skip`-th workflow or action on."""
    # What has ended shows the same whenever it is looked at.
    now = execution.status.completion_time or now
    span = _span(execution, now)
    stages = list(enumerate(execution.status.stages))
    if only_stage is not None:
        [(index, stage)] = stages[only_stage : only_stage + 1]
        whole = list(_stage_rows(index, stage, span, now))
        return [whole[0], *whole[1 + skip : 1 + skip + ROWS]]
    shown: list[Row] = []
    room = ROWS - len(stages)
    # What runs or has failed is shown first where there is not room for all.
    by_interest = sorted(stages, key=lambda each: each[1].phase not in (Phase.RUNNING, Phase.FAILED))
    open_stages = set()
    for index, stage in by_interest:
        room -= (below := _below(stage))
        if room >= 0:
            open_stages.add(index)
        else:
            room += below
    for index, stage in stages:
        parts = (
            list(_stage_rows(index, stage, span, now)) if index in open_stages else [_closed(index, stage, span, now)]
        )
        shown += parts
    return shown[:ROWS]


def _below(stage: StageStatus) -> int:
    return len(stage.workflows) + len(stage.actions)


def _span(execution: DRPlanExecution, now: datetime) -> _Span:
    status = execution.status
    begin = status.start_time or now
    return _Span(begin, max(status.completion_time or now, begin + timedelta(seconds=1)))


def _stage_rows(index: int, stage: StageStatus, span: _Span, now: datetime) -> Iterator[Row]:
    order = ", in parallel" if stage.parallel else ", one after the other"
    count = len(stage.workflows)
    detail = "1 workflow" if count == 1 else f"{count} workflows{order}"
    yield _row(1, stage.name, stage, detail, span, now, index=index)
    for workflow in stage.workflows:
        name = f"{workflow.workflow_ref.in_namespace}/{workflow.workflow_ref.name}"
        yield _row(2, name, workflow, workflow.progress or "", span, now)
        for action in workflow.actions:
            yield _row(3, action.name, action, str(action.type or ""), span, now)


def _closed(index: int, stage: StageStatus, span: _Span, now: datetime) -> Row:
    actions = stage.actions
    done = sum(action.phase is Phase.SUCCEEDED for action in actions)
    detail = f"{done} of {len(actions)} actions succeeded"
    return _row(1, stage.name, stage, detail, span, now, index=index, hidden=_below(stage))


def _row(
    level: int,
    name: str,
    node: StageStatus | WorkflowExecutionStatus | ActionStatus,
    detail: str,
    span: _Span,
    now: datetime,
    index: int | None = None,
    hidden: int = 0,
) -> Row:
    end = node.completion_time or (now if node.phase is Phase.RUNNING else node.start_time)
    seconds = round((end - node.start_time).total_seconds()) if node.start_time and end else None
    return Row(
        level=level,
        name=name,
        phase=node.phase,
        detail=detail,
        message=node.message or "",
        start=node.start_time,
        duration="" if seconds is None else go_duration(timedelta(seconds=max(seconds, 0))),
        retries=(node.retries or node.retry_count or 0) if isinstance(node, ActionStatus) else 0,
        bar=span.bar(node.start_time, end),
        hidden=hidden,
        index=index,
    )
