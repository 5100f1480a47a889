"""Whatever an object holds, validation gives errors and never breaks; and a file may hold anything."""

from typing import Any, TypeVar

from hypothesis import event, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from api.execution import DRPlanExecution
from api.meta import API_VERSION
from api.phases import ActionType, Mode, Operation
from api.plan import DRPlan
from api.workflow import DRWorkflow
from planning.validation.documents import FileDocument
from planning.validation.file_set import validate
from planning.validation.objects import execution_errors, own_errors, plan_errors, workflow_errors

WORDS = st.sampled_from(["a", "b", "w", "x", "", " ", "mode", "1st", "a.b", "ü", "\0", "a" * 300])
TEXTS = st.one_of(
    WORDS,
    st.text(max_size=20),
    st.sampled_from(
        [
            "$(params.a)",
            "$(params.)",
            "$(outputs.a.phase)",
            "$(outputs.a.localizationRef.name)",
            "$(outputs.b.subscriptionRefs.0.name)",
            "$(outputs.a)",
            "$(planname)",
            "{{ .params.b }}",
            "{{ .outputs.b.x.9 }}",
            'mode == "install" || mode == "upgrade"',
            "mode ==",
            "https://host:99999999999999999999/",
            "http://[",
            "//",
            "5m",
            "-1s",
            "999999999999999999999h",
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}",
            "{.a.b[?(@.x==1)]}",
            "{range .a}",
            "pre_rollback",
            "1e999",
        ]
    ),
)
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), TEXTS),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)
OBJECTS = st.dictionaries(TEXTS, JSON, max_size=3)


def optional(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=fields)


