"""What all kinds share: the base model, references, conditions, times and durations.

Times are RFC 3339 in UTC with whole seconds, durations Go durations (`1m30s`), as in every other
Kubernetes object. Source: Kubernetes API conventions, "Conditions" and "Units".
"""

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any

import durationpy
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, PlainSerializer
from pydantic.alias_generators import to_camel

from api.names import ACCEPTED_ANNOTATION as ACCEPTED_ANNOTATION
from api.names import API_VERSION as API_VERSION
from api.names import CANCEL_ANNOTATION as CANCEL_ANNOTATION
from api.names import CREATED_BY_ANNOTATION as CREATED_BY_ANNOTATION
from api.names import EXECUTION_UID_LABEL as EXECUTION_UID_LABEL
from api.names import FINALIZER as FINALIZER
from api.names import GROUP as GROUP
from api.names import PLAN_LABEL as PLAN_LABEL
from api.names import RESTORED_BY_ANNOTATION as RESTORED_BY_ANNOTATION
from api.names import VERSION as VERSION


def rfc3339(time: datetime) -> str:
    """Format a time as objects hold it: UTC, whole seconds, `Z`."""
    return time.astimezone(UTC).replace(microsecond=0, tzinfo=None).isoformat() + "Z"


def go_duration(span: timedelta) -> str:
    """Format a duration as Go does: `1m30s`, `850ms`, `0s`."""
    return str(durationpy.to_str(span)) if span else "0s"


LONGEST_DURATION = 100
"""Characters. The library takes seconds for a text of 10,000."""


def parse_duration(text: str) -> timedelta:
    """Parse a Go duration.

    Raises ValueError with the text in its message when it is not one, or is negative.
    """
    if len(text) > LONGEST_DURATION:
        raise ValueError(f'"{text[:LONGEST_DURATION]}…" is not a duration such as 30s, 5m or 1h30m')
    try:
        span = durationpy.from_str(text)
    except durationpy.DurationError as error:
        raise ValueError(f'"{text}" is not a duration such as 30s, 5m or 1h30m') from error
    if not isinstance(span, timedelta) or span < timedelta(0):
        raise ValueError(f'"{text}" is negative; a duration such as 30s, 5m or 1h30m is needed')
    return span


Timestamp = Annotated[AwareDatetime, PlainSerializer(rfc3339, return_type=str)]


class Model(BaseModel):
    """Base of every model: camelCase outside, snake_case inside, immutable.

    Unknown fields are ignored, so that an object written by a newer release can be read.
    """

    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        frozen=True,
        extra="ignore",
        use_attribute_docstrings=True,
    )

    def __eq__(self, other: object) -> bool:
        # A field that was left out is its default, the same object; a payload leaves it out again, and has to compare.
        return self is other or super().__eq__(other)

    def to_object(self) -> dict[str, Any]:
        """Return the JSON form that Kubernetes stores: by alias, without None."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


def alias(model: type[Model], field: str) -> str:
    """Return the name of a field in the JSON form: `helmChart` for `helm_chart`."""
    return model.model_fields[field].alias or field


class ObjectName(Model):
    """A namespaced name. An empty namespace means `default`, as it always did."""

    name: str
    """Name of the object."""
    namespace: str | None = None
    """Namespace of the object; empty means `default`."""

    @property
    def in_namespace(self) -> str:
        """The namespace, with the default filled in."""
        return self.namespace or "default"


class ObjectKey(Model):
    """A specific object: its uid distinguishes it from another one of the same name."""

    namespace: str
    name: str
    uid: str


class ObjectReference(Model):
    """A reference like core/v1 ObjectReference; `uid` identifies the specific object."""

    model_config = ConfigDict(json_schema_extra={"x-kubernetes-map-type": "atomic"})

    api_version: str | None = None
    """API version of the object."""
    kind: str | None = None
    """Kind of the object."""
    namespace: str | None = None
    """Namespace of the object; empty for a cluster-scoped one."""
    name: str | None = None
    """Name of the object."""
    uid: str | None = None
    """UID of the object: it identifies this object even if another one has its name later."""
    resource_version: str | None = None
    """Resource version at which the object was seen."""
    field_path: str | None = None
    """A part of the object, as a path of fields."""


class ObjectMeta(Model):
    """The part of Kubernetes' ObjectMeta that decisions here depend on."""

    name: str = ""
    namespace: str = "default"
    uid: str = ""
    generation: int = 0
    resource_version: str | None = None
    creation_timestamp: Timestamp | None = None
    deletion_timestamp: Timestamp | None = None
    labels: dict[str, str] = Field(default_factory=dict)
    annotations: dict[str, str] = Field(default_factory=dict)
    finalizers: list[str] = Field(default_factory=list)

    @property
    def key(self) -> ObjectKey:
        """The identity of this object."""
        return ObjectKey(namespace=self.namespace, name=self.name, uid=self.uid)


class ConditionStatus(StrEnum):
    """Status of a condition. Source: Kubernetes API conventions, "Typical status properties"."""

    TRUE = "True"
    FALSE = "False"
    UNKNOWN = "Unknown"


class Condition(Model):
    """One aspect of an object's state, in the shape of metav1.Condition."""

    type: Annotated[
        str,
        Field(
            max_length=316,
            pattern=r"^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])$",
        ),
    ]
    """Which aspect: `Completed`, for example."""
    status: ConditionStatus
    """Whether it holds."""
    reason: Annotated[str, Field(min_length=1, max_length=1024, pattern=r"^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$")]
    """Why, as one word for programs."""
    message: Annotated[str, Field(max_length=32768)]
    """Why, as a sentence for people."""
    last_transition_time: Timestamp
    """When `status` last changed."""
    observed_generation: Annotated[int | None, Field(ge=0, json_schema_extra={"format": "int64"})] = None
    """The metadata.generation that the condition is about."""


Conditions = Annotated[
    list[Condition],
    Field(json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]}),
]
"""Conditions as a list with one entry per type."""
