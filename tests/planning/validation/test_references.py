"""A reference that no object can have as its name is refused with its field, before anything is read with it."""

import pytest

from api.execution import DRPlanExecution
from planning.execute.decide import decide_execute
from planning.validation.objects import execution_reference_errors, own_errors
from tests.planning.builders import by_name, dr_workflow, manifest, plan, plan_stage

NO_NAMES = [
    "../../team-b/drplans/victim",
    "a/b",
    "_x",
    "a b",
    "A",
    ".",
    "..",
    "a..b",
    "-a",
    "a-",
    "a\r\nX: y",
    "a\n",
    "a\0",
    "\u00e4",
    "a%2fb",
    "a" * 254,
    "a" * 300,
]
NAMES = ["a", "0", "nginx-plan", "shop.example.com", "a" * 253]


def execution(**spec: str) -> DRPlanExecution:
    return DRPlanExecution.model_validate(
        {"metadata": {"name": "e"}, "spec": {"operationType": "Execute", "planRef": "p", **spec}}
    )


@pytest.mark.parametrize("field", ["planRef", "revertExecutionRef"])
def test_an_execution_names_objects(field: str) -> None:
    for name in NAMES:
        assert execution_reference_errors(execution(**{field: name})) == []
    for name in NO_NAMES:
        errors = execution_reference_errors(execution(**{field: name}))
        assert [error.path for error in errors] == [f"spec.{field}"], name
        assert "is not the name of an object" in errors[0].message


def test_a_plan_names_its_service_account_and_its_workflows() -> None:
    def paths(service_account: str = "sa", name: str = "w", namespace: str = "default") -> list[str]:
        stage = {"name": "s", "workflows": [{"workflowRef": {"name": name, "namespace": namespace}}]}
        return [error.path for error in own_errors(plan(stage, serviceAccountName=service_account))]

    for name in NAMES:
        assert paths(service_account=name, name=name) == []
    for name in NO_NAMES:
        assert paths(service_account=name) == ["spec.serviceAccountName"], name
        assert paths(name=name) == ["spec.stages[0].workflows[0].workflowRef.name"], name
        assert paths(namespace=name) == ["spec.stages[0].workflows[0].workflowRef.namespace"], name
    for namespace in ("a.b", "a" * 64):
        assert paths(namespace=namespace) == ["spec.stages[0].workflows[0].workflowRef.namespace"]
    assert paths(namespace="") == []


def test_a_message_shows_neither_control_characters_nor_the_whole_of_a_long_name() -> None:
    for name in NO_NAMES:
        message = execution_reference_errors(execution(planRef=name))[0].message
        assert message.isprintable()
        assert len(message) < 300


def test_an_execute_of_a_plan_with_a_reference_that_is_no_name_does_not_start() -> None:
    workflows = by_name(dr_workflow("w", manifest("app")))
    wrong = execution(planRef="../x")
    decision = decide_execute(wrong, plan(plan_stage("s", "w"), serviceAccountName="a/b"), workflows)
    assert decision.rejection is not None
    assert "spec.planRef of DRPlanExecution default/e" in decision.rejection
    assert "spec.serviceAccountName of DRPlan default/nginx-plan" in decision.rejection
