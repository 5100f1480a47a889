"""What the ledger of an Execute costs: records and bytes for each action. `python -m bench.ledger` needs no server.

Beside these it takes one request at the start of the Execute, for the first part.
"""

import json
from datetime import UTC, datetime

from api.execution import ActionOutputs, ActionStatus, WorkflowExecutionStatus
from api.meta import ObjectName, ObjectReference
from api.phases import ActionType, Operation, Phase
from api.reasons import Reason
from planning.snapshot.ledger import document, records

SHAPES = ((1, 1), (50, 4), (200, 25), (1, 5000))
"""DRWorkflows, and the actions of each."""
_MOMENT = datetime(2026, 2, 3, 10, 0, tzinfo=UTC)


def node(name: str, actions: int) -> WorkflowExecutionStatus:
    """Return a DRWorkflow that created Localizations."""
    references = [
        ObjectReference(
            api_version="apps.clusternet.io/v1alpha1",
            kind="Localization",
            namespace="default",
            name=f"{name}-{number:04}",
            uid="8c1f2f6e-4c52-4f4f-9d0e-3f3a8f1e2b71",
        )
        for number in range(actions)
    ]
    done = [
        ActionStatus(
            name=f"create-{reference.name}",
            type=ActionType.LOCALIZATION,
            phase=Phase.SUCCEEDED,
            reason=Reason.EXECUTED,
            start_time=_MOMENT,
            completion_time=_MOMENT,
            operation=Operation.CREATE,
            created=True,
            custom_rollback=False,
            outputs=ActionOutputs(localization_ref=reference),
        )
        for reference in references
    ]
    ref = ObjectName(name=name, namespace="default")
    return WorkflowExecutionStatus(workflow_ref=ref, phase=Phase.SUCCEEDED, action_statuses=done)


def main() -> None:
    """Print a line for each shape."""
    print(f"{'':28} {'records':>8} {'bytes':>10} {'requests/action':>16} {'bytes/action':>13}")
    for workflows, actions in SHAPES:
        parts = [document(part)[1] for n in range(workflows) for part in records(node(f"shop-{n:03}", actions))]
        stored, total = sum(len(json.dumps(part)) for part in parts), workflows * actions
        shape = f"{workflows} DRWorkflows of {actions}"
        print(f"{shape:28} {len(parts):8} {stored:10} {len(parts) / total:16.4f} {stored / total:13.0f}")


if __name__ == "__main__":
    main()
