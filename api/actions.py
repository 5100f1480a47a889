"""Actions of a DRWorkflow, flat as existing objects hold them: `type` says which block counts.

A type without its block is accepted here, as the older CRDs accept it, and refused by
planning.validation, where the message can say more than a schema.
Bodies that belong to other projects (Clusternet specs, a Job's template, a rollback) stay open objects.
Source: docs/spec/drworkflow.md; docs/decisions/0002-flat-actions-and-open-bodies.md.
"""

from typing import Annotated, Any

from pydantic import Field

from api.execution import Int32
from api.meta import Model
from api.phases import ActionType, Operation

OpenObject = Annotated[
    dict[str, Any], Field(json_schema_extra={"type": "object", "x-kubernetes-preserve-unknown-fields": True})
]


class RetryPolicy(Model):
    """How often and at what pace an action is repeated after an error."""

    limit: Int32 = 3
    """Retries after the first attempt."""
    interval: str = "5s"
    """Go duration before the first retry."""
    backoff_multiplier: str = "2.0"


class HookCleanup(Model):
    """When a hook's objects are removed."""

    before_create: bool | None = None
    on_success: bool | None = None
    on_failure: bool | None = None


class HttpRequest(Model):
    """A request to a service."""

    url: str
    method: str = Field(
        default="GET", json_schema_extra={"enum": ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"]}
    )
    headers: dict[str, str] | None = None
    body: str | None = None
    success_codes: list[int] | None = None
    insecure_skip_verify: bool | None = None


class JobTemplate(Model):
    """A batch/v1 Job."""

    namespace: str | None = None
    ttl_seconds_after_finished: Int32 | None = None
    template: OpenObject


class ClusternetObject(Model):
    """A Localization, HelmChart or Subscription; the spec is Clusternet's own."""

    name: str
    namespace: str | None = None
    operation: Operation = Operation.CREATE
    spec: OpenObject | None = None


class GlobalizationObject(Model):
    """A Globalization: cluster-scoped."""

    name: str
    operation: Operation = Operation.CREATE
    spec: OpenObject | None = None


class ManifestObject(Model):
    """Any object, as YAML text."""

    manifest: str
    operation: Operation = Operation.CREATE


class Action(Model):
    """One step of a DRWorkflow."""

    name: Annotated[str, Field(min_length=1)]
    type: ActionType
    http: HttpRequest | None = None
    job: JobTemplate | None = None
    localization: ClusternetObject | None = None
    globalization: GlobalizationObject | None = None
    helm_chart: ClusternetObject | None = None
    subscription: ClusternetObject | None = None
    resource: ManifestObject | None = None
    timeout: str = "5m"
    """Go duration: how long one attempt may take, waiting included."""
    wait_ready: bool = False
    retry_policy: RetryPolicy | None = None
    rollback: OpenObject | None = None
    """A custom rollback: an Action, of any type."""
    depends_on: list[str] | None = None
    when: str | None = None
    hook_type: str | None = None
    hook_cleanup: HookCleanup | None = None
    cluster_execution_mode: str = Field(default="", json_schema_extra={"enum": ["", "Global", "PerCluster"]})

    @property
    def retries(self) -> RetryPolicy:
        """The retry policy, with the default filled in."""
        return self.retry_policy or RetryPolicy()
