"""Whether an object is as it was before an Execute."""

import json
from typing import Any

import pytest

from api.meta import CREATED_BY_ANNOTATION, RESTORED_BY_ANNOTATION
from api.proof import LONGEST_LIST, ActionProof, Difference, ProofResult
from api.reasons import Lack
from planning.effects.prior_state import PriorState, prior_state_of, with_left
from planning.effects.proof import compared_with_nothing, compared_with_state
from tests.planning.builders import config_map

APP = config_map("app")
MARKS = ("uid-run/",)
VERIFIED = ActionProof()


def app(version: str = "1", uid: str = "uid-app", data: Any = None, **more: Any) -> dict[str, Any]:
    metadata = {"name": "app", "namespace": "default", "uid": uid, "resourceVersion": version, **more.pop("meta", {})}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data or {"color": "blue"}, **more}


def before(found: dict[str, Any] | None = None, left: dict[str, Any] | None = None) -> PriorState:
    prior = prior_state_of(found or app())
    return with_left(prior, left) if left else prior


def state(found: dict[str, Any] | None, prior: PriorState | None = None) -> ActionProof:
    return compared_with_state(APP, prior or before(), found, MARKS)


# Created.


def test_a_created_object_is_to_be_gone() -> None:
    assert compared_with_nothing(APP, None, {"uid-app"}, MARKS) == VERIFIED
    found = compared_with_nothing(APP, app()["metadata"], {"uid-app"}, MARKS)
    assert (found.result, found.difference) == (ProofResult.DIFFERS, Difference.STILL_EXISTS)
    assert found.message == "ConfigMap default/app still exists"


def test_another_object_of_its_name_is_told_apart_by_uid_and_mark() -> None:
    found = compared_with_nothing(APP, app(uid="uid-new")["metadata"], {"uid-app"}, MARKS)
    assert found.difference is Difference.OTHER_OBJECT
    assert found.message == "ConfigMap default/app is another object, with uid uid-new"
    marked = app(uid="uid-new", meta={"annotations": {CREATED_BY_ANNOTATION: "uid-run/s/w/a"}})
    assert compared_with_nothing(APP, marked["metadata"], set(), MARKS).difference is Difference.STILL_EXISTS


def test_one_that_is_being_deleted_is_not_gone() -> None:
    leaving = app(meta={"deletionTimestamp": "2026-02-03T10:00:00Z"})
    assert compared_with_nothing(APP, leaving["metadata"], {"uid-app"}, MARKS).difference is Difference.BEING_DELETED
    assert state(leaving).difference is Difference.BEING_DELETED


# Changed or deleted.

SERVER_SETS: list[dict[str, Any]] = [
    {"resourceVersion": "9"},
    {"generation": 7},
    {"managedFields": [{"manager": "kubectl"}]},
    {"creationTimestamp": "2026-02-03T10:00:00Z"},
    {"selfLink": "/x"},
    {"annotations": {"deployment.kubernetes.io/revision": "3"}},
    {"labels": {}},
]


@pytest.mark.parametrize("meta", SERVER_SETS, ids=str)
def test_what_a_server_sets_is_no_difference(meta: dict[str, Any]) -> None:
    assert state(app("9", meta=meta)) == VERIFIED
    assert state(app("9", status={"phase": "Active"})) == VERIFIED


WRITTEN: list[tuple[dict[str, Any], list[str]]] = [
    ({"data": {"color": "red"}}, ["data.color"]),
    ({"data": {"color": "blue", "size": "1"}}, ["data.size"]),
    ({"meta": {"labels": {"a": "b"}}}, ["metadata.labels"]),
    ({"meta": {"annotations": {"a": "b"}}}, ["metadata.annotations"]),
    ({"meta": {"finalizers": ["a/b"]}}, ["metadata.finalizers"]),
    ({"meta": {"ownerReferences": [{"uid": "1"}]}}, ["metadata.ownerReferences"]),
    ({"immutable": True}, ["immutable"]),
]


@pytest.mark.parametrize(("change", "fields"), WRITTEN, ids=str)
def test_what_people_write_is_a_difference(change: dict[str, Any], fields: list[str]) -> None:
    found = state(app("9", **change))
    assert (found.result, found.difference, found.fields) == (ProofResult.DIFFERS, Difference.CHANGED, fields)


