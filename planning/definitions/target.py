"""From an action to the object it is about: its name, and the body that is sent.

Source: docs/spec/drworkflow.md, "Actions".
"""

import re
from typing import Any, assert_never

from api.actions import Action, JobTemplate
from api.steps import Target
from planning.definitions.action_types import BATCH, Says, block_of, kind_of
from planning.definitions.identifiers import LABEL_MAX_LENGTH, short_hash
from planning.definitions.manifest import ManifestError, parse_manifest, target_of
from planning.messages import files as file_messages

DEFAULT_NAMESPACE = "default"


def target_of_action(action: Action, mark: str = "") -> Target | None:
    """Name the object that an action is about; None where it has none, lacks its block, or nothing names it.

    A template without a name gets one from the action's and its `mark`.
    Raises ManifestError when its manifest is not one object.
    """
    block, kind = block_of(action), kind_of(action)
    if block is None:
        return None
    match kind.says:
        case Says.NOWHERE:
            return None
        case Says.MANIFEST:
            return target_of(parse_manifest(block.manifest))
        case Says.BLOCK:
            name: str | None = block.name
        case Says.TEMPLATE:
            name = _named(block.template) or (_made_up(action.name, mark) if mark else None)
        case _:
            assert_never(kind.says)
    if name is None:
        return None
    namespace = (block.namespace or DEFAULT_NAMESPACE) if kind.namespaced else None
    return Target(api_version=kind.api_version, kind=kind.kind, name=name, namespace=namespace)


def is_job(target: Target) -> bool:
    """Return whether an object is a Job, whose pods are deleted before it."""
    return target.kind == "Job" and target.api_version == BATCH


def _named(template: dict[str, Any]) -> str | None:
    """Give the name that a template gives itself."""
    metadata = template.get("metadata")
    name = metadata.get("name") if isinstance(metadata, dict) else None
    return name if isinstance(name, str) and name else None


def _made_up(action: str, mark: str) -> str:
    """Give a name that each attempt of one action in one execution finds again: `<action>-<hash of the mark>`."""
    word = re.sub(r"[^a-z0-9]+", "-", action.lower()).strip("-") or "action"
    tail = f"-{short_hash(mark)}"
    return word[: LABEL_MAX_LENGTH - len(tail)].rstrip("-") + tail


def body_of_action(action: Action, mark: str = "") -> dict[str, Any]:
    """Give the whole object that a Create or Apply sends.

    Raises ManifestError when the manifest is not one object, or the action has no object.
    """
    block, target = block_of(action), target_of_action(action, mark)
    if target is None:
        raise ManifestError(file_messages.no_object(action.name, action.type))
    says = kind_of(action).says
    if says is Says.MANIFEST:
        return parse_manifest(block.manifest)
    named = {"name": target.name} | ({"namespace": target.namespace} if target.namespace else {})
    head = {"apiVersion": target.api_version, "kind": target.kind}
    if says is Says.TEMPLATE:
        return {**head, "metadata": _described(block.template) | named, "spec": _job_spec(block)}
    return {**head, "metadata": named} | ({} if block.spec is None else {"spec": block.spec})


def _described(template: dict[str, Any]) -> dict[str, Any]:
    """Give the labels and annotations that a template carries."""
    metadata = template.get("metadata")
    given = metadata if isinstance(metadata, dict) else {}
    return {name: given[name] for name in ("labels", "annotations") if name in given}


def _job_spec(job: JobTemplate) -> Any:
    """Give a Job's spec, with the time to live that the action sets."""
    spec = job.template.get("spec", {})
    seconds = job.ttl_seconds_after_finished
    return spec if seconds is None or not isinstance(spec, dict) else {**spec, "ttlSecondsAfterFinished": seconds}
