"""Actions of a DRWorkflow, flat as existing objects hold them: `type` says which block counts.

A type without its block is accepted here, as the older CRDs accept it, and refused by
planning.validation, where the message can say more than a schema.
Bodies that belong to other projects (Clusternet specs, a Job's template, a rollback) stay open objects.
Source: docs/spec/drworkflow.md; docs/decisions/0002-flat-actions-and-open-bodies.md.
"""

from typing import Annotated, Any

from pydantic import ConfigDict, Field

from api.meta import Model
from api.nodes import Int32
from api.phases import ActionType, Operation, PatchType

OpenObject = Annotated[
    dict[str, Any], Field(json_schema_extra={"type": "object", "x-kubernetes-preserve-unknown-fields": True})
]

ObjectOperation = Annotated[
    Operation, Field(json_schema_extra={"enum": [o.value for o in Operation if o is not Operation.REPLACE]})
]
"""What the CRD admits where Replace means nothing; only a Subscription is ever replaced."""

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")
"""Methods of requests. The API server validates them, but not in the body of a rollback, which is an open object."""
CLUSTER_EXECUTION_MODES = ("", "Global", "PerCluster")
"""Like METHODS, not validated by the API server in a rollback."""


class RetryPolicy(Model):
    """How often and at what pace an action is repeated after an error."""

    limit: Int32 = 3
    """Retries after the first attempt. An attempt that was lost with its worker does not count."""
    interval: str = "5s"
    """Go duration before the first retry."""
    backoff_multiplier: str = "2.0"
    """By how much each pause is longer than the one before; no pause is longer than 5 minutes."""


class HookCleanup(Model):
    """When a hook's objects are removed."""

    before_create: bool | None = None
    """Before the hook runs: what an earlier run left is removed."""
    on_success: bool | None = None
    """After the hook succeeded."""
    on_failure: bool | None = None
    """After the hook failed."""


class HttpRequest(Model):
    """A request to a service."""

    url: str
    """Where the request goes."""
    method: str = Field(default="GET", json_schema_extra={"enum": [*METHODS]})
    """The request's method."""
    headers: dict[str, str] | None = None
    """The request's headers."""
    body: str | None = None
    """The request's body."""
    success_codes: list[int] | None = None
    """Status codes that count as success; without them, 200 to 299."""
    insecure_skip_verify: bool | None = None
    """Whether the server's certificate goes unverified."""
    show_path: bool | None = None
    """Additive. Whether messages show the path of `url`; without it they show scheme and host only."""


class JobTemplate(Model):
    """A batch/v1 Job."""

    namespace: str | None = None
    """Namespace of the Job; empty means `default`."""
    ttl_seconds_after_finished: Int32 | None = None
    """Seconds after which the finished Job is removed."""
    template: OpenObject
    """The Job's template: `metadata` and `spec` as in batch/v1 JobTemplateSpec."""


class ClusternetObject(Model):
    """An object of Clusternet."""

    # The CRD wants a namespace, as the older ones do; a custom rollback, whose body is open, may come without.
    model_config = ConfigDict(json_schema_extra={"required": ["name", "namespace"]})

    name: str
    """Name of the object."""
    namespace: str | None = None
    """Namespace of the object."""
    operation: ObjectOperation = Operation.CREATE
    """What is done with the object."""
    spec: OpenObject | None = None
    """The object's spec, as Clusternet defines it."""


class LocalizationObject(ClusternetObject):
    """A Localization of Clusternet."""

    namespace: str | None = None
    """Namespace of the Localization: that of the managed cluster."""


class SubscriptionObject(ClusternetObject):
    """A Subscription of Clusternet."""

    model_config = ConfigDict(json_schema_extra={"required": ["name"]})

    operation: Operation = Operation.CREATE
    """What is done with the object."""


class GlobalizationObject(Model):
    """A Globalization of Clusternet: cluster-scoped."""

    name: str
    """Name of the object."""
    operation: ObjectOperation = Operation.CREATE
    """What is done with the object."""
    spec: OpenObject | None = None
    """The object's spec, as Clusternet defines it."""


class ManifestObject(Model):
    """Any object, as YAML text."""

    manifest: str
    """The whole object as YAML, with apiVersion, kind and metadata.name."""
    operation: ObjectOperation = Operation.CREATE
    """What is done with the object."""
    patch_type: PatchType | None = None
    """Additive. Of the operation Patch: how the manifest changes the object; empty means `merge`."""


class Action(Model):
    """One step of a DRWorkflow. `type` says which block counts."""

    name: Annotated[str, Field(min_length=1)]
    """Name of the action, unique in the DRWorkflow."""
    type: ActionType
    """What kind of step this is; the block of that kind must be there."""
    http: HttpRequest | None = None
    """Of type HTTP: the request."""
    job: JobTemplate | None = None
    """Of type Job: the Job."""
    localization: LocalizationObject | None = None
    """Of type Localization: the object."""
    globalization: GlobalizationObject | None = None
    """Of type Globalization: the object."""
    helm_chart: ClusternetObject | None = None
    """Of type HelmChart: the object."""
    subscription: SubscriptionObject | None = None
    """Of type Subscription: the object."""
    resource: ManifestObject | None = None
    """Of type KubernetesResource: the object."""
    timeout: str = "5m"
    """Go duration: how long one attempt may take, waiting included."""
    wait_ready: bool = False
    """Whether the action is done only once its object is ready."""
    retry_policy: RetryPolicy | None = None
    """How the action is repeated after an error; without it, 3 retries from 5 seconds apart."""
    rollback: OpenObject | None = None
    """A custom rollback: an action, of any type, that a Revert carries out in place of the default."""
    depends_on: list[str] | None = None
    """Names of actions that must have succeeded before."""
    when: str | None = None
    """Condition under which the action runs: `mode == "install"`."""
    hook_type: str | None = None
    """Which Helm hook the action replaces."""
    hook_cleanup: HookCleanup | None = None
    """When a hook's objects are removed."""
    cluster_execution_mode: str = Field(default="", json_schema_extra={"enum": [*CLUSTER_EXECUTION_MODES]})
    """Whether the action is done once (Global, or empty) or in each managed cluster."""

    @property
    def retries(self) -> RetryPolicy:
        """The retry policy, with the default filled in."""
        return self.retry_policy or RetryPolicy()
