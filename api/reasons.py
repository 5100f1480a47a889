"""Why a stage, a workflow or an action is in its phase, as one word for programs.

Every decision of the project rests on a reason and the facts beside it; the message is made for people, and nothing
reads it. Source: docs/spec/drplanexecution.md, "Reasons".
"""

from dataclasses import dataclass
from enum import StrEnum


class Reason(StrEnum):
    """Why a node is in its phase. The sentence of each member says what is then true."""

    # It was done.
    EXECUTED = "Executed"
    """The action was carried out, or all that the workflow or the stage had to do in an Execute was done."""
    ROLLED_BACK = "RolledBack"
    """The objects of the action no longer exist, or its object is as it was before the action, or all that the workflow
    or the stage had to roll back was done."""
    CUSTOM_ROLLBACK_EXECUTED = "CustomRollbackExecuted"
    """The action's own `rollback` was carried out in place of the default."""
    ROLLBACK_HOOK_EXECUTED = "RollbackHookExecuted"
    """The action is a rollback hook, and was carried out as a part of the Revert."""
    ALREADY_ABSENT = "AlreadyAbsent"
    """An object of the action was gone before anything touched it: a Delete had nothing to do, or a Revert with
    `onMissing: Ignore` passed it over."""

    READINESS_UNKNOWN = "ReadinessUnknown"
    """The action was carried out, and nothing tells whether its object is ready."""
    DONE_BY_HAND = "DoneByHand"
    """The action had failed, and a person said that it is done."""

    # It was previewed.
    WOULD_SUCCEED = "WouldSucceed"
    """Of a preview: nothing was found that would keep it from being done."""
    WOULD_FAIL = "WouldFail"
    """Of a preview: something below it would fail."""
    NOT_KNOWN_YET = "NotKnownYet"
    """Of a preview: whether the action would succeed depends on what an earlier one does, or cannot be asked."""
    FINALIZERS = "Finalizers"
    """Of a preview: the object has finalizers, and would not go before somebody removes these."""

    # It is being done.
    RETRYING = "Retrying"
    """The last attempt ended with an error, and another one follows."""
    ATTEMPT_LOST = "AttemptLost"
    """The last attempt was lost with its worker, and another one follows."""
    AWAITING_DECISION = "AwaitingDecision"
    """The action failed, and a person is to decide what follows."""
    AWAITING_APPROVAL = "AwaitingApproval"
    """The plan asks for the approval of persons before the stage begins."""
    PAUSED = "Paused"
    """Somebody paused the activity of the action in Temporal, and no attempt starts until it is unpaused there."""

    # A Revert has nothing to do, and leaves it Skipped.
    ORIGINAL_NOT_SUCCEEDED = "OriginalNotSucceeded"
    """The part of the original that it belongs to did not succeed."""
    NOT_SELECTED = "NotSelected"
    """The Revert's `only` does not name it, and a later Revert can take it back."""
    ALREADY_ROLLED_BACK = "AlreadyRolledBack"
    """Earlier Reverts rolled it back; on an action `rolledBackBy` names them."""
    NO_ROLLBACK_DEFINED = "NoRollbackDefined"
    """The type of the action has no default rollback, and the action has no `rollback` of its own."""
    NO_AUTOMATIC_ROLLBACK = "NoAutomaticRollback"
    """No state from before the action is stored that could be restored, and the action has no `rollback` of its own."""
    STATE_NOT_KEPT = "StateNotKept"
    """The state before the action was not stored whole, or cannot be restored, and the action has no `rollback`."""
    EXISTED_BEFORE = "ExistedBefore"
    """The object was there before the execution applied it, and stays."""
    SAME_OBJECT = "SameObject"
    """Another action of this Revert rolls the very same object back."""
    CREATED_BY_ANOTHER_ACTION = "CreatedByAnotherAction"
    """Another action of the original created the object, and is not rolled back."""
    DELETED_BY_ANOTHER_ACTION = "DeletedByAnotherAction"
    """A later action of the original deleted the object."""
    REPLACED_BY_ANOTHER_ACTION = "ReplacedByAnotherAction"
    """A later action of the original put another object in its place."""
    DELETED_BY_HOOK_CLEANUP = "DeletedByHookCleanup"
    """The action's own `hookCleanup` removed the object."""
    DELETED_BY_TTL = "DeletedByTtl"
    """The Job was to be removed some time after it had finished, and is gone."""
    DELETED_WITH_NAMESPACE = "DeletedWithNamespace"
    """The object went with its namespace, which an earlier Revert rolled back."""

    # It was not begun, and is Skipped.
    CONDITION_NOT_MET = "ConditionNotMet"
    """The condition `when` of the action does not hold in this mode."""
    NOTHING_TO_DELETE = "NothingToDelete"
    """An Execute in mode Delete found no action in the DRWorkflow whose object it could delete."""
    SKIPPED_ON_REQUEST = "SkippedOnRequest"
    """The action had failed, and a person decided to go on without it."""
    STOPPED_AFTER_FAILURE = "StoppedAfterFailure"
    """Something before it failed, and nothing further was started."""
    DEPENDENCY_NOT_SUCCEEDED = "DependencyNotSucceeded"
    """A stage or an action that it depends on, directly or not, did not succeed."""
    NOT_STARTED_BEFORE_CANCEL = "NotStartedBeforeCancel"
    """A person's cancel came before its turn."""

    # It was cut short, and is Canceled.
    CANCELED = "Canceled"
    """A person's cancel cut it short: the action was not done, or the workflow or the stage not to its end."""

    DELETION_PENDING = "DeletionPending"
    """A person's cancel ended the action while its object, which was told to go, still existed."""

    # It failed, because of something below it or around it.
    ACTION_FAILED = "ActionFailed"
    """An action of the workflow failed."""
    WORKFLOW_FAILED = "WorkflowFailed"
    """A workflow of the stage failed."""
    RUN_LOST = "RunLost"
    """Its run in Temporal was ended from outside, or broke, and did not tell how far it came."""

    # The action failed. The types of failures of an action's attempts have these names, too.
    OUTCOME_UNKNOWN = "OutcomeUnknown"
    """It is not known whether the action had its effect."""
    INTERNAL_ERROR = "InternalError"
    """The worker or Temporal failed, or both are at odds about the action."""
    TRANSIENT = "Transient"
    """The last attempt failed like the ones before by something that a repeat may mend, and no attempt is left."""
    NOT_FOUND = "NotFound"
    """The object, or something that the action needs, does not exist."""
    FORBIDDEN = "Forbidden"
    """The service account of the plan may not do it."""
    VERSION_NOT_SERVED = "VersionNotServed"
    """The API server serves the kind of the object in another version, or one of that name in another group."""
    KIND_NOT_SERVED = "KindNotServed"
    """The API server serves no version of the kind, and its CustomResourceDefinition still exists."""
    KIND_MISSPELT = "KindMisspelt"
    """The API server serves a kind that is spelt a little differently."""
    INVALID = "Invalid"
    """The API server or the worker refuses what the definition says."""
    ALREADY_EXISTS = "AlreadyExists"
    """Somebody else made an object of that name."""
    WRONG_UID = "WrongUid"
    """The object of that name is not the one that the execution made."""
    CHANGED_SINCE = "ChangedSince"
    """Somebody else has changed since what a Revert was to restore; the message names the fields."""
    UNDEFINED = "Undefined"
    """The definition that the action needs is gone, or is another one by now."""
    DELETION_TIMED_OUT = "DeletionTimedOut"
    """The object was told to go, and still existed when the action's time was over."""
    TIMED_OUT = "TimedOut"
    """The action's time was over, and no attempt is left."""
    TOO_LARGE = "TooLarge"
    """What was to be sent or kept is larger than the server takes."""
    UNSUPPORTED = "Unsupported"
    """No worker can carry out an action of that kind, or the API server serves no version of its object."""
    JOB_FAILED = "JobFailed"
    """The Job ended without success."""
    NOT_READY = "NotReady"
    """The object that was waited for has failed, or was not ready when the action's time was over."""
    NO_STATE_FROM_CLUSTER = "NoStateFromCluster"
    """The action's time was over, and Clusternet had not reported the state of an object in a cluster."""
    HTTP_STATUS = "HttpStatus"
    """The service answered that the request did not succeed, and no attempt is left."""
    HTTP_REFUSED = "HttpRefused"
    """The service refused the request, or the worker's settings do not allow the address."""
    UNTRUSTED_RUN = "UntrustedRun"
    """No execution records the run in Temporal that asked for the action, or it records something else."""
    UNTRUSTED_STEP = "UntrustedStep"
    """The execution's run asked for something that the execution did not decide on."""


class Lack(StrEnum):
    """Why a Revert does not restore a prior state."""

    SECRET = "Secret"  # noqa: S105 - a reason
    """The object, or what the action wrote into it, holds something secret, which is never stored."""
    TOO_LARGE = "TooLarge"
    BEING_DELETED = "BeingDeleted"
    """The deletion of the object had been requested before the action."""
    DOUBTFUL = "Doubtful"
    """An attempt before may have changed the object already."""
    RESULT_UNKNOWN = "ResultUnknown"
    """What the action left is not known: the worker was lost, and the API server had refused a dry run."""
    NOT_BY_CREATION = "NotByCreation"
    """A new object would not be what the deleted one was."""


@dataclass(frozen=True)
class Cause:
    """A reason with its sentence, and the earlier Reverts that it rests on."""

    reason: Reason
    message: str
    rolled_back_by: tuple[str, ...] = ()
