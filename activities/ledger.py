"""The ledger of an Execute: stored by the worker, and read in place of the status when a Revert is decided.

With it belong the states before its actions, of which a Revert only needs to know where they are.

Its parts are found by their names, which follow from the execution's uid and their places in the tree, and not by what
a status says. Source: docs/spec/drplanexecution.md, "The ledger"; docs/decisions/0022-a-revert-rests-on-a-ledger.md.
"""

import asyncio
from typing import TypeVar

from temporalio import activity

from activities.attempt import RunningAttempt, answer
from activities.authorize import Authorizer
from activities.errors import ActionError
from activities.store import RevisionStore
from api.attempts import LedgerInput
from api.execution import DRPlanExecution
from api.failures import FailureType
from api.ledger import Ledger, WorkflowRecord
from api.meta import Model, ObjectKey
from api.nodes import LedgerRef, SnapshotRef
from api.tree import LedgerFault
from kube.client import Cluster
from kube.concurrency import parallel
from planning.definitions.identifiers import RecordKind, Workflows, record_name
from planning.effects import prior_state
from planning.messages import rejections as rejection_messages
from planning.revert.restoration import Candidate, PriorStates, StoredState, candidates
from planning.revert.scope import Scope
from planning.snapshot.documents import digest
from planning.snapshot.ledger import LedgerError, Place, StoredLedger, document, node_at, places, read_part, whole

ModelT = TypeVar("ModelT", bound=Model)

_FIRST = ""
"""What the name of the first part is derived from, beside the execution's uid."""


class LedgerStore:
    """The ledgers of executions. Methods raise ActionError, and those that read LedgerError as well."""

    def __init__(self, revisions: RevisionStore) -> None:
        self._revisions = revisions

    async def store_first(self, execution: ObjectKey, ledger: Ledger) -> LedgerRef:
        """Store the first part, before anything is done."""
        return await self._store(execution, _FIRST, ledger)

    async def store_record(self, request: LedgerInput) -> LedgerRef:
        """Store a part of what a run of a DRWorkflow did."""
        origin = request.origin
        return await self._store(origin.execution, _place(origin.stage, origin.workflow, request.part), request.record)

    async def _store(self, execution: ObjectKey, place: str, content: Model) -> LedgerRef:
        """Store a part, once however often that is tried; it replaces another one, of a run that was reset."""
        name = record_name(execution, RecordKind.LEDGER, place)
        sha256, data = document(content)
        revision = await self._revisions.create(execution, name, data)
        if revision.data != data:
            latest = await self._revisions.latest(execution, name) or revision
            if latest.data != data:
                latest = await self._revisions.create(execution, name, data, instead_of=latest)
            revision = latest
        return LedgerRef(name=revision.name, sha256=sha256)

    async def with_ledger(self, original: DRPlanExecution) -> DRPlanExecution:
        """Return an original with its ledger in place of its status.

        One that has no ledger keeps its status, but without `status.ledger`: that says afterwards whether the records
        are the worker's own.
        """
        key, name = original.metadata.key, original.metadata.name
        first_name = record_name(key, RecordKind.LEDGER, _FIRST)
        claimed = original.status.ledger
        # A restored or copied execution names the ledger of the one that it was.
        ours = claimed is not None and claimed.name.startswith(first_name)
        first = await self._read(original, _FIRST, Ledger, claimed if ours else None)
        if first is None:
            if ours:
                raise LedgerError(LedgerFault.GONE, rejection_messages.ledger_gone(name, first_name))
            return original.model_copy(update={"status": original.status.model_copy(update={"ledger": None})})
        ledger, ref = first
        found = places(ledger)
        stored = zip(found, await parallel(found, lambda place: self._record(original, ledger, place)), strict=True)
        return whole(original, StoredLedger(ledger, ref, {place: one for place, one in stored if one is not None}))

    async def _record(
        self, original: DRPlanExecution, ledger: Ledger, place: Place
    ) -> tuple[WorkflowRecord, LedgerRef] | None:
        """Read what a run of a DRWorkflow did, all parts together; None where it stored nothing."""
        stage, (_, position) = ledger.stages[place[0]].name, place
        shown, name = node_at(original, place), original.metadata.name
        claimed = shown.ledger if shown is not None else None
        first = await self._read(original, _place(stage, position, 0), WorkflowRecord, claimed)
        if first is None:
            if claimed is not None:
                raise LedgerError(LedgerFault.GONE, rejection_messages.ledger_gone(name, claimed.name))
            return None
        record, ref = first
        actions = list(record.actions)
        for number, part in enumerate(record.continued, start=1):
            further = await self._read(original, _place(stage, position, number), WorkflowRecord, part)
            if further is None:
                raise LedgerError(LedgerFault.GONE, rejection_messages.ledger_gone(name, part.name))
            actions += further[0].actions
        return record.model_copy(update={"actions": actions}), ref

    async def _read(
        self, original: DRPlanExecution, place: str, kind: type[ModelT], claimed: LedgerRef | None
    ) -> tuple[ModelT, LedgerRef] | None:
        """Read a part; None where there is none. It must have the hash that the status, or another part, names."""
        name = record_name(original.metadata.key, RecordKind.LEDGER, place)
        try:
            revision = await self._revisions.latest(original.metadata.key, name)
        except ActionError as error:
            if error.type is not FailureType.UNDEFINED:
                raise
            raise _altered(original, name) from None
        if revision is None:
            return None
        part = read_part(kind, revision.data, None if claimed is None else claimed.sha256)
        if part is None:
            raise _altered(original, revision.name)
        return part, LedgerRef(name=revision.name, sha256=revision.data["sha256"])


async def prior_states(
    revisions: RevisionStore, original: DRPlanExecution, workflows: Workflows, scope: Scope
) -> PriorStates:
    """Read where the states before the actions of an original are stored, and why one is not restored, if so.

    What cannot be read as a record of this release is none. Raises ActionError.
    """
    key = original.metadata.key

    async def one(candidate: Candidate) -> StoredState | None:
        revision = await revisions.latest(key, record_name(key, RecordKind.BEFORE, candidate.mark))
        prior = None if revision is None else prior_state.read(revision.data)
        if revision is None or prior is None or prior.owners is None:
            return None
        ref = SnapshotRef(name=revision.name, sha256=await asyncio.to_thread(digest, revision.data))
        return StoredState(key, candidate.mark, ref, prior_state.why_not_restored(prior, candidate.operation))

    found = await asyncio.to_thread(candidates, original, workflows, scope)
    stored = await parallel(found, one)
    return {each.key: state for each, state in zip(found, stored, strict=True) if state is not None}


def _place(stage: str, workflow: int, part: int) -> str:
    return f"{stage}/{workflow}/{part}"


def _altered(original: DRPlanExecution, revision: str) -> LedgerError:
    return LedgerError(LedgerFault.ALTERED, rejection_messages.ledger_altered(original.metadata.name, revision))


class LedgerActivities:
    """The activity at the end of each DRWorkflow of an Execute."""

    def __init__(self, cluster: Cluster, authorizer: Authorizer) -> None:
        self._ledgers = LedgerStore(RevisionStore(cluster))
        self._authorizer = authorizer

    @activity.defn
    async def store_record(self, request: LedgerInput) -> LedgerRef:
        """Store a part of what a run of a DRWorkflow did."""

        async def store(attempt: RunningAttempt) -> LedgerRef:
            await self._authorizer.record(request, attempt)
            return await self._ledgers.store_record(request)

        return await answer("The record of a DRWorkflow ended", store)
