"""What an execution may be in that waits, or that did not end well; planning/messages/next_steps.py says what to do."""

from enum import StrEnum


class Situation(StrEnum):
    """What an execution is in. Its row in ADVICE says what the status shows then, and what to do."""

    # It waits.
    REFERENCE_MISSING = "ReferenceMissing"
    PLAN_BUSY = "PlanBusy"
    ENGINE_AWAY = "EngineAway"
    WORKER_AWAY = "WorkerAway"
    WORKER_FAILING = "WorkerFailing"
    AWAITING_DECISION = "AwaitingDecision"
    AWAITING_APPROVAL = "AwaitingApproval"
    PAUSED_ON_REQUEST = "PausedOnRequest"
    PAUSED = "Paused"
    RETRYING = "Retrying"
    ATTEMPT_LOST = "AttemptLost"
    CANCELING = "Canceling"

    # It never had a tree.
    COPY = "Copy"
    UNRECORDED_REVERT = "UnrecordedRevert"
    REJECTED = "Rejected"
    OBJECT_OF_ANOTHER_EXECUTION = "ObjectOfAnotherExecution"
    LATER_EXECUTION_RESTS = "LaterExecutionRests"
    NAMESPACE_NOT_OPEN = "NamespaceNotOpen"

    # An action failed.
    FORBIDDEN = "Forbidden"
    STILL_THERE = "StillThere"
    OTHER_OBJECT = "OtherObject"
    CHANGED_SINCE = "ChangedSince"
    GONE_BEFORE = "GoneBefore"
    NOT_FOUND = "NotFound"
    VERSION_NOT_SERVED = "VersionNotServed"
    KIND_NOT_SERVED = "KindNotServed"
    KIND_MISSPELT = "KindMisspelt"
    ALREADY_EXISTS = "AlreadyExists"
    UNDEFINED = "Undefined"
    CUSTOM_ROLLBACK_FAILED = "CustomRollbackFailed"
    OUTCOME_UNKNOWN = "OutcomeUnknown"
    NOT_READY = "NotReady"
    READINESS_UNKNOWN = "ReadinessUnknown"
    NO_STATE_FROM_CLUSTER = "NoStateFromCluster"
    ONE_CLUSTER_FAILED = "OneClusterFailed"
    JOB_FAILED = "JobFailed"
    TRANSIENT = "Transient"
    TIMED_OUT = "TimedOut"
    DEFINITION_REFUSED = "DefinitionRefused"
    HTTP_STATUS = "HttpStatus"
    HTTP_REFUSED = "HttpRefused"
    FAULT = "Fault"

    # How the run ended.
    ENDED_OUTSIDE = "EndedOutside"
    RUN_UNKNOWN = "RunUnknown"
    PARTLY_EXECUTED = "PartlyExecuted"
    PARTLY_REVERTED = "PartlyReverted"
    NOT_SELECTED = "NotSelected"
    PARTIAL_LEFT = "PartialLeft"
    LEFT_STANDING = "LeftStanding"
    PROOF_DIFFERS = "ProofDiffers"
    NOT_CHECKED = "NotChecked"
    CONSEQUENCE = "Consequence"
    SHORTENED = "Shortened"
    NOT_SEARCHABLE = "NotSearchable"
