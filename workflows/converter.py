"""How models become Temporal payloads: JSON by alias, without what was never set.

A 5,000-action decision has to stay under Temporal's 2 MB for one payload, and a payload that spells
out every None is twice as long. Readers need not know: what is absent reads as the model's default.
Source: docs/architecture.md, "What travels through Temporal"; Temporal, "Workflow Execution limits".
"""

from typing import Any

from pydantic_core import SchemaSerializer
from pydantic_core.core_schema import any_schema
from temporalio.api.common.v1 import Payload
from temporalio.contrib.pydantic import PydanticJSONPlainPayloadConverter
from temporalio.converter import (
    CompositePayloadConverter,
    DataConverter,
    DefaultPayloadConverter,
    JSONPlainPayloadConverter,
)

_SERIALIZER = SchemaSerializer(any_schema())


class CompactJsonConverter(PydanticJSONPlainPayloadConverter):
    """The SDK's pydantic converter, except that fields that were never set or are None stay away.

    The SDK's own `exclude_unset` option drops the aliases as well, hence the override.
    """

    def to_payload(self, value: Any) -> Payload | None:
        """Write a value as JSON by alias."""
        data = _SERIALIZER.to_json(value, by_alias=True, exclude_unset=True, exclude_none=True)
        return Payload(metadata={"encoding": self.encoding.encode()}, data=data)


class CompactPayloadConverter(CompositePayloadConverter):
    """Temporal's converters with the JSON one replaced by ours."""

    def __init__(self) -> None:
        ours = CompactJsonConverter()
        given = DefaultPayloadConverter.default_encoding_payload_converters
        super().__init__(*(ours if isinstance(one, JSONPlainPayloadConverter) else one for one in given))


DATA_CONVERTER = DataConverter(payload_converter_class=CompactPayloadConverter)
"""For the worker, the replayer and every client that starts workflows with this project's models."""
