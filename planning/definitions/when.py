"""Conditions of actions: `mode == "install" || mode == "upgrade"`, and nothing beyond that.

Source: docs/spec/drworkflow.md, "when".
"""

import re

from api.phases import Mode
from planning.messages import fields as field_messages

# The older controller lets a quote be missing on either side; what it ran is to run here.
_CLAUSE = re.compile(r"""\s*(?:mode|operation)\s*==\s*["']?\s*([a-z]+)\s*["']?\s*""", re.IGNORECASE)
_MODES = {mode.value.lower(): mode for mode in Mode}


class WhenError(ValueError):
    """A text is no condition; the message says which are."""


def modes(text: str) -> frozenset[Mode]:
    """Read a condition: the modes in which it holds. A blank one holds in all.

    Raises WhenError for anything but comparisons of `mode` (or `operation`) joined by `||`.
    """
    if not text.strip():
        return frozenset(Mode)
    return frozenset(_mode(clause, text) for clause in text.split("||"))


def _mode(clause: str, text: str) -> Mode:
    match = _CLAUSE.fullmatch(clause)
    if match is None:
        raise WhenError(field_messages.not_a_condition(text))
    mode = _MODES.get(match[1].lower())
    if mode is None:
        raise WhenError(field_messages.unknown_mode(match[1]))
    return mode


def runs(when: str | None, mode: Mode | None) -> bool:
    """Tell whether an action runs in a mode; without a mode nothing is filtered.

    Raises WhenError when the condition is none.
    """
    allowed = modes(when or "")
    return mode is None or mode in allowed
