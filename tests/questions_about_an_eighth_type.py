"""Answers, as JSON, how a copy of the packages treats the action type `Message` that test_an_eighth_type.py adds to it.

Run as a program with that copy as PYTHONPATH; in the real packages there is no such type.
"""

import asyncio
import json
from types import SimpleNamespace
from typing import Any

from activities.registry import effects
from api.actions import Action
from api.nodes import ActionStatus
from api.schema import structural_schema
from api.workflow import DRWorkflow
from planning.definitions.action_types import filled
from planning.revert.default_rollback import rollback
from planning.revert.original import original_action
from planning.validation.documents import FileDocument
from planning.validation.file_set import validate


def workflow(*actions: dict[str, Any]) -> FileDocument:
    head = {"apiVersion": "dr.bkbcs.tencent.com/v1alpha1", "kind": "DRWorkflow", "metadata": {"name": "w"}}
    return FileDocument("f", {**head, "spec": {"actions": list(actions)}})


def errors(*actions: dict[str, Any]) -> list[tuple[str, str]]:
    return [(line.path, line.message) for line in validate([workflow(*actions)], "default").errors]


def main() -> None:
    """Print the answers."""
    body = {"name": "a", "type": "Message", "message": {"to": "ops", "text": "$(params.x)"}}
    action = filled(Action.model_validate(body), lambda text, path: f"<{path}>" if "$" in text else text)
    table: Any = effects(None)  # type: ignore[arg-type]  # the type of this copy needs no cluster
    outcome = asyncio.run(table[action.type].execute(SimpleNamespace(definition=action), None))
    record = ActionStatus.model_validate({"name": "a", "type": "Message", "phase": "Succeeded"})
    schema = structural_schema(DRWorkflow, defaults=True)["properties"]["spec"]["properties"]["actions"]["items"]
    answers = {
        "good": errors(body),
        "bad": errors(
            {"name": "a", "type": "Message"}, {**body, "name": "b", "message": {"to": "$(x.y)", "text": "t"}}
        ),
        "outcome": outcome.message,
        "undo": rollback(original_action(record, None, "w")).cause.message,  # type: ignore[union-attr]  # nothing undoes it: a message
        "definition": sorted(schema["properties"]["message"]["properties"]),
    }
    print(json.dumps(answers))  # noqa: T201 - this is a program


if __name__ == "__main__":
    main()
