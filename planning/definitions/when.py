"""Conditions of actions: `mode == "install" || mode == "upgrade"`, and nothing else.

Source: docs/spec/drworkflow.md, "when".
"""

from api.phases import Mode
from planning.messages import fields as field_messages
from planning.messages import parameters as parameter_messages

LONGEST_CONDITION = 1000
"""Characters."""
_SUBJECTS = frozenset({"mode", "operation"})
_QUOTES = ("'", '"')
_MODES = {mode.value.lower(): mode for mode in Mode}


class WhenError(ValueError):
    """A text is not a condition; the message describes what one looks like."""


def modes(text: str | None) -> frozenset[Mode]:
    """Return the modes in which a condition holds: all of them without a condition.

    Raises WhenError for anything but comparisons of `mode` (or `operation`) joined by `||`.
    """
    if text is None or not text.strip():
        return frozenset(Mode)
    if len(text) > LONGEST_CONDITION:
        raise WhenError(parameter_messages.condition_too_long(LONGEST_CONDITION))
    allowed = set()
    for clause in text.split("||"):
        subject, equals, value = clause.partition("==")
        word = _unquoted(value.strip())
        if not equals or subject.strip().lower() not in _SUBJECTS or not (word.isascii() and word.isalpha()):
            raise WhenError(parameter_messages.not_a_condition(text))
        if word.lower() not in _MODES:
            raise WhenError(field_messages.unsupported(word, list(_MODES)))
        allowed.add(_MODES[word.lower()])
    return frozenset(allowed)


def _unquoted(text: str) -> str:
    """Return a word without its quotes. The older controller accepted a missing one on either side."""
    text = text[1:] if text.startswith(_QUOTES) else text
    return (text[:-1] if text.endswith(_QUOTES) else text).strip()


def runs(when: str | None, mode: Mode | None) -> bool:
    """Tell whether an action runs in a mode; without a mode nothing is filtered.

    Raises WhenError when `when` is not a condition.
    """
    allowed = modes(when)
    return mode is None or mode in allowed
