"""Whether a Revert may take an execution back at all, before anything is decided: by the fields of both objects.

Source: docs/spec/drplanexecution.md, "What may be reverted".
"""

from collections.abc import Iterator, Sequence

from api.execution import DRPlanExecution, DRPlanExecutionSpec
from api.meta import ACCEPTED_ANNOTATION, alias
from api.nodes import StageStatus
from api.phases import OperationType, Phase
from planning.messages import rejections as rejection_messages

ENDED = (Phase.SUCCEEDED, Phase.FAILED, Phase.CANCELED)


def why_rejected(revert: DRPlanExecution, original: DRPlanExecution | None) -> str | None:
    """Say why `revert` may not take `original` back, and what to do; None where it may.

    Whether it is recorded what the original did is not asked: that is in its ledger, which only the worker reads.
    """
    if (reason := _why_never(revert, original)) is not None or original is None:
        return reason
    if original.status.phase not in ENDED:
        return rejection_messages.not_ended(original.metadata.name, original.status.phase)
    return None


def waits_for_end(revert: DRPlanExecution, original: DRPlanExecution) -> bool:
    """Return whether nothing but the end of `original` is missing for `revert` to take it back."""
    return original.status.phase in (None, Phase.PENDING, Phase.RUNNING) and _why_never(revert, original) is None


def _why_never(revert: DRPlanExecution, original: DRPlanExecution | None) -> str | None:
    """Say why `revert` may not take `original` back, whatever becomes of that."""
    name = revert.spec.revert_execution_ref or revert.spec.revert_to
    if revert.spec.revert_to and (fields := _not_with_revert_to(revert.spec)):
        return rejection_messages.not_with_revert_to(fields)
    if not name:
        return rejection_messages.NO_REFERENCE
    if original is None:
        return rejection_messages.unknown_execution(name, revert.metadata.namespace)
    if original.metadata.namespace != revert.metadata.namespace:
        return rejection_messages.other_namespace(name, original.metadata.namespace, revert.metadata.namespace)
    if original.spec.operation_type is not OperationType.EXECUTE:
        return rejection_messages.not_an_execute(name, original.spec.operation_type)
    if original.spec.dry_run:
        return rejection_messages.is_preview(name)
    if original.spec.plan_ref != revert.spec.plan_ref:
        return rejection_messages.other_plan(name, original.spec.plan_ref, revert.spec.plan_ref)
    return None


def _not_with_revert_to(spec: DRPlanExecutionSpec) -> list[str]:
    """Name the fields that are set and are about a single execution."""
    fields = ("revert_execution_ref", "only", "ignore_missing", "force", "preview_digest")
    return [alias(DRPlanExecutionSpec, field) for field in fields if getattr(spec, field)]


def why_not_recorded(original: DRPlanExecution) -> str | None:
    """Say what of an original is not recorded, so that it cannot be taken back; None where nothing is missing."""
    name = original.metadata.name
    if (phase := original.status.phase) is not None and _never_started(original):
        return rejection_messages.never_started(name, phase)
    if not original.status.stages:
        return rejection_messages.nothing_recorded(name)
    part = next(_parts_without_record(original.status.stages), None)
    return rejection_messages.part_not_recorded(name, part) if part else None


def _never_started(original: DRPlanExecution) -> bool:
    """Return whether it is known that an original which has ended was never started.

    A copy, or an execution of an older controller, was not accepted under its own uid. A run that Temporal lost before
    the status named it leaves the condition EngineReachable.
    """
    meta, status = original.metadata, original.status
    accepted = bool(meta.uid) and meta.annotations.get(ACCEPTED_ANNOTATION) == meta.uid
    traces = (status.stages, status.ledger, status.engine, status.start_time)
    asked = any(condition.type == "EngineReachable" for condition in status.conditions or [])
    return accepted and status.phase in (Phase.FAILED, Phase.CANCELED) and not any(traces) and not asked


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
