"""An execution that waits for a person: mended and retried, skipped, done by hand; paused and resumed."""

import itertools
import json
from datetime import datetime, timedelta
from typing import Any

import pytest

from api.meta import parse_duration
from dev.layout import REPOSITORY
from tests.e2e.story import Story, condition, nodes
from tests.e2e.story import actions as done_by
from tests.eventually import until
from tests.kubectl import KubectlError, Object
from tests.manifests import config_map, dr_plan, dr_workflow, execute, stage

NO_RETRY: dict[str, Any] = {"retryPolicy": {"limit": 0}}
GROUP = "dr.bkbcs.tencent.com"
POLICY = REPOSITORY / "deploy" / "requests-admission.yaml"
_ids = itertools.count(1)


def user(story: Story) -> str:
    return story.kubectl("auth", "whoami", "--output=jsonpath={.status.userInfo.username}").strip()


def ask(story: Story, execution: str, request: str, **more: str) -> None:
    fields = {"id": str(next(_ids)), "by": user(story), **more}
    given = [f"{GROUP}/request-{name}={value}" for name, value in fields.items()]
    cleared = [
        f"{GROUP}/request-{name}-" for name in ("target", "group", "reason", "timeout", "params") if name not in more
    ]
    story.kubectl("annotate", "--overwrite", "drpe", execution, f"{GROUP}/request={request}", *given, *cleared)


def condition_or_none(status: Object, kind: str) -> Object:
    return next((each for each in status.get("conditions", []) if each["type"] == kind), {})


def last_request(status: Object) -> tuple[str, str]:
    request = (status.get("requests") or [{"type": "", "state": ""}])[-1]
    return request["type"], request["state"]


def test_what_failed_is_mended_and_the_same_execution_goes_on_and_so_does_its_revert(story: Story) -> None:
    story.kubectl.create(config_map("taken"), config_map("also-taken"))
    named = story.makes("$(params.name)", **NO_RETRY) | {"name": "make-named"}
    actions = [story.makes("first"), story.makes("taken", **NO_RETRY), named]
    story.plan("plan", {"app": actions}, globalParams=[{"name": "name", "value": "also-taken"}])
    story.execute("execute", "plan", onFailure="Pause")
    target = "app-stage/app/make-taken"
    status = story.eventually("execute", lambda one: condition_or_none(one, "Paused").get("status") == "True")
    assert status["phase"] == "Running"
    assert {"target": target, "requests": ["Retry", "Skip", "Done", "Abort"]} in status["allowedActions"]
    assert "Waiting for a decision (retry, skip, done or abort)" in status["message"]
    assert status["timing"]["current"] == "WaitingForPeople"
    assert f"drplan retry execute --namespace {story.namespace} --action {target}" == status["nextSteps"][0]["command"]

    ask(story, "execute", "skip")
    story.eventually("execute", lambda one: last_request(one) == ("Skip", "Refused"))
    story.kubectl("delete", "configmap", "taken")
    ask(story, "execute", "retry", target=target, timeout="30s", reason="the old one is gone")
    named_waits = "app-stage/app/make-named"
    story.eventually("execute", lambda one: one.get("allowedActions", [{}])[0].get("target") == named_waits)
    ask(story, "execute", "retry", params='{"name": "other", "unused": "x"}')
    status = story.eventually("execute", lambda one: one["requests"][-1]["state"] == "Refused")
    assert "parameter unused: the action does not use it; it uses name" in status["requests"][-1]["message"]
    ask(story, "execute", "retry", params='{"name": "other"}', reason="the name is taken")
    status = story.succeeded("execute")
    assert status["requests"][-1]["parameters"] == ["name"]
    retried = status["stageStatuses"][0]["workflowExecutions"][0]["actionStatuses"][2]["retriedWith"]
    assert (retried["parameters"], retried["by"], retried["reason"]) == (["name"], user(story), "the name is taken")
    assert last_request(status) == ("Retry", "Effective")
    assert status["requests"][-1]["by"] == user(story)
    assert status["requests"][0]["message"].startswith("skip needs a reason")
    assert (condition(status, "Paused")["status"], status.get("allowedActions")) == ("False", None)
    timing = {name: parse_duration(value) for name, value in status["timing"].items()}
    waits = [wait for each in done_by(status) for wait in each.get("waits", [])]
    waited = [datetime.fromisoformat(wait["until"]) - datetime.fromisoformat(wait["since"]) for wait in waits]
    assert (len(waits), timing["waitingForPeople"]) == (2, sum(waited, timedelta()))
    assert timing["working"] + timing["waitingForPeople"] == parse_duration(status["duration"])
    found = {place: (phase, message) for place, phase, message in nodes(status)}
    assert found["0-app-stage/0-app/1-make-taken"] == ("Succeeded", "Created ConfigMap taken")

    held = {"metadata": {"finalizers": ["example.com/hold"]}}
    story.kubectl.patch("configmap/taken", held)
    story.revert("revert", "plan", "execute", onFailure="Pause")
    story.eventually("revert", lambda one: one.get("phase") == "Running")
    ask(story, "revert", "pause", reason="look first")
    status = story.eventually("revert", lambda one: last_request(one)[0] == "Pause" and bool(one.get("paused")))
    assert f"Paused on request by {user(story)}: look first" in status["message"]
    assert {"requests": ["Resume"]} in status["allowedActions"]
    story.let_go("taken")
    story.eventually("revert", lambda one: last_request(one) == ("Pause", "Effective"))
    assert story.exists("configmap", "first")
    ask(story, "revert", "resume")
    story.succeeded("revert")
    assert not story.exists("configmap", "first")
    assert (story.exists("configmap", "other"), story.exists("configmap", "also-taken")) == (False, True)


