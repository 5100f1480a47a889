"""What a person may set for a retry: parameters that the action uses, in their types, neither secret nor structure."""

import json
from typing import Any

import pytest

from api.snapshot import Snapshot, SnapshotDefinition
from planning.snapshot.definitions import layers_of, of_execute
from planning.snapshot.documents import documents, use_of, workflow_of
from planning.snapshot.retry_parameters import RequestedParametersError, errors_of, requested_parameters
from planning.values.parameters import resolve
from tests.planning.builders import by_name, dr_workflow, manifest
from tests.planning.execute.test_decide import EXECUTION
from tests.planning.validation.test_parameters import of_stage

PARAMETERS: list[dict[str, Any]] = [
    {"name": "image", "value": "nginx:1.28"},
    {"name": "replicas", "type": "number", "value": "2"},
    {"name": "labels", "type": "yaml", "value": "{team: shop}"},
    {"name": "token", "value": "abc"},
    {"name": "other", "value": "unused"},
]
USED = "$(params.image)-$(params.replicas)-$(params.labels)-$(params.token)-$(params.mode)"


def errors(**values: str) -> list[str]:
    plan, action = of_stage([{"name": "image", "value": "nginx:1.29"}]), manifest(USED, action="act")
    workflows = by_name(dr_workflow("w", action, parameters=PARAMETERS))
    resolved = {place: resolve(of, {}) for place, of in layers_of(plan, workflows, EXECUTION).items()}
    definitions = of_execute(EXECUTION, plan, workflows, resolved)
    assert definitions is not None
    first, root = documents(EXECUTION.metadata.key, definitions)
    snapshot, definition = Snapshot.model_validate(root.data), SnapshotDefinition.model_validate(first.data)
    use = use_of(snapshot, ("s", 0))
    assert use is not None
    kept = workflow_of(use[0], definition)
    return errors_of(values, kept.spec.actions[0], snapshot, ("s", 0), kept, use[1])


def test_what_the_action_uses_may_be_set() -> None:
    assert errors(image="nginx:1.30", replicas="3") == []


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        ("other", "x", "parameter other: the action does not use it; it uses image, replicas, labels, token"),
        ("nowhere", "x", "the action does not use it"),
        ("mode", "install", "the action does not use it"),
        ("replicas", "many", '"many" is not a number'),
        ("labels", "{a: b}", "it is of type yaml"),
        ("token", "x", "it is secret"),
        ("image", "https://user:hunter2-secret@registry.example.com/nginx", "it is secret"),
    ],
)
def test_what_may_not_be_set_is_named(name: str, value: str, error: str) -> None:
    [found] = errors(**{name: value})
    assert error in found


def test_the_annotation_holds_texts_by_name() -> None:
    assert requested_parameters('{"image": "nginx:1.30", "n": "3"}') == {"image": "nginx:1.30", "n": "3"}


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("image=nginx", "is not a JSON object"),
        ("[" * 10_000, "is not a JSON object"),
        ('{"image": 3}', "is not a JSON object"),
        ("{}", "sets 0 parameters"),
        (json.dumps({f"p{n}": "" for n in range(51)}), "sets 51 parameters"),
        (json.dumps({"p": "x" * 20_000}), "has more than 20000 characters"),
    ],
)
def test_an_annotation_that_holds_no_parameters_is_refused(text: str, error: str) -> None:
    with pytest.raises(RequestedParametersError, match=error):
        requested_parameters(text)
