"""What activities read: our own kinds with the worker's rights, live objects in the actor's name.

Functions raise ActionError, unless they say otherwise. Source: docs/architecture.md, "In whose name";
docs/spec/drplanexecution.md, "What a Revert does", "The observation" and "What is kept";
docs/spec/drplan.md, "Parameters".
"""

import asyncio
import json
from collections.abc import Collection, Iterable, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from pydantic import ValidationError

from activities.errors import ActionError, action_error
from activities.store import SnapshotStore
from api.execution import DRPlanExecution
from api.failures import FailureType
from api.meta import ACCEPTED_ANNOTATION, API_VERSION, PLAN_LABEL, ObjectKey, ObjectName, rfc3339
from api.objects import Actor, Target
from api.phases import OperationType
from api.plan import DRPlan
from api.snapshot import Snapshot
from api.workflow import DRWorkflow
from kube.client import OWN, Cluster, Object
from kube.concurrency import parallel
from kube.errors import ApiError, NotFoundError, UnknownKindError
from planning.definitions.identifiers import Workflows, label_value
from planning.definitions.nesting import MOST_LEVELS, levels
from planning.messages import access as access_messages
from planning.messages import actions as action_messages
from planning.messages import parameters as parameter_messages
from planning.messages import runs as run_messages
from planning.revert.older_records import with_reasons
from planning.revert.unwind import reverts_in
from planning.snapshot.documents import plan_of
from planning.values.parameters import Layers, reads
from planning.values.value_from import Answers, ManifestRead, Matches, UnreadableManifest

READS_AT_ONCE = 5
"""Of objects that values come from: each may hold a megabyte."""
MOST_OBJECTS = 20_000
"""Objects that the parameters of a run may be looked for in."""
MOST_BYTES = 8 << 20
"""Of those that they are read from, as JSON; as values of Python they take several times as much."""

OwnT = TypeVar("OwnT", DRPlan, DRWorkflow, DRPlanExecution)


async def find(
    cluster: Cluster, kind: type[OwnT], namespace: str, name: str, *, without: str | None = None
) -> OwnT | None:
    """Read one of our objects; None if there is none. The field `without` of its status is left out."""
    target = Target(api_version=API_VERSION, kind=kind.__name__, name=name, namespace=namespace)
    try:
        found = await cluster.get(target, OWN)
        if without is not None:
            status = {field: value for field, value in found.get("status", {}).items() if field != without}
            found = {**found, "status": status}
        return _parse(kind, found)
    except NotFoundError:
        return None
    except ApiError as error:
        name = f"{namespace}/{name}"
        raise action_error(error, action_messages.failed_to_read(kind.__name__, name, error.message)) from error


async def find_workflows(cluster: Cluster, references: Iterable[ObjectName]) -> Workflows:
    """Read every DRWorkflow that is named; those that do not exist are left out."""
    keys = list(dict.fromkeys((reference.in_namespace, reference.name) for reference in references))
    workflows = await parallel(keys, lambda key: find(cluster, DRWorkflow, *key))
    return {key: dr_workflow for key, dr_workflow in zip(keys, workflows, strict=True) if dr_workflow is not None}


async def read_execution(
    cluster: Cluster, key: ObjectKey, missing: FailureType, *, tree: bool = True
) -> DRPlanExecution:
    """Read an execution; one that is gone, or another one of its name, fails as `missing`.

    Without its `tree`, which may hold a megabyte, it is quickly parsed.
    """
    without = None if tree else "stageStatuses"
    execution = await find(cluster, DRPlanExecution, key.namespace, key.name, without=without)
    if execution is None or execution.metadata.uid != key.uid:
        raise ActionError(missing, access_messages.another_execution(key))
    return execution


def created_at(metadata: Object) -> datetime | None:
    """Return when an object was created; None where an aggregated API does not say, or says nonsense."""
    try:
        created = datetime.fromisoformat(metadata.get("creationTimestamp") or "")
    except (TypeError, ValueError):
        return None
    return created if created.tzinfo else None


async def executions_of_marks(
    cluster: Cluster, namespace: str, marks: Collection[str], selector: str = ""
) -> list[str]:
    """Return the names of the executions with these marks, as far as they exist. Raises ApiError.

    One that was restored from a backup is known by the uid that it had. The `selector` limits what is listed.
    """
    uids = {mark.partition("/")[0] for mark in marks} - {""}
    kind = Target(api_version=API_VERSION, kind="DRPlanExecution", name="", namespace=namespace)
    names = list[str]()
    if not uids:
        return names
    async for page in cluster.pages(kind, selector, OWN, metadata_only=True):
        for metadata in (item["metadata"] for item in page.items):
            if not uids.isdisjoint({metadata["uid"], (metadata.get("annotations") or {}).get(ACCEPTED_ANNOTATION)}):
                names.append(str(metadata["name"]))
    return names


