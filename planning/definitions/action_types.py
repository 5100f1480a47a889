"""The table of action types: all that planning and the activities know about a type is in its row.

Nothing else asks which type an action has (a test checks that): it asks the row. So an eighth type is a row here, its
block in `api/`, and its effect in `activities/`.
Source: docs/spec/drworkflow.md; docs/spec/drplanexecution.md, "What undoes an action".
"""

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from api.actions import Action
from api.meta import alias
from api.objects import Target
from api.phases import ActionType, Operation

CLUSTERNET = "apps.clusternet.io/v1alpha1"
BATCH = "batch/v1"


class Rule(StrEnum):
    """The default rollback of a type and operation."""

    DELETE = "delete"
    DELETE_IF_CREATED = "delete if created"
    NOT_AUTOMATIC = "only a custom rollback"
    UNDEFINED = "nothing to undo"


class NamedBy(StrEnum):
    """Which part of a block names the object of an action."""

    NOTHING = "there is no object"
    BLOCK = "its name and namespace; the type decides the kind"
    MANIFEST = "its whole manifest"
    TEMPLATE = "its namespace, and the metadata of its template"


@dataclass(frozen=True)
class TypeRow:
    """What is special about an action type."""

    block: str
    """Field of Action with the details of the type."""
    outputs: tuple[str, ...]
    """Fields of ActionOutputs that hold its record; the last may hold a list."""
    templates: tuple[str, ...]
    """Fields of the block in whose texts placeholders are filled in."""
    named_by: NamedBy = NamedBy.BLOCK
    api_version: str = ""
    kind: str = ""
    """With the API version: the kind of its object, where the type decides it."""
    namespaced: bool = True
    needs_namespace: bool = False
    """Whether the block must name a namespace. Source: the CRDs of existing installations, drworkflows."""
    rules: Mapping[Operation, Rule] = dataclasses.field(default_factory=dict)
    """The operations that the block supports, each with its default rollback; none where it has no operation."""
    otherwise: Rule = Rule.NOT_AUTOMATIC
    """The default rollback where the operation has no rule."""
    per_cluster: bool = False
    """Whether it supports clusterExecutionMode PerCluster."""
    own_cleanup: bool = False
    """Whether it supports hookCleanup."""
    overrides: bool = False
    """Whether its object changes others in the child clusters of Clusternet, when its `overridePolicy` says."""
    older_records_deleted: bool = False
    """Whether the older controller deleted the objects of its record whatever the operation.
    Source: bk-bcs, bcs-drplan-controller, internal/executor/subscription_executor.go."""

    @property
    def field(self) -> str:
        """The block as it is written in an object: `helmChart`."""
        return alias(Action, self.block)

    @property
    def has_object(self) -> bool:
        """Whether the action is about an object of the cluster."""
        return self.named_by is not NamedBy.NOTHING

    def rule(self, operation: Operation) -> Rule:
        """Return the default rollback of an operation."""
        return self.rules.get(operation, self.otherwise)


CREATING = (Operation.CREATE, Operation.APPLY, Operation.REPLACE)
"""Operations that can create an object."""
_SERVED = {
    Operation.CREATE: Rule.DELETE,
    Operation.APPLY: Rule.DELETE_IF_CREATED,
    Operation.PATCH: Rule.NOT_AUTOMATIC,
    Operation.DELETE: Rule.NOT_AUTOMATIC,
}
_REPLACED = _SERVED | {Operation.REPLACE: Rule.NOT_AUTOMATIC}
_OBJECT = ("name", "namespace", "spec")

ACTION_TYPES: Mapping[ActionType, TypeRow] = MappingProxyType(
    {
        ActionType.HTTP: TypeRow(
            block="http",
            outputs=("http_response",),
            templates=("url", "method", "headers", "body"),
            named_by=NamedBy.NOTHING,
            otherwise=Rule.UNDEFINED,
        ),
        ActionType.JOB: TypeRow(
            block="job",
            outputs=("job_ref",),
            templates=("namespace", "template"),
            named_by=NamedBy.TEMPLATE,
            api_version=BATCH,
            kind="Job",
            otherwise=Rule.DELETE,
        ),
        ActionType.LOCALIZATION: TypeRow(
            block="localization",
            outputs=("localization_ref",),
            templates=_OBJECT,
            api_version=CLUSTERNET,
            kind="Localization",
            overrides=True,
            needs_namespace=True,
            rules=_SERVED,
            own_cleanup=True,
        ),
        ActionType.GLOBALIZATION: TypeRow(
            block="globalization",
            outputs=("globalization_ref",),
            templates=("name", "spec"),
            api_version=CLUSTERNET,
            kind="Globalization",
            overrides=True,
            namespaced=False,
            rules=_SERVED,
            own_cleanup=True,
        ),
        ActionType.HELM_CHART: TypeRow(
            block="helm_chart",
            outputs=("helm_chart_ref",),
            templates=_OBJECT,
            api_version=CLUSTERNET,
            kind="HelmChart",
            needs_namespace=True,
            rules=_SERVED,
            own_cleanup=True,
        ),
        ActionType.SUBSCRIPTION: TypeRow(
            block="subscription",
            outputs=("subscription_ref", "subscription_refs"),
            templates=_OBJECT,
            api_version=CLUSTERNET,
            kind="Subscription",
            rules=_REPLACED,
            per_cluster=True,
            own_cleanup=True,
            older_records_deleted=True,
        ),
        ActionType.KUBERNETES_RESOURCE: TypeRow(
            block="resource",
            outputs=("resource_ref",),
            templates=("manifest",),
            named_by=NamedBy.MANIFEST,
            rules=_SERVED,
        ),
    }
)


def is_override(target: Target) -> bool:
    """Return whether an object changes others in the child clusters of Clusternet, whatever type of action names it."""
    group = target.api_version.rpartition("/")[0]
    rows = (row for row in ACTION_TYPES.values() if row.overrides)
    return any((row.api_version.rpartition("/")[0], row.kind) == (group, target.kind) for row in rows)


def row_of(action: Action) -> TypeRow:
    """Return the row of an action's type."""
    return ACTION_TYPES[action.type]


def block_of(action: Action) -> Any:
    """Return the block that the action's type names; None where it is missing."""
    return getattr(action, row_of(action).block)


def operation_of(action: Action) -> Operation:
    """Return the operation of a definition; Create where the type has none."""
    operation = getattr(block_of(action), "operation", Operation.CREATE)
    assert isinstance(operation, Operation), "a block's operation is of that enum"
    return operation


def templates_of(action: Action) -> dict[str, Any]:
    """Return the fields whose texts are templates, by their path below the action."""
    return {path: value for _, path, value in _template_fields(action)}


def filled(action: Action, fill: Callable[[Any, str], Any]) -> Action:
    """Return an action with the value of every template field replaced by `fill(value, path)`."""
    values = {name: fill(value, path) for name, path, value in _template_fields(action)}
    if not values:
        return action
    return action.model_copy(update={row_of(action).block: block_of(action).model_copy(update=values)})


def _template_fields(action: Action) -> Iterator[tuple[str, str, Any]]:
    """Yield name, path and value of each template field that is set."""
    row, block = row_of(action), block_of(action)
    for name in row.templates if block else ():
        if (value := getattr(block, name)) is not None:
            yield name, f"{row.field}.{alias(type(block), name)}", value


PER_CLUSTER = "PerCluster"


def is_per_cluster(action: Action) -> bool:
    """Tell whether an action creates a Subscription for each cluster: for other types the mode means nothing."""
    return row_of(action).per_cluster and action.cluster_execution_mode == PER_CLUSTER and action.wait_ready
