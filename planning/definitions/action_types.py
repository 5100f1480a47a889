"""The table of action types: all that planning and the activities know about a type stands in its row.

Nothing else asks which type an action has (a test holds it): it asks the row. So an eighth type is a row here, its
block in `api/`, and its effect in `activities/`.
Source: docs/spec/drworkflow.md; docs/spec/drplanexecution.md, "What undoes an action".
"""

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from api.actions import Action
from api.meta import Model
from api.phases import ActionType, Operation

CLUSTERNET = "apps.clusternet.io/v1alpha1"
BATCH = "batch/v1"


class Rule(StrEnum):
    """What the default rollback of a type and operation is."""

    DELETE = "delete"
    DELETE_IF_CREATED = "delete if created"
    NOT_AUTOMATIC = "only a custom rollback"
    UNDEFINED = "nothing to undo"


class Says(StrEnum):
    """Where a block says which object the action is about."""

    NOWHERE = "there is no object"
    BLOCK = "its name and namespace, the kind is the type's"
    MANIFEST = "its manifest, whole"
    TEMPLATE = "its namespace, and the metadata of its template"


@dataclass(frozen=True)
class Kind:
    """What is special about an action type."""

    block: str
    """Field of Action that says what the action is about."""
    outputs: tuple[str, ...]
    """Fields of ActionOutputs that hold its record; the last may hold a list."""
    templates: tuple[str, ...]
    """Fields of the block in whose texts placeholders are filled in."""
    says: Says = Says.BLOCK
    api_version: str = ""
    kind: str = ""
    """With the API version: the kind of its object, where the type decides it."""
    namespaced: bool = True
    needs_namespace: bool = False
    """Whether the block must say a namespace. Source: the CRDs of existing installations, drworkflows."""
    rules: Mapping[Operation, Rule] = dataclasses.field(default_factory=dict)
    """The operations that the block can name, with what undoes each; none where the block names no operation."""
    otherwise: Rule = Rule.NOT_AUTOMATIC
    """What undoes it where the operation has no rule."""
    per_cluster: bool = False
    """Whether clusterExecutionMode PerCluster means something to it."""
    own_cleanup: bool = False
    """Whether hookCleanup means something to it."""

    @property
    def field(self) -> str:
        """The block as it is written in an object: `helmChart`."""
        return _alias(Action, self.block)

    @property
    def has_object(self) -> bool:
        """Whether the action is about an object of the cluster."""
        return self.says is not Says.NOWHERE

    def rule(self, operation: Operation) -> Rule:
        """Give what undoes an operation by default."""
        return self.rules.get(operation, self.otherwise)


_SERVED = {
    Operation.CREATE: Rule.DELETE,
    Operation.APPLY: Rule.NOT_AUTOMATIC,
    Operation.PATCH: Rule.NOT_AUTOMATIC,
    Operation.DELETE: Rule.NOT_AUTOMATIC,
}
_REPLACED = _SERVED | {Operation.REPLACE: Rule.NOT_AUTOMATIC}
_OBJECT = ("name", "namespace", "spec")

KINDS: Mapping[ActionType, Kind] = MappingProxyType(
    {
        ActionType.HTTP: Kind(
            block="http",
            outputs=("http_response",),
            templates=("url", "method", "headers", "body"),
            says=Says.NOWHERE,
            otherwise=Rule.UNDEFINED,
        ),
        ActionType.JOB: Kind(
            block="job",
            outputs=("job_ref",),
            templates=("namespace", "template"),
            says=Says.TEMPLATE,
            api_version=BATCH,
            kind="Job",
            otherwise=Rule.DELETE,
        ),
        ActionType.LOCALIZATION: Kind(
            block="localization",
            outputs=("localization_ref",),
            templates=_OBJECT,
            api_version=CLUSTERNET,
            kind="Localization",
            needs_namespace=True,
            rules=_SERVED,
            own_cleanup=True,
        ),
        ActionType.GLOBALIZATION: Kind(
            block="globalization",
            outputs=("globalization_ref",),
            templates=("name", "spec"),
            api_version=CLUSTERNET,
            kind="Globalization",
            namespaced=False,
            rules=_SERVED,
            own_cleanup=True,
        ),
        ActionType.HELM_CHART: Kind(
            block="helm_chart",
            outputs=("helm_chart_ref",),
            templates=_OBJECT,
            api_version=CLUSTERNET,
            kind="HelmChart",
            needs_namespace=True,
            rules=_SERVED,
            own_cleanup=True,
        ),
        ActionType.SUBSCRIPTION: Kind(
            block="subscription",
            outputs=("subscription_ref", "subscription_refs"),
            templates=_OBJECT,
            api_version=CLUSTERNET,
            kind="Subscription",
            rules=_REPLACED,
            per_cluster=True,
            own_cleanup=True,
        ),
        ActionType.KUBERNETES_RESOURCE: Kind(
            block="resource",
            outputs=("resource_ref",),
            templates=("manifest",),
            says=Says.MANIFEST,
            rules=_SERVED | {Operation.APPLY: Rule.DELETE_IF_CREATED},
        ),
    }
)


def kind_of(action: Action) -> Kind:
    """Give the row of an action's type."""
    return KINDS[action.type]


def block_of(action: Action) -> Any:
    """Give the block that the action's type names; None where it is missing."""
    return getattr(action, kind_of(action).block)


def operation_of(action: Action) -> Operation:
    """Give the operation that a definition names; Create where the type has none."""
    operation = getattr(block_of(action), "operation", Operation.CREATE)
    assert isinstance(operation, Operation), "a block's operation is of that enum"
    return operation


def templates_of(action: Action) -> dict[str, Any]:
    """Give the parts of a definition whose texts are templates, by their field path below the action."""
    kind, block = kind_of(action), block_of(action)
    values = {f"{kind.field}.{_alias(type(block), name)}": getattr(block, name) for name in kind.templates if block}
    return {path: value for path, value in values.items() if value is not None}


def filled(action: Action, fill: Callable[[Any, str], Any]) -> Action:
    """Give an action with every template part replaced by what `fill` makes of it and its field path."""
    kind, block = kind_of(action), block_of(action)
    parts = templates_of(action)
    paths = {name: f"{kind.field}.{_alias(type(block), name)}" for name in kind.templates}
    values = {name: fill(parts[path], path) for name, path in paths.items() if path in parts}
    return action.model_copy(update={kind.block: block.model_copy(update=values)}) if values else action


def _alias(model: type[Model], name: str) -> str:
    """Give a field's name as it is written in an object."""
    return model.model_fields[name].alias or name


PER_CLUSTER = "PerCluster"


def is_per_cluster(action: Action) -> bool:
    """Tell whether an action is about a Subscription for each cluster: elsewhere the mode means nothing."""
    return kind_of(action).per_cluster and action.cluster_execution_mode == PER_CLUSTER and action.wait_ready
