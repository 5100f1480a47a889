"""What the index keeps of an execution, and the keys of all objects of this project."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple

from api.meta import ACCEPTED_ANNOTATION, API_VERSION, CANCEL_ANNOTATION, FINALIZER, PLAN_LABEL
from api.objects import Target
from api.phases import TERMINAL, OperationType, Phase
from bridge.status.conditions import WAITING_FOR_REFERENCE, WAITING_FOR_START, ConditionType
from kube.client import Object
from planning.definitions.identifiers import label_value


class ObjectKind(StrEnum):
    """The kinds of this project."""

    EXECUTION = "DRPlanExecution"
    PLAN = "DRPlan"
    DR_WORKFLOW = "DRWorkflow"


class Key(NamedTuple):
    """An object to pass over."""

    kind: ObjectKind
    namespace: str
    name: str

    @property
    def target(self) -> Target:
        """The object as calls to the API server name it."""
        return Target(api_version=API_VERSION, kind=self.kind.value, name=self.name, namespace=self.namespace)


class Age(NamedTuple):
    """Order of a queue: oldest first; of the same second, Executes before Reverts, then by uid.

    An Execute and its Revert that are applied together are created within one second.
    """

    created: str
    reverts: bool
    uid: str


@dataclass(frozen=True)
class Entry:
    """An execution that has not ended, or has ended with something left to do."""

    key: Key
    uid: str
    created: str
    """RFC 3339, so that text order is time order."""
    plan: str
    original: str
    reverts: bool
    phase: str
    workflow_id: str
    missing: bool
    """A reference is missing: it is not in the queue."""
    leaving: bool
    """A cancel was requested, or the object is being deleted."""
    starting: bool = False
    """It has no status yet, or one that says that it is to be started."""
    listed: bool = True
    """Its status shows stages."""
    preview: bool = False
    """It changes nothing, and so neither waits for its plan nor holds it."""

    @property
    def waits(self) -> bool:
        """Whether it is in its plan's queue."""
        return not (self.workflow_id or self.missing or self.leaving or self.preview or self.phase in TERMINAL)

    @property
    def runs(self) -> bool:
        """Whether it runs its plan: it has a run and has not ended."""
        return bool(self.workflow_id) and not self.preview and self.phase not in TERMINAL

    @property
    def age(self) -> Age:
        """Its position in the order of the queue."""
        return Age(self.created, self.reverts, self.uid)


def entry_of(item: Object) -> Entry | None:
    """Return an execution's entry; None when nothing is left to do for it."""
    meta, spec, status = item["metadata"], item.get("spec") or {}, item.get("status") or {}
    deleting, finalizer = bool(meta.get("deletionTimestamp")), FINALIZER in meta.get("finalizers", [])
    annotations = meta.get("annotations") or {}
    workflow_id = str((status.get("engine") or {}).get("workflowId") or "")
    has_own_run = workflow_id.endswith(f"/{meta['uid']}")
    workflow_id = workflow_id if has_own_run else ""
    ours = annotations.get(ACCEPTED_ANNOTATION) == meta["uid"] or has_own_run
    phase = str(status.get("phase") or "")
    if phase in TERMINAL and not (
        (finalizer and (ours or deleting))
        or _uncounted(status, annotations)
        or (has_own_run and (lost_metadata(item) or (status.get("proof") or {}).get("nextCheckAt")))
    ):
        return None
    reasons = [(condition.get("type"), condition.get("reason")) for condition in status.get("conditions") or []]
    return Entry(
        key=Key(ObjectKind.EXECUTION, meta.get("namespace", ""), meta["name"]),
        uid=meta["uid"],
        created=str(meta.get("creationTimestamp") or ""),
        plan=str(spec.get("planRef") or ""),
        original=str(spec.get("revertExecutionRef") or spec.get("revertTo") or ""),
        reverts=spec.get("operationType") == OperationType.REVERT,
        phase=phase,
        workflow_id=workflow_id,
        missing=(ConditionType.REFERENCES_FOUND, WAITING_FOR_REFERENCE) in reasons,
        starting=not phase or (phase == Phase.PENDING and (ConditionType.PROGRESSING, WAITING_FOR_START) in reasons),
        listed=bool(status.get("stageStatuses")),
        leaving=deleting or annotations.get(CANCEL_ANNOTATION) == "true",
        preview=bool(spec.get("dryRun")),
    )


def is_new(item: Object) -> bool:
    """Return whether nobody has begun with an execution: no bridge, no older controller, and no person with an end."""
    meta = item["metadata"]
    annotations = meta.get("annotations") or {}
    begun = item.get("status") or meta.get("finalizers") or meta.get("deletionTimestamp")
    return not (begun or ACCEPTED_ANNOTATION in annotations or CANCEL_ANNOTATION in annotations)


def lost_metadata(item: Object) -> dict[str, Any]:
    """Return, as a change to its metadata, what an accepted execution no longer has of our annotation and label."""
    meta, lost = item["metadata"], dict[str, Any]()
    if (meta.get("annotations") or {}).get(ACCEPTED_ANNOTATION) != meta["uid"]:
        lost["annotations"] = {ACCEPTED_ANNOTATION: meta["uid"]}
    label = label_value(str((item.get("spec") or {}).get("planRef") or ""))
    if (meta.get("labels") or {}).get(PLAN_LABEL) != label:
        lost["labels"] = {PLAN_LABEL: label}
    return lost


def _uncounted(status: Object, annotations: Object) -> bool:
    """Return whether the older controller finished an execution, whose columns are still to be counted."""
    foreign = ACCEPTED_ANNOTATION not in annotations and not status.get("engine")
    return foreign and bool(status.get("stageStatuses")) and not status.get("progress")
