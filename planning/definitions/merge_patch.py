"""What a merge patch loses: it replaces a list whole, also one whose items have names.

Source: RFC 7386, "JSON Merge Patch"; Kubernetes, "Update API Objects in Place Using kubectl patch".
"""

from collections.abc import Iterator, Mapping
from typing import Any

KEYS = ("name", "containerPort", "port", "mountPath", "devicePath", "topologyKey", "ip", "key", "type", "id")
"""Fields that tell the items of a list apart, the first one counts that all items have. Source: Kubernetes API, the
`x-kubernetes-patch-merge-key` of its lists."""


_BUILT_IN = frozenset(
    {
        *("", "admissionregistration.k8s.io", "apiextensions.k8s.io", "apiregistration.k8s.io", "apps"),
        *("autoscaling", "batch", "certificates.k8s.io", "coordination.k8s.io", "discovery.k8s.io", "events.k8s.io"),
        *("flowcontrol.apiserver.k8s.io", "networking.k8s.io", "node.k8s.io", "policy", "rbac.authorization.k8s.io"),
        *("resource.k8s.io", "scheduling.k8s.io", "storage.k8s.io"),
    }
)
"""Groups whose kinds take a strategic merge patch, in place of a merge patch."""


def takes_strategic(api_version: str) -> bool:
    """Return whether a kind in this version is built in, so that its lists can be merged by name."""
    return api_version.rpartition("/")[0] in _BUILT_IN


def lists_in(patch: Any, path: str = "") -> Iterator[tuple[str, list[Any]]]:
    """Yield path and value of each list of named items that a patch contains."""
    if isinstance(patch, Mapping):
        for name, value in patch.items():
            yield from lists_in(value, f"{path}.{name}" if path else name)
    elif _key_of(patch) is not None:
        yield path, patch


def lost(patch: Any, before: Any, after: Any, path: str = "") -> Iterator[str]:
    """Yield the path of what there was in lists of named items that a patch replaced, and is not there any more."""
    if isinstance(patch, Mapping) and isinstance(before, Mapping) and isinstance(after, Mapping):
        for name, value in patch.items():
            if name in before and name in after:
                yield from lost(value, before[name], after[name], f"{path}.{name}" if path else name)
    elif isinstance(patch, list) and _key_of(before) is not None:
        yield from _missing(before, after, path)


def value_at(body: Any, path: str) -> Any:
    """Return what is at a path that `lists_in` yielded; None where there is nothing."""
    for name in path.split("."):
        body = body.get(name) if isinstance(body, Mapping) else None
    return body


def _missing(before: Any, after: Any, path: str) -> Iterator[str]:
    """Yield the paths of what is in one value and not in the other."""
    key = _key_of(before)
    if key is not None:
        items = {item[key]: item for item in after if isinstance(item, Mapping) and key in item} if after else {}
        for item in before:
            below = f"{path}[{item[key]}]"
            if item[key] in items:
                yield from _missing(item, items[item[key]], below)
            else:
                yield below
    elif isinstance(before, Mapping) and isinstance(after, Mapping):
        for name, value in before.items():
            if name in after:
                yield from _missing(value, after[name], f"{path}.{name}")
            else:
                yield f"{path}.{name}"


def _key_of(value: Any) -> str | None:
    """Return the field by which the items of a list are told apart; None for anything else."""
    if not isinstance(value, list) or not value or not all(isinstance(item, Mapping) for item in value):
        return None
    return next((key for key in KEYS if all(isinstance(item.get(key), str | int) for item in value)), None)
