"""Settings of the bridge. Source: docs/operations.md, "Settings"."""

from datetime import timedelta
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from process.identity import identity
from process.settings import Count, GoDuration, KubernetesName, ListenAddress, NonEmpty, ProcessSettings


def _http_address(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment or parts.username:
        raise ValueError("not an address, as in https://temporal.example.com")
    return text


HttpAddress = Annotated[str, AfterValidator(_http_address)]


class BridgeSettings(ProcessSettings):
    """Settings of the bridge."""

    identity: NonEmpty = Field(default_factory=identity)
    """identity of the process in the lease and in events"""
    lease_namespace: KubernetesName = "drplan-system"
    """namespace of the lease for leader election"""
    lease_name: KubernetesName = "drplan-bridge"
    """name of the lease for leader election"""
    lease_duration: GoDuration = timedelta(seconds=8)
    """how long the lease is valid without renewal; then another bridge takes over"""
    reference_wait: GoDuration = timedelta(seconds=30)
    """how long to wait for a missing DRPlan, DRWorkflow or original: people apply whole folders"""
    shortest_interval: GoDuration = timedelta(milliseconds=300)
    """shortest time between two passes over one running execution: changes are coalesced"""
    longest_interval: GoDuration = timedelta(milliseconds=850)
    """longest time between them: a change is to be visible within a second"""
    longest_large_interval: GoDuration = timedelta(milliseconds=1800)
    """the same for a status over 64 KiB, whose writes cost the API server much: within two seconds"""
    passes: Count = 16
    """passes at a time, over different objects"""
    rehearsals: Count = 4
    """rehearsals of plans at a time; each may send thousands of requests to the API server"""
    long_polls: Annotated[int, Field(ge=0)] = 200
    """runs followed by long polls at a time (a Temporal namespace allows about 1200); others are polled by a timer"""
    relist: GoDuration = timedelta(minutes=30)
    """how often everything is listed again, should an event have been missed"""
    page_size: Count = 100
    """objects in a page of a list: an execution may hold a megabyte"""
    view_address: ListenAddress | None = None
    """address and port, as in 127.0.0.1:8082, where the view of plans and executions is served"""
    temporal_ui: HttpAddress | None = None
    """address of Temporal's UI, as in https://temporal.example.com, for links of the view"""

    @property
    def lease_renewal(self) -> timedelta:
        """How often the lease is renewed: four times within its duration."""
        return self.lease_duration / 4
