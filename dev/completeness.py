"""Data of a first start that was cut off is thrown away, because programs take a half-made database for a whole one."""

import shutil
from pathlib import Path

from dev.layout import Layout
from dev.process import find


def clear_incomplete(layout: Layout, name: str, *data: str) -> None:
    """Remove the data of a process that is not running and never got ready, so that its next start begins anew."""
    if _sign(layout, name).exists() or find(layout, name) is not None:
        return
    for entry in data:
        path = layout.data / entry
        if path.is_dir():
            shutil.rmtree(path)
        path.unlink(missing_ok=True)


def mark_complete(layout: Layout, name: str) -> None:
    """Remember that the process got ready once on its data: from now on it is never removed."""
    _sign(layout, name).touch()


def _sign(layout: Layout, name: str) -> Path:
    return layout.data / f"{name}.complete"
