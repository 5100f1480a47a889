"""What a person writes is validated away from the event loop, within limits, and once for each version."""

import asyncio
import gc
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from api.meta import API_VERSION
from api.metrics import VALIDATION_SECONDS
from api.requests import REQUESTED_BY_ANNOTATION
from bridge.controller import validation
from bridge.controller.validation import (
    NotYourTurnError,
    Stored,
    ValidationBrokeError,
    Validator,
    dr_workflow_findings,
    plan_findings,
)
from bridge.kubernetes.entry import ObjectKind
from tests.bridge.controller.questions import broken, endless, hungry, slow
from tests.bridge.plan_namespace import PlanNamespace, config_map
from tests.process.recorded_metrics import RecordedMetrics

LONGEST = 0.3
"""Seconds of the processor that may pass until the event loop is free again.

Reading the largest of these objects takes up to 0.1 s, twice that where the other thread of the core is taken;
validating the two largest in the loop would take 0.6 s and more.
"""


def definition(name: str = "work", namespace: str = "team-a", generation: int = 1, **spec: Any) -> Stored:
    metadata = {"name": name, "namespace": namespace, "uid": f"uid-of-{name}", "generation": generation}
    kind = "DRPlan" if "stages" in spec else "DRWorkflow"
    spec = {"actions": [config_map("one", namespace)], **spec}
    return {"apiVersion": API_VERSION, "kind": kind, "metadata": metadata, "spec": spec}


def stage(workflow: str, **more: Any) -> Stored:
    return {"name": "first", "workflows": [{"workflowRef": {"name": workflow, "namespace": "team-a"}}], **more}


def plan(workflow: str = "work", **metadata: Any) -> Stored:
    stored = definition("plan", stages=[stage(workflow, approval={"allowRequester": False})])
    return {**stored, "metadata": {**stored["metadata"], **metadata}}


def work(parameter: str = "replicas", **metadata: Any) -> Stored:
    stored = definition(parameters=[{"name": parameter}])
    return {**stored, "metadata": {**stored["metadata"], "resourceVersion": "1", **metadata}}


def execute(name: str = "move", by: str = "ann", **spec: Any) -> Stored:
    metadata = {"name": name, "namespace": "team-a", "uid": f"uid-of-{name}", "generation": 1}
    annotations = {REQUESTED_BY_ANNOTATION: by} if by else {}
    spec = {"planRef": "plan", "operationType": "Execute", **spec}
    return {"metadata": {**metadata, "annotations": annotations}, "spec": spec}


def asked(metrics: RecordedMetrics) -> int:
    """Return how many Executes a child was asked about, of whatever result."""
    series = ((VALIDATION_SECONDS.name, "DRPlanExecution", result) for result in ("Valid", "Invalid", "Broken"))
    return sum(len(metrics.observed[each]) for each in series)


@pytest.fixture
def metrics() -> RecordedMetrics:
    return RecordedMetrics()


@pytest.fixture
def validator(metrics: RecordedMetrics) -> Validator:
    return Validator(metrics)


@asynccontextmanager
async def watched_loop() -> AsyncIterator[list[float]]:
    """Collect how much processor time this process used each time until the loop was free again.

    The processor's time, because other programs may have the processor meanwhile; of all threads, because one that
    holds the interpreter's lock keeps the loop from running.
    """
    gaps: list[float] = []
    gc.collect()
    gc.freeze()  # as the bridge does at its start; the modules of the tests are many

    async def tick() -> None:
        while True:
            before = time.process_time()
            await asyncio.sleep(0)
            await asyncio.sleep(0.001)
            gaps.append(time.process_time() - before)

    task = asyncio.create_task(tick())
    try:
        yield gaps
    finally:
        task.cancel()
        gc.unfreeze()


async def test_what_is_wrong_is_listed(validator: Validator) -> None:
    [text] = (await validator.findings(dr_workflow_findings, [definition(parameters=[{"name": "1st"}])])).errors
    assert text.startswith("spec.parameters[0].name of DRWorkflow team-a/work: ")
    assert (await validator.findings(dr_workflow_findings, [definition(generation=2)])).errors == []


async def test_a_plan_is_validated_with_the_dr_workflows_that_can_be_read(validator: Validator) -> None:
    ref = {"workflowRef": {"name": "work", "namespace": "team-a"}}
    plan = definition("plan", stages=[{"name": "first", "workflows": [ref]}])
    assert (await validator.findings(plan_findings, [plan, definition()])).errors == []
    [text] = (await validator.findings(plan_findings, [plan, definition(actions="none", generation=2)])).errors
    assert "DRWorkflow team-a/work does not exist" in text


