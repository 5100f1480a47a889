"""What a watcher of the API server sees, across its restarts; and what a kubelet and other controllers do meanwhile."""

import json
import threading
import time
from collections import Counter, defaultdict
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import httpx

from dev import StackError
from tests.admin import Admin
from tests.chaos.plans import CAMPAIGN
from tests.kubectl import Object
from tests.manifests import HOLD

_SELECTOR = ",".join(f"{key}={value}" for key, value in CAMPAIGN.items())
WATCHED = {"drplanexecutions": "", "configmaps": _SELECTOR, "localizations": "", "jobs": _SELECTOR}
"""The kinds that are watched in all namespaces, with a label selector."""
_TERMINAL = ("Succeeded", "Failed", "Canceled")
_RECONNECT = 0.1
_WATCH_SECONDS = 600
_GONE = 410


@dataclass(frozen=True)
class Event:
    """A change that a watcher saw, by the campaign's monotonic clock."""

    at: float
    kind: str
    type: str
    object: Object

    @property
    def name(self) -> str:
        """The object's name."""
        return str(self.object["metadata"]["name"])


@dataclass
class Watcher:
    """Sees every change of the watched kinds, in order, from the moment it is started."""

    admin: Admin
    events: dict[str, list[Event]] = field(default_factory=lambda: defaultdict(list))
    """By namespace."""
    _known: dict[str, dict[str, Object]] = field(default_factory=lambda: defaultdict(dict))
    """The objects that exist, by kind and uid."""
    _stop: threading.Event = field(default_factory=threading.Event)

    def start(self) -> "Watcher":
        """Begin to watch, from now on."""
        for kind in WATCHED:
            version = self._version(kind)
            threading.Thread(target=self._follow, args=(kind, version), daemon=True).start()
        return self

    def close(self) -> None:
        """Stop watching; the threads end with their connections."""
        self._stop.set()

    def statuses(self, namespace: str, execution: str) -> list[Object]:
        """Return every status of an execution that was not empty."""
        seen = (each.object for each in self._of(namespace, "drplanexecutions") if each.name == execution)
        return [each["status"] for each in seen if each.get("status")]

    def has_ended(self, namespace: str, execution: str) -> bool:
        """Tell whether an execution has a terminal phase and its end."""
        last = next(reversed(self.statuses(namespace, execution)), {})
        return last.get("phase") in _TERMINAL and "completionTime" in last

    def came_and_went(self, namespace: str, since: float = 0.0) -> Counter[str]:
        """Count creations and deletions of objects of actions, as `ADDED configmaps name`."""
        return Counter(
            f"{each.type} {each.kind} {each.name}"
            for each in list(self.events[namespace])
            if each.kind != "drplanexecutions" and each.type in ("ADDED", "DELETED") and each.at >= since
        )

    def caught_up(self, namespace: str) -> bool:
        """Tell whether everything has been seen that made the objects of actions what they are now."""
        for kind in WATCHED.keys() - {"drplanexecutions"}:
            there = {each["metadata"]["uid"] for each in self.admin.list(kind, namespace, labelSelector=WATCHED[kind])}
            known = list(self._known[kind].values())
            if there != {each["metadata"]["uid"] for each in known if each["metadata"]["namespace"] == namespace}:
                return False
        return True

    def _of(self, namespace: str, kind: str) -> list[Event]:
        return [each for each in list(self.events[namespace]) if each.kind == kind]

    def _version(self, kind: str) -> str:
        page = self.admin.client.get(self.admin.kind(kind).path(None), params={"limit": 1}).raise_for_status().json()
        return str(page["metadata"]["resourceVersion"])

    def _follow(self, kind: str, version: str) -> None:
        while not self._stop.is_set():
            with suppress(httpx.HTTPError, StackError, json.JSONDecodeError):
                version = self._read(kind, version)
            self._stop.wait(_RECONNECT)

    def _read(self, kind: str, version: str) -> str:
        """Follow one connection to its end, and return the version that was seen last."""
        params: dict[str, str | int] = {"watch": "true", "resourceVersion": version, "timeoutSeconds": _WATCH_SECONDS}
        params |= {"labelSelector": WATCHED[kind], "allowWatchBookmarks": "true"}
        timeout = httpx.Timeout(10, read=_WATCH_SECONDS)
        with (
            suppress(httpx.HTTPError, json.JSONDecodeError),
            self.admin.client.stream("GET", self.admin.kind(kind).path(None), params=params, timeout=timeout) as lines,
        ):
            if lines.is_error:
                return self._after_an_error(kind, version, json.loads(lines.read()))
            for line in lines.iter_lines():
                event: dict[str, Any] = json.loads(line)
                if event["type"] == "ERROR":
                    return self._after_an_error(kind, version, event["object"])
                version = str(event["object"]["metadata"]["resourceVersion"])
                if event["type"] != "BOOKMARK":
                    self._note(kind, event["type"], event["object"])
        return version

    def _note(self, kind: str, what: str, item: Object) -> None:
        meta = item["metadata"]
        meta.pop("managedFields", None)
        self.events[meta["namespace"]].append(Event(time.monotonic(), kind, what, item))
        if what == "DELETED":
            self._known[kind].pop(meta["uid"], None)
        else:
            self._known[kind][meta["uid"]] = item

    def _after_an_error(self, kind: str, version: str, status: Object) -> str:
        """Return where to go on: a restarted API server has forgotten the changes, and is asked what is there."""
        if status.get("code") != _GONE:
            return version
        path, params = self.admin.kind(kind).path(None), {"labelSelector": WATCHED[kind]}
        page = self.admin.client.get(path, params=params).raise_for_status().json()
        there = {each["metadata"]["uid"]: each for each in page["items"]}
        for uid, item in list(self._known[kind].items()):
            if uid not in there:
                self._note(kind, "DELETED", item)
        for uid, item in there.items():
            self._note(kind, "MODIFIED" if uid in self._known[kind] else "ADDED", item)
        return str(page["metadata"]["resourceVersion"])


