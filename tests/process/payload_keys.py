"""Keys for the tests of payload encryption, as a mounted Secret holds them."""

import base64
from pathlib import Path


def key(byte: int) -> str:
    """Return the text of a key file."""
    return base64.b64encode(bytes([byte]) * 32).decode()


def key_folder(folder: Path, **keys: str) -> Path:
    """Write keys by their id, beside the hidden folder that Kubernetes puts there."""
    (folder / "..data").mkdir(parents=True)
    for name, text in keys.items():
        (folder / name).write_text(text)
    return folder
