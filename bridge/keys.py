"""Which object of ours a pass is about."""

from enum import StrEnum
from typing import NamedTuple

from api.meta import API_VERSION
from api.steps import Target


class Kind(StrEnum):
    """The kinds of this project."""

    EXECUTION = "DRPlanExecution"
    PLAN = "DRPlan"
    DR_WORKFLOW = "DRWorkflow"


class Key(NamedTuple):
    """An object to pass over."""

    kind: Kind
    namespace: str
    name: str

    @property
    def target(self) -> Target:
        """The object as calls to the API server name it."""
        return Target(api_version=API_VERSION, kind=self.kind.value, name=self.name, namespace=self.namespace)
