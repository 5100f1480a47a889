"""Whose fields become those of an Apply, and which never do."""

from typing import Any

import pytest

from api.meta import CREATED_BY_ANNOTATION
from planning.effects.managed_fields import handed_over

MARK = f"f:{CREATED_BY_ANNOTATION}"


def entry(
    operation: str, fields: dict[str, Any] | None = None, time: str = "1", manager: str = "drplan", version: str = "v1"
) -> dict[str, Any]:
    return {
        "manager": manager,
        "operation": operation,
        "apiVersion": version,
        "time": time,
        "fieldsType": "FieldsV1",
        "fieldsV1": fields or {},
    }


def observed(*entries: dict[str, Any], marked: bool = True) -> dict[str, Any]:
    annotations = {CREATED_BY_ANNOTATION: "m"} if marked else {}
    return {"metadata": {"managedFields": list(entries), "annotations": annotations}}


DATA: dict[str, Any] = {"f:data": {".": {}, "f:a": {}, "f:b": {}}}


def test_what_our_post_set_becomes_the_applys_and_the_mark_does_not() -> None:
    metadata: dict[str, Any] = {"f:annotations": {".": {}, MARK: {}}, "f:labels": {".": {}, "f:x": {}}}
    result = handed_over(observed(entry("Update", {**DATA, "f:metadata": metadata})), "drplan")
    assert result == [
        entry("Apply", {**DATA, "f:metadata": {"f:labels": {".": {}, "f:x": {}}}}),
        entry("Update", {"f:metadata": {"f:annotations": {".": {}, MARK: {}}}}),
    ]


def test_nothing_is_handed_over_twice() -> None:
    once = handed_over(observed(entry("Update", {**DATA, "f:metadata": {"f:annotations": {MARK: {}}}})), "drplan")
    assert once is not None
    assert handed_over(observed(*once), "drplan") is None


@pytest.mark.parametrize(
    "entries",
    [
        [],
        [entry("Apply", DATA)],
        [entry("Update", DATA, manager="kubectl")],
        [entry("Update", DATA) | {"subresource": "status"}],
        [entry("Update", {"f:metadata": {"f:annotations": {".": {}, MARK: {}}}})],
        [entry("Update")],
    ],
)
def test_there_may_be_nothing_to_hand_over(entries: list[dict[str, Any]]) -> None:
    assert handed_over(observed(*entries), "drplan") is None


def test_an_object_that_no_action_created_stays_as_it_is() -> None:
    assert handed_over(observed(entry("Update", DATA), marked=False), "drplan") is None


def test_an_apply_and_an_update_of_one_version_are_united() -> None:
    others = entry("Update", {"f:data": {"f:z": {}}}, manager="kubectl")
    applied = entry("Apply", {"f:data": {"f:a": {}, "f:c": {}}})
    result = handed_over(observed(applied, entry("Update", DATA, "2"), others), "drplan")
    assert result == [entry("Apply", {"f:data": {"f:a": {}, "f:c": {}, ".": {}, "f:b": {}}}), others]


def test_the_latest_update_becomes_the_apply_and_those_of_other_versions_go() -> None:
    older = entry("Update", {"f:old": {}}, "1", version="v1beta1")
    result = handed_over(observed(older, entry("Update", DATA, "2")), "drplan")
    assert result == [entry("Apply", DATA, "2")]
