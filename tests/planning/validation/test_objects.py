"""Bad input never starts anything, and every error names the field and the remedy, all at once."""

from typing import Any

import pytest

from api.execution import DRPlanExecution
from api.workflow import DRWorkflow
from planning.execute.decide import decide_execute
from planning.messages.text import MESSAGE_BOUND
from planning.validation.objects import own_errors, plan_errors, workflow_errors
from tests.planning.builders import by_name, dr_workflow, manifest, plan, plan_stage
from tests.planning.execute.test_decide import EXECUTION

W = dr_workflow("w", manifest("app"))


def plan_texts(*stages: dict[str, Any], workflows: tuple[DRWorkflow, ...] = (W,)) -> list[str]:
    return [error.text for error in plan_errors(plan(*stages), by_name(*workflows))]


def action_errors(definition: dict[str, Any]) -> list[tuple[str, str]]:
    return [(error.path, error.message) for error in workflow_errors(dr_workflow("w", definition))]


def test_a_good_plan_and_workflow_have_no_errors() -> None:
    assert plan_texts(plan_stage("a", "w"), plan_stage("b", "w", "w", dependsOn=["a"])) == []
    assert workflow_errors(W) == []


@pytest.mark.parametrize("interval", ["soon", "4m59s", "8761h", "-24h"])
def test_an_interval_of_rehearsals_that_is_out_of_bounds_keeps_nobody_from_executing(interval: str) -> None:
    of = plan(plan_stage("a", "w"), rehearsal={"interval": interval})
    assert [error.text for error in plan_errors(of, by_name(W))] == [
        f'spec.rehearsal.interval of DRPlan default/nginx-plan: "{interval}" is not a duration from 5m to 8760h; '
        "write one such as 30m or 24h"
    ]
    assert decide_execute(EXECUTION, of, by_name(W)).rejection is None
    assert plan_errors(plan(plan_stage("a", "w"), rehearsal={"interval": "5m"}), by_name(W)) == []


def test_stages_of_one_name() -> None:
    assert plan_texts(plan_stage("a", "w"), plan_stage("b", "w"), plan_stage("a", "w")) == [
        'spec.stages[2].name of DRPlan default/nginx-plan: duplicate name "a"; every stage needs its own name'
    ]


def test_a_dependency_on_an_unknown_stage() -> None:
    assert plan_texts(plan_stage("a", "w", dependsOn=["x"])) == [
        'spec.stages[0].dependsOn[0] of DRPlan default/nginx-plan: there is no stage "x"; name a stage of this plan'
    ]


def test_a_cycle_is_shown_whole() -> None:
    texts = plan_texts(
        plan_stage("out", "w", dependsOn=["a"]),
        plan_stage("a", "w", dependsOn=["c"]),
        plan_stage("b", "w", dependsOn=["a"]),
        plan_stage("c", "w", dependsOn=["b"]),
    )
    assert len(texts) == 1
    assert texts[0].startswith("spec.stages[1].dependsOn of DRPlan default/nginx-plan: ")
    assert "(a -> c -> b -> a)" in texts[0]


def test_a_stage_that_depends_on_itself() -> None:
    assert "(a -> a)" in plan_texts(plan_stage("a", "w", dependsOn=["a"]))[0]


def test_a_workflow_that_does_not_exist() -> None:
    assert plan_texts(plan_stage("a", "w", "gone")) == [
        "spec.stages[0].workflows[1].workflowRef of DRPlan default/nginx-plan: DRWorkflow default/gone does not exist; "
        "create it or correct the reference"
    ]
    assert own_errors(plan(plan_stage("a", "gone"))) == []


def test_actions_of_one_name() -> None:
    errors = workflow_errors(dr_workflow("w", manifest("a"), manifest("b", action="a")))
    assert [error.path for error in errors] == ["spec.actions[1].name"]


def test_the_argo_executor() -> None:
    errors = workflow_errors(dr_workflow("w", manifest("a"), executor={"type": "Argo"}))
    assert [error.path for error in errors] == ["spec.executor.type"]
    assert "Native" in errors[0].message


BAD_ACTIONS = [
    ({**manifest("a"), "timeout": "soon"}, "timeout", '"soon" is not a duration'),
    ({**manifest("a"), "timeout": "-5s"}, "timeout", "negative"),
    ({**manifest("a"), "timeout": "0s"}, "timeout", "zero"),
    ({**manifest("a"), "timeout": "999999h"}, "timeout", "more than a year"),
    ({**manifest("a"), "timeout": "99999999999999999h"}, "timeout", "duration"),
    ({**manifest("a"), "retryPolicy": {"interval": "x"}}, "retryPolicy.interval", "not a duration"),
    ({**manifest("a"), "retryPolicy": {"limit": -1}}, "retryPolicy.limit", "-1 is negative"),
    ({**manifest("a"), "retryPolicy": {"backoffMultiplier": "two"}}, "retryPolicy.backoffMultiplier", '"two"'),
    ({**manifest("a"), "retryPolicy": {"backoffMultiplier": "0.5"}}, "retryPolicy.backoffMultiplier", "at least 1"),
    ({**manifest("a"), "retryPolicy": {"backoffMultiplier": "inf"}}, "retryPolicy.backoffMultiplier", '"inf"'),
    ({**manifest("a"), "retryPolicy": {"backoffMultiplier": "nan"}}, "retryPolicy.backoffMultiplier", '"nan"'),
    ({"name": "a", "type": "KubernetesResource"}, "resource", "needs resource"),
    ({"name": "a", "type": "Localization"}, "localization", "needs localization"),
    ({"name": "a", "type": "HelmChart"}, "helmChart", "needs helmChart"),
    ({"name": "a", "type": "Job"}, "job", "needs job"),
    ({"name": "a", "type": "HTTP"}, "http", "needs http"),
    (
        {"name": "a", "type": "Localization", "localization": {"name": "x"}},
        "localization.namespace",
        "needs a namespace",
    ),
    (
        {"name": "a", "type": "Localization", "localization": {"name": "", "namespace": "d"}},
        "localization.name",
        "empty",
    ),
    ({**manifest("a", "Replace")}, "resource.operation", 'unsupported value "Replace"'),
]


