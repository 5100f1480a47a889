"""Reading fields of an object whose form nobody has checked: what does not have the expected form counts as absent."""

from collections.abc import Mapping
from typing import Any

Object = dict[str, Any]

CLUSTERNET_GROUP = "apps.clusternet.io"
_DIGITS = 19
"""Of a 64-bit number, at most. Python raises ValueError for text with thousands of digits."""


def group_and_kind(found: Object) -> tuple[str, str]:
    """Return API group and kind, without the version."""
    return text(found, "apiVersion").rpartition("/")[0], text(found, "kind")


def at(found: Any, *path: str) -> Any:
    """Return the value at a path; None where there is none."""
    for key in path:
        found = found.get(key) if isinstance(found, Mapping) else None
    return found


def text(found: Any, *path: str) -> str:
    """Return the text at a path; empty where there is none."""
    value = at(found, *path)
    return value if isinstance(value, str) else ""


def number(found: Any, *path: str, default: int = 0) -> int:
    """Return the integer at a path; `default` where there is none."""
    value = at(found, *path)
    return value if isinstance(value, int) and not isinstance(value, bool) else default


def generation_in(part: Any, default: int = 0) -> int:
    """Return the `observedGeneration` of a status or condition; some controllers write it as text."""
    value = text(part, "observedGeneration")
    return (
        int(value)
        if value.isdecimal() and len(value) <= _DIGITS
        else number(part, "observedGeneration", default=default)
    )


def items(found: Any, *path: str) -> list[Object]:
    """Return the objects in the list at a path; other items are ignored."""
    value = at(found, *path)
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def condition_of(found: Object, name: str) -> Object | None:
    """Return the condition of a type; None where there is none."""
    return next((each for each in items(found, "status", "conditions") if each.get("type") == name), None)


def is_true(found: Object, name: str) -> bool:
    """Return whether the condition of a type is True."""
    return text(condition_of(found, name), "status") == "True"


def detail(part: Any) -> str:
    """Return reason and message of a condition or status, as far as there are any."""
    return ": ".join(word for word in (text(part, "reason"), text(part, "message")) if word)


def selector(found: Object) -> str:
    """Return the label selector of an object's pods, as a query; empty where it has none."""
    labels = at(found, "spec", "selector", "matchLabels")
    if labels is None and not items(found, "spec", "selector", "matchExpressions"):
        labels = at(found, "spec", "selector")  # of a ReplicationController
    pairs = labels.items() if isinstance(labels, Mapping) else ()
    terms = [f"{name}={value}" for name, value in sorted(pairs) if isinstance(value, str)]
    return ",".join([*terms, *map(_term, items(found, "spec", "selector", "matchExpressions"))])


def _term(expression: Object) -> str:
    """Return one of `matchExpressions` as a query. Source: Kubernetes, "Labels and Selectors"."""
    key, values = text(expression, "key"), at(expression, "values")
    listed = f"({','.join(map(str, values))})" if isinstance(values, list) else ""
    match text(expression, "operator"):
        case "In":
            return f"{key} in {listed}"
        case "NotIn":
            return f"{key} notin {listed}"
        case "DoesNotExist":
            return f"!{key}"
        case _:
            return key


def applies_later(found: Object) -> bool:
    """Return whether an override of Clusternet waits until something else makes the child clusters be deployed to.

    Source: Clusternet, `OverridePolicy`, which is ApplyLater by default.
    """
    return text(found, "spec", "overridePolicy") == "ApplyLater"
