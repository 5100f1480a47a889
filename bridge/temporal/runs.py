"""Runs in Temporal as the bridge counts them: which one an execution has, and which ones are open."""

from typing import NamedTuple

from api.execution import DRPlanExecution
from api.meta import Model, ObjectKey
from api.phases import OperationType
from planning.definitions import identifiers
from workflows.contract import root_type


class StartedRun(Model):
    """The run of an execution, from this start or from an earlier one."""

    run_id: str
    searchable: bool = True
    """The server accepted all search attributes."""


class OpenRoot(NamedTuple):
    """An open run of a root's type."""

    workflow_id: str
    run_id: str
    workflow_type: str

    def belongs_to(self, execution: ObjectKey, operation: OperationType) -> bool:
        """Return whether it has the id and a type of the root of an execution, or of its preview."""
        types = {root_type(operation, preview=preview) for preview in (False, True)}
        return self.workflow_type in types and self.workflow_id == identifiers.root_id(operation, execution)


class OpenPart(NamedTuple):
    """An open run of a stage or a DRWorkflow."""

    workflow_id: str
    run_id: str
    root_id: str
    """Workflow id of its root, as the server has it; its own where nobody started it as a child."""


def root_workflow_id(execution: DRPlanExecution) -> str:
    """Return the id of an execution's root workflow, which makes its start exactly-once."""
    return identifiers.root_id(execution.spec.operation_type, execution.metadata.key)