@pytest.mark.parametrize(("definition", "path", "words"), BAD_ACTIONS, ids=[f"{p}: {w}" for _, p, w in BAD_ACTIONS])
def test_a_bad_action_names_its_field(definition: dict[str, Any], path: str, words: str) -> None:
    ((found, message),) = action_errors(definition)
    assert found == f"spec.actions[0].{path}"
    assert words in message


BAD_MANIFESTS = [
    ("{", "not YAML (line 2, column 1)"),
    ("", "empty"),
    ("just words", "not an object"),
    ("- a\n- b", "not an object"),
    ("kind: ConfigMap\nmetadata: {name: a}", "no apiVersion"),
    ("apiVersion: v1\nmetadata: {name: a}", "no kind"),
    ("apiVersion: v1\nkind: ConfigMap", "no metadata.name"),
    ("apiVersion: v1\nkind: ConfigMap\nmetadata: {generateName: a-}", "no metadata.name"),
    ("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: 5}", "metadata.name is not text"),
    ("apiVersion: v1\nkind: A\nmetadata: {name: a}\n---\napiVersion: v1\nkind: B\nmetadata: {name: b}", "2 documents"),
    ("apiVersion: v1\nkind: A\nmetadata: {name: a, name: b}", 'duplicate key "name"'),
    ("apiVersion: v1\nkind: A\nmetadata: {name: a, annotations: {on: true}}", "is not text"),
    ("apiVersion: v1\nkind: A\nmetadata: {name: a, namespace: 7}", "namespace is not text"),
    ("[" * 5000, "levels deep"),
]


@pytest.mark.parametrize(("text", "words"), BAD_MANIFESTS, ids=[words for _, words in BAD_MANIFESTS])
def test_a_bad_manifest_is_explained(text: str, words: str) -> None:
    ((path, message),) = action_errors({"name": "a", "type": "KubernetesResource", "resource": {"manifest": text}})
    assert path == "spec.actions[0].resource.manifest"
    assert words in message


def test_a_manifest_that_is_not_yaml_does_not_show_its_text() -> None:
    secret = 'apiVersion: v1\nkind: Secret\nmetadata: {name: a}\nstringData: {password: "hunter2'
    ((_, message),) = action_errors({"name": "a", "type": "KubernetesResource", "resource": {"manifest": secret}})
    assert "hunter2" not in message


def rejection(execution: DRPlanExecution, of: Any, *workflows: DRWorkflow) -> str:
    decision = decide_execute(execution, of, by_name(*workflows))
    assert decision.rejection is not None
    assert (decision.state.stages, decision.steps) == ([], [])
    assert decision.state.message == decision.rejection
    return decision.rejection


def test_everything_that_is_wrong_is_listed_at_once() -> None:
    of = plan(plan_stage("a", "w", dependsOn=["x"]), plan_stage("a", "gone"))
    bad = dr_workflow("w", manifest("a", timeout="soon", when="sometimes"))
    assert rejection(EXECUTION, of, bad) == (
        'Not started: spec.stages[1].name of DRPlan default/nginx-plan: duplicate name "a"; every '
        "stage needs its own name; "
        'spec.stages[0].dependsOn[0] of DRPlan default/nginx-plan: there is no stage "x"; name a stage of this plan; '
        "spec.stages[1].workflows[0].workflowRef of DRPlan default/nginx-plan: DRWorkflow default/gone does not exist; "
        "create it or correct the reference; "
        'spec.actions[0].timeout of DRWorkflow default/w: "soon" is not a duration such as 30s, 5m or 1h30m; '
        "spec.actions[0].when of DRWorkflow default/w: sometimes is not a condition; "
        'write mode == "install", and join several with ||'
    )


def test_very_many_errors_are_counted_where_they_do_not_fit() -> None:
    bad = dr_workflow("w", *(manifest("m", action=f"action-{number}", timeout="soon") for number in range(300)))
    text = rejection(EXECUTION, plan(plan_stage("s", "w")), bad)
    assert len(text.encode()) <= MESSAGE_BOUND
    assert text.endswith("more")


def test_a_dr_workflow_that_stands_twice_is_reported_once() -> None:
    bad = dr_workflow("w", manifest("a", timeout="soon"))
    assert rejection(EXECUTION, plan(plan_stage("s", "w", "w")), bad).count("spec.actions[0].timeout") == 1


def test_a_plan_that_is_too_large_is_one_error_with_the_number_and_the_limit() -> None:
    flow = dr_workflow("w", *(manifest("app", action=f"a{number}") for number in range(99)))
    assert plan_texts(*(plan_stage(f"s{number}", "w") for number in range(100)), workflows=(flow,)) == [
        "spec.stages of DRPlan default/nginx-plan: 10100 stages, workflows and actions, of which a plan may have "
        "10000; divide it into several plans"
    ]
