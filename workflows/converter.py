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
from temporalio.contrib.pydantic import PydanticJSONPlainPayloadConverter
from temporalio.converter import (
    CompositePayloadConverter,
    DataConverter,
    DefaultPayloadConverter,
    JSONPlainPayloadConverter,
)

from planning.status.size_limit import RenderedTree

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


DATA_CONVERTER = DataConverter(payload_converter_class=CompactPayloadConverter)
"""For the worker, the bridge, the replayer and every other client of ours."""
