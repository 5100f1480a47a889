"""A preview tells what would happen and what would keep it from happening, and changes nothing."""

import json
from pathlib import Path
from typing import Any

import httpx

from tests.e2e.installation import Installation
from tests.e2e.story import EXECUTION, Story, actions, condition, told
from tests.eventually import DEADLINE, until
from tests.kubectl import Object
from tests.manifests import HOLD, config_map, dr_plan, dr_workflow, stage, writes

HARMLESS = ("events", "leases", "selfsubjectaccessreviews", "subjectaccessreviews")


def validated(story: Story) -> None:
    """Wait until the bridge has said that the definitions are valid, which is no business of a preview."""
    for each in ("drplan/plan", "drworkflow/flow"):
        story.kubectl.wait("condition=Valid", each, DEADLINE)


def previewed(story: Story, name: str, phase: str, **spec: Any) -> Object:
    """Create a preview, and give its status once it has ended in that phase."""
    body = {"planRef": "plan", "operationType": "Execute", "dryRun": True, **spec}
    kind = {"apiVersion": "dr.bkbcs.tencent.com/v1alpha1", "kind": "DRPlanExecution"}
    story.kubectl.create({**kind, "metadata": {"name": name}, "spec": body})
    status = story.succeeded(name) if phase == "Succeeded" else story.failed(name)
    assert status.get("stageStatuses"), status["message"]
    return status


def changes(installation: Installation, story: Story, offset: int) -> list[str]:
    """Give what worker, bridge and accounts have changed since the log had so many bytes, but events and leases."""
    found = []
    with Path(installation.stack.layout.audit_log).open(encoding="utf-8") as lines:
        lines.seek(offset)
        for event in (json.loads(line) for line in lines if line.endswith("\n")):
            of, user = event.get("objectRef", {}), event["user"]["username"]
            reads = event["verb"] in ("get", "list", "watch") or "dryRun=All" in event["requestURI"]
            ours = "drplan" in user or story.namespace in event.get("impersonatedUser", {}).get("username", "")
            if ours and not reads and of.get("resource") not in HARMLESS:
                found.append(f"{of.get('resource')}/{of.get('name', '')}")
    return found


def size(installation: Installation) -> int:
    return Path(installation.stack.layout.audit_log).stat().st_size


