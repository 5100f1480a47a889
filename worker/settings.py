"""What an operator can set: environment variables with the prefix DRPLAN_.

The cluster comes from KUBECONFIG or the pod's service account, Temporal from its own variables
(TEMPORAL_ADDRESS …). Spans are Go durations. Source: docs/operations.md, "Settings".
"""

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from api.meta import go_duration, parse_duration
from planning.effects.allowed_hosts import allowed_hosts

PREFIX = "DRPLAN_"


def _span(value: object) -> object:
    return parse_duration(value) if isinstance(value, str) else value


def _hosts(text: str) -> str:
    allowed_hosts(text)
    return text


GoDuration = Annotated[timedelta, BeforeValidator(_span)]
HostList = Annotated[str, AfterValidator(_hosts)]
"""Read by planning.hosts; what is no list is refused at the start."""
Count = Annotated[int, Field(ge=1)]


class Settings(BaseSettings):
    """Settings of the worker."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True)

    task_queue: Annotated[str, Field(min_length=1, description="Temporal task queue that is served")] = "drplan"
    default_service_account: Annotated[
        str, Field(min_length=1, description="service account of plans that name none, in the plan's namespace")
    ] = "default"
    impersonate: Annotated[
        bool, Field(description="whether actions act as that service account, or with the worker's own rights")
    ] = True
    max_concurrent_activities: Annotated[Count, Field(description="actions carried out at a time")] = 100
    kubernetes_connections: Annotated[Count, Field(description="connections to the API server at a time")] = 100
    http_allowed_hosts: Annotated[
        HostList,
        Field(description="where HTTP actions may go: names, *.names, addresses, networks; * for all but guarded ones"),
    ] = "*"
    graceful_shutdown: Annotated[
        GoDuration,
        Field(description="how long running actions may go on after SIGTERM; then another worker repeats them"),
    ] = timedelta(seconds=10)
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"], Field(description="least severe line of the log")
    ] = "info"
    deployment_name: Annotated[
        str | None, Field(description="turns worker versioning on, together with the build id")
    ] = None
    build_id: Annotated[str | None, Field(description="version of this worker within its deployment")] = None


def listing() -> str:
    """Describe every setting with its default, a line each."""
    lines = [
        f"  {(PREFIX + name.upper()).ljust(34)} {field.description} [{_shown(field.default)}]"
        for name, field in Settings.model_fields.items()
    ]
    return "\n".join(["Settings (environment variables):", *lines, _FOREIGN])


_FOREIGN = """\
  KUBECONFIG                         cluster to act on [~/.kube/config, else the pod's service account]
  TEMPORAL_ADDRESS, _NAMESPACE, …    as Temporal's environment configuration says [localhost:7233, default]"""


def _shown(value: object) -> str:
    if isinstance(value, timedelta):
        return go_duration(value)
    if isinstance(value, bool):
        return str(value).lower()
    return "not set" if value is None else str(value)
