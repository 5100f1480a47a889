"""The readers of what people write, each as one function of plain values; for the fuzz test and for known bombs."""

import json
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from pydantic import ValidationError

from api.actions import Action, RetryPolicy
from api.execution import DRPlanExecution
from api.meta import parse_duration
from api.params import ParameterType
from api.phases import ActionType
from api.plan import DRPlan
from api.workflow import DRWorkflow
from kube.errors import seconds_to_wait
from planning.definitions import json_patch, merge_patch
from planning.definitions.identifiers import Workflows
from planning.definitions.manifest import parse_manifest
from planning.definitions.retry import attempt_errors
from planning.definitions.when import WhenError, modes
from planning.definitions.yaml_documents import documents_in
from planning.definitions.yaml_scalars import ManifestError
from planning.effects import managed_fields, removal
from planning.effects.http_request import RequestError, request_of
from planning.effects.obstacles import last_failure, obstacle
from planning.effects.prior_state import data_of, prior_state_of
from planning.effects.readiness import StatusWait, readiness
from planning.effects.subscription import distribution
from planning.execute.decide import decide_execute
from planning.validation.objects import execution_errors, plan_errors, workflow_errors
from planning.values import jsonpath
from planning.values.omission import leave_out_action, secrets_of
from planning.values.parameters import is_of_type
from planning.values.placeholders import TemplateError, Values
from planning.values.redaction import kept_body, redacted, secret_forms
from planning.values.rendering import render, render_manifest, render_value, rendered_action
from workflows.action_calls import retry_options

HEAD = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: app}\n"
OUTPUTS = {"a": {"phase": "Succeeded"}}
PATHS = ("http.body", "localization.spec.overrides[0].value")
ERRORS = (
    *(ManifestError, TemplateError, WhenError, RequestError),
    *(jsonpath.PathError, jsonpath.NothingFoundError),
)
"""Errors that a reader may raise: each has a message for people."""
SHOWN = 3000
"""Characters of an error of a field."""


class LongErrorError(Exception):
    """An error of a field is longer than a status may hold."""


def yaml_document(text: str) -> None:
    """Read YAML, and write it as JSON, as a request to the API server is."""
    json.dumps(documents_in(text))


def manifest(text: str) -> None:
    """Read one object."""
    json.dumps(parse_manifest(text))


def _values(value: str, fragment: bool) -> Values:
    return Values({"v": value}, "shop", OUTPUTS, frozenset({"v"} if fragment else ()))


def text_template(text: str, value: str) -> None:
    """Fill in a plain text."""
    render(text, _values(value, fragment=False))


def manifest_template(text: str, value: str, fragment: bool) -> None:
    """Fill in a manifest."""
    render_manifest(text, _values(value, fragment))


def value_template(text: str, value: str, fragment: bool, path: str) -> None:
    """Fill in a text that may be JSON or YAML by its path."""
    render_value(text, _values(value, fragment), path)


def action_template(action: dict[str, Any], value: str) -> None:
    """Fill in an action."""
    dr_workflow = DRWorkflow.model_validate({"metadata": {"name": "w"}, "spec": {"actions": [action]}})
    rendered_action(dr_workflow.spec.actions[0], _values(value, fragment=True))


def json_path(text: str, body: Any) -> None:
    """Evaluate a JSONPath."""
    jsonpath.find(text, body)


def condition(text: str) -> None:
    """Read a `when`."""
    modes(text)


def numbers(text: str) -> None:
    """Read durations, numbers, multipliers and the header Retry-After."""
    seconds_to_wait(text, datetime.now(UTC))
    for kind in ParameterType:
        is_of_type(text, kind)
    list(attempt_errors(Action(name="a", type=ActionType.HTTP, retry_policy=RetryPolicy(backoff_multiplier=text))))
    retry_options(RetryPolicy(backoff_multiplier=text, interval=text), 0)
    with suppress(ValueError, OverflowError):
        parse_duration(text)


