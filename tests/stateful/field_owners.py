"""Who owns the fields of an object, as an API server keeps it: enough for maps of maps; a list is one field.

Source: Kubernetes, "Server-Side Apply", "Field management".
"""

import copy
from collections.abc import Iterator, Mapping
from typing import Any

Object = dict[str, Any]
Path = tuple[str, ...]
Owner = tuple[str, str, str, str]

_METADATA = ("labels", "annotations", "finalizers")
_MISSING = object()


def applied(
    found: Object, body: Object, entries: list[Object], manager: str, version: str, now: str
) -> tuple[Object, list[Object]]:
    """Return an object and the owners of its fields after a server-side apply that takes over what it names."""
    owned, new = _owned(entries), copy.deepcopy(found)
    key: Owner = (manager, "Apply", version, "")
    wanted, had = dict(leaves(body)), dict(leaves(found))
    others = {path for owner, paths in owned.items() if owner != key for path in paths}
    for path in owned.get(key, set()) - wanted.keys():
        if path not in others:
            _remove(new, path)
    for path, value in wanted.items():
        if had.get(path, _MISSING) != value:
            for owner, paths in owned.items():
                if owner != key:
                    paths.discard(path)
        _set(new, path, value)
    owned[key] = set(wanted)
    return new, _entries(owned, entries, now)


def updated(
    found: Object | None,
    new: Object,
    entries: list[Object],
    manager: str,
    version: str,
    now: str,
    subresource: str = "",
) -> list[Object]:
    """Return the owners of an object's fields after any other write."""
    owned = _owned(entries)
    before, after = dict(leaves(found or {})), dict(leaves(new))
    changed = {path for path, value in after.items() if before.get(path, _MISSING) != value}
    for paths in owned.values():
        paths -= changed | (before.keys() - after.keys())
    if changed:
        owned.setdefault((manager, "Update", version, subresource), set()).update(changed)
    return _entries(owned, entries, now)


def leaves(found: Object) -> Iterator[tuple[Path, Any]]:
    """Give the fields of an object that somebody can own, with their values."""
    for name, value in found.items():
        if name in ("apiVersion", "kind", "status"):
            continue
        if name == "metadata":
            for each in _METADATA:
                yield from _below(value.get(each), ("f:metadata", f"f:{each}"))
        else:
            yield from _below(value, (f"f:{name}",))


def _below(value: Any, path: Path) -> Iterator[tuple[Path, Any]]:
    if value is None:
        return
    if path == ("f:metadata", "f:finalizers"):
        for item in value:
            yield (*path, f'v:"{item}"'), item
    elif isinstance(value, Mapping):
        for name, item in value.items():
            yield from _below(item, (*path, f"f:{name}"))
    else:
        yield path, value


def _set(found: Object, path: Path, value: Any) -> None:
    *above, last = path
    at: Any = found
    for part in above[:-1] if last.startswith("v:") else above:
        at = at.setdefault(part[2:], {})
    if last.startswith("v:"):
        items = at.setdefault(above[-1][2:], [])
        items.extend([value] if value not in items else [])
    else:
        at[last[2:]] = copy.deepcopy(value)


def _remove(found: Object, path: Path) -> None:
    *above, last = path
    at: Any = found
    trail = []
    for part in above:
        trail.append((at, part[2:]))
        at = at[part[2:]]
    if last.startswith("v:"):
        at.remove(last[3:-1])
    else:
        at.pop(last[2:], None)
    while trail and not at:
        at, name = trail.pop()
        del at[name]


def _owned(entries: list[Object]) -> dict[Owner, set[Path]]:
    return {_owner(each): set(_paths(each.get("fieldsV1") or {})) for each in entries}


def _owner(entry: Object) -> Owner:
    return entry["manager"], entry["operation"], entry["apiVersion"], entry.get("subresource") or ""


def _paths(fields: Mapping[str, Any], above: Path = ()) -> Iterator[Path]:
    for name, below in fields.items():
        if name == ".":
            continue
        if below:
            yield from _paths(below, (*above, name))
        else:
            yield (*above, name)


def _entries(owned: dict[Owner, set[Path]], before: list[Object], now: str) -> list[Object]:
    """Return the owners as an object has them; the time of one changes with its fields."""
    old = {_owner(each): each for each in before}
    entries = []
    for owner, paths in owned.items():
        if not paths:
            continue
        known = old.get(owner)
        if known is not None and set(_paths(known.get("fieldsV1") or {})) == paths:
            entries.append(known)
            continue
        fields: Object = {}
        for path in sorted(paths):
            at = fields
            for name in path:
                at = at.setdefault(name, {})
        manager, operation, version, subresource = owner
        entry: Object = {"manager": manager, "operation": operation, "apiVersion": version, "time": now}
        entry |= {"fieldsType": "FieldsV1", "fieldsV1": fields} | ({"subresource": subresource} if subresource else {})
        entries.append(entry)
    return entries
