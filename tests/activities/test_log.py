"""The worker's log: a line for a failure that can be expected, a place in the code for one that cannot, no values."""

import logging
from collections.abc import Coroutine
from typing import Any, cast

import pytest
from temporalio.api.failure.v1 import Failure
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from activities.attempt import RunningAttempt, run_attempt
from activities.authorize import Impersonation
from activities.errors import ActionError
from activities.load import LoadActivities
from api.actions import RetryPolicy
from api.attempts import ActionOutcome
from api.failures import FailureType
from api.meta import ObjectKey
from api.phases import OperationType
from api.runs import RunInput
from api.steps import Attempts
from kube.client import Cluster
from tests.activities.believed_inputs import BelievedInputs, NoQuestions, unprepared
from tests.activities.live_namespace import Attempt
from workflows.converter import DATA_CONVERTER

SECRET = "correct-horse"


async def failure_of(work: Coroutine[Any, Any, ActionOutcome], limit: int = 3) -> ApplicationError:
    """Make one attempt that fails."""

    async def attempt(given: None) -> ActionOutcome:
        running = RunningAttempt(Attempts(retry=RetryPolicy(limit=limit)))
        return await run_attempt(running, unprepared, lambda _: work)

    with pytest.raises(ApplicationError) as caught:
        await Attempt().run(attempt, None)
    return caught.value


async def as_temporal_keeps_it(error: ApplicationError) -> str:
    failure = Failure()
    await DATA_CONVERTER.encode_failure(error, failure)
    return str(failure)


async def away() -> ActionOutcome:
    raise ActionError(FailureType.TRANSIENT, "Failed to create ConfigMap: app: away")


async def breaks() -> ActionOutcome:
    """Fail as only a fault of ours can, with what is secret in both texts."""
    try:
        raise KeyError(SECRET)
    except KeyError as error:
        raise ValueError(f"no such thing as {SECRET}") from error


@pytest.mark.parametrize(
    ("limit", "level", "words"),
    [(3, logging.INFO, "An attempt failed, another follows"), (0, logging.WARNING, "An action failed")],
)
async def test_a_failure_that_can_be_expected_is_one_line_without_a_stack(
    caplog: pytest.LogCaptureFixture, limit: int, level: int, words: str
) -> None:
    caplog.set_level(logging.DEBUG)
    error = await failure_of(away(), limit)
    [record] = [each for each in caplog.records if each.name == "temporalio.activity"]
    assert (record.levelno, record.exc_info) == (level, None)
    assert f"{words}: Transient: Failed to create ConfigMap: app: away" in record.getMessage()
    assert error.category is ApplicationErrorCategory.BENIGN, "the SDK logs no stack of it either"


async def test_a_fault_of_ours_is_named_by_its_place_and_its_text_stays_out(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    error = await failure_of(breaks())
    [record] = [each for each in caplog.records if each.levelno == logging.ERROR]
    assert "An attempt ended unexpectedly: ValueError at " in record.getMessage()
    assert "; caused by KeyError at " in record.getMessage()
    assert "test_log.py:" in record.getMessage()
    assert error.message == "unexpected ValueError; the worker's log says more"
    for text in (caplog.text, await as_temporal_keeps_it(error)):
        assert SECRET not in text


class BrokenDoor:
    """A way to the cluster whose answers nobody foresaw."""

    async def get(self, *_: object) -> object:
        raise ValueError(f"no such thing as {SECRET}")


async def test_a_decision_that_breaks_tells_its_text_to_nobody(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    loads = LoadActivities(
        cast(Cluster, BrokenDoor()), Impersonation(), BelievedInputs(cast(Cluster, BrokenDoor())), NoQuestions()
    )
    key = ObjectKey(namespace="default", name="run", uid="uid-run")
    with pytest.raises(ApplicationError) as caught:
        await Attempt().run(loads.load_execute, RunInput(execution=key, plan="shop", operation=OperationType.EXECUTE))
    assert "A decision ended unexpectedly: ValueError at " in caplog.text
    for text in (caplog.text, await as_temporal_keeps_it(caught.value)):
        assert SECRET not in text
