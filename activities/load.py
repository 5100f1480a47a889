"""Load a run: read the objects, observe, let planning decide, and store the definitions that the run works from.

Source: docs/architecture.md, "The way of one Revert" and "In whose name"; docs/spec/drplanexecution.md, "What is
kept"; Kubernetes, "User impersonation".
"""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from temporalio import activity

from activities.attempt import RunningAttempt
from activities.authorize import AuthorizedRun, Authorizer, Impersonation, actor_of
from activities.decision import (
    AnyLoaded,
    DecidedReverts,
    Decider,
    DecisionT,
    Loaded,
    Previewer,
    require_preview,
    run_decision,
)
from activities.errors import ActionError
from activities.ledger import LedgerStore
from activities.read import find, preview_with
from activities.store import RevisionStore, SnapshotStore
from api.decisions import ExecuteDecision, Redecision, RedecisionInput, RevertDecision
from api.execution import DRPlanExecution
from api.failures import FailureType
from api.meta import ObjectKey
from api.phases import OperationType, Phase
from api.plan import DRPlan
from api.runs import RehearsalInput, RunInput
from api.tree import Preview, RunState
from kube.client import Cluster
from planning.messages import preview as preview_messages
from planning.messages import rejections as rejection_messages
from planning.messages import requests as request_messages
from planning.messages.text import bounded
from planning.preview.digest import differences, with_digest
from planning.preview.tree import previewed, would_be_refused
from planning.revert.decide import rejected as rejected_revert
from planning.revert.redecision import action_again
from planning.revert.unwind import joined_states, labelled, of_part, with_parts
from planning.snapshot.decision import decision_documents
from planning.snapshot.ledger import first_part
from planning.status.size_limit import shorten
from planning.status.transitions import with_counts


