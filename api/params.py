"""Parameters of plans, stages, workflows and executions. Source: docs/spec/drplan.md, "Parameters"."""

from enum import StrEnum

from api.meta import Model


class ParameterType(StrEnum):
    """How the text of a value is to be read."""

    STRING = "string"
    NUMBER = "number"
    BOOLEAN = "boolean"


class Select(StrEnum):
    """Which of several matching objects a value is read from."""

    LAST = "Last"
    FIRST = "First"
    SINGLE = "Single"
    ANY = "Any"


class ManifestRef(Model):
    """A field of a live object."""

    api_version: str
    kind: str
    json_path: str
    namespace: str | None = None
    name: str | None = None
    label_selector: str | None = None
    select: Select = Select.LAST


class ValueFrom(Model):
    """Where a value comes from when it is not written down."""

    manifest_ref: ManifestRef | None = None


class Parameter(Model):
    """A named value, or the declaration of one."""

    name: str
    type: ParameterType = ParameterType.STRING
    description: str | None = None
    required: bool | None = None
    default: str | None = None
    value: str | None = None
    value_from: ValueFrom | None = None
