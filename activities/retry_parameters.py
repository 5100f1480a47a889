"""The activity that takes the parameters of a retry: reads what the person wrote, checks it, and stores it.

The values come from the execution, never from the request that came through Temporal; they are stored beside the
execution, because the annotation does not last. Source: docs/spec/drplanexecution.md, "Other values for a retry";
docs/decisions/0020-what-gives-power-is-derived.md.
"""

from datetime import UTC, datetime

from temporalio import activity

from activities.attempt import RunningAttempt, answer
from activities.authorize import Authorizer
from activities.effects.action import ResolvedAction
from activities.effects.create import ObjectCreation
from activities.errors import ActionError, action_error
from activities.read import read_execution
from activities.resolve_action import ActionResolver
from activities.rollback_action import execute_input
from activities.store import RevisionStore, SnapshotStore
from api.attempts import ActionRecord, ExecuteInput, ParametersInput
from api.failures import FailureType
from api.meta import ObjectKey
from api.nodes import RetriedWith, SnapshotRef
from api.phases import Operation
from api.requests import (
    REQUEST_BY_ANNOTATION,
    REQUEST_ID_ANNOTATION,
    REQUEST_PARAMS_ANNOTATION,
    REQUEST_REASON_ANNOTATION,
    PersonRequest,
)
from api.snapshot import StoredParameters
from kube.client import Cluster
from kube.errors import ApiError
from planning.definitions.action_types import is_per_cluster
from planning.definitions.identifiers import RecordKind, record_name
from planning.messages import actions as action_messages
from planning.messages import requests as request_messages
from planning.snapshot.documents import digest
from planning.snapshot.retry_parameters import RequestedParametersError, requested_parameters


class ParametersActivities:
    """The activity that checks and stores the parameters of a retry."""

    def __init__(self, cluster: Cluster, authorizer: Authorizer, snapshots: SnapshotStore | None = None) -> None:
        self._cluster = cluster
        self._revisions = RevisionStore(cluster)
        self._resolver = ActionResolver(cluster, snapshots or SnapshotStore.of(cluster))
        self._authorizer = authorizer

    @activity.defn
    async def store_parameters(self, request: ParametersInput) -> RetriedWith:
        """Store what a person sets for a retry, or fail with why that cannot be."""

        async def store(attempt: RunningAttempt) -> RetriedWith:
            return await self._store(await self._authorized(request, attempt), request, attempt)

        return await answer("The parameters of a retry ended", store)

    async def _authorized(self, request: ParametersInput, attempt: RunningAttempt) -> ExecuteInput:
        """Return the action as it was tried before; a default rollback has nothing that a parameter could change."""
        if request.execute is not None:
            return await self._authorizer.action(request.execute, attempt)
        assert request.rollback is not None, "an action is executed or rolled back"
        execute = execute_input(await self._authorizer.action(request.rollback, attempt))
        if execute is None:
            raise ActionError(FailureType.INVALID, request_messages.NO_DEFINITION)
        return execute

    async def _store(self, before: ExecuteInput, request: ParametersInput, attempt: RunningAttempt) -> RetriedWith:
        assert before.origin is not None, "the authorizer refuses an action without one"
        key, mark = before.origin.execution, before.step.mark
        requested = await self._requested(key, request.request, mark)
        await self._resolver.require_settable(before, requested.values)
        known: dict[str, str] = {}
        for ref in before.parameters:
            if ref.execution == key:
                known |= (await self._resolver.stored_parameters(ref)).values
        requested = requested.model_copy(update={"values": {**known, **requested.values}})
        await self._require_possible(before, requested, request.record, attempt)
        name = record_name(key, RecordKind.RETRY, mark)
        latest = await self._revisions.latest(key, name)
        # The attempt before this one may have stored it.
        if latest is None or latest.data.get("request") != requested.request:
            latest = await self._revisions.create(key, name, requested.to_object(), instead_of=latest)
        stored = StoredParameters.model_validate(latest.data)
        return RetriedWith(
            parameters=sorted(stored.values),
            by=stored.by,
            reason=stored.reason or None,
            at=stored.at,
            record=SnapshotRef(name=latest.name, sha256=digest(latest.data)),
        )

    async def _requested(self, execution: ObjectKey, request: PersonRequest, mark: str) -> StoredParameters:
        """Return what the annotations of the execution say, if they are those of the request."""
        annotations = (await read_execution(self._cluster, execution, FailureType.INVALID)).metadata.annotations
        by = annotations.get(REQUEST_BY_ANNOTATION, "")
        if (annotations.get(REQUEST_ID_ANNOTATION), by) != (request.id, request.by):
            raise ActionError(FailureType.INVALID, request_messages.NO_LONGER_WRITTEN)
        try:
            values = requested_parameters(annotations.get(REQUEST_PARAMS_ANNOTATION, ""))
        except RequestedParametersError as error:
            raise ActionError(FailureType.INVALID, str(error)) from None
        if sorted(values) != sorted(request.parameters):
            raise ActionError(FailureType.INVALID, request_messages.NO_LONGER_WRITTEN)
        reason = annotations.get(REQUEST_REASON_ANNOTATION, "")
        now = datetime.now(UTC).replace(microsecond=0)
        return StoredParameters(mark=mark, values=values, by=by, reason=reason, at=now, request=request.id)

    async def _require_possible(
        self, before: ExecuteInput, requested: StoredParameters, record: ActionRecord, attempt: RunningAttempt
    ) -> None:
        """Raise ActionError where the values cannot be filled in, or what earlier attempts left is in the way.

        An action has one record of what it made: it must not leave an object behind that no record names.
        """
        after = await self._resolver.resolve(before, attempt, requested.values)
        try:
            earlier = await self._resolver.resolve(before, attempt)
        except ActionError as error:
            if error.type.repeatable:
                raise
            return  # nor could an attempt
        if (earlier.optional_target, earlier.optional_body) == (after.optional_target, after.optional_body):
            return
        if is_per_cluster(after.definition) and (record.cluster_statuses or record.outputs):
            raise ActionError(FailureType.INVALID, request_messages.DONE_IN_CLUSTERS)
        if earlier.optional_target != after.optional_target and after.operation is not Operation.CREATE:
            raise ActionError(FailureType.INVALID, request_messages.another_object(earlier.target, after.target))
        if after.operation in (Operation.CREATE, Operation.REPLACE):
            await self._require_no_object(earlier)

    async def _require_no_object(self, earlier: ResolvedAction) -> None:
        """Raise ActionError where an earlier attempt created its object: a further one would take that for its own."""
        target = earlier.target
        try:
            own = await ObjectCreation(self._cluster, earlier).own_metadata()
        except ApiError as error:
            message = action_messages.failed_to_read(target.kind, target.name, error.message)
            raise action_error(error, message) from error
        if own is not None:
            raise ActionError(FailureType.ALREADY_EXISTS, request_messages.created_before(target))
