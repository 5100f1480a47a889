"""Parameters are judged list by list, and taken together at every place where a plan uses a DRWorkflow."""

from typing import Any

import pytest

from api.execution import DRPlanExecution
from api.phases import Mode
from api.plan import DRPlan
from api.workflow import DRWorkflow
from planning.validation.objects import execution_errors, plan_errors, workflow_errors
from tests.planning.builders import by_name, dr_workflow, manifest, plan
from tests.planning.execute.test_decide import EXECUTION

Parameter = dict[str, Any]
READ = {"manifestRef": {"apiVersion": "v1", "kind": "ConfigMap", "name": "a", "jsonPath": "{.data.x}"}}


def of_stage(*places: list[Parameter] | None, **spec: Any) -> DRPlan:
    """A plan that uses the DRWorkflow `w` once for each list of parameters."""
    used = [{"workflowRef": {"name": "w"}, "params": params} for params in places]
    return plan({"name": "s", "workflows": used}, **spec)


def uses(*names: str, declared: list[Parameter] | None = None) -> DRWorkflow:
    actions = [manifest(f"x-$(params.{name})", action=f"use-{name}") for name in names]
    return dr_workflow("w", *(actions or [manifest("a")]), parameters=declared)


def run(*params: Parameter, mode: Mode | None = None) -> DRPlanExecution:
    spec = {"planRef": "nginx-plan", "operationType": "Execute", "params": list(params), "mode": mode}
    return DRPlanExecution.model_validate({"metadata": {"name": "run", "uid": EXECUTION.metadata.uid}, "spec": spec})


def texts(of: DRPlan, known: DRWorkflow, execution: DRPlanExecution | None = None) -> list[str]:
    if execution is None:
        return [error.text for error in plan_errors(of, by_name(known))]
    return [error.text for error in execution_errors(execution, of, by_name(known))]


LISTS = [
    ([{"name": "a"}, {"name": "a"}], "[1].name", 'duplicate name "a"'),
    ([{"name": ""}], "[0].name", "not a name of a parameter"),
    ([{"name": "a.b"}], "[0].name", "not a name of a parameter"),
    ([{"name": "a", "type": "number", "value": "many"}], "[0].value", "not a number"),
    ([{"name": "a", "type": "boolean", "default": "yes"}], "[0].default", "not true or false"),
    ([{"name": "a", "value": "x", "valueFrom": READ}], "[0]", "mutually exclusive"),
    ([{"name": "a", "valueFrom": {}}], "[0].valueFrom", "is empty"),
    (
        [{"name": "a", "valueFrom": {"manifestRef": {**READ["manifestRef"], "kind": ""}}}],
        "[0].valueFrom.manifestRef.kind",
        "is empty",
    ),
    (
        [{"name": "a", "valueFrom": {"manifestRef": {**READ["manifestRef"], "labelSelector": "a=b"}}}],
        "[0].valueFrom.manifestRef",
        "mutually exclusive",
    ),
    (
        [{"name": "a", "valueFrom": {"manifestRef": {**READ["manifestRef"], "jsonPath": "{.a"}}}],
        "[0].valueFrom.manifestRef.jsonPath",
        "JSONPath",
    ),
]


@pytest.mark.parametrize(("parameters", "path", "words"), LISTS, ids=[f"{path}: {words}" for _, path, words in LISTS])
def test_a_list_is_judged_wherever_it_stands(parameters: list[Parameter], path: str, words: str) -> None:
    known = uses(declared=parameters)
    found = [
        *workflow_errors(known),
        *plan_errors(of_stage(None, parameters, globalParams=parameters), by_name(uses())),
        *execution_errors(run(*parameters), of_stage(None), by_name(uses())),
    ]
    assert [error.path for error in found] == [
        f"spec.parameters{path}",
        f"spec.globalParams{path}",
        f"spec.stages[0].workflows[1].params{path}",
        f"spec.params{path}",
    ]
    assert all(words in error.message for error in found)


def test_a_reference_to_all_objects_of_a_kind_is_allowed() -> None:
    everything = {"manifestRef": {"apiVersion": "v1", "kind": "ConfigMap", "jsonPath": "{.metadata.name}"}}
    assert texts(of_stage([{"name": "x", "valueFrom": everything}]), uses("x")) == []


def test_only_an_execution_cannot_have_a_parameter_called_mode() -> None:
    assert texts(of_stage(None, globalParams=[{"name": "mode", "value": "x"}]), uses("mode")) == []
    (text,) = texts(of_stage(None), uses(), run({"name": "mode", "value": "x"}))
    assert text.startswith('spec.params[0].name of DRPlanExecution default/run: the name "mode" is reserved')


