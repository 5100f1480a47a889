"""Which objects prove that a Revert took an execution back, and what a check of them says of each action.

What an object was before the Execute is what it was before the first action on it, of the oldest execution that is
taken back: all later actions on that object share the answer. Nothing here rests on what the Revert decided.
Source: docs/spec/drplanexecution.md, "Proof"; docs/decisions/0027-a-revert-proves-what-it-did.md.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import groupby
from typing import TypeVar

from api.execution import DRPlanExecution
from api.meta import ObjectKey, go_duration, parse_duration
from api.nodes import ActionStatus, StageStatus
from api.objects import Target
from api.phases import Operation, Phase
from api.proof import ActionProof, Proof, ProofResult
from api.reasons import Reason
from api.runs import ProofReport, ProvedAction
from api.tree import ExecutionTree
from planning.definitions.action_types import ACTION_TYPES
from planning.definitions.identifiers import Workflows
from planning.definitions.yaml_scalars import ManifestError
from planning.messages import fields as field_messages
from planning.messages import proof as proof_messages
from planning.messages.text import bounded
from planning.revert.default_rollback import objects_of
from planning.revert.marks import of_execution
from planning.revert.original import NodeKey, OriginalAction, keys, marks_of, read_tree
from planning.revert.scope import Scope

TreeT = TypeVar("TreeT", bound=ExecutionTree)
ActionKey = tuple[str, NodeKey]
"""Name of the execution, empty unless the Revert takes back several, and the action's key in it."""
ObjectId = tuple[str, str, str, str]
"""Group, kind, namespace and name: an object is one in whatever version it is read."""

_NOT_OF_THIS_REVERT = (
    Reason.ORIGINAL_NOT_SUCCEEDED,
    Reason.NOT_SELECTED,
    Reason.ALREADY_ROLLED_BACK,
    Reason.NOT_STARTED_BEFORE_CANCEL,
)
"""Why an action is Skipped that this Revert does not answer for."""
LONGEST_SOAK = timedelta(days=30)
_GRAVITY = (ProofResult.DIFFERS, ProofResult.UNREADABLE, ProofResult.NOT_RECORDED)
"""Of an action with several objects the first of these counts."""


@dataclass
class ObjectBefore:
    """An object that an execution changed, and where it is stored what it was before."""

    target: Target
    execution: ObjectKey
    record: str | None
    """The mark of the action whose record holds the state; None where there was no object."""
    created: bool
    """Whether it did not exist, if there is no record."""
    uids: set[str] = field(default_factory=set)
    """Of all objects that the executions recorded under this name."""


@dataclass
class ObjectsBefore:
    """All objects to check, and the actions that they belong to."""

    objects: dict[ObjectId, ObjectBefore] = field(default_factory=dict)
    actions: dict[ActionKey, tuple[ObjectId, ...] | ActionProof] = field(default_factory=dict)
    """An action without an object to check has its answer already."""
    marks: tuple[str, ...] = ()
    """What the marks of objects that the executions created, and a Revert created again, begin with."""

    def report(self, proofs: Mapping[ObjectId, ActionProof]) -> ProofReport:
        """Return what the answers for objects say of the actions."""
        return ProofReport(
            actions=[
                _proved(key, what if isinstance(what, ActionProof) else _gravest(proofs[each] for each in what))
                for key, what in self.actions.items()
            ]
        )


def objects_before(originals: Sequence[tuple[str, DRPlanExecution, Workflows]], scope: Scope) -> ObjectsBefore:
    """Find what the executions that are taken back did to which objects; the oldest execution comes first."""
    result = ObjectsBefore()
    for part, original, workflows in originals:
        uid = original.metadata.uid
        result.marks += tuple(dict.fromkeys([*(of_execution(original) or ()), f"{uid}/"]))
        for stage in read_tree(original, workflows, scope):
            for workflow in stage.workflows:
                marks = marks_of(uid, stage, workflow)
                for action in workflow.actions:
                    if action.reverted and action.hook is None:
                        before = _before(action, original.metadata.key, marks[action.key[-1]])
                        result.actions[part, action.key] = _added(result, before)
    return result


def _added(result: ObjectsBefore, before: list[ObjectBefore] | ActionProof) -> tuple[ObjectId, ...] | ActionProof:
    if isinstance(before, ActionProof):
        return before
    ids = []
    for one in before:
        target = one.target
        object_id = (target.api_version.rpartition("/")[0], target.kind, target.namespace or "", target.name)
        result.objects.setdefault(object_id, one).uids.update(one.uids)
        ids.append(object_id)
    return tuple(ids)


