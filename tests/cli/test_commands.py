"""`drplan` against a real API server; what the bridge would write is written by the test."""

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from api.requests import REQUEST_ANNOTATION as REQUEST
from api.requests import REQUEST_ID_ANNOTATION as REQUEST_ID
from dev.stack import Stack
from tests.eventually import until

REPOSITORY = Path(__file__).parents[2]


def drplan(stack: Stack, *arguments: str) -> "subprocess.CompletedProcess[str]":
    environment = {**os.environ, **stack.env("admin"), "PYTHONPATH": str(REPOSITORY), "COLUMNS": "160"}
    command = [sys.executable, "-m", "cli.main", *arguments]
    return subprocess.run(command, env=environment, cwd=REPOSITORY, text=True, capture_output=True, timeout=60)


def stored(stack: Stack, namespace: str, name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(stack.kubectl("get", "drpe", name, "-n", namespace, "-o", "json").stdout)
    return found


@pytest.fixture(autouse=True)
def shop(stack: Stack, namespace: str) -> None:
    """The plan that the tests execute; nothing carries it out."""
    stages = [{"name": "s", "workflows": [{"workflowRef": {"name": "w"}}]}]
    plan = {"apiVersion": "dr.bkbcs.tencent.com/v1alpha1", "kind": "DRPlan", "metadata": {"name": "shop"}}
    stack.kubectl("create", "-n", namespace, "-f", "-", stdin=json.dumps({**plan, "spec": {"stages": stages}}))


def end(stack: Stack, namespace: str, name: str, phase: str, message: str) -> None:
    patch = json.dumps({"status": {"phase": phase, "message": message}})
    stack.kubectl("patch", "drpe", name, "-n", namespace, "--subresource=status", "--type=merge", f"--patch={patch}")


def test_execute_and_revert_create_the_objects_that_kubectl_would(stack: Stack, namespace: str) -> None:
    assert drplan(stack, "execute", "shop", "-n", namespace, "--name", "run", "--no-wait").returncode == 0
    options = [
        "--on-missing",
        "Ignore",
        "--include-partial",
        "--stage",
        "a",
        "--stage",
        "b",
        "--action",
        "c",
        "--force",
    ]
    done = drplan(stack, "revert", "run", "-n", namespace, "--name", "back", *options, "--no-wait")
    assert "drplanexecution/back created" in done.stdout
    assert stored(stack, namespace, "run")["spec"] == {"planRef": "shop", "operationType": "Execute"}
    assert stored(stack, namespace, "back")["spec"] == {
        "planRef": "shop",
        "operationType": "Revert",
        "revertExecutionRef": "run",
        "onMissing": "Ignore",
        "includePartial": True,
        "only": {"stages": ["a", "b"], "actions": ["c"]},
        "force": True,
    }


def test_a_name_is_made_up_where_none_is_given(stack: Stack, namespace: str) -> None:
    done = drplan(stack, "execute", "shop", "-n", namespace, "--no-wait")
    assert done.stdout.startswith("drplanexecution/shop-execute-")


@pytest.mark.parametrize(("phase", "code"), [("Succeeded", 0), ("Failed", 1), ("Canceled", 1)])
def test_the_exit_code_tells_how_a_followed_execution_ended(
    stack: Stack, namespace: str, phase: str, code: int
) -> None:
    drplan(stack, "execute", "shop", "-n", namespace, "--name", "run", "--no-wait")
    end(stack, namespace, "run", phase, "the last word")
    done = drplan(stack, "status", "run", "-n", namespace, "--watch")
    assert (done.returncode, "the last word" in done.stdout) == (code, True)


def test_status_shows_an_old_revert_without_stages(stack: Stack, namespace: str) -> None:
    drplan(stack, "execute", "shop", "-n", namespace, "--name", "old", "--no-wait")
    end(stack, namespace, "old", "Succeeded", "Revert completed successfully")
    done = drplan(stack, "status", "old", "-n", namespace)
    assert (done.returncode, "Revert completed successfully" in done.stdout) == (0, True)


def test_cancel_writes_the_annotation_once_and_again(stack: Stack, namespace: str) -> None:
    drplan(stack, "execute", "shop", "-n", namespace, "--name", "run", "--no-wait")
    for _ in range(2):
        assert drplan(stack, "cancel", "run", "-n", namespace, "--no-wait").returncode == 0
    annotations = json.loads(stack.kubectl("get", "drpe", "run", "-n", namespace, "-o", "json").stdout)["metadata"]
    assert annotations["annotations"]["dr.bkbcs.tencent.com/cancel"] == "true"


def test_what_is_not_there_is_said_in_one_line(stack: Stack, namespace: str) -> None:
    done = drplan(stack, "revert", "nothing", "-n", namespace)
    assert done.returncode == 1
    assert done.stderr.strip().splitlines() == ['Error: drplanexecutions.dr.bkbcs.tencent.com "nothing" not found']


def answered(stack: Stack, namespace: str, name: str, state: str, message: str | None = None) -> None:
    """Answer the request that the annotations make, as the bridge would."""
    until(lambda: REQUEST_ID in stored(stack, namespace, name)["metadata"].get("annotations", {}))
    annotations = stored(stack, namespace, name)["metadata"]["annotations"]
    request = {
        "id": annotations[REQUEST_ID],
        "type": annotations[REQUEST].capitalize(),
        "state": state,
        "requestedAt": "2026-02-03T10:00:00Z",
        **({"message": message} if message else {}),
    }
    patch = json.dumps({"status": {"phase": "Running", "requests": [request]}})
    stack.kubectl("patch", "drpe", name, "-n", namespace, "--subresource=status", "--type=merge", f"--patch={patch}")


@pytest.mark.parametrize(("state", "code"), [("Effective", 0), ("Refused", 1)])
def test_a_request_is_written_and_its_answer_told(stack: Stack, namespace: str, state: str, code: int) -> None:
    drplan(stack, "execute", "shop", "-n", namespace, "--name", "seen", "--dry-run", "--no-wait")
    assert stored(stack, namespace, "seen")["spec"]["dryRun"] is True
    drplan(stack, "execute", "shop", "-n", namespace, "--name", "run", "--on-failure", "Pause", "--no-wait")
    assert stored(stack, namespace, "run")["spec"]["onFailure"] == "Pause"
    arguments = ["retry", "run", "-n", namespace, "--action", "s/w/a", "--timeout", "30s", "--reason", "mended"]
    arguments += ["--param", "image=nginx:1.30", "--param", "args=a=b"]
    with ThreadPoolExecutor() as pool:
        running = pool.submit(drplan, stack, *arguments)
        answered(stack, namespace, "run", state, "it cannot be" if state == "Refused" else None)
        done = running.result()
    annotations = stored(stack, namespace, "run")["metadata"]["annotations"]
    assert done.returncode == code, done.stderr
    assert ("retry effective" in done.stdout) is (code == 0)
    assert ("refused: it cannot be" in done.stderr) is (code == 1)
    user = stack.kubectl("auth", "whoami", "--output=jsonpath={.status.userInfo.username}").stdout
    prefix = "dr.bkbcs.tencent.com/request"
    assert annotations[f"{prefix}ed-by"] == annotations[f"{prefix}-by"] == user
    assert (annotations[f"{prefix}-target"], annotations[f"{prefix}-timeout"]) == ("s/w/a", "30s")
    assert json.loads(annotations[f"{prefix}-params"]) == {"image": "nginx:1.30", "args": "a=b"}


def test_skip_and_done_need_a_reason(stack: Stack, namespace: str) -> None:
    assert drplan(stack, "skip", "run", "-n", namespace).returncode == 2
    assert drplan(stack, "done", "run", "-n", namespace).returncode == 2


def test_a_plan_that_does_not_exist_is_refused_at_once(stack: Stack, namespace: str) -> None:
    done = drplan(stack, "execute", "shpo", "-n", namespace)
    assert (done.returncode, done.stderr.strip()) == (1, 'Error: drplans.dr.bkbcs.tencent.com "shpo" not found')
    assert drplan(stack, "list", "-n", namespace, "-o", "name").stdout == ""


def test_the_newest_execution_is_meant_by_latest(stack: Stack, namespace: str) -> None:
    for name in ("first", "second"):
        drplan(stack, "execute", "shop", "-n", namespace, "--name", name, "--no-wait")
    drplan(stack, "revert", "first", "-n", namespace, "--name", "back", "--no-wait")
    assert drplan(stack, "status", "-n", namespace, "-o", "name").stdout.endswith("/back\n")
    drplan(stack, "revert", "shop@latest", "-n", namespace, "--name", "again", "--no-wait")
    assert stored(stack, namespace, "again")["spec"]["revertExecutionRef"] == "second"
    listed = drplan(stack, "list", "-n", namespace, "-o", "name").stdout.splitlines()
    assert [each.rpartition("/")[2] for each in listed] == ["again", "back", "second", "first"]
    assert drplan(stack, "status", "none@latest", "-n", namespace).returncode == 1
    completed = drplan(stack, "__complete", "status", "-n", namespace, "s").stdout.split()
    assert completed == ["second"]
