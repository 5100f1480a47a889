"""With encryption on, Temporal holds nothing readable of an execution, and the status shows all of it.

Source: docs/operations.md, "Payload encryption".
"""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from google.protobuf import json_format
from temporalio.api.common.v1 import Payloads
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client
from temporalio.worker import Replayer
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

from dev.stack import Stack
from process.payload_encryption import ENCODING, PayloadEncryption
from tests.e2e.installation import Installation, start_installation
from tests.e2e.story import Story, actions
from tests.private_stack import empty_namespace, free_port
from tests.process.payload_keys import key, key_folder
from tests.programs import Program
from workflows.registry import PASSTHROUGH, WORKFLOWS

CANARY = "c4nary"
RETRIES: dict[str, Any] = {"retryPolicy": {"limit": 2, "interval": "3s"}}


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return key_folder(tmp_path_factory.mktemp("secret") / "keys", old=key(1))


@pytest.fixture(scope="module")
def encrypting(keys: Path, module_stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """On a stack of its own: a bridge without a key would start the same runs in plain text."""
    settings = {"DRPLAN_PAYLOAD_KEYS": str(keys), "DRPLAN_PAYLOAD_KEY_ID": "old", "DRPLAN_TASK_QUEUE": "encrypted"}
    folder = tmp_path_factory.mktemp("encrypted")
    with start_installation(module_stack, folder, **settings) as installation:
        yield installation


@pytest.fixture
def hidden(encrypting: Installation) -> Iterator[Story]:
    story = encrypting.story()
    yield story
    empty_namespace(encrypting.stack, story.namespace)


async def histories(address: str, root: str, converter: PayloadEncryption | None = None) -> str:
    """Return the histories below a root as JSON; with a converter, replay them with it."""
    options = {"data_converter": converter.data_converter()} if converter else {}
    client = await Client.connect(address, **options)  # type: ignore[arg-type]
    runner = SandboxedWorkflowRunner(restrictions=SandboxRestrictions.default.with_passthrough_modules(*PASSTHROUGH))
    texts, ids = [], [root]
    while ids:
        history = await client.get_workflow_handle(ids.pop()).fetch_history()
        texts.append(history.to_json())
        ids += [
            event.child_workflow_execution_started_event_attributes.workflow_execution.workflow_id
            for event in history.events
            if event.event_type == EventType.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_STARTED
        ]
        if converter:
            await Replayer(workflows=WORKFLOWS, workflow_runner=runner, **options).replay_workflow(history)  # type: ignore[arg-type]
    return "\n".join(texts)


def payloads_of(history: str) -> list[object]:
    """Return every encrypted payload of a history in Temporal's JSON."""
    found: list[object] = []

    def walk(value: object) -> None:
        if isinstance(value, dict):
            if "metadata" in value and "encryption-key-id" in value["metadata"]:
                found.append(value)
            for each in value.values():
                walk(each)
        elif isinstance(value, list):
            for each in value:
                walk(each)

    walk(json.loads(history))
    return found


def test_temporal_holds_nothing_readable_and_status_keys_and_ui_do(
    encrypting: Installation, hidden: Story, keys: Path, tmp_path: Path
) -> None:
    name = f"{CANARY}-object"
    nowhere = {"url": f"http://127.0.0.1:{free_port()}/{CANARY}-path", "method": "GET", "showPath": True}
    hidden.plan("good", {"flow": [hidden.makes(name)]})
    hidden.plan("bad", {"call": [{"name": "call", "type": "HTTP", "http": nowhere, **RETRIES}]})
    hidden.execute("execute", "good")
    executed = hidden.succeeded("execute")
    assert CANARY in json.dumps(actions(executed))
    hidden.revert("revert", "good", "execute")
    reverted = hidden.succeeded("revert")
    assert not hidden.exists("configmap", name)
    assert CANARY in json.dumps(actions(reverted))

    hidden.execute("failing", "bad")
    retrying = hidden.eventually("failing", lambda status: CANARY in "".join(messages(status)))
    assert retrying["phase"] == "Running"
    failed = hidden.failed("failing")
    assert f"{CANARY}-path" in "".join(messages(failed))

    roots = {
        each: encrypting.runs.begun(hidden.kubectl.get("drplanexecution", each))[0].id
        for each in ("execute", "revert", "failing")
    }
    address = encrypting.stack.temporal_address
    for each in roots:
        raw = encrypting.runs.told(hidden.kubectl.get("drplanexecution", each))
        assert ENCODING.decode() in raw
        assert CANARY not in raw
        assert ".py" not in raw

    (keys / "new").write_text(key(2))
    rotated = PayloadEncryption.of(keys, "new")
    for root in roots.values():
        asyncio.run(histories(address, root, rotated))

    history = asyncio.run(histories(address, roots["failing"])).splitlines()
    shown = shown_by_the_endpoint([payloads_of(text) for text in history_texts(history)], keys, tmp_path)
    assert f"{CANARY}-path" in shown


def messages(status: dict[str, object]) -> list[str]:
    return [str(each.get("message", "")) for each in actions(status)]


def history_texts(lines: list[str]) -> list[str]:
    """Return one JSON text for each history; the SDK writes each on several lines or on one."""
    decoder, text, found = json.JSONDecoder(), "\n".join(lines), []
    while text.strip():
        text = text.lstrip()
        _, end = decoder.raw_decode(text)
        found.append(text[:end])
        text = text[end:]
    return found


def shown_by_the_endpoint(payloads: list[list[object]], keys: Path, folder: Path) -> str:
    """Ask a running codec endpoint as the UI does, and return all that it shows."""
    address = f"127.0.0.1:{free_port()}"
    settings = {"DRPLAN_PAYLOAD_KEYS": str(keys), "DRPLAN_CODEC_ADDRESS": address}
    program = Program(("process.codec_server",), settings, folder / "codec.log")
    program.start()
    try:
        program.wait_until_it_says("codec endpoint started")
        headers = {"Origin": "http://127.0.0.1:8080", "X-Namespace": "default"}
        shown = []
        for each in payloads:
            body = {"payloads": each}
            answer = httpx.post(f"http://{address}/decode", json=body, headers=headers, trust_env=False)
            assert answer.status_code == 200, answer.text
            shown += [payload.data.decode() for payload in json_format.Parse(answer.text, Payloads()).payloads]
        return "\n".join(shown)
    finally:
        program.stop()
