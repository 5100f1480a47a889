"""Forty-four secrets in one plan, each in another place: none of them appears anywhere, and messages still help.

Source: docs/spec/drplan.md, "Secret values".
"""

import asyncio
import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread
from typing import Any

import httpx

from planning.messages import rollback as rollback_messages
from tests import fake_kubelet
from tests.e2e.installation import Installation
from tests.e2e.story import Story, actions
from tests.http_service import Reply, Service
from tests.kubectl import Object
from tests.manifests import config_map, dr_plan, dr_workflow, stage, writes

ONCE: dict[str, Any] = {"retryPolicy": {"limit": 1, "interval": "100ms"}, "timeout": "1m"}


class Canaries:
    """Secrets that are all different, under the name of the place where each is planted."""

    def __init__(self) -> None:
        self.planted: dict[str, str] = {}

    def __call__(self, place: str) -> str:
        number = len(self.planted)
        return self.planted.setdefault(place, f"c4nary{number:02d}Zq{number * 7919 % 9973:04d}")

    def found_in(self, text: str) -> set[str]:
        return {
            place
            for place, secret in self.planted.items()
            if secret in text or base64.b64encode(secret.encode()).decode() in text
        }


@contextmanager
def service_in_a_thread() -> Iterator[Service]:
    """Run a service while the test waits for other programs."""
    loop = asyncio.new_event_loop()
    thread = Thread(target=loop.run_forever)
    thread.start()
    running = Service.running()
    try:
        yield asyncio.run_coroutine_threadsafe(running.__aenter__(), loop).result()
        asyncio.run_coroutine_threadsafe(running.__aexit__(None, None, None), loop).result()
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()


def requests(canary: Canaries, address: str) -> list[Object]:
    """Return the HTTP actions: one whose answer is a failure, one that succeeds, one with a form."""
    names = ["sig", "sign", "signature", "key", "code", "sas", "auth", "access_token", "api_key"]
    query = "&".join(f"{name}={canary(f'query {name}')}" for name in names)
    headers = {
        "Authorization": f"Bearer {canary('header Authorization')}",
        "X-Api-Key": canary("header X-Api-Key"),
        "Cookie": f"site=east; session={canary('header Cookie')}",
        "User-Agent": canary("header User-Agent"),
    }
    body = {
        "site": "east",
        "password": canary("field"),
        "oauth": {"clientSecret": canary("nested field")},
        "tokens": [canary("list")],
        "env": [{"name": "SMTP_PASS", "value": canary("pair")}],
    }
    hook = f"{address}/services/T00/{canary('path of a webhook')}"
    request = {"url": f"{hook}?{query}", "method": "PUT", "headers": headers, "body": json.dumps(body)}
    user = address.replace("://", f"://shop:{canary('password of a URL')}@")
    form = {"url": f"{user}/form", "method": "PUT", "body": f"user=shop&password={canary('form')}"}
    return [
        {"name": "refused-request", "type": "HTTP", "http": {**request, "successCodes": [418]}, **ONCE},
        {"name": "request", "type": "HTTP", "http": request, **ONCE},
        {"name": "form", "type": "HTTP", "http": form, **ONCE},
    ]


def container(canary: Canaries, place: str) -> Object:
    """Return a container that gets secrets in each way that a Pod has."""
    return {
        "name": "main",
        "image": "registry.example.com/backup:1",
        "command": ["sh", "-c", f"PGPASSWORD={canary(f'{place} shell')} psql --host=db"],
        "args": ["--token", canary(f"{place} option"), f"--api-key={canary(f'{place} option with =')}"],
        "env": [
            {"name": "DB_PASSWORD", "value": canary(f"{place} env")},
            {"name": "DATABASE_URL", "value": f"postgres://shop:{canary(f'{place} address')}@db/shop"},
        ],
    }


