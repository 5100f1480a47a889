"""The objects that the tests write, as a person would write them."""

import json
from typing import Any

from api.meta import API_VERSION
from tests.kubectl import Object

HOLD = "tests.example.com/hold"
"""A finalizer of the tests: the object stays until the test lets it go."""


def config_map(name: str, **metadata: Any) -> Object:
    """Give a ConfigMap."""
    metadata = {"name": name, **metadata}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"made": "for a test"}}


def makes_config_map(name: str, namespace: str, operation: str = "Create", held: bool = False, **more: Any) -> Object:
    """Give the action `make-<name>`; the object is held back from deletion by our finalizer when `held`."""
    finalizers = {"finalizers": [HOLD]} if held else {}
    return writes(f"make-{name}", json.dumps(config_map(name, namespace=namespace, **finalizers)), operation, **more)


def writes(action: str, manifest: str, operation: str = "Create", **more: Any) -> Object:
    """Give an action of type KubernetesResource with any text as its manifest."""
    resource = {"operation": operation, "manifest": manifest}
    return {"name": action, "type": "KubernetesResource", "resource": resource, **more}


def makes_localization(name: str, namespace: str, operation: str = "Create", **more: Any) -> Object:
    """Give the action `create-<name>`."""
    body = {"name": name, "namespace": namespace, "operation": operation, "spec": localization_spec()}
    return {"name": f"create-{name}", "type": "Localization", "localization": body, **more}


def localization_spec() -> Object:
    """Give a spec that Clusternet would accept."""
    override = {"name": "replicas", "type": "MergePatch", "value": '{"spec":{"replicas":2}}'}
    feed = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "nginx", "namespace": "default"}
    return {"feed": feed, "overridePolicy": "ApplyNow", "priority": 500, "overrides": [override]}


def dr_workflow(name: str, *actions: Object, **more: Any) -> Object:
    """Give a DRWorkflow."""
    return _ours("DRWorkflow", name, {"actions": list(actions), **more})


def stage(name: str, namespace: str, *workflows: str, **more: Any) -> Object:
    """Give a stage of a plan that runs these DRWorkflows."""
    references = [{"workflowRef": {"name": each, "namespace": namespace}} for each in workflows]
    return {"name": name, "workflows": references, **more}


def dr_plan(name: str, *stages: Object, **more: Any) -> Object:
    """Give a DRPlan."""
    return _ours("DRPlan", name, {"stages": list(stages), **more})


def execute(name: str, plan: str, **more: Any) -> Object:
    """Give a DRPlanExecution that carries the plan out."""
    return _ours("DRPlanExecution", name, {"planRef": plan, "operationType": "Execute", **more})


def revert(name: str, plan: str, of: str, **more: Any) -> Object:
    """Give a DRPlanExecution that takes the execution `of` back."""
    spec = {"planRef": plan, "operationType": "Revert", "revertExecutionRef": of, **more}
    return _ours("DRPlanExecution", name, spec)


def _ours(kind: str, name: str, spec: Object) -> Object:
    return {"apiVersion": API_VERSION, "kind": kind, "metadata": {"name": name}, "spec": spec}
