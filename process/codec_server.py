"""The codec endpoint: decrypts payloads for Temporal's UI and CLI: `python -m process.codec_server`.

Everyone who reaches it reads what is encrypted. So it listens on loopback only, for `kubectl port-forward`, unless a
token is required; it answers no page of another origin, and it does not encrypt.
Source: docs/operations.md, "Show payloads in the UI"; Temporal, "Codec Server".
"""

import asyncio
import hmac
import sys
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler, Middleware
from google.protobuf import json_format
from pydantic import AfterValidator, Field, ValidationInfo
from temporalio.api.common.v1 import Payloads

from process.http_server import listening
from process.main import main
from process.payload_encryption import PayloadDecryptionError, PayloadEncryption
from process.settings import KeyFolder, ListenAddress, LogSettings, host_and_port

DESCRIPTION = "Decrypts payloads for Temporal's UI and CLI."
LARGEST_BODY = 8 * 1024 * 1024
"""Bytes. Temporal's limit for one payload is 2 MB, and the UI sends the payloads of one event at a time."""
_LARGEST_TOKEN = 4_096
_log = structlog.get_logger(__name__)


def _origins(text: str) -> str:
    for origin in _split(text):
        parts = urlsplit(origin)
        if parts.scheme not in ("http", "https") or not parts.netloc or f"{parts.scheme}://{parts.netloc}" != origin:
            raise ValueError("not a comma-separated list of origins, as in https://temporal.example.com")
    return text


def _split(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _read_token(file: Path) -> str:
    try:
        with file.open(encoding="ascii") as stream:
            token = stream.read(_LARGEST_TOKEN).strip()
    except OSError as error:
        raise ValueError(f"cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ValueError("holds other characters than ASCII") from None
    if not token:
        raise ValueError("the file is empty")
    return token


def _token_file(file: Path | None, info: ValidationInfo) -> Path | None:
    if file is not None:
        _read_token(file)
    elif "codec_address" in info.data and not ip_address(host_and_port(info.data["codec_address"])[0]).is_loopback:
        raise ValueError("required where DRPLAN_CODEC_ADDRESS is not a loopback address")
    return file


class CodecSettings(LogSettings):
    """Settings of the codec endpoint."""

    payload_keys: KeyFolder
    """folder with the keys that decrypt payloads in Temporal: files named by key id, each with base64 of 32 bytes"""
    codec_address: ListenAddress = "127.0.0.1:8081"
    """address and port where the endpoint listens"""
    codec_allowed_origins: Annotated[str, AfterValidator(_origins)] = "http://127.0.0.1:8080"
    """origins of Temporal's UI, separated by commas"""
    codec_token_file: Annotated[Path | None, AfterValidator(_token_file), Field(validate_default=True)] = None
    """file with the token that requests must have, as Authorization: Bearer"""


def application(settings: CodecSettings) -> web.Application:
    """Return the HTTP application."""
    encryption = PayloadEncryption.of(settings.payload_keys, None)
    token = _read_token(settings.codec_token_file) if settings.codec_token_file else None

    async def decode(request: web.Request) -> web.Response:
        if token is not None and not _is_authorized(request, token):
            raise web.HTTPUnauthorized(text="the request has no valid token")
        try:
            payloads = json_format.Parse(await request.read(), Payloads(), ignore_unknown_fields=True)
            decoded = await encryption.decode(payloads.payloads)
        except (json_format.ParseError, ValueError, RecursionError):
            raise web.HTTPBadRequest(text="the body is not Temporal's Payloads as JSON") from None
        except PayloadDecryptionError as error:
            raise web.HTTPBadRequest(text=str(error)) from None
        return web.Response(text=json_format.MessageToJson(Payloads(payloads=decoded)), content_type="application/json")

    async def preflight(_: web.Request) -> web.Response:
        return web.Response(status=204)

    allow_origin = _only_from(_split(settings.codec_allowed_origins))
    app = web.Application(client_max_size=LARGEST_BODY, middlewares=[allow_origin])
    app.router.add_post("/decode", decode)
    app.router.add_options("/decode", preflight)
    return app


def _only_from(origins: list[str]) -> Middleware:
    """Refuse pages of other origins before anything is read; a request without an origin is not from a browser."""

    @web.middleware
    async def allow_origin(request: web.Request, handler: Handler) -> web.StreamResponse:
        origin = request.headers.get("Origin")
        if origin is not None and origin not in origins:
            return web.Response(status=403, text="DRPLAN_CODEC_ALLOWED_ORIGINS does not allow this origin")
        try:
            response = await handler(request)
        except web.HTTPException as error:
            response = web.Response(status=error.status, text=error.text)
        if origin is not None:
            response.headers["Access-Control-Allow-Origin"] = origin
            response.headers["Access-Control-Allow-Methods"] = "POST"
            response.headers["Access-Control-Allow-Headers"] = "Authorization, Content-Type, X-Namespace"
            response.headers["Vary"] = "Origin"
        response.headers["Cache-Control"] = "no-store"
        return response

    return allow_origin


def _is_authorized(request: web.Request, token: str) -> bool:
    sent = request.headers.get("Authorization", "").encode(errors="replace")
    return hmac.compare_digest(sent, f"Bearer {token}".encode())


async def serve(settings: CodecSettings, stop: asyncio.Event) -> None:
    """Serve until `stop` is set. Raises ListenError."""
    async with listening(application(settings), host_and_port(settings.codec_address), "DRPLAN_CODEC_ADDRESS"):
        _log.info("codec endpoint started", address=settings.codec_address)
        await stop.wait()
    _log.info("codec endpoint stopped")


if __name__ == "__main__":
    sys.exit(main("process.codec_server", DESCRIPTION, CodecSettings, serve))
