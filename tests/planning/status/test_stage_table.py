"""The table of stages that Temporal's UI shows of a root: what it says, its links, and its size."""

from urllib.parse import quote, unquote

from markdown_it import MarkdownIt

from api.nodes import StageStatus
from api.phases import Phase
from api.tree import RunState
from planning.definitions import identifiers
from planning.messages import temporal_ui
from planning.status.stage_table import TABLE_BOUND, StageTable, first_failed, name_of
from tests.planning.builders import START, config_map, made, stage, workflow

ROOT = "execute/default/run/00000000-0000-4000-8000-000000000001"
PROXY_BOUND = 8192
"""Bytes of a request's first line that common proxies take."""


def failed() -> RunState:
    bad = made("create-b", config_map("b"), phase=Phase.FAILED, message="quota exceeded: [a](http://x) | b")
    parts = [
        stage("one", workflow("w", made("create-a", config_map("a"))), start_time=START, duration="12s"),
        stage("two", workflow("v", bad, phase=Phase.FAILED), phase=Phase.FAILED, start_time=START, duration="3s"),
        stage("three", workflow("u", made("c", config_map("c"), phase=Phase.SKIPPED)), phase=Phase.SKIPPED),
    ]
    return RunState(phase=Phase.FAILED, stage_statuses=parts)


def html(text: str) -> str:
    """Render as the UI does: CommonMark with tables."""
    return str(MarkdownIt("commonmark").enable("table").render(text))


def test_it_counts_each_stage_and_leads_to_the_first_failure() -> None:
    state = failed()
    text = StageTable(ROOT).text(state, "**Failed**: it did")
    stage_run = identifiers.stage_id(ROOT, 1, "two")
    run = quote(identifiers.workflow_id(stage_run, 0, "v"), safe="")
    headline, failure, table = text.split("\n\n")
    assert headline == "**Failed**: it did"
    link = f"[its run](namespaces/{{namespace}}/workflows/{run})"
    assert failure == f"Failed at two / v / create-b ({link})", "the headline says the cause"
    going_on = state.model_copy(update={"phase": Phase.RUNNING})
    assert f"({link}): quota exceeded" in StageTable(ROOT).text(going_on, "")
    rows = [[cell.strip() for cell in row.strip("|").split("|")] for row in table.splitlines()]
    assert rows[0] == ["Stage", "Phase", "Workflows", "Actions", "Duration"]
    assert [row[1:] for row in rows[2:]] == [
        ["Succeeded", "1 of 1", "1 of 1", "12s"],
        ["**Failed**", "0 of 1", "0 of 1", "3s"],
        ["Skipped", "1 of 1", "0 of 1", ""],
    ]
    assert unquote(rows[3][0]) == f"[two](namespaces/{{namespace}}/workflows/{stage_run})"
    assert rows[4][0] == "three", "what never began has no run"


def test_what_people_wrote_becomes_neither_a_link_nor_a_cell() -> None:
    name = "a|b](http://x) <img src=y> *c* `d` {namespace}\n# e"
    state = RunState(stage_statuses=[stage(name, workflow("w", made("a", config_map("a"))), phase=Phase.PENDING)])
    shown = html(StageTable(ROOT).text(state, temporal_ui.awaiting_details(name)))
    assert "<a " not in shown
    assert "<img" not in shown
    assert shown.count("<td>") == 5
    assert "<em>" not in shown
    assert "<h1>" not in shown
    going_on = failed().model_copy(update={"phase": Phase.RUNNING})
    assert "<a " not in html(StageTable(ROOT).text(going_on, "")).replace('<a href="namespaces/', "")


def test_a_large_plan_fits_into_the_address_in_which_the_ui_puts_it() -> None:
    stages = [
        stage(f"{number}-阶段" * 9, workflow("w", made("a", config_map("a"))), start_time=START, duration="1m2.5s")
        for number in range(200)
    ]
    stages[150] = stages[150].model_copy(update={"phase": Phase.RUNNING})
    text = StageTable(ROOT).text(RunState(stage_statuses=stages), temporal_ui.progress_details(150, 200))
    assert len(quote(text)) < PROXY_BOUND
    assert "| **Running**" in text, "what is dull is left out first"
    shown = text.count("| Succeeded") + 1
    assert text.endswith(f"And {200 - shown} stages more: {200 - shown} Succeeded")
    assert sum(len(quote(row)) for row in text.splitlines() if row.startswith("| [")) <= TABLE_BOUND


def test_only_the_row_of_a_stage_that_changed_is_written_again() -> None:
    written: list[StageStatus] = []
    table, state = StageTable(ROOT), failed()
    first = table.text(state, "")
    kept = dict(table._rows)
    again = state.model_copy(update={"stage_statuses": [*state.stages[:2], state.stages[2].model_copy()]})
    assert table.text(again, "") == first
    assert [table._rows[index] is kept[index] for index in range(3)] == [True, True, False]
    assert not written


def test_the_way_to_a_failure_ends_where_nothing_further_says_it() -> None:
    state = failed()
    assert [name_of(node) for node in first_failed(state)] == ["two", "v", "create-b"]
    lost = RunState(stage_statuses=[stage("s", phase=Phase.FAILED)])
    assert [name_of(node) for node in first_failed(lost)] == ["s"]
    assert "its run" not in StageTable(ROOT).text(lost, "")
    assert first_failed(RunState()) == []