@dataclass
class Surroundings:
    """A kubelet whose pods end well, and a controller that lets go of what it holds; both take their time."""

    admin: Admin
    seconds: float = 1.0
    """How long a pod runs, and how long an object is held that is being deleted."""
    _since: dict[str, float] = field(default_factory=dict)
    _stop: threading.Event = field(default_factory=threading.Event)

    def start(self) -> "Surroundings":
        """Begin."""
        threading.Thread(target=self._run, daemon=True).start()
        return self

    def close(self) -> None:
        """Stop."""
        self._stop.set()

    def _run(self) -> None:
        while not self._stop.wait(0.3):
            # Whatever fails will be seen again in a moment.
            with suppress(httpx.HTTPError, StackError, ValueError):
                for pod in self.admin.list("pods", labelSelector=_SELECTOR):
                    if pod.get("status", {}).get("phase", "Pending") == "Pending" and self._has_waited(pod):
                        self._end(pod)
                for held in self.admin.list("configmaps", labelSelector=_SELECTOR):
                    meta = held["metadata"]
                    if "deletionTimestamp" in meta and HOLD in meta.get("finalizers", []) and self._has_waited(held):
                        rest = [each for each in meta["finalizers"] if each != HOLD]
                        self.admin.patch(
                            "configmaps", meta["name"], {"metadata": {"finalizers": rest}}, meta["namespace"]
                        )

    def _has_waited(self, item: Object) -> bool:
        return time.monotonic() - self._since.setdefault(item["metadata"]["uid"], time.monotonic()) >= self.seconds

    def _end(self, pod: Object) -> None:
        moment = pod["metadata"]["creationTimestamp"]
        ended = {"exitCode": 0, "reason": "Completed", "startedAt": moment, "finishedAt": moment}
        container = {"name": "main", "image": "x", "imageID": "x", "ready": False, "restartCount": 0}
        status = {"phase": "Succeeded", "containerStatuses": [container | {"state": {"terminated": ended}}]}
        self.admin.patch("pods", pod["metadata"]["name"], {"status": status}, pod["metadata"]["namespace"], "status")
