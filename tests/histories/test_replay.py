"""Every recorded history is replayed by the workflows as they are now: no run that is open is broken by a change."""

import pytest
from temporalio.workflow import NondeterminismError

from tests.histories.changed import ChangedRevertWorkflow
from tests.histories.corpus import Recorded, recorded
from tests.workflows.engine import replayer

HISTORIES = recorded()
OF_SEVERAL_ACTIONS = [one for one in HISTORIES if one.name.endswith("revert-success/0-only.1-line-one")]


@pytest.mark.parametrize("one", HISTORIES, ids=lambda one: one.name)
async def test_a_recorded_run_goes_the_same_way_again(one: Recorded) -> None:
    result = await replayer().replay_workflow(one.history(), raise_on_replay_failure=False)
    assert result.replay_failure is None


@pytest.mark.parametrize("one", OF_SEVERAL_ACTIONS, ids=lambda one: one.name)
async def test_a_changed_workflow_is_found_out(one: Recorded) -> None:
    with pytest.raises(NondeterminismError):
        await replayer([ChangedRevertWorkflow]).replay_workflow(one.history())
