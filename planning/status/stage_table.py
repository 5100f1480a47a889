"""The current details of a root in Temporal's UI: how far it is, where it failed, and a row for each stage.

The UI puts them into the address of a page, and proxies take 8 KB of that: the table of a large plan leaves out stages
of which nothing is to be said. Source: docs/architecture.md, "What Temporal's UI shows".
"""

from collections.abc import Sequence
from typing import TypeAlias
from urllib.parse import quote

from api.nodes import ActionStatus, StageStatus, WorkflowExecutionStatus
from api.phases import Phase
from api.tree import RunState
from planning.definitions import identifiers
from planning.messages import temporal_ui

Node: TypeAlias = RunState | StageStatus | WorkflowExecutionStatus | ActionStatus

TABLE_BOUND = 4500
"""Characters of all rows, as a part of an address."""
_DULL = (Phase.PENDING, Phase.SUCCEEDED, Phase.SKIPPED)
"""Stages in these phases are left out first."""


def name_of(node: Node) -> str:
    """Return the name of a node; a plan's tree has none."""
    if isinstance(node, WorkflowExecutionStatus):
        return node.workflow_ref.name
    return "" if isinstance(node, RunState) else node.name


def first_failed(node: Node) -> list[Node]:
    """Return the nodes below `node` on the way to the first action that failed, as far as they say so."""
    failed = next((child for child in _children(node) if child.phase is Phase.FAILED), None)
    return [] if failed is None else [failed, *first_failed(failed)]


def _children(node: Node) -> Sequence[Node]:
    match node:
        case RunState():
            return node.stages
        case StageStatus():
            return node.workflows
        case WorkflowExecutionStatus():
            return node.actions
        case _:
            return []


class StageTable:
    """Writes the current details of one root; of the rows only those of stages that have changed."""

    def __init__(self, root_id: str) -> None:
        self._root_id = root_id
        self._rows: dict[int, tuple[StageStatus, str]] = {}

    def text(self, state: RunState, headline: str) -> str:
        """Return a headline, the way to the first failure, and the table."""
        table = self._table(state.stages)
        return "\n\n".join(part for part in (headline, self._failure(state), table) if part)

    def _table(self, stages: Sequence[StageStatus]) -> str:
        if not stages:
            return ""
        rows = [self._row(index, stage) for index, stage in enumerate(stages)]
        shown, room = set(range(len(rows))), TABLE_BOUND
        if sum(map(_cost, rows)) > room:
            shown = set()
            for index in sorted(range(len(rows)), key=lambda index: (stages[index].phase in _DULL, index)):
                room -= _cost(rows[index])
                if room < 0:
                    break
                shown.add(index)
        table = "\n".join([temporal_ui.TABLE_HEAD, *(row for index, row in enumerate(rows) if index in shown)])
        hidden = [stage.phase for index, stage in enumerate(stages) if index not in shown]
        return f"{table}\n\n{temporal_ui.more_stages(hidden)}" if hidden else table

    def _row(self, index: int, stage: StageStatus) -> str:
        known = self._rows.get(index)
        if known is None or known[0] is not stage:
            begun = stage.start_time is not None and stage.phase is not Phase.PENDING
            run = identifiers.stage_id(self._root_id, index, stage.name) if begun else None
            self._rows[index] = known = (stage, temporal_ui.stage_row(stage, run))
        return known[1]

    def _failure(self, state: RunState) -> str:
        path = first_failed(state)
        if not path:
            return ""
        run = None
        if len(path) > 1:
            stage, workflow = path[:2]
            stage_id = identifiers.stage_id(self._root_id, _place(state.stages, stage), name_of(stage))
            place = _place(_children(stage), workflow)
            run = ("its run", identifiers.workflow_id(stage_id, place, name_of(workflow)))
        # The message of a run that has ended says the cause.
        message = None if state.phase is not None and state.phase.terminal else path[-1].message
        return temporal_ui.failure_details([name_of(node) for node in path], run, message)


def _place(nodes: Sequence[Node], wanted: Node) -> int:
    return next(index for index, node in enumerate(nodes) if node is wanted)


def _cost(row: str) -> int:
    return len(quote(row))
