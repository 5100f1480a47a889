"""Who owns the fields of an object: before an Apply of ours changes what our POST created, and after a Revert.

A POST owns its fields by an Update, and an Apply removes only what an Apply owned: without a handover, a field that a
later manifest no longer names would stay. Owners of the object that have another name, and what is written by a Patch,
are not touched. A Revert undoes what an action changed of the owners, and nothing else. Source: Kubernetes,
"Server-Side Apply", "Migrating from client-side apply to server-side apply".
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from api.meta import GROUP
from planning.definitions.target import mark_of

Object = Mapping[str, Any]
Fields = dict[str, Any]
_Path = tuple[str, ...]
_Owner = tuple[str, str, str, str]
"""Manager, operation, version and subresource: the API server has one entry for each."""

_OURS = (f"f:{GROUP}/", f'v:"{GROUP}/')
"""Labels, annotations and finalizers of this project: an Apply never names them, and must not remove them."""
_MAPS_WITH_OURS = ("f:annotations", "f:labels", "f:finalizers")


def handed_over(observed: Object, manager: str) -> list[dict[str, Any]] | None:
    """Return the managed fields in which `manager` applied what it created; None if there is nothing to hand over.

    Like an upgrade from client-side apply: of several Updates, those of the same version as the Apply are united with
    it; without an Apply, the latest Update becomes one.
    """
    metadata = observed["metadata"]
    entries = metadata.get("managedFields") or []
    updates = [each for each in entries if _is(each, manager, "Update")]
    if mark_of(metadata) is None or not any(_to_hand_over(each) for each in updates):
        return None
    applied = next((each for each in entries if _is(each, manager, "Apply")), None)
    latest = max(updates, key=lambda each: str(each.get("time")))
    version = (applied or latest)["apiVersion"]
    fields = dict((applied or {}).get("fieldsV1") or {})
    for each in updates:
        if each["apiVersion"] == version:
            fields = _united(fields, _to_hand_over(each))
    others = [each for each in entries if each is not applied and each not in updates]
    rest = [{**each, "fieldsV1": kept} for each in updates if (kept := _to_keep(each.get("fieldsV1") or {}))]
    return [{**(applied or latest), "operation": "Apply", "fieldsV1": fields}, *others, *_one_of_each_version(rest)]


def _is(entry: Object, manager: str, operation: str) -> bool:
    return (entry.get("manager"), entry.get("operation"), entry.get("subresource") or "") == (manager, operation, "")


def _to_hand_over(entry: Object) -> Fields:
    """Return the fields of an entry without this project's own."""
    fields = {name: dict(value) for name, value in (entry.get("fieldsV1") or {}).items()}
    metadata = fields.get("f:metadata", {})
    for name in _MAPS_WITH_OURS:
        if name in metadata:
            metadata[name] = {key: value for key, value in metadata[name].items() if not key.startswith(_OURS)}
            if metadata[name].keys() <= {"."}:
                del metadata[name]
    if not metadata:
        fields.pop("f:metadata", None)
    return fields


def _to_keep(fields: Fields) -> Fields:
    """Return this project's own fields."""
    metadata = fields.get("f:metadata") or {}
    kept = {
        name: {key: value for key, value in metadata[name].items() if key == "." or key.startswith(_OURS)}
        for name in _MAPS_WITH_OURS
        if any(key.startswith(_OURS) for key in metadata.get(name) or ())
    }
    return {"f:metadata": kept} if kept else {}


def _united(one: Fields, other: Fields) -> Fields:
    return one | {name: _united(one.get(name) or {}, value or {}) for name, value in other.items()}


def _one_of_each_version(entries: Iterable[Object]) -> list[Object]:
    """Return the latest entry of each version: the API server keeps one of each manager, operation and version."""
    return [*{each["apiVersion"]: each for each in sorted(entries, key=lambda each: str(each.get("time")))}.values()]


def handed_back(
    before: Sequence[Object], left: Sequence[Object], now: Sequence[Object], restorer: str
) -> list[dict[str, Any]] | None:
    """Return the managed fields with what an action changed of them undone; None if `now` is that already.

    `before` and `left` are from before and after the action. `restorer` has restored the object: what it owns now, the
    owners from before get, whoever had changed it.
    """
    had, got, have = (
        {_owner(each): set(_paths(each.get("fieldsV1") or {})) for each in of} for of in (before, left, now)
    )
    restored = {path for owner, paths in have.items() if owner[0] == restorer for path in paths}
    wanted: dict[_Owner, set[_Path]] = {}
    for owner in dict.fromkeys([*have, *had]):
        paths, lost = have.get(owner, set()), had.get(owner, set())
        if owner[0] == restorer:
            wanted[owner] = {path for path in paths if any(part.startswith(_OURS) for part in path)}
        else:
            gained = got.get(owner, set()) - lost
            wanted[owner] = (paths - gained) | (lost - got.get(owner, set())) | (lost & restored)
    wanted = {owner: paths for owner, paths in wanted.items() if paths}
    if wanted == {owner: paths for owner, paths in have.items() if paths}:
        return None
    entries = {_owner(each): each for each in before}
    # The time of an entry is that of its fields.
    entries |= {_owner(each): each for each in now if wanted.get(_owner(each)) != had.get(_owner(each))}
    return [{**entries[owner], "fieldsV1": _fields(paths)} for owner, paths in wanted.items()]


def _owner(entry: Object) -> _Owner:
    return entry["manager"], entry["operation"], entry["apiVersion"], entry.get("subresource") or ""


def _paths(fields: Mapping[str, Any], above: _Path = ()) -> Iterator[_Path]:
    """Yield each field of an entry; `.` is the field around it."""
    for name, below in fields.items():
        if name == ".":
            yield above
        elif below:
            yield from _paths(below, (*above, name))
        else:
            yield (*above, name)


def _fields(paths: Iterable[_Path]) -> Fields:
    """Return fields as an entry has them."""
    fields: Fields = {}
    for path in sorted(paths, key=len, reverse=True):
        at = fields
        for name in path:
            at = at.setdefault(name, {})
        if at:
            at["."] = {}
    return fields
