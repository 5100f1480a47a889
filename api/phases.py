"""The values of the resource contract as enums: phases, operations, policies.

Every comparison in the project uses these; the string values are what people write and read in
objects. Source: docs/concepts.md and the CRDs of existing installations.
"""

from enum import StrEnum


class Phase(StrEnum):
    """Phase of a plan run, stage, workflow or action. Each sentence says what is then true."""

    PENDING = "Pending"
    """Nothing of it has started. It may become Running, Skipped or Canceled."""
    RUNNING = "Running"
    """It has started; an action may be between two attempts. It may become any terminal phase."""
    SUCCEEDED = "Succeeded"
    """Terminal. All of it was done (a part that had nothing to do counts as done)."""
    FAILED = "Failed"
    """Terminal. Something in it failed; its message leads to the cause."""
    SKIPPED = "Skipped"
    """Terminal. It was never started, on purpose; its message says why."""
    CANCELED = "Canceled"
    """Terminal. A person's cancel cut it short; what was done before stays done."""
    UNKNOWN = "Unknown"
    """Not terminal. Only the older controller wrote it; we read it and never write it."""

    @property
    def terminal(self) -> bool:
        """Tell whether this phase is final: nothing is written after it."""
        return self in TERMINAL


TERMINAL = frozenset({Phase.SUCCEEDED, Phase.FAILED, Phase.SKIPPED, Phase.CANCELED})


class OperationType(StrEnum):
    """What a DRPlanExecution does with its plan."""

    EXECUTE = "Execute"
    REVERT = "Revert"


class Mode(StrEnum):
    """The path through a plan that an Execute takes; `when` conditions compare with it."""

    INSTALL = "Install"
    UPGRADE = "Upgrade"
    DELETE = "Delete"
    ROLLBACK = "Rollback"


class OnMissing(StrEnum):
    """What a Revert does about an object that was already gone when it started."""

    FAIL = "Fail"
    """The action fails when its turn comes."""
    IGNORE = "Ignore"
    """The action is Skipped and the Revert continues."""


class OnFailure(StrEnum):
    """What an execution does when an action failed and has no retry left."""

    STOP = "Stop"
    """The action is Failed; the failure policies say what follows."""
    PAUSE = "Pause"
    """The action waits for a person's decision, as long as that takes."""


class PlanFailurePolicy(StrEnum):
    """What an Execute does after a failed stage."""

    STOP = "Stop"
    """No further stage starts."""
    CONTINUE = "Continue"
    """Stages that do not depend on the failed one still start."""


class StageFailurePolicy(StrEnum):
    """What a stage of an Execute does after a failed workflow; overrides the plan's policy."""

    STOP = "Stop"
    """No further workflow starts."""
    CONTINUE = "Continue"
    """All workflows run."""
    FAIL_FAST = "FailFast"
    """No further workflow starts and running siblings are cancelled."""


class WorkflowFailurePolicy(StrEnum):
    """What a DRWorkflow does in an Execute after a failed action."""

    FAIL_FAST = "FailFast"
    """No further action starts."""
    CONTINUE = "Continue"
    """The other actions run; the workflow ends as Failed."""


class ActionType(StrEnum):
    """The kinds of action that a DRWorkflow can hold."""

    HTTP = "HTTP"
    JOB = "Job"
    LOCALIZATION = "Localization"
    GLOBALIZATION = "Globalization"
    HELM_CHART = "HelmChart"
    SUBSCRIPTION = "Subscription"
    KUBERNETES_RESOURCE = "KubernetesResource"


class Operation(StrEnum):
    """What an action does with its object."""

    CREATE = "Create"
    """A POST; an object of that name that someone else created is an error."""
    APPLY = "Apply"
    """A server-side apply; creates the object where it is absent."""
    PATCH = "Patch"
    DELETE = "Delete"
    """A deletion, done once the object is gone; an object already absent is success."""
    REPLACE = "Replace"


class PatchType(StrEnum):
    """How the operation Patch changes an object. Source: Kubernetes, "Kubernetes API Concepts", "Patching"."""

    MERGE = "merge"
    """A JSON merge patch: what is named is set, null removes, and a list is replaced whole."""
    STRATEGIC = "strategic"
    """A strategic merge patch: lists of named items are merged by name. Only for kinds that are built in."""
    JSON = "json"
    """A JSON patch: a list of changes, each at a path."""


class PlanPhase(StrEnum):
    """Phase of a DRPlan."""

    READY = "Ready"
    """Valid, and not executed since it was last taken back."""
    EXECUTED = "Executed"
    """Its last Execute succeeded and was not taken back."""
    INVALID = "Invalid"
    """Validation found errors; a condition lists them."""


class WorkflowPhase(StrEnum):
    """Phase of a DRWorkflow."""

    READY = "Ready"
    INVALID = "Invalid"
