"""What an execution would do: every action of a decision is resolved and asked about, and nothing is changed.

The effects are those of a run, on a cluster that takes dry runs only; the definitions are in memory, for a preview
stores nothing. Source: docs/spec/drplanexecution.md, "Preview"; docs/decisions/0024-a-preview-changes-nothing.md.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from activities.access import may
from activities.attempt import RunningAttempt
from activities.decision import AnyLoaded
from activities.effects.action import ResolvedAction
from activities.effects.delete import ObjectDeletion
from activities.effects.restore import ObjectRestoration
from activities.errors import ActionError, action_error, words_of
from activities.execute_action import EffectsByType
from activities.resolve_action import ActionResolver
from activities.rollback_action import execute_input
from activities.store import SnapshotStore
from api.attempts import ActionOutcome, ExecuteInput, RollbackInput
from api.decisions import RevertDecision
from api.failures import FailureType
from api.meta import Model, ObjectKey, ObjectName, ObjectReference
from api.nodes import ActionOutputs, SnapshotRef
from api.objects import Actor, Target
from api.phases import Operation, Phase
from api.reasons import Reason
from api.snapshot import Snapshot, SnapshotDefinition, StoredParameters
from api.steps import Attempts, Deletion, ExecuteStep, Part, Restoration, RollbackStep
from kube.client import Cluster
from kube.concurrency import CALLS_AT_ONCE, parallel
from kube.errors import ApiError
from planning.definitions.action_types import ACTION_TYPES
from planning.effects import removal
from planning.messages import actions as action_messages
from planning.messages import preview as preview_messages
from planning.messages import rollback as rollback_messages
from planning.messages.text import bounded
from planning.preview.dependencies import Change, Changes, Dependency
from planning.preview.tree import Place
from planning.snapshot.documents import SnapshotDocument

Report = Callable[[str], None]


class PreviewAttempt(RunningAttempt):
    """The attempt at one action of a preview. The attempt at the whole preview sends the heartbeats."""

    def __init__(self, limits: Attempts) -> None:
        super().__init__(limits, part=True)

    def send_heartbeat(self) -> None:
        """Leave it to the attempt at the whole preview."""


class DocumentsInMemory:
    """Definitions that were made for a run and not stored; each is parsed once, for an action is one of many in it."""

    def __init__(self, documents: Sequence[SnapshotDocument], stored: SnapshotStore) -> None:
        """Take the documents of the run; what was stored for its original is read from `stored`."""
        self._stored = stored
        self._data = {document.ref: document.data for document in documents}
        self._roots: dict[SnapshotRef, Snapshot] = {}
        self._definitions: dict[SnapshotRef, SnapshotDefinition] = {}

    async def root(self, _: ObjectKey, ref: SnapshotRef) -> Snapshot:
        """Return the root of the snapshot."""
        if ref not in self._roots:
            self._roots[ref] = Snapshot.model_validate(self._data[ref])
        return self._roots[ref]

    async def definition(self, _: ObjectKey, ref: SnapshotRef) -> SnapshotDefinition:
        """Return the definition of a DRWorkflow."""
        if ref not in self._definitions:
            self._definitions[ref] = SnapshotDefinition.model_validate(self._data[ref])
        return self._definitions[ref]

    async def parameters(self, execution: ObjectKey, ref: SnapshotRef) -> StoredParameters:
        """Return what a person set for retries of an action of the original."""
        return await self._stored.parameters(execution, ref)


@dataclass(frozen=True)
class _Question:
    """An action to ask about, with its position in the tree."""

    place: Place
    name: str
    type_outputs: tuple[str, ...]
    """Fields of ActionOutputs that hold a record of its type."""
    step: ExecuteStep | RollbackStep
    request: ExecuteInput | None
    """What is to be carried out; None for deletions and refusals."""
    attempt: PreviewAttempt

    @property
    def outputs_of(self) -> Sequence[str]:
        """The earlier actions of this very run whose outputs the definition uses."""
        return self.step.outputs_of if isinstance(self.step, ExecuteStep) else ()


@dataclass(frozen=True)
class _Needs:
    """What of an action comes from earlier ones."""

    dependencies: Sequence[Dependency | None]
    """For each object that it changes."""
    granting: str | None
    """An action that may give the account rights."""

    @property
    def on(self) -> Dependency | None:
        """The action whose effect this one needs."""
        return next((each for each in self.dependencies if each is not None), None)


class Previewer:
    """Asks about the actions of a decision. It is made with a cluster that takes dry runs only, and effects on it."""

    def __init__(self, cluster: Cluster, effects: EffectsByType) -> None:
        self._cluster = cluster
        self._effects = effects

    async def ask(self, parts: Sequence[AnyLoaded], actor: Actor, report: Report) -> dict[Place, ActionOutcome]:
        """Return what would become of every Pending action of parts that follow each other.

        Raises ActionError where that cannot be asked.
        """
        documents = [document for one in parts for document in one.documents]
        resolver = ActionResolver(
            self._cluster, DocumentsInMemory(documents, SnapshotStore.of(self._cluster)), preview=True
        )
        questions = list(_questions(parts, actor))
        # Resolved twice, and not kept meanwhile: the bodies of thousands of actions take too much memory.
        changes = await parallel(questions, lambda each: _changes(resolver, each), CALLS_AT_ONCE)
        earlier, needs = Changes(), list[_Needs]()
        for own in changes:
            needs.append(_Needs([earlier.dependency(change.target) for change in own], earlier.granting))
            for change in own:
                earlier.add(change)
        done = 0

        async def ask(one: tuple[_Question, _Needs]) -> ActionOutcome:
            nonlocal done
            outcome = await self._outcome(resolver, *one, actor)
            done += 1
            if done % CALLS_AT_ONCE == 0:
                report(preview_messages.progress(done, len(questions)))
            return outcome

        outcomes = await parallel(list(zip(questions, needs, strict=True)), ask, CALLS_AT_ONCE)
        return {question.place: outcome for question, outcome in zip(questions, outcomes, strict=True)}

    async def _outcome(
        self, resolver: ActionResolver, question: _Question, needs: _Needs, actor: Actor
    ) -> ActionOutcome:
        """Return what would become of an action, however it would end."""
        attempt = question.attempt
        try:
            outcome = await self._asked(resolver, question, needs, actor)
        except ActionError as error:
            outcome = _failed(error, needs)
        outcome = await asyncio.to_thread(attempt.redact_outcome, outcome)
        prefix = _prefix(question.step)
        message = bounded(await asyncio.to_thread(attempt.with_notes, f"{prefix}{outcome.message}"))
        return outcome.model_copy(update={"message": message, "reason": outcome.reason or Reason.WOULD_SUCCEED})

    async def _asked(self, resolver: ActionResolver, question: _Question, needs: _Needs, actor: Actor) -> ActionOutcome:
        step = question.step
        if question.request is None:
            assert isinstance(step, RollbackStep), "an Execute only carries out definitions"
            if step.restoration is not None:
                return await self._restoration(question, step.restoration, needs, actor)
            return await self._deletions(question, step, actor)
        if question.outputs_of:
            assert isinstance(step, ExecuteStep), "a custom rollback uses outputs that were recorded"
            return _not_known(preview_messages.not_known_before(step.title, question.outputs_of[0]))
        try:
            action = await resolver.resolve(question.request, question.attempt)
        except ActionError as error:
            raise ActionError(error.type, preview_messages.would_fail(error.message)) from error
        if action.optional_target is not None:
            needed = needs.on
            rights = _rights_of(action, on_object=needed is not None and needed.on_object, known=needed is None)
            if missing := await self._missing_rights(action.actor, action.target, rights):
                raise _lacking(action.operation, action.target, action.actor, missing)
            if needed is not None:
                what = preview_messages.would(action.operation, action.target)
                return _not_known(preview_messages.not_known_before(what, needed.action), action.operation)
        effect = self._effects.get(action.definition.type)
        if effect is None:
            raise ActionError(FailureType.UNSUPPORTED, action_messages.no_effect(action.definition.type))
        return await effect.preview(action, question.attempt)

    async def _deletions(self, question: _Question, step: RollbackStep, actor: Actor) -> ActionOutcome:
        """Ask for every object of a default rollback. Raises ActionError with all that would keep them."""
        if step.refusal is not None:
            raise ActionError(step.refusal.type, preview_messages.would_fail(step.refusal.message))
        errors: list[ActionError] = []
        for deletion in step.deletions:
            try:
                await self._deletion(deletion, actor, question.attempt)
            except ActionError as error:
                errors.append(error)
        if errors:
            raise ActionError(errors[0].type, preview_messages.all_of([error.message for error in errors]))
        targets = [deletion.target for deletion in step.deletions]
        return ActionOutcome(
            phase=Phase.SUCCEEDED,
            message=preview_messages.would_delete(targets),
            operation=Operation.DELETE,
            outputs=_outputs(step.deletions, question.type_outputs),
        )

    async def _restoration(
        self, question: _Question, restoration: Restoration, needs: _Needs, actor: Actor
    ) -> ActionOutcome:
        """Ask whether an object could be restored. Raises ActionError."""
        target = restoration.target
        needed = "create" if restoration.operation is Operation.DELETE else "patch"
        if missing := await self._missing_rights(actor, target, ["get", needed]):
            reason = preview_messages.lacks_rights(actor.user or "the worker", missing)
            message = preview_messages.would_fail(rollback_messages.restoring_failed(target, reason))
            raise ActionError(FailureType.FORBIDDEN, message)
        what = preview_messages.would_restore(target)
        if needs.on is not None:
            return _not_known(preview_messages.not_known_before(what, needs.on.action))
        try:
            uid = await ObjectRestoration(self._cluster, restoration, actor).preview()
        except ActionError as error:
            raise ActionError(error.type, preview_messages.would_fail(error.message)) from error.__cause__
        found = [Deletion(target=target, uid=uid)] if uid else []
        return ActionOutcome(
            phase=Phase.SUCCEEDED,
            message=what,
            operation=restoration.operation,
            outputs=_outputs(found, question.type_outputs),
        )

    async def _deletion(self, deletion: Deletion, actor: Actor, attempt: PreviewAttempt) -> None:
        target = deletion.target
        if missing := await self._missing_rights(actor, target, ["get", "delete"]):
            raise _lacking(Operation.DELETE, target, actor, missing)
        failed = partial(_would_fail, target)
        try:
            await ObjectDeletion(self._cluster, deletion, actor, attempt, failed=failed).preview()
        except ApiError as error:
            message = preview_messages.would_fail_to(Operation.DELETE, target.kind, words_of(error, target))
            raise action_error(error, message) from error

    async def _missing_rights(self, actor: Actor, target: Target, verbs: Sequence[str]) -> list[str]:
        """Return the rights that an actor lacks, as messages name them; what cannot be asked is left to the dry run."""
        missing = []
        for verb in verbs:
            try:
                group, resource = await self._cluster.resource(target)
                attributes = {"verb": verb, "group": group, "resource": resource}
                attributes |= {"namespace": target.namespace} if target.namespace else {}
                attributes |= {"name": target.name} if target.name and verb != "create" else {}
                allowed = await may(self._cluster, actor, attributes)
            except ApiError:
                return []
            if not allowed:
                missing.append(preview_messages.right(verb, resource, group, target.namespace))
        return missing


def _questions(parts: Sequence[AnyLoaded], actor: Actor) -> Iterator[_Question]:
    """Yield every Pending action of decisions, in the order in which they would run."""
    stages = 0
    for one in parts:
        yield from _questions_of(one, actor, stages)
        stages += len(one.decision.state.stages)


def _questions_of(loaded: AnyLoaded, actor: Actor, stages: int) -> Iterator[_Question]:
    """Yield every Pending action of a decision, before whose tree there are so many stages of others."""
    origin = loaded.decision.origin
    for stage_place, stage in enumerate(loaded.decision.state.stages):
        for place, node in enumerate(stage.workflows):
            steps: Sequence[ExecuteStep | RollbackStep | None] = loaded.decision.steps[stage_place][place]
            # A Revert's list is the reverse of the plan's.
            position = len(stage.workflows) - 1 - place if isinstance(loaded.decision, RevertDecision) else place
            at = origin and origin.model_copy(update={"stage": stage.name, "workflow": position})
            for index, (action, step) in enumerate(zip(node.actions, steps, strict=True)):
                if step is None or action.phase is not Phase.PENDING:
                    continue
                reference = ObjectName(name=node.workflow_ref.name, namespace=node.workflow_ref.in_namespace)
                request: ExecuteInput | None
                if isinstance(step, ExecuteStep):
                    request = ExecuteInput(dr_workflow=reference, step=step, actor=actor, origin=at)
                else:
                    request = execute_input(RollbackInput(step=step, actor=actor, dr_workflow=reference, origin=at))
                outputs = ACTION_TYPES[action.type].outputs if action.type else ()
                attempt = PreviewAttempt(step.attempts)
                yield _Question((stages + stage_place, place, index), action.name, outputs, step, request, attempt)


async def _changes(resolver: ActionResolver, question: _Question) -> list[Change]:
    """Return what later actions may depend on; nothing of what cannot be resolved."""
    step = question.step
    if isinstance(step, RollbackStep) and (restoration := step.restoration) is not None:
        creates = restoration.operation is Operation.DELETE
        return [Change(question.name, Operation.CREATE if creates else Operation.PATCH, restoration.target)]
    if question.request is None:
        deletions = step.deletions if isinstance(step, RollbackStep) else []
        return [Change(question.name, Operation.DELETE, deletion.target) for deletion in deletions]
    if question.outputs_of:
        return []
    try:
        action = await resolver.resolve(question.request, question.attempt)
    except ActionError:
        return []
    if action.optional_target is None:
        return []
    defined = removal.defined_kind(action.optional_body or {})
    return [Change(question.name, action.operation, action.optional_target, defined.kind if defined else "")]


def _rights_of(action: ResolvedAction, *, on_object: bool, known: bool) -> list[str]:
    """Return the verbs that an action needs on its object; what a dry run will tell anyway is left out of an Apply's.

    `on_object` says that an earlier action works on the very object, `known` that the dry run will be made.
    """
    match action.operation:
        case Operation.CREATE:
            return ["create", "get"] if action.definition.wait_ready else ["create"]
        case Operation.APPLY if known:
            return ["get"]
        case Operation.APPLY:
            return ["get", "patch"] if on_object else ["get", "create"]
        case Operation.PATCH:
            return ["get", "patch"]
        case Operation.DELETE:
            return ["get", "delete"]
        case _:
            return ["get", "delete", "create"]


def _not_known(message: str, operation: Operation | None = None) -> ActionOutcome:
    return ActionOutcome(
        phase=Phase.SUCCEEDED, reason=Reason.NOT_KNOWN_YET, message=bounded(message), operation=operation
    )


def _failed(error: ActionError, needs: _Needs) -> ActionOutcome:
    """Return an obstacle; or that it is not known, where an earlier action may remove it, or nobody can be asked."""
    cause = error.__cause__
    if isinstance(cause, ApiError) and cause.without_dry_run:
        return _not_known(preview_messages.not_known(error.message, preview_messages.NO_DRY_RUN))
    if error.type is FailureType.FORBIDDEN and needs.granting is not None:
        return _not_known(preview_messages.not_known_before(error.message, needs.granting))
    return ActionOutcome(phase=Phase.FAILED, message=error.message, reason=error.type.value)


def _lacking(operation: Operation, target: Target, actor: Actor, missing: Sequence[str]) -> ActionError:
    reason = preview_messages.lacks_rights(actor.user or "the worker", missing)
    return ActionError(FailureType.FORBIDDEN, preview_messages.would_fail_to(operation, target.kind, reason))


def _would_fail(target: Target, kind: FailureType, reason: str) -> ActionError:
    return ActionError(kind, preview_messages.would_fail_to(Operation.DELETE, target.kind, reason))


def _prefix(step: ExecuteStep | RollbackStep) -> str:
    """Return what precedes the message of what a Revert carries out."""
    if isinstance(step, ExecuteStep) or step.custom is None:
        return ""
    return preview_messages.CUSTOM_ROLLBACK if step.custom.step.part is Part.ROLLBACK else preview_messages.HOOK


def _outputs(deletions: Sequence[Deletion], fields: Sequence[str]) -> ActionOutputs | None:
    """Return the objects that would be deleted, in the fields in which records of the type hold them."""
    references: list[Model] = [
        ObjectReference(
            api_version=one.target.api_version,
            kind=one.target.kind,
            namespace=one.target.namespace,
            name=one.target.name,
            uid=one.uid,
        )
        for one in deletions
    ]
    if not references or not fields:
        return None
    value = {fields[0]: references[0]} if len(references) == 1 else {fields[-1]: references}
    return ActionOutputs.model_validate(value)
