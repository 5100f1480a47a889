"""`before`: what is kept of an object, what is left out and why, and which record may ever be written back."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.meta import CREATED_BY_ANNOTATION, ObjectKey
from api.objects import Target
from planning.definitions.identifiers import RecordKind, record_name
from planning.definitions.target import change_body, creation_body, mark_of
from planning.effects.prior_state import BOUND, PriorState, data_of, doubtful, prior_state_of, read, same_state
from planning.values.secret_names import is_secret_field

SECRET = "correct-horse"
TEXT_OF_A_SECRET = '{"apiVersion":"v1","kind":"Secret","stringData":{"password":"correct-horse"}}'
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"

names = st.text(st.characters(codec="ascii", categories=["L"]), min_size=1, max_size=5).filter(
    lambda name: not is_secret_field(name)
)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=10,
)


def found(kind: str = "ConfigMap", metadata: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    own = {"name": "app", "namespace": "shop", "uid": "u-1", "resourceVersion": "10", "generation": 1}
    return {"apiVersion": "v1", "kind": kind, "metadata": own | (metadata or {}), **fields}


@given(st.dictionaries(names, values))
def test_a_plain_object_is_kept_whole_and_may_be_written_back(data: dict[str, Any]) -> None:
    seen = found(data=data, metadata={"managedFields": [{"manager": "kubectl"}]})
    kept = prior_state_of(seen)
    assert kept == PriorState("u-1", "10", found(data=data), complete=True)
    assert kept.complete
    assert read(data_of(kept)) == kept


@pytest.mark.parametrize(
    "seen",
    [
        found("Secret", data={"password": SECRET}),
        found("Secret", stringData={"password": SECRET}),
        found("Secret", metadata={"annotations": {LAST_APPLIED: TEXT_OF_A_SECRET}}),
        found("Manifest", template=found("Secret", data={"password": SECRET})),
        found("List", items=[found(), found("Secret", data={"password": SECRET})]),
        found("Localization", spec={"overrides": [{"value": TEXT_OF_A_SECRET}]}),
        found(data={"all.yaml": f"apiVersion: v1\nkind: Secret\ndata:\n  password: {SECRET}\n"}),
    ],
    ids=["data", "stringData", "annotation", "in a manifest", "in a list", "as JSON text", "as YAML text"],
)
def test_nothing_of_a_secret_is_kept_wherever_it_stands(seen: dict[str, Any]) -> None:
    kept = prior_state_of(seen)
    assert SECRET not in str(kept)
    assert not kept.complete
    assert kept.reason == "it holds a Secret, and the data of a Secret is never kept"
    assert kept.found["metadata"]["name"] == "app"


def test_nothing_is_kept_that_holds_a_secret_value_of_the_plan() -> None:
    seen = found(data={"url": 'https://shop:co"rrect@shop.example.com'})
    kept = prior_state_of(seen, secrets=['co"rrect'])
    assert "rrect" not in str(kept)
    assert not kept.complete
    assert prior_state_of(seen, secrets=["battery"]).complete


@pytest.mark.parametrize(
    "seen",
    [
        found("Subscription", spec={"feeds": [{"apiVersion": "v1", "kind": "Secret", "name": "s"}]}),
        found("Deployment", spec={"volumes": [{"secret": {"secretName": "s"}}]}),
        found(data={"note": "kind: SecretProviderClass, data: none"}),
    ],
)
def test_an_object_that_only_names_a_secret_is_kept(seen: dict[str, Any]) -> None:
    assert prior_state_of(seen).complete


def test_an_object_over_the_bound_is_kept_by_name_only_annotations_left_out() -> None:
    kept = prior_state_of(found(metadata={"labels": {"a": "b"}, "annotations": {"big": "x" * BOUND}}))
    assert kept.found == {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": "app",
            "namespace": "shop",
            "uid": "u-1",
            "resourceVersion": "10",
            "labels": {"a": "b"},
        },
    }
    assert not kept.complete


@given(st.integers(min_value=BOUND - 200, max_value=BOUND + 200))
def test_what_is_kept_never_goes_over_the_bound(size: int) -> None:
    kept = prior_state_of(found(data={"text": "x" * size}))
    assert kept.complete == ("data" in kept.found)
    assert len(str(kept.found)) <= BOUND


def test_an_object_that_somebody_had_told_to_go_is_not_written_back() -> None:
    kept = prior_state_of(found(metadata={"deletionTimestamp": "2026-02-03T10:10:00Z"}))
    assert not kept.complete
    assert "somebody had asked for its deletion" in kept.reason


def test_a_record_in_doubt_is_not_written_back() -> None:
    kept = prior_state_of(found(), "an attempt before may have changed it already")
    assert not kept.complete
    assert kept.found == found()


def test_what_the_server_counts_is_no_difference() -> None:
    later = found(metadata={"resourceVersion": "11", "generation": 2, "managedFields": []})
    assert same_state(found(), later)
    assert not same_state(found(), found(data={}))


def test_a_new_status_is_no_reason_for_doubt_and_a_new_spec_is() -> None:
    kept = prior_state_of(found(spec={"replicas": 1}, status={"ready": 0}))
    assert not doubtful(kept, found(spec={"replicas": 1}, status={"ready": 1}))
    assert doubtful(kept, found(spec={"replicas": 2}, status={"ready": 0}))
    assert doubtful(prior_state_of(found("Secret", data={})), found("Secret", data={})), (
        "what was not kept cannot be compared"
    )


def test_a_record_that_is_none_is_not_read() -> None:
    assert read({}) is None


@given(st.text(min_size=1), st.text(min_size=1))
def test_each_action_of_each_execution_has_records_of_its_own(one: str, other: str) -> None:
    here, there = (ObjectKey(namespace="shop", name="e", uid=uid) for uid in ("aaaaaaaa-1", "bbbbbbbb-2"))
    mine = record_name(here, RecordKind.BEFORE, one)
    assert (mine == record_name(here, RecordKind.BEFORE, other)) == (one == other)
    assert mine not in (record_name(there, RecordKind.BEFORE, one), record_name(here, RecordKind.DONE, one))
    assert len(mine) <= 63


TARGET = Target(api_version="v1", kind="ConfigMap", name="app", namespace="shop")


def test_a_creation_bears_the_mark_and_a_change_never_does() -> None:
    theirs = {"metadata": {"name": "app", "annotations": {CREATED_BY_ANNOTATION: "copied", "note": "ours"}}}
    assert mark_of(creation_body(theirs, TARGET, "ours/1")["metadata"]) == "ours/1"
    sent = change_body(theirs, TARGET, found())["metadata"]
    assert sent["annotations"] == {"note": "ours"}
    assert (sent["uid"], sent["resourceVersion"], sent["namespace"]) == ("u-1", "10", "shop")
