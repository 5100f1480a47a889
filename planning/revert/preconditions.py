"""What may be reverted: the reasons for which a Revert ends before it touches anything.

Source: docs/spec/drplanexecution.md, "What may be reverted".
"""

from api.execution import DRPlanExecution, StageStatus
from api.phases import OperationType, Phase
from planning.messages import rejections

_ENDED = (Phase.SUCCEEDED, Phase.FAILED, Phase.CANCELED)


def why_not(revert: DRPlanExecution, original: DRPlanExecution | None) -> str | None:
    """Say why `revert` may not take `original` back, and what to do; None where it may."""
    name = revert.spec.revert_execution_ref
    if not name:
        return rejections.NO_REFERENCE
    if original is None:
        return rejections.unknown_execution(name, revert.metadata.namespace)
    if original.metadata.namespace != revert.metadata.namespace:
        return rejections.other_namespace(name, original.metadata.namespace, revert.metadata.namespace)
    if original.spec.operation_type is not OperationType.EXECUTE:
        return rejections.not_an_execute(name, original.spec.operation_type)
    if original.spec.plan_ref != revert.spec.plan_ref:
        return rejections.other_plan(name, original.spec.plan_ref, revert.spec.plan_ref)
    if original.status.phase not in _ENDED:
        return rejections.not_ended(name, original.status.phase)
    return _unrecorded(name, original)


def _unrecorded(name: str, original: DRPlanExecution) -> str | None:
    """Say what the original's status lacks: what happened is never guessed."""
    if not original.status.stages:
        return rejections.nothing_recorded(name)
    gaps = (gap for stage in original.status.stages if (gap := _gap(stage)))
    return next((rejections.part_not_recorded(name, gap) for gap in gaps), None)


def _gap(stage: StageStatus) -> str | None:
    """Name a part that succeeded and has no list of what it did; None where there is none."""
    if stage.phase is not Phase.SUCCEEDED:
        return None
    if not stage.workflows:
        return rejections.stage_called(stage.name)
    lost = (node for node in stage.workflows if node.phase is Phase.SUCCEEDED and not node.actions)
    return next((rejections.workflow_called(node.workflow_ref.name, stage.name) for node in lost), None)
