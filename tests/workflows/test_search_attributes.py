"""Search attributes of a run and of what is below it: what they say, what they cost, and where they are left out."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowHandle, WorkflowHistory
from temporalio.common import SearchAttributeKey, SearchAttributePair, TypedSearchAttributes
from temporalio.converter import DefaultPayloadConverter

from tests.api.documents import REPOSITORY
from tests.docs.pages import Page
from tests.histories.corpus import Recorded, recorded
from tests.workflows.decisions import execute, revert, stage, workflow
from tests.workflows.engine import DevEngine, replayer
from tests.workflows.fake_activities import fails
from workflows.contract import NONE, OF_EARLIER_RELEASES, SearchAttribute

OPERATIONS = REPOSITORY / "docs" / "operations.md"
KEYS = {name: SearchAttributeKey.for_keyword(name) for name in SearchAttribute}
OF_RUN = {
    SearchAttribute.PLAN: "shop",
    SearchAttribute.NAMESPACE: "default",
    SearchAttribute.EXECUTION: "run",
    SearchAttribute.OPERATION: "Revert",
}


def typed(values: dict[SearchAttribute, str]) -> TypedSearchAttributes:
    return TypedSearchAttributes([SearchAttributePair(KEYS[name], value) for name, value in values.items()])


def searchable(engine: DevEngine) -> DevEngine:
    """Starts roots as the bridge does where all attributes are registered."""
    added = {SearchAttribute.STAGE: NONE, SearchAttribute.FAILED_ACTION: NONE}
    return replace(engine, search_attributes=typed({**OF_RUN, **added, SearchAttribute.ORIGINAL: "run-0"}))


async def shown(handle: WorkflowHandle[object, object]) -> dict[SearchAttribute, str]:
    """Return what Temporal has of our attributes."""
    own = (await handle.describe()).typed_search_attributes
    return {name: value for name, key in KEYS.items() if (value := own.get(key)) is not None}


def upserts(history: WorkflowHistory) -> int:
    """Count the events that change an attribute of ours; a patch writes one of Temporal's own."""
    changes = [event.upsert_workflow_search_attributes_event_attributes for event in history.events]
    return sum(bool({*SearchAttribute} & {*each.search_attributes.indexed_fields}) for each in changes)


async def test_every_part_says_its_plan_and_stage_and_the_first_action_that_failed(engine: DevEngine) -> None:
    decision = revert(stage("t", workflow("u", "c")), stage("s", workflow("w", "b", "a")))
    run = await searchable(engine).start(decision, a=fails())
    await run.end()
    failed = {SearchAttribute.FAILED_ACTION: "s/w/a"}
    of_s, of_t = {**OF_RUN, SearchAttribute.STAGE: "s", **failed}, {**OF_RUN, SearchAttribute.STAGE: "t"}
    assert await shown(run.workflow((1, "s"), (0, "w"))) == of_s
    assert await shown(run.stage(1, "s")) == of_s
    fine = {**of_t, SearchAttribute.FAILED_ACTION: NONE}
    assert await shown(run.stage(0, "t")) == await shown(run.workflow((0, "t"), (0, "u"))) == fine
    root = {**OF_RUN, SearchAttribute.STAGE: NONE, SearchAttribute.ORIGINAL: "run-0", **failed}
    assert await shown(run.handle) == root
    written = [upserts(history) for history in await run.histories()]
    assert written == [1, 0, 0, 1, 1], "one event for each run that failed, none for the others"


async def test_without_the_new_ones_no_part_has_any_and_nothing_is_recorded_for_them(engine: DevEngine) -> None:
    bare = replace(engine, search_attributes=typed(OF_RUN))
    run = await bare.start(execute(stage("s", workflow("w", "a", "b"))), b=fails())
    await run.end()
    assert await shown(run.handle) == OF_RUN
    assert await shown(run.stage(0, "s")) == await shown(run.workflow((0, "s"), (0, "w"))) == {}
    assert not any(upserts(history) for history in await run.histories())


async def test_the_server_takes_every_query_of_the_saved_views(engine: DevEngine) -> None:
    [rows] = [
        rows for header, *rows in Page(OPERATIONS).tables() if [cell.content for cell in header] == ["view", "query"]
    ]
    queries = [code.content for row in rows for code in row[1].children or [] if code.type == "code_inline"]
    assert len(queries) == len(rows)
    for query in queries:
        await engine.client.count_workflows(query)


async def test_they_add_no_event_to_a_run_that_succeeds(engine: DevEngine) -> None:
    decision = execute(stage("s", workflow("w", "a", "b")))
    plain, marked = await engine.start(decision), await searchable(engine).start(decision)
    await plain.end()
    await marked.end()
    without, with_them = [[caused(history) for history in await run.histories()] for run in (plain, marked)]
    assert without == with_them


def caused(history: WorkflowHistory) -> list[str]:
    """Return the types of the events without those of workflow tasks, of which a slow worker makes more or fewer."""
    types = [EventType.Name(event.event_type) for event in history.events]
    return [each for each in types if not each.startswith("EVENT_TYPE_WORKFLOW_TASK_")]


ALL = {**OF_RUN, SearchAttribute.STAGE: NONE, SearchAttribute.FAILED_ACTION: NONE}
SUCCEEDED = [one for one in recorded() if one.name == "v1/revert-success/root"]


def started_with(history: WorkflowHistory, values: dict[SearchAttribute, str]) -> WorkflowHistory:
    """Add search attributes to the first event, as if the run had been started with them."""
    fields = history.events[0].workflow_execution_started_event_attributes.search_attributes.indexed_fields
    for name, value in values.items():
        [payload] = DefaultPayloadConverter().to_payloads([value])
        payload.metadata["type"] = b"Keyword"
        fields[name].CopyFrom(payload)
    return history


async def test_the_runs_of_earlier_releases_had_only_the_older_ones_and_are_replayed_as_they_were() -> None:
    async def histories() -> AsyncIterator[WorkflowHistory]:
        for one in recorded():
            yield started_with(one.history(), {name: OF_RUN[name] for name in OF_EARLIER_RELEASES})

    # In the sandbox, which has nothing to do with attributes, the workflows would be loaded again for each of them.
    results = await replayer(sandboxed=False).replay_workflows(histories(), raise_on_replay_failure=False)
    assert not results.replay_failures


@pytest.mark.parametrize("one", SUCCEEDED, ids=lambda one: one.name)
async def test_attributes_of_a_child_are_no_part_of_what_a_replay_compares(one: Recorded) -> None:
    """Its parent now sets some where the recorded start of the child had none."""
    await replayer().replay_workflow(started_with(one.history(), ALL))
