"""A namespace on the real API server, and activities run in it as a worker would run them."""

import dataclasses
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from temporalio.testing import ActivityEnvironment

from activities.authorize import actor_of
from activities.execute_action import ExecuteActivities
from activities.registry import effects
from activities.rollback_action import RollbackActivities
from api.attempts import Heartbeat
from api.meta import ObjectName
from api.objects import Actor, Target
from api.steps import Attempts, Deletion, ExecuteStep, RollbackStep
from dev.stack import Stack
from kube.client import Cluster
from tests.activities.believed_inputs import BelievedInputs
from tests.admin import Admin
from tests.audit_log import AuditLog
from tests.eventually import until
from tests.manifests import dr_workflow
from workflows.converter import DATA_CONVERTER

GivenT = TypeVar("GivenT")
AnswerT = TypeVar("AnswerT")
Object = dict[str, Any]

HOLD = "tests.example.com/hold"
"""A finalizer that keeps an object until the test lets it go."""


def config_map(name: str, namespace: str) -> Target:
    return Target(api_version="v1", kind="ConfigMap", name=name, namespace=namespace)


def localization(name: str, namespace: str) -> Target:
    return Target(api_version="apps.clusternet.io/v1alpha1", kind="Localization", name=name, namespace=namespace)


def gadgets() -> Object:
    """Give the definition of a kind that nobody else uses."""
    schema = {"openAPIV3Schema": {"type": "object"}}
    names = {"kind": "Gadget", "plural": "gadgets", "singular": "gadget"}
    version = {"name": "v1", "served": True, "storage": True, "schema": schema}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "gadgets.tests.example.com"},
        "spec": {"group": "tests.example.com", "scope": "Namespaced", "names": names, "versions": [version]},
    }


@dataclass(frozen=True)
class LiveNamespace:
    """What tests do to the world, as the administrator; `cluster` and `actor` are what activities use."""

    stack: Stack
    namespace: str
    cluster: Cluster

    @property
    def actor(self) -> Actor:
        return actor_of(self.namespace, "default")

    @property
    def rollbacks(self) -> RollbackActivities:
        """The activities of a Revert's actions, with every effect that the worker has."""
        return RollbackActivities(
            self.cluster,
            ExecuteActivities(self.cluster, effects(self.cluster), BelievedInputs(self.cluster)),
            BelievedInputs(self.cluster),
        )

    def kubectl(self, *arguments: str, stdin: str | None = None) -> str:
        return self.stack.kubectl(*arguments, "-n", self.namespace, stdin=stdin).stdout

    @property
    def admin(self) -> Admin:
        return Admin.of(self.stack)

    def create(self, *bodies: Object) -> None:
        for body in bodies:
            for each in body["items"] if body["kind"] == "List" else [body]:
                self.admin.create(each, self.namespace)

    def config_map(self, name: str, **metadata: Any) -> str:
        """Create a ConfigMap; give its uid."""
        self.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, **metadata}})
        return self.uid("configmap", name)

    def get(self, kind: str, name: str) -> Object | None:
        return self.admin.get(kind, name, self.namespace)

    def uid(self, kind: str, name: str) -> str:
        found = self.get(kind, name)
        assert found is not None, f"{kind} {name} is absent"
        return str(found["metadata"]["uid"])

    def delete(self, kind: str, name: str, *, wait: bool = True) -> None:
        """Delete an object as kubectl does, which waits until it is gone."""
        uid = self.uid(kind, name)
        self.admin.delete(kind, name, self.namespace, propagationPolicy="Background")
        if wait:
            until(
                lambda: (self.get(kind, name) or {"metadata": {"uid": ""}})["metadata"]["uid"] != uid, f"{name} is gone"
            )

    def patch(self, kind: str, name: str, body: Object, subresource: str = "") -> None:
        """Merge a patch into an object."""
        self.admin.patch(kind, name, body, self.namespace, subresource)

    def annotate(self, kind: str, name: str, **annotations: str) -> None:
        self.patch(kind, name, {"metadata": {"annotations": annotations}})

    def let_go(self, kind: str, name: str) -> None:
        """Take all finalizers away."""
        self.admin.patch(kind, name, {"metadata": {"finalizers": None}}, self.namespace)

    def define(self, *actions: Object, name: str = "flow") -> None:
        """Create the DRWorkflow whose actions are carried out."""
        self.create(dr_workflow(name, *actions))

    def step(self, action: str, index: int = 0, **attempts: Any) -> ExecuteStep:
        mark = f"uid-of-execution/0/0/{index}"
        return ExecuteStep(index=index, action=action, mark=mark, title=action, attempts=Attempts(**attempts))

    @property
    def flow(self) -> ObjectName:
        """The DRWorkflow that `define` creates."""
        return ObjectName(name="flow", namespace=self.namespace)

    def version(self, kind: str, name: str) -> str:
        found = self.get(kind, name)
        assert found is not None, f"{kind} {name} is absent"
        return str(found["metadata"]["resourceVersion"])

    def deletion(
        self,
        target: Target,
        uid: str,
        *more: Deletion,
        foreground: bool = False,
        version: str | None = None,
        **attempts: Any,
    ) -> RollbackStep:
        first = Deletion(target=target, uid=uid, foreground=foreground, version=version)
        return RollbackStep(deletions=[first, *more], attempts=Attempts(**attempts))

    def deletions(self, at_least: int = 0) -> Counter[str]:
        """Count successful deletions by uid."""
        return AuditLog(self.stack.layout.audit_log).deletions(self.namespace, at_least)


@dataclass
class Attempt:
    """One attempt of an activity outside Temporal: what it is told, and what it tells."""

    number: int = 1
    left: Heartbeat | None = None
    """What the attempt before left in its last heartbeat."""
    beats: list[Heartbeat] = field(default_factory=list)
    environment: ActivityEnvironment = field(default_factory=ActivityEnvironment)

    async def run(self, work: Callable[[GivenT], Awaitable[AnswerT]], given: GivenT) -> AnswerT:
        left = [self.left.to_object()] if self.left else []
        info = dataclasses.replace(self.environment.info, attempt=self.number, heartbeat_details=left)
        self.environment.info = info
        self.environment.payload_converter = DATA_CONVERTER.payload_converter
        self.environment.on_heartbeat = self.beats.append
        return await self.environment.run(work, given)