def secret_parts(action: dict[str, Any]) -> None:
    """Find what is secret in an action."""
    leave_out_action(action)
    secret_forms(secrets_of(action))


def answer(body: str, secrets: list[str]) -> None:
    """Redact the answer of an HTTP service, and a message."""
    forms = secret_forms(secrets)
    kept_body(body, forms, whole=False)
    redacted(body, forms)


def prior_state(found: dict[str, Any], secrets: list[str]) -> None:
    """Decide what to store of an object that an action changes."""
    json.dumps(data_of(prior_state_of(found, "", secrets)))


def patched(patch: list[dict[str, Any]], before: dict[str, Any]) -> None:
    """Look whether a JSON patch was applied."""
    body = {"apiVersion": "v1", "kind": "A", "metadata": {"name": "a"}, "patch": patch}
    json_patch.in_effect(json_patch.operations_of(body), before, before)


def merged(patch: dict[str, Any], before: dict[str, Any]) -> None:
    """Look what lists a merge patch replaces."""
    list(merge_patch.lists_in(patch))
    list(merge_patch.lost(patch, before, {"spec": {}}))


def what_keeps_it(pods: list[dict[str, Any]]) -> None:
    """Look what keeps pods from working."""
    obstacle(pods)
    last_failure(pods)


def live_object(found: dict[str, Any]) -> None:
    """Read whatever the status of an object says."""
    readiness(found, StatusWait(30.0, over=True))
    removal.obstacles(found)
    removal.defined_kind(found)
    managed_fields.handed_over(found, "drplan")


def distributed(subscription: dict[str, Any], description: dict[str, Any], clusters: list[str]) -> None:
    """Look whether a Subscription has reached its clusters."""
    distribution(subscription, {cluster: [description] for cluster in clusters})


def http_request(action: dict[str, Any]) -> None:
    """Make a request of an action."""
    dr_workflow = DRWorkflow.model_validate({"metadata": {"name": "w"}, "spec": {"actions": [action]}})
    request_of(dr_workflow.spec.actions[0], "mark")


def dr_workflow(spec: dict[str, Any]) -> None:
    """Validate a DRWorkflow by itself."""
    model = DRWorkflow.model_validate({"metadata": {"name": "w"}, "spec": spec})
    _check([error.text for error in workflow_errors(model)])


def nested_rollbacks(depth: int) -> None:
    """Validate an action with rollbacks within each other."""
    action: dict[str, Any] = {"name": "a", "type": "HTTP", "http": {"url": "http://a"}}
    for _ in range(depth):
        action = {**action, "rollback": action}
    with suppress(ValidationError):
        dr_workflow({"actions": [action]})


def execute(spec: dict[str, Any], plan_spec: dict[str, Any], params: list[dict[str, Any]]) -> None:
    """Validate a plan with its DRWorkflow and an execution, and decide what it does."""
    model = DRWorkflow.model_validate({"metadata": {"name": "w"}, "spec": spec})
    plan = DRPlan.model_validate({"metadata": {"name": "p"}, "spec": plan_spec})
    of_execution = {"planRef": "p", "operationType": "Execute", "params": params}
    execution = DRPlanExecution.model_validate({"metadata": {"name": "e"}, "spec": of_execution})
    workflows: Workflows = {("default", "w"): model}
    _check([error.text for error in plan_errors(plan, workflows)])
    _check([error.text for error in execution_errors(execution, plan, workflows)])
    decide_execute(execution, plan, workflows)


def _check(texts: list[str]) -> None:
    for text in texts:
        if len(text) > SHOWN:
            raise LongErrorError(text[:200])


def stored_object(kind: type[DRPlan | DRWorkflow | DRPlanExecution], raw: dict[str, Any]) -> None:
    """Read an object of ours as the API server stores it."""
    kind.model_validate(raw)