MISSING = (
    'spec.stages[0].workflows[{}].params of DRPlan default/nginx-plan: parameter "x" has no value here, and {} it; '
    "give it one here, in spec.globalParams, in the DRWorkflow or in the execution"
)
USED = "spec.actions[0].resource.manifest of DRWorkflow default/w uses"


class TestValuesThatAreMissing:
    """They are missing at a place of the plan: a DRWorkflow may have them at another."""

    def test_of_a_placeholder(self) -> None:
        assert texts(of_stage(None), uses("x")) == [MISSING.format(0, USED)]

    def test_of_a_required_parameter_that_nothing_uses(self) -> None:
        declared: list[Parameter] = [{"name": "y", "value": "1"}, {"name": "x", "required": True}]
        by = "spec.parameters[1] of DRWorkflow default/w requires"
        assert texts(of_stage(None), uses(declared=declared)) == [MISSING.format(0, by)]

    def test_at_one_place_of_two(self) -> None:
        assert texts(of_stage([{"name": "x", "value": "1"}], None), uses("x")) == [MISSING.format(1, USED)]

    @pytest.mark.parametrize("given", [{"value": "1"}, {"value": ""}, {"default": "1"}, {"valueFrom": READ}])
    def test_no_more_once_any_list_gives_them(self, given: Parameter) -> None:
        parameter = {"name": "x", **given}
        for of, declared, params in (
            (of_stage(None), [parameter], []),
            (of_stage(None, globalParams=[parameter]), None, []),
            (of_stage([parameter]), None, []),
            (of_stage(None), None, [parameter]),
        ):
            assert texts(of, uses("x", declared=declared), run(*params)) == []

    def test_an_entry_that_only_declares_gives_nothing(self) -> None:
        assert texts(of_stage([{"name": "x"}], globalParams=[{"name": "x"}]), uses("x")) == [MISSING.format(0, USED)]

    def test_the_mode_is_there_in_an_execution_that_has_one(self) -> None:
        assert texts(of_stage(None), uses("mode")) == []
        assert texts(of_stage(None), uses("mode"), run(mode=Mode.INSTALL)) == []
        assert len(texts(of_stage(None), uses("mode"), run())) == 1

    def test_only_of_actions_that_the_mode_lets_run(self) -> None:
        known = dr_workflow("w", manifest("$(params.x)", action="a", when="mode == install"), manifest("b"))
        assert texts(of_stage(None), known, run(mode=Mode.UPGRADE)) == []
        assert texts(of_stage(None), known, run(mode=Mode.INSTALL)) == [MISSING.format(0, USED)]
        assert texts(of_stage(None), known, run()) == [MISSING.format(0, USED)]

    def test_in_mode_delete_only_of_names(self) -> None:
        text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: b}\ndata: {a: $(params.x)}\n"
        known = dr_workflow("w", {"name": "b", "type": "KubernetesResource", "resource": {"manifest": text}})
        assert texts(of_stage(None), known, run(mode=Mode.DELETE)) == []
        assert texts(of_stage(None), uses("x"), run(mode=Mode.DELETE)) == [MISSING.format(0, USED)]

    def test_a_reference_uses_a_list_below(self) -> None:
        reads = {"manifestRef": {**READ["manifestRef"], "namespace": "$(params.x)"}}
        (text,) = texts(of_stage([{"name": "y", "valueFrom": reads}, {"name": "x", "value": "1"}]), uses("y"))
        assert "spec.stages[0].workflows[0].params[0].valueFrom.manifestRef.namespace of DRPlan" in text

    def test_a_rollback_needs_them_as_well(self) -> None:
        known = dr_workflow("w", manifest("a", rollback=manifest("$(params.x)")))
        (text,) = texts(of_stage(None), known)
        assert "spec.actions[0].rollback.resource.manifest of DRWorkflow default/w uses it" in text


def test_a_type_binds_the_lists_that_win_over_it_and_is_said_once() -> None:
    declared = [{"name": "x", "type": "number", "default": "1"}]
    (text,) = texts(of_stage([{"name": "x", "value": "many"}]), uses("x", declared=declared))
    assert text.startswith("spec.stages[0].workflows[0].params[0].value of DRPlan default/nginx-plan: ")
    assert "as DRWorkflow default/w declares" in text
    assert len(texts(of_stage(None), uses("x", declared=[{**declared[0], "default": "many"}]), run())) == 1


def test_a_dr_workflow_that_is_not_there_hides_nothing_else() -> None:
    of = plan({"name": "s", "workflows": [{"workflowRef": {"name": each}} for each in ("gone", "w", "")]})
    assert [error.path for error in plan_errors(of, by_name(uses("x")))] == [
        "spec.stages[0].workflows[2].workflowRef.name",
        "spec.stages[0].workflows[0].workflowRef",
        "spec.stages[0].workflows[1].params",
    ]
