"""What passes is waited for, what cannot pass ends an action at once, and an action can wait for another plan."""

import json
import re
from typing import Any

from api.meta import GROUP
from tests.e2e.story import Story, told
from tests.eventually import until
from tests.kubectl import Object
from tests.manifests import execute, writes

PATIENT: Object = {"retryPolicy": {"limit": 60, "interval": "1s", "backoffMultiplier": "1.0"}}


def secret(story: Story) -> str:
    return json.dumps({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "app", "namespace": story.namespace}})


def full_quota(story: Story) -> None:
    """Create a quota for no Secrets, and count for it as its controller would."""
    spec = {"hard": {"count/secrets": "0"}}
    story.kubectl.create({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "none"}, "spec": spec})
    status = json.dumps({"status": {**spec, "used": {"count/secrets": "0"}}})
    story.kubectl("patch", "resourcequota", "none", "--subresource=status", "--type=merge", "-p", status)


def message_of(status: Object, action: str) -> str:
    return next((message for name, _, message in told(status) if name == action), "")


def test_a_quota_that_is_used_up_is_waited_for_until_there_is_room(story: Story) -> None:
    full_quota(story)
    story.plan("plan", {"flow": [writes("make", secret(story), **PATIENT)]})
    story.execute("execute", "plan")
    status = story.eventually("execute", lambda status: "Retrying" in message_of(status, "make"))
    assert "exceeded quota: none" in message_of(status, "make")
    story.kubectl("delete", "resourcequota", "none")
    status = story.succeeded("execute")
    assert status["stageStatuses"][0]["workflowExecutions"][0]["actionStatuses"][0]["retries"] > 0


def test_a_person_is_told_when_an_attempt_that_is_far_away_begins(story: Story) -> None:
    full_quota(story)
    patient: Object = {"retryPolicy": {"limit": 3, "interval": "40s", "backoffMultiplier": "1.0"}}
    story.plan("plan", {"flow": [writes("make", secret(story), **patient)]})
    story.execute("execute", "plan")
    status = story.eventually("execute", lambda status: "Retrying" in message_of(status, "make"))
    message = message_of(status, "make")
    assert message.startswith("Retrying (1 of 3): Failed to create Secret: ")
    assert re.search(r"; next attempt at \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$", message), message
    story.kubectl("annotate", "drplanexecution", "execute", "dr.bkbcs.tencent.com/cancel=true")
    story.completed("execute")


def test_what_cannot_pass_ends_the_action_at_once(story: Story) -> None:
    story.kubectl.create(deployment(story))
    twice = [{"name": "A", "value": "1"}, {"name": "A", "value": "2"}]
    misspelled = {"apiVersion": "v1", "kind": "configmap", "metadata": {"name": "app", "namespace": story.namespace}}
    flows = {
        "schema": [writes("apply", json.dumps(deployment(story, env=twice)), "Apply")],
        "kind": [writes("make", json.dumps(misspelled))],
    }
    story.plan("plan", flows, failurePolicy="Continue")
    story.execute("execute", "plan")
    status = story.failed("execute")
    assert "duplicate entries for key" in message_of(status, "apply")
    assert message_of(status, "make").endswith("the API server knows no kind configmap in v1; did you mean ConfigMap?")
    for each in status["stageStatuses"]:
        assert each["workflowExecutions"][0]["actionStatuses"][0]["retries"] == 0


def deployment(story: Story, **container: Any) -> Object:
    labels = {"app": "shop"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "main", "image": "x", **container}]}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "shop", "namespace": story.namespace},
        "spec": {"replicas": 0, "selector": {"matchLabels": labels}, "template": template},
    }


def runs_another_plan(story: Story, name: str) -> Object:
    """Give an action that executes the plan `inner` and waits for its end."""
    role = ("--verb=create,get", "--resource=drplanexecutions.dr.bkbcs.tencent.com")
    story.kubectl("create", "role", "runner", *role)
    story.kubectl("create", "rolebinding", "runner", "--role=runner", f"--serviceaccount={story.namespace}:default")
    account = f"system:serviceaccount:{story.namespace}:default"
    until(lambda: story.kubectl.admin.may(account, "create", "drplanexecutions", story.namespace, GROUP), "the rights")
    body = execute(name, "inner")
    body["metadata"]["namespace"] = story.namespace
    return writes("run", json.dumps(body), waitReady=True, timeout="2m")


def test_a_plan_of_plans_ends_well_after_the_inner_plan(story: Story) -> None:
    held = writes("make", json.dumps(claim(story)), waitReady=True)
    story.plan("inner", {"inner-flow": [held]})
    story.plan("outer", {"outer-flow": [runs_another_plan(story, "child")]})
    story.execute("execute", "outer")
    status = story.eventually("execute", lambda status: "its phase is Running" in message_of(status, "run"))
    assert message_of(status, "run").startswith(
        f"Waiting for DRPlanExecution {story.namespace}/child to be ready: its phase is Running"
    )
    bound = json.dumps({"status": {"phase": "Bound"}})
    story.kubectl("patch", "pvc", "app", "--subresource=status", "--type=merge", "-p", bound)
    assert message_of(story.succeeded("execute"), "run") == "Created DRPlanExecution child, and it is ready"
    assert story.status("child")["phase"] == "Succeeded"


def claim(story: Story) -> Object:
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    kind = {"apiVersion": "v1", "kind": "PersistentVolumeClaim"}
    return {**kind, "metadata": {"name": "app", "namespace": story.namespace}, "spec": spec}


def test_a_plan_of_plans_fails_with_the_inner_plan_and_says_why(story: Story) -> None:
    misspelled = {"apiVersion": "v1", "kind": "configmap", "metadata": {"name": "app", "namespace": story.namespace}}
    story.plan("inner", {"inner-flow": [writes("make", json.dumps(misspelled))]})
    story.plan("outer", {"outer-flow": [runs_another_plan(story, "child")]})
    story.execute("execute", "outer")
    message = message_of(story.failed("execute"), "run")
    assert message.startswith("Created DRPlanExecution child, but it will not become ready: it failed: ")
    assert message.endswith("did you mean ConfigMap?")
