"""Conditions of actions: `mode == "install" || mode == "upgrade"`, and nothing else.

Source: docs/spec/drworkflow.md, "when".
"""

import re

from api.phases import Mode
from planning.messages import fields as field_messages

# The older controller accepted a missing quote on either side; what ran there must run here.
_CLAUSE = re.compile(r"""\s*(?:mode|operation)\s*==\s*["']?\s*([a-z]+)\s*["']?\s*""", re.IGNORECASE)
_MODES = {mode.value.lower(): mode for mode in Mode}


class WhenError(ValueError):
    """A text is not a condition; the message describes what one looks like."""


def modes(text: str | None) -> frozenset[Mode]:
    """Return the modes in which a condition holds: all of them without a condition.

    Raises WhenError for anything but comparisons of `mode` (or `operation`) joined by `||`.
    """
    if not (text or "").strip():
        return frozenset(Mode)
    allowed = set()
    for clause in (text or "").split("||"):
        match = _CLAUSE.fullmatch(clause)
        if match is None:
            raise WhenError(field_messages.not_a_condition(text or ""))
        if match[1].lower() not in _MODES:
            raise WhenError(field_messages.unsupported(match[1], list(_MODES)))
        allowed.add(_MODES[match[1].lower()])
    return frozenset(allowed)


def runs(when: str | None, mode: Mode | None) -> bool:
    """Tell whether an action runs in a mode; without a mode nothing is filtered.

    Raises WhenError when `when` is not a condition.
    """
    allowed = modes(when)
    return mode is None or mode in allowed
