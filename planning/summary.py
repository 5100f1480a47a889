"""Counts over the tree. Zeros are written out. Source: docs/spec/drplanexecution.md, "summary"."""

from collections import Counter
from collections.abc import Iterable, Sequence

from api.execution import Progress, StageStatus, Summary
from api.phases import Phase


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
