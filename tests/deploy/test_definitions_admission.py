"""deploy/definitions-admission.yaml warns of what is wrong with a new object, and refuses nothing."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api.execution import DRPlanExecution
from api.plan import DRPlan
from api.workflow import DRWorkflow
from dev.layout import REPOSITORY
from dev.stack import Stack
from planning.validation.objects import execution_reference_errors, own_errors, parameter_errors, workflow_errors
from tests.admin import Admin
from tests.api.documents import handwritten
from tests.api.random_documents import objects
from tests.eventually import until
from tests.kubectl import Object
from tests.manifests import dr_plan, dr_workflow, execute, makes_config_map, revert, stage

FILE = REPOSITORY / "deploy" / "definitions-admission.yaml"
KINDS = {"drplans": "DRPlan", "drworkflows": "DRWorkflow", "drplanexecutions": "DRPlanExecution"}
NAMESPACE = "default"


@pytest.fixture(scope="module")
def warned(stack: Stack) -> Iterator[Stack]:
    """A cluster on which the policies are in force."""
    stack.kubectl("apply", f"--filename={FILE}")
    for wrong in (dr_plan("x", stage("a", "n", "")), dr_workflow("x", action(timeout="soon")), execute("x", "")):
        until(lambda wrong=wrong: warnings_of(stack, wrong))  # type: ignore[misc]
    yield stack
    stack.kubectl("delete", f"--filename={FILE}")


def action(name: str = "a", **more: Any) -> Object:
    return makes_config_map("app", NAMESPACE) | {"name": name, **more}


def warnings_of(stack: Stack, document: Object) -> list[str]:
    return created(stack, document)[1]


def created(stack: Stack, document: Object) -> tuple[Object, list[str]]:
    """The object as the API server would store it, and what it warns of; it must not refuse it."""
    plural = next(plural for plural, kind in KINDS.items() if kind == document["kind"])
    path = f"/apis/dr.bkbcs.tencent.com/v1alpha1/namespaces/{NAMESPACE}/{plural}?dryRun=All"
    answer = Admin.of(stack).client.post(path, content=json.dumps(document))
    assert answer.status_code == 201, answer.text
    found = [value for name, value in answer.headers.multi_items() if name == "warning"]
    return answer.json(), [text for text in found if "drplan-" in text]


PATCH = makes_config_map("app", NAMESPACE, "Patch")


@pytest.mark.parametrize(
    ("document", "said"),
    [
        (execute("x", ""), "spec.planRef: is empty; write the DRPlan's name"),
        (execute("x", "Shop"), "spec.planRef: is not the name of an object"),
        (revert("x", "shop", ""), "spec.revertExecutionRef: a Revert names the execution to take back"),
        (revert("x", "shop", "../a"), "spec.revertExecutionRef: is not the name of an object"),
        (
            execute("x", "shop", params=[{"name": "a", "value": "1"}, {"name": "a", "value": "2"}]),
            "spec.params: every parameter needs its own name",
        ),
        (execute("x", "shop", params=[{"name": "1"}]), "spec.params: the name of a parameter begins with a letter"),
        (execute("x", "shop", params=[{"name": "mode"}]), 'the name \\"mode\\" is reserved'),
        (dr_plan("x", stage("a", "n", "w"), stage("a", "n", "w")), "spec.stages: every stage needs its own name"),
        (dr_plan("x", stage("a", "n", "w", dependsOn=["b"])), "spec.stages: dependsOn names other stages"),
        (dr_plan("x", stage("a", "n", "")), "spec.stages: a workflowRef.name is empty"),
        (dr_plan("x", stage("a", "n", "W")), "spec.stages: a workflowRef.name is not the name of an object"),
        (dr_plan("x", stage("a", "n", "w"), serviceAccountName="A b"), "spec.serviceAccountName: is not the name"),
        (
            dr_plan("x", stage("a", "n", "w"), globalParams=[{"name": "a"}, {"name": "a"}]),
            "spec.globalParams: every parameter needs its own name",
        ),
        (dr_workflow("x", action(), action()), "spec.actions: every action needs its own name"),
        (dr_workflow("x", action(dependsOn=["b"])), "spec.actions: dependsOn names other actions"),
        (dr_workflow("x", action(timeout="soon")), "spec.actions: a timeout is a duration such as 30s"),
        (dr_workflow("x", action(timeout="0s")), "spec.actions: a timeout of zero leaves no time to act"),
        (
            dr_workflow("x", action(retryPolicy={"interval": "5 s"})),
            "spec.actions: a retryPolicy.interval is a duration",
        ),
        (dr_workflow("x", action(retryPolicy={"limit": -1})), "spec.actions: a retryPolicy.limit is negative"),
        (dr_workflow("x", {"name": "a", "type": "Job"}), "spec.actions: an action needs the block of its type"),
        (dr_workflow("x", {"name": "a", "type": "HTTP", "http": {"url": " "}}), "spec.actions: an http.url is empty"),
        (dr_workflow("x", action(), executor={"type": "Argo"}), "the executor Argo is not supported"),
        (
            dr_workflow("x", action(), parameters=[{"name": "a"}, {"name": "a"}]),
            "spec.parameters: every parameter needs its own name",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_wrong_is_told_when_it_is_applied_and_nothing_is_refused(
    warned: Stack, document: Object, said: str
) -> None:
    assert any(said in text for text in warnings_of(warned, document))
    assert errors_of(document)


@pytest.mark.parametrize(
    "document",
    [
        execute("x", "shop", params=[{"name": "a-1", "value": "1"}, {"name": "b", "value": "2"}]),
        revert("x", "shop", "shop-1.2"),
        dr_plan("x", stage("a", "n", "w", "w"), stage("b", "n", "w.v", dependsOn=["a"]), serviceAccountName="account"),
        dr_workflow("x", action(timeout="1h30m"), action("b", timeout=".5s", dependsOn=["a"])),
        dr_workflow("x", action(retryPolicy={"interval": "0", "limit": 0}), action("b", timeout="1d2h")),
        dr_workflow("x", PATCH | {"rollback": {"type": "HTTP", "http": {"url": "https://example.com"}}}),
        dr_workflow("x", PATCH),
    ],
)
def test_what_is_right_is_left_alone(warned: Stack, document: Object) -> None:
    assert warnings_of(warned, document) == []
    assert not [error for error in errors_of(document) if "rollback" not in error.path]


@pytest.mark.parametrize("plural", KINDS)
def test_objects_of_an_older_installation_are_still_accepted(warned: Stack, plural: str) -> None:
    for document in handwritten(plural):
        warnings_of(warned, new(plural, document["spec"]))


@given(data=st.data(), plural=st.sampled_from(sorted(KINDS)))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_nothing_that_the_older_crds_accept_is_refused_or_warned_of_without_a_cause(
    warned: Stack, data: st.DataObject, plural: str
) -> None:
    document = new(plural, data.draw(objects(plural))["spec"])
    stored, warnings = created(warned, document)
    assert errors_of(stored) or not warnings


def new(plural: str, spec: Object) -> Object:
    head = {"apiVersion": "dr.bkbcs.tencent.com/v1alpha1", "kind": KINDS[plural], "metadata": {"name": "x"}}
    return {**head, "spec": spec}


def errors_of(document: Object) -> list[Any]:
    """What the program itself finds wrong with the object alone."""
    match document["kind"]:
        case "DRPlan":
            return own_errors(DRPlan.model_validate(document))
        case "DRWorkflow":
            return workflow_errors(DRWorkflow.model_validate(document))
        case _:
            execution = DRPlanExecution.model_validate(document)
            missing = execution.spec.operation_type == "Revert" and not execution.spec.revert_execution_ref
            return [
                *execution_reference_errors(execution),
                *parameter_errors(execution),
                *([missing] if missing else []),
            ]


def test_kubectl_prints_the_warning_and_the_audit_log_has_it(warned: Stack) -> None:
    done = warned.kubectl("apply", "--filename=-", stdin=json.dumps(dr_plan("warned", stage("a", "n", ""))))
    assert "Warning: " in done.stderr
    assert "spec.stages: a workflowRef.name is empty; write the DRWorkflow's name" in done.stderr
    warned.kubectl("delete", "drplan", "warned")
    log = warned.layout.audit_log
    until(lambda: "validation.policy.admission.k8s.io/validation_failure" in log.read_text(errors="replace"))


def test_to_refuse_is_one_value_away(warned: Stack) -> None:
    binding = "validatingadmissionpolicybinding/drplan-execution-definition"
    warned.kubectl("patch", binding, "--type=merge", '--patch={"spec":{"validationActions":["Deny"]}}')
    document = json.dumps(execute("x", ""))

    def refused() -> bool:
        done = warned.kubectl("create", "--dry-run=server", "--filename=-", stdin=document, check=False)
        return done.returncode != 0 and "spec.planRef: is empty" in done.stderr

    until(refused)
    warned.kubectl("patch", binding, "--type=merge", '--patch={"spec":{"validationActions":["Warn","Audit"]}}')
    until(lambda: not refused())
