"""Counts and times every attempt at an activity, whatever the activity does."""

import asyncio
import time
from typing import Any

from temporalio import activity
from temporalio.exceptions import ApplicationError
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from api.metrics import ATTEMPT_SECONDS, ATTEMPTS
from process.metrics import Metrics

SUCCEEDED, CANCELED, UNEXPECTED = "Succeeded", "Canceled", "Unexpected"
"""Results of an attempt that did not fail by a FailureType."""


class AttemptMetrics(Interceptor):
    """Measures the attempts of a worker."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:  # noqa: A002
        """Measure around the activity and everything else that surrounds it."""
        return _Measured(next, self._metrics)


class _Measured(ActivityInboundInterceptor):
    def __init__(self, inner: ActivityInboundInterceptor, metrics: Metrics) -> None:
        super().__init__(inner)
        self._metrics = metrics

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002 - the SDK's name
        name, began, result = activity.info().activity_type, time.monotonic(), UNEXPECTED
        try:
            outcome = await super().execute_activity(input)
            result = SUCCEEDED
        except ApplicationError as error:
            result = error.type or UNEXPECTED
            raise
        except asyncio.CancelledError:
            result = CANCELED
            raise
        finally:
            self._metrics.count(ATTEMPTS, name, result)
            self._metrics.observe(ATTEMPT_SECONDS, time.monotonic() - began, name)
        return outcome
