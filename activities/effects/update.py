"""Changing one object that is there: its state is kept, then the change goes out under that resourceVersion.

A change that was accepted by an attempt before this one is known by what the API server says in a dry run:
nothing would come of it. Source: docs/spec/drworkflow.md, "Operations"; Kubernetes, "Concurrency Control" and
"Dry-run".
"""

from activities.effects.effect import Order
from activities.effects.prior_state import Past
from api.phases import Operation
from kube.client import Cluster, Object
from kube.errors import ApiError, ConflictError, NotFoundError
from planning.effects import request_bodies
from planning.effects.prior_state import Before, doubtful, same_state, version_of
from planning.messages import conditions as condition_messages


class Changing:
    """The change of one order's object by Apply or Patch. Methods raise ApiError or ActionError."""

    def __init__(self, cluster: Cluster, order: Order, past: Past) -> None:
        self._cluster = cluster
        self._order = order
        self._past = past
        self.unknown = False
        """Whether the change may have had its effect although an error is raised."""

    async def found(self) -> Object | None:
        """Give the whole object as it is now; None where it is absent."""
        try:
            return await self._cluster.get(self._order.subject, self._order.actor)
        except NotFoundError:
            return None

    async def found_changed(self, uid: str) -> Object | None:
        """Give the object with this uid if it is as the change would leave it."""
        seen = await self.found()
        return seen if seen is not None and seen["metadata"]["uid"] == uid and await self._in_effect(seen) else None

    async def change(self, found: Object) -> Object | None:
        """Change the object that was found, or find it changed by an earlier attempt; None where it changed meanwhile.

        Gives the whole object as it is then.
        """
        try:
            kept = await self._past.kept()
            if kept is not None and _moved(kept, found) and await self._in_effect(found):
                return found
            if kept is None or kept.version != version_of(found):
                kept = await self._past.keep(found, self._doubt(kept, found))
            return await self._send(found) if kept.version == version_of(found) else None
        except (ConflictError, NotFoundError):
            return None

    async def _in_effect(self, found: Object) -> bool:
        """Tell whether the object is as the change would leave it; nothing is touched."""
        try:
            return same_state(found, await self._request(found, dry_run=True))
        except ApiError as error:
            if error.repeatable:
                raise
            # An admission webhook that takes no dry run, for example: then the change itself has to show it.
            return False

    def _doubt(self, kept: Before | None, found: Object) -> str:
        """Say why the state that is kept now may not be that before the change, if so."""
        ours_perhaps = kept is not None and _moved(kept, found) and not self._past.fresh and doubtful(kept, found)
        return condition_messages.RECORD_DOUBTFUL if ours_perhaps else ""

    async def _send(self, found: Object) -> Object:
        try:
            return await self._request(found)
        except ApiError as error:
            if not error.unclear or (seen := await self._taken(found, error)) is None:
                raise
            return seen

    async def _taken(self, found: Object, error: ApiError) -> Object | None:
        """Give the object after an answer that leaves the effect open; None where the change cannot be shown."""
        self.unknown = True
        try:
            seen = await self._cluster.get(self._order.subject, self._order.actor)
            done = version_of(seen) != version_of(found) and await self._in_effect(seen)
        except ApiError:
            return None
        self.unknown = not done and error.may_still_come
        return seen if done else None

    async def _request(self, found: Object, *, dry_run: bool = False) -> Object:
        order = self._order
        body = request_bodies.change(order.content, order.subject, found)
        send = self._cluster.patch if order.operation is Operation.PATCH else self._cluster.apply
        return await send(order.subject, body, order.actor, dry_run=dry_run)


def _moved(kept: Before, found: Object) -> bool:
    """Tell whether the very object that is kept has changed since."""
    uid, version = version_of(found)
    return kept.uid == uid and kept.resource_version != version
