"""A real API server in the place of the one in memory: what is written through it is noted in the same way.

Only the requests of worker, bridge and person are seen; what a controller of Kubernetes does by itself is not.
"""

import os
from typing import Any, Self
from unittest import mock

from api.objects import Target
from api.phases import PatchType
from dev.stack import Stack
from kube.blocking import ApiServer as BlockingClient
from kube.client import Cluster
from kube.errors import NotFoundError
from kube.media_types import PATCHES
from kube.request import Object, Request
from tests.admin import Admin
from tests.stateful.api_server import KINDS, PERSON, ApiServer, Change, Place, manager_of, parsed

_CLEARED = ("DRPlanExecution", "DRPlan", "DRWorkflow", "ConfigMap", "Localization")
_OF_THE_CLUSTER = "kube-root-ca.crt"


class LiveServer(ApiServer):
    """What is known of the objects of a real API server, from the answers to all writes."""

    def __init__(self, stack: Stack, namespace: str) -> None:
        super().__init__()
        self._person = BlockingClient.connect(stack.env()["KUBECONFIG"], user_agent=PERSON)
        self._namespace = namespace
        self._let_act(stack)
        self._clear()

    def by_person(
        self, method: str, target: Target, body: Any = None, content: str = PATCHES[PatchType.MERGE]
    ) -> Object:
        """Make a request in the name of an administrator. Raises ApiError."""
        kind = next(each for each in KINDS if each.kind == target.kind)
        path = f"{kind.root}/namespaces/{target.namespace}/{kind.plural}"
        path += "" if method == "POST" else f"/{target.name}"
        content = content if method == "PATCH" else "application/json"
        answer = self._person.call(method, path, query={"fieldManager": PERSON}, body=body, content=content)
        self.record(method, PERSON, PERSON, Place(target.kind, target.namespace or "", target.name), answer)
        return answer

    def record(self, method: str, user: str | None, manager: str, place: Place, answer: Object) -> None:
        """Note what a write has made of an object."""
        before, metadata = self.objects.get(place), answer.get("metadata") or {}
        gone = answer.get("kind") == "Status" or (metadata.get("deletionTimestamp") and not metadata.get("finalizers"))
        after = None if gone else answer
        if (before or after) is None or (before and after and _version(before) >= _version(after)):
            return
        if after is None:
            self.objects.pop(place, None)
        else:
            self.objects[place] = after
        self._note(Change(method, user, manager, place, before, after))

    def _let_act(self, stack: Stack) -> None:
        subject = {"kind": "ServiceAccount", "name": "default", "namespace": self._namespace}
        role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "drplan-stack-actions"}
        binding = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "roleRef": role}
        admin = Admin.of(stack)
        if not admin.may(f"system:serviceaccount:{self._namespace}:default", "create", "configmaps", self._namespace):
            admin.create({**binding, "metadata": {"name": "actions-of-sequences"}, "subjects": [subject]})

    def _clear(self) -> None:
        """Delete what an earlier sequence has left."""
        for kind in (each for name in _CLEARED for each in KINDS if each.kind == name):
            path = f"{kind.root}/namespaces/{self._namespace}/{kind.plural}"
            for item in self._person.call("GET", path)["items"]:
                name = item["metadata"]["name"]
                if name != _OF_THE_CLUSTER:
                    held = {"metadata": {"finalizers": None}}
                    self._person.call("PATCH", f"{path}/{name}", body=held, content="application/merge-patch+json")
                    try:
                        self._person.call("DELETE", f"{path}/{name}", about=name)
                    except NotFoundError:
                        continue


class RecordingCluster(Cluster):
    """The product's client of a real API server; every write is noted, and faults are made."""

    server: LiveServer

    @classmethod
    async def of(cls, stack: Stack, server: LiveServer) -> Self:
        """Connect as an administrator."""
        with mock.patch.dict(os.environ, stack.env()):
            cluster = await cls.connect()
        cluster.server = server
        return cluster

    async def close(self) -> None:
        """Leave it open: bridges come and go."""

    async def end(self) -> None:
        """Close it."""
        await super().close()

    async def _call(self, request: Request, seconds: float | None = None) -> Object:
        place = parsed(request.path)
        if place is None:
            return await super()._call(request, seconds)
        body = request.body if isinstance(request.body, dict) else {}
        name = place.name or body.get("metadata", {}).get("name", "")
        asking = self._dry_run or "dryRun" in request.query
        fault = None if asking else self.server.fault_before(request, name)
        answer = await super()._call(request, seconds)
        if request.method != "GET" and not asking:
            place = place._replace(name=name or answer["metadata"]["name"])
            self.server.record(request.method, request.actor.user, manager_of(request), place, answer)
        self.server.fault_after(fault)
        return answer


def _version(found: Object) -> int:
    return int(found["metadata"]["resourceVersion"])
