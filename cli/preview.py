"""The command that carries out what a preview showed, from the preview itself."""

import shlex
from collections.abc import Mapping
from typing import Any

from api.phases import OperationType, Phase

_FLAGS = {"includePartial": "--include-partial", "force": "--force"}
_VALUES = {"mode": "--mode", "onFailure": "--on-failure", "onMissing": "--on-missing", "soak": "--soak"}
_SELECTED = {"stages": "--stage", "workflows": "--workflow", "actions": "--action"}
_BEYOND_OPTIONS = ("planRef", "operationType", "revertExecutionRef", "revertTo", "params", "only", "dryRun")


def next_command(body: Mapping[str, Any], connection: Mapping[str, str | None]) -> str:
    """Return the command that does what a preview without obstacles showed; after obstacles, that previews it again.

    A Revert that returns to an execution takes no digest, for each part is decided in its turn. Empty where the
    execution is no preview that has ended so, or the command line cannot say all that its spec says. `connection` are
    the options with which the cluster was reached.
    """
    spec, status = body.get("spec") or {}, body.get("status") or {}
    phase, digest = status.get("phase"), (status.get("preview") or {}).get("digest")
    params = spec.get("params") or []
    unknown = spec.keys() - {*_FLAGS, *_VALUES, *_BEYOND_OPTIONS}
    if unknown or any({*each} - {"name", "value"} for each in params):
        return ""
    digest = None if spec.get("revertTo") else digest
    succeeded = phase == Phase.SUCCEEDED and (digest or spec.get("revertTo"))
    if not spec.get("dryRun") or not (succeeded or phase == Phase.FAILED):
        return ""
    words = ["drplan", *(_operation(spec) if succeeded else _preview(spec))]
    words += ["--namespace", str(body["metadata"].get("namespace") or "default")]
    words += [word for option, value in connection.items() if value for word in (option, value)]
    words += [word for field, option in _VALUES.items() if spec.get(field) for word in (option, str(spec[field]))]
    words += [option for field, option in _FLAGS.items() if spec.get(field)]
    words += ["--return-to"] if spec.get("revertTo") else []
    for level, option in _SELECTED.items():
        words += [word for name in (spec.get("only") or {}).get(level) or [] for word in (option, str(name))]
    words += [word for each in params for word in ("--param", f"{each.get('name')}={each.get('value', '')}")]
    return shlex.join([*words, *(["--preview-digest", str(digest)] if succeeded and digest else [])])


def _operation(spec: Mapping[str, Any]) -> list[str]:
    if spec.get("operationType") == OperationType.REVERT:
        return ["revert", str(spec.get("revertTo") or spec.get("revertExecutionRef"))]
    return ["execute", str(spec.get("planRef"))]


def _preview(spec: Mapping[str, Any]) -> list[str]:
    command, name = _operation(spec)
    return ["preview", str(spec.get("planRef")), *(["--revert", name] if command == "revert" else [])]
