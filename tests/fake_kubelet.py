"""What a kubelet would report: the pods of a Job have run, well or badly. The Job's controller is the real one."""

from typing import Any, Protocol

from tests.activities.live_namespace import Object
from tests.admin import Admin
from tests.eventually import eventually

ENDED = "2026-02-03T10:10:00Z"


class AdminNamespace(Protocol):
    """A namespace and its administrator."""

    @property
    def namespace(self) -> str: ...

    @property
    def admin(self) -> Admin: ...


def pods(ns: AdminNamespace, job: str) -> list[Object]:
    """Give the pods that the Job's controller has made."""
    return ns.admin.list("pods", ns.namespace, labelSelector=f"batch.kubernetes.io/job-name={job}")


async def succeeds(ns: AdminNamespace, job: str) -> None:
    """Let the Job's pod end well, once it is there."""
    await _report(ns, job, "Succeeded", 0, "Completed")


async def fails(ns: AdminNamespace, job: str, code: int = 3, message: str = "disk full") -> None:
    """Let the Job's pod end badly, once it is there."""
    await _report(ns, job, "Failed", code, "Error", message=message)


async def _report(ns: AdminNamespace, job: str, phase: str, code: int, reason: str, **more: str) -> None:
    await eventually(lambda: bool(_running(ns, job)), "the Job's controller has made a pod")
    [pod] = _running(ns, job)
    terminated = {"exitCode": code, "reason": reason, "finishedAt": ENDED, "startedAt": ENDED, **more}
    container = {"name": "main", "image": "x", "imageID": "x", "ready": False, "restartCount": 0}
    status = {"phase": phase, "containerStatuses": [container | {"state": {"terminated": terminated}}]}
    ns.admin.patch("pod", pod["metadata"]["name"], {"status": status}, ns.namespace, "status")


def _running(ns: AdminNamespace, job: str) -> list[Object]:
    return [pod for pod in pods(ns, job) if pod.get("status", {}).get("phase") in (None, "Pending")]


def template(name: str | None = "backup", **spec: Any) -> Object:
    """Give the template of a Job with one container and no second try."""
    containers = [{"name": "main", "image": "registry.example.com/backup:1"}]
    pod = {"metadata": {"labels": {"app": "backup"}}, "spec": {"restartPolicy": "Never", "containers": containers}}
    metadata = {"labels": {"team": "shop"}, "annotations": {"note": "kept"}} | ({"name": name} if name else {})
    return {"metadata": metadata, "spec": {"backoffLimit": 0, "template": pod, **spec}}
