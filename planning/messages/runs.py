"""What is said of a run outside its tree: conditions and events of the object.

Source: docs/spec/drplanexecution.md, "Starting, queueing, cancelling" and "Conditions".
"""

from collections.abc import Sequence
from datetime import timedelta

from api.meta import ObjectName, go_duration
from api.phases import Phase
from api.requests import RequestStatus
from api.tree import Preview
from planning.messages.text import bounded, counted, excerpt, listed

CONDITION_BOUND = 4096
"""Bytes of a condition's message: enough for every name that a person can take in."""
ERRORS_BOUND = 30_000
"""Bytes of a condition that lists errors. Kubernetes takes 32,768 characters. Source: metav1.Condition, "message"."""
EVENT_BOUND = 1000
"""Bytes of an event's note. Source: events.k8s.io/v1, "note"."""
COPY = "Copy of, or begun by, another controller: create a new execution"
COPY_OF_UNRECORDED_REVERT = (
    f"{COPY} with spec.onMissing: Ignore, for the other controller may have deleted objects and recorded nothing"
)
BEGUN_ELSEWHERE = "begun by another controller, which did not record its end"
CANCELED_BEFORE_START = "Canceled before it started: nothing was done"
DELETED_BEFORE_START = "Deleted before it started: nothing was done"
ENGINE_REACHABLE = "Temporal and its worker answer"
CANCEL_REQUESTED = "The cancel was asked for and is not yet passed on to the engine"
CANCEL_ACCEPTED = "The engine took the cancel; a running attempt is waited for"
CANCEL_TOO_LATE = "The execution ended before the cancel took effect"
NOT_SEARCHABLE = (
    "The Temporal namespace does not have all of the search attributes drplanPlan, drplanNamespace, drplanExecution, "
    "drplanOperation, drplanStage, drplanFailedAction and drplanOriginal; register them to find runs by these"
)
REFERENCES_FOUND = "Everything that it refers to exists"
ROLLBACK_STOPPED = "The rollback stopped early"
ROLLBACK_INCOMPLETE = f"{ROLLBACK_STOPPED}: objects of the actions that were not rolled back may still exist"
NOTHING_LEFT_STANDING = "Nothing that the original created was left standing by what was skipped"
DEFINITIONS_KEPT = "It works with the definitions as they were at the Execute"
DEFINITIONS_OF_TODAY = (
    "The definitions as they were at the Execute were not kept, are gone or were altered: wherever a definition is "
    "needed, the current one counts"
)
NO_OBSTACLES = "Nothing was found that would keep it from succeeding"
AS_PREVIEWED = "It does what its preview showed"
VALID = "The definition is valid"
RECORD_CONFIDENTIAL = "it holds a Secret, and the data of a Secret is never kept"
RECORD_WITH_SECRET_VALUE = "it holds a secret value of the plan, which is never kept"  # noqa: S105 - it is a sentence
RECORD_WITH_SECRET_NAME = "it holds a value whose name says that it is secret, which is never kept"  # noqa: S105 - it is a sentence
RECORD_ON_ITS_WAY_OUT = "somebody had asked for its deletion before the action did"
RECORD_DOUBTFUL = "an attempt before may have changed it already"


# Before the start.

WAITING_FOR_START = "Waiting to be started; many executions were created together"


def waiting_for(kind: str, name: str) -> str:
    """A reference is missing and is waited for."""
    return f"Waiting for {kind} {name}"


def waited_in_vain(kind: str, name: str, waited: timedelta) -> str:
    """A reference is still missing."""
    return f"{kind} {name} does not exist; it was waited for {go_duration(waited)}: create it, then a new execution"


def waiting_for_lock(holder: ObjectName, plan: str, position: int) -> str:
    """Another execution runs the plan; `position` 1 is next."""
    return f"Waiting for DRPlanExecution {holder.name}, which runs DRPlan {plan}; position {position} in the queue"


def waiting_for_turn(before: str, plan: str, position: int) -> str:
    """An older execution of the plan starts first."""
    return (
        f"Waiting for DRPlanExecution {before}, which is to run DRPlan {plan} first; position {position} in the queue"
    )


def waiting_for_end(original: str) -> str:
    """A Revert is next, and the Execute that it takes back has not started or not ended."""
    return f"Waiting for the end of DRPlanExecution {original}, which is to be taken back"


def invalid(errors: Sequence[str]) -> str:
    """A definition is wrong; each error names the field and the remedy."""
    return listed(errors, ERRORS_BOUND)


def valid(warnings: Sequence[str]) -> str:
    """A definition can be used; each warning names a field and what will happen because of it."""
    return f"{VALID}; warning: {listed(warnings, ERRORS_BOUND)}" if warnings else VALID


def too_expensive(seconds: int, memory: int) -> str:
    """The validation of an object met a limit: its time in seconds, its memory in bytes."""
    return (
        f"spec: it takes more than {seconds} s of processor time or {memory >> 20} MiB of memory to validate: "
        "divide it, or remove what is repeated in it"
    )


def unreadable(kind: str, name: str, reason: str) -> str:
    """An object that the API server stores does not have the form of its kind."""
    return bounded(f"{kind} {name} cannot be read: {reason}")


def too_deep(levels: int) -> str:
    """A definition, or the execution, is nested too deeply."""
    return f"spec: it is nested more than {levels} levels deep; flatten it"


# The engine.