def block(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return optional(name=TEXTS, namespace=TEXTS, operation=st.sampled_from(Operation), spec=OBJECTS, **fields)


PARAMETERS = st.lists(
    optional(
        name=TEXTS,
        type=st.sampled_from(["string", "number", "boolean"]),
        required=st.booleans(),
        default=TEXTS,
        value=TEXTS,
        valueFrom=optional(
            manifestRef=optional(
                apiVersion=TEXTS,
                kind=TEXTS,
                jsonPath=TEXTS,
                namespace=TEXTS,
                name=TEXTS,
                labelSelector=TEXTS,
                select=st.sampled_from(["Last", "First", "Single", "Any"]),
            )
        ),
    ),
    max_size=3,
)
HTTP = optional(
    url=TEXTS,
    method=TEXTS,
    headers=st.dictionaries(TEXTS, TEXTS, max_size=2),
    body=TEXTS,
    successCodes=st.lists(st.integers(), max_size=2),
)
JOB = optional(namespace=TEXTS, ttlSecondsAfterFinished=st.integers(), template=OBJECTS)
RETRY = optional(limit=st.integers(), interval=TEXTS, backoffMultiplier=TEXTS)
BODY = {
    "name": TEXTS,
    "type": st.sampled_from(ActionType),
    "http": HTTP,
    "job": JOB,
    "localization": block(),
    "globalization": block(),
    "helmChart": block(),
    "subscription": block(),
    "resource": optional(manifest=TEXTS, operation=st.sampled_from(Operation)),
    "timeout": TEXTS,
    "waitReady": st.booleans(),
    "retryPolicy": RETRY,
    "dependsOn": st.lists(WORDS, max_size=3),
    "when": TEXTS,
    "hookType": TEXTS,
    "hookCleanup": optional(beforeCreate=st.booleans()),
    "clusterExecutionMode": TEXTS,
}
ACTIONS = st.lists(optional(**BODY, rollback=st.one_of(optional(**BODY), OBJECTS)), min_size=1, max_size=4)
REFERENCES = st.lists(
    optional(workflowRef=optional(name=WORDS, namespace=WORDS), params=PARAMETERS), min_size=1, max_size=3
)
STAGES = st.lists(
    optional(name=WORDS, dependsOn=st.lists(WORDS, max_size=3), parallel=st.booleans(), workflows=REFERENCES),
    min_size=1,
    max_size=4,
)


def objects(kind: str, **spec: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    head = {"apiVersion": API_VERSION, "kind": kind, "metadata": {"name": kind.lower()}}
    return st.builds(lambda drawn: {**head, "spec": drawn}, optional(**spec))


WORKFLOWS = objects(
    "DRWorkflow", parameters=PARAMETERS, actions=ACTIONS, executor=optional(type=st.sampled_from(["Native", "Argo"]))
)
PLANS = objects("DRPlan", globalParams=PARAMETERS, stages=STAGES)
EXECUTIONS = objects(
    "DRPlanExecution",
    planRef=st.just("drplan"),
    operationType=st.sampled_from(["Execute", "Revert"]),
    mode=st.sampled_from(Mode),
    params=PARAMETERS,
    revertExecutionRef=WORDS,
)


def complete(drawn: Any, name: str = "") -> Any:
    """Fill in what the models require, so that as much as possible is judged."""
    if isinstance(drawn, list):
        return [complete(item, name) for item in drawn]
    if not isinstance(drawn, dict):
        return drawn
    given = {key: complete(value, key) for key, value in drawn.items()}
    return {**_REQUIRED.get(name, {}), **given}


_REQUIRED: dict[str, dict[str, Any]] = {
    "spec": {},
    "actions": {"name": "a", "type": "HTTP"},
    "http": {"url": "x"},
    "job": {"template": {}},
    "localization": {"name": "a"},
    "globalization": {"name": "a"},
    "helmChart": {"name": "a"},
    "subscription": {"name": "a"},
    "resource": {"manifest": "x"},
    "parameters": {"name": "a"},
    "globalParams": {"name": "a"},
    "params": {"name": "a"},
    "manifestRef": {"apiVersion": "v1", "kind": "ConfigMap", "jsonPath": "{.a}"},
    "stages": {"name": "s", "workflows": [{"workflowRef": {"name": "w"}}]},
    "workflows": {"workflowRef": {"name": "w"}},
    "workflowRef": {"name": "w"},
}
ModelT = TypeVar("ModelT", DRWorkflow, DRPlan, DRPlanExecution)


def model(kind: type[ModelT], drawn: dict[str, Any], **spec: Any) -> ModelT | None:
    """Read a model; None where the drawn object is none."""
    try:
        return kind.model_validate({**drawn, "spec": {**spec, **complete(drawn["spec"])}})
    except ValidationError:
        return None


@settings(max_examples=settings().max_examples * 4)
@given(WORKFLOWS, PLANS, EXECUTIONS)
def test_validation_gives_errors_and_never_breaks(
    dr_workflow: dict[str, Any], plan: dict[str, Any], execution: dict[str, Any]
) -> None:
    known = model(DRWorkflow, dr_workflow, actions=[{"name": "a", "type": "HTTP"}])
    of = model(DRPlan, plan, **complete({"stages": [{}]}))
    run = model(DRPlanExecution, execution, planRef="p", operationType="Execute")
    event("read" if known and of and run else "not read")
    if known is None or of is None or run is None:
        return
    workflows = {("default", "w"): known, ("default", "a"): known, ("a", "w"): known}
    found = [
        *workflow_errors(known),
        *own_errors(of),
        *plan_errors(of, workflows),
        *execution_errors(run, of, workflows),
    ]
    assert all(error.path.startswith("spec.") and error.message for error in found)


@settings(max_examples=settings().max_examples * 3)
@given(st.lists(st.one_of(WORKFLOWS, PLANS, EXECUTIONS, JSON), max_size=4))
def test_a_file_may_hold_anything(drawn: list[Any]) -> None:
    whole = validate([FileDocument("f", each) for each in drawn], "default")
    assert all(line.file == "f" and line.path and line.message for line in (*whole.errors, *whole.unchecked))
