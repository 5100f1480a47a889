"""What has changed from one status of an execution to the next, one line for each node: for logs. Pure."""

from collections.abc import Iterator

from api.execution import DRPlanExecution, ExecutionStatus
from api.phases import Phase

State = tuple[Phase | None, str | None]


def changes(old: DRPlanExecution | None, new: DRPlanExecution) -> list[str]:
    """Return a line for every node whose phase or message is another one now, in the order of the tree.

    Nodes that are Pending for the first time are left out: they are the plan, not news.
    """
    before = _states(old) if old else {}
    return [
        f"{path}: {_in_words(state)}"
        for path, state in _states(new).items()
        if state != before.get(path) and (path in before or state[0] not in (Phase.PENDING, None))
    ]


def _states(execution: DRPlanExecution) -> dict[str, State]:
    status = execution.status
    root = execution.metadata.name or ""
    return {root: (status.phase, status.message), **{f"{root}/{path}": state for path, state in _nodes(status)}}


def _nodes(status: ExecutionStatus) -> Iterator[tuple[str, State]]:
    # Indices, because one DRWorkflow may stand twice in a stage.
    for stage in status.stages:
        yield stage.name, (stage.phase, stage.message)
        for number, workflow in enumerate(stage.workflows):
            path = f"{stage.name}/{number}-{workflow.workflow_ref.name}"
            yield path, (workflow.phase, workflow.message)
            for action in workflow.actions:
                yield f"{path}/{action.name}", (action.phase, action.message)


def _in_words(state: State) -> str:
    phase, message = state
    return f"{phase.value if phase else 'new'}{f'  {message}' if message else ''}"
