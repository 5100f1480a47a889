"""PURE: the difference between two statuses, as a JSON merge patch of own fields.

What others wrote beside them stays. Source: RFC 7386.
"""

from typing import Any

from api.meta import Model


def difference(stored: dict[str, Any], before: Model, after: Model) -> dict[str, Any] | None:
    """Give the patch that turns `before`, as `stored`, into `after`; None when there is nothing to write.

    A field that reads the same is left as it is stored. Lists and changed objects are given whole; a field
    that is gone is None.
    """
    names = {name for name in type(after).model_fields if getattr(before, name) != getattr(after, name)}
    if not names:
        return None
    old, new = _dumped(before, names), _dumped(after, names)
    aliases = [type(after).model_fields[name].alias or name for name in sorted(names)]
    changed = {
        alias: _replacing(stored.get(alias), new.get(alias)) for alias in aliases if old.get(alias) != new.get(alias)
    }
    return changed or None


def _dumped(status: Model, names: set[str]) -> dict[str, Any]:
    """Give some fields as they are stored: times have whole seconds there, which models need not have."""
    return status.model_dump(mode="json", by_alias=True, exclude_none=True, include=names)


def _replacing(old: Any, new: Any) -> Any:
    """A merge patch merges objects: what the new one lacks has to be named."""
    if isinstance(old, dict) and isinstance(new, dict):
        return {**dict.fromkeys(old), **new}
    return new
