"""Which object of ours a pass is about."""

from enum import StrEnum
from typing import NamedTuple


class Kind(StrEnum):
    """The kinds of this project, by plural."""

    EXECUTION = "drplanexecutions"
    PLAN = "drplans"
    DR_WORKFLOW = "drworkflows"


class Key(NamedTuple):
    """An object to pass over."""

    kind: Kind
    namespace: str
    name: str
