"""Deleting one very object until it is gone: GET, DELETE with its uid, then wait.

An attempt may be killed anywhere and begun again: what is on its way out is not deleted twice, and an
answer that leaves the effect open is followed by a look. Source: docs/spec/drplanexecution.md, "The look";
Kubernetes, "Object names and IDs" and "Finalizers".
"""

import asyncio
from collections.abc import Callable, Sequence

from activities.attempt.failures import ActionError
from activities.attempt.heartbeat import Pulse
from api.steps import Actor, Deletion, FailureType
from kube.client import Cluster, Object
from kube.errors import ApiError, NotFoundError, UnknownKindError
from planning.messages import actions as action_messages
from planning.messages import attempts as attempt_messages

_FIRST_PAUSE = 0.05
_LONGEST_PAUSE = 1.0
"""Seconds between two looks at an object that is on its way out."""


async def metadata_if_present(cluster: Cluster, deletion: Deletion, actor: Actor) -> Object | None:
    """Read an object's metadata; None where it is gone. Raises ApiError."""
    try:
        return await cluster.metadata(deletion.target, actor)
    except (NotFoundError, UnknownKindError):
        return None


class Removal:
    """One object on its way out."""

    def __init__(
        self,
        cluster: Cluster,
        deletion: Deletion,
        actor: Actor,
        pulse: Pulse,
        timeout: str,
        *,
        version: str | None = None,
        failed: Callable[[FailureType, str], ActionError] | None = None,
    ) -> None:
        """`timeout` is the action's, as people wrote it: messages quote it.

        With `version`, a resourceVersion, an object that has changed since stays: `run` raises ConflictError.
        `failed` makes a failure of a reason; without it, that of a deletion.
        """
        self._cluster = cluster
        self._deletion = deletion
        self._actor = actor
        self._pulse = pulse
        self._timeout = timeout
        self._version = version
        self._failed = failed or self._failed_to_delete
        self.replaced_by: str | None = None
        """The uid of a new object of that name, which is left alone."""

    async def run(self) -> None:
        """Return once the object is gone, whoever removed it. Raises ApiError."""
        self._wait_for_answer()
        seen = await self._look()
        if seen is None:
            return
        if not seen.get("deletionTimestamp"):
            await self._delete()
        await self._wait()

    async def _look(self) -> Object | None:
        """Give the object's metadata while it is there."""
        seen = await metadata_if_present(self._cluster, self._deletion, self._actor)
        if seen is not None and seen["uid"] != self._deletion.uid:
            self.replaced_by = seen["uid"]
            return None
        return seen

    async def _delete(self) -> None:
        deletion = self._deletion
        try:
            await self._cluster.delete(
                deletion.target, deletion.uid, self._actor, version=self._version, foreground=deletion.foreground
            )
        except NotFoundError:
            return
        except ApiError as error:
            if not error.repeatable or not await self._took_effect():
                raise

    async def _took_effect(self) -> bool:
        """Tell after an unclear answer, or a 409, whether the object goes or is gone all the same."""
        try:
            seen = await self._look()
        except ApiError:
            return False
        return seen is None or bool(seen.get("deletionTimestamp"))

    async def _wait(self) -> None:
        pause = _FIRST_PAUSE
        while await self._still_there():
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)

    async def _still_there(self) -> bool:
        """Look, and say what is waited for; an API server that is away for a while is waited for as well."""
        try:
            seen = await self._look()
        except ApiError as error:
            if not error.repeatable:
                raise
            self._wait_for_server(error)
            return True
        if seen is not None:
            self._wait_for_finalizers(seen.get("finalizers") or [])
        return seen is not None

    def _wait_for_answer(self) -> None:
        reason = attempt_messages.no_answer(self._deletion.target, self._timeout)
        self._pulse.wait_for("", self._failed(FailureType.TIMED_OUT, reason))

    def _wait_for_finalizers(self, finalizers: Sequence[str]) -> None:
        target = self._deletion.target
        late = self._failed(
            FailureType.DELETION_TIMED_OUT, action_messages.still_there(target, self._timeout, finalizers)
        )
        self._pulse.wait_for(attempt_messages.waiting_for_removal(target, finalizers), late)

    def _wait_for_server(self, error: ApiError) -> None:
        reason = attempt_messages.unseen(self._deletion.target, self._timeout, error.message)
        self._pulse.wait_for(
            attempt_messages.waiting_for_server(error.message), self._failed(FailureType.TIMED_OUT, reason)
        )

    def _failed_to_delete(self, kind: FailureType, reason: str) -> ActionError:
        return ActionError(kind, action_messages.failed_to_delete(self._deletion.target, reason))
