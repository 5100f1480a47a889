"""What a Revert will do: from the original's status to the complete tree and a step for each action.

The heart of the project, and a pure function: a dry run, a property test and the real thing are one call.
Source: docs/spec/drplanexecution.md, "What may be reverted" and "What a Revert does".
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import assert_never

from api.decisions import RevertDecision
from api.execution import DRPlanExecution
from api.failures import FailureType
from api.meta import ObjectKey, ObjectName
from api.nodes import ActionStatus, StageStatus, WorkflowExecutionStatus
from api.objects import ObservedObject, Target
from api.phases import OnFailure, OperationType, Phase
from api.plan import DRPlan
from api.reasons import Cause
from api.steps import CustomRollback, ExecuteStep, Origin, ParametersRef, Part, Refusal, Restoration, RollbackStep
from api.tree import LaterExecution, LedgerFault, RunState
from planning.definitions.action_types import operation_of
from planning.definitions.approvals import approvals_of, lacks_requester, requested_by
from planning.definitions.field_errors import FieldError, in_object
from planning.definitions.identifiers import Workflows
from planning.definitions.retry import attempts_of
from planning.definitions.target import target_of_action
from planning.definitions.yaml_scalars import ManifestError
from planning.messages import actions as action_messages
from planning.messages import fields as field_messages
from planning.messages import rejections as rejection_messages
from planning.messages import requests as request_messages
from planning.messages import rollback as rollback_messages
from planning.messages import running as running_messages
from planning.messages import tree as tree_messages
from planning.messages.text import bounded, placed
from planning.revert.actions import ActionDecisions, decide_all
from planning.revert.default_rollback import ActionToRun, DeleteObjects, NoRollback, deletion_of_created
from planning.revert.layers import Layer, later_executions
from planning.revert.marks import of_execution
from planning.revert.original import (
    OriginalAction,
    OriginalStage,
    OriginalTree,
    OriginalWorkflow,
    actions_of,
    marks_of,
    mirrored,
    read_tree,
)
from planning.revert.ownership import Deletions, gather_facts, named, plain
from planning.revert.previous_reverts import history
from planning.revert.proof import soak_fault
from planning.revert.rejection import why_not_recorded, why_rejected
from planning.revert.restoration import PriorStates, object_to_restore
from planning.revert.scope import Scope, selection_errors
from planning.status.transitions import pending_or_skipped, with_counts
from planning.values.placeholders import PlaceholderKind, has_template, names_used

Row = list[RollbackStep | None]
"""The steps of one workflow, in the order of its node."""


def objects_to_observe(original: DRPlanExecution, workflows: Workflows) -> list[Target]:
    """Return every object to observe, those of parts that will be skipped included: unique, in Revert order."""
    return _concerned_objects(mirrored(read_tree(original, workflows), None))


def _concerned_objects(tree: OriginalTree) -> list[Target]:
    targets: dict[Target, None] = {}
    for action in actions_of(tree):
        created = deletion_of_created(action) if action.may_have_created else None
        if isinstance(created, DeleteObjects):
            targets.update(dict.fromkeys(item.target for item in created.objects))
        elif changed := object_to_restore(action):
            targets[changed.target] = None
    return list(targets)


def decide_revert(
    revert: DRPlanExecution,
    original: DRPlanExecution | None,
    earlier: Sequence[DRPlanExecution],
    observations: Mapping[Target, ObservedObject],
    plan: DRPlan | None,
    workflows: Workflows,
    origin: Origin | None = None,
    *,
    definitions_of_today: bool = False,
    layers: Sequence[Layer] = (),
    part: str = "",
    prior_states: PriorStates = MappingProxyType({}),
) -> RevertDecision:
    """Decide over every node; `actor` is left to the caller.

    `earlier` may hold any executions: those that count are picked here. `observations` holds what was observed of
    each of `objects_to_observe`. `workflows` are as they were at the Execute or, with `definitions_of_today`, as they
    are now; `origin` says where those are kept that this Revert carries out. `layers` are the later executions of the
    plan that are in effect, `prior_states` those of `candidates` that are stored. `part` names the original where the
    Revert takes back several. A rejection means that nothing may be touched; the state then has no stages.
    """
    reason = why_rejected(revert, original) or (original and why_not_recorded(original))
    if reason or original is None:
        return rejected(reason or "")
    original_tree = read_tree(original, workflows, Scope.of(revert.spec))
    tree = mirrored(original_tree, plan)
    if errors := in_object(revert, _spec_errors(revert, original, tree)):
        return rejected(rejection_messages.unusable([error.text for error in errors]))
    facts = gather_facts(
        original_tree, observations, history(revert, original, earlier), revert.spec, of_execution(original)
    )
    decisions = decide_all(tree, facts, prior_states)
    later = later_executions(layers, tree, decisions)
    if not revert.spec.force and (resting := [one for one in later if one.rests_on is not None]):
        return rejected(rejection_messages.later_rests_on(original.metadata.name, resting), later=later)
    stages = [_planned_stage(stage, decisions, RevertOf(revert, original.metadata.key, part)) for stage in tree]
    nodes = [node for node, _ in stages]
    approvals = approvals_of(plan, nodes)
    if lacks_requester(revert, approvals):
        return rejected(rejection_messages.unusable([request_messages.WITHOUT_REQUESTER]))
    state = RunState(
        phase=Phase.PENDING,
        stage_statuses=nodes,
        left_standing=decisions.left_standing,
        unread=decisions.unread,
        definitions_of_today=definitions_of_today,
        later_executions=later or None,
    )
    return RevertDecision(
        state=with_counts(state),
        steps=[rows for _, rows in stages],
        origin=origin,
        on_failure=revert.spec.on_failure or OnFailure.STOP,
        approvals=approvals,
        requested_by=requested_by(revert) if approvals else "",
        soak=revert.spec.soak,
    )


def _spec_errors(revert: DRPlanExecution, original: DRPlanExecution, tree: OriginalTree) -> Iterator[FieldError]:
    """Find what is wrong with a Revert's fields, names that its original does not have among them."""
    if revert.spec.soak and (fault := soak_fault(revert.spec.soak)):
        yield FieldError("spec.soak", fault)
    yield from selection_errors(revert.spec.only, original.status.stages)
    known = {named(target): placed(target) for target in _concerned_objects(tree)}
    for place, one in enumerate(revert.spec.ignore_missing or ()):
        if plain(one) not in known:
            name = f"{one.kind} {one.namespace}/{one.name}" if one.namespace else f"{one.kind} {one.name}"
            message = field_messages.no_such_object(name, list(known.values()))
            yield FieldError(f"spec.ignoreMissing[{place}]", message)


