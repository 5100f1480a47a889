"""The codec endpoint answers Temporal's UI with plain payloads, and nobody else."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from aiohttp.test_utils import TestServer
from google.protobuf import json_format
from pydantic import ValidationError
from temporalio.api.common.v1 import Payloads

from process.codec_server import LARGEST_BODY, CodecSettings, application
from process.main import main
from process.payload_encryption import PayloadEncryption
from process.settings import PREFIX
from tests.docs.pages import REPOSITORY
from tests.process.payload_keys import key, key_folder
from workflows.converter import DATA_CONVERTER

UI = "http://127.0.0.1:8080"
HEADERS = {"Origin": UI, "Content-Type": "application/json", "X-Namespace": "default"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return key_folder(tmp_path / "keys", k1=key(1), k2=key(2))


@pytest.fixture
async def client(folder: Path) -> AsyncIterator[httpx.AsyncClient]:
    async with serving(CodecSettings(payload_keys=folder)) as client:
        yield client


class serving:  # noqa: N801 - reads as a verb in `async with`
    def __init__(self, settings: CodecSettings) -> None:
        self._server = TestServer(application(settings))

    async def __aenter__(self) -> httpx.AsyncClient:
        await self._server.start_server()
        self._client = httpx.AsyncClient(base_url=str(self._server.make_url("")), headers=HEADERS, trust_env=False)
        return self._client

    async def __aexit__(self, *_: object) -> None:
        await self._client.aclose()
        await self._server.close()


async def encrypted(byte: int = 1, name: str = "k1") -> str:
    encryption = PayloadEncryption({name: bytes([byte]) * 32}, name)
    payloads = await encryption.encode(await DATA_CONVERTER.encode([{"plan": "c4nary"}]))
    return json_format.MessageToJson(Payloads(payloads=payloads))


async def test_the_ui_gets_payloads_of_every_key_and_plain_ones(client: httpx.AsyncClient) -> None:
    plain = json_format.MessageToJson(Payloads(payloads=await DATA_CONVERTER.encode([{"plan": "c4nary"}])))
    for body in (await encrypted(1, "k1"), await encrypted(2, "k2"), plain):
        response = await client.post("/decode", content=body)
        assert response.status_code == 200
        assert response.headers["Access-Control-Allow-Origin"] == UI
        [payload] = json_format.Parse(response.text, Payloads()).payloads
        assert json.loads(payload.data) == {"plan": "c4nary"}


async def test_a_browser_may_ask_before(client: httpx.AsyncClient) -> None:
    response = await client.options("/decode", headers={"Access-Control-Request-Method": "POST"})
    assert (response.status_code, response.headers["Access-Control-Allow-Origin"]) == (204, UI)
    assert "Authorization" in response.headers["Access-Control-Allow-Headers"]


@pytest.mark.parametrize("origin", ["http://evil.example.com", "null", "", f"{UI}.evil.example.com"])
async def test_a_page_of_another_origin_gets_nothing(client: httpx.AsyncClient, origin: str) -> None:
    response = await client.post("/decode", content=await encrypted(), headers={"Origin": origin})
    assert response.status_code == 403
    assert "c4nary" not in response.text
    assert "Access-Control-Allow-Origin" not in response.headers


@pytest.mark.parametrize("body", ["", "[", "[1]", '{"payloads": 1}', '{"a":' * 5000, b"\xff"])
async def test_another_body_is_refused(client: httpx.AsyncClient, body: str | bytes) -> None:
    assert (await client.post("/decode", content=body)).status_code == 400


async def test_a_large_body_is_refused(client: httpx.AsyncClient) -> None:
    assert (await client.post("/decode", content=b" " * (LARGEST_BODY + 1))).status_code == 413


async def test_an_unknown_key_is_named_for_the_ui(client: httpx.AsyncClient) -> None:
    response = await client.post("/decode", content=await encrypted(3, "gone"))
    assert response.status_code == 400
    assert "'gone'" in response.text
    assert response.headers["Access-Control-Allow-Origin"] == UI


async def test_it_does_not_encrypt(client: httpx.AsyncClient) -> None:
    assert (await client.post("/encode", content=await encrypted())).status_code == 404


async def test_a_token_is_required_where_one_is_set(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("s3cret\n")
    async with serving(CodecSettings(payload_keys=folder, codec_token_file=tmp_path / "token")) as client:
        body = await encrypted()
        for header in ({}, {"Authorization": "s3cret"}, {"Authorization": "Bearer s3cre"}):
            assert (await client.post("/decode", content=body, headers=header)).status_code == 401
        assert (await client.options("/decode")).status_code == 204
        answered = await client.post("/decode", content=body, headers={"Authorization": "Bearer s3cret"})
        assert answered.status_code == 200


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("DRPLAN_PAYLOAD_KEYS", "/no/such/folder"),
        ("DRPLAN_CODEC_ADDRESS", "localhost"),
        ("DRPLAN_CODEC_ADDRESS", "temporal:8081"),
        ("DRPLAN_CODEC_ADDRESS", "127.0.0.1:99999"),
        ("DRPLAN_CODEC_ALLOWED_ORIGINS", "*"),
        ("DRPLAN_CODEC_ALLOWED_ORIGINS", "http://ui/path"),
        ("DRPLAN_CODEC_TOKEN_FILE", "/no/such/file"),
    ],
)
def test_a_wrong_setting_is_named(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], variable: str, value: str
) -> None:
    async def never(*_: Any) -> None:
        raise AssertionError("started")

    monkeypatch.setenv("DRPLAN_PAYLOAD_KEYS", str(folder))
    monkeypatch.setenv(variable, value)
    assert main("process.codec_server", "", CodecSettings, never, []) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert json.loads(line)["reason"].startswith(f"{variable}: ")


def test_keys_are_required(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DRPLAN_PAYLOAD_KEYS", raising=False)
    with pytest.raises(ValidationError, match="payload_keys"):
        CodecSettings()


def test_other_addresses_than_loopback_need_a_token(folder: Path) -> None:
    with pytest.raises(ValidationError, match="required where DRPLAN_CODEC_ADDRESS"):
        CodecSettings(payload_keys=folder, codec_address="0.0.0.0:8081")
    assert CodecSettings(payload_keys=folder, codec_address="[::1]:8081").codec_token_file is None


def test_every_setting_stands_in_the_operations_page() -> None:
    page = (REPOSITORY / "docs" / "operations.md").read_text()
    assert [field for field in CodecSettings.model_fields if f"`{PREFIX}{field.upper()}`" not in page] == []
