"""What may be reverted: the reasons for which a Revert ends before it touches anything.

Source: docs/spec/drplanexecution.md, "What may be reverted".
"""

from collections.abc import Iterator, Sequence

from api.execution import DRPlanExecution, StageStatus
from api.phases import OperationType, Phase
from planning.messages import tree as tree_messages

_ENDED = (Phase.SUCCEEDED, Phase.FAILED, Phase.CANCELED)


def why_rejected(revert: DRPlanExecution, original: DRPlanExecution | None) -> str | None:
    """Say why `revert` may not take `original` back, and what to do; None where it may."""
    name = revert.spec.revert_execution_ref
    if not name:
        return tree_messages.NO_REFERENCE
    if original is None:
        return tree_messages.unknown_execution(name, revert.metadata.namespace)
    if original.metadata.namespace != revert.metadata.namespace:
        return tree_messages.other_namespace(name, original.metadata.namespace, revert.metadata.namespace)
    if original.spec.operation_type is not OperationType.EXECUTE:
        return tree_messages.not_an_execute(name, original.spec.operation_type)
    if original.spec.plan_ref != revert.spec.plan_ref:
        return tree_messages.other_plan(name, original.spec.plan_ref, revert.spec.plan_ref)
    if original.status.phase not in _ENDED:
        return tree_messages.not_ended(name, original.status.phase)
    if not original.status.stages:
        return tree_messages.nothing_recorded(name)
    part = next(_parts_without_record(original.status.stages), None)
    return tree_messages.part_not_recorded(name, part) if part else None


def _parts_without_record(stages: Sequence[StageStatus]) -> Iterator[str]:
    """Name the parts that succeeded and have no list of what they did: what happened is never guessed."""
    for stage in stages:
        if stage.phase is not Phase.SUCCEEDED:
            continue
        if not stage.workflows:
            yield f"stage {stage.name}"
        for node in stage.workflows:
            if node.phase is Phase.SUCCEEDED and not node.actions:
                yield f"workflow {node.workflow_ref.name} of stage {stage.name}"
