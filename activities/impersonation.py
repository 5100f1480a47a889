"""In whose name the actions of an execution go out.

Source: docs/architecture.md, "In whose name"; Kubernetes, "User impersonation".
"""

from dataclasses import dataclass

from api.execution import DRPlanExecution
from api.plan import DRPlan
from api.steps import Actor


@dataclass(frozen=True)
class Impersonation:
    """The installation's settings: the service account of plans that name none, and whether it counts at all."""

    default_service_account: str = "default"
    enabled: bool = True

    def account(self, plan: DRPlan | None, original: DRPlanExecution | None = None) -> str | None:
        """Name the service account; None where actions have the worker's own rights.

        A plan that is gone is stood in for by what the original's status says.
        """
        if not self.enabled:
            return None
        if plan is not None:
            return plan.spec.service_account_name or self.default_service_account
        recorded = original.status.service_account_name if original else None
        return recorded or self.default_service_account


def actor_of(namespace: str, account: str | None) -> Actor:
    """Give the actor of a service account in the plan's namespace."""
    return Actor(user=None if account is None else f"system:serviceaccount:{namespace}:{account}")
