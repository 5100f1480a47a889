"""The rehearsal of a plan: how often, and the preview that it is. Source: docs/spec/drplan.md, "Rehearsal"."""

from collections.abc import Iterator
from datetime import timedelta

from api.execution import DRPlanExecution, DRPlanExecutionSpec
from api.meta import ObjectMeta, parse_duration
from api.phases import OperationType
from api.plan import DRPlan, Rehearsal
from api.requests import REQUESTED_BY_ANNOTATION
from planning.definitions.field_errors import FieldError
from planning.messages import fields as field_messages

SHORTEST_INTERVAL = timedelta(minutes=5)
"""A rehearsal of a large plan sends thousands of requests to the API server."""
LONGEST_INTERVAL = timedelta(days=365)


def interval_of(rehearsal: Rehearsal) -> timedelta | None:
    """Return the interval; None where it is invalid."""
    try:
        interval = parse_duration(rehearsal.interval)
    except (ValueError, OverflowError):
        return None
    return interval if SHORTEST_INTERVAL <= interval <= LONGEST_INTERVAL else None


def rehearsal_errors(plan: DRPlan) -> Iterator[FieldError]:
    """Validate how often a plan is rehearsed."""
    rehearsal = plan.spec.rehearsal
    if rehearsal is not None and interval_of(rehearsal) is None:
        message = field_messages.not_an_interval(rehearsal.interval, SHORTEST_INTERVAL, LONGEST_INTERVAL)
        yield FieldError("spec.rehearsal.interval", message)


def preview_of(plan: DRPlan, operation: OperationType, execution: str | None) -> DRPlanExecution:
    """Return the preview that a rehearsal is: an execution that exists nowhere, with the identity of its plan.

    Of a Revert, `execution` is what it would take back. Nobody has to approve it, but some plans ask who created it.
    """
    annotations = {REQUESTED_BY_ANNOTATION: "drplan"}
    meta = plan.metadata
    return DRPlanExecution(
        metadata=ObjectMeta(name=meta.name, namespace=meta.namespace, uid=meta.uid, annotations=annotations),
        spec=DRPlanExecutionSpec(
            plan_ref=meta.name, operation_type=operation, revert_execution_ref=execution, dry_run=True
        ),
    )
