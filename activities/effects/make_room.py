"""Making an object's name free: what bears it is kept, deleted under its uid, and waited for until it is gone.

An attempt may be killed anywhere and begun again: what an earlier attempt found is deleted once, and an object that
somebody made since is left alone. Source: docs/spec/drworkflow.md, "Operations".
"""

from dataclasses import dataclass
from functools import partial

from activities.attempt.heartbeat import Pulse
from activities.effects import outcomes
from activities.effects.delete import Removal
from activities.effects.effect import Order
from activities.effects.prior_state import Past
from api.steps import Deletion, FailureType
from kube.client import Cluster, Object
from kube.errors import ApiError, ConflictError, NotFoundError
from planning.definitions.action_types import BATCH
from planning.effects import prior_state
from planning.messages import attempts as attempt_messages

ROUNDS = 3
"""How often one attempt begins anew when somebody changes the object meanwhile."""


@dataclass(frozen=True)
class Cleared:
    """What became of an object: the uid of the one that went, and that of a new one which was left alone."""

    uid: str | None
    replaced_by: str = ""


class Clearing:
    """The object of one order on its way out, by a Delete or as the first half of a Replace."""

    def __init__(self, cluster: Cluster, order: Order, past: Past, pulse: Pulse) -> None:
        self._cluster = cluster
        self._order = order
        self._past = past
        self._pulse = pulse

    async def run(self) -> Cleared:
        """Return once no object of the order is left. Raises ActionError."""
        try:
            for _ in range(ROUNDS):
                if (cleared := await self._once()) is not None:
                    return cleared
        except ApiError as error:
            raise outcomes.failed_by(self._order, error) from error
        raise outcomes.failed(
            self._order, FailureType.TRANSIENT, attempt_messages.changed_meanwhile(self._order.subject)
        )

    async def _once(self) -> Cleared | None:
        """Delete what is there now; None where it changed meanwhile."""
        found = await self._found()
        kept = await self._past.kept()
        found_before = self._pulse.said.deleting or (kept.uid if kept else "")
        if found is None:
            return Cleared(found_before or None)
        uid, version = prior_state.version_of(found)
        if found_before not in ("", uid):
            # What an earlier attempt found is gone; this one was made since, by somebody else.
            return Cleared(found_before, replaced_by=uid)
        if not await self._recorded(found):
            return None
        self._pulse.say(deleting=uid)
        try:
            await self._removal(uid, version).run()
        except ConflictError:
            return None
        return Cleared(uid)

    async def _found(self) -> Object | None:
        try:
            return await self._cluster.get(self._order.subject, self._order.actor)
        except NotFoundError:
            return None

    async def _recorded(self, found: Object) -> bool:
        """See to it that the object is kept as it is now; what is on its way out was kept before it was told to go."""
        kept = await self._past.kept()
        if kept is not None and (
            kept.version == prior_state.version_of(found) or found["metadata"].get("deletionTimestamp")
        ):
            return True
        return (await self._past.keep(found)).version == prior_state.version_of(found)

    def _removal(self, uid: str, version: str) -> Removal:
        order = self._order
        foreground = order.subject.kind == "Job" and order.subject.api_version == BATCH
        deletion = Deletion(target=order.subject, uid=uid, foreground=foreground)
        within, failed = order.attempts.timeout, partial(outcomes.failed, order)
        return Removal(self._cluster, deletion, order.actor, self._pulse, within, version=version, failed=failed)
