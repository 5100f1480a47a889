"""How models become Temporal payloads: JSON by alias, without the fields that equal their default.

A 5,000-action decision has to stay under Temporal's 2 MB for one payload, and a payload with every default
is twice as long. A reader needs no converter of ours: an absent field reads as the model's default. So a field
that becomes required, or gets another default, changes the meaning of what is recorded.
Source: docs/architecture.md, "What travels through Temporal"; Temporal, "Workflow Execution limits".
"""

from typing import Any

from pydantic_core import SchemaSerializer
from pydantic_core.core_schema import any_schema
from temporalio.api.common.v1 import Payload
from temporalio.api.failure.v1 import Failure
from temporalio.contrib.pydantic import PydanticJSONPlainPayloadConverter
from temporalio.converter import (
    CompositePayloadConverter,
    DataConverter,
    DefaultFailureConverter,
    DefaultPayloadConverter,
    JSONPlainPayloadConverter,
    PayloadConverter,
)
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from planning.status.size_limit import RenderedTree
from workflows.contract import FAILED_TYPES

_SERIALIZER = SchemaSerializer(any_schema())


class CompactJsonConverter(PydanticJSONPlainPayloadConverter):
    """The SDK's pydantic converter without defaults.

    The SDK's only option, `exclude_unset`, also writes field names instead of aliases, hence the override.
    """

    def to_payload(self, value: Any) -> Payload | None:
        """Write a value as JSON by alias, unless it was written before."""
        written = isinstance(value, RenderedTree)
        data = value.json if written else _SERIALIZER.to_json(value, by_alias=True, exclude_defaults=True)
        return Payload(metadata={"encoding": self.encoding.encode()}, data=data)


_OURS = CompactJsonConverter()
"""Made once: the SDK makes a converter for each run and for each activation, and ours has a cache of types."""


class CompactPayloadConverter(CompositePayloadConverter):
    """Temporal's converters with the JSON one replaced by ours."""

    def __init__(self) -> None:
        defaults = DefaultPayloadConverter.default_encoding_payload_converters
        super().__init__(*(_OURS if isinstance(each, JSONPlainPayloadConverter) else each for each in defaults))


class OutcomeFailureConverter(DefaultFailureConverter):
    """The SDK's failures without the stack trace where a failure is an outcome: Temporal's UI then shows the status.

    Those are the end of a part as Failed, and what an attempt says itself. Its category is benign; see
    docs/decisions/0004-a-failed-run-fails-in-temporal-too.md.
    """

    def to_failure(self, exception: BaseException, payload_converter: PayloadConverter, failure: Failure) -> None:
        """Write an exception as Temporal's failure, and leave the exception as it is."""
        if not _is_outcome(exception):
            super().to_failure(exception, payload_converter, failure)
            return
        trace = exception.__traceback__
        try:
            super().to_failure(exception.with_traceback(None), payload_converter, failure)
        finally:
            exception.__traceback__ = trace


class EncodedOutcomeFailureConverter(OutcomeFailureConverter):
    """The same with the message among what a codec encrypts."""

    def __init__(self) -> None:
        super().__init__(encode_common_attributes=True)


def _is_outcome(exception: BaseException) -> bool:
    if not isinstance(exception, ApplicationError):
        return False
    return exception.type in FAILED_TYPES.values() or exception.category is ApplicationErrorCategory.BENIGN


DATA_CONVERTER = DataConverter(
    payload_converter_class=CompactPayloadConverter, failure_converter_class=OutcomeFailureConverter
)
"""For the worker, the bridge, the replayer and every other client of ours."""
