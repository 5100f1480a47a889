"""The stored state of an object from before an action changed it: written first, found again by every later attempt.

Source: docs/operations.md, "The state before a change".
"""

import asyncio
from collections.abc import Awaitable, Callable

from activities.effects.action import ResolvedAction
from activities.store import Revision, RevisionStore
from api.meta import CREATED_BY_ANNOTATION
from kube.client import Object
from planning.definitions.identifiers import RecordKind, record_name
from planning.effects import prior_state
from planning.effects.prior_state import PriorState, same_apart_from_status


class PriorStateStore:
    """The prior state of the object of one action. Methods raise ActionError.

    Runs from before prior states were stored have no execution that could own one: nothing outlives their attempt.
    """

    def __init__(self, revisions: RevisionStore, action: ResolvedAction) -> None:
        self._revisions = revisions
        self._action = action
        self._revision: Revision | None = None
        self._state: PriorState | None = None
        self._was_read = False
        self.stored_now = False
        """Whether this very attempt stored it."""

    async def read(self) -> PriorState | None:
        """Return what is stored. Call it after the object was read: then a change that it shows has its prior state."""
        execution = self._action.execution
        if not self._was_read and execution is not None:
            self._set(await self._revisions.latest(execution, self._name))
        self._was_read = True
        return self._state

    async def store(self, found: Object, doubt: str = "") -> PriorState:
        """Store the object as it was found, instead of what was stored; return what is stored now.

        That is another attempt's, if one that was believed to be lost is still running.
        """
        return await self._store(await self._prior_of(found, doubt))

    async def store_with_left(
        self, found: Object, left: Callable[[Object], Awaitable[Object | None]], doubt: str = ""
    ) -> PriorState:
        """Store the object as well as how the change is going to leave it, which `left` returns, or None.

        It is not asked where the object is not stored whole.
        """
        prior = await self._prior_of(found, doubt)
        if prior.complete:
            prior = await self._with_left(prior, await left(found))
        return await self._store(prior)

    async def note_left(self, left: Object) -> None:
        """Store how the change has left the object, unless that is stored."""
        stored = await self.read()
        if stored is not None and stored.owners is not None and not prior_state.left_so(stored, left):
            await self._store(await self._with_left(stored, left))

    async def _prior_of(self, found: Object, doubt: str) -> PriorState:
        # An Apply hands the fields of our POST over first: the owners before that are those to return to.
        before = self._state
        owners = before.owners if before is not None and same_apart_from_status(before.found, found) else None
        # In a thread: an object of a megabyte is searched for what may be secret.
        return await asyncio.to_thread(prior_state.prior_state_of, found, doubt, self._action.secrets, owners)

    async def _with_left(self, prior: PriorState, left: Object | None) -> PriorState:
        return await asyncio.to_thread(prior_state.with_left, prior, left, self._action.secrets)

    async def _store(self, new: PriorState) -> PriorState:
        execution = self._action.execution
        if execution is None:
            self._state, self.stored_now = new, True
            return new
        annotations = {CREATED_BY_ANNOTATION: self._action.mark}
        data = prior_state.data_of(new)
        self._set(
            await self._revisions.create(
                execution, self._name, data, annotations=annotations, instead_of=self._revision
            )
        )
        self.stored_now = self._state == new
        return self._state or new

    def _set(self, revision: Revision | None) -> None:
        self._revision = revision
        self._state = None if revision is None else prior_state.read(revision.data)

    @property
    def _name(self) -> str:
        assert self._action.execution is not None, "only an execution can own a prior state"
        return record_name(self._action.execution, RecordKind.BEFORE, self._action.mark)
