"""Plans and DRWorkflows say all that is wrong with them at once, and again whenever what they rest on changes."""

import json
from typing import Any

from bridge.kubernetes.entry import ObjectKind
from tests.bridge.plan_namespace import PlanNamespace, condition, config_map


async def judged(ns: PlanNamespace, kind: ObjectKind, name: str, phase: str) -> list[str]:
    """Wait for a phase, and give what the condition lists."""

    def has_phase(one: dict[str, Any]) -> bool:
        """An object that was just changed still has the phase of its generation before."""
        if one.get("status", {}).get("phase") != phase:
            return False
        return bool(condition(one, "Valid")["observedGeneration"] == one["metadata"]["generation"])

    item = await ns.until(name, has_phase, f"phase {phase}", kind)
    valid = condition(item, "Valid")
    assert valid["status"] == str(phase != "Invalid")
    return valid["message"].split("; spec.") if phase == "Invalid" else []


async def change(ns: PlanNamespace, kind: ObjectKind, name: str, spec: dict[str, Any]) -> None:
    await ns.patch(kind, name, {"spec": spec})


async def test_a_dr_workflow_lists_every_error_with_its_field(ns: PlanNamespace) -> None:
    bad = config_map("one", ns.namespace) | {"timeout": "soon", "when": "x", "dependsOn": ["two", "three"]}
    other = config_map("two", ns.namespace) | {"dependsOn": ["one"]}
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "two", "namespace": ns.namespace}}
    other["resource"] |= {"operation": "Patch", "manifest": json.dumps(secret)}
    await ns.create(ObjectKind.DR_WORKFLOW, "work", {"actions": [bad, other], "parameters": [{"name": "1st"}]})
    found = await judged(ns, ObjectKind.DR_WORKFLOW, "work", "Invalid")
    paths = ["spec." + text.removeprefix("spec.").partition(" of DRWorkflow ")[0] for text in found]
    assert sorted(paths) == [
        "spec.actions[0].dependsOn",
        "spec.actions[0].dependsOn[1]",
        "spec.actions[0].timeout",
        "spec.actions[0].when",
        "spec.actions[1].rollback",
        "spec.parameters[0].name",
    ]


async def test_a_plan_is_judged_again_when_a_dr_workflow_that_it_uses_changes(ns: PlanNamespace) -> None:
    await ns.ready_plan()
    await judged(ns, ObjectKind.PLAN, "plan", "Ready")
    await change(ns, ObjectKind.DR_WORKFLOW, "work", {"actions": [config_map("$(params.site)", ns.namespace)]})
    (text,) = await judged(ns, ObjectKind.PLAN, "plan", "Invalid")
    assert text.startswith(f'spec.stages[0].workflows[0].params of DRPlan {ns.namespace}/plan: parameter "site" ')
    await judged(ns, ObjectKind.DR_WORKFLOW, "work", "Ready")
    await change(ns, ObjectKind.PLAN, "plan", {"globalParams": [{"name": "site", "value": "east"}]})
    await judged(ns, ObjectKind.PLAN, "plan", "Ready")
    await ns.delete(ObjectKind.DR_WORKFLOW, "work")
    (text,) = await judged(ns, ObjectKind.PLAN, "plan", "Invalid")
    assert f"DRWorkflow {ns.namespace}/work does not exist" in text


async def test_an_invalid_plan_starts_nothing_and_says_why(ns: PlanNamespace) -> None:
    await ns.ready_plan()
    await change(ns, ObjectKind.DR_WORKFLOW, "work", {"actions": [config_map("$(params.site)", ns.namespace)]})
    await ns.execute("run")
    item = await ns.until("run", lambda one: one.get("status", {}).get("phase") == "Failed", "end")
    assert item["status"]["message"].startswith("Not started: spec.stages[0].workflows[0].params of DRPlan ")
    assert await ns.runs(item) == 0
