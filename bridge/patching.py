"""PURE: the difference between a stored status and a wanted one, as a JSON merge patch of own fields.

What others wrote beside them stays. Source: RFC 7386.
"""

from typing import Any

from api.meta import Model


def difference(before: dict[str, Any], after: Model) -> dict[str, Any] | None:
    """Give the patch that turns `before` into `after`; None when there is nothing to write.

    Lists and changed objects are given whole; a field that is gone is None.
    """
    new = after.to_object()
    own = [field.alias or name for name, field in type(after).model_fields.items()]
    changed = {name: _replacing(before.get(name), new.get(name)) for name in own if before.get(name) != new.get(name)}
    return changed or None


def _replacing(old: Any, new: Any) -> Any:
    """A merge patch merges objects: what the new one lacks has to be named."""
    if isinstance(old, dict) and isinstance(new, dict):
        return {**dict.fromkeys(old), **new}
    return new
