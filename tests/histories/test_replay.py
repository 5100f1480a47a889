"""Every recorded history is replayed by the workflows as they are now: no run that is open is broken by a change."""

from collections.abc import AsyncIterator

import pytest
from temporalio.client import WorkflowHistory
from temporalio.workflow import NondeterminismError

from tests.histories.changed import ChangedRevertWorkflow
from tests.histories.corpus import Recorded, recorded
from tests.workflows.engine import replayer

HISTORIES = recorded()
OF_SEVERAL_ACTIONS = [one for one in HISTORIES if one.name.endswith("revert-success/0-only.1-line-one")]


NEWEST = HISTORIES[-1].version
"""Its histories are replayed in the sandbox, which loads the workflows again for each; they are the same for all."""


@pytest.fixture(scope="module")
async def failures() -> dict[Recorded, Exception | None]:
    """What came of the replay of each history. One worker replays many: it takes longer to start than to replay."""
    newest = await _failures([one for one in HISTORIES if one.version == NEWEST], sandboxed=True)
    return newest | await _failures([one for one in HISTORIES if one.version != NEWEST], sandboxed=False)


async def _failures(recordings: list[Recorded], *, sandboxed: bool) -> dict[Recorded, Exception | None]:
    async def histories() -> AsyncIterator[WorkflowHistory]:
        for one in recordings:
            yield one.history()

    async with replayer(sandboxed=sandboxed).workflow_replay_iterator(histories()) as results:
        return dict(zip(recordings, [result.replay_failure async for result in results], strict=True))


@pytest.mark.parametrize("one", HISTORIES, ids=lambda one: one.name)
def test_a_recorded_run_goes_the_same_way_again(one: Recorded, failures: dict[Recorded, Exception | None]) -> None:
    assert failures[one] is None


@pytest.mark.parametrize("one", OF_SEVERAL_ACTIONS, ids=lambda one: one.name)
async def test_a_changed_workflow_is_found_out(one: Recorded) -> None:
    with pytest.raises(NondeterminismError):
        await replayer([ChangedRevertWorkflow]).replay_workflow(one.history())