def rejected(
    reason: str, fault: LedgerFault | None = None, later: Sequence[LaterExecution] | None = None
) -> RevertDecision:
    """Return the decision to touch nothing; the original's ledger or `later` executions may be the reason."""
    message = bounded(reason)
    state = RunState(phase=Phase.FAILED, message=message, ledger_fault=fault, later_executions=later)
    return RevertDecision(state=with_counts(state), rejection=message)


@dataclass(frozen=True)
class RevertOf:
    """A Revert and the original that it takes back."""

    revert: DRPlanExecution
    original: ObjectKey
    part: str = ""
    """The original's name, where the Revert takes back several."""


def _planned_stage(stage: OriginalStage, decisions: ActionDecisions, part: RevertOf) -> tuple[StageStatus, list[Row]]:
    """Plan a stage; it is Skipped where it failed, or where all of it was done before."""
    planned = [_planned_workflow(workflow, decisions, Steps.of(part, stage, workflow)) for workflow in stage.workflows]
    nodes = [node for node, _ in planned]
    actions = [action for node in nodes for action in node.actions]
    node = StageStatus(
        name=stage.node.name,
        workflow_executions=nodes,
        parallel=stage.node.parallel or None,
        **pending_or_skipped(stage.skipped or _done_before(nodes, actions)),
    )
    return node, [row for _, row in planned]


def _planned_workflow(
    workflow: OriginalWorkflow, decisions: ActionDecisions, steps: "Steps"
) -> tuple[WorkflowExecutionStatus, Row]:
    """Plan a workflow."""
    ref = workflow.node.workflow_ref
    planned = [_planned_action(action, decisions, steps) for action in workflow.actions]
    actions = [node for node, _ in planned]
    node = WorkflowExecutionStatus(
        workflow_ref=ObjectName(name=ref.name, namespace=ref.in_namespace),
        progress=running_messages.progress(OperationType.REVERT, 0, len(planned)),
        action_statuses=actions,
        **pending_or_skipped(workflow.skipped or _done_before(actions, actions)),
    )
    return node, [step for _, step in planned]


