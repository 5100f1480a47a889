"""What is kept of the definitions and read back is the same, is named after its content, and holds no secret."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from activities.store import BOUND
from api.meta import Model, ObjectKey
from api.phases import Mode
from api.plan import DRPlan
from api.snapshot import Snapshot, SnapshotDefinition, SnapshotParameters
from api.workflow import DRWorkflow
from planning.snapshot.documents import (
    Definitions,
    PlanPlace,
    SnapshotDocument,
    SnapshotError,
    digest,
    documents,
    places_of,
    plan_of,
    read_document,
    use_of,
    workflow_of,
)
from planning.values.secret_names import is_secret_field, is_secret_query
from planning.values.secret_parts import secrets_in
from tests.planning.builders import by_name, dr_workflow, manifest, plan, plan_stage
from tests.planning.simulation import drawn_plans

EXECUTION = ObjectKey(namespace="default", name="there", uid="7d1c2f6e-5a0b-4c3d-9e8f-112233445566")


def is_not_secret(text: str) -> bool:
    """Say whether nothing is left out for this text: some of those that are drawn are taken from the code itself."""
    return not (is_secret_field(text) or is_secret_query(text) or secrets_in(text))


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8).filter(is_not_secret)
numbers = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
json_values = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
names = st.sampled_from(["region", "replicas", "zone-1", "mode_of_x"])
parameters = st.lists(st.fixed_dictionaries({"name": names}, optional={"value": texts, "default": texts}), max_size=2)


@st.composite
def actions(draw: st.DrawFn) -> dict[str, Any]:
    """Draw an action of any shape, with any JSON in its open bodies."""
    common = draw(st.fixed_dictionaries({}, optional={"when": texts, "waitReady": st.booleans(), "timeout": texts}))
    rollback = draw(st.none() | st.dictionaries(texts, json_values, max_size=2))
    spec = draw(st.dictionaries(texts, json_values, max_size=3))
    block = draw(
        st.sampled_from(
            [
                {"type": "HelmChart", "helmChart": {"name": "x", "namespace": "n", "spec": spec}},
                {"type": "Job", "job": {"template": spec}},
                {"type": "HTTP", "http": {"url": draw(texts), "body": draw(texts), "successCodes": [204]}},
                {"type": "KubernetesResource", "resource": {"manifest": draw(texts), "operation": "Patch"}},
            ]
        )
    )
    return {"name": draw(st.sampled_from("abc")), **block, **common, **({"rollback": rollback} if rollback else {})}


@st.composite
def definitions(draw: st.DrawFn) -> Definitions:
    """Draw what a run works with, nothing of it secret."""
    drawn = draw(drawn_plans())
    spec = drawn.plan.spec.model_dump(by_alias=True) | {"globalParams": draw(parameters)}
    for stage in spec["stages"]:
        for each in stage["workflows"]:
            each["params"] = draw(st.none() | parameters)
    flows = [
        dr_workflow(name, *draw(st.lists(actions(), min_size=1, max_size=2)), parameters=draw(parameters))
        for _, name in drawn.workflows
    ]
    found = DRPlan.model_validate({"metadata": {"name": "shop", "uid": "u", "generation": 3}, "spec": spec})
    own = st.builds(
        SnapshotParameters, values=st.dictionaries(names, texts, max_size=2), left_out=st.lists(names, max_size=1)
    )
    sets = {place: draw(own) for place in places_of(found)}
    return Definitions(found, by_name(*flows), sets, draw(st.none() | st.sampled_from(Mode)), (EXECUTION,))


def stored(kept: list[SnapshotDocument]) -> dict[str, Any]:
    """Give what is read back, by name: what JSON makes of it."""
    return {each.ref.name: json.loads(json.dumps(each.data)) for each in kept}


def read(kept: list[SnapshotDocument]) -> tuple[Snapshot, Mapping[tuple[str, str], DRWorkflow]]:
    found, ref = stored(kept), kept[-1].ref
    root = read_document(Snapshot, ref, found[ref.name])
    read_flows = [
        workflow_of(one, read_document(SnapshotDefinition, one.revision, found[one.revision.name]))
        for one in root.workflows
    ]
    return root, by_name(*read_flows)


def simple(*flows: DRWorkflow, **spec: Any) -> Definitions:
    of = plan(plan_stage("s", *[flow.metadata.name for flow in flows]), **spec)
    return Definitions(of, by_name(*flows), dict.fromkeys(places_of(of), SnapshotParameters()))


@given(definitions())
def test_what_is_read_back_is_what_the_run_worked_with(of: Definitions) -> None:
    root, flows = read(documents(EXECUTION, of))
    assert plan_of(root).spec == of.plan.spec
    assert (root.plan.uid, root.plan.generation, root.mode) == ("u", 3, of.mode)
    assert root.parameters_of == [EXECUTION]
    for stage in of.plan.spec.stages:
        for position, reference in enumerate(stage.workflows):
            use = use_of(root, (stage.name, position))
            assert use is not None
            kept, own = use
            assert kept.name == reference.workflow_ref.name
            assert flows[kept.namespace, kept.name].spec == of.workflows[kept.namespace, kept.name].spec
            assert own == of.parameters[stage.name, position]


@given(definitions())
def test_keeping_twice_gives_the_same_names(of: Definitions) -> None:
    first = documents(EXECUTION, of)
    assert documents(EXECUTION, of) == first
    assert len({each.ref.name for each in first}) == len(first)
    again = [digest(json.loads(json.dumps(each.data, sort_keys=True, indent=1))) for each in first]
    assert again == [each.ref.sha256 for each in first]


@given(definitions(), st.data())
def test_what_was_altered_is_not_read(of: Definitions, data: st.DataObject) -> None:
    document = data.draw(st.sampled_from(documents(EXECUTION, of)))
    field = data.draw(st.sampled_from(sorted(document.data)))
    altered = {**document.data, field: data.draw(json_values.filter(lambda value: value != document.data[field]))}
    kinds: tuple[type[Model], ...] = (Snapshot, SnapshotDefinition)
    for kind in kinds:
        with pytest.raises(SnapshotError, match="is not as it was kept"):
            read_document(kind, document.ref, altered)


def test_names_say_whose_they_are_and_are_names_of_objects() -> None:
    kept = documents(EXECUTION, simple(dr_workflow("w", manifest("a"))))
    assert [each.ref.name[:18] for each in kept] == ["drplan-7d1c2f6e5a-"] * 2
    other = documents(EXECUTION.model_copy(update={"uid": "another"}), simple(dr_workflow("w", manifest("a"))))
    assert not {each.ref.name for each in kept} & {each.ref.name for each in other}


def test_dr_workflows_that_say_the_same_are_kept_once_and_told_apart() -> None:
    kept = documents(EXECUTION, simple(dr_workflow("one", manifest("a")), dr_workflow("two", manifest("a"))))
    assert len(kept) == 2
    root, flows = read(kept)
    assert [each.name for each in root.workflows] == ["one", "two"]
    assert {name for _, name in flows} == {"one", "two"}


def test_parameters_that_many_dr_workflows_share_are_kept_once() -> None:
    shared, own = SnapshotParameters(values={"a": "1"}), SnapshotParameters(values={"a": "2"})
    of = simple(*[dr_workflow(f"w{number}", manifest("a")) for number in range(4)])
    sets = {("s", 0): shared, ("s", 1): own, ("s", 2): shared, ("s", 3): shared}
    root, _ = read(documents(EXECUTION, Definitions(of.plan, of.workflows, sets)))
    assert root.parameters == [shared, own]
    assert [use.parameters for use in root.stages[0].uses] == [0, 1, 0, 0]


def test_5000_actions_fit_with_room_to_spare() -> None:
    note = "x" * 5_000
    flows = [dr_workflow(f"w{n}", *[manifest(f"a{n}-{k}", when=note) for k in range(200)]) for n in range(25)]
    of = simple(*flows, globalParams=[{"name": f"p{n}", "value": note} for n in range(20)])
    values = SnapshotParameters(values={f"p{n}": note for n in range(20)})
    kept = documents(EXECUTION, Definitions(of.plan, of.workflows, dict.fromkeys(places_of(of.plan), values)))
    sizes = [len(json.dumps(each.data)) for each in kept]
    assert sum(sizes) > 25_000_000
    assert max(sizes) < BOUND


@pytest.mark.parametrize("place", [("s", 1), ("s", -1), ("other", 0)])
def test_a_place_that_the_plan_did_not_have_is_none(place: PlanPlace) -> None:
    root, _ = read(documents(EXECUTION, simple(dr_workflow("w", manifest("a")))))
    assert use_of(root, place) is None


def test_a_document_of_a_later_format_is_not_guessed_at() -> None:
    root = documents(EXECUTION, simple(dr_workflow("w", manifest("a"))))[-1]
    later = {**root.data, "format": 2}
    ref = root.ref.model_copy(update={"sha256": digest(later)})
    with pytest.raises(SnapshotError, match="cannot be understood: format"):
        read_document(Snapshot, ref, later)


def test_a_reference_without_a_namespace_is_read_back_as_version_0_1_resolved_it() -> None:
    workflows = by_name(dr_workflow("work", manifest("app")))
    kept = Definitions(plan(plan_stage("s", "work")), workflows, {("s", 0): SnapshotParameters()})
    root = documents(EXECUTION, kept)[-1]
    snapshot = read_document(Snapshot, root.ref, root.data)
    of_elsewhere = snapshot.plan.model_copy(update={"namespace": "production"})
    (use,) = plan_of(snapshot.model_copy(update={"plan": of_elsewhere})).spec.stages[0].workflows
    assert use.workflow_ref.to_object() == {"name": "work", "namespace": "default"}
