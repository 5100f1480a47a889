"""Temporal's variables for TLS, client certificates and an API key do what docs/temporal.md says, on a real server."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from dev.stack import Stack
from process.payload_encryption import PayloadEncryption
from process.temporal import connect, connect_options

HOST = "temporal.example.com"
"""The name in the server's certificate, which is not the address that is dialled."""
VARIABLES = (
    "ADDRESS",
    "API_KEY",
    "NAMESPACE",
    "TLS_CLIENT_CERT_PATH",
    "TLS_CLIENT_KEY_PATH",
    "TLS_SERVER_CA_CERT_PATH",
    "TLS_SERVER_NAME",
)


def certificates(folder: Path) -> None:
    """Write an authority, and the certificates of a server and a client that it has signed."""
    authority_key, name = ec.generate_private_key(ec.SECP256R1()), _name("authority")
    authority = _builder(name, name, authority_key).add_extension(
        x509.BasicConstraints(ca=True, path_length=None), True
    )
    (folder / "ca.crt").write_bytes(_pem(authority.sign(authority_key, hashes.SHA256())))
    for each in ("server", "client"):
        key = ec.generate_private_key(ec.SECP256R1())
        signed = _builder(_name(each), name, key).add_extension(
            x509.SubjectAlternativeName([x509.DNSName(HOST)]), critical=False
        )
        (folder / f"{each}.crt").write_bytes(_pem(signed.sign(authority_key, hashes.SHA256())))
        (folder / f"{each}.key").write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _builder(name: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(issuer).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number())
    return builder.not_valid_before(now - timedelta(hours=1)).not_valid_after(now + timedelta(days=1))


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


@asynccontextmanager
async def front(stack: Stack, folder: Path, *, client_certificates: bool) -> AsyncIterator[str]:
    """Yield the address of a frontend with TLS, which passes everything on to the server of the stack."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(folder / "ca.crt"))
    context.load_cert_chain(folder / "server.crt", folder / "server.key")
    context.set_alpn_protocols(["h2"])
    context.verify_mode = ssl.CERT_REQUIRED if client_certificates else ssl.CERT_NONE
    host, port = stack.temporal_address.split(":")

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server_reader, server_writer = await asyncio.open_connection(host, int(port))
        await asyncio.gather(pass_on(reader, server_writer), pass_on(server_reader, writer))

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    try:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """The environment without variables of Temporal, and without a file that configures it."""
    for name in VARIABLES:
        monkeypatch.delenv(f"TEMPORAL_{name}", raising=False)
    monkeypatch.setenv("TEMPORAL_CONFIG_FILE", str(tmp_path / "none.toml"))
    certificates(tmp_path)
    return monkeypatch


def set_all(environment: pytest.MonkeyPatch, values: Mapping[str, object]) -> None:
    for name, value in values.items():
        assert name in VARIABLES
        environment.setenv(f"TEMPORAL_{name}", str(value))


async def answers() -> bool:
    client = await connect(connect_options(), PayloadEncryption({}, None))
    return await client.service_client.check_health()


async def test_a_client_certificate_is_presented(stack: Stack, environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    async with front(stack, tmp_path, client_certificates=True) as address:
        trusted = {"ADDRESS": address, "TLS_SERVER_CA_CERT_PATH": tmp_path / "ca.crt", "TLS_SERVER_NAME": HOST}
        set_all(environment, trusted)
        with pytest.raises(RuntimeError):
            await answers()
        set_all(
            environment,
            {"TLS_CLIENT_CERT_PATH": tmp_path / "client.crt", "TLS_CLIENT_KEY_PATH": tmp_path / "client.key"},
        )
        assert await answers()


async def test_an_api_key_turns_tls_on(stack: Stack, environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    async with front(stack, tmp_path, client_certificates=False) as address:
        set_all(environment, {"ADDRESS": address, "API_KEY": "key", "NAMESPACE": "drplan.a1b2c"})
        options = connect_options()
        assert options["api_key"] == "key"
        assert options["namespace"] == "drplan.a1b2c"
        set_all(environment, {"TLS_SERVER_CA_CERT_PATH": tmp_path / "ca.crt", "TLS_SERVER_NAME": HOST})
        assert await answers()
