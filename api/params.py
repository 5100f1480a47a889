"""Parameters of plans, stages, workflows and executions. Source: docs/spec/drplan.md, "Parameters"."""

from enum import StrEnum

from api.meta import Model


class ParameterType(StrEnum):
    """How the text of a value is to be read."""

    STRING = "string"
    NUMBER = "number"
    BOOLEAN = "boolean"
    YAML = "yaml"
    """A fragment: as the whole value of a field of a manifest it may be a list or a mapping."""


class Select(StrEnum):
    """Which of several matching objects a value is read from."""

    LAST = "Last"
    """The one created last."""
    FIRST = "First"
    """The one created first."""
    SINGLE = "Single"
    """The only one; more than one is an error."""
    ANY = "Any"
    """One of them, no matter which."""


class ManifestRef(Model):
    """A field of a live object."""

    api_version: str
    """API version of the object: `batch/v1`."""
    kind: str
    """Kind of the object: `Job`."""
    json_path: str
    """JSONPath of the value in the object: `{.metadata.name}`."""
    namespace: str | None = None
    """Namespace of the object."""
    name: str | None = None
    """Name of the object. Either this or `labelSelector`."""
    label_selector: str | None = None
    """Labels of the object: `app=web,env=prod`. Either this or `name`."""
    select: Select = Select.LAST
    """Which object counts when several match: the one created Last or First, a Single one, or Any."""


class ValueFrom(Model):
    """Where a value comes from when it is not written in the object."""

    manifest_ref: ManifestRef | None = None
    """A field of a live object."""


class Parameter(Model):
    """A named value, or the declaration of one."""

    name: str
    """Name of the parameter; `mode` is reserved."""
    type: ParameterType = ParameterType.STRING
    """How the text of the value is to be read."""
    description: str | None = None
    """What it is for."""
    required: bool | None = None
    """Whether a value must be set."""
    default: str | None = None
    """The value where none is set."""
    value: str | None = None
    """The value. Either this or `valueFrom`."""
    value_from: ValueFrom | None = None
    """Where the value is read from. Either this or `value`."""
    allow_from_execution: bool | None = None
    """Additive. Of a parameter in a DRWorkflow: whether an execution may set it, if it is of type yaml, or have it read
    from a secret."""
