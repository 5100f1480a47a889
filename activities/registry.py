"""Every activity that the worker serves, built from a cluster client, and the effect of every type of action.

A test compares the names and models with those that the workflows call. Source: docs/architecture.md,
"Packages".
"""

from collections.abc import Callable
from typing import Any

from activities.attempt.heartbeat import Pulse
from activities.effects.effect import Effect, Order
from activities.effects.hook_cleanup import CleaningEffect
from activities.effects.http import HttpEffect
from activities.effects.http_client import Sender
from activities.effects.job import JobEffect
from activities.effects.objects import ObjectEffect
from activities.effects.per_cluster import PerClusterEffect
from activities.effects.wait_ready import WaitingEffect
from activities.execute_action import Effects, Executions
from activities.impersonation import Impersonation
from activities.load import Loads
from activities.rollback_action import Rollbacks
from api.phases import ActionType, Operation
from api.steps import ActionOutcome
from kube.client import Cluster
from planning.definitions.action_types import BATCH
from planning.effects.allowed_hosts import ANY_HOST, AllowedHosts


def activities(
    cluster: Cluster, impersonation: Impersonation, hosts: AllowedHosts = ANY_HOST
) -> list[Callable[..., Any]]:
    """Give the activity methods; `hosts` is where HTTP actions may go."""
    loads, executions = Loads(cluster, impersonation), Executions(cluster, effects(cluster, hosts))
    rollbacks = Rollbacks(cluster, executions)
    return [
        loads.load_revert,
        loads.load_execute,
        executions.execute_action,
        executions.verify_action,
        rollbacks.rollback_action,
        rollbacks.look_again,
    ]


def effects(cluster: Cluster, hosts: AllowedHosts = ANY_HOST) -> Effects:
    """Give what carries out each type of action; a type that is missing here is not supported."""
    objects, jobs = CleaningEffect(WaitingEffect(ObjectEffect(cluster), cluster), cluster), JobEffect(cluster)
    return {
        ActionType.LOCALIZATION: objects,
        ActionType.GLOBALIZATION: objects,
        ActionType.HELM_CHART: objects,
        ActionType.SUBSCRIPTION: PerClusterEffect(objects, cluster),
        ActionType.KUBERNETES_RESOURCE: ResourceEffect(objects, jobs),
        ActionType.HTTP: HttpEffect(Sender(hosts)),
        ActionType.JOB: jobs,
    }


class ResourceEffect:
    """An effect on one object, or on a Job that is to complete."""

    def __init__(self, objects: Effect, jobs: Effect) -> None:
        self._objects = objects
        self._jobs = jobs

    async def execute(self, order: Order, pulse: Pulse) -> ActionOutcome:
        """Carry the order out."""
        return await self._effect(order).execute(order, pulse)

    async def verify(self, order: Order) -> ActionOutcome:
        """Look whether it was carried out."""
        return await self._effect(order).verify(order)

    def _effect(self, order: Order) -> Effect:
        subject = order.subject
        job = subject.kind == "Job" and subject.api_version == BATCH
        runs = job and order.action.wait_ready and order.operation is Operation.CREATE
        return self._jobs if runs else self._objects
