"""Who wrote what, from the API server's audit log.

Deletions and creations are told apart by the object's uid, which stands in the answer's body.
Source: https://kubernetes.io/docs/reference/config-api/apiserver-audit.v1/
"""

import json
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

READING = {"get", "list", "watch"}


@dataclass(frozen=True)
class Write:
    """A successful change of one object. `user` is in whose name it was made."""

    verb: str
    resource: str
    name: str
    uid: str
    user: str
    code: int


@dataclass(frozen=True)
class AuditLog:
    """The log of one API server; rotated files are not read, a run of the tests stays far below their size."""

    file: Path
    start: int = 0
    """Byte at which reading begins: what was logged before is not of interest."""

    def writes(self, namespace: str) -> list[Write]:
        """Give all successful changes in a namespace, in the order in which they were answered."""
        return [_write(event) for event in self._events(namespace) if event["responseStatus"]["code"] < 300]

    def refused(self, namespace: str) -> list[Write]:
        """Give all changes in a namespace that were refused."""
        return [_write(event) for event in self._events(namespace) if event["responseStatus"]["code"] >= 300]

    def deletions(self, namespace: str, at_least: int = 0) -> Counter[str]:
        """Count successful deletions by uid, once at least so many are in the log."""
        return self._count("delete", namespace, at_least)

    def creations(self, namespace: str, at_least: int = 0) -> Counter[str]:
        """Count successful creations by uid, once at least so many are in the log."""
        return self._count("create", namespace, at_least)

    def _count(self, verb: str, namespace: str, at_least: int) -> Counter[str]:
        # The log's line is written after the answer is sent.
        deadline = time.monotonic() + 30
        while True:
            found = Counter(each.uid for each in self.writes(namespace) if each.verb == verb and each.uid)
            if found.total() >= at_least or time.monotonic() > deadline:
                return found
            time.sleep(0.05)

    def _events(self, namespace: str) -> Iterator[dict[str, Any]]:
        needle = f'"namespace":"{namespace}"'
        with self.file.open(encoding="utf-8") as lines:
            lines.seek(self.start)
            for line in lines:
                if needle in line and line.endswith("\n"):
                    event = json.loads(line)
                    if _is_change(event, namespace):
                        yield event


def _is_change(event: dict[str, Any], namespace: str) -> bool:
    object_of = event.get("objectRef", {})
    return (
        event["stage"] == "ResponseComplete"
        and event["verb"] not in READING
        and object_of.get("namespace") == namespace
        and "dryRun=" not in event["requestURI"]
    )


def _write(event: dict[str, Any]) -> Write:
    object_of, body = event["objectRef"], event.get("responseObject", {})
    meta = body.get("metadata", {})
    resource = "/".join(part for part in (object_of["resource"], object_of.get("subresource")) if part)
    return Write(
        verb=event["verb"],
        resource=resource,
        name=object_of.get("name") or meta.get("name", ""),
        # A deletion that is done at once answers with a Status, one that waits with the object.
        uid=body.get("details", {}).get("uid") or meta.get("uid", ""),
        user=event.get("impersonatedUser", event["user"])["username"],
        code=event["responseStatus"]["code"],
    )
