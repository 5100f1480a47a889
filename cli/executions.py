"""What the commands ask the API server: create, read, list, follow to the end, cancel."""

import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from api.names import API_VERSION, CANCEL_ANNOTATION, REQUESTED_BY_ANNOTATION
from api.phases import OperationType
from kube.blocking import ApiServer, Object
from kube.errors import ApiError, ForbiddenError, NotFoundError
from kube.media_types import MERGE_PATCH, METADATA_LIST

POLL_SECONDS = 0.5
"""The bridge writes about as often."""
LATEST = "@latest"
_PAGE = "50"
_EXECUTIONS = "drplanexecutions"


class NoExecutionError(Exception):
    """There is no execution that a name such as `@latest` could mean."""


@dataclass(frozen=True)
class Seen:
    """What was read of an execution, or why nothing could be read since."""

    body: Object
    away: str = ""
    """Why the API server did not answer last; empty where it did."""
    read_at: float = 0.0
    """When `body` was read, on the monotonic clock."""


class Executions:
    """The executions of one namespace. Raises ApiError."""

    def __init__(self, server: ApiServer, namespace: str) -> None:
        self._server = server
        self.namespace = namespace

    def execute(self, plan: str, name: str | None, options: Mapping[str, Any]) -> str:
        """Create an execution of a plan and return its name; without one, the API server generates it.

        `options` are further fields of its spec.
        Raises NotFoundError where there is no such plan; whoever may not read plans learns it from the execution.
        """
        with suppress(ForbiddenError):
            self._server.call("GET", self._path("drplans", plan), about=plan)
        body = {"planRef": plan, "operationType": OperationType.EXECUTE.value, **options}
        return self._create(_called(name, plan, "execute", options), body)

    def revert(self, execution: str, name: str | None, options: Mapping[str, Any]) -> str:
        """Create a Revert of an execution and return its name; without one, the API server generates it.

        `options` are further fields of its spec; with `revertTo` that is the execution to return to.
        """
        plan = self.get(execution)["spec"]["planRef"]
        body = {"planRef": plan, "operationType": OperationType.REVERT.value, **options}
        if "revertTo" not in options:
            body["revertExecutionRef"] = execution
        return self._create(_called(name, execution, "revert", options), body)

    def _create(self, metadata: Object, spec: Object) -> str:
        metadata = {**metadata, "annotations": {REQUESTED_BY_ANNOTATION: self.user()}}
        body = {"apiVersion": API_VERSION, "kind": "DRPlanExecution", "metadata": metadata, "spec": spec}
        query = {"fieldManager": "drplan"}
        created = self._server.call("POST", self._path(_EXECUTIONS), query=query, body=body, about=self.namespace)
        return str(created["metadata"]["name"])

    def get(self, name: str) -> Object:
        """Read an execution."""
        return self._server.call("GET", self._path(_EXECUTIONS, name), about=name)

    def plan(self, name: str) -> Object:
        """Read a plan; empty where there is none, or none that the user may read."""
        with suppress(ForbiddenError, NotFoundError):
            return self._server.call("GET", self._path("drplans", name), about=name)
        return {}

    def user(self) -> str:
        """Return the name of the user, as the API server knows it."""
        review = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
        answer = self._server.call("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", body=review)
        return str(answer["status"]["userInfo"]["username"])

    def cancel(self, name: str) -> None:
        """Request the cancel of an execution; repeating it changes nothing."""
        self.annotate(name, {CANCEL_ANNOTATION: "true"})

    def annotate(self, name: str, annotations: Mapping[str, str | None], version: str | None = None) -> None:
        """Set annotations of an execution, and remove those with None.

        Raises ConflictError where it is no longer at the resourceVersion `version`.
        """
        metadata: Object = {"annotations": dict(annotations)} | ({"resourceVersion": version} if version else {})
        change = {"metadata": metadata}
        path, query = self._path(_EXECUTIONS, name), {"fieldManager": "drplan"}
        self._server.call("PATCH", path, query=query, body=change, content=MERGE_PATCH, about=name)

    def newest(self, plan: str = "", everywhere: bool = False) -> list[Object]:
        """Return the executions, of one plan or of all, the newest first."""
        path = self._path(_EXECUTIONS, everywhere=everywhere)
        found = list(self._pages(path, "application/json"))
        of_plan = [each for each in found if not plan or each.get("spec", {}).get("planRef") == plan]
        return sorted(of_plan, key=_newness, reverse=True)

    def names(self, plural: str = _EXECUTIONS) -> list[str]:
        """Return the names of the objects of a resource of ours; only their metadata is read."""
        return sorted(str(each["metadata"]["name"]) for each in self._pages(self._path(plural), METADATA_LIST))

    def namespaces(self) -> list[str]:
        """Return the names of the namespaces."""
        return sorted(str(each["metadata"]["name"]) for each in self._pages("/api/v1/namespaces", METADATA_LIST))

    def _pages(self, path: str, accept: str) -> Iterator[Object]:
        query = {"limit": _PAGE}
        while True:
            page = self._server.call("GET", path, query=query, accept=accept)
            for each in page.get("items") or []:
                yield {"apiVersion": API_VERSION, "kind": "DRPlanExecution", **each}
            if not (token := page.get("metadata", {}).get("continue")):
                return
            query = {"limit": _PAGE, "continue": str(token)}

    def resolve(self, name: str, operation: OperationType | None = None) -> str:
        """Return the name that is meant: `@latest` is the newest execution, `PLAN@latest` the newest one of a plan.

        `operation` keeps to those of one operation, which no preview carried out. Raises NoExecutionError.
        """
        if not name.endswith(LATEST):
            return name
        plan = name.removesuffix(LATEST)
        for each in self.newest(plan):
            spec = each.get("spec", {})
            if operation is None or (spec.get("operationType") == operation and not spec.get("dryRun")):
                return str(each["metadata"]["name"])
        of_plan = f" of DRPlan {plan}" if plan else ""
        kind = f"{operation.value} " if operation else "execution "
        raise NoExecutionError(f"there is no {kind.strip()}{of_plan} in namespace {self.namespace}")

    def follow(self, name: str) -> Iterator[Seen]:
        """Yield what is read of an execution, again and again, until it has ended.

        An API server that does not answer is waited for: what was read last is repeated with the reason.
        """
        seen = Seen({})
        while True:
            pause = POLL_SECONDS
            try:
                seen = Seen(self.get(name), read_at=time.monotonic())
            except ApiError as error:
                if not error.unavailable:
                    raise
                seen = Seen(seen.body, str(error), seen.read_at)
                pause = max(pause, error.retry_after or 0.0)
            if seen.body or seen.away:
                yield seen
            if not seen.away and ended(seen.body):
                return
            time.sleep(pause)

    def _path(self, plural: str, name: str = "", everywhere: bool = False) -> str:
        place = "" if everywhere else f"/namespaces/{_segment(self.namespace)}"
        return f"/apis/{API_VERSION}{place}/{plural}{f'/{_segment(name)}' if name else ''}"


def _called(name: str | None, of: str, operation: str, options: Mapping[str, Any]) -> Object:
    """Return the name of a new execution, or what the API server is to make one from."""
    return {"name": name} if name else {"generateName": f"{of}-{'preview' if options.get('dryRun') else operation}-"}


def _newness(body: Object) -> tuple[str, str]:
    metadata = body.get("metadata", {})
    # Times are whole seconds: of two in the same one, the API server's version tells, where it is a number.
    version = str(metadata.get("resourceVersion") or "")
    return str(metadata.get("creationTimestamp") or ""), version.zfill(30)


def ended(body: Object) -> bool:
    """Tell whether an execution has a phase after which nothing comes."""
    return (body.get("status") or {}).get("phase") in ("Succeeded", "Failed", "Canceled", "Skipped")


def _segment(name: str) -> str:
    """Return a name as a part of a path. Raises NotFoundError for what no object can be called."""
    if not name or name in (".", "..") or "/" in name or "%" in name or not name.isprintable() or not name.isascii():
        raise NotFoundError(f'"{name}" is not the name of an object', 404, "NotFound")
    return name