def _done_before(
    children: Sequence[ActionStatus | WorkflowExecutionStatus], actions: Sequence[ActionStatus]
) -> Cause | None:
    """Say which earlier Reverts did a part, where nothing in it is left to do; None otherwise."""
    if any(child.phase is Phase.PENDING for child in children):
        return None
    reverts = dict.fromkeys(name for action in actions for name in action.rolled_back_by or [])
    return tree_messages.already_rolled_back(list(reverts)) if reverts else None


def _planned_action(
    action: OriginalAction, decisions: ActionDecisions, steps: "Steps"
) -> tuple[ActionStatus, RollbackStep | None]:
    """Plan an action: its node, Skipped with its cause or Pending, and a step where it is Pending."""
    decision, step, skipped = decisions.of.get(action.key), None, action.skipped
    if isinstance(decision, NoRollback):
        skipped = decision.cause
    elif decision is not None:
        step = steps.step(action, decision)
    reverts = list(skipped.rolled_back_by) if skipped else []
    node = ActionStatus(
        name=action.name,
        retries=0,
        retry_count=0,
        type=action.type,
        rolled_back_by=reverts or None,
        custom_rollback=True if step is not None and step.custom is not None else None,
        **pending_or_skipped(skipped),
    )
    return node, step


@dataclass(frozen=True)
class Steps:
    """Makes the steps of one workflow of a Revert."""

    of_revert: RevertOf
    marks: Mapping[tuple[str, int], str]
    """By the action's name and occurrence."""
    records: Mapping[str, ActionStatus]
    """What the original recorded, by the action's name."""

    @classmethod
    def of(cls, part: RevertOf, stage: OriginalStage, workflow: OriginalWorkflow) -> "Steps":
        """Prepare for a workflow."""
        marks = marks_of(part.revert.metadata.uid, stage, workflow, part.part)
        return cls(part, marks, {record.name: record for record in workflow.node.actions})

    def step(self, action: OriginalAction, decision: Deletions | Refusal | ActionToRun | Restoration) -> RollbackStep:
        """Return the step of one action; a refusal stands for a failure that is certain already."""
        match decision:
            case Refusal():
                return RollbackStep(refusal=decision, attempts=attempts_of(action.definition))
            case Deletions():
                return RollbackStep(deletions=list(decision.items), attempts=attempts_of(action.definition))
            case Restoration():
                # A worker of a release that does not restore fails, instead of reporting that it deleted nothing.
                refusal = Refusal(type=FailureType.UNSUPPORTED, message=rollback_messages.RESTORED_BY_NEWER_WORKERS)
                return RollbackStep(restoration=decision, refusal=refusal, attempts=attempts_of(action.definition))
            case ActionToRun():
                return RollbackStep(custom=self._custom(action, decision), attempts=attempts_of(decision.action))
            case _:
                assert_never(decision)

    def _custom(self, action: OriginalAction, decision: ActionToRun) -> CustomRollback:
        """Name the definition to carry out, with what the original recorded of the actions that it refers to."""
        used = names_used(decision.action, PlaceholderKind.OUTPUTS)
        recorded = {name: self.records[name] for name in used if name in self.records}
        step = ExecuteStep(
            index=decision.index,
            action=action.name,
            mark=self.marks[action.key[-1]],
            title=bounded(title(action.name, decision)),
            part=decision.part,
            outputs_of=used,
        )
        outputs = {name: record.outputs for name, record in recorded.items() if record.outputs}
        phases = {name: one.phase for name, one in recorded.items()}
        return CustomRollback(step=step, outputs=outputs, phases=phases, parameters=self._parameters(action, decision))

    def _parameters(self, action: OriginalAction, decision: ActionToRun) -> ParametersRef | None:
        """Return what the action was retried with, for a rollback of its own; the Revert's own parameters go before."""
        retried = action.record.retried_with
        if retried is None or decision.part is not Part.ROLLBACK:
            return None
        own = {each.name for each in self.of_revert.revert.spec.params or ()}
        names = [name for name in retried.parameters if name not in own]
        return ParametersRef(execution=self.of_revert.original, record=retried.record, names=names) if names else None


def title(name: str, decision: ActionToRun) -> str:
    """Name what is carried out, for Temporal's UI; values of parameters are never part of it."""
    action = decision.action
    try:
        target = target_of_action(action)
    except ManifestError:
        target = None
    hidden = target is None or any(has_template(text) for text in (target.name, target.namespace, target.kind) if text)
    what = action.type.value if hidden or target is None else action_messages.title(operation_of(action), target)
    is_hook = decision.part is Part.ACTION
    return rollback_messages.hook_title(name, what) if is_hook else rollback_messages.rollback_title(name, what)