async def test_a_merge_patch_that_replaces_a_list_is_a_warning_about_what_is_lost(validator: Validator) -> None:
    def work(name: str, operation: str, containers: str, **more: str) -> Stored:
        spec = f"{{template: {{spec: {{containers: [{containers}]}}}}}}"
        manifest = f"{{apiVersion: apps/v1, kind: Deployment, metadata: {{name: shop}}, spec: {spec}}}"
        resource = {"manifest": manifest, "operation": operation, **more}
        action = {"name": "one", "type": "KubernetesResource", "resource": resource}
        back = {"name": "back", "type": "HTTP", "http": {"url": "https://shop.example.com", "method": "GET"}}
        return definition(name, actions=[{**action, "rollback": back} if operation == "Patch" else action])

    patch = work("patch", "Patch", "{name: app, image: x}")
    found = await validator.findings(dr_workflow_findings, [patch])
    assert found.errors == []
    [text] = found.warnings
    assert text.startswith(
        "spec.actions[0].resource.manifest of DRWorkflow team-a/patch: a merge patch replaces the whole"
    )
    assert not (
        await validator.findings(dr_workflow_findings, [work("s", "Patch", "{name: app}", patchType="strategic")])
    )[1]
    refs = [{"workflowRef": {"name": name, "namespace": "team-a"}} for name in ("make", "patch")]
    plan = definition("plan", stages=[{"name": "first", "workflows": refs}])
    make = work("make", "Create", "{name: app, image: x}, {name: sidecar, image: y}")
    [text] = (await validator.findings(plan_findings, [plan, make, patch])).warnings
    assert "these are lost: spec.template.spec.containers[sidecar]" in text


@pytest.mark.parametrize("question", [endless, hungry])
async def test_what_takes_too_much_is_an_error_of_the_object(validator: Validator, question: Any) -> None:
    async with watched_loop() as gaps:
        [text] = (await validator.findings(question, [definition()])).errors
    assert text.startswith("spec: it takes more than 5 s of processor time or 128 MiB of memory to validate")
    assert max(gaps) < LONGEST


async def test_a_bug_is_no_error_of_the_object_and_quotes_nothing_of_it(validator: Validator) -> None:
    with pytest.raises(ValidationBrokeError, match=r"^KeyError at .* broken$") as caught:
        await validator.findings(broken, [definition()])
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("levels", [200, 900, 3000])
async def test_what_is_nested_deeply_is_an_error_of_the_object(validator: Validator, levels: int) -> None:
    spec: Any = "x"
    for _ in range(levels):
        spec = {"a": spec}
    localization = {"name": "one", "namespace": "team-a", "spec": spec}
    action = {"name": "one", "type": "Localization", "localization": localization}
    [text] = (await validator.findings(dr_workflow_findings, [definition(actions=[action])])).errors
    assert text == "spec: it is nested more than 150 levels deep; flatten it"


async def test_what_has_not_changed_is_not_validated_again(validator: Validator, tmp_path: Path) -> None:
    assert (await validator.findings(slow, [definition(until=str(tmp_path))])).errors == ["slow"]
    assert (await validator.findings(broken, [definition()])).errors == ["slow"]
    with pytest.raises(ValidationBrokeError):
        await validator.findings(broken, [definition(generation=2)])
    with pytest.raises(ValidationBrokeError):
        await validator.findings(broken, [definition(), definition("other")])


async def test_of_an_unchanged_plan_no_second_execute_is_validated(
    validator: Validator, metrics: RecordedMetrics
) -> None:
    assert await validator.rejection(execute(), plan(), [work()]) is None
    accepted = execute("again")
    accepted["metadata"]["annotations"]["accepted"] = "uid-of-again"
    locked = {**plan(resourceVersion="7", labels={"team": "a"}), "status": {"currentExecution": {"name": "move"}}}
    assert await validator.rejection({**accepted, "status": {"phase": "Pending"}}, locked, [work()]) is None
    assert asked(metrics) == 1


CHANGED: dict[str, tuple[Stored, Stored, list[Stored]]] = {
    "parameters of the execution": (execute(params=[{"name": "1st", "value": "x"}]), plan(), [work()]),
    "nobody knows who created it": (execute(by=""), plan(), [work()]),
    "generation of the plan": (execute(), plan("gone", generation=2), [work()]),
    "another plan of that name": (execute(), plan("gone", uid="another"), [work()]),
    "version of the DRWorkflow": (execute(), plan(), [work("1st", generation=2, resourceVersion="2")]),
    "another DRWorkflow of that name": (execute(), plan(), [work("1st", uid="another")]),
    "status of the DRWorkflow": (execute(), plan(), [{**work(resourceVersion="2"), "status": {"phase": 1}}]),
    "DRWorkflow that is gone": (execute(), plan(), []),
}


