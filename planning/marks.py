"""The mark on a created object: which action of which execution made it. Unique within an execution.

Source: docs/spec/drplanexecution.md, "What undoes an action".
"""

from collections import Counter
from collections.abc import Sequence

from planning.ids import shortened

_LONGEST = 100
"""Characters of one name; longer ones end in a hash of the whole. All annotations of an object share 256 KiB."""


def distinct(names: Sequence[str]) -> list[str]:
    """Give names as parts of a mark, those that stand more than once with their place: `deploy[1]`."""
    counts = Counter(names)
    return [f"{_escaped(name)}[{place}]" if counts[name] > 1 else _escaped(name) for place, name in enumerate(names)]


def mark(execution_uid: str, stage: str, workflow: str) -> str:
    """Give the beginning of the marks of one workflow; `workflow` comes from `distinct`."""
    return f"{execution_uid}/{_escaped(stage)}/{workflow}"


def _escaped(name: str) -> str:
    """Keep the signs that divide a mark out of its names."""
    text = name.replace("%", "%25").replace("/", "%2F").replace("[", "%5B")
    return shortened(text, _LONGEST)