def test_lists_of_named_items_are_compared_by_name_and_finalizers_as_a_set() -> None:
    containers = [{"name": "app", "image": "a:1"}, {"name": "side", "image": "s:1"}]
    prior = before(app(spec={"containers": containers}, meta={"finalizers": ["a/a", "b/b"]}))
    meta = {"finalizers": ["b/b", "a/a"]}
    assert state(app("9", spec={"containers": containers}, meta=meta), prior) == VERIFIED
    changed = [{"name": "app", "image": "a:2"}]
    assert state(app("9", spec={"containers": changed}, meta=meta), prior).fields == [
        "spec.containers[app].image",
        "spec.containers[side]",
    ]
    assert state(app("9", spec={"containers": containers[::-1]}, meta=meta), prior).fields == ["spec.containers"]


def test_what_only_others_have_changed_says_so() -> None:
    prior = before(app(), left=app("2", data={"color": "red"}))
    by_others = state(app("9", data={"color": "blue", "size": "1"}), prior)
    assert (by_others.difference, by_others.fields) == (Difference.CHANGED_BY_OTHERS, ["data.size"])
    both = state(app("9", data={"color": "red", "size": "1"}), prior)
    assert (both.difference, both.fields) == (Difference.CHANGED, ["data.color", "data.size"])


@pytest.mark.parametrize(
    ("annotations", "uids", "difference"),
    [
        ({}, {"uid-new"}, None),
        ({CREATED_BY_ANNOTATION: "uid-earlier/s/w/a"}, {"uid-new"}, Difference.CHANGED),
        ({CREATED_BY_ANNOTATION: "uid-run/s/w/a"}, {"uid-new"}, Difference.OTHER_OBJECT),
        ({}, {"uid-app"}, Difference.OTHER_OBJECT),
    ],
)
def test_the_new_object_of_a_replace_is_as_before_once_it_is_restored(
    annotations: dict[str, str], uids: set[str], difference: Difference | None
) -> None:
    found = app("9", uid="uid-new", meta={"annotations": annotations})
    assert compared_with_state(APP, before(), found, MARKS, uids).difference is difference


def test_an_object_that_was_there_is_to_be_there_as_the_very_one_or_as_a_revert_created_it() -> None:
    assert state(None).difference is Difference.MISSING
    assert state(app("9", uid="uid-new")).difference is Difference.OTHER_OBJECT
    for mark, result in (("uid-run/s/w/a", ProofResult.VERIFIED), ("uid-x/s/w/a", ProofResult.DIFFERS)):
        back = app("9", uid="uid-new", meta={"annotations": {RESTORED_BY_ANNOTATION: mark}})
        assert state(back).result is result


def secret(version: str, value: str) -> dict[str, Any]:
    return {**app(version), "kind": "Secret", "data": {"password": value}}


def test_of_a_secret_only_what_is_stored_is_compared() -> None:
    prior = prior_state_of(secret("1", "b2xk"))
    assert state(secret("1", "b2xk"), prior) == VERIFIED
    changed = state(secret("9", "bmV3"), prior)
    assert changed.result is ProofResult.NOT_RECORDED
    assert changed.message == "the state of ConfigMap default/app before the Execute was not stored" + (
        " (secret data is not stored)"
    )
    assert state(None, prior).difference is Difference.MISSING
    assert "bmV3" not in changed.model_dump_json()


def test_without_a_record_or_a_state_to_return_to_it_is_not_known() -> None:
    assert compared_with_state(APP, None, app(), MARKS).result is ProofResult.NOT_RECORDED
    leaving = prior_state_of(app(meta={"deletionTimestamp": "2026-02-03T10:00:00Z"}))
    assert leaving.lack is Lack.BEING_DELETED
    assert state(None, leaving).result is ProofResult.NOT_RECORDED


def test_another_version_of_the_kind_is_not_compared() -> None:
    assert state({**app("9"), "apiVersion": "v2"}).result is ProofResult.UNREADABLE


def test_values_are_never_shown_and_lists_are_bounded() -> None:
    data = {f"key-{'x' * 500}-{number}": "treasure" for number in range(200)}
    found = state(app("9", data=data))
    assert found.fields is not None
    assert len(found.fields) == LONGEST_LIST
    text = json.dumps(found.to_object())
    assert "treasure" not in text
    assert len(text) < 8000
