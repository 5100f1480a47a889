"""Children's phases to their parent's, and the failure policies: stop or go on.

Source: docs/spec/drplanexecution.md, "Phases"; docs/spec/drplan.md, "When something fails".
"""

from collections import Counter
from collections.abc import Iterable, Sequence

from api.execution import ActionStatus, Progress, StageStatus, Summary
from api.phases import Phase, PlanFailurePolicy, StageFailurePolicy, WorkflowFailurePolicy
from planning.definitions.dependencies import Needs


def rollup(phases: Iterable[Phase], canceled: bool = False) -> Phase:
    """Give a begun parent's phase. A failed child makes it Failed in every case, a cancel Canceled.

    A parent all of whose children were Skipped is Succeeded: it had nothing to do.
    """
    seen = frozenset(phases)
    if Phase.FAILED in seen:
        return Phase.FAILED
    if canceled or Phase.CANCELED in seen:
        return Phase.CANCELED
    if any(not phase.terminal for phase in seen):
        return Phase.RUNNING
    return Phase.SUCCEEDED


def _broken(phase: Phase) -> bool:
    """Tell whether a part ended other than it should."""
    return phase in (Phase.FAILED, Phase.CANCELED)


def may_start_next_action(policy: WorkflowFailurePolicy, phases: Iterable[Phase]) -> bool:
    """Tell whether an Execute's workflow goes on after these phases of its actions."""
    return policy is WorkflowFailurePolicy.CONTINUE or not any(_broken(phase) for phase in phases)


def may_start_next_workflow(policy: StageFailurePolicy, phases: Iterable[Phase]) -> bool:
    """Tell whether an Execute's stage starts another workflow after these phases of its workflows."""
    return policy is StageFailurePolicy.CONTINUE or not any(_broken(phase) for phase in phases)


def failed_needs(actions: Sequence[ActionStatus], needs: Needs) -> dict[int, str]:
    """Give for each action that waits for a Failed one, directly or not, the name of the first such.

    What lies between may have been skipped by its condition: it passes on what it waits for. `needs` names
    only places that come before, as in the order in which the actions run.
    """
    failed = {index: action.name for index, action in enumerate(actions) if action.phase is Phase.FAILED}
    blocked: dict[int, str] = {}
    for index, before in enumerate(needs):
        names = [failed.get(place) or blocked.get(place) for place in sorted(before)]
        name = next(filter(None, names), None)
        if name is not None and actions[index].phase in (Phase.PENDING, Phase.SKIPPED):
            blocked[index] = name
    return blocked


def cancels_siblings(policy: StageFailurePolicy) -> bool:
    """Tell whether a failed workflow of a parallel stage cancels those that run beside it."""
    return policy is StageFailurePolicy.FAIL_FAST


def blocking_stage(stages: Sequence[StageStatus], index: int) -> str | None:
    """Give the name of a dependency, direct or not, that did not succeed; None where there is none.

    A stage that was skipped in its turn does not hide the one that failed.
    """
    by_name = {stage.name: stage for stage in stages}
    waiting, seen, blocked = list(stages[index].depends_on or []), {stages[index].name}, None
    while waiting:
        name = waiting.pop(0)
        if name in seen or name not in by_name:
            continue
        seen.add(name)
        if _broken(by_name[name].phase):
            return name
        blocked = blocked or (name if by_name[name].phase is not Phase.SUCCEEDED else None)
        waiting.extend(by_name[name].depends_on or [])
    return blocked


def may_start_stage(policy: PlanFailurePolicy, stages: Sequence[StageStatus], index: int) -> bool:
    """Tell whether an Execute starts the stage at `index` of `stages`, the earlier ones having ended.

    Stop: only while nothing failed. Continue: whatever does not depend on a failed stage.
    """
    if policy is PlanFailurePolicy.CONTINUE:
        return blocking_stage(stages, index) is None
    return not any(_broken(stage.phase) for stage in stages[:index])


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
