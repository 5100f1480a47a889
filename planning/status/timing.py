"""How long an execution worked and waited, from the times in its tree alone, so that it can be computed at any moment.

Nothing depends on when it is computed: a status that has not changed has the same timing, and is not written again.
Source: docs/spec/drplanexecution.md, "Timing".
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta

from api.execution import ExecutionStatus
from api.meta import go_duration
from api.nodes import ActionStatus, StageStatus, WorkflowExecutionStatus
from api.phases import Phase
from api.timing import Timing, TimingState, Wait

_OPEN = datetime.max.replace(tzinfo=UTC)
"""The end of what still goes on."""

Span = tuple[datetime, datetime]


def timing_of(status: ExecutionStatus) -> Timing | None:
    """Return how long an execution has worked and waited; None for one that has done neither."""
    queued, start, end = status.queued_at, status.start_time, status.completion_time
    began = start or end
    turn = max(began - queued, timedelta()) if queued and began else timedelta()
    if start is None:
        if queued is None:
            return None
        current = TimingState.WAITING_FOR_TURN if end is None else None
        return Timing(waiting_for_turn=go_duration(turn), current=current, since=queued if current else None)
    people = _waits_for_people(status, start, end or _OPEN)
    waits_now = end is None and bool(people) and people[-1][1] == _OPEN
    over = people[:-1] if waits_now else people
    waited = sum((until - since for since, until in over), timedelta())
    if end is not None:
        counted_to, current = max(end, start), None
    elif waits_now:
        counted_to, current = people[-1][0], TimingState.WAITING_FOR_PEOPLE
    else:
        counted_to, current = over[-1][1] if over else start, TimingState.WORKING
    return Timing(
        working=go_duration(counted_to - start - waited),
        waiting_for_people=go_duration(waited),
        waiting_for_turn=go_duration(turn),
        current=current,
        since=counted_to if current else None,
    )


def _waits_for_people(status: ExecutionStatus, start: datetime, end: datetime) -> list[Span]:
    """Return when no action ran and something waited for a person; what waited in parallel is there once."""
    waits = _union(_all_waits(status), start, end)
    if not waits:
        return []
    ran = (span for stage in status.stages for span in _ran(stage))
    return list(_without(waits, _union(ran, start, end)))


def _all_waits(status: ExecutionStatus) -> Iterator[Span]:
    yield from map(_span, status.pauses or [])
    if status.paused is not None:
        yield status.paused.since, _OPEN
    for stage in status.stages:
        yield from map(_span, stage.waits or [])
        yield from (span for action in stage.actions for span in _decisions(action))


def _span(wait: Wait) -> Span:
    return wait.since, wait.until or _OPEN


def _decisions(action: ActionStatus) -> list[Span]:
    """Return when an action waited for a decision; a wait that its run did not see the end of ends with the action."""
    return [(wait.since, wait.until or action.completion_time or _OPEN) for wait in action.waits or []]


def _ran(stage: StageStatus) -> Iterator[Span]:
    """Yield when actions ran, the pauses between their attempts included.

    Where the times of actions were left out of a large tree, all of the time of their workflow counts.
    """
    for workflow in stage.workflows:
        begun = [action for action in workflow.actions if action.phase not in (Phase.PENDING, Phase.SKIPPED)]
        if not workflow.actions or any(action.start_time is None for action in begun):
            yield from _lasted(workflow)
        for action in workflow.actions:
            yield from _without(_lasted(action), _decisions(action))
    if not stage.workflows:
        yield from _lasted(stage)


def _lasted(node: ActionStatus | WorkflowExecutionStatus | StageStatus) -> list[Span]:
    return [] if node.start_time is None else [(node.start_time, node.completion_time or _OPEN)]


def _union(spans: Iterable[Span], start: datetime, end: datetime) -> list[Span]:
    """Return what lies in any of the spans and between two times, as spans in order that do not touch."""
    joined: list[Span] = []
    for since, until in sorted((max(since, start), min(until, end)) for since, until in spans):
        if since >= until:
            continue
        if joined and since <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], until))
        else:
            joined.append((since, until))
    return joined


def _without(spans: Iterable[Span], others: Iterable[Span]) -> Iterator[Span]:
    """Yield what lies in some spans and in none of the others; both are in order and do not overlap."""
    rest = list(others)
    for since, until in spans:
        for begin, finish in rest:
            if begin < until and finish > since:
                if since < begin:
                    yield since, begin
                since = min(finish, until)
        if since < until:
            yield since, until