async def original_of(cluster: Cluster, revert: DRPlanExecution) -> DRPlanExecution | None:
    """Read the execution that a Revert rolls back; None if it does not exist."""
    name = revert.spec.revert_execution_ref
    original = await find(cluster, DRPlanExecution, revert.metadata.namespace, name) if name else None
    return original and with_reasons(original)


@dataclass(frozen=True)
class OtherExecutions:
    """What a Revert needs to know of the other executions of its plan."""

    reverts: Sequence[DRPlanExecution]
    """Of the original and of later executions."""
    later: Sequence[DRPlanExecution]
    """Executes that may have begun after the original."""


async def other_executions(cluster: Cluster, original: DRPlanExecution) -> OtherExecutions:
    """Read the other executions of a plan: the bridge labels what it accepts, the older controller labelled nothing."""
    namespace = original.metadata.namespace
    kind = Target(api_version=API_VERSION, kind="DRPlanExecution", name="", namespace=namespace)
    reverts, later = list[DRPlanExecution](), list[DRPlanExecution]()
    try:
        for selector in (f"{PLAN_LABEL}={label_value(original.spec.plan_ref)}", f"!{PLAN_LABEL}"):
            async for page in cluster.pages(kind, selector, OWN):
                for item in (each for each in page.items if not each.get("spec", {}).get("dryRun")):
                    if _is_revert_of(item, original):
                        reverts += reverts_in(with_reasons(_parse(DRPlanExecution, item)))
                    elif _may_be_later(item, original):
                        # One that cannot be read was not executed; in a thread, for its status may have a megabyte.
                        with suppress(ActionError):
                            execution = with_reasons(await asyncio.to_thread(_parse, DRPlanExecution, item))
                            if execution.spec.operation_type is OperationType.REVERT:
                                reverts += reverts_in(execution)
                            else:
                                later.append(execution)
    except ApiError as error:
        message = action_messages.failed_to_read("DRPlanExecutions in", namespace, error.message)
        raise action_error(error, message) from error
    return OtherExecutions(reverts, later)


def _is_revert_of(item: Object, original: DRPlanExecution) -> bool:
    spec = item.get("spec", {})
    asked = (spec.get("operationType"), spec.get("revertExecutionRef"))
    return asked == (OperationType.REVERT, original.metadata.name)


def _may_be_later(item: Object, original: DRPlanExecution) -> bool:
    """Return whether an execution of the plan began after the original: most did not, and may be large."""
    began = item.get("status", {}).get("startTime")
    since = original.status.start_time or original.metadata.creation_timestamp
    is_later = since is None or began is None or str(began) >= rfc3339(since)
    return is_later and bool(item.get("spec", {}).get("planRef") == original.spec.plan_ref)


async def preview_with(cluster: Cluster, execution: DRPlanExecution) -> DRPlanExecution | None:
    """Read the preview with the digest that an execution names; None if there is none any more."""
    namespace, wanted = execution.metadata.namespace, execution.spec.preview_digest
    kind = Target(api_version=API_VERSION, kind="DRPlanExecution", name="", namespace=namespace)
    try:
        async for page in cluster.pages(kind, f"{PLAN_LABEL}={label_value(execution.spec.plan_ref)}", OWN):
            for item in page.items:
                shown = (item.get("status") or {}).get("preview") or {}
                if item["spec"].get("dryRun") and shown.get("digest") == wanted:
                    return _parse(DRPlanExecution, item)
    except ApiError as error:
        message = action_messages.failed_to_read("DRPlanExecutions in", namespace, error.message)
        raise action_error(error, message) from error
    return None


def _parse(kind: type[OwnT], raw: Object) -> OwnT:
    """Validate one of our objects; the error names the field, never a value."""
    if levels({"spec": raw.get("spec")}) > MOST_LEVELS:
        raise _unreadable(kind, raw, run_messages.too_deep(MOST_LEVELS))
    try:
        return kind.model_validate(raw)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        problem = f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"
        raise _unreadable(kind, raw, problem) from None


