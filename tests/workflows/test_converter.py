"""Payloads hold no defaults, read back as what was written, and every client of ours writes them so."""

import ast
import json
from typing import Any

import pytest
from pydantic import BaseModel

from api.actions import RetryPolicy
from api.attempts import ActionOutcome, ExecuteInput, Heartbeat
from api.decisions import RevertDecision
from api.meta import ObjectName
from api.nodes import StageStatus
from api.objects import Actor
from api.phases import Operation, Phase
from api.steps import Attempts, CustomRollback, ExecuteStep, Part, RollbackStep
from api.tree import RunState
from bench.payloads import recorded, sizes
from process.payload_encryption import PayloadEncryption
from tests.docs.pages import REPOSITORY
from workflows.converter import DATA_CONVERTER

CONVERTER = DATA_CONVERTER.payload_converter


def written(value: object) -> Any:
    [payload] = CONVERTER.to_payloads([value])
    assert payload.metadata["encoding"] == b"json/plain"
    return json.loads(payload.data)


def test_defaults_of_what_was_read_are_left_out_again_without_a_comparison(monkeypatch: pytest.MonkeyPatch) -> None:
    payloads = CONVERTER.to_payloads([ExecuteStep(index=0, action="a", mark="m", title="t")])
    [step] = CONVERTER.from_payloads(payloads, [ExecuteStep])

    def compared(one: BaseModel, other: object) -> bool:
        raise AssertionError(f"{one!r} is compared with {other!r}, in Python, as are those of thousands of steps")

    monkeypatch.setattr(BaseModel, "__eq__", compared)
    assert [payload.data for payload in CONVERTER.to_payloads([step])] == [payload.data for payload in payloads]


def test_a_field_that_equals_its_default_is_left_out_whether_it_was_set_or_not() -> None:
    plain = ExecuteStep(index=0, action="a", mark="m", title="t")
    spelled_out = ExecuteStep(
        index=0, action="a", mark="m", title="t", attempts=Attempts(), part=Part.ACTION, after=None, outputs_of=[]
    )
    assert written(spelled_out) == written(plain) == {"index": 0, "action": "a", "mark": "m", "title": "t"}


def test_a_required_field_is_written_whatever_its_value() -> None:
    stage = StageStatus(name="", phase=Phase.PENDING, parallel=False, workflow_executions=[])
    assert written(stage) == {"name": "", "phase": "Pending", "parallel": False, "workflowExecutions": []}


def test_fields_are_written_by_alias_at_every_depth_of_models_lists_and_dicts() -> None:
    step = CustomRollback(step=ExecuteStep(index=1, action="a", mark="m", title="t", outputs_of=["b"]))
    attempts = Attempts(retry=RetryPolicy(backoff_multiplier="3"))
    decision = RevertDecision(
        state=RunState(phase=Phase.PENDING), steps=[[[None, RollbackStep(custom=step, attempts=attempts)]]]
    )
    custom = {"step": {"index": 1, "action": "a", "mark": "m", "title": "t", "outputsOf": ["b"]}}
    assert written({"decision": decision}) == {
        "decision": {
            "state": {"phase": "Pending"},
            "steps": [[[None, {"custom": custom, "attempts": {"retry": {"backoffMultiplier": "3"}}}]]],
        }
    }


def test_a_payload_with_every_default_reads_the_same() -> None:
    step = ExecuteStep(index=0, action="a", mark="m", title="t")
    value = ExecuteInput(dr_workflow=ObjectName(name="w"), step=step, actor=Actor())
    outcome = ActionOutcome(phase=Phase.SUCCEEDED, message="done", operation=Operation.CREATE)
    for each in (value, outcome):
        [full] = CONVERTER.to_payloads([json.loads(each.model_dump_json(by_alias=True))])
        [short] = CONVERTER.to_payloads([each])
        assert len(short.data) < len(full.data)
        assert CONVERTER.from_payloads([full, short], [type(each), type(each)]) == [each, each]


def test_a_heartbeat_has_the_names_that_another_release_reads() -> None:
    heartbeat = Heartbeat(errors=1, waiting_for="the Job", deleting="u-1", job="u-2")
    assert written(heartbeat) == {"errors": 1, "waitingFor": "the Job", "deleting": "u-1", "made": "u-2"}
    [payload] = CONVERTER.to_payloads([heartbeat])
    assert CONVERTER.from_payloads([payload], [Heartbeat]) == [heartbeat]


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_every_recorded_value_is_read_and_written_without_loss(version: str) -> None:
    values = [value for _, value in recorded(version)]
    assert len(values) > 100
    for value in values:
        [payload] = CONVERTER.to_payloads([value])
        assert CONVERTER.from_payloads([payload], [type(value)]) == [value]
        never_set, without_defaults = sizes(value)
        assert without_defaults <= never_set


def test_every_client_of_ours_has_this_converter() -> None:
    connecting = [
        (file.relative_to(REPOSITORY).as_posix(), [word.arg for word in call.keywords])
        for package in ("workflows", "activities", "process", "worker", "bridge", "cli", "bench")
        for file in (REPOSITORY / package).rglob("*.py")
        for call in ast.walk(ast.parse(file.read_text()))
        if isinstance(call, ast.Call) and ast.unparse(call.func) == "Client.connect"
    ]
    assert {"process/temporal.py", "bench/runs.py"} <= {file for file, _ in connecting}
    assert [file for file, words in connecting if "data_converter" not in words] == []


def test_the_converter_of_the_processes_is_this_one_with_a_codec() -> None:
    for key_id in (None, "k"):
        converter = PayloadEncryption({"k": bytes(32)}, key_id).data_converter()
        assert converter.payload_converter_class is DATA_CONVERTER.payload_converter_class
