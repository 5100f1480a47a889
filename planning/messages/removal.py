"""What is said of an object that was told to go, and of what keeps it.

Source: docs/operations.md, "An object does not go".
"""

from collections.abc import Sequence

from api.objects import Target
from planning.messages.text import because, called, counted, listed, placed

_LISTED = 300
"""Bytes that finalizers may take in one message."""


def still_there(target: Target, timeout: str, finalizers: Sequence[str], obstacle: str = "") -> str:
    """Reason: the object was told to go and did not within the action's timeout (Go duration).

    `obstacle` is what is known of the cause.
    """
    waiting = f"finalizers {', '.join(finalizers)}" if finalizers else "its removal"
    return f"{called(target)} still exists after {timeout}, waiting for {waiting}{because(obstacle)}"


def objects_left(number: int, finalizers: Sequence[str]) -> str:
    """Objects of a kind that goes are left: `2 objects of its kind are left, with finalizers example.com/hold`."""
    left = f"{counted(number, 'object')} of its kind {'is' if number == 1 else 'are'} left"
    return f"{left}, with finalizers {listed(finalizers, _LISTED, ', ')}" if finalizers else left


def waiting_for_removal(target: Target, finalizers: Sequence[str], obstacle: str = "") -> str:
    """The object was told to go; `obstacle` is what is known of what keeps it."""
    by = f", finalizers: {', '.join(finalizers)}" if finalizers else ""
    return f"Waiting for {placed(target)} to be gone{by}{because(obstacle)}"
