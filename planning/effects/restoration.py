"""An object as it was before an action, with what others have changed since: only the action's own changes are undone.

Compared are three states: before the action, as the action left it, and now. A field that the action did not change
stays as it is now; one that it changed goes back, unless somebody else has changed it since. Status and what the API
server sets are never restored. Source: docs/decisions/0025-a-revert-restores-what-was-changed.md.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from api.meta import RESTORED_BY_ANNOTATION
from api.objects import Target
from planning.effects.object_fields import group_and_kind, items

Object = Mapping[str, Any]

_METADATA = ("labels", "annotations", "finalizers", "ownerReferences")
"""Fields of metadata that belong to those who write the object."""
_NAMED_BY = (("name",), ("containerPort", "protocol"), ("port", "protocol"), ("mountPath",), ("devicePath",), ("uid",))
"""Fields that tell the items of a list apart. Source: Kubernetes API reference, lists of type map."""
_PLAIN = re.compile(r"[\w-]+")
_FINALIZERS = ("metadata", "finalizers")
_NOT_BY_CREATION = frozenset(
    {
        ("", "Namespace"),
        ("", "PersistentVolume"),
        ("", "PersistentVolumeClaim"),
        ("apiextensions.k8s.io", "CustomResourceDefinition"),
        ("batch", "Job"),
    }
)
"""A new one is empty, or does its work again."""


class _Absent:
    """In place of a value that does not exist."""


_ABSENT = _Absent()
_Path = tuple[str, ...]


def content(found: Object) -> dict[str, Any]:
    """Return what those who write an object decide of it."""
    fields = {name: value for name, value in found.items() if name not in ("apiVersion", "kind", "metadata", "status")}
    metadata = {name: found["metadata"][name] for name in _METADATA if found["metadata"].get(name)}
    return {**fields, "metadata": metadata}


def is_brought_back(found: Object) -> bool:
    """Return whether an object that was deleted is as before once it is created again.

    Not what contained something, and not what a controller creates again by itself.
    """
    controlled = any(each.get("controller") is True for each in items(found, "metadata", "ownerReferences"))
    return not controlled and group_and_kind(dict(found)) not in _NOT_BY_CREATION


def body_of_former(former: Object, target: Target, mark: str) -> dict[str, Any]:
    """Return what a POST sends to create a deleted object again: an attempt that follows knows it by the mark."""
    whole = content(former)
    annotations = {**whole["metadata"].get("annotations", {}), RESTORED_BY_ANNOTATION: mark}
    place = {"name": target.name} | ({} if target.namespace is None else {"namespace": target.namespace})
    metadata = {**whole["metadata"], **place, "annotations": annotations}
    return {"apiVersion": target.api_version, "kind": target.kind, **whole, "metadata": metadata}


def restored(before: Object, left: Object, now: Object) -> tuple[dict[str, Any], list[str]]:
    """Return the content of an object with the action undone, and the fields that somebody else has changed since.

    Where there are any, the content is of no use.
    """
    changed: list[str] = []
    merged = _merged(content(before), content(left), content(now), (), changed)
    return (merged if isinstance(merged, dict) else {}), sorted(changed)


def _merged(before: Any, left: Any, now: Any, path: _Path, changed: list[str]) -> Any:
    if _same(now, left) or _same(now, before):
        return before
    if _same(before, left):
        return now
    if all(isinstance(each, Mapping | _Absent) for each in (before, left, now)):
        return _merged_mappings(before, left, now, path, changed)
    if all(isinstance(each, list | _Absent) for each in (before, left, now)):
        lists = [[] if isinstance(each, _Absent) else each for each in (before, left, now)]
        if path == _FINALIZERS:
            return _merged_set(*lists)
        if key := _key_of(lists):
            return _merged_lists(lists, key, path, changed)
    changed.append(_written(path))
    return now


def _same(one: Any, other: Any) -> bool:
    """Return whether two values are the same JSON; to Python, true is equal to 1."""
    if one != other:
        return False
    if isinstance(one, Mapping):
        return all(_same(value, other[name]) for name, value in one.items())
    if isinstance(one, list):
        return all(map(_same, one, other))
    return isinstance(one, bool) == isinstance(other, bool)


def _merged_mappings(before: Any, left: Any, now: Any, path: _Path, changed: list[str]) -> Any:
    none_before = before is _ABSENT
    before, left, now = ({} if isinstance(each, _Absent) else each for each in (before, left, now))
    merged = {}
    for name in dict.fromkeys([*now, *before, *left]):
        value = _merged(
            before.get(name, _ABSENT), left.get(name, _ABSENT), now.get(name, _ABSENT), (*path, name), changed
        )
        if value is not _ABSENT:
            merged[name] = value
    return _ABSENT if none_before and not merged else merged


def _merged_lists(lists: Sequence[list[Any]], key: tuple[str, ...], path: _Path, changed: list[str]) -> Any:
    """Merge lists of named items; one that comes back follows the one that it followed before."""
    before, left, now = ({_name(item, key): item for item in each} for each in lists)
    merged = {}
    for name in dict.fromkeys([*now, *before, *left]):
        inside = (*path, f"[{'/'.join(name)}]")
        value = _merged(before.get(name, _ABSENT), left.get(name, _ABSENT), now.get(name, _ABSENT), inside, changed)
        if value is not _ABSENT:
            merged[name] = value
    ordered = _order(list(before), list(left), list(now))
    if ordered is None:
        changed.append(_written(path))
    order = [name for name in ordered or now if name in merged]
    previous = -1
    for name in before:
        if name in merged and name not in order:
            order.insert(previous + 1, name)
        previous = order.index(name) if name in order else previous
    return [merged[name] for name in order]


def _order(before: Sequence[_Path], left: Sequence[_Path], now: Sequence[_Path]) -> Sequence[_Path] | None:
    """Return the items of `now` in the order to return to; None where somebody else has changed that order as well."""
    common = {*before} & {*left} & {*now}
    was, became, found = ([name for name in names if name in common] for names in (before, left, now))
    if found == was or became == was:
        return now
    if found != became:
        return None
    back = iter(was)
    return [next(back) if name in common else name for name in now]


def _merged_set(before: list[Any], left: list[Any], now: list[Any]) -> Any:
    kept = [each for each in now if each in before or each not in left]
    merged = [*kept, *(each for each in before if each not in left and each not in kept)]
    return merged or _ABSENT


def _key_of(lists: Sequence[list[Any]]) -> tuple[str, ...] | None:
    """Return the fields that tell the items of all lists apart; None where none do."""
    for key in _NAMED_BY:
        if all(
            all(isinstance(item, Mapping) and isinstance(item.get(field), str | int) for item in each for field in key)
            and len({_name(item, key) for item in each}) == len(each)
            for each in lists
        ):
            return key
    return None


def _name(item: Object, key: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(str(item[field]) for field in key)


def differing(one: Object, other: Object) -> list[str]:
    """Return the paths of the fields in which two contents differ. Lists of named items are compared by name."""
    found: list[str] = []
    _compare(one, other, (), found)
    return sorted(found)


def _compare(one: Any, other: Any, path: _Path, found: list[str]) -> None:
    if _same(one, other):
        return
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        for name in {*one, *other}:
            _compare(one.get(name, _ABSENT), other.get(name, _ABSENT), (*path, name), found)
        return
    if isinstance(one, list) and isinstance(other, list):
        if path == _FINALIZERS and sorted(map(str, one)) == sorted(map(str, other)):
            return
        if key := _key_of([one, other]):
            before, now = ({_name(item, key): item for item in each} for each in (one, other))
            if list(before) != list(now) and before.keys() == now.keys():
                found.append(_written(path))  # the order counts: of init containers, for example
            for name in {*before, *now}:
                inside = (*path, f"[{'/'.join(name)}]")
                _compare(before.get(name, _ABSENT), now.get(name, _ABSENT), inside, found)
            return
    found.append(_written(path))


def _written(path: _Path) -> str:
    """Return the path of a field as messages show it: `spec.containers[app].image`."""
    plain = (
        f".{part}" if part.replace("-", "").replace("_", "").isalnum() else f"[{part.strip('[]')}]" for part in path
    )
    return "".join(plain).removeprefix(".")


def operations(now: Object, wanted: Object, pointer: str = "") -> Iterator[dict[str, Any]]:
    """Yield the operations of a JSON patch that make one content from another."""
    for name in sorted({*now, *wanted}):
        at = f"{pointer}/{name.replace('~', '~0').replace('/', '~1')}"
        if name not in wanted:
            yield {"op": "remove", "path": at}
        elif name not in now:
            yield {"op": "add", "path": at, "value": wanted[name]}
        elif isinstance(now[name], Mapping) and isinstance(wanted[name], Mapping):
            yield from operations(now[name], wanted[name], at)
        elif not _same(now[name], wanted[name]):
            yield {"op": "replace", "path": at, "value": wanted[name]}
