"""Optional encryption of what travels through Temporal: AES-256-GCM with keys from a folder, such as a mounted Secret.

An encrypted payload holds a random nonce of 12 bytes and the ciphertext of the whole original payload; its metadata
names the key. The codec runs outside of workflow code, so that its nonces do not concern replays.
Source: docs/operations.md, "Payload encryption"; Temporal, "Codec Server" and "Failure Converter".
"""

import base64
import binascii
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from temporalio.api.common.v1 import Payload
from temporalio.converter import DataConverter, PayloadCodec

from workflows.converter import DATA_CONVERTER, EncodedOutcomeFailureConverter

ENCODING = b"binary/encrypted"
KEY_ID = "encryption-key-id"
_KEY_BYTES, _NONCE_BYTES = 32, 12
_LARGEST_FILE = 1_000
"""Bytes; a key takes 44, and a wrong folder may hold anything."""
_KEY_ID_FORM = re.compile(r"[A-Za-z0-9][-._A-Za-z0-9]{0,252}")
"""What a key of a Secret can be called, but no hidden file: a mounted Secret has those for its own use."""


class PayloadDecryptionError(Exception):
    """A payload is encrypted with a key that this process does not have, or was changed."""


def read_keys(folder: Path) -> dict[str, bytes]:
    """Return the keys of a folder by their id, the name of the file. Raises ValueError, which quotes no content."""
    try:
        files = sorted(file for file in folder.iterdir() if not file.name.startswith("."))
    except OSError as error:
        raise ValueError(f"cannot be read as a folder: {error.strerror}") from None
    if not files:
        raise ValueError("the folder holds no key")
    return {file.name: _read_key(file) for file in files}


def _read_key(file: Path) -> bytes:
    if _KEY_ID_FORM.fullmatch(file.name) is None:
        raise ValueError(f"{file.name!r} cannot be the id of a key: letters, digits, '-', '_' and '.' only")
    try:
        with file.open("rb") as stream:
            content = stream.read(_LARGEST_FILE)
        key = base64.b64decode(content.strip(), validate=True)
    except OSError as error:
        raise ValueError(f"key {file.name!r} cannot be read: {error.strerror}") from None
    except binascii.Error:
        raise ValueError(f"key {file.name!r} is not base64") from None
    if len(key) != _KEY_BYTES:
        raise ValueError(f"key {file.name!r} has {len(key)} bytes instead of {_KEY_BYTES}")
    return key


class PayloadEncryption(PayloadCodec):
    """Encrypts with one key, or with none, and decrypts with every key; payloads in plain text stay readable."""

    def __init__(self, keys: Mapping[str, bytes], key_id: str | None) -> None:
        self._ciphers = {name: AESGCM(key) for name, key in keys.items()}
        self._key_id = key_id

    @classmethod
    def of(cls, folder: Path | None, key_id: str | None) -> "PayloadEncryption":
        """Read the keys; without a folder nothing is encrypted or decrypted. Raises ValueError."""
        return cls(read_keys(folder) if folder else {}, key_id)

    def data_converter(self) -> DataConverter:
        """Return our converter with this codec; where payloads are encrypted, messages of failures are, too."""
        converter = replace(DATA_CONVERTER, payload_codec=self)
        if self._key_id is None:
            return converter
        return replace(converter, failure_converter_class=EncodedOutcomeFailureConverter)

    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Encrypt payloads."""
        if self._key_id is None:
            return list(payloads)
        return [self._encrypt(payload, self._key_id) for payload in payloads]

    async def decode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Decrypt the payloads that are encrypted. Raises PayloadDecryptionError."""
        return [
            self._decrypt(payload) if payload.metadata.get("encoding") == ENCODING else payload for payload in payloads
        ]

    def _encrypt(self, payload: Payload, key_id: str) -> Payload:
        nonce, name = os.urandom(_NONCE_BYTES), key_id.encode()
        data = nonce + self._ciphers[key_id].encrypt(nonce, payload.SerializeToString(), name)
        return Payload(metadata={"encoding": ENCODING, KEY_ID: name}, data=data)

    def _decrypt(self, payload: Payload) -> Payload:
        name = payload.metadata.get(KEY_ID, b"")
        key_id = name.decode(errors="replace")[:253]
        cipher = self._ciphers.get(key_id)
        if cipher is None:
            raise PayloadDecryptionError(
                f"a payload is encrypted with the key {key_id!r}, which the folder of DRPLAN_PAYLOAD_KEYS does not hold"
            )
        try:
            plain = cipher.decrypt(payload.data[:_NONCE_BYTES], payload.data[_NONCE_BYTES:], name)
        except (InvalidTag, ValueError):
            raise PayloadDecryptionError(
                f"a payload cannot be decrypted with the key {key_id!r} of DRPLAN_PAYLOAD_KEYS: "
                "it was encrypted with another key of this name, or was changed"
            ) from None
        return Payload.FromString(plain)
