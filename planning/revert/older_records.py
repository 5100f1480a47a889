"""What older records do not say by a value, read from their messages: the one place where a message is read.

Version 0.1 wrote statuses without `reason` and `rolledBackBy`. The controller before it wrote no message of these, and
what it left out is decided from phases and definitions. Source: docs/spec/drplanexecution.md, "Reasons".
"""

import re

from api.execution import DRPlanExecution
from api.nodes import ActionStatus
from api.phases import Phase
from api.reasons import Reason
from planning.status.transitions import map_nodes

_ROLLED_BACK = "Already rolled back by "
_ABSENT = "Already absent: "
_UNKNOWN = "Outcome unknown: "
_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?")
"""Name of a Kubernetes object: what a message that was cut has in place of one is none."""


def with_reasons(execution: DRPlanExecution) -> DRPlanExecution:
    """Return an execution whose actions have the reasons that a Revert rests on, whoever wrote its status.

    To be called where an execution is read, before anything is decided from it.
    """
    status = map_nodes(execution.status, ActionStatus, _with_reason)
    return execution.model_copy(update={"status": status})


def _with_reason(action: ActionStatus) -> ActionStatus:
    if action.reason is not None or not action.message:
        return action
    if action.phase is Phase.FAILED and action.message.startswith(_UNKNOWN):
        return action.model_copy(update={"reason": Reason.OUTCOME_UNKNOWN})
    if action.phase is not Phase.SKIPPED:
        return action
    # An action with several objects has one sentence for each.
    sentences = action.message.split("; ")
    said = [text.removeprefix(_ROLLED_BACK).split(", ") for text in sentences if text.startswith(_ROLLED_BACK)]
    names = [name for names in said for name in names if _NAME.fullmatch(name)]
    reason = None
    if any(text.startswith(_ABSENT) for text in sentences):
        reason = Reason.ALREADY_ABSENT
    elif names and len(said) == len(sentences):
        reason = Reason.ALREADY_ROLLED_BACK
    return action.model_copy(update={"reason": reason, "rolled_back_by": list(dict.fromkeys(names)) or None})