@pytest.mark.parametrize("change", CHANGED)
async def test_whatever_decides_whether_an_execute_may_start_is_validated_when_it_changes(
    validator: Validator, change: str
) -> None:
    assert await validator.rejection(execute(), plan(), [work()]) is None
    assert await validator.rejection(*CHANGED[change]) is not None
    assert await validator.rejection(execute(), plan(), [work()]) is None


async def test_no_execute_is_rejected_from_memory(validator: Validator, metrics: RecordedMetrics) -> None:
    for name in ("one", "two"):
        text = await validator.rejection(execute(name, params=[{"name": "1st"}]), plan(), [work()])
        assert text is not None
        assert f"DRPlanExecution team-a/{name}" in text
    assert asked(metrics) == 2


async def test_no_answer_rests_on_what_may_change_without_a_new_answer(validator: Validator) -> None:
    unreadable = {"status": "none of its kind"}
    assert await validator.rejection({**execute(), **unreadable}, {**plan(), **unreadable}, [work()]) is None


async def test_of_the_executes_that_may_start_so_many_are_remembered(
    validator: Validator, metrics: RecordedMetrics, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(validation, "REMEMBERED", 1)
    for mode in ("Install", "Upgrade", "Install"):
        assert await validator.rejection(execute(mode=mode), plan(), [work()]) is None
    assert asked(metrics) == 3


async def test_an_execute_that_is_nested_deeply_is_rejected(validator: Validator) -> None:
    deep: Any = "x"
    for _ in range(3000):
        deep = {"a": deep}
    text = await validator.rejection(execute(params=[deep]), plan(), [work()])
    assert text == "spec: it is nested more than 150 levels deep; flatten it"


async def test_one_namespace_does_not_hold_up_another(validator: Validator, tmp_path: Path) -> None:
    end = tmp_path / "end"
    first = asyncio.create_task(validator.findings(slow, [definition(until=str(end))]))
    await asyncio.sleep(0)
    with pytest.raises(NotYourTurnError):
        await validator.findings(dr_workflow_findings, [definition("other")])
    assert (await validator.findings(dr_workflow_findings, [definition("theirs", "team-b")])).errors == []
    assert not first.done()
    end.touch()
    assert (await first).errors == ["slow"]
    assert not validator._turns, "nothing is kept of a namespace that nobody waits for"


def nested_merges(levels: int) -> str:
    lines = ["apiVersion: v1", "kind: ConfigMap", "metadata: {name: x}", "data:", "  a0: &a0 {k: v}"]
    for level in range(1, levels + 1):
        lines += [f"  a{level}: &a{level}", f"    <<: [{', '.join([f'*a{level - 1}'] * 10)}]", f"    z{level}: v"]
    return "\n".join(lines)


def manifest_action(manifest: str) -> dict[str, Any]:
    return {"name": "one", "type": "KubernetesResource", "resource": {"manifest": manifest, "operation": "Create"}}


BOMBS: dict[str, list[dict[str, Any]]] = {
    "blanks in a condition": [manifest_action("kind: ConfigMap") | {"when": "mode ==" + " " * 30_000 + "!"}],
    "merge keys": [manifest_action(nested_merges(9))],
    "a megabyte of YAML": [manifest_action("kind: ConfigMap\ndata:\n" + "  a: {b: [c, d]}\n" * 50_000)],
    "many actions": [config_map(f"action-{number}", "default") for number in range(3500)],
    "many placeholders": [manifest_action("kind: ConfigMap\nmetadata: {name: x}\ndata: " + "$(params.a)" * 60_000)],
    "many dependencies": [
        manifest_action("kind: ConfigMap") | {"name": f"{number}", "dependsOn": [f"{one}" for one in range(150)]}
        for number in range(600)
    ],
}


@pytest.mark.servers
@pytest.mark.parametrize("bomb", BOMBS)
async def test_no_definition_keeps_the_loop_busy_or_an_innocent_execution_waiting(ns: PlanNamespace, bomb: str) -> None:
    await ns.ready_plan()
    async with watched_loop() as gaps:
        await ns.create(ObjectKind.DR_WORKFLOW, "bomb", {"actions": BOMBS[bomb]})
        await ns.plan("bomb-plan", workflow="bomb")
        await ns.execute("bomb-run", plan="bomb-plan")
        await ns.execute("quick")
        began = time.monotonic()
        await ns.until("quick", lambda item: item.get("status", {}).get("phase") == "Succeeded", "end", seconds=40)
        took = time.monotonic() - began
        await ns.until(
            "bomb", lambda item: item.get("status", {}).get("phase"), "phase", ObjectKind.DR_WORKFLOW, seconds=60
        )
    assert max(gaps) < LONGEST, f"{max(gaps):.3f} s"
    assert took < 30
