"""Resolve one action when its turn comes: the definition, its part, its secrets, its values, its object.

The definition comes from the snapshot of the run, so that later changes of the DRWorkflow do not matter. What the
snapshot left out is put back here, in memory only, and goes nowhere but to where it is used. What reads a text of a
definition does so in a thread, so that the heartbeats of this worker continue. Source:
docs/architecture.md, "What travels through Temporal"; docs/spec/drplanexecution.md, "What is kept".
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Protocol, assert_never

from activities.access import require_readable_workflows
from activities.attempt import RunningAttempt
from activities.effects.action import ResolvedAction
from activities.errors import ActionError, action_error, words_of
from activities.read import find, read_execution, read_values
from api.actions import Action
from api.attempts import ExecuteInput
from api.failures import FailureType
from api.meta import ObjectKey, ObjectName
from api.nodes import SnapshotRef
from api.objects import Target
from api.phases import Operation
from api.plan import DRPlan
from api.snapshot import Snapshot, SnapshotDefinition, SnapshotParameters, StoredParameters
from api.steps import ExecuteStep, Origin, ParametersRef, Part
from api.workflow import DRWorkflow
from kube.client import Cluster, Object
from kube.errors import ApiError
from planning.definitions.action_list import CustomRollbackError, deletion_of, rollback_of
from planning.definitions.action_types import operation_of
from planning.definitions.identifiers import actions_by_name, full_name, occurrences
from planning.definitions.target import body_of_action, target_of_action
from planning.definitions.yaml_scalars import ManifestError
from planning.messages import access as access_messages
from planning.messages import actions as action_messages
from planning.messages import records as record_messages
from planning.messages import rollback as rollback_messages
from planning.snapshot.documents import PlanPlace, use_of, workflow_of
from planning.snapshot.restore import LiveDefinitions, completed, is_whole, layers_again
from planning.snapshot.retry_parameters import errors_of
from planning.values import omission
from planning.values.parameters import resolve
from planning.values.placeholders import (
    PlaceholderKind,
    TemplateError,
    Values,
    names_used,
    placeholders_of,
)
from planning.values.rendering import rendered_action
from planning.values.secret_names import is_secret_name
from planning.values.secret_parts import MARKER, secrets_in

MOST_SECRETS = 1000
"""Secret texts of one action; every message is searched for each of them."""


@dataclass(frozen=True)
class _StoredDefinition:
    """The definition of a step in a snapshot."""

    snapshot: Snapshot
    place: PlanPlace
    dr_workflow: DRWorkflow
    definition: SnapshotDefinition
    parameters: SnapshotParameters


class DefinitionSource(Protocol):
    """Where the definitions of a run are read. Methods raise ActionError."""

    async def root(self, execution: ObjectKey, ref: SnapshotRef) -> Snapshot:
        """Return the root of a snapshot."""

    async def definition(self, execution: ObjectKey, ref: SnapshotRef) -> SnapshotDefinition:
        """Return the definition of a DRWorkflow."""

    async def parameters(self, execution: ObjectKey, ref: SnapshotRef) -> StoredParameters:
        """Return what a person set for retries of an action."""


class ActionResolver:
    """Resolves the actions of steps. Methods raise ActionError."""

    def __init__(self, cluster: Cluster, source: DefinitionSource, *, preview: bool = False) -> None:
        """In a preview, definitions are not stored: the actions are only asked about, and store nothing."""
        self._cluster = cluster
        self._snapshots = source
        self._preview = preview

    async def resolve(
        self, request: ExecuteInput, attempt: RunningAttempt, params: Mapping[str, str] = MappingProxyType({})
    ) -> ResolvedAction:
        """Return what the step is to do, and set the secrets that `attempt` must redact.

        `params` are values that take the place of all others.
        """
        step = request.step
        definition, secrets = await self._definition(request, params)

        def named_object() -> tuple[Target | None, Object | None]:
            attempt.set_secrets(secrets)
            target, body = _object_of(definition, step.mark, secret=bool(secrets))
            if secrets and target is not None:
                # What names the object has to be readable, and a record of it has to be right.
                attempt.set_secrets(secrets - {target.kind, target.namespace, target.name})
            return target, body

        # In a thread, like everything that takes a text of 1 MB apart.
        target, body = await asyncio.to_thread(named_object)
        operation = operation_of(definition)
        return ResolvedAction(
            definition=definition,
            operation=operation,
            optional_target=None if target is None else await self._in_namespace(operation, target),
            optional_body=body,
            mark=step.mark,
            actor=request.actor,
            execution=request.origin.execution if request.origin and not self._preview else None,
            attempts=request.attempts,
            lost=request.lost or attempt.lost > 0,
            secrets=secrets,
            attempt=attempt,
            preview=self._preview,
        )

    async def _in_namespace(self, operation: Operation, target: Target) -> Target:
        """Return the target with the namespace in which its object really is, or without one.

        Only a deletion sends no body, and so does not need the very version that the definition names.
        """
        try:
            return await self._cluster.place(target, in_any_version=operation is Operation.DELETE)
        except ApiError as error:
            if self._preview:  # an earlier action may define the kind; if none does, the dry run says so
                return target
            reason = words_of(error, target)
            raise action_error(error, action_messages.failed_to(operation, target.kind, reason)) from error

    async def require_settable(self, request: ExecuteInput, params: Mapping[str, str]) -> None:
        """Raise ActionError unless a person may set these parameters for a retry of the step."""
        assert request.origin is not None, "the authorizer refuses an action without one"
        stored = await self._stored(request.origin, request.dr_workflow)

        def errors() -> list[str]:
            action = _part_of_step(stored.dr_workflow, request.step, request.dr_workflow)
            return errors_of(params, action, stored.snapshot, stored.place, stored.dr_workflow, stored.parameters)

        if found := await asyncio.to_thread(errors):
            raise ActionError(FailureType.INVALID, "; ".join(found))

    async def stored_parameters(self, ref: ParametersRef) -> StoredParameters:
        """Return what a person set for retries of an action."""
        return await self._snapshots.parameters(ref.execution, ref.record)

    async def _retried_with(self, request: ExecuteInput) -> dict[str, str]:
        """Return the values that persons set for retries of this very action, in this run or in the original."""
        values: dict[str, str] = {}
        for ref in request.parameters:
            stored = await self.stored_parameters(ref)
            of_this_run = request.origin is not None and ref.execution == request.origin.execution
            if of_this_run and stored.mark != request.step.mark:
                raise ActionError(
                    FailureType.UNTRUSTED_STEP, access_messages.parameters_of_another(request.step.action)
                )
            values |= {name: stored.values[name] for name in ref.names if name in stored.values}
        return values

    async def _definition(self, request: ExecuteInput, params: Mapping[str, str]) -> tuple[Action, frozenset[str]]:
        """Return the part to do with all values filled in, and which of its texts are secret."""
        step, reference = request.step, request.dr_workflow
        if request.origin is None:
            live = await find(self._cluster, DRWorkflow, reference.in_namespace, reference.name)

            def without_values() -> tuple[Action, frozenset[str]]:
                definition = _without_values(_part_of_step(live, step, reference))
                return definition, _secrets_of(definition)

            return await asyncio.to_thread(without_values)
        stored = await self._stored(request.origin, reference)

        def part() -> tuple[Action, bool]:
            found = _part_of_step(stored.dr_workflow, step, reference)
            return found, is_whole(stored.definition, step.index, step.part, found)

        action, complete = await asyncio.to_thread(part)
        if not complete:
            await self._require_readable(request)
        whole = action if complete else await self._with_secrets(action, step, stored)
        left_out = frozenset(stored.parameters.left_out)
        names = left_out and left_out & {*await asyncio.to_thread(names_used, whole, PlaceholderKind.PARAMS)}
        if names and complete:
            await self._require_readable(request)
        secret_values = await self._secret_values(request, stored, sorted(names)) if names else {}
        outputs = {name: one.to_object() for name, one in request.outputs.items()}
        earlier = {name: {**outputs.get(name, {}), "phase": phase.value} for name, phase in request.phases.items()}
        own = await self._retried_with(request) if request.parameters else {}
        known = {**stored.parameters.values, **secret_values, **own, **params}
        values = Values(known, stored.snapshot.plan.name, earlier, frozenset(stored.parameters.fragments))

        def rendered() -> tuple[Action, frozenset[str]]:
            try:
                definition = rendered_action(whole, values)
            except TemplateError as error:
                raise ActionError(FailureType.INVALID, action_messages.not_renderable(whole.name, str(error))) from None
            except ManifestError as error:
                raise _unusable_manifest(whole, error, secret=bool(secret_values) or not complete) from None
            return definition, _secrets_of(definition, secret_values)

        # In a thread: a text of 1 MB takes longer than the event loop may be kept busy.
        return await asyncio.to_thread(rendered)

    async def _require_readable(self, request: ExecuteInput) -> None:
        """Raise ActionError unless the actor may read the DRWorkflow whose secrets are to be filled in."""
        assert request.origin is not None, "only a stored definition lacks its secrets"
        namespace = request.origin.execution.namespace
        await require_readable_workflows(self._cluster, namespace, request.actor, [request.dr_workflow])

    async def _stored(self, origin: Origin, reference: ObjectName) -> _StoredDefinition:
        place = (origin.stage, origin.workflow)
        snapshot = await self._snapshots.root(origin.execution, origin.snapshot)
        use = use_of(snapshot, place)
        if use is None or (use[0].namespace, use[0].name) != (reference.in_namespace, reference.name):
            message = action_messages.place_unknown(origin.stage, full_name(reference))
            raise ActionError(FailureType.UNDEFINED, message)
        definition = await self._snapshots.definition(origin.execution, use[0].revision)
        return _StoredDefinition(snapshot, place, workflow_of(use[0], definition), definition, use[1])

    async def _with_secrets(self, action: Action, step: ExecuteStep, stored: _StoredDefinition) -> Action:
        """Put the secret parts of an action back, from the live DRWorkflow."""
        metadata = stored.dr_workflow.metadata
        live = await find(self._cluster, DRWorkflow, metadata.namespace, metadata.name)
        names = occurrences(stored.dr_workflow.spec.actions, lambda each: each.name)
        same = actions_by_name(live).get(names[step.index])
        whole = await asyncio.to_thread(completed, action, same and _part(same, step.part))
        if whole is None:
            message = record_messages.secrets_changed(step.action, f"{metadata.namespace}/{metadata.name}")
            raise ActionError(FailureType.UNDEFINED, message)
        return whole

    async def _secret_values(
        self, request: ExecuteInput, stored: _StoredDefinition, names: list[str]
    ) -> dict[str, str]:
        """Return the values of parameters that the snapshot left out, read again as the actor."""
        plan, metadata = stored.snapshot.plan, stored.dr_workflow.metadata
        live = LiveDefinitions(
            await find(self._cluster, DRPlan, plan.namespace, plan.name),
            await find(self._cluster, DRWorkflow, metadata.namespace, metadata.name),
            # The spec of an execution never changes.
            tuple(
                [
                    await read_execution(self._cluster, key, FailureType.UNDEFINED)
                    for key in stored.snapshot.parameters_of
                ]
            ),
        )
        layers = layers_again(stored.snapshot, stored.place, stored.dr_workflow, stored.parameters, live)
        answers = await read_values(self._cluster, request.actor, [layers])
        resolved = await asyncio.to_thread(resolve, layers, answers)
        known = {name: resolved.values[name] for name in names if name in resolved.values}
        missing = [name for name in names if name not in known or known[name] == MARKER]
        if missing:
            errors = [error.text for error in resolved.errors]
            message = record_messages.parameters_changed(request.step.action, missing, errors)
            raise ActionError(FailureType.UNDEFINED, message)
        return known


def _secrets_of(definition: Action, secret_values: Mapping[str, str] | None = None) -> frozenset[str]:
    """Return the secret texts of a definition with its values filled in, and of these values. Raises ActionError.

    Of a value without a secret name, only its secret parts count, where it has any.
    """
    values = secret_values or {}
    within = {name: secrets_in(value) for name, value in values.items() if not is_secret_name(name)}
    parts = [text for name, value in values.items() for text in within.get(name) or [value]]
    secrets = frozenset([*omission.secrets_of(definition.to_object()), *parts])
    if len(secrets) > MOST_SECRETS:
        message = action_messages.too_many_secrets(definition.name, MOST_SECRETS)
        raise ActionError(FailureType.INVALID, message)
    return secrets


def _part_of_step(dr_workflow: DRWorkflow | None, step: ExecuteStep, reference: ObjectName) -> Action:
    """Return the part of a definition that a step names, under the action's name or the part's."""
    actions = dr_workflow.spec.actions if dr_workflow else []
    if step.index < len(actions):
        part = _part(actions[step.index], step.part)
        if step.action in (actions[step.index].name, part.name):
            return part
    raise ActionError(FailureType.UNDEFINED, rollback_messages.action_undefined(step.action, full_name(reference)))


def _part(action: Action, part: Part) -> Action:
    match part:
        case Part.ACTION:
            return action
        case Part.INVERSE:
            found, missing = deletion_of(action), action_messages.without_object(action.name)
        case Part.ROLLBACK:
            found, missing = _rollback(action), rollback_messages.without_rollback(action.name)
        case _:
            assert_never(part)
    if found is None:
        raise ActionError(FailureType.UNDEFINED, missing)
    return found


def _rollback(action: Action) -> Action | None:
    try:
        return rollback_of(action)
    except CustomRollbackError as error:
        message = action_messages.not_readable("The rollback of action", action.name, str(error))
        raise ActionError(FailureType.INVALID, message) from None


def _without_values(action: Action) -> Action:
    """Return an action for which no values were stored. Raises ActionError if it uses any."""
    if any(placeholders_of(action)):
        raise ActionError(FailureType.UNDEFINED, record_messages.values_not_kept(action.name))
    return action


def _object_of(action: Action, mark: str, *, secret: bool) -> tuple[Target | None, Object | None]:
    """Return the object of a definition, by name and whole; neither if its type has none."""
    try:
        target = target_of_action(action, mark)
        return target, None if target is None else body_of_action(action, mark)
    except ManifestError as error:
        raise _unusable_manifest(action, error, secret=secret) from None


def _unusable_manifest(action: Action, error: ManifestError, *, secret: bool) -> ActionError:
    known = action_messages.not_readable("The manifest of action", action.name, str(error))
    return ActionError(FailureType.INVALID, action_messages.not_usable_with_secrets(action.name) if secret else known)