def objects(canary: Canaries, namespace: str) -> list[Object]:
    """Return the actions that write objects; two of them are refused in words that repeat their values."""
    pod: Object = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "pod", "namespace": namespace}}
    pod["spec"] = {"containers": [container(canary, "Pod")]}
    probe = {"name": "Authorization", "value": f"Bearer {canary('header of a probe')}"}
    pod["spec"]["containers"][0]["readinessProbe"] = {"httpGet": {"port": 80, "httpHeaders": [probe]}}
    data = {
        "password": canary("ConfigMap"),
        "app.properties": f"db.host=db\ndb.password={canary('properties')}\n",
        "app.yaml": f"mail:\n  token: {canary('YAML')}\n",
        "app.json": json.dumps({"apiKey": canary("JSON")}),
    }
    settings = {**config_map("settings", namespace=namespace), "data": data}
    refused = config_map("refused", namespace=namespace, labels={"token": f"{canary('label')} is no label"})
    fresh = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "made", "namespace": namespace}}
    encoded = base64.b64encode(canary("data of a Secret").encode()).decode()
    secret = {**fresh, "stringData": {"p": canary("stringData of a Secret")}, "data": {"q": encoded}}
    patch = json.dumps([{"op": "add", "path": "/data/password", "value": canary("override")}])
    feed = {"apiVersion": "v1", "kind": "ConfigMap", "name": "settings", "namespace": namespace}
    spec = {"feed": feed, "overrides": [{"name": "set", "type": "JSONPatch", "value": patch}]}
    localization = {"name": "site", "namespace": namespace, "operation": "Create", "spec": spec}
    given = {**config_map("given", namespace=namespace), "data": {"x": "$(params.db)", "y": "$(params.address)"}}
    worker = {"restartPolicy": "Never", "containers": [container(canary, "Job")]}
    job = {"metadata": {"name": "backup"}, "spec": {"backoffLimit": 0, "template": {"spec": worker}}}
    return [
        writes("pod", json.dumps(pod)),
        writes("settings", json.dumps(settings), "Apply"),
        writes("refused", json.dumps(refused), **ONCE),
        writes("secret", json.dumps(secret)),
        writes("given", json.dumps(given)),
        {"name": "localization", "type": "Localization", "localization": localization},
        {"name": "backup", "type": "Job", "job": {"namespace": namespace, "template": job}, **ONCE},
    ]


def parameters(canary: Canaries, story: Story) -> list[Object]:
    """Return the plan's parameters; two are read from objects that exist."""
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "db"}}
    story.kubectl.create({**secret, "stringData": {"p": canary("value from a Secret")}})
    story.kubectl.create({**config_map("live"), "data": {"DB_PASSWORD": canary("value from a ConfigMap")}})
    story.kubectl.create({**config_map("settings"), "data": {"api_token": canary("state before a change")}})

    def read(kind: str, name: str, path: str) -> Object:
        place = {"apiVersion": "v1", "kind": kind, "namespace": story.namespace, "name": name, "jsonPath": path}
        return {"manifestRef": place}

    return [
        {"name": "db", "value": f"https://hooks.example.com/{canary('value with a webhook')}"},
        {"name": "address", "value": f"postgres://shop:{canary('value with an address')}@db/shop"},
        {"name": "fromSecret", "valueFrom": read("Secret", "db", "{.data.p}")},
        {"name": "fromConfigMap", "valueFrom": read("ConfigMap", "live", "{.data.DB_PASSWORD}")},
    ]


