"""JSON patches: their form in a manifest, and whether an object is as one leaves it."""

from typing import Any

import pytest

from api.meta import CREATED_BY_ANNOTATION
from planning.definitions.json_patch import PatchError, applied, body_of, in_effect, operations_of
from planning.definitions.yaml_scalars import ManifestError

HEAD = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "app", "namespace": "default"}}
MARK = f"/metadata/annotations/{CREATED_BY_ANNOTATION.replace('/', '~1')}"


def op(name: str, path: str, **more: Any) -> dict[str, Any]:
    return {"op": name, "path": path, **more}


@pytest.mark.parametrize(
    ("patch", "reason"),
    [
        (None, "it has no list `patch`"),
        ([], "it has no list `patch`"),
        ("text", "it has no list `patch`"),
        (["text"], r'patch\[0\]: unsupported value ""; supported values: add, remove'),
        ([op("set", "/a", value=1)], r'patch\[0\]: unsupported value "set"'),
        ([op("remove", "/a"), op("add", "/a")], r"patch\[1\]: value is missing"),
        ([op("remove", "/a", value=1)], "there is no field value in such an operation"),
        ([op("move", "/a")], "from is missing"),
        ([op("add", "a/b", value=1)], "begin with /"),
        ([op("add", "", value={})], "begin with /"),
        ([op("copy", "/a", **{"from": 3})], "begin with /"),
        ([op("replace", "/metadata", value={})], "replace metadata as a whole"),
        ([op("remove", "/metadata/annotations")], "replace metadata as a whole"),
        ([op("replace", "/metadata/annotations", value={CREATED_BY_ANNOTATION: "x"})], "replace metadata as a whole"),
        ([op("move", "/data/x", **{"from": "/metadata/annotations"})], "replace metadata as a whole"),
        ([op("add", MARK, value="x")], "replace metadata as a whole"),
        ([op("remove", MARK)], "replace metadata as a whole"),
    ],
)
def test_what_is_no_json_patch_is_an_error_that_shows_the_way(patch: Any, reason: str) -> None:
    with pytest.raises(ManifestError, match=reason):
        operations_of({**HEAD, "patch": patch})


def test_what_stands_beside_the_operations_would_be_lost() -> None:
    more = {"data": {}, "metadata": {"name": "app", "labels": {}}, "patch": [op("remove", "/a")]}
    with pytest.raises(ManifestError, match=r"data, metadata\.labels would change nothing"):
        operations_of({**HEAD, **more})


def test_only_the_very_object_accepts_it_and_keeps_its_mark() -> None:
    annotations = op("replace", "/metadata/annotations", value={"note": "a"})
    metadata = {"uid": "u", "resourceVersion": "7", "annotations": {CREATED_BY_ANNOTATION: "m"}}
    identity = [op("replace", "/metadata/uid", value="u"), op("replace", "/metadata/resourceVersion", value="7")]
    assert body_of([op("remove", "/a")], {"metadata": metadata}) == [op("remove", "/a"), *identity]
    assert body_of([annotations], {"metadata": metadata}) == [annotations, op("add", MARK, value="m"), *identity]
    assert body_of([annotations], {"metadata": metadata | {"annotations": {}}}) == [annotations, *identity]


BEFORE = {"data": {"a": "1", "b": "2"}, "list": ["x", "y"], "a/b": {"c~d": 1}}


@pytest.mark.parametrize(
    ("operation", "after"),
    [
        (op("add", "/data/c", value="3"), {"data": {"a": "1", "b": "2", "c": "3"}}),
        (op("replace", "/data/a", value="9"), {"data": {"a": "9", "b": "2"}}),
        (op("remove", "/data/a"), {"data": {"b": "2"}}),
        (op("add", "/list/-", value="z"), {"list": ["x", "y", "z"]}),
        (op("add", "/list/0", value="z"), {"list": ["z", "x", "y"]}),
        (op("replace", "/list/1", value="z"), {"list": ["x", "z"]}),
        (op("remove", "/list/0"), {"list": ["y"]}),
        (op("move", "/data/c", **{"from": "/data/a"}), {"data": {"b": "2", "c": "1"}}),
        (op("copy", "/data/c", **{"from": "/data/a"}), {"data": {"a": "1", "b": "2", "c": "1"}}),
        (op("replace", "/a~1b/c~0d", value=2), {"a/b": {"c~d": 2}}),
        (op("test", "/data/a", value="1"), {}),
    ],
)
def test_an_operation_is_applied_and_seen_to_be_in_effect(operation: dict[str, Any], after: dict[str, Any]) -> None:
    wanted = BEFORE | after
    assert applied([operation], BEFORE) == wanted
    assert in_effect([operation], BEFORE, wanted)
    assert in_effect([operation], BEFORE, {**wanted, "status": "somebody else's"})
    assert in_effect([operation], BEFORE, BEFORE) is (not after)


@pytest.mark.parametrize(
    "operation",
    [
        op("test", "/data/a", value="2"),
        op("remove", "/data/x"),
        op("replace", "/data/x", value=1),
        op("add", "/nothing/x", value=1),
        op("add", "/list/7", value=1),
        op("add", "/list/x", value=1),
        op("remove", "/list/2"),
        op("remove", f"/list/{'9' * 5000}"),
        op("add", f"/list/{'9' * 5000}", value=1),
        op("add", "/data/a/x", value=1),
        op("move", "/data/c", **{"from": "/data/x"}),
    ],
)
def test_an_operation_that_does_not_fit_was_never_in_effect(operation: dict[str, Any]) -> None:
    with pytest.raises(PatchError):
        applied([operation], BEFORE)
    assert not in_effect([operation], BEFORE, BEFORE)


def test_defaults_that_the_api_server_adds_do_not_hide_the_effect() -> None:
    operations = [op("add", "/list/-", value={"name": "c"})]
    found = {"list": [{"name": "a"}, {"name": "c", "policy": "Always"}]}
    assert in_effect(operations, {"list": [{"name": "a"}]}, found)
    assert not in_effect(operations, {"list": [{"name": "a"}]}, {"list": [{"name": "a"}, {"name": "b"}]})


def test_what_is_added_or_copied_is_a_value_for_itself() -> None:
    patch = [
        op("add", "/a", value=[]),
        op("add", "/a/-", value=1),
        op("copy", "/b", **{"from": "/a"}),
        op("remove", "/a/0"),
    ]
    assert applied(patch, {}) == {"a": [], "b": [1]}
    assert patch[0]["value"] == []


def test_no_more_is_copied_than_the_api_server_allows() -> None:
    doubled = [op("copy", f"/a/b{number}", **{"from": "/a"}) for number in range(60)]
    with pytest.raises(PatchError):
        applied(doubled, {"a": {"c": "x"}})
