"""Payloads and failures are encrypted with one key and read with every key; a wrong key is named at the start."""

from pathlib import Path

import pytest
from pydantic import ValidationError
from temporalio.api.failure.v1 import Failure
from temporalio.exceptions import ApplicationError

from api.attempts import AttemptFailure
from api.meta import ObjectKey
from api.phases import OperationType
from api.runs import RunInput
from process.payload_encryption import ENCODING, PayloadDecryptionError, PayloadEncryption, read_keys
from process.settings import describe_errors
from tests.process.payload_keys import key, key_folder
from worker.settings import Settings
from workflows.converter import DATA_CONVERTER

OLD, NEW = bytes([1]) * 32, bytes([2]) * 32
VALUE = RunInput(
    execution=ObjectKey(namespace="shop", name="c4nary", uid="u"), plan="plan", operation=OperationType.EXECUTE
)


async def test_a_payload_shows_nothing_and_is_read_back() -> None:
    converter = PayloadEncryption({"new": NEW}, "new").data_converter()
    first, second = await converter.encode([VALUE, VALUE])
    assert first.metadata == {"encoding": ENCODING, "encryption-key-id": b"new"}
    assert b"c4nary" not in first.SerializeToString()
    assert first.data != second.data
    assert await converter.decode([first], [RunInput]) == [VALUE]


async def test_after_a_rotation_old_and_plain_payloads_are_read_and_the_new_key_writes() -> None:
    old, plain = PayloadEncryption({"old": OLD}, "old").data_converter(), DATA_CONVERTER
    rotated = PayloadEncryption({"old": OLD, "new": NEW}, "new").data_converter()
    for each in (old, plain, rotated):
        assert await rotated.decode(await each.encode([VALUE]), [RunInput]) == [VALUE]
    [payload] = await rotated.encode([VALUE])
    assert payload.metadata["encryption-key-id"] == b"new"


async def test_keys_without_a_key_id_only_read() -> None:
    reader = PayloadEncryption({"old": OLD}, None).data_converter()
    assert await reader.encode([VALUE]) == await DATA_CONVERTER.encode([VALUE])
    encrypted = await PayloadEncryption({"old": OLD}, "old").data_converter().encode([VALUE])
    assert await reader.decode(encrypted, [RunInput]) == [VALUE]


@pytest.mark.parametrize("keys", [{}, {"new": NEW}])
async def test_an_unknown_key_is_named_with_the_setting(keys: dict[str, bytes]) -> None:
    encrypted = await PayloadEncryption({"old": OLD}, "old").encode(await DATA_CONVERTER.encode([VALUE]))
    with pytest.raises(PayloadDecryptionError, match="key 'old', which the folder of DRPLAN_PAYLOAD_KEYS"):
        await PayloadEncryption(keys, None).decode(encrypted)


@pytest.mark.parametrize("change", ["another key", "data", "short", "key id"])
async def test_a_payload_that_was_changed_is_refused(change: str) -> None:
    [payload] = await PayloadEncryption({"old": OLD}, "old").encode(await DATA_CONVERTER.encode([VALUE]))
    keys = {"old": NEW if change == "another key" else OLD, "same": OLD}
    if change == "data":
        payload.data = payload.data[:-1] + bytes([payload.data[-1] ^ 1])
    if change == "short":
        payload.data = b"short"
    if change == "key id":
        payload.metadata["encryption-key-id"] = b"same"
    with pytest.raises(PayloadDecryptionError, match="cannot be decrypted with the key"):
        await PayloadEncryption(keys, None).decode([payload])


async def test_message_stack_trace_and_details_of_a_failure_and_of_its_cause_are_encrypted() -> None:
    converter = PayloadEncryption({"new": NEW}, "new").data_converter()
    failure = Failure()
    try:
        try:
            raise ValueError("c4nary cause")
        except ValueError as error:
            raise ApplicationError("c4nary message", AttemptFailure(errors=3), "c4nary detail") from error
    except ApplicationError as error:
        await converter.encode_failure(error, failure)
    assert b"c4nary" not in failure.SerializeToString()
    assert b"test_payload_encryption" not in failure.SerializeToString()
    read = await converter.decode_failure(failure)
    assert isinstance(read, ApplicationError)
    assert (read.message, read.details[1]) == ("c4nary message", "c4nary detail")
    assert "c4nary cause" in str(read.cause)


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("k1", "c4nary!", "key 'k1' is not base64"),
        ("k1", key(1)[:20], "key 'k1' has 15 bytes instead of 32"),
        ("k1", "", "key 'k1' has 0 bytes instead of 32"),
        ("a key", key(1), "'a key' cannot be the id of a key"),
    ],
)
def test_a_wrong_key_is_named_and_never_shown(tmp_path: Path, name: str, text: str, said: str) -> None:
    folder = key_folder(tmp_path / "keys", **{name: text})
    with pytest.raises(ValidationError) as raised:
        Settings(payload_keys=folder)
    described = describe_errors(raised.value)
    assert described.startswith("DRPLAN_PAYLOAD_KEYS: ")
    assert said in described
    assert "c4nary" not in described
    assert text == "" or text not in described


def test_a_folder_without_keys_and_a_file_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="holds no key"):
        read_keys(key_folder(tmp_path / "empty"))
    (tmp_path / "file").write_text(key(1))
    with pytest.raises(ValueError, match="cannot be read as a folder"):
        read_keys(tmp_path / "file")


def test_a_key_id_must_be_that_of_a_key(tmp_path: Path) -> None:
    folder = key_folder(tmp_path / "keys", k1=key(1) + "\n")
    assert Settings(payload_keys=folder, payload_key_id="k1").payload_key_id == "k1"
    with pytest.raises(ValidationError) as raised:
        Settings(payload_keys=folder, payload_key_id="k2")
    assert describe_errors(raised.value).startswith("DRPLAN_PAYLOAD_KEY_ID: ")
