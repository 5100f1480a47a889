"""PURE: the difference between two statuses in own fields, and how it is written beside what others wrote."""

from typing import Any

from api.meta import Model


def difference(before: Model, after: Model) -> dict[str, Any]:
    """Give the fields of a status that change, as they are to be stored; None for one that goes.

    A field that reads the same is left as it is stored.
    """
    names = {name for name in type(after).model_fields if getattr(before, name) != getattr(after, name)}
    if not names:
        return {}
    old, new = _dumped(before, names), _dumped(after, names)
    aliases = (type(after).model_fields[name].alias or name for name in sorted(names))
    return {alias: new.get(alias) for alias in aliases if old.get(alias) != new.get(alias)}


def _dumped(status: Model, names: set[str]) -> dict[str, Any]:
    """Give some fields as they are stored: times have whole seconds there, which models need not have."""
    return status.model_dump(mode="json", by_alias=True, exclude_none=True, include=names)


def merge_patch(stored: dict[str, Any], change: dict[str, Any]) -> dict[str, Any]:
    """Give the JSON merge patch of a change. It merges objects: what a new one lacks is named. Source: RFC 7386."""
    return {name: _named(stored.get(name), new) for name, new in change.items()}


def _named(old: Any, new: Any) -> Any:
    return {**dict.fromkeys(old), **new} if isinstance(old, dict) and isinstance(new, dict) else new


def replaced(stored: dict[str, Any], change: dict[str, Any]) -> dict[str, Any]:
    """Give the whole status after a change."""
    return {name: value for name, value in {**stored, **change}.items() if value is not None}