def test_a_request_is_by_who_writes_it_and_never_changes(story: Story) -> None:
    story.kubectl("apply", f"--filename={POLICY}")
    story.kubectl.create(execute("probe", "none"))
    until(lambda: "request-by must be" in refusal(story, "request=pause", "request-id=1", "request-by=somebody"))
    until(lambda: "request-by must be" in refusal(story, "request=pause", "request-id=1"))
    ask(story, "probe", "pause")
    assert "a request never changes" in refusal(story, "request=resume")
    assert "a request never changes" in refusal(story, "request-reason=because")
    assert "waits for its answer" in refusal(story, "request=resume", "request-id=another")
    removed = [f"{GROUP}/request-", f"{GROUP}/request-id-", f"{GROUP}/request-by-"]
    with pytest.raises(KubectlError, match="waits for its answer"):
        story.kubectl("annotate", "drpe", "probe", *removed, "--as=second", "--as-group=system:masters")
    story.kubectl("annotate", "--dry-run=server", "drpe", "probe", *removed)
    known = story.kubectl.get("drpe", "probe")["metadata"]["annotations"][f"{GROUP}/request-id"]
    answer = {"id": known, "type": "Pause", "state": "Refused", "requestedAt": "2026-02-03T10:00:00Z"}
    body = json.dumps({"status": {"requests": [answer]}})
    story.kubectl("patch", "drpe", "probe", "--subresource=status", "--type=merge", f"--patch={body}")
    assert refusal(story, "request=resume", "request-id=another") == ""
    story.kubectl("label", "drpe", "probe", "team=shop")
    story.kubectl("annotate", "drpe", "probe", *removed)


def test_a_stage_waits_for_approval_and_is_refused_where_nobody_checks_it(story: Story) -> None:
    asks = {"required": 1, "group": "system:masters"}
    stages = [stage("open", story.namespace, "w"), stage("guarded", story.namespace, "w", approval=asks)]
    story.kubectl.apply(dr_workflow("w", story.makes("a", "Apply")), dr_plan("plan", *stages))
    story.kubectl("delete", "--ignore-not-found", f"--filename={POLICY}")
    story.kubectl.create(execute("probe", "none"))
    until(lambda: not refusal(story, "request=pause", "request-id=1", "request-by=somebody"))
    story.execute("unchecked", "plan")
    assert "apply deploy/requests-admission.yaml" in story.failed("unchecked")["message"]

    story.kubectl("apply", f"--filename={POLICY}")
    until(lambda: "request-by must be" in refusal(story, "request=pause", "request-id=1", "request-by=somebody"))
    story.execute("anonymous", "plan")
    assert f"{GROUP}/requested-by" in story.failed("anonymous")["message"]
    named = execute("named", "plan")
    named["metadata"]["annotations"] = {f"{GROUP}/requested-by": "somebody"}
    with pytest.raises(KubectlError, match="requested-by is set by who creates"):
        story.kubectl.create(named)
    named["metadata"]["annotations"] = {f"{GROUP}/requested-by": user(story)}
    story.kubectl.create(named)
    status = story.eventually("named", lambda one: condition_or_none(one, "Paused").get("status") == "True")
    assert status["message"] == "stage guarded: Waiting for approval of group system:masters: 0 of 1"
    assert {"target": "guarded", "requests": ["Approve"]} in status["allowedActions"]
    ask(story, "named", "approve", group="system:masters", reason="looked at it")
    status = story.eventually("named", lambda one: last_request(one) == ("Approve", "Refused"))
    assert "created the execution, so somebody else has to approve it" in status["requests"][-1]["message"]
    other = ["--as=second", "--as-group=system:masters"]
    given = [f"{GROUP}/request-id=second", f"{GROUP}/request-by=second", f"{GROUP}/request-group=system:masters"]
    story.kubectl("annotate", "--overwrite", "drpe", "named", f"{GROUP}/request=approve", *given, *other)
    status = story.succeeded("named")
    assert status["stageStatuses"][1]["approvals"][0]["by"] == "second"


def refusal(story: Story, *annotations: str) -> str:
    """Return why annotations are refused; empty where they are not."""
    written = [f"{GROUP}/{each}" for each in annotations]
    try:
        story.kubectl("annotate", "--overwrite", "--dry-run=server", "drpe", "probe", *written)
    except KubectlError as error:
        return str(error)
    return ""
