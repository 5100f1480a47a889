"""Every activity that the worker serves, built from a cluster client, and the effect of every type of action.

A test compares the names and models with those that the workflows call. Source: docs/architecture.md,
"Packages".
"""

from collections.abc import Callable
from typing import Any

from activities.actors import Impersonation
from activities.apply import Effects, Executions
from activities.cleanup import CleaningEffect
from activities.cluster import Cluster
from activities.delete import Rollbacks
from activities.http import HttpEffect
from activities.job import JobEffect
from activities.load import Loads
from activities.objects import ObjectEffect
from activities.percluster import PerClusterEffect
from activities.resources import ResourceEffect
from activities.sending import Sender
from activities.waiting import WaitingEffect
from api.phases import ActionType
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
