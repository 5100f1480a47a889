"""The record of an object from before its order changed it: kept first, found again by every later attempt.

Source: docs/operations.md, "The state before a change".
"""

from activities.effects.effect import Order
from activities.store.controller_revisions import Record, Revisions
from api.meta import CREATED_BY_ANNOTATION
from kube.client import Object
from planning.definitions.identifiers import Kept, record_name
from planning.effects import prior_state
from planning.effects.prior_state import Before


class Past:
    """What is kept of the object of one order. Methods raise ActionError.

    Runs from before anything was kept have no execution to keep it beside: nothing outlives their attempt.
    """

    def __init__(self, revisions: Revisions, order: Order) -> None:
        self._revisions = revisions
        self._order = order
        self._record: Record | None = None
        self._kept: Before | None = None
        self._asked = False
        self.fresh = False
        """Whether this very attempt wrote it."""

    async def kept(self) -> Before | None:
        """Give what is kept. Ask after the object was read: then a change that it shows has its record already."""
        execution = self._order.execution
        if not self._asked and execution is not None:
            self._take(await self._revisions.record(execution.namespace, self._name))
        self._asked = True
        return self._kept

    async def keep(self, found: Object, doubt: str = "") -> Before:
        """Keep the object as it was found, in place of what was kept; give what is kept now.

        That is another attempt's, where one that was believed to be lost is still at work.
        """
        new, execution = prior_state.before(found, doubt, self._order.secrets), self._order.execution
        if execution is None:
            self._kept, self.fresh = new, True
            return new
        if self._record is not None:
            await self._revisions.forget(execution.namespace, self._record)
        annotations = {CREATED_BY_ANNOTATION: self._order.mark}
        record = await self._revisions.keep_record(execution, self._name, prior_state.data_of(new), {}, annotations)
        self._take(record)
        self.fresh = self._kept == new
        return self._kept or new

    def _take(self, record: Record | None) -> None:
        self._record = record
        self._kept = None if record is None else prior_state.read(record.data)

    @property
    def _name(self) -> str:
        assert self._order.execution is not None, "only where there is an execution is anything kept"
        return record_name(self._order.execution, Kept.BEFORE, self._order.mark)
