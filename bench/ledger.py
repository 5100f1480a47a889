"""What ledger and decision cost: records, requests and bytes for each action.

`python -m bench.ledger` computes what is stored, without a server; beside that there is the first part of the ledger,
one record.
`python -m bench.ledger --stack NAME` executes a plan and takes it back on a local stack, and counts what the API server
has seen; a second call with the same name continues where the first one was stopped.
"""

import argparse
import json
from collections import Counter
from datetime import UTC, datetime
from typing import Any

from api.decisions import RevertDecision
from api.meta import EXECUTION_UID_LABEL, ObjectKey, ObjectName, ObjectReference
from api.nodes import ActionOutputs, ActionStatus, StageStatus, WorkflowExecutionStatus
from api.objects import Target
from api.phases import ActionType, Operation, Phase
from api.reasons import Reason
from api.steps import Deletion, RollbackStep
from api.tree import RunState
from bench.objects import execution, plan_objects
from bench.runs import NAMESPACE, Bench, execute
from dev.layout import default_layout
from dev.start import start_stack
from planning.snapshot.decision import decision_documents
from planning.snapshot.ledger import Recorder, document

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


def decision(workflows: int, actions: int) -> RevertDecision:
    """Return the decision to delete what these DRWorkflows created."""
    nodes = [node(f"shop-{number:03}", actions) for number in range(workflows)]
    steps = [[_deletion(action) for action in one.actions] for one in nodes]
    stage = StageStatus(name="all", phase=Phase.PENDING, workflow_executions=nodes)
    return RevertDecision(state=RunState(phase=Phase.PENDING, stage_statuses=[stage]), steps=[[*steps]])


def _deletion(action: ActionStatus) -> RollbackStep | None:
    assert action.outputs is not None
    reference = action.outputs.localization_ref
    assert reference is not None
    target = Target.model_validate(reference.model_dump())
    return RollbackStep(deletions=[Deletion(target=target, uid=reference.uid or "")])


def computed() -> None:
    """Print two lines for each shape."""
    print(f"{'':42} {'records':>8} {'bytes':>10} {'requests/action':>16} {'bytes/action':>13}")
    key = ObjectKey(namespace="default", name="shop-back", uid="8c1f2f6e-4c52-4f4f-9d0e-3f3a8f1e2b71")
    for workflows, actions in SHAPES:
        ledger = [
            document(part)[1] for n in range(workflows) for part in Recorder().records(node(f"shop-{n:03}", actions))
        ]
        decided = [each.data for each in decision_documents(key, decision(workflows, actions), "default")]
        for what, parts in (("ledger", ledger), ("decision", decided)):
            stored, total = sum(len(json.dumps(part)) for part in parts), workflows * actions
            shape = f"{what} of {workflows} DRWorkflows of {actions}"
            print(f"{shape:42} {len(parts):8} {stored:10} {len(parts) / total:16.4f} {stored / total:13.0f}")


def measured(bench: Bench, name: str, stages: int, actions: int) -> None:
    """Execute a plan, take it back, and print what that took."""
    total = stages * actions
    bench.apply(*plan_objects(name, stages, actions))
    execute(bench, name, f"{name}-up")
    up = bench.get(f"{name}-up")
    stored = [len(json.dumps(part["data"])) for part in _ledger(bench, up["metadata"]["uid"])]
    print(f"Execute: {up['status']['duration']}, {up['status']['message']}")
    print(f"ledger: {len(stored)} records, {sum(stored)} bytes, {sum(stored) / total:.0f} for each action")
    bench.apply(execution(f"{name}-down", name, f"{name}-up"))
    bench.wait_completed(f"{name}-down", 1800)
    down = bench.get(f"{name}-down")
    status, uids = down["status"], [each["metadata"]["uid"] for each in (up, down)]
    print(f"Revert: {status['duration']}, {status['phase']}: {status['message']}")
    prefixes = {
        "ledger": f"drplan-{uids[0][:8]}-ledger-",
        "definitions": f"drplan-{uids[0].replace('-', '')[:10]}-",
        "decision": f"drplan-{uids[1].replace('-', '')[:10]}-",
    }
    for what, prefix in prefixes.items():
        for verb, count in sorted(_requests(bench, prefix).items()):
            print(f"{what}: {verb} ControllerRevision: {count} requests, {count / total:.4f} for each action")


def _ledger(bench: Bench, uid: str) -> list[dict[str, Any]]:
    selected = f"--selector={EXECUTION_UID_LABEL}={uid}"
    found = bench.stack.kubectl("get", "controllerrevisions", selected, "--output=json", f"--namespace={NAMESPACE}")
    return [each for each in json.loads(found.stdout)["items"] if "-ledger-" in each["metadata"]["name"]]


def _requests(bench: Bench, prefix: str) -> "Counter[str]":
    """Count the requests for ControllerRevisions whose names begin so, by verb."""
    counts, part, log = Counter[str](), f'"name":"{prefix}', bench.stack.layout.audit_log
    for file in log.parent.glob(f"{log.stem}*"):
        with file.open(encoding="utf-8") as lines:
            events = (json.loads(line) for line in lines if part in line)
            counts.update(event["verb"] for event in events if event["stage"] == "ResponseComplete")
    return counts


def main() -> None:
    """Compute, or measure on a stack."""
    parser = argparse.ArgumentParser(prog="bench.ledger", description=__doc__)
    parser.add_argument("--stack", metavar="NAME", help="measure on a local stack; NAME of the plan")
    parser.add_argument("--stages", type=int, default=200)
    parser.add_argument("--actions", type=int, default=25, help="actions in each stage's workflow")
    options = parser.parse_args()
    if options.stack:
        measured(Bench(start_stack(default_layout())), options.stack, options.stages, options.actions)
    else:
        computed()


if __name__ == "__main__":
    main()
