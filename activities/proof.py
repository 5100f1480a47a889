"""Check whether every object is as it was before what a Revert has taken back. It changes nothing.

Objects are read as the plan's service account, records with the worker's own rights; what leaves here are names of
fields, never their values. Source: docs/spec/drplanexecution.md, "Proof".
"""

import asyncio

from temporalio import activity

from activities.attempt import RunningAttempt, answer
from activities.authorize import Authorizer, Impersonation, actor_of
from activities.decision import Basis, DecidedReverts
from activities.effects.delete import metadata_if_present
from activities.errors import ActionError, words_of
from activities.ledger import LedgerStore
from activities.observe import listed_metadata
from activities.read import find, object_if_present, original_definitions, original_of
from activities.store import RevisionStore, SnapshotStore
from api.execution import DRPlanExecution
from api.failures import FailureType
from api.objects import Actor
from api.plan import DRPlan
from api.proof import ActionProof
from api.runs import ProofInput, ProofReport
from kube.client import Cluster, Object
from kube.concurrency import CALLS_AT_ONCE, parallel
from kube.errors import ApiError, InvalidNameError, KindGoneError, UnknownKindError
from planning.definitions.identifiers import RecordKind, Workflows, record_name
from planning.effects import prior_state
from planning.effects.proof import compared_with_nothing, compared_with_state, not_recorded, unreadable
from planning.messages import access as access_messages
from planning.messages import proof as proof_messages
from planning.messages import rollback as rollback_messages
from planning.revert.proof import ObjectBefore, objects_before
from planning.revert.scope import Scope
from planning.revert.unwind import of_part
from planning.snapshot.ledger import LedgerError

TRIES = 5
PAUSE = 1.0
"""Seconds between two reads of an object where another answer may follow."""


class ProofActivities:
    """The activity at the end of a Revert."""

    def __init__(
        self,
        cluster: Cluster,
        impersonation: Impersonation,
        authorizer: Authorizer,
        snapshots: SnapshotStore,
        decided: DecidedReverts | None = None,
    ) -> None:
        self._cluster = cluster
        self._decided = decided or DecidedReverts()
        self._impersonation = impersonation
        self._authorizer = authorizer
        self._snapshots = snapshots
        self._revisions = RevisionStore(cluster)
        self._ledgers = LedgerStore(self._revisions)

    @activity.defn
    async def prove_revert(self, request: ProofInput) -> ProofReport:
        """Compare every object with what it was before the Execute."""
        return await answer("A proof ended", lambda attempt: self._prove(request, attempt))

    async def _prove(self, request: ProofInput, attempt: RunningAttempt) -> ProofReport:
        revert = await self._authorizer.proof(request, attempt)
        parts = request.parts if revert.spec.revert_to is not None else [""]
        originals = list[tuple[str, DRPlanExecution, Workflows]]()
        for part in parts[::-1]:
            basis = self._decided.take(revert.metadata.key, part) or await self._basis(revert, part)
            used = await original_definitions(self._cluster, self._snapshots, basis.original, basis.plan)
            originals.append((part, basis.original, used.workflows))
            account = self._impersonation.account(basis.plan, used.snapshot)
        if not originals:
            return ProofReport()
        actor = actor_of(revert.metadata.namespace, account)
        # Thousands of actions take seconds; in a thread, so that the heartbeats of this worker continue.
        before = await asyncio.to_thread(objects_before, originals, Scope.of(revert.spec))
        created = [one.target for one in before.objects.values() if one.record is None]
        seen, done = await listed_metadata(self._cluster, created, actor), 0

        async def check(one: ObjectBefore) -> ActionProof:
            nonlocal done
            if one.target in seen:
                return compared_with_nothing(one.target, seen[one.target], one.uids, before.marks)
            found = await self._check(one, before.marks, actor)
            done += 1
            if done % CALLS_AT_ONCE == 0:
                attempt.report(waiting_for=rollback_messages.looking(done, len(before.objects)))
            return found

        proofs = await parallel(before.objects.values(), check)
        return before.report(dict(zip(before.objects, proofs, strict=True)))

    async def _basis(self, revert: DRPlanExecution, part: str) -> Basis:
        """Read what a Revert, or a part of one, takes back, with its ledger. Raises ActionError."""
        plan = await find(self._cluster, DRPlan, revert.metadata.namespace, revert.spec.plan_ref)
        return Basis(await self._original(of_part(revert, part) if part else revert), plan)

    async def _original(self, revert: DRPlanExecution) -> DRPlanExecution:
        original = await original_of(self._cluster, revert)
        if original is None:
            name = revert.spec.revert_execution_ref or ""
            raise ActionError(FailureType.NOT_FOUND, proof_messages.execution_gone(name))
        if original.spec.plan_ref != revert.spec.plan_ref:
            raise ActionError(FailureType.UNTRUSTED_RUN, access_messages.another_request(revert.metadata.key))
        try:
            return await self._ledgers.with_ledger(original)
        except LedgerError as error:
            message = proof_messages.ledger_unusable(original.metadata.name, error.fault)
            raise ActionError(FailureType.UNDEFINED, message) from None

    async def _check(self, one: ObjectBefore, marks: tuple[str, ...], actor: Actor) -> ActionProof:
        """Compare one object; what cannot be read within some seconds is not known."""
        for attempt in range(1, TRIES + 1):
            try:
                return await self._compare(one, marks, actor)
            except ApiError as error:
                if attempt == TRIES or not error.repeatable or isinstance(error, UnknownKindError):
                    return unreadable(proof_messages.unreadable(one.target, words_of(error, one.target)))
            await asyncio.sleep(PAUSE)
        raise AssertionError("the last try returns")

    async def _compare(self, one: ObjectBefore, marks: tuple[str, ...], actor: Actor) -> ActionProof:
        """Raise ApiError where the object cannot be read, and ActionError where its record cannot."""
        revision = None
        if one.record is not None:
            name = record_name(one.execution, RecordKind.BEFORE, one.record)
            try:
                revision = await self._revisions.latest(one.execution, name)
            except ActionError as error:
                if error.type is not FailureType.UNDEFINED:
                    raise
                return not_recorded(one.target)  # it is not the worker's
        if revision is None and one.created:
            metadata = await self._metadata(one, actor)
            return compared_with_nothing(one.target, metadata, one.uids, marks)
        prior = None if revision is None else prior_state.read(revision.data)
        found = None if prior is None else await self._object(one, actor)
        # In a thread: a large object takes longer than the event loop may be kept busy.
        return await asyncio.to_thread(compared_with_state, one.target, prior, found, marks, one.uids)

    async def _metadata(self, one: ObjectBefore, actor: Actor) -> Object | None:
        try:
            return await metadata_if_present(self._cluster, one.target, actor)
        except InvalidNameError:
            return None

    async def _object(self, one: ObjectBefore, actor: Actor) -> Object | None:
        try:
            return await object_if_present(self._cluster, one.target, actor)
        except (KindGoneError, InvalidNameError):
            return None
