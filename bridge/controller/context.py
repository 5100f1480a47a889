"""What every pass works with, built once by __main__."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from api.execution import DRPlanExecution, Engine
from bridge.keys import Key
from bridge.kubernetes.api import Cluster
from bridge.kubernetes.events import Recorder
from bridge.kubernetes.index import Index
from bridge.kubernetes.store import Objects, Stored
from bridge.settings import Settings
from bridge.status.execution import Moment
from bridge.temporal.client import Engine as Door
from bridge.temporal.history_poller import Follower
from bridge.temporal.observe import Observer


def utc_now() -> datetime:
    """Tell the time as objects hold it: whole seconds, UTC."""
    return datetime.now(UTC).replace(microsecond=0)


@dataclass(frozen=True)
class Carried:
    """A run and the very object that it carries out."""

    uid: str
    engine: Engine


@dataclass(frozen=True)
class Context:
    """The doors, and what remembers between passes (nothing that matters)."""

    settings: Settings
    cluster: Cluster
    engine: Door
    index: Index
    objects: Objects
    observer: Observer
    follower: Follower
    events: Recorder
    now: Callable[[], datetime] = utc_now
    runs: dict[Key, Carried] = field(default_factory=dict)
    """The runs that this process knows to be open, so that one whose object vanishes is not left alone."""

    def moment(self, it: Stored[DRPlanExecution]) -> Moment:
        """Say against what a status of this object is computed."""
        return Moment(
            operation=it.model.spec.operation_type,
            generation=it.model.metadata.generation,
            now=self.now(),
            cancel_asked=it.cancel_asked,
        )
