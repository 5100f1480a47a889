"""The bridge reads failures and heartbeats of pending activities that are encrypted, and says which key is missing."""

import pytest
from temporalio.api.common.v1 import Payloads
from temporalio.api.failure.v1 import Failure
from temporalio.api.workflow.v1 import PendingActivityInfo
from temporalio.converter import DataConverter
from temporalio.exceptions import ApplicationError

from api.attempts import AttemptFailure, Heartbeat
from bridge.temporal.answers import pending_activity
from bridge.temporal.calls import TemporalUnreachable
from process.payload_encryption import PayloadEncryption

KEY = bytes(32)
WRITER = PayloadEncryption({"k1": KEY}, "k1").data_converter()


def reader(keys: dict[str, bytes], key_id: str | None = None) -> DataConverter:
    return PayloadEncryption(keys, key_id).data_converter()


async def pending() -> PendingActivityInfo:
    failure = Failure()
    await WRITER.encode_failure(ApplicationError("connection refused", AttemptFailure(errors=2)), failure)
    beat = Payloads(payloads=await WRITER.encode([Heartbeat(errors=2, waiting_for="the Job")]))
    return PendingActivityInfo(activity_id="0", attempt=3, last_failure=failure, heartbeat_details=beat)


@pytest.mark.parametrize("key_id", ["k1", None])
async def test_message_details_and_heartbeat_are_read(key_id: str | None) -> None:
    activity = await pending_activity(reader({"k1": KEY}, key_id), 0, await pending())
    assert (activity.error, activity.errors, activity.waiting_for) == ("connection refused", 2, "the Job")


async def test_a_missing_key_is_no_answer_and_is_named() -> None:
    with pytest.raises(TemporalUnreachable, match="'k1', which the folder of DRPLAN_PAYLOAD_KEYS"):
        await pending_activity(reader({}), 0, await pending())