def test_no_secret_appears_anywhere_and_messages_still_say_what_happened(
    installation: Installation, story: Story
) -> None:
    canary = Canaries()
    with service_in_a_thread() as service:
        for path in ("/form", f"/services/T00/{canary('path of a webhook')}"):
            service.replies_to(path, Reply(echo=True))
        answer = {"site": "east", "access_token": canary("answer of a service")}
        service.replies_to("/login", Reply(body=json.dumps(answer)))
        login = {"name": "login", "type": "HTTP", "http": {"url": f"{service.address}/login"}, **ONCE}
        values = {"a": "$(params.token)", "b": "$(params.fromSecret)", "c": "$(params.fromConfigMap)"}
        told = {"url": f"{service.address}/form", "method": "PUT", "body": json.dumps({"values": values})}
        undo = {"type": "HTTP", "http": {**told, "headers": {"X-Key": canary("header of a rollback")}}}
        tell = {"name": "tell", "type": "HTTP", "http": told, "rollback": undo, **ONCE}
        flow = dr_workflow(
            "flow",
            *requests(canary, service.address),
            login,
            *objects(canary, story.namespace),
            failurePolicy="Continue",
        )
        stages = [stage(each, story.namespace, each) for each in ("told", "flow")]
        plan = dr_plan("plan", *stages, globalParams=parameters(canary, story))
        story.kubectl.apply(dr_workflow("told", tell), flow, plan)
        token = {"name": "token", "value": canary("value of an execution")}
        story.execute("execute", "plan", params=[token])
        said = f"login with {canary.planted['Job env']} failed, token={canary('words of a pod')}"
        story.eventually("execute", lambda _: story.exists("job", "backup"))
        asyncio.run(fake_kubelet.fails(story.kubectl, "backup", message=said))
        executed = story.failed("execute")
        story.revert("revert", "plan", "execute")
        reverted = story.succeeded("revert")

    assert len(canary.planted) >= 40
    sent = " ".join(f"{one.path} {one.headers} {one.body}" for one in service.received)
    assert {place for place in canary.planted if place.startswith(("query", "header X", "list"))} <= canary.found_in(
        sent
    )
    kinds = ("events", "controllerrevisions", "drplans", "drworkflows")
    listed = {kind: json.loads(story.kubectl("get", kind, "-o", "json"))["items"] for kind in kinds}
    addresses = [guarded.metrics for guarded in (installation.worker, installation.bridge)]
    places = {
        "status of the Execute": json.dumps(executed),
        "status of the Revert": json.dumps(reverted),
        "events": json.dumps(listed["events"]),
        "ControllerRevisions": json.dumps(listed["controllerrevisions"]),
        "statuses of definitions": json.dumps([one.get("status") for one in listed["drplans"] + listed["drworkflows"]]),
        "log of the worker": installation.worker.program.log.read_text(),
        "log of the bridge": installation.bridge.program.log.read_text(),
        "Temporal": "".join(
            installation.runs.told(story.kubectl.get("drplanexecution", name)) for name in ("execute", "revert")
        ),
        "probes": "".join(
            httpx.get(f"http://{guarded.health}/readyz?verbose", timeout=60).text
            for guarded in (installation.worker, installation.bridge)
        ),
        "metrics": "".join(httpx.get(f"http://{address}/metrics", timeout=60).text for address in addresses),
    }
    assert {where: found for where, text in places.items() if (found := canary.found_in(text))} == {}

    outputs = {one["name"]: one.get("outputs") for one in actions(executed)}
    assert outputs["login"] == {"httpResponse": {"statusCode": 200, "body": '{"site": "east", "access_token": "•••"}'}}
    messages = {one["name"]: one.get("message", "") for one in actions(executed)}
    assert messages["refused-request"].startswith(
        f"HTTP PUT {service.address} failed: it was answered 200, not one of 418:"
    )
    assert messages["request"] == f"HTTP PUT {service.address} succeeded with status 200"
    assert 'ConfigMap "refused" is invalid: metadata.labels: Invalid value: "•••' in messages["refused"]
    assert messages["settings"] == "Applied ConfigMap settings (it existed before)"
    assert messages["backup"].endswith("container main: Error (exit code 3): login with ••• failed, token=•••")
    assert {one["name"]: one["message"] for one in actions(reverted)}["tell"] == rollback_messages.CUSTOM_ROLLBACK_DONE
    [root] = [one for one in listed["controllerrevisions"] if one["metadata"]["name"] == executed["snapshot"]["name"]]
    assert "plan" in json.dumps(root)
