"""The difference between two statuses in our own fields, and how it is written beside what others wrote."""

from typing import Any

from api.meta import Model


def difference(before: Model, after: Model) -> dict[str, Any]:
    """Return the fields that change, in the form in which they are stored; None for a field that is removed.

    Values that differ in the model alone are no change: stored times have whole seconds.
    """
    names = {name for name in type(after).model_fields if getattr(before, name) != getattr(after, name)}
    old, new = (
        status.model_dump(mode="json", by_alias=True, exclude_none=True, include=names) for status in (before, after)
    )
    aliases = (type(after).model_fields[name].alias or name for name in sorted(names))
    return {alias: new.get(alias) for alias in aliases if old.get(alias) != new.get(alias)}


def merge_patch(stored: dict[str, Any], change: dict[str, Any]) -> dict[str, Any]:
    """Return the JSON merge patch of a change.

    It merges objects, so the fields that a new object lacks are set to null. Source: RFC 7386.
    """
    patch = {}
    for name, new in change.items():
        old = stored.get(name)
        patch[name] = {**dict.fromkeys(old), **new} if isinstance(old, dict) and isinstance(new, dict) else new
    return patch


def replaced(stored: dict[str, Any], change: dict[str, Any]) -> dict[str, Any]:
    """Return the whole status after a change."""
    return {name: value for name, value in {**stored, **change}.items() if value is not None}
