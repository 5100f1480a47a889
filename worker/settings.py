"""Settings of the worker. Source: docs/operations.md, "Settings"."""

from datetime import timedelta
from typing import Annotated

from pydantic import AfterValidator

from planning.effects.allowed_hosts import allowed_hosts
from process.settings import Count, GoDuration, KubernetesName, ProcessSettings


def _host_list(text: str) -> str:
    allowed_hosts(text)
    return text


HostList = Annotated[str, AfterValidator(_host_list)]
"""Parsed by planning.effects.allowed_hosts; what that refuses is refused at the start."""


class Settings(ProcessSettings):
    """Settings of the worker."""

    default_service_account: KubernetesName = "default"
    """service account of plans that name none, in the plan's namespace"""
    impersonate: bool = True
    """whether actions act as that service account, or with the worker's own rights"""
    max_concurrent_activities: Count = 100
    """actions carried out at a time"""
    kubernetes_connections: Count = 100
    """connections to the API server at a time"""
    http_allowed_hosts: HostList = "*"
    """where HTTP actions may go: names, *.names, addresses, networks; * for all but guarded ones"""
    graceful_shutdown: GoDuration = timedelta(seconds=10)
    """how long running attempts may continue after SIGTERM; then another worker repeats them"""
    workflow_sandbox: bool = False
    """whether workflow code runs in the sandbox of Temporal's SDK, which takes time and memory for each run"""
    deployment_name: str | None = None
    """turns worker versioning on, together with the build id"""
    build_id: str | None = None
    """version of this worker within its deployment"""
