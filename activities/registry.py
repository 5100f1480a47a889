"""Every activity that the worker serves, built from a cluster client.

A test compares the names and models with those that the workflows call. Source: docs/architecture.md,
"Packages".
"""

from collections.abc import Callable
from typing import Any

from activities.actors import Impersonation
from activities.apply import Executions
from activities.cluster import Cluster
from activities.delete import Rollbacks
from activities.load import Loads


def activities(cluster: Cluster, impersonation: Impersonation) -> list[Callable[..., Any]]:
    """Give the activity methods."""
    loads, executions, rollbacks = Loads(cluster, impersonation), Executions(cluster), Rollbacks(cluster)
    return [
        loads.load_revert,
        loads.load_execute,
        executions.execute_action,
        executions.verify_action,
        rollbacks.rollback_action,
        rollbacks.look_again,
    ]