def test_every_kind_of_obstacle_is_named_at_once_and_nothing_is_changed(
    installation: Installation, story: Story
) -> None:
    namespace = story.namespace
    story.kubectl.create(config_map("taken"))
    story.kubectl.create(config_map("held", finalizers=[HOLD]))
    story.kubectl("label", "namespace", namespace, "pod-security.kubernetes.io/enforce=restricted")
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "root", "namespace": namespace}}
    container = {"name": "one", "image": "none", "securityContext": {"privileged": True}}
    widget = {"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "one", "namespace": namespace}}
    value = {"apiVersion": "v1", "kind": "ConfigMap", "namespace": namespace, "name": "none", "jsonPath": "{.data.v}"}
    uses = json.dumps(config_map("value", namespace=namespace, labels={"v": "$(params.missing)"}))
    later = json.dumps(config_map("later", namespace=namespace, labels={"v": "$(outputs.make-new.resourceRef.uid)"}))
    priority = {"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": {"name": "one"}, "value": 1}
    home = f"{namespace}-home"
    undo = {"resource": story.makes("undone")["resource"]}
    flow = dr_workflow(
        "flow",
        story.makes("new"),
        story.makes("taken"),
        story.makes("absent", "Patch", rollback=undo),
        writes("forbidden", json.dumps(priority)),
        writes("denied", json.dumps({**pod, "spec": {"containers": [container]}})),
        writes("unserved", json.dumps(widget)),
        story.makes("held", "Delete"),
        {"name": "ask", "type": "HTTP", "http": {"url": "http://192.0.2.1/", "method": "POST"}},
        writes("value", uses),
        {**story.makes("new", "Patch", rollback=undo), "name": "patch-new"},
        writes("later", later),
        writes("make-home", json.dumps({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": home}})),
        writes("at-home", json.dumps(config_map("app", namespace=home))),
        parameters=[{"name": "missing", "valueFrom": {"manifestRef": value}}],
    )
    story.kubectl.apply(flow, dr_plan("plan", stage("move", namespace, "flow")))
    validated(story)
    before = size(installation)
    status = previewed(story, "preview", "Failed")

    found = {name: (phase, message) for name, phase, message in told(status)}
    reasons = {each["name"]: each["reason"] for each in actions(status)}
    assert reasons == {
        "make-new": "WouldSucceed",
        "make-taken": "AlreadyExists",
        "make-absent": "NotFound",
        "forbidden": "Forbidden",
        "denied": "Forbidden",
        "unserved": "Transient",
        "make-held": "Finalizers",
        "ask": "HttpRefused",
        "value": "Invalid",
        "patch-new": "NotKnownYet",
        "later": "NotKnownYet",
        "make-home": "WouldSucceed",
        "at-home": "NotKnownYet",
    }
    assert found["make-new"] == ("Succeeded", f"Would create ConfigMap {namespace}/new")
    assert found["make-taken"][1].startswith("Would fail to create ConfigMap: ConfigMap ")
    account = f"system:serviceaccount:{namespace}:default"
    assert found["forbidden"][1] == (
        f"Would fail to create PriorityClass: {account} has no right to create priorityclasses.scheduling.k8s.io"
    )
    assert "PodSecurity" in found["denied"][1]
    assert HOLD in found["make-held"][1]
    assert found["patch-new"] == (
        "Succeeded",
        f"Would patch ConfigMap {namespace}/new; whether that succeeds cannot be known before action make-new ran",
    )
    preview = status["preview"]
    assert preview["obstacleCount"] == len(preview["obstacles"]) == 10
    general = [each["message"] for each in preview["obstacles"] if "action" not in each]
    assert len(general) == 2, "the value that is missing, and where it is used"
    assert preview["unknownCount"] == 3
    assert condition(status, "Executable")["reason"] == "Obstructed"
    assert {each["phase"] for each in status["stageStatuses"]} == {"Failed"}

    assert set(changes(installation, story, before)) == {f"drplanexecutions/{name}" for name in ["preview"]}
    plan = story.kubectl.get("drplan", "plan")["status"]
    assert not {"currentExecution", "executionHistory", "lastExecutionRef"} & plan.keys()
    story.let_go("held")


def test_an_execution_does_what_its_preview_showed_and_is_refused_if_that_is_not_so_any_more(
    installation: Installation, story: Story
) -> None:
    story.plan("plan", {"flow": [story.makes(name) for name in ("one", "two")]})
    validated(story)
    before = size(installation)
    shown = previewed(story, "preview", "Succeeded")
    assert shown["message"] == ("Preview: would execute the plan: 1 stage, 2 actions executed; nothing was changed")
    assert condition(shown, "Executable")["status"] == "True"
    assert shown["progress"] == {"stages": "0/1", "actions": "0/2"}, "the columns say that nothing was done"
    assert set(changes(installation, story, before)) == {"drplanexecutions/preview"}
    assert not story.exists("configmap", "one")

    story.kubectl.create(config_map("two"))
    story.execute("refused", "plan", previewDigest=shown["preview"]["digest"])
    refused = story.failed("refused")
    assert refused["preview"]["differences"] == [
        f"stage flow-stage, workflow {story.namespace}/flow, action make-two: was Succeeded, WouldSucceed, "
        "KubernetesResource, Create, is Failed, AlreadyExists, KubernetesResource"
    ]
    assert condition(refused, "AsPreviewed")["status"] == "False"
    assert not story.exists("configmap", "one")
    story.kubectl("delete", "configmap", "two")
    story.execute("execute", "plan", previewDigest=shown["preview"]["digest"])
    assert condition(story.succeeded("execute"), "AsPreviewed")["status"] == "True"

    uids = {name: story.uid("configmap", name) for name in ("one", "two")}
    until(lambda: not story.kubectl.get(EXECUTION, "execute")["metadata"].get("finalizers"), "the plan is released")
    before = size(installation)
    shown = previewed(story, "undo", "Succeeded", operationType="Revert", revertExecutionRef="execute")
    assert told(shown) == [
        (f"make-{name}", "Succeeded", f"Would delete ConfigMap {story.namespace}/{name}") for name in ("two", "one")
    ]
    assert condition(shown, "Revertible")["status"] == "True"
    assert "estimatedDuration" not in shown["preview"], "the plan was never reverted"
    assert set(changes(installation, story, before)) == {"drplanexecutions/undo"}
    assert {name: story.uid("configmap", name) for name in uids} == uids

    story.revert("of-preview", "plan", "preview")
    assert "is a preview" in story.failed("of-preview")["message"]
    story.kubectl.patch("configmap/one", {"metadata": {"finalizers": [HOLD]}})
    story.revert("refused-revert", "plan", "execute", previewDigest=shown["preview"]["digest"])
    [difference] = story.failed("refused-revert")["preview"]["differences"]
    assert "action make-one: was Succeeded" in difference
    story.let_go("one")
    story.revert("revert", "plan", "execute", previewDigest=shown["preview"]["digest"])
    assert condition(story.succeeded("revert"), "AsPreviewed")["status"] == "True"
    assert not story.exists("configmap", "one")
    history = story.kubectl.get("drplan", "plan")["status"]["executionHistory"]
    assert "preview" not in [each["name"] for each in history]
    assert story.status("undo") == shown, "nothing is written after its end"
    assert story.kubectl.find(EXECUTION, "undo") is not None


def test_a_plan_is_rehearsed_by_itself_and_says_whether_it_can_be_executed_and_reverted(
    installation: Installation, story: Story
) -> None:
    story.kubectl.create(config_map("one"))
    before = size(installation)
    story.plan("plan", {"flow": [story.makes(name) for name in ("one", "two")]}, rehearsal={"interval": "24h"})
    story.kubectl.wait("condition=Executable=false", "drplan/plan", DEADLINE)
    plan = story.kubectl.get("drplan", "plan")["status"]
    assert condition(plan, "Executable")["message"].startswith("1 obstacle: make-one: Would fail to create ConfigMap: ")
    assert condition(plan, "Revertible")["reason"] == "NothingToRevert"
    validated(story)
    assert set(changes(installation, story, before)) == {"drplans/plan", "drworkflows/flow"}, "their statuses"
    assert not story.exists("configmap", "two")

    story.kubectl("delete", "configmap", "one")
    story.executed("execute", "plan")
    story.kubectl.wait("condition=Revertible", "drplan/plan", DEADLINE)
    plan = story.kubectl.get("drplan", "plan")["status"]
    assert condition(plan, "Executable")["reason"] == "InEffect"
    assert condition(plan, "Revertible")["message"].startswith("Revert of DRPlanExecution execute: Nothing was found")
    assert story.exists("configmap", "one")
    [only] = json.loads(story.kubectl("get", EXECUTION, "-o", "json"))["items"]
    assert only["metadata"]["name"] == "execute", "a rehearsal is no execution"

    counted = httpx.get(f"http://{installation.bridge.metrics}/metrics", timeout=60).text
    [of_plan] = [
        line
        for line in counted.splitlines()
        if line.startswith("drplan_readiness_changes") and f'plan_namespace="{story.namespace}"' in line
        if 'condition="Executable"' in line and 'status="False"' in line
    ]
    assert of_plan.endswith(" 1")