class LoadActivities:
    """Activities at the beginning of a run."""

    def __init__(
        self,
        cluster: Cluster,
        impersonation: Impersonation,
        authorizer: Authorizer,
        previewer: Previewer,
        snapshots: SnapshotStore | None = None,
        decided: DecidedReverts | None = None,
    ) -> None:
        self._cluster = cluster
        self._decided = decided or DecidedReverts()
        self._previewer = previewer
        self._snapshots = snapshots or SnapshotStore.of(cluster)
        self._authorizer = authorizer
        self._ledgers = LedgerStore(RevisionStore(cluster))
        self._decider = Decider(cluster, impersonation, self._ledgers)

    @activity.defn
    async def load_revert(self, request: RunInput) -> RevertDecision:
        """Decide what a Revert will do, from what is recorded and what is there."""
        return await run_decision(lambda attempt: self._revert(request, attempt))

    @activity.defn
    async def preview(self, request: RunInput) -> RunState:
        """Decide what an execution would do, and ask about every action; nothing is changed or stored."""
        return await run_decision(lambda attempt: self._preview(request, attempt))

    @activity.defn
    async def rehearse(self, request: RehearsalInput) -> RunState:
        """Ask what an execution of a plan would do, as a preview does; return what it found without the tree."""
        return await run_decision(lambda attempt: self._rehearse(request, attempt))

    @activity.defn
    async def load_execute(self, request: RunInput) -> ExecuteDecision:
        """Decide what an Execute will do, and store the definitions that it works from."""
        return await run_decision(lambda attempt: self._execute(request, attempt))

    @activity.defn
    async def decide_again(self, request: RedecisionInput) -> Redecision:
        """Decide again what becomes of an action of a Revert that was refused, from what is there now."""
        return await run_decision(lambda attempt: self._again(request, attempt))

    async def _again(self, request: RedecisionInput, attempt: RunningAttempt) -> Redecision:
        revert, part = await self._authorizer.redecision(attempt), request.place.part
        key = revert.metadata.key
        plan = await find(self._cluster, DRPlan, key.namespace, revert.spec.plan_ref)
        run = AuthorizedRun(revert if part is None else of_part(revert, part), plan)
        loaded = await self._decider.revert(run, attempt, part or "")
        if loaded.decision.rejection is not None:
            raise ActionError(FailureType.INVALID, request_messages.still_refused(loaded.decision.rejection))
        again = action_again(loaded.decision, request)
        if again is None:
            raise ActionError(FailureType.INVALID, request_messages.TREE_CHANGED)
        if again.step is not None and (refusal := again.step.certain_refusal) is not None:
            raise ActionError(FailureType.INVALID, request_messages.still_refused(refusal.message))
        stored = await self._store(replace(loaded, decision=again.decision), key)
        assert stored.state.decision is not None, "it was stored"
        return Redecision(
            node=again.node, step=again.step, actor=stored.actor, origin=again.origin, decision=stored.state.decision
        )

    async def _execute(self, request: RunInput, attempt: RunningAttempt) -> ExecuteDecision:
        run = await self._authorizer.root(request)
        require_preview(run.execution, preview=False)
        loaded = await self._decider.execute(run)
        decision = await self._store(await self._as_previewed(run.execution, loaded, attempt), request.execution)
        if decision.origin is None or decision.state.snapshot is None:
            return decision
        ledger = await self._ledgers.store_first(request.execution, first_part(decision.state))
        origin = decision.origin.model_copy(update={"ledger": True})
        state = decision.state.model_copy(update={"ledger": ledger})
        return decision.model_copy(update={"origin": origin, "state": state})

    async def _revert(self, request: RunInput, attempt: RunningAttempt) -> RevertDecision:
        run = await self._authorizer.root(request)
        require_preview(run.execution, preview=False)
        if run.execution.spec.revert_to is not None:
            return await self._unwound(request, run, run.execution.spec.revert_to, attempt)
        loaded = await self._as_previewed(run.execution, await self._decider.revert(run, attempt), attempt)
        return await self._store_revert(loaded, request.execution)

    async def _unwound(
        self, request: RunInput, run: AuthorizedRun, name: str, attempt: RunningAttempt
    ) -> RevertDecision:
        """Decide on the next execution of those that came after the one of this name, which stays."""
        back = await self._decider.return_to(run, name)
        if isinstance(back, str):
            return rejected_revert(back)
        names = [one.metadata.name for one in back.later]
        part = request.part or names[0]
        if part not in names:
            return rejected_revert(rejection_messages.nothing_later(name))
        loaded = await self._decider.revert(_of_part(run, part), attempt, part)
        decision = labelled(await self._store_revert(loaded, request.execution, part), part, back.in_effect)
        if request.part is not None or decision.rejection is not None:
            return decision
        return with_parts(decision, back.later[1:], back.plan)

    async def _preview(self, request: RunInput, attempt: RunningAttempt) -> RunState:
        run = await self._authorizer.root(request)
        require_preview(run.execution, preview=True)
        return shorten(await self._preview_of(run, attempt))

    async def _rehearse(self, request: RehearsalInput, attempt: RunningAttempt) -> RunState:
        run = await self._authorizer.rehearsal(request)
        try:
            found = await self._preview_of(run, attempt)
        except ActionError as error:
            if error.type.repeatable:
                raise
            # The execution would end in the same way: the account is missing, for example.
            return would_be_refused(RunState(), error.message)
        return RunState(phase=found.phase, message=found.message, preview=found.preview)

    async def _preview_of(self, run: AuthorizedRun, attempt: RunningAttempt) -> RunState:
        spec = run.execution.spec
        if spec.revert_to is not None:
            return await self._preview_of_return(run, spec.revert_to, attempt)
        loaded: Loaded[ExecuteDecision] | Loaded[RevertDecision]
        if spec.operation_type is OperationType.EXECUTE:
            loaded = await self._decider.execute(run)
        else:
            loaded = await self._decider.revert(run, attempt)
        return await self._previewed(run.execution, [loaded], attempt)

    async def _preview_of_return(self, run: AuthorizedRun, name: str, attempt: RunningAttempt) -> RunState:
        """Return what would become of all executions after the one of this name, the newest first."""
        back = await self._decider.return_to(run, name)
        if isinstance(back, str):
            return would_be_refused(RunState(), back)
        parts = []
        for one in back.later:
            part = one.metadata.name
            loaded = await self._decider.revert(_of_part(run, part), attempt, part)
            decision = labelled(loaded.decision, part, back.in_effect)
            obstacles = list(loaded.obstacles)
            if decision.rejection is not None:
                obstacles.append(preview_messages.of_execution(part, decision.rejection))
            parts.append(replace(loaded, decision=decision, obstacles=obstacles))
        found = await self._previewed(run.execution, parts, attempt)
        # No execution takes the digest of a return: each part is decided when those before it are done.
        preview = found.preview and found.preview.model_copy(update={"digest": None, "definitions": None})
        return found.model_copy(update={"preview": preview})

    async def _previewed(
        self, execution: DRPlanExecution, parts: Sequence[AnyLoaded], attempt: RunningAttempt
    ) -> RunState:
        """Return the tree of what would happen now, with its digest; the parts follow each other."""
        first, operation = parts[0], execution.spec.operation_type
        state = joined_states([one.decision.state for one in parts])
        state = state.model_copy(update={"service_account_name": first.account})
        if len(parts) == 1 and first.decision.rejection is not None:
            return would_be_refused(state, first.decision.rejection)
        actor = actor_of(execution.metadata.namespace, first.account)
        outcomes = await self._previewer.ask(parts, actor, lambda text: attempt.report(waiting_for=text))
        obstacles = [each for one in parts for each in one.obstacles]
        # Thousands of actions take seconds; in a thread, so that the heartbeats of this worker continue.
        tree = await asyncio.to_thread(previewed, state, outcomes, operation, obstacles)
        return await asyncio.to_thread(with_digest, tree, operation, first.plan, first.documents)

    async def _as_previewed(
        self, execution: DRPlanExecution, loaded: Loaded[DecisionT], attempt: RunningAttempt
    ) -> Loaded[DecisionT]:
        """Return what was decided, with its preview; refused unless that is the one that the execution names."""
        wanted, decision = execution.spec.preview_digest, loaded.decision
        if not wanted or decision.rejection is not None:
            return loaded
        now = await self._previewed(execution, [loaded], attempt)
        found, update = now.preview, dict[str, object]()
        if found is None or found.digest != wanted:
            shown = await preview_with(self._cluster, execution)
            plan = execution.spec.plan_ref
            what = differences(shown.status, now) if shown else [preview_messages.preview_gone(plan)]
            found = Preview(digest=found and found.digest, differences=what)
            message = bounded(preview_messages.not_as_previewed(wanted, what))
            state = RunState(phase=Phase.FAILED, message=message, preview=found)
            update = {"rejection": message, "state": with_counts(state)}
        else:
            update = {"state": decision.state.model_copy(update={"preview": Preview(digest=wanted)})}
        return replace(loaded, decision=decision.model_copy(update=update))

    async def _store_revert(self, loaded: Loaded[RevertDecision], revert: ObjectKey, part: str = "") -> RevertDecision:
        """Store what a Revert, or a part of it, works with, and keep what its proof rests on."""
        decision = await self._store(loaded, revert)
        if loaded.basis is not None and decision.rejection is None:
            await self._decided.keep(revert, part, loaded.basis)
        return decision

    async def _store(self, loaded: Loaded[DecisionT], execution: ObjectKey) -> DecisionT:
        """Store what a run that goes ahead works with, and record that and the account in its status.

        Those are the documents of its definitions, and the decision of a Revert.
        """
        decision, account = loaded.decision, loaded.account
        recorded: dict[str, object] = {"service_account_name": account}
        if decision.rejection is None:
            stored = [*loaded.documents]
            if stored:
                recorded["snapshot"] = stored[-1].ref
            if isinstance(decision, RevertDecision):
                stored += await asyncio.to_thread(decision_documents, execution, decision, account)
                recorded["decision"] = stored[-1].ref
            await self._snapshots.store(execution, stored)
        state = decision.state.model_copy(update=recorded)
        return decision.model_copy(update={"state": state, "actor": actor_of(execution.namespace, account)})


def _of_part(run: AuthorizedRun, part: str) -> AuthorizedRun:
    """Return a Revert as one that takes back only the execution of this name."""
    return replace(run, execution=of_part(run.execution, part))
