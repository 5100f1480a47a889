"""What an operator can set: environment variables with the prefix DRPLAN_.

The cluster comes from KUBECONFIG or the pod's service account, Temporal from its own variables
(TEMPORAL_ADDRESS …). Spans are Go durations. Source: docs/operations.md, "Settings".
"""

import os
import secrets
import socket
from datetime import timedelta
from typing import Annotated

from pydantic import BeforeValidator, Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from api.meta import parse_duration


def _span(value: object) -> object:
    return parse_duration(value) if isinstance(value, str) else value


GoDuration = Annotated[timedelta, BeforeValidator(_span)]


def identity() -> str:
    """Name this very process: host, process id, and a part that no other process has."""
    return f"{socket.gethostname()}_{os.getpid()}_{secrets.token_hex(3)}"


class Settings(BaseSettings):
    """Settings of the bridge."""

    model_config = SettingsConfigDict(env_prefix="DRPLAN_")

    task_queue: str = "drplan"
    identity: str = Field(default_factory=identity)
    lease_namespace: str = "default"
    lease_name: str = "drplan-bridge"
    lease_duration: GoDuration = timedelta(seconds=8)
    """How long a leader that is not heard of is still believed to live."""
    reference_wait: GoDuration = timedelta(seconds=30)
    """How long a missing DRPlan, DRWorkflow or original is waited for: people apply whole folders."""
    shortest_interval: GoDuration = timedelta(milliseconds=300)
    """The shortest time between two passes over one running execution: changes are coalesced."""
    longest_interval: GoDuration = timedelta(milliseconds=750)
    """The longest, however large the status: a change is to be seen within a second."""
    passes: Annotated[int, Field(ge=1)] = 16
    """Passes at a time, over different objects."""
    long_polls: Annotated[int, Field(ge=0)] = 200
    """Histories followed at a time; Temporal allows about 1200 pollers to a namespace. Beyond it a timer serves."""
    relist: GoDuration = timedelta(minutes=30)
    """How often everything is listed anew, should an event ever have been missed."""
    page_size: Annotated[int, Field(ge=1)] = 100
    """Objects to a page of a list: an execution may hold a megabyte."""

    @property
    def lease_renewal(self) -> timedelta:
        """How often the lease is renewed: four times within its duration."""
        return self.lease_duration / 4
