"""The effect on one object: create, apply, patch, delete or replace it.

Source: docs/spec/drplanexecution.md, "What undoes an action" and "Cancel"; docs/spec/drworkflow.md, "Operations".
"""

from typing import assert_never

from activities.attempt.failures import ActionError, action_error
from activities.attempt.heartbeat import Pulse
from activities.effects import outcomes
from activities.effects.create import Creation
from activities.effects.effect import Order
from activities.effects.make_room import ROUNDS, Clearing
from activities.effects.prior_state import Past
from activities.effects.update import Changing
from activities.store.controller_revisions import Revisions
from api.phases import Operation
from api.steps import ActionOutcome, FailureType
from kube.client import Cluster, Object
from kube.errors import ApiError
from planning.effects.prior_state import Before
from planning.messages import actions as action_messages
from planning.messages import attempts as attempt_messages


class ObjectEffect:
    """Effect of the types whose definition is one object: the Clusternet kinds and KubernetesResource."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._revisions = Revisions(cluster)

    async def execute(self, order: Order, pulse: Pulse) -> ActionOutcome:
        """Bring the object into the state that the operation asks for."""
        work = Work(self._cluster, order, Past(self._revisions, order), pulse)
        match order.operation:
            case Operation.CREATE:
                return await work.create()
            case Operation.APPLY | Operation.PATCH:
                return await work.change()
            case Operation.DELETE:
                return await work.delete()
            case Operation.REPLACE:
                return await work.replace()
            case _:
                assert_never(order.operation)

    async def verify(self, order: Order) -> ActionOutcome:
        """Look whether the object is as the operation leaves it."""
        try:
            return await _verify(self._cluster, order, Past(self._revisions, order))
        except ApiError as error:
            raise action_error(error, attempt_messages.canceled_unseen(order.subject, error.message)) from error


class Work:
    """One attempt at an order, by operation. Methods raise ActionError."""

    def __init__(self, cluster: Cluster, order: Order, past: Past, pulse: Pulse) -> None:
        self._order = order
        self._past = past
        self._pulse = pulse
        self._creation = Creation(cluster, order)
        self._changing = Changing(cluster, order, past)
        self._clearing = Clearing(cluster, order, past, pulse)

    async def create(self) -> ActionOutcome:
        """Create the object."""
        self._begin_creation()
        return outcomes.made(self._order, await self._creation.create())

    async def change(self) -> ActionOutcome:
        """Apply or patch: create the object where Apply finds none, else change the one that is there."""
        self._pulse.wait_for("", outcomes.late(self._order))
        try:
            for _ in range(ROUNDS):
                if (outcome := await self._change_once()) is not None:
                    return outcome
        except ApiError as error:
            raise outcomes.failed_by(self._order, error) from error
        raise outcomes.failed(
            self._order, FailureType.TRANSIENT, attempt_messages.changed_meanwhile(self._order.subject)
        )

    async def delete(self) -> ActionOutcome:
        """Delete the object that is there now; none there is a success as well."""
        cleared = await self._clearing.run()
        if cleared.uid is None:
            return outcomes.already_absent(self._order)
        return outcomes.deleted(self._order, cleared.uid, cleared.replaced_by)

    async def replace(self) -> ActionOutcome:
        """Delete the object that is there now, and create it anew."""
        try:
            if (ours := await self._creation.ours()) is not None:
                return outcomes.made(self._order, ours, existed=await self._past.kept() is not None)
        except ApiError as error:
            raise outcomes.failed_by(self._order, error) from error
        existed = (await self._clearing.run()).uid is not None
        self._begin_creation(existed=existed)
        try:
            return outcomes.made(self._order, await self._creation.create(), existed=existed)
        except ActionError as error:
            raise (outcomes.half_done(self._order, error) if existed else error) from error

    async def _change_once(self) -> ActionOutcome | None:
        """Give how it ended; None where the object came, changed or went meanwhile."""
        found = await self._changing.found()
        if found is None:
            return await self._without_object()
        metadata = found["metadata"]
        if self._order.operation is Operation.APPLY and self._creation.is_ours(metadata):
            return outcomes.made(self._order, metadata)
        if metadata.get("deletionTimestamp"):
            raise outcomes.failed(
                self._order, FailureType.TRANSIENT, attempt_messages.being_deleted(self._order.subject)
            )
        return await self._change(found)

    async def _without_object(self) -> ActionOutcome | None:
        """Create what Apply does not find; a Patch needs an object that is there."""
        if self._order.operation is Operation.PATCH:
            raise outcomes.failed(self._order, FailureType.NOT_FOUND, action_messages.not_found(self._order.subject))
        self._begin_creation()
        made = await self._creation.create_if_absent()
        return None if made is None else outcomes.made(self._order, made)

    async def _change(self, found: Object) -> ActionOutcome | None:
        uid = found["metadata"]["uid"]
        self._begin_change(uid)
        try:
            result = await self._changing.change(found)
        except ApiError as error:
            if not self._changing.unknown:
                raise
            raise outcomes.perhaps_changed(self._order, error, uid) from error
        return None if result is None else outcomes.changed(self._order, result)

    def _begin_creation(self, *, existed: bool = False) -> None:
        """Say how it ends should the time run out while a new object is asked for."""

        async def look() -> ActionOutcome | None:
            ours = await self._creation.ours()
            return None if ours is None else outcomes.made(self._order, ours, existed=existed)

        late = outcomes.late_creation(self._order)
        self._pulse.last_look = look
        self._pulse.wait_for("", outcomes.half_done(self._order, late) if existed else late)

    def _begin_change(self, uid: str) -> None:
        """Say how it ends should the time run out while a change is asked for."""

        async def look() -> ActionOutcome | None:
            changed = await self._changing.found_changed(uid)
            return None if changed is None else outcomes.changed(self._order, changed)

        self._pulse.last_look = look
        self._pulse.wait_for("", outcomes.late_change(self._order, uid))


async def _verify(cluster: Cluster, order: Order, past: Past) -> ActionOutcome:
    """Tell without touching anything whether an order was carried out. Raises ApiError or ActionError."""
    changing, creation = Changing(cluster, order, past), Creation(cluster, order)
    found, kept = await changing.found(), await past.kept()
    if order.operation is Operation.DELETE:
        return _verified_delete(order, found, kept)
    if found is not None and order.operation is not Operation.PATCH and creation.is_ours(found["metadata"]):
        return outcomes.made(order, found["metadata"], existed=kept is not None)
    if order.operation is Operation.REPLACE and found is None and kept is not None:
        return outcomes.canceled(attempt_messages.canceled_half_replaced(order.subject))
    # No change is sent before the state is kept: without a record the object is as somebody else left it.
    changes = order.operation in (Operation.APPLY, Operation.PATCH)
    changed = await changing.found_changed(kept.uid) if changes and kept is not None else None
    if changed is not None:
        return outcomes.changed(order, changed)
    return outcomes.canceled(attempt_messages.canceled_not_done(order.operation, order.subject))


def _verified_delete(order: Order, found: Object | None, kept: Before | None) -> ActionOutcome:
    if found is not None:
        return outcomes.canceled(attempt_messages.canceled_still_there(order.subject))
    return outcomes.deleted(order, kept.uid if kept else None)
