"""Every sentence of an object's life outside the tree: waiting, refusing, conditions, events, run captions.

One small function each, as in planning.messages, which holds those of the tree itself. Names go in as
they are. Source: docs/spec/drplanexecution.md, "Starting, queueing, cancelling" and "Conditions".
"""

from collections.abc import Sequence
from datetime import timedelta

from api.execution import DRPlanExecution
from api.meta import ObjectName, go_duration
from api.phases import OperationType, Phase
from planning.messages.actions import bounded, counted, listed

CONDITION_BOUND = 4096
"""Bytes of a condition's message: enough for every name that a person can take in."""
ERRORS_BOUND = 30_000
"""Bytes of a condition that lists errors. Kubernetes takes 32,768 characters. Source: metav1.Condition, "message"."""
EVENT_BOUND = 1000
"""Bytes of an event's note. Source: events.k8s.io/v1, "note"."""
SUMMARY_BOUND = 200
"""Bytes. Temporal takes 400 for a summary. Source: Temporal, "User metadata"."""
COPY = "Copy of, or begun by, another controller: create a new execution"
CANCELED_BEFORE_START = "Canceled before it started: nothing was done"
DELETED_BEFORE_START = "Deleted before it started: nothing was done"
STARTED = "Waiting for a worker to take it up"
ENGINE_REACHABLE = "Temporal and its worker answer"
CANCEL_REQUESTED = "The cancel was asked for and is not yet passed on to the engine"
CANCEL_ACCEPTED = "The engine took the cancel; a running attempt is waited for"
CANCEL_TOO_LATE = "The execution ended before the cancel took effect"
NOT_SEARCHABLE = (
    "The Temporal namespace has no search attributes drplanPlan, drplanNamespace, drplanExecution and "
    "drplanOperation; register them to find runs by plan"
)
REFERENCES_FOUND = "Everything that it refers to exists"
ROLLBACK_INCOMPLETE = "The rollback stopped early: objects of the actions that were not rolled back may still exist"
NOTHING_LEFT_STANDING = "Nothing that the original created was left standing by a skipped part"
DEFINITIONS_KEPT = "It works with the definitions as they were at the Execute"
DEFINITIONS_OF_TODAY = (
    "The definitions as they were at the Execute were not kept, are gone or were altered: wherever a definition is "
    "needed, the current one counts"
)
VALID = "The definition is valid"
RECORD_CONFIDENTIAL = "it holds a Secret, and the data of a Secret is never kept"
RECORD_WITH_SECRET_VALUE = "it holds a secret value of the plan, which is never kept"  # noqa: S105 - it is a sentence
RECORD_ON_ITS_WAY_OUT = "somebody had asked for its deletion before the action did"
RECORD_DOUBTFUL = "an attempt before may have changed it already"


# Before the start.


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


def invalid(errors: Sequence[str]) -> str:
    """A definition is wrong; each error names the field and the remedy."""
    return listed(errors, ERRORS_BOUND)


def too_expensive(seconds: int, memory: int) -> str:
    """The validation of an object met a limit: its time in seconds, its memory in bytes."""
    return (
        f"spec: it takes more than {seconds} s of processor time or {memory >> 20} MiB of memory to validate: "
        "divide it, or remove what is repeated in it"
    )


def unreadable(kind: str, name: str, reason: str) -> str:
    """An object that the API server stores does not have the form of its kind."""
    return bounded(f"{kind} {name} cannot be read: {reason}")


# The engine.

WORKER_UNREACHABLE = "No worker answers; the tree is as it last stood"
WORKER_FAILING = "The worker fails to carry the workflow on, and tries again: see its log and Temporal's UI"


def engine_unreachable(reason: str) -> str:
    """Temporal does not answer; the status is as it last stood."""
    return bounded(f"Temporal cannot be reached; the status is as it last stood: {reason}")


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


def cancel_effective(phase: Phase) -> str:
    """The execution has ended after a cancel."""
    return f"The execution ended as {phase.value}"


def executed(name: str) -> str:
    """The plan's Execute that was not taken back."""
    return f"DRPlanExecution {name} executed it"


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


def event_restored(fields: Sequence[str]) -> str:
    """Others had changed our part of these fields of the metadata while the execution runs."""
    return f"Restored {', '.join(fields)}: the execution runs, and they are not to be changed meanwhile"


def event_started(workflow_id: str) -> str:
    """The workflow runs."""
    return f"Started workflow {workflow_id}"


# What Temporal's UI says of a root.


def run_summary(execution: DRPlanExecution) -> str:
    """Return one line for the list of workflows: `Execute nginx-plan: default/nginx-exec-001`."""
    spec, meta = execution.spec, execution.metadata
    return bounded(f"{spec.operation_type} {spec.plan_ref}: {meta.namespace}/{meta.name}", SUMMARY_BOUND)


def run_details(execution: DRPlanExecution) -> str:
    """Return where the object is that this workflow carries out."""
    spec, meta = execution.spec, execution.metadata
    what = f"Takes back `{spec.revert_execution_ref}`. " if spec.operation_type is OperationType.REVERT else ""
    return f"{what}`kubectl describe drplanexecution -n {meta.namespace} {meta.name}` (uid {meta.uid})"


# What is kept of an object before it is changed.


def record_too_large(size: int, bound: int) -> str:
    """The object is larger than what is kept; both in bytes."""
    return f"it takes {size} bytes, and at most {bound} are kept"
