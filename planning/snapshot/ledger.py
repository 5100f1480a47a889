"""The ledger of an Execute: from the tree to what is stored, and from that to the tree that a Revert rolls back.

Source: docs/spec/drplanexecution.md, "The ledger".
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import ValidationError

from api.execution import DRPlanExecution
from api.ledger import Ledger, LedgerStage, WorkflowRecord
from api.meta import Model
from api.nodes import ActionStatus, LedgerRef, StageStatus, WorkflowExecutionStatus
from api.phases import Operation, Phase
from api.tree import LedgerFault, RunState
from planning.messages import rejections as rejection_messages
from planning.snapshot.documents import digest, divided, stored_size
from planning.status.rollup import rollup

ModelT = TypeVar("ModelT", bound=Model)
Place = tuple[int, int]
"""A DRWorkflow in the tree: the positions of its stage and of itself."""

PART_BOUND = 900_000
"""Bytes of the actions of one part: it travels through Temporal, which takes 2 MB, and etcd takes 1.5 MiB.

Another number would change the commands of runs that are open.
"""


class LedgerError(Exception):
    """A ledger that cannot be used; the message says what to do."""

    def __init__(self, fault: LedgerFault, message: str) -> None:
        super().__init__(message)
        self.fault = fault


# What is stored.


def first_part(state: RunState) -> Ledger:
    """Return the first part of the ledger of an Execute that was decided. Its snapshot must be stored."""
    assert state.snapshot is not None, "a ledger names the definitions that it is about"
    stages = [
        LedgerStage(
            name=stage.name,
            parallel=stage.parallel,
            depends_on=stage.depends_on,
            workflows=[node.workflow_ref for node in stage.workflows],
            skipped=[place for place, node in enumerate(stage.workflows) if node.phase is Phase.SKIPPED],
        )
        for stage in state.stages
    ]
    return Ledger(service_account_name=state.service_account_name, snapshot=state.snapshot, stages=stages)


@dataclass(frozen=True)
class _Recorded:
    """What is recorded of an action."""

    action: ActionStatus
    """As the tree has it."""
    record: ActionStatus
    size: int


class Recorder:
    """Makes the record of a DRWorkflow; its actions are measured as they end, for thousands at once take long."""

    def __init__(self) -> None:
        self._recorded: dict[int, _Recorded] = {}

    def take(self, index: int, action: ActionStatus) -> _Recorded:
        """Return what is recorded of the action at `index`, which has ended; the same object is measured once."""
        known = self._recorded.get(index)
        if known is None or known.action is not action:
            record = _recorded(action)
            known = self._recorded[index] = _Recorded(action, record, stored_size(record))
        return known

    def records(self, node: WorkflowExecutionStatus) -> list[WorkflowRecord]:
        """Return the record of a DRWorkflow that has ended, in as many parts as it needs; the first lacks the others.

        A single action is never divided: the result of its activity was no larger than a part may be.
        """
        taken = [self.take(index, action) for index, action in enumerate(node.actions)]
        parts = divided([(each.record, each.size) for each in taken], PART_BOUND)
        times = {"start_time": node.start_time, "completion_time": node.completion_time}
        return [WorkflowRecord(phase=node.phase, actions=actions, **times) for actions in parts]


def _recorded(action: ActionStatus) -> ActionStatus:
    """Return what a rollback rests on, without what is only shown."""
    clusters = action.cluster_statuses and [one.model_copy(update={"message": None}) for one in action.cluster_statuses]
    shown = dict.fromkeys(("message", "retries", "retry_count"))
    return action.model_copy(update={**shown, "cluster_statuses": clusters})


def document(content: Model) -> tuple[str, dict[str, Any]]:
    """Return the hash of a part and the data that is stored, which holds both."""
    data = content.to_object()
    sha256 = digest(data)
    return sha256, {"sha256": sha256, "content": data}


# What is read.


def read_part(kind: type[ModelT], data: Mapping[str, Any], sha256: str | None) -> ModelT | None:
    """Return a stored part; None where it is not what was stored.

    `sha256` is the hash that is recorded elsewhere, None where none is.
    """
    content = data.get("content")
    recorded = data.get("sha256")
    if digest(content) != recorded or sha256 not in (None, recorded):
        return None
    try:
        return kind.model_validate(content)
    except ValidationError:
        return None


@dataclass(frozen=True)
class StoredLedger:
    """The ledger of an Execute as it was read, each part with where it is."""

    first: Ledger
    ref: LedgerRef
    workflows: Mapping[Place, tuple[WorkflowRecord, LedgerRef]]


def node_at(original: DRPlanExecution, place: Place) -> WorkflowExecutionStatus | None:
    """Return what the status shows at a place; None where it shows nothing there."""
    stages = original.status.stages
    workflows = stages[place[0]].workflows if place[0] < len(stages) else []
    return workflows[place[1]] if place[1] < len(workflows) else None


def whole(original: DRPlanExecution, ledger: StoredLedger) -> DRPlanExecution:
    """Return an original with the tree that its ledger describes. Raises LedgerError.

    Of the status only parts are used that have no record, because their run was lost or never began: none of them
    is rolled back, and what they left standing is named where it has the execution's mark.
    """
    stages = [_stage(original, ledger, index, stage) for index, stage in enumerate(ledger.first.stages)]
    trusted = {
        "stage_statuses": stages,
        "ledger": ledger.ref,
        "snapshot": ledger.first.snapshot,
        "service_account_name": ledger.first.service_account_name,
    }
    return original.model_copy(update={"status": original.status.model_copy(update=trusted)})


def _stage(original: DRPlanExecution, ledger: StoredLedger, index: int, stage: LedgerStage) -> StageStatus:
    nodes = []
    for position, ref in enumerate(stage.workflows):
        stored = ledger.workflows.get((index, position))
        node = WorkflowExecutionStatus(workflow_ref=ref, phase=Phase.SKIPPED)
        shown = node_at(original, (index, position))
        if stored is not None:
            record, found = stored
            update = {"phase": record.phase, "action_statuses": record.actions, "ledger": found}
            update |= {"start_time": record.start_time, "completion_time": record.completion_time}
            nodes.append(node.model_copy(update=update))
        elif shown is None or position in stage.skipped:
            nodes.append(node)
        elif shown.phase is Phase.SUCCEEDED:
            problem = rejection_messages.ledger_lacks(original.metadata.name, ref.name, stage.name)
            raise LedgerError(LedgerFault.GONE, problem)
        else:
            actions = [_only_shown(action) for action in shown.actions] or None
            nodes.append(node.model_copy(update={"phase": shown.phase, "action_statuses": actions}))
    phase = rollup(node.phase for node in nodes)
    recorded = sum(node.ledger is not None for node in nodes)
    if phase is Phase.SUCCEEDED and recorded + len(stage.skipped) < len(nodes):
        # Something came before the others: a cancel, or the end of the plan before this stage.
        phase = Phase.CANCELED if recorded else Phase.SKIPPED
    return StageStatus(
        name=stage.name,
        phase=phase,
        parallel=stage.parallel,
        depends_on=stage.depends_on,
        workflow_executions=nodes,
    )


def _only_shown(action: ActionStatus) -> ActionStatus:
    """Return an action that has no record: how it ended by the status, and what it may have left standing."""
    shown = ActionStatus(name=action.name, type=action.type, phase=action.phase, reason=action.reason)
    creates = action.created and action.operation in (Operation.CREATE, Operation.APPLY)
    if not creates or action.phase is Phase.SKIPPED:
        return shown
    return shown.model_copy(update={"operation": action.operation, "created": True, "outputs": action.outputs})


def places(ledger: Ledger) -> list[Place]:
    """Return every place of a ledger's tree."""
    return [(index, position) for index, stage in enumerate(ledger.stages) for position in range(len(stage.workflows))]
