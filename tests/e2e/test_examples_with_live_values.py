"""The examples whose plans read live objects, ask a service, or run a Job."""

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tests.e2e import example_files
from tests.e2e.installation import Installation
from tests.e2e.story import Story, actions, told
from tests.kubectl import Object

SECRET = "not-to-be-seen"


@dataclass
class Service:
    """A service that becomes well after it was asked a few times, and that remembers what was asked."""

    sick_for: int = 3
    asked: list[tuple[str, str, dict[str, str], str]] = field(default_factory=list)
    url: str = ""

    def posts(self) -> list[Object]:
        """Give the bodies of all POSTs, in order."""
        return [json.loads(body) for method, _, _, body in self.asked if method == "POST"]

    def answer(self, method: str, path: str, headers: dict[str, str], body: str) -> tuple[int, str]:
        """Take a request."""
        self.asked.append((method, path, headers, body))
        well = len(self.asked) > self.sick_for
        return (202 if method == "POST" else 200 if well else 503), f"you said {headers.get('authorization', '')}"


@contextmanager
def serving(service: Service) -> Iterator[Service]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
            headers = {name.lower(): value for name, value in self.headers.items()}
            code, text = service.answer(self.command, self.path, headers, body)
            self.send_response(code)
            self.end_headers()
            self.wfile.write(text.encode())

        def do_POST(self) -> None:
            self.do_GET()

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    service.url = f"http://127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield service
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture
def service() -> Iterator[Service]:
    """A service on this machine, which the tests' worker may ask."""
    with serving(Service()) as running:
        yield running


def test_health_gates_wait_open_and_close_again(installation: Installation, service: Service) -> None:
    story = installation.story_in("default")
    example_files.apply(story, "health-gates")
    execute = example_files.start(story, "health-gates", "execute", service=service.url)
    status = story.succeeded(execute)

    assert [(name, phase) for name, phase, _ in told(status)] == [
        ("wait-until-well", "Succeeded"),
        ("open", "Succeeded"),
        ("note", "Succeeded"),
    ]
    gate, opened, _ = actions(status)
    assert gate["retries"] == service.sick_for
    assert opened["outputs"]["httpResponse"]["statusCode"] == 202
    assert story.kubectl.get("configmap", "health-gates-note")["data"] == {"answer": "202"}
    post = next(headers for method, _, headers, _ in service.asked if method == "POST")
    basic = base64.b64encode(f"drplan:{SECRET}".encode()).decode()
    assert post["authorization"] == f"Basic {basic}"
    assert post["idempotency-key"].startswith(story.uid("drplanexecution", execute) + "/")

    revert = example_files.start(story, "health-gates", "revert", service=service.url)
    reverted = story.succeeded(revert)
    assert told(reverted) == [
        ("note", "Succeeded", "Rolled back: deleted ConfigMap health-gates-note"),
        ("open", "Succeeded", "Rolled back: executed custom rollback action"),
        ("wait-until-well", "Skipped", "No rollback defined for HTTP action"),
    ]
    assert service.posts() == [{"plan": "health-gates", "open": True}, {"plan": "health-gates", "open": False}]
    everything = story.kubectl("get", "drplanexecutions,controllerrevisions,events", "-o", "json")
    assert basic not in everything
    assert SECRET not in everything


def test_values_are_read_from_live_objects(installation: Installation) -> None:
    story = installation.story_in("default")
    example_files.apply(story, "live-parameters")
    newest_of_west = story.kubectl.get("configmap", "live-release-1") | {"data": {"version": "2.0.0"}}
    newest_of_west["metadata"] = {"name": "live-release-2", "labels": newest_of_west["metadata"]["labels"]}
    story.kubectl.apply(newest_of_west)
    status = story.succeeded(example_files.start(story, "live-parameters", "execute"))

    settings = story.kubectl.get("configmap", "live-settings")
    assert settings["data"] == {"site": "west", "version": "2.0.0", "replicas": "5", "owner": "platform"}
    receipt = story.kubectl.get("configmap", "live-receipt")
    assert receipt["data"] == {"settings": settings["metadata"]["uid"]}
    secret = story.kubectl.get("secret", "live-credentials")
    assert base64.b64decode(secret["data"]["password"]).decode() == SECRET
    kept = story.kubectl("get", "controllerrevisions,drplanexecutions,events", "-o", "json")
    assert secret["data"]["password"] not in kept
    assert SECRET not in kept

    # What the plan says by now does not matter any more: the Revert undoes what was done.
    story.kubectl.patch("configmap/live-active-site", {"data": {"site": "east"}})
    story.kubectl("delete", "drworkflow", "live-parameters")
    reverted = story.succeeded(example_files.start(story, "live-parameters", "revert"))
    assert {phase for _, phase, _ in told(reverted)} == {"Succeeded"}
    assert status["summary"]["totalActions"] == reverted["summary"]["succeededActions"] == 3
    assert not story.exists("configmap", "live-settings")


def test_a_job_is_waited_for_and_taken_back_with_its_pods(installation: Installation) -> None:
    story = installation.story_in("default")
    example_files.apply(story, "job")
    execute = example_files.start(story, "job", "execute")
    story.eventually(execute, lambda _: bool(jobs(story)))
    (job,) = jobs(story)
    assert job["spec"]["ttlSecondsAfterFinished"] == 86400
    container = job["spec"]["template"]["spec"]["containers"][0]
    assert container["args"] == ["--backup=latest", "--plan=job"]
    pod = story.eventually_found("pods", f"job-name={job['metadata']['name']}")
    story.eventually(execute, lambda status: status.get("phase") == "Running")
    story.kubectl.patch(f"pod/{pod['metadata']['name']}", {"status": {"phase": "Succeeded"}}, "status")

    story.succeeded(execute)
    assert story.kubectl.get("configmap", "job-restored")["data"] == {"job": job["metadata"]["name"]}
    story.succeeded(example_files.start(story, "job", "revert"))
    assert jobs(story) == []
    assert not story.exists("pod", pod["metadata"]["name"])


def jobs(story: Story) -> list[Object]:
    found: list[Object] = json.loads(story.kubectl("get", "jobs", "-l", "purpose=restore", "-o", "json"))["items"]
    return found
