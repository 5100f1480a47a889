"""Placeholders in texts: `$(params.x)` and the older `{{ .params.x }}`.

Only found so far, never filled in. Source: docs/spec/drworkflow.md, "Not supported yet".
"""

import re
from collections.abc import Iterator
from typing import Any

_TEMPLATE = re.compile(r"\$\([^)\n]*\)|\{\{.*?\}\}", re.DOTALL)


def has_template(text: str) -> bool:
    """Tell whether a text holds a placeholder."""
    return ("$(" in text or "{{" in text) and _TEMPLATE.search(text) is not None


def texts(value: Any, path: str) -> Iterator[tuple[str, str]]:
    """Walk every text in a JSON value, keys included, with its field path."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield path, str(key)
            yield from texts(item, f"{path}.{key}")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from texts(item, f"{path}[{index}]")
