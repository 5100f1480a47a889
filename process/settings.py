"""Settings of a process: environment variables with the prefix DRPLAN_, checked at the start and listed by `--help`.

The docstring of a setting is its help text. Durations are Go durations. Source: docs/operations.md, "Settings".
"""

from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError, ValidationInfo
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, SettingsConfigDict

from api.meta import go_duration, parse_duration
from planning.definitions.identifiers import is_dns_subdomain
from process.payload_encryption import read_keys

PREFIX = "DRPLAN_"


def _duration(value: object) -> object:
    return parse_duration(value) if isinstance(value, str) else value


def _name(text: str) -> str:
    if not is_dns_subdomain(text):
        raise ValueError("not a name that an object in Kubernetes can have")
    return text


def host_and_port(address: str) -> tuple[str, int]:
    """Return the two parts of a numeric address with a port. Raises ValueError."""
    parts = urlsplit(f"//{address}")
    if not parts.hostname or not parts.port or parts.path or parts.username:
        raise ValueError("not an address and port, as in 127.0.0.1:8081")
    return str(ip_address(parts.hostname)), parts.port


def _listen_address(text: str) -> str:
    host_and_port(text)
    return text


def _key_folder(folder: Path) -> Path:
    read_keys(folder)
    return folder


def _existing_key(key_id: str | None, info: ValidationInfo) -> str | None:
    if key_id is None or "payload_keys" not in info.data:  # a wrong folder is reported by itself
        return key_id
    folder = info.data["payload_keys"]
    if folder is None:
        raise ValueError("names a key, but DRPLAN_PAYLOAD_KEYS is not set")
    if key_id not in read_keys(folder):
        raise ValueError(f"the folder of DRPLAN_PAYLOAD_KEYS holds no key {key_id!r}")
    return key_id


GoDuration = Annotated[timedelta, BeforeValidator(_duration)]
Count = Annotated[int, Field(ge=1)]
ListenAddress = Annotated[str, AfterValidator(_listen_address)]
"""Where a process listens."""
KubernetesName = Annotated[str, AfterValidator(_name)]
NonEmpty = Annotated[str, Field(min_length=1)]
KeyFolder = Annotated[Path, AfterValidator(_key_folder)]
"""Read at the start, so that a key that cannot be used is reported then."""


class LogSettings(BaseSettings):
    """Settings that every process has."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, use_attribute_docstrings=True)

    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """least severe line of the log"""


class ProcessSettings(LogSettings):
    """Settings of the processes that use Temporal: worker and bridge."""

    task_queue: NonEmpty = "drplan"
    """Temporal task queue of workflows and actions; the same for worker and bridge"""
    metrics_address: str | None = None
    """address and port, as in 0.0.0.0:9464, where Prometheus finds the metrics of the process"""
    health_address: ListenAddress | None = None
    """address and port, as in 0.0.0.0:8081, where /healthz and /readyz answer"""
    tracing: bool = False
    """whether spans are sent by OpenTelemetry, where the variables OTEL_* say"""
    payload_keys: KeyFolder | None = None
    """folder with the keys that decrypt payloads in Temporal: files named by key id, each with base64 of 32 bytes"""
    payload_key_id: Annotated[str | None, AfterValidator(_existing_key)] = None
    """id of the key that encrypts payloads; not set for plain text"""


def listing(settings: type[LogSettings]) -> str:
    """Describe every setting with its default, one line each."""
    lines = [
        f"  {PREFIX + name.upper():<34} {field.description} [{_default(field)}]"
        for name, field in settings.model_fields.items()
    ]
    return "\n".join(["Settings (environment variables):", *lines, _OTHERS])


_OTHERS = """\
  KUBECONFIG                         cluster to act on, as for kubectl [~/.kube/config, else the pod's service account]
  TEMPORAL_ADDRESS, _NAMESPACE, …    as Temporal's environment configuration says [localhost:7233, default]
  OTEL_EXPORTER_OTLP_ENDPOINT, …     where spans go, with DRPLAN_TRACING=true [http://localhost:4318]"""


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.default
    if field.default_factory is not None:
        return "generated"
    if isinstance(value, timedelta):
        return go_duration(value)
    if isinstance(value, bool):
        return str(value).lower()
    return "not set" if value is None else str(value)


def describe_errors(error: ValidationError) -> str:
    """Name each wrong setting and what is wrong with it, in one line, without its value."""
    wrong = [f"{PREFIX}{'.'.join(map(str, each['loc'])).upper()}: {each['msg']}" for each in error.errors()]
    return "; ".join(wrong) + "; --help lists all settings"