def run_unknown(workflow_id: str) -> str:
    """The status names a run that the engine does not know (any more)."""
    return f"Outcome unknown: Temporal no longer knows the workflow {workflow_id}"


def ended_outside(how: str, reason: str) -> str:
    """A run was ended from outside; `how` is one of planning.endings: `terminated from outside`."""
    tail = f": {reason}" if reason else ""
    return bounded(f"The workflow was {how}, outcome unknown{tail}")


def broke_down(reason: str) -> str:
    """A run failed without leaving its final tree."""
    return bounded(f"The workflow broke down, outcome unknown: {reason or 'it left no state'}")


# Conditions.


def left_standing(objects: Sequence[str]) -> str:
    """Name what skipped parts of the original left behind."""
    return f"{counted(len(objects), 'object')} left standing: {listed(list(objects), CONDITION_BOUND, ', ')}"


def rollback_incomplete(objects: Sequence[str]) -> str:
    """Name what a Revert that failed or was cancelled did not delete; without names it is not known what there is."""
    return f"{ROLLBACK_STOPPED}: {left_standing(objects)}" if objects else ROLLBACK_INCOMPLETE


def obstructed(preview: Preview) -> str:
    """Name the obstacles that a preview found, as far as they fit."""
    shown = [f"{one.action}: {one.message}" if one.action else one.message for one in preview.obstacles or []]
    return f"{counted(preview.obstacle_count, 'obstacle')}: {listed(shown, CONDITION_BOUND // 2)}"


def cancel_effective(phase: Phase) -> str:
    """The execution has ended after a cancel."""
    return f"The execution ended as {phase.value}"


def executed(name: str) -> str:
    """The plan's Execute that was not taken back."""
    return f"DRPlanExecution {name} executed it"


def partly_executed(name: str, phase: Phase, done: int, total: int) -> str:
    """An Execute that did not come to a good end did a part of the plan."""
    return f"DRPlanExecution {name} ended as {phase.value}: {done} of {counted(total, 'action')} succeeded"


def partly_in_effect(name: str, phase: str) -> str:
    """A Revert has returned to an Execute that did not come to a good end."""
    return f"DRPlanExecution {name} ended as {phase}: what it did is in effect"


def partly_reverted(name: str, original: str, phase: Phase, done: int, total: int) -> str:
    """A Revert that did not come to a good end took a part of an Execute back."""
    return (
        f"DRPlanExecution {name} ended as {phase.value}: {done} of {counted(total, 'action')} of {original} rolled back"
    )


def stands(name: str, done: int) -> str:
    """What an Execute did, as nothing has taken it back."""
    return f"What DRPlanExecution {name} did is in effect: {counted(done, 'action')}"


def clean_after(name: str, note: str) -> str:
    """What a Revert left standing, as its plan says it."""
    return bounded(f"After DRPlanExecution {name}: {note}", CONDITION_BOUND)


def taken_back(name: str) -> str:
    """The Revert that took the last Execute back."""
    return f"DRPlanExecution {name} took it back"


# Events.

EVENT_CANCELING = "Passed the cancel on to the workflow"


def event_accepted(plan: str) -> str:
    """The bridge took the execution on."""
    return f"Accepted for DRPlan {plan}"


def event_attempt_lost(action: str, message: str) -> str:
    """Attempts of an action were lost with their workers; `message` is that of the action."""
    return bounded(f"Action {action}: {message}", EVENT_BOUND)


def event_engine_back(away: timedelta) -> str:
    """Temporal and its worker answer after some time in which one of them did not."""
    return f"{ENGINE_REACHABLE} again, after {go_duration(away)}"


def event_of_execution(name: str, note: str) -> str:
    """What happens to an execution, as an event of its plan."""
    return bounded(f"DRPlanExecution {name}: {note}", EVENT_BOUND)


def event_restored(fields: Sequence[str]) -> str:
    """Others had changed our part of these fields of the metadata while the execution runs."""
    return f"Restored {', '.join(fields)}: the execution runs, and they are not to be changed meanwhile"


def event_request(request: RequestStatus) -> str:
    """A person asked something of the run; it was passed on, or refused."""
    about = f" {request.target}" if request.target else ""
    asked = f"{excerpt(request.by or 'somebody')} asked for {excerpt(request.type)}{about}"
    reason = f": {excerpt(request.reason)}" if request.reason else ""
    return f"{asked}{reason}; refused: {request.message}" if request.message else f"{asked}{reason}"


def event_without_lock(workflow_id: str, plan: str) -> str:
    """Somebody else than the bridge has started the workflow."""
    return f"Cancels workflow {workflow_id}, which the bridge did not start: another execution runs DRPlan {plan}"


NO_EXECUTION = "no DRPlanExecution can have started this run: its id and its input name none"


ROOT_ENDED = "the execution that this part belongs to has ended, so it was reset after that: create a new execution"


def event_started(workflow_id: str) -> str:
    """The workflow runs."""
    return f"Started workflow {workflow_id}"


# What is kept of an object before it is changed.


def record_too_large(size: int, bound: int) -> str:
    """The object is larger than what is kept; both in bytes."""
    return f"it takes {size} bytes, and at most {bound} are kept"


def plan_gone(plan: str) -> str:
    """The plan was deleted before the execution began."""
    return f"DRPlan {plan} no longer exists"


def too_large(size: int, bound: int) -> str:
    """The decision does not fit into a history; both in bytes."""
    return (
        f"This plan is too large to be carried out at once: its steps take {size} bytes, {bound} fit. "
        "Split it into several plans"
    )
