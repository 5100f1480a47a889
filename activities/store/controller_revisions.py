"""What is kept beside an execution for a later Revert, as ControllerRevisions that go with it.

Only the worker's own rights write and read them: the actor of a plan can neither change nor invent one. A
ControllerRevision fits because the API server refuses to change its `data`, and stores that data as it was
sent. Source: docs/operations.md, "What is kept"; Kubernetes, "ControllerRevision" and "Garbage Collection".
"""

import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass

from activities.attempt.failures import ActionError, action_error
from api.meta import API_VERSION, EXECUTION_UID_LABEL, ObjectKey
from api.steps import FailureType, Target
from kube.client import OWN, Cluster, Object
from kube.errors import AlreadyExistsError, ApiError, ConflictError, NotFoundError
from planning.messages import attempts as attempt_messages

BOUND = 1_500_000
"""Bytes of one record's data as it is sent. Measured with etcd's default limit, 1.5 MiB for a whole object: the API
server answers more with 500, as it does what passes by itself."""


@dataclass(frozen=True)
class Record:
    """A ControllerRevision, as far as it matters here."""

    name: str
    uid: str
    data: Object
    labels: Mapping[str, str]
    annotations: Mapping[str, str]


class Revisions:
    """The ControllerRevisions of executions. Methods raise ActionError."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    async def keep_record(
        self,
        execution: ObjectKey,
        name: str,
        data: Object,
        labels: Mapping[str, str] | None = None,
        annotations: Mapping[str, str] | None = None,
    ) -> Record:
        """Keep `data` under a name, owned by the execution; give the record, or the one that has the name already.

        One that is there is left as it is, whoever made it: the caller compares what it must rely on.
        """
        _refuse_too_large(name, data)
        body = _body(execution, name, data, labels or {}, annotations or {})
        try:
            created = await self._cluster.create(_target(execution.namespace, name), body, OWN)
        except AlreadyExistsError as error:
            if (found := await self.record(execution.namespace, name)) is not None:
                return found
            raise ActionError(FailureType.TRANSIENT, attempt_messages.failed_to_keep(name, error.message)) from error
        except ApiError as error:
            raise action_error(error, attempt_messages.failed_to_keep(name, error.message)) from error
        return _record(created)

    async def record(self, namespace: str, name: str) -> Record | None:
        """Read one; None where there is none."""
        try:
            return _record(await self._cluster.get(_target(namespace, name), OWN))
        except NotFoundError:
            return None
        except ApiError as error:
            raise action_error(
                error, attempt_messages.failed_to_read("ControllerRevision", name, error.message)
            ) from error

    async def records(self, execution: ObjectKey) -> AsyncIterator[Record]:
        """Read everything that is kept for an execution."""
        kind = _target(execution.namespace, "")
        try:
            async for page in self._cluster.pages(kind, f"{EXECUTION_UID_LABEL}={execution.uid}", OWN):
                for item in page.items:
                    yield _record(item)
        except ApiError as error:
            name = f"of {execution.name}"
            raise action_error(
                error, attempt_messages.failed_to_read("ControllerRevisions", name, error.message)
            ) from error

    async def forget(self, namespace: str, record: Record) -> None:
        """Remove one, so that it can be made anew; one that is gone, or is another by now, is left so."""
        try:
            await self._cluster.delete(_target(namespace, record.name), record.uid, OWN)
        except (NotFoundError, ConflictError):
            return
        except ApiError as error:
            raise action_error(error, attempt_messages.failed_to_keep(record.name, error.message)) from error


def _target(namespace: str, name: str) -> Target:
    return Target(api_version="apps/v1", kind="ControllerRevision", name=name, namespace=namespace)


def _refuse_too_large(name: str, data: Object) -> None:
    # The client sends JSON in its default form, and that is what etcd gets.
    if (size := len(json.dumps(data))) > BOUND:
        raise ActionError(FailureType.TOO_LARGE, attempt_messages.record_too_large(name, size, BOUND))


def _body(
    execution: ObjectKey, name: str, data: Object, labels: Mapping[str, str], annotations: Mapping[str, str]
) -> Object:
    # Without blockOwnerDeletion: it would need the right to set finalizers on executions, and only delay their end.
    owner = {"apiVersion": API_VERSION, "kind": "DRPlanExecution", "name": execution.name, "uid": execution.uid}
    metadata = {
        "name": name,
        "namespace": execution.namespace,
        "labels": {**labels, EXECUTION_UID_LABEL: execution.uid},
        "annotations": dict(annotations),
        "ownerReferences": [owner],
    }
    return {"apiVersion": "apps/v1", "kind": "ControllerRevision", "metadata": metadata, "revision": 1, "data": data}


def _record(found: Object) -> Record:
    metadata = found["metadata"]
    labels, annotations = metadata.get("labels") or {}, metadata.get("annotations") or {}
    return Record(metadata["name"], metadata["uid"], found.get("data") or {}, labels, annotations)
