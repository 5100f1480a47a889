"""Nothing secret is kept, wherever it stands; and it comes back only to a definition that is otherwise the same."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.actions import Action
from api.execution import DRPlanExecution
from api.meta import ObjectKey
from api.plan import DRPlan
from api.snapshot import Snapshot, SnapshotDefinition, SnapshotParameters
from api.steps import Part
from api.workflow import DRWorkflow
from planning.definitions.identifiers import Workflows
from planning.snapshot.definitions import kept_parameters, layers_of, of_execute
from planning.snapshot.documents import documents, read_document, use_of, workflow_of
from planning.snapshot.restore import LiveDefinitions, completed, is_complete, is_whole, layers_again
from planning.values.omission import secrets_of
from planning.values.parameters import Resolved, resolve
from planning.values.secret_parts import MARKER
from planning.values.value_from import ManifestRead, Matches
from tests.planning.builders import by_name, dr_workflow, execute, manifest, plan, plan_stage

EXECUTION = ObjectKey(namespace="default", name="there", uid="7d1c2f6e-5a0b-4c3d-9e8f-112233445566")
SECRET = "correct-horse-battery"
FROM_SECRET = {
    "valueFrom": {"manifestRef": {"apiVersion": "v1", "kind": "Secret", "name": "db", "jsonPath": "{.data.p}"}}
}


def named(name: str, **more: Any) -> dict[str, Any]:
    return {"name": name, **more}


def secret_manifest(value: str) -> str:
    return f"apiVersion: v1\nkind: Secret\nmetadata: {{name: db}}\nstringData: {{p: {value}, user: app}}\n"


ACTIONS: dict[str, Any] = {
    "header": lambda it: {"type": "HTTP", "http": {"url": "http://a", "headers": {"Authorization": it}}},
    "url": lambda it: {"type": "HTTP", "http": {"url": f"http://a?token={it}"}},
    "stringData": lambda it: {"type": "KubernetesResource", "resource": {"manifest": secret_manifest(it)}},
    "unreadable": lambda it: {
        "type": "KubernetesResource",
        "resource": {"manifest": f"kind: Secret\ndata: {{{{ .params.x }}}}\n p: {it}"},
    },
    "rollback": lambda it: {
        **manifest("a"),
        "rollback": {"type": "HTTP", "http": {"url": "http://a", "headers": {"X-Key": it}}},
    },
}
PARAMETERS: dict[str, Any] = {
    "value": lambda it: named("dbPassword", value=it),
    "default": lambda it: named("api-key", default=it),
    "read": lambda _: named("p", **FROM_SECRET),
}


@st.composite
def definitions_of_a_run(draw: st.DrawFn) -> tuple[DRPlan, DRWorkflow, DRPlanExecution]:
    """Draw a plan, a DRWorkflow and an execution with the secret in any of its places."""
    kinds = draw(st.lists(st.sampled_from(sorted(ACTIONS)), min_size=1, max_size=3))
    by_execution = sorted(PARAMETERS.keys() - {"read"})  # which may not read a Secret
    choices = [*[sorted(PARAMETERS)] * 3, by_execution]
    lists = [draw(st.lists(st.sampled_from(names), max_size=2, unique=True)) for names in choices]
    own, globally, of_stage, of_execution = [[PARAMETERS[one](SECRET) for one in names] for names in lists]
    flow = dr_workflow("w", *[{**ACTIONS[one](SECRET), "name": f"a{n}"} for n, one in enumerate(kinds)], parameters=own)
    stage = plan_stage("s", "w")
    stage["workflows"][0]["params"] = of_stage
    found = plan(stage, globalParams=globally)
    return found, flow, asks(of_execution)


def asks(params: list[dict[str, Any]]) -> DRPlanExecution:
    body = execute().model_dump(by_alias=True, exclude_none=True)
    return DRPlanExecution.model_validate({**body, "spec": {**body["spec"], "params": params}})


def kept(
    of: DRPlan, flow: DRWorkflow, execution: DRPlanExecution
) -> tuple[str, Snapshot, DRWorkflow, SnapshotParameters]:
    """Keep what an Execute works with; give all of it as text, and as it is read back."""
    workflows: Workflows = by_name(flow)
    secret = {"metadata": {"name": "db"}, "data": {"p": SECRET}}
    answers = {ManifestRead("v1", "Secret", name="db"): Matches().with_more([secret])}
    resolved = {place: resolve(found, answers) for place, found in layers_of(of, workflows, execution).items()}
    assert [found.errors for found in resolved.values()] == [[]]
    definitions = of_execute(execution, of, workflows, resolved)
    assert definitions is not None
    found = documents(EXECUTION, definitions)
    data = {each.ref.name: json.loads(json.dumps(each.data)) for each in found}
    root = read_document(Snapshot, found[-1].ref, data[found[-1].ref.name])
    use = use_of(root, ("s", 0))
    assert use is not None
    back = workflow_of(use[0], read_document(SnapshotDefinition, use[0].revision, data[use[0].revision.name]))
    return json.dumps(data), root, back, use[1]


@given(definitions_of_a_run())
def test_no_secret_is_kept(definitions: tuple[DRPlan, DRWorkflow, DRPlanExecution]) -> None:
    text, _, _, _ = kept(*definitions)
    assert SECRET not in text
    assert "correct" not in text


@given(definitions_of_a_run())
def test_a_definition_that_did_not_change_gives_its_secrets_back(
    definitions: tuple[DRPlan, DRWorkflow, DRPlanExecution],
) -> None:
    _, _, back, _ = kept(*definitions)
    for before, after in zip(definitions[1].spec.actions, back.spec.actions, strict=True):
        assert completed(after, before) == before


@given(definitions_of_a_run())
def test_parameters_that_were_left_out_are_determined_again(
    definitions: tuple[DRPlan, DRWorkflow, DRPlanExecution],
) -> None:
    of, flow, execution = definitions
    _, root, back, own = kept(*definitions)
    found = layers_again(root, ("s", 0), back, own, LiveDefinitions(of, flow, (execution,)))
    secret = {"metadata": {"name": "db"}, "data": {"p": SECRET}}
    again = resolve(found, {ManifestRead("v1", "Secret", name="db"): Matches().with_more([secret])})
    assert {name: again.values[name] for name in own.left_out} == dict.fromkeys(own.left_out, SECRET)


def test_what_was_kept_counts_although_the_live_definitions_say_otherwise() -> None:
    of = plan(plan_stage("s", "w"), globalParams=[named("region", value="east"), named("token", value=SECRET)])
    _, root, back, own = kept(of, dr_workflow("w", manifest("a")), asks([]))
    assert own.left_out == ["token"]
    today = plan(plan_stage("s", "w"), globalParams=[named("region", value="west"), named("token", value="new")])
    again = resolve(layers_again(root, ("s", 0), back, own, LiveDefinitions(today, back, ())), {})
    assert again.values == {"region": "east", "token": "new"}


@pytest.mark.parametrize(
    "today",
    [
        None,
        plan(plan_stage("s", "w")),
        plan(plan_stage("s", "w"), globalParams=[named("token", value="new", type="number")]),
    ],
    ids=["deleted", "taken out", "changed otherwise"],
)
def test_a_parameter_whose_place_changed_stays_left_out(today: DRPlan | None) -> None:
    of = plan(plan_stage("s", "w"), globalParams=[named("token", value=SECRET)])
    _, root, back, own = kept(of, dr_workflow("w", manifest("a")), asks([]))
    again = resolve(layers_again(root, ("s", 0), back, own, LiveDefinitions(today, back, ())), {})
    assert again.values == {"token": "secret, not kept"}


@pytest.mark.parametrize("kind", sorted(ACTIONS))
def test_a_definition_that_changed_or_is_gone_gives_nothing(kind: str) -> None:
    before = Action.model_validate({**ACTIONS[kind](SECRET), "name": "a"})
    _, _, back, _ = kept(plan(plan_stage("s", "w")), dr_workflow("w", {**ACTIONS[kind](SECRET), "name": "a"}), asks([]))
    after = back.spec.actions[0]
    assert not is_complete(after)
    assert completed(after, None) is None
    assert completed(after, before.model_copy(update={"timeout": "9m"})) is None
    assert completed(after, before) == before


@pytest.mark.parametrize("kind", sorted(ACTIONS))
def test_the_secret_texts_of_an_action_are_known_so_that_they_can_be_hidden(kind: str) -> None:
    before = Action.model_validate({**ACTIONS[kind](SECRET), "name": "a"})
    texts = secrets_of(before.to_object())
    assert SECRET in " ".join(texts)


def test_a_parameter_that_nobody_knows_the_value_of_is_not_kept_as_known() -> None:
    resolved = Resolved({"a": "1", "token": SECRET}, frozenset({"token", "other"}))
    assert kept_parameters(resolved) == SnapshotParameters(values={"a": "1"}, left_out=["other", "token"])


def stored(flow: DRWorkflow) -> SnapshotDefinition:
    """Return the document of a DRWorkflow, read back."""
    of = plan(plan_stage("s", "w"))
    definitions = of_execute(asks([]), of, by_name(flow), {("s", 0): Resolved()})
    assert definitions is not None
    document = documents(EXECUTION, definitions)[0]
    return read_document(SnapshotDefinition, document.ref, json.loads(json.dumps(document.data)))


def test_a_manifest_that_contains_the_words_of_the_marker_is_still_stored_whole() -> None:
    text = f"kind: ConfigMap\nmetadata: {{name: c}}\ndata: {{note: '{MARKER}', more: 'it is a {MARKER}.'}}"
    words = {"type": "KubernetesResource", "name": "a", "resource": {"manifest": text}}
    definition = stored(dr_workflow("w", words, {**words, "name": "b", "rollback": {**words, "name": "c"}}))
    for index, action in enumerate(definition.spec.actions):
        assert is_whole(definition, index, Part.ACTION, action)
        assert is_whole(definition, index, Part.ROLLBACK, action)


@pytest.mark.parametrize("kind", sorted(ACTIONS))
def test_a_document_says_which_part_of_an_action_lacks_a_secret(kind: str) -> None:
    definition = stored(dr_workflow("w", manifest("first"), {**ACTIONS[kind](SECRET), "name": "a"}))
    action = definition.spec.actions[1]
    whole = [is_whole(definition, 1, part, action) for part in (Part.ACTION, Part.ROLLBACK, Part.INVERSE)]
    assert whole == [kind == "rollback", kind != "rollback", True]
    assert is_whole(definition, 0, Part.ACTION, definition.spec.actions[0])


@pytest.mark.parametrize("kind", sorted(ACTIONS))
def test_in_a_document_of_version_0_1_the_marker_says_it(kind: str) -> None:
    definition = stored(dr_workflow("w", manifest("first"), {**ACTIONS[kind](SECRET), "name": "a"}))
    older = definition.model_copy(update={"left_out": None})
    first, second = older.spec.actions
    assert is_whole(older, 0, Part.ACTION, first)
    assert not is_whole(older, 1, Part.ACTION, second)
