"""What is said of a check whether every object is as it was before the Execute: of an action, and of the whole.

Source: docs/spec/drplanexecution.md, "Proof".
"""

from collections.abc import Sequence
from datetime import datetime

from api.meta import rfc3339
from api.objects import Target
from api.proof import Proof
from api.reasons import Lack
from api.tree import LedgerFault
from planning.messages.text import bounded, counted, listed, placed

CONDITION_BOUND = 4000
"""Bytes of what is listed in a condition."""
_FIELDS_BOUND = 500
CHECKING = "Checking whether every object is as it was before the Execute"
CHECK_CAPTION = "Check whether every object is as it was before the Execute"
NOTHING_TO_COMPARE = "No action has an object that could be compared with its state before the Execute"
OBJECT_NOT_RECORDED = "which object it was is not recorded"
CHECK_LOST = "Temporal does not know the result of the check"
CANCELED = "the Revert was canceled"
_NOT_RECORDED = {
    Lack.SECRET: "secret data is not stored",
    Lack.TOO_LARGE: "it is too large",
    Lack.BEING_DELETED: "its deletion had been requested",
    Lack.DOUBTFUL: "an earlier attempt may have changed it already",
}


def still_exists(target: Target) -> str:
    """The Execute created it, and it was not deleted."""
    return f"{placed(target)} still exists"


def being_deleted(target: Target) -> str:
    """Something holds the deletion up, or it has only begun."""
    return f"{placed(target)} is being deleted"


def missing(target: Target) -> str:
    """It was there before the Execute."""
    return f"{placed(target)} does not exist"


def other_object(target: Target, uid: str) -> str:
    """Somebody else has created an object of that name."""
    return f"{placed(target)} is another object, with uid {uid}"


def changed(target: Target, fields: Sequence[str]) -> str:
    """Fields that the Execute changed are not as before; no value is shown."""
    return f"{placed(target)} differs in {listed(list(fields), _FIELDS_BOUND, ', ')}"


def changed_by_others(target: Target, fields: Sequence[str]) -> str:
    """The Execute is undone, and somebody else has changed other fields since."""
    return f"{placed(target)} was changed by somebody else since, in {listed(list(fields), _FIELDS_BOUND, ', ')}"


def not_recorded(target: Target, lack: Lack | None = None) -> str:
    """There is nothing to compare it with."""
    reason = f" ({_NOT_RECORDED[lack]})" if lack in _NOT_RECORDED else ""
    return f"the state of {placed(target)} before the Execute was not stored{reason}"


def unreadable(target: Target, error: str) -> str:
    """The API server did not show it."""
    return bounded(f"{placed(target)} could not be read: {error}")


def other_version(target: Target, stored: str, served: str) -> str:
    """Two versions of one kind have different fields."""
    return f"{placed(target)} is served as {served}, and was stored as {stored}"


def execution_gone(name: str) -> str:
    """Nothing says any more what it has done."""
    return f"DRPlanExecution {name} does not exist any more"


def ledger_unusable(name: str, fault: LedgerFault) -> str:
    """What it has done is not recorded any more, or not as the worker recorded it."""
    return f"a part of the record of DRPlanExecution {name} {'is gone' if fault is LedgerFault.GONE else 'was altered'}"


def verified(proof: Proof) -> str:
    """Every object that could be compared is as before."""
    if not proof.verified:
        return NOTHING_TO_COMPARE
    return f"The objects of {counted(proof.verified, 'action')} are as they were before the Execute"


def differs(proof: Proof, differences: Sequence[str]) -> str:
    """Name what is not as before."""
    total = proof.verified + proof.differing + proof.unknown
    begin = f"{proof.differing} of {counted(total, 'action')} differ" + ("s" if proof.differing == 1 else "")
    return f"{begin}: {listed(list(differences), CONDITION_BOUND - 200)}" if differences else begin


def not_known(proof: Proof, reasons: Sequence[str]) -> str:
    """Name what could not be compared, where nothing else differs."""
    begin = f"{verified(proof)}; of {counted(proof.unknown, 'action')} it is not known"
    if not proof.verified:
        begin = f"Of {counted(proof.unknown, 'action')} it is not known"
    return f"{begin}: {listed(list(reasons), CONDITION_BOUND - 200)}" if reasons else begin


def not_checked(error: str) -> str:
    """The check itself failed."""
    return bounded(f"It could not be checked whether every object is as before the Execute: {error}")


def checked_again(message: str, at: datetime) -> str:
    """Add when the next check is due."""
    return f"{message}; checked again at {rfc3339(at)}"


def soak_caption(soak: str) -> str:
    """Name the second check in Temporal's UI."""
    return f"Check again after {soak} whether every object is as it was before the Execute"