def _before(action: OriginalAction, execution: ObjectKey, mark: str) -> list[ObjectBefore] | ActionProof:
    """Say what the objects of an action were before it."""
    record, operation = action.record, action.operation or Operation.CREATE
    if action.type is None or not ACTION_TYPES[action.type].has_object:
        return ActionProof(result=ProofResult.NOT_APPLICABLE)
    if record.phase is not Phase.SUCCEEDED and record.outputs is None and not action.may_have_created:
        return ActionProof(result=ProofResult.NOT_APPLICABLE)
    try:
        items = list(objects_of(action, action.type))
    except ManifestError:
        items = []
    found_nothing = operation is Operation.DELETE and record.reason is Reason.ALREADY_ABSENT
    if not items or not (found_nothing or all(item.uid for item in items)):
        return ActionProof(result=ProofResult.NOT_RECORDED, message=proof_messages.OBJECT_NOT_RECORDED)
    changes = not found_nothing and operation in (Operation.PATCH, Operation.DELETE, Operation.REPLACE)
    changes = changes or (operation is Operation.APPLY and not record.created)
    # A hook may have deleted what had the name of its object.
    is_stored = changes or action.cleanup.before_create
    stored = mark if is_stored else None
    return [
        ObjectBefore(item.target, execution, stored, not changes, {item.uid} if item.uid else set()) for item in items
    ]


def _gravest(proofs: Iterable[ActionProof]) -> ActionProof:
    found = list(proofs)
    return next((one for result in _GRAVITY for one in found if one.result is result), ActionProof())


def _proved(key: ActionKey, proof: ActionProof) -> ProvedAction:
    part, (stage, workflow, action) = key
    return ProvedAction(
        execution=part,
        stage=stage[0],
        stage_occurrence=stage[1],
        workflow=workflow[0],
        workflow_occurrence=workflow[1],
        action=action[0],
        action_occurrence=action[1],
        proof=proof,
    )


def is_checked(stages: Iterable[StageStatus]) -> bool:
    """Return whether a Revert answers for any of its actions."""
    return any(_answers_for(action) for stage in stages for action in stage.actions)


def _answers_for(action: ActionStatus) -> bool:
    return not (action.phase is Phase.SKIPPED and action.reason in _NOT_OF_THIS_REVERT)


def soak_fault(text: str) -> str | None:
    """Say what is wrong with `spec.soak`; None where nothing is."""
    try:
        span = parse_duration(text)
    except (ValueError, OverflowError) as error:
        return str(error)
    return field_messages.soak_too_long(text, go_duration(LONGEST_SOAK)) if span > LONGEST_SOAK else None


def parts_of(stages: Iterable[StageStatus]) -> list[str]:
    """Return the executions that a Revert with `revertTo` takes back, the newest first."""
    return list(dict.fromkeys(stage.execution for stage in stages if stage.execution))


def with_proof(tree: TreeT, report: ProofReport, now: datetime, soak: timedelta | None = None) -> TreeT:
    """Return the tree of a Revert with what was found; with `soak`, that is checked once more."""
    found = {_key_of(one): one.proof for one in report.actions}
    by_part = groupby(tree.stages, key=lambda stage: stage.execution or "")
    stages = [stage for part, own in by_part for stage in _proved_stages(part, list(own), found)]
    proofs = [action.proof.result for stage in stages for action in stage.actions if action.proof]
    summary = Proof(
        checked_at=now.replace(microsecond=0),
        verified=proofs.count(ProofResult.VERIFIED),
        differing=proofs.count(ProofResult.DIFFERS),
        unknown=proofs.count(ProofResult.NOT_RECORDED) + proofs.count(ProofResult.UNREADABLE),
        next_check_at=now.replace(microsecond=0) + soak if soak is not None else None,
    )
    return tree.model_copy(update={"stage_statuses": stages, "proof": summary})


def without_proof(tree: TreeT, error: str, now: datetime) -> TreeT:
    """Return the tree of a Revert that could not be checked; what was found before stays with its actions."""
    counts = tree.proof or Proof(checked_at=now.replace(microsecond=0))
    proof = counts.model_copy(update={"error": bounded(error), "next_check_at": None})
    return tree.model_copy(update={"proof": proof})


def _key_of(one: ProvedAction) -> ActionKey:
    stage, workflow = (one.stage, one.stage_occurrence), (one.workflow, one.workflow_occurrence)
    return one.execution, (stage, workflow, (one.action, one.action_occurrence))


def _proved_stages(
    part: str, stages: Sequence[StageStatus], found: Mapping[ActionKey, ActionProof]
) -> Iterator[StageStatus]:
    """Yield the stages of one execution. A Revert's nodes are in the reverse of the order in which keys count."""
    for stage_key, stage in zip(keys(stages[::-1])[::-1], stages, strict=True):
        nodes = []
        for node_key, node in zip(keys(stage.workflows[::-1])[::-1], stage.workflows, strict=True):
            actions = [
                action.model_copy(update={"proof": found.get((part, (stage_key, node_key, key)))})
                if _answers_for(action)
                else action
                for key, action in zip(keys(node.actions[::-1])[::-1], node.actions, strict=True)
            ]
            nodes.append(node.model_copy(update={"action_statuses": actions or None}))
        yield stage.model_copy(update={"workflow_executions": nodes or None})
