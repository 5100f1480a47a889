"""Given, when, then: one test's namespace, and the words in which the tests tell their stories."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests import manifests
from tests.audit_log import AuditLog, Write
from tests.eventually import DEADLINE, until
from tests.kubectl import Kubectl, Object, Watch
from tests.manifests import HOLD

EXECUTION = "drplanexecution"


@dataclass(frozen=True)
class Story:
    """A namespace of its own, in which the plan's service account may do what the actions need."""

    kubectl: Kubectl
    audit: AuditLog

    @property
    def namespace(self) -> str:
        """Where everything of this test happens."""
        return self.kubectl.namespace

    # given

    def makes(self, name: str, operation: str = "Create", held: bool = False, **more: Any) -> Object:
        """Give an action `make-<name>` that makes a ConfigMap here."""
        return manifests.makes_config_map(name, self.namespace, operation, held, **more)

    def plan(self, name: str, workflows: dict[str, list[Object]], **more: Any) -> None:
        """Apply a plan with a stage `<workflow>-stage` for each DRWorkflow, in this order."""
        stages = [manifests.stage(f"{each}-stage", self.namespace, each) for each in workflows]
        made = [manifests.dr_workflow(each, *actions) for each, actions in workflows.items()]
        self.kubectl.apply(*made, manifests.dr_plan(name, *stages, **more))

    def executed(self, name: str, plan: str) -> Object:
        """Carry a plan out to its good end, until the plan is free for the next execution, and give the status."""
        self.execute(name, plan)
        status = self.succeeded(name)
        until(lambda: not self.kubectl.get(EXECUTION, name)["metadata"].get("finalizers"), "the plan is free")
        return status

    # when

    def execute(self, name: str, plan: str, **more: Any) -> None:
        """Create an Execute."""
        self.kubectl.create(manifests.execute(name, plan, **more))

    def revert(self, name: str, plan: str, of: str, **more: Any) -> None:
        """Create a Revert."""
        self.kubectl.create(manifests.revert(name, plan, of, **more))

    def let_go(self, name: str, kind: str = "configmap") -> None:
        """Take our finalizer off an object, so that its deletion can end."""
        self.kubectl.patch(f"{kind}/{name}", {"metadata": {"finalizers": None}})

    def watching(self) -> Watch:
        """Follow all executions of this namespace."""
        return self.kubectl.watch(EXECUTION)

    # then

    def completed(self, name: str, seconds: float = DEADLINE) -> Object:
        """Wait for the condition Completed, as `kubectl wait` does, and give the status."""
        self.kubectl.admin.wait_for("Completed", EXECUTION, name, self.namespace, seconds)
        return self.status(name)

    def succeeded(self, name: str, seconds: float = DEADLINE) -> Object:
        """Give the status of an execution that must end well."""
        return self._ended(name, "Succeeded", seconds)

    def failed(self, name: str, seconds: float = DEADLINE) -> Object:
        """Give the status of an execution that must fail."""
        return self._ended(name, "Failed", seconds)

    def _ended(self, name: str, phase: str, seconds: float) -> Object:
        status = self.completed(name, seconds)
        assert status["phase"] == phase, f"{name}: {status['phase']}: {status.get('message')}"
        return status

    def status(self, name: str) -> Object:
        """Read an execution's status, empty when there is none yet."""
        answer: Object = self.kubectl.get(EXECUTION, name).get("status", {})
        return answer

    def eventually(self, name: str, holds: Callable[[Object], bool], seconds: float = DEADLINE) -> Object:
        """Poll an execution's status until `holds` and give it. Raises TimeoutError."""
        deadline = time.monotonic() + seconds
        while not holds(status := self.status(name)):
            if time.monotonic() > deadline:
                raise TimeoutError(f"{name} did not come to it within {seconds:g} s: {status}")
            time.sleep(0.1)
        return status

    def eventually_found(self, kind: str, selector: str, seconds: float = DEADLINE) -> Object:
        """Wait for the one object that bears these labels and give it. Raises TimeoutError."""
        deadline = time.monotonic() + seconds
        while not (found := json.loads(self.kubectl("get", kind, "-l", selector, "-o", "json"))["items"]):
            if time.monotonic() > deadline:
                raise TimeoutError(f"no {kind} with {selector} came within {seconds:g} s")
            time.sleep(0.1)
        only: Object = found[0]
        return only

    def uid(self, kind: str, name: str) -> str:
        """Give an object's uid."""
        answer: str = self.kubectl.get(kind, name)["metadata"]["uid"]
        return answer

    def exists(self, kind: str, name: str) -> bool:
        """Tell whether an object is there."""
        return self.kubectl.find(kind, name) is not None

    def held(self, name: str) -> bool:
        """Tell whether a ConfigMap is being deleted and waits for our finalizer."""
        found = self.kubectl.find("configmap", name) or {"metadata": {}}
        return "deletionTimestamp" in found["metadata"] and HOLD in found["metadata"]["finalizers"]

    def writes_to(self, *resources: str) -> list[Write]:
        """Give the successful changes of these resources in this namespace by the plan's service account."""
        actor = f"system:serviceaccount:{self.namespace}:default"
        return [each for each in self.audit.writes(self.namespace) if each.resource in resources and each.user == actor]


def nodes(status: Object) -> list[tuple[str, str, str]]:
    """Flatten a tree to (path, phase, message), in order."""
    found = []
    for i, stage in enumerate(status.get("stageStatuses") or []):
        place = f"{i}-{stage['name']}"
        found.append((place, stage["phase"], stage.get("message", "")))
        for j, workflow in enumerate(stage.get("workflowExecutions") or []):
            below = f"{place}/{j}-{workflow['workflowRef']['name']}"
            found.append((below, workflow["phase"], workflow.get("message", "")))
            actions = workflow.get("actionStatuses") or []
            found += [
                (f"{below}/{k}-{each['name']}", each["phase"], each.get("message", ""))
                for k, each in enumerate(actions)
            ]
    return found


def actions(status: Object) -> list[Object]:
    """Give all actions of a tree, in the order in which they run."""
    return [
        action
        for stage in status.get("stageStatuses") or []
        for workflow in stage.get("workflowExecutions") or []
        for action in workflow.get("actionStatuses") or []
    ]


def told(status: Object) -> list[tuple[str, str, str]]:
    """Give each action's name, phase and message."""
    return [(each["name"], each["phase"], each.get("message", "")) for each in actions(status)]


def condition(status: Object, kind: str) -> Object:
    """Give one condition. Raises StopIteration when it is not there."""
    found: Object = next(each for each in status["conditions"] if each["type"] == kind)
    return found
