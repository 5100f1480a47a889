"""An API server that knows some tokens and some objects, and the view in front of it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest import mock

import yaml
from aiohttp import ClientResponse, ClientSession, web

from api.meta import API_VERSION
from api.phases import Phase
from bridge.view.pages import Links
from bridge.view.server import serving as view_serving
from tests.kube import scripted_server
from tests.planning import builders

ALL, TEAM, NOBODY, OWN = "token-of-all", "token-of-team", "token-of-nobody", "token-of-the-bridge"
START = datetime.now(UTC).replace(microsecond=0) - timedelta(seconds=90)
UI = "https://temporal.example.com"


def plan(name: str, namespace: str = "team", **status: Any) -> dict[str, Any]:
    meta = {"name": name, "namespace": namespace, "uid": f"uid-{name}"}
    spec = {"stages": [{"name": "s", "workflows": [{"workflowRef": {"name": "w"}}]}], "rehearsal": {"interval": "1h"}}
    return {"apiVersion": API_VERSION, "kind": "DRPlan", "metadata": meta, "spec": spec, "status": status}


def condition(kind: str, status: str, message: str) -> dict[str, Any]:
    return {
        "type": kind,
        "status": status,
        "reason": "R",
        "message": message,
        "lastTransitionTime": "2026-02-03T10:00:00Z",
    }


def execution(name: str, stages: int = 3, actions: int = 4, namespace: str = "team") -> dict[str, Any]:
    """Return an Execute that has done its first stage and works on its second."""
    parts = []
    for number in range(stages):
        phase = (Phase.SUCCEEDED, Phase.RUNNING)[number] if number < 2 else Phase.PENDING
        begun: dict[str, Any] = {} if phase is Phase.PENDING else {"start_time": START + timedelta(seconds=30 * number)}
        ended = {"completion_time": START + timedelta(seconds=30)} if phase is Phase.SUCCEEDED else {}
        times: dict[str, Any] = {**begun, **ended}
        nodes = [
            builders.old(
                f"action-{number}-{index}", **{"phase": phase, "start_time": None, "completion_time": None, **times}
            )
            for index in range(actions)
        ]
        workflow = builders.workflow(f"app-{number}", *nodes, phase=phase).model_copy(update=times)
        parts.append(builders.stage(f"stage-{number}", workflow, phase=phase, **times))
    status = {
        "phase": "Running",
        "startTime": START.isoformat(),
        "message": "stage stage-1 / app-1 / action-1-0: running",
        "engine": {"workflowId": f"execute/team/{name}/u", "runId": "run-1"},
        "progress": {"stages": f"1/{stages}", "actions": f"{actions}/{stages * actions}"},
        "stageStatuses": [part.to_object() for part in parts],
    }
    meta = {"name": name, "namespace": namespace, "uid": f"uid-{name}"}
    spec = {"planRef": "shop", "operationType": "Execute"}
    return {
        "apiVersion": API_VERSION,
        "kind": "DRPlanExecution",
        "metadata": meta,
        "spec": spec,
        "status": status,
    }


@dataclass
class Api:
    """What the API server holds, and what it was asked."""

    objects: dict[str, dict[tuple[str, str], dict[str, Any]]] = field(
        default_factory=lambda: {"drplans": {}, "drplanexecutions": {}}
    )
    asked: list[tuple[str, str]] = field(default_factory=list)
    """Path and Authorization header of each request."""
    namespaces: dict[str, set[str] | None] = field(default_factory=lambda: {ALL: None, TEAM: {"team"}, NOBODY: set()})
    """Where the holder of a token may read; None for everywhere."""

    def add(self, *objects: dict[str, Any]) -> None:
        for each in objects:
            plural = scripted_server.PLURALS[each["kind"]]
            meta = each["metadata"]
            self.objects[plural][meta["namespace"], meta["name"]] = each

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        sent = request.headers.get("Authorization", "")
        self.asked.append((request.path, sent))
        token = sent.removeprefix("Bearer ")
        if token not in self.namespaces:
            return _status(401, "Unauthorized", "Unauthorized")
        parts = request.path.removeprefix(f"/apis/{API_VERSION}/").split("/")
        namespace = parts[1] if parts[0] == "namespaces" else None
        plural, *name = parts[2:] if namespace else parts
        allowed = self.namespaces[token]
        if allowed is not None and namespace not in allowed:
            return _status(403, "Forbidden", f'{plural} is forbidden: User "viewer" cannot read it')
        held = self.objects[plural]
        if name:
            found = held.get((namespace or "", name[0]))
            details = {"name": name[0]}
            return web.json_response(found) if found else _status(404, "NotFound", f'"{name[0]}" not found', details)
        keys = sorted(key for key in held if namespace in (None, key[0]))
        limit, first = int(request.query["limit"]), int(request.query.get("continue") or 0)
        more = str(first + limit) if first + limit < len(keys) else ""
        items = [held[key] for key in keys[first : first + limit]]
        return web.json_response({"items": items, "metadata": {"resourceVersion": "1", "continue": more}})


def _status(code: int, reason: str, message: str, details: dict[str, Any] | None = None) -> web.Response:
    body = {"kind": "Status", "status": "Failure", "code": code, "reason": reason, "message": message}
    return web.json_response(body | ({"details": details} if details else {}), status=code)


@asynccontextmanager
async def viewing(folder: Path, api: Api) -> AsyncIterator[str]:
    """Serve the view, for which KUBECONFIG holds credentials of the bridge, and yield its URL."""
    async with scripted_server.serving(api.answer) as url:
        file = folder / "config"
        file.write_text(yaml.safe_dump(scripted_server.kubeconfig(url, user={"token": OWN})))
        with mock.patch.dict("os.environ", {"KUBECONFIG": str(file)}):
            async with view_serving(("127.0.0.1", 0), Links(UI, "dr")) as port:
                yield f"http://127.0.0.1:{port}"


async def fetch(session: ClientSession, url: str, token: str | None = ALL, **headers: str) -> ClientResponse:
    """Ask for a page with a token, as a proxy does; redirections are not followed."""
    sent = {"Authorization": f"Bearer {token}"} if token else {}
    response = await session.get(url, headers={**sent, **headers}, allow_redirects=False)
    await response.read()
    return response
