"""From clients and settings to a Temporal worker with all workflows and activities.

Source: docs/architecture.md, "Temporal"; Temporal, "Worker performance" and "Worker Versioning".
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta

from temporalio.client import Client
from temporalio.common import VersioningBehavior, WorkerDeploymentVersion
from temporalio.worker import (
    Interceptor,
    UnsandboxedWorkflowRunner,
    Worker,
    WorkerDeploymentConfig,
    WorkflowRunner,
)
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

from activities.authorize import Authorizer, Impersonation, RunAuthorizer
from activities.registry import activities
from activities.store import SnapshotStore
from kube.client import Cluster
from planning.effects.allowed_hosts import allowed_hosts
from worker.settings import Settings
from workflows.registry import PASSTHROUGH, WORKFLOWS

_HEARTBEAT_THROTTLE = timedelta(seconds=1)
"""The SDK would hold beats back for 80 % of the heartbeat timeout, and a cancel is only heard of by a beat."""

Authorization = Callable[[Client, Cluster, SnapshotStore, Impersonation], Authorizer]
"""Returns what decides whether an activity may do what its input says."""


def build_worker(
    client: Client,
    cluster: Cluster,
    settings: Settings,
    authorization: Authorization = RunAuthorizer.of,
    interceptors: Sequence[Interceptor] = (),
) -> Worker:
    """Build the worker; it begins to poll when it is run."""
    impersonation = Impersonation(settings.default_service_account, settings.impersonate)
    snapshots = SnapshotStore.of(cluster)
    authorizer = authorization(client, cluster, snapshots, impersonation)
    temporal_host = client.service_client.config.target_host.rpartition(":")[0].strip("[]")
    control_plane = frozenset({cluster.host, temporal_host.lower()})
    hosts = replace(allowed_hosts(settings.http_allowed_hosts), control_plane=control_plane)
    return Worker(
        client,
        task_queue=settings.task_queue,
        workflows=WORKFLOWS,
        activities=activities(cluster, impersonation, authorizer, hosts, snapshots),
        workflow_runner=_workflow_runner(sandboxed=settings.workflow_sandbox),
        max_concurrent_activities=settings.max_concurrent_activities,
        graceful_shutdown_timeout=settings.graceful_shutdown,
        max_heartbeat_throttle_interval=_HEARTBEAT_THROTTLE,
        default_heartbeat_throttle_interval=_HEARTBEAT_THROTTLE,
        deployment_config=_deployment(settings),
        interceptors=interceptors,
    )


def _workflow_runner(*, sandboxed: bool) -> WorkflowRunner:
    """Return what runs workflow code.

    The sandbox loads `workflows` again for each run: with some dozens of runs in the cache, a full garbage collection
    stopped all activities for 100 ms. The import contracts, and tests and replays in the sandbox, keep the code pure.
    """
    if not sandboxed:
        return UnsandboxedWorkflowRunner()
    return SandboxedWorkflowRunner(restrictions=SandboxRestrictions.default.with_passthrough_modules(*PASSTHROUGH))


def _deployment(settings: Settings) -> WorkerDeploymentConfig | None:
    """Give the versioning of this worker; None, the default, takes every task."""
    if settings.deployment_name is None or settings.build_id is None:
        return None
    return WorkerDeploymentConfig(
        version=WorkerDeploymentVersion(deployment_name=settings.deployment_name, build_id=settings.build_id),
        use_worker_versioning=True,
        default_versioning_behavior=VersioningBehavior.PINNED,
    )
