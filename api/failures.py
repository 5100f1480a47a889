"""Why an action failed, for programs: read by the command line too, which loads no models."""

from enum import StrEnum


class FailureType(StrEnum):
    """Why an action failed: the `type` of the ApplicationError, shown in Temporal's UI."""

    TRANSIENT = "Transient"
    """A repeat may help: the server was unavailable or overloaded, or the write conflicted."""
    NOT_FOUND = "NotFound"
    FORBIDDEN = "Forbidden"
    INVALID = "Invalid"
    ALREADY_EXISTS = "AlreadyExists"
    WRONG_UID = "WrongUid"
    UNDEFINED = "Undefined"
    """The definition that the action needs is gone."""
    DELETION_TIMED_OUT = "DeletionTimedOut"
    TIMED_OUT = "TimedOut"
    TOO_LARGE = "TooLarge"
    UNSUPPORTED = "Unsupported"
    JOB_FAILED = "JobFailed"
    """A Job ended without success."""
    NOT_READY = "NotReady"
    """What was waited for has failed, so that it will not become ready."""
    HTTP_STATUS = "HttpStatus"
    """A service answered, and its answer is no success; a repeat may help."""
    HTTP_REFUSED = "HttpRefused"
    """A service refused the request, or the worker's settings do not allow the address."""
    OUTCOME_UNKNOWN = "OutcomeUnknown"
    """It is not known whether a request that must not be repeated had its effect."""
    CHANGED_SINCE = "ChangedSince"
    """Somebody else has changed what is to be restored since the action changed it."""
    UNTRUSTED_RUN = "UntrustedRun"
    """No execution names the run that asks for the action, or it records something else than what is asked for."""
    UNTRUSTED_STEP = "UntrustedStep"
    """The run is that of an execution, which never decided what is asked for."""

    FINALIZERS = "Finalizers"
    """Of a preview: the object would not go before somebody removes its finalizers."""

    @property
    def repeatable(self) -> bool:
        """Tell whether a repeat may help. Source: docs/architecture.md, "Errors and attempts"."""
        return self in (FailureType.TRANSIENT, FailureType.TIMED_OUT, FailureType.HTTP_STATUS)
