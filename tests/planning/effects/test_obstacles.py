"""What keeps an object from being ready, from what scheduler, kubelet and events report."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planning.effects.obstacles import last_failure, last_warning, obstacle

Object = dict[str, Any]
TIME = "2026-02-03T10:10:00Z"
BACK_OFF = "back-off 5m0s restarting failed container"


def pod(
    name: str = "shop-1", *, created: str = "2026-02-03T10:10:00Z", phase: str = "Pending", **status: Any
) -> Object:
    return {"metadata": {"name": name, "creationTimestamp": created}, "status": {"phase": phase, **status}}


def runs(*containers: Object, **more: Any) -> Object:
    return pod(containerStatuses=list(containers), **more)


def waits(reason: str, message: str = "", **more: Any) -> Object:
    return {"name": "main", "state": {"waiting": {"reason": reason, "message": message}}, **more}


def ended(code: int, message: str = "", reason: str = "Error") -> Object:
    return {"terminated": {"exitCode": code, "reason": reason, "message": message}}


UNSCHEDULABLE = {
    "type": "PodScheduled",
    "status": "False",
    "reason": "Unschedulable",
    "message": "0/1 nodes are available: 1 Insufficient cpu.",
}

OBSTACLES = [
    (
        runs(waits("ImagePullBackOff", 'Back-off pulling image "x:1"')),
        'pod shop-1: container main: ImagePullBackOff: Back-off pulling image "x:1"',
    ),
    (runs(waits("ErrImagePull", "not found")), "pod shop-1: container main: ErrImagePull: not found"),
    (
        runs(waits("CreateContainerConfigError", 'secret "shop" not found')),
        'pod shop-1: container main: CreateContainerConfigError: secret "shop" not found',
    ),
    (
        pod(initContainerStatuses=[waits("CrashLoopBackOff", BACK_OFF, lastState=ended(1, "no database"))]),
        "pod shop-1: container main: CrashLoopBackOff: Error (exit code 1): no database",
    ),
    (
        runs(waits("CrashLoopBackOff", BACK_OFF)),
        f"pod shop-1: container main: CrashLoopBackOff: {BACK_OFF}",
    ),
    (
        runs({"name": "main", "state": {"running": {}}, "restartCount": 3, "ready": False, "lastState": ended(2)}),
        "pod shop-1: container main: Error (exit code 2), restarted 3 times",
    ),
    (
        pod(conditions=[UNSCHEDULABLE]),
        "pod shop-1: Unschedulable: 0/1 nodes are available: 1 Insufficient cpu.",
    ),
    (
        pod(phase="Failed", reason="Evicted", message="The node was low on memory"),
        "pod shop-1: Evicted: The node was low on memory",
    ),
]

NO_OBSTACLE = [
    pod(),
    pod(phase=""),
    runs(waits("ContainerCreating")),
    runs(waits("PodInitializing")),
    runs({"name": "main", "state": {"running": {}}, "ready": True, "restartCount": 3, "lastState": ended(2)}),
    runs({"name": "main", "state": {"running": {}}, "ready": False, "restartCount": 0}),
    pod(conditions=[{**UNSCHEDULABLE, "status": "True"}]),
]


@pytest.mark.parametrize(("found", "reason"), OBSTACLES)
def test_what_keeps_a_pod_from_working(found: Object, reason: str) -> None:
    assert obstacle([found]) == reason


@pytest.mark.parametrize("found", NO_OBSTACLE)
def test_a_pod_that_starts_or_works_is_no_obstacle(found: Object) -> None:
    assert obstacle([found]) == ""


def test_the_newest_pod_that_does_not_work_is_named() -> None:
    old = runs(waits("ErrImagePull", "old"), name="a", created="2026-02-03T10:00:00Z")
    new = runs(waits("ErrImagePull", "new"), name="b", created="2026-02-03T11:00:00Z")
    newest = pod("c", created="2026-02-03T12:00:00Z")
    assert obstacle([new, old, newest]) == "pod b: container main: ErrImagePull: new"


def test_a_pod_that_goes_is_no_obstacle() -> None:
    going = runs(waits("ErrImagePull"))
    going["metadata"]["deletionTimestamp"] = "2026-02-03T10:10:00Z"
    assert obstacle([going]) == ""


def event(reason: str, *, kind: str = "Warning", **times: Any) -> Object:
    return {"type": kind, "reason": reason, "message": f"{reason} happened", **times}


def test_the_newest_warning_about_an_object_is_told() -> None:
    events = [
        event("Older", lastTimestamp="2026-02-03T10:00:00Z"),
        event("Repeated", eventTime="2026-02-03T09:00:00Z", series={"lastObservedTime": "2026-02-03T12:00:00.000001Z"}),
        event("News", kind="Normal", lastTimestamp="2026-02-03T13:00:00Z"),
        event("Single", eventTime="2026-02-03T11:00:00.000001Z"),
    ]
    assert last_warning(events) == "last warning: Repeated: Repeated happened"
    assert last_warning(events[2:3]) == ""


def test_what_a_container_left_behind_is_shown_without_its_secrets() -> None:
    left = runs(waits("CrashLoopBackOff", lastState=ended(1, "password=hunter22")))
    assert "hunter22" not in obstacle([left])


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
STATES = st.dictionaries(st.sampled_from(["waiting", "terminated", "running"]), ANYTHING) | ANYTHING
CONTAINERS = st.lists(
    st.dictionaries(st.sampled_from(["name", "ready", "restartCount"]), ANYTHING)
    | st.fixed_dictionaries({"state": STATES, "lastState": STATES})
)
FIELDS = st.dictionaries(
    st.sampled_from(["containerStatuses", "initContainerStatuses"]), CONTAINERS | ANYTHING
) | st.dictionaries(st.sampled_from(["phase", "conditions", "reason", "message"]), ANYTHING)


@given(metadata=ANYTHING, status=FIELDS | ANYTHING)
def test_no_pod_whatever_breaks_the_search(metadata: object, status: object) -> None:
    found = [{"metadata": metadata, "status": status}]
    assert isinstance(obstacle(found) + last_failure(found), str)
    event = status if isinstance(status, dict) else {}
    assert isinstance(last_warning([{"type": "Warning", "series": metadata, **event}]), str)
