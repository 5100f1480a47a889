"""How many bytes our values take in Temporal: without the fields that were never set, and without defaults.

Reads the recorded histories of the newest version, every payload with the model that it is read with.
`python -m bench.payloads` needs no server.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Any, get_type_hints

from pydantic_core import SchemaSerializer
from pydantic_core.core_schema import any_schema
from temporalio.api.common.v1 import Payload
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import WorkflowHistory

from api.meta import Model
from dev.layout import REPOSITORY
from workflows.activity_stubs import SIGNATURES, ActivityName
from workflows.converter import DATA_CONVERTER
from workflows.registry import WORKFLOWS

HISTORIES = REPOSITORY / "tests" / "histories"
_SERIALIZER = SchemaSerializer(any_schema())
_WORKFLOWS: dict[str, dict[str, Any]] = {each.__name__: get_type_hints(each.run) for each in WORKFLOWS}  # type: ignore[attr-defined]


def sizes(value: Model) -> tuple[int, int]:
    """Return the bytes without what was never set or is None, and the bytes as the converter writes the value."""
    never_set = _SERIALIZER.to_json(value, by_alias=True, exclude_unset=True, exclude_none=True)
    [payload] = DATA_CONVERTER.payload_converter.to_payloads([value])
    return len(never_set), len(payload.data)


def recorded(version: str) -> Iterator[tuple[str, Model]]:
    """Read every payload of the recorded histories that holds one of our models, with a name for its kind."""
    for file in sorted((HISTORIES / version).rglob("*.json")):
        scheduled: dict[int, str] = {}
        for event in WorkflowHistory.from_json("recorded", file.read_text()).events:
            if event.HasField("activity_task_scheduled_event_attributes"):
                scheduled[event.event_id] = event.activity_task_scheduled_event_attributes.activity_type.name
            for kind, payload, model in _payloads(event, scheduled):
                [value] = DATA_CONVERTER.payload_converter.from_payloads([payload], [model])
                yield kind, value


def _payloads(event: HistoryEvent, scheduled: dict[int, str]) -> Iterator[tuple[str, Payload, type[Model]]]:
    """Return the payloads of an event; a child's input counts where it is sent, its result where it is returned."""
    if event.HasField("activity_task_scheduled_event_attributes"):
        activity = event.activity_task_scheduled_event_attributes
        yield "activity inputs", activity.input.payloads[0], SIGNATURES[ActivityName(activity.activity_type.name)].input
    if event.HasField("activity_task_completed_event_attributes"):
        completed = event.activity_task_completed_event_attributes
        name = ActivityName(scheduled[completed.scheduled_event_id])
        kind = "decisions" if name.startswith("load") else "outcomes of actions"
        yield kind, completed.result.payloads[0], SIGNATURES[name].output
    if event.HasField("start_child_workflow_execution_initiated_event_attributes"):
        child = event.start_child_workflow_execution_initiated_event_attributes
        hints = _WORKFLOWS[child.workflow_type.name]
        yield "child inputs", child.input.payloads[0], next(iter(hints.values()))
    if event.HasField("child_workflow_execution_completed_event_attributes"):
        ended = event.child_workflow_execution_completed_event_attributes
        yield "child results", ended.result.payloads[0], _WORKFLOWS[ended.workflow_type.name]["return"]


def main() -> None:
    """Print the table."""
    before, after = Counter[str](), Counter[str]()
    for kind, value in recorded("v2"):
        never_set, written = sizes(value)
        for row in (kind, "together"):
            before[row] += never_set
            after[row] += written
    print(f"{'recorded histories':25} {'never set':>10} {'defaults':>10}")
    for row in before:
        print(f"{row:25} {before[row]:10} {after[row]:10} {after[row] / before[row] - 1:+7.0%}")


if __name__ == "__main__":
    main()
