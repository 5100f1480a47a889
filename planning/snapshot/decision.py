"""What a Revert decided: converted to the documents that are stored before its first action, and back.

An activity carries a step out only if it is one of these, so that nothing in Temporal chooses what is deleted.
Source: docs/spec/drplanexecution.md, "What is kept"; docs/decisions/0020-what-gives-power-is-derived.md.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

from api.attempts import ObserveInput, RollbackInput
from api.decisions import RevertDecision
from api.meta import ObjectKey
from api.nodes import SnapshotRef
from api.snapshot import DecidedStep, DecidedSteps, StoredDecision
from api.steps import RollbackStep
from planning.snapshot.documents import SnapshotDocument, digest, document_of, parts_of, read_document

PartT = TypeVar("PartT", bound=DecidedSteps)

PART_BOUND = 250_000
"""Bytes of the steps of one part: small enough to be read and compared without a pause that others notice."""


def decision_documents(
    execution: ObjectKey, decision: RevertDecision, service_account_name: str | None
) -> list[SnapshotDocument]:
    """Return what is stored of a decision. The first part comes last, so that what it names exists before it."""
    first, *others = parts_of(list(_steps(decision)), PART_BOUND)
    continued = [document_of(execution, DecidedSteps(steps=steps)) for steps in others]
    root = StoredDecision(
        format=1,
        service_account_name=service_account_name,
        snapshot=decision.origin and decision.origin.snapshot,
        steps=first,
        continued=[each.ref for each in continued],
    )
    return [*continued, document_of(execution, root)]


def _steps(decision: RevertDecision) -> Iterator[DecidedStep]:
    for stage, rows in zip(decision.state.stages, decision.steps, strict=True):
        for index, (node, steps) in enumerate(zip(stage.workflows, rows, strict=True)):
            # The Revert's list is the reverse of the plan's.
            place = {"dr_workflow": node.workflow_ref, "stage": stage.name, "workflow": len(rows) - 1 - index}
            for step in steps:
                if step is not None:
                    yield DecidedStep(step=_without_versions(step), **(place if step.custom else {}))


def _without_versions(step: RollbackStep) -> RollbackStep:
    """Return a step without the versions of its objects, which allow nothing: another one only costs further requests.

    A worker of a release that does not know them carries the step out as well.
    """
    if not step.deletions:
        return step
    deletions = [deletion.model_copy(update={"version": None}) for deletion in step.deletions]
    return step.model_copy(update={"deletions": deletions})


def step_of(request: RollbackInput | ObserveInput) -> DecidedStep:
    """Return the step that an activity is asked for."""
    origin = request.origin
    place = {"stage": origin.stage, "workflow": origin.workflow} if origin else {}
    return DecidedStep(step=_without_versions(request.step), dr_workflow=request.dr_workflow, **place)


@dataclass(frozen=True)
class Decision:
    """What a Revert decided, as it was read."""

    service_account_name: str | None
    snapshot: SnapshotRef | None
    digests: tuple[frozenset[str], ...]
    """Of the steps of each part."""

    def contains(self, step: DecidedStep) -> bool:
        """Return whether a step is one of those that were decided."""
        wanted = _digest(step)
        return any(wanted in digests for digests in self.digests)


def read_steps(kind: type[PartT], ref: SnapshotRef, data: Any) -> tuple[PartT, frozenset[str]]:
    """Return a part of a decision, and the digests of its steps. Raises SnapshotError."""
    part = read_document(kind, ref, data)
    return part, frozenset(map(_digest, part.steps))


def _digest(step: DecidedStep) -> str:
    return digest(step.to_object())