def _unreadable(kind: type[OwnT], raw: Object, problem: str) -> ActionError:
    message = action_messages.not_readable(kind.__name__, raw["metadata"]["name"], problem)
    return ActionError(FailureType.INVALID, message)


@dataclass(frozen=True)
class OriginalDefinitions:
    """The definitions that an original was executed with or, if those were not stored, the live ones."""

    plan: DRPlan | None
    workflows: Workflows
    snapshot: Snapshot | None = None
    """None: these are the live definitions."""


async def original_definitions(
    cluster: Cluster, snapshots: SnapshotStore, original: DRPlanExecution, live_plan: DRPlan | None
) -> OriginalDefinitions:
    """Read the definitions that an original was executed with; the live ones if the snapshot is gone or unreadable."""
    ref, key = original.status.snapshot, original.metadata.key
    if ref is not None:
        try:
            snapshot = await snapshots.root(key, ref)
            found = await parallel(snapshot.workflows, lambda kept: snapshots.workflow(key, kept))
            workflows = {(one.metadata.namespace, one.metadata.name): one for one in found}
            return OriginalDefinitions(plan_of(snapshot), workflows, snapshot)
        except ActionError as error:
            if error.type is not FailureType.UNDEFINED:
                raise
    references = (node.workflow_ref for stage in original.status.stages for node in stage.workflows)
    return OriginalDefinitions(live_plan, await find_workflows(cluster, references))


async def object_if_present(cluster: Cluster, target: Target, actor: Actor) -> Object | None:
    """Read a whole object; None if it is absent. Raises ApiError."""
    try:
        return await cluster.get(target, actor)
    except NotFoundError:
        return None


async def read_values(cluster: Cluster, actor: Actor, places: Sequence[Layers]) -> Answers:
    """Read, as the actor, the live objects that the parameters of all places refer to, each object once.

    What cannot be read is part of the answer, unless another attempt may be able to read it.
    """
    answers: dict[ManifestRead, Matches | UnreadableManifest] = {}
    reader = _ValueReader(cluster, actor)
    # In a thread: to evaluate the JSONPaths of a large plan takes seconds.
    while wanted := await asyncio.to_thread(reads, places, answers):
        found = await parallel(wanted, reader.read, READS_AT_ONCE)
        answers.update(zip(wanted, found, strict=True))
    return answers


class _ValueReader:
    """Reads the objects that values come from, within bounds for all of them."""

    def __init__(self, cluster: Cluster, actor: Actor) -> None:
        self._cluster = cluster
        self._actor = actor
        self._objects_left = MOST_OBJECTS
        self._bytes_left = MOST_BYTES

    async def read(self, read: ManifestRead) -> Matches | UnreadableManifest:
        """Read the object of a name, or all that have the labels."""
        try:
            matches = await self._matches(read)
        except NotFoundError:
            return Matches()
        except ApiError as error:
            raise_if_it_may_pass(error, action_messages.failed_to_read_value(read.text, error.message))
            return UnreadableManifest(error.message)
        if self._objects_left < 0:
            return UnreadableManifest(parameter_messages.too_many_objects(MOST_OBJECTS))
        self._bytes_left -= await asyncio.to_thread(lambda: sum(len(json.dumps(each)) for each in matches.objects))
        if self._bytes_left < 0:
            return UnreadableManifest(parameter_messages.objects_too_large(MOST_BYTES))
        return matches

    async def _matches(self, read: ManifestRead) -> Matches:
        """Return what matches, or a part of it where it is too much. Raises ApiError."""
        target = Target(api_version=read.api_version, kind=read.kind, name=read.name or "", namespace=read.namespace)
        matches = Matches()
        if read.name is not None:
            return matches.with_more([await self._cluster.get(target, self._actor)])
        # The items of a list do not say their kind; an object that is read by name does.
        kind = {"apiVersion": read.api_version, "kind": read.kind}
        selector, everywhere = read.label_selector or "", read.namespace is None
        async with aclosing(self._cluster.pages(target, selector, self._actor, everywhere=everywhere)) as pages:
            async for page in pages:
                self._objects_left -= len(page.items)
                if self._objects_left < 0:
                    break
                matches = matches.with_more([{**kind, **item} for item in page.items])
        return matches


def raise_if_it_may_pass(error: ApiError, message: str) -> None:
    """Raise ActionError for an answer that another one may follow. A kind that is not served is not waited for."""
    if error.repeatable and not isinstance(error, UnknownKindError):
        raise action_error(error, message) from error
