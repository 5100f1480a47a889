"""The plan that the benchmarks run: stages in a row, one workflow each, a few ConfigMaps per workflow."""

import json
from typing import Any

from api.meta import API_VERSION

Manifest = dict[str, Any]


def dr_workflow(plan: str, stage: int, actions: int, operation: str = "Create") -> Manifest:
    """Give the DRWorkflow of one stage: `actions` ConfigMaps of its own."""
    name = f"{plan}-{stage:03d}"
    return {
        "apiVersion": API_VERSION,
        "kind": "DRWorkflow",
        "metadata": {"name": name},
        "spec": {"actions": [_config_map_action(f"{name}-{number}", operation) for number in range(actions)]},
    }


def _config_map_action(name: str, operation: str) -> Manifest:
    manifest = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": "default"},
        "data": {"made": "by the benchmark"},
    }
    return {
        "name": f"create-{name}",
        "type": "KubernetesResource",
        "resource": {"operation": operation, "manifest": json.dumps(manifest)},
    }


def plan_objects(plan: str, stages: int, actions: int) -> list[Manifest]:
    """Give the DRPlan and its DRWorkflows."""
    workflows = [dr_workflow(plan, stage, actions) for stage in range(stages)]
    spec = {
        "stages": [
            {"name": f"stage-{number:03d}", "workflows": [{"workflowRef": {"name": each["metadata"]["name"]}}]}
            for number, each in enumerate(workflows)
        ]
    }
    return [*workflows, {"apiVersion": API_VERSION, "kind": "DRPlan", "metadata": {"name": plan}, "spec": spec}]


def single_plan(plan: str) -> Manifest:
    """Give a DRPlan with the first of the plan's DRWorkflows only."""
    spec = {"stages": [{"name": "only", "workflows": [{"workflowRef": {"name": f"{plan}-000"}}]}]}
    return {"apiVersion": API_VERSION, "kind": "DRPlan", "metadata": {"name": plan}, "spec": spec}


def execution(name: str, plan: str, reverts: str | None = None) -> Manifest:
    """Give an Execute of the plan, or a Revert of the execution named in `reverts`."""
    spec: Manifest = {"planRef": plan, "operationType": "Revert" if reverts else "Execute"}
    if reverts:
        spec["revertExecutionRef"] = reverts
    return {"apiVersion": API_VERSION, "kind": "DRPlanExecution", "metadata": {"name": name}, "spec": spec}
