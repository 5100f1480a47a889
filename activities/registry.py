"""All activities that the worker serves, and the effect of every type of action.

A test compares the names and models with those that the workflows call. Source: docs/architecture.md,
"Packages".
"""

from collections.abc import Callable
from typing import Any

from activities.attempt import RunningAttempt
from activities.authorize import Authorizer, Impersonation
from activities.decision import DecidedReverts
from activities.effects.action import Effect, ResolvedAction
from activities.effects.hook_cleanup import HookCleanupEffect
from activities.effects.http import HttpEffect
from activities.effects.http_client import HttpClient
from activities.effects.job import JobEffect
from activities.effects.objects import ObjectEffect
from activities.effects.per_cluster import PerClusterEffect
from activities.effects.wait_ready import WaitReadyEffect
from activities.execute_action import EffectsByType, ExecuteActivities
from activities.ledger import LedgerActivities
from activities.load import LoadActivities
from activities.preview import Previewer
from activities.proof import ProofActivities
from activities.retry_parameters import ParametersActivities
from activities.rollback_action import RollbackActivities
from activities.store import SnapshotStore
from api.attempts import ActionOutcome
from api.phases import ActionType, Operation
from kube.client import Cluster
from planning.definitions.action_types import is_per_cluster
from planning.definitions.target import is_job
from planning.effects.allowed_hosts import ANY_HOST, AllowedHosts


def activities(
    cluster: Cluster,
    impersonation: Impersonation,
    authorizer: Authorizer,
    hosts: AllowedHosts = ANY_HOST,
    snapshots: SnapshotStore | None = None,
) -> list[Callable[..., Any]]:
    """Return the activity methods; `hosts` is where HTTP actions may send requests.

    They share the store of `snapshots`, which the authorizer uses as well: each document is read and parsed once.
    """
    asking, snapshots = cluster.dry_running(), snapshots or SnapshotStore.of(cluster)
    previewer = Previewer(asking, effects(asking, hosts))
    decided = DecidedReverts()
    load = LoadActivities(cluster, impersonation, authorizer, previewer, snapshots, decided)
    executing = ExecuteActivities(cluster, effects(cluster, hosts), authorizer, snapshots)
    rollback = RollbackActivities(cluster, executing, authorizer)
    return [
        load.load_revert,
        load.load_execute,
        load.preview,
        load.decide_again,
        load.rehearse,
        executing.execute_action,
        executing.verify_action,
        rollback.rollback_action,
        rollback.look_again,
        LedgerActivities(cluster, authorizer).store_record,
        ProofActivities(cluster, impersonation, authorizer, snapshots, decided).prove_revert,
        ParametersActivities(cluster, authorizer, snapshots).store_parameters,
    ]


def effects(cluster: Cluster, hosts: AllowedHosts = ANY_HOST) -> EffectsByType:
    """Return the effect of each type of action; a type that is missing here is not supported."""
    objects = HookCleanupEffect(WaitReadyEffect(ObjectEffect(cluster), cluster), cluster)
    per_cluster, jobs = HookCleanupEffect(PerClusterEffect(objects, cluster), cluster), JobEffect(cluster)
    return {
        ActionType.LOCALIZATION: objects,
        ActionType.GLOBALIZATION: objects,
        ActionType.HELM_CHART: objects,
        ActionType.SUBSCRIPTION: EitherEffect(
            lambda action: is_per_cluster(action.definition), then=per_cluster, otherwise=objects
        ),
        ActionType.KUBERNETES_RESOURCE: EitherEffect(_waits_for_job, then=jobs, otherwise=objects),
        ActionType.HTTP: HttpEffect(HttpClient(hosts)),
        ActionType.JOB: jobs,
    }


class EitherEffect:
    """One of two effects, chosen by what the action's definition says."""

    def __init__(self, condition: Callable[[ResolvedAction], bool], then: Effect, otherwise: Effect) -> None:
        self._condition = condition
        self._then = then
        self._otherwise = otherwise

    async def execute(self, action: ResolvedAction, attempt: RunningAttempt) -> ActionOutcome:
        """Carry the action out by the effect that is chosen."""
        return await self._effect(action).execute(action, attempt)

    async def preview(self, action: ResolvedAction, attempt: RunningAttempt) -> ActionOutcome:
        """Ask by the effect that is chosen."""
        return await self._effect(action).preview(action, attempt)

    async def verify(self, action: ResolvedAction) -> ActionOutcome:
        """Check by the effect that is chosen."""
        return await self._effect(action).verify(action)

    def _effect(self, action: ResolvedAction) -> Effect:
        return self._then if self._condition(action) else self._otherwise


def _waits_for_job(action: ResolvedAction) -> bool:
    """Return whether the action creates a Job and waits for it, like an action of type Job."""
    return action.definition.wait_ready and action.operation is Operation.CREATE and is_job(action.target)
