"""Temporal workflow ids are unique, short, and readable."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from api.meta import ObjectKey
from api.phases import OperationType
from planning.definitions import identifiers

UID = "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0"
dns_names = st.from_regex(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?", fullmatch=True)
namespaces = st.from_regex(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", fullmatch=True)
any_names = st.text(min_size=1, max_size=300) | st.sampled_from(["a", "a/0-b", "b", "0-b"])
keys = st.builds(ObjectKey, namespace=namespaces, name=dns_names, uid=st.just(UID))


def test_ids_can_be_read() -> None:
    root = identifiers.root_id(OperationType.REVERT, ObjectKey(namespace="default", name="nginx-revert-001", uid=UID))
    assert root == f"revert/default/nginx-revert-001/{UID}"
    stage = identifiers.stage_id(root, 0, "deploy-stage")
    assert stage == f"{root}/0-deploy-stage"
    assert identifiers.workflow_id(stage, 1, "nginx") == f"{root}/0-deploy-stage/1-nginx"


@given(keys)
def test_the_id_of_a_rehearsal_can_be_read_and_is_another_for_each_start(key: ObjectKey) -> None:
    start = datetime(2026, 2, 3, 10, tzinfo=UTC)
    found = identifiers.rehearsal_id(key, start)
    assert found.startswith("rehearse/")
    assert found.endswith(f"/{UID}/1770112800")
    assert len(found) <= identifiers.MAX_LENGTH
    assert identifiers.rehearsal_id(key, start + timedelta(seconds=1)) != found


@given(st.sampled_from(OperationType), keys, st.integers(0, 9999), any_names, st.integers(0, 9999), any_names)
def test_every_id_has_at_most_200_characters(
    operation: OperationType, key: ObjectKey, at: int, stage: str, place: int, workflow: str
) -> None:
    of_stage = identifiers.stage_id(identifiers.root_id(operation, key), at, stage)
    assert len(identifiers.workflow_id(of_stage, place, workflow)) <= identifiers.MAX_LENGTH


@given(keys, st.lists(st.tuples(any_names, st.lists(any_names, max_size=4)), max_size=4))
def test_the_ids_of_one_execution_are_unique(key: ObjectKey, tree: list[tuple[str, list[str]]]) -> None:
    root = identifiers.root_id(OperationType.EXECUTE, key)
    found = [root]
    for at, (stage, workflows) in enumerate(tree):
        of_stage = identifiers.stage_id(root, at, stage)
        found += [of_stage, *(identifiers.workflow_id(of_stage, place, name) for place, name in enumerate(workflows))]
    assert len(found) == len(set(found))


@given(keys, keys)
def test_other_executions_have_other_ids(one: ObjectKey, other: ObjectKey) -> None:
    recreated = one.model_copy(update={"uid": UID[::-1]})
    roots = {identifiers.root_id(operation, key) for operation in OperationType for key in (one, other, recreated)}
    assert len(roots) == (6 if one != other else 4)


@given(st.integers(0, 10**6))
def test_an_activity_id_tells_its_place(index: int) -> None:
    assert identifiers.action_index(identifiers.activity_id(index)) == index


def test_other_activities_have_no_place() -> None:
    assert identifiers.action_index("load-revert") is None
    assert identifiers.action_index("action-x") is None
    assert identifiers.action_index("action-²") is None
    assert identifiers.action_index("action-" + "9" * 5000) is None


@given(st.text(max_size=400), st.integers(20, 200))
def test_a_shortened_name_keeps_its_bound(text: str, bound: int) -> None:
    short = identifiers.shortened(text, bound)
    assert len(short) <= bound
    assert (short == text) == (len(text) <= bound)


@given(dns_names)
def test_a_label_value_is_valid(name: str) -> None:
    value = identifiers.label_value(name)
    assert len(value) <= 63
    assert value[0].isalnum()
    assert value[-1].isalnum()
