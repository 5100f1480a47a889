"""The index knows what waits and what refers to what, wakes the right keys, and keeps nothing of what is over."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from api.meta import ACCEPTED_ANNOTATION, CANCEL_ANNOTATION, FINALIZER, PLAN_LABEL
from bridge.kubernetes.entry import Key, ObjectKind, entry_of
from bridge.kubernetes.index import Index
from bridge.kubernetes.work_queue import Rank
from kube.client import Object


def execution(name: str, phase: str = "", created: str = "2026-01-01T00:00:00Z", **more: Any) -> Object:
    meta = {"namespace": "default", "name": name, "uid": f"uid-{name}", "resourceVersion": more.pop("version", "1")}
    meta |= {"creationTimestamp": created, **more.pop("metadata", {})}
    status = {"phase": phase} if phase else {}
    return {"metadata": meta, "spec": {"planRef": "plan", **more}, "status": status}


def plan(name: str = "plan", workflow: str = "work", holder: str = "", generation: int = 1, version: int = 1) -> Object:
    ref = {"workflowRef": {"name": workflow, "namespace": "default"}}
    status = {"currentExecution": {"name": holder}} if holder else {}
    meta = {"namespace": "default", "name": name, "resourceVersion": str(version), "generation": generation}
    return {"metadata": meta, "spec": {"stages": [{"name": "a", "workflows": [ref]}]}, "status": status}


def key(name: str, kind: ObjectKind = ObjectKind.EXECUTION) -> Key:
    return Key(kind, "default", name)


class Woken:
    def __init__(self) -> None:
        self.keys: list[Key] = []
        self.index = Index(self.keys.append)

    def by(self, kind: ObjectKind, *items: Object) -> set[str]:
        self.keys.clear()
        for item in items:
            self.index.put(kind, item)
        return {one.name for one in self.keys}


OURS = {"annotations": {ACCEPTED_ANNOTATION: "uid-a"}, "finalizers": [FINALIZER]}


def test_what_somebody_wrote_is_validated_before_what_a_new_leader_only_validates_again() -> None:
    def validated(name: str, generation: int, observed: int) -> Object:
        conditions = [{"type": "Valid", "status": "True", "observedGeneration": observed}]
        return {**plan(name, generation=generation), "status": {"conditions": conditions}}

    def rank(name: str) -> Rank:
        return woken.index.rank(key(name, ObjectKind.PLAN))

    woken = Woken()
    woken.by(ObjectKind.PLAN, validated("old", 2, 2), validated("seen", 1, 1), validated("edited", 2, 1), plan("new"))
    woken.index.begin()
    assert [rank(name) for name in ("old", "seen", "edited", "new")] == [Rank.LAST] * 2 + [Rank.LATER] * 2
    woken.by(ObjectKind.DR_WORKFLOW, {"metadata": {"namespace": "default", "name": "work", "resourceVersion": "2"}})
    woken.by(ObjectKind.PLAN, {**plan("seen", "other", version=2, generation=2)})
    assert rank("seen") is Rank.LATER
    assert rank("old") is Rank.LATER, "a DRWorkflow of it is new"


def test_ten_thousand_finished_executions_are_not_kept_and_wake_nobody() -> None:
    woken = Woken()
    for number in range(10_000):
        woken.index.put(ObjectKind.EXECUTION, execution(f"e{number}", "Succeeded"))
    assert woken.keys == []
    assert woken.index.begin() == []


def test_a_finished_execution_with_something_left_to_do_is_kept() -> None:
    assert entry_of(execution("a", "Succeeded", metadata=OURS)) is not None
    old = {"finalizers": [FINALIZER]}
    assert entry_of(execution("a", "Succeeded", metadata=old)) is None
    assert entry_of(execution("a", "Succeeded", metadata=old | {"deletionTimestamp": "2026-01-01T00:00:00Z"}))


def test_what_waits_for_a_plan_stands_in_its_queue_oldest_first_ties_by_uid() -> None:
    woken = Woken()
    woken.by(ObjectKind.EXECUTION, execution("b"), execution("a"), execution("c", created="2025-01-01T00:00:00Z"))
    woken.by(ObjectKind.EXECUTION, execution("cancelled", metadata={"annotations": {CANCEL_ANNOTATION: "true"}}))
    missing = execution("missing", "Pending")
    missing["status"]["conditions"] = [{"type": "ReferencesFound", "reason": "WaitingForReference"}]
    running = execution("running", "Running")
    running["status"]["engine"] = {"workflowId": f"execute/{running['metadata']['uid']}", "runId": "r"}
    woken.by(ObjectKind.EXECUTION, missing, running)
    assert [entry.key.name for entry in woken.index.queue("default", "plan")] == ["c", "a", "b"]


def test_an_execute_and_its_revert_that_are_applied_together_run_in_that_order() -> None:
    woken = Woken()
    back = execution("back", operationType="Revert", revertExecutionRef="move")
    move = execution("move", operationType="Execute")
    later = execution("again", operationType="Execute", created="2026-01-01T00:00:01Z")
    woken.by(ObjectKind.EXECUTION, later, back, move)
    assert [entry.key.name for entry in woken.index.queue("default", "plan")] == ["move", "back", "again"]
    assert woken.index.ahead_of(move) == []
    assert [entry.key.name for entry in woken.index.ahead_of(back)] == ["move"]
    assert woken.index.queue("default", "another") == []


@pytest.mark.parametrize("reference", ["revertExecutionRef", "revertTo"])
def test_a_revert_that_is_older_than_its_execute_comes_after_it(reference: str) -> None:
    woken = Woken()
    back = execution("back", operationType="Revert", **{reference: "move"})
    between = execution("between", operationType="Execute", created="2026-01-01T00:00:01Z")
    move = execution("move", operationType="Execute", created="2026-01-01T00:00:02Z")
    last = execution("last", operationType="Execute", created="2026-01-01T00:00:03Z")
    woken.by(ObjectKind.EXECUTION, last, back, between, move)
    order = ["between", "move", "back", "last"]
    assert [entry.key.name for entry in woken.index.queue("default", "plan")] == order
    for position, item in enumerate((between, move, back, last)):
        assert [entry.key.name for entry in woken.index.ahead_of(item)] == order[:position]


def test_nobody_waits_for_a_revert_whose_execute_misses_something() -> None:
    woken = Woken()
    back = execution("back", operationType="Revert", revertExecutionRef="move")
    move = execution("move", "Pending", operationType="Execute", created="2026-01-01T00:00:02Z")
    move["status"]["conditions"] = [{"type": "ReferencesFound", "reason": "WaitingForReference"}]
    last = execution("last", operationType="Execute", created="2026-01-01T00:00:03Z")
    assert woken.by(ObjectKind.EXECUTION, back, move, last) >= {"back", "move", "last"}
    assert [entry.key.name for entry in woken.index.queue("default", "plan")] == ["last"]
    found = execution("move", "Pending", operationType="Execute", created="2026-01-01T00:00:02Z", version="2")
    assert "back" in woken.by(ObjectKind.EXECUTION, found)
    assert [entry.key.name for entry in woken.index.queue("default", "plan")] == ["move", "back", "last"]


def test_an_end_wakes_those_that_wait_for_the_plan_and_the_plan() -> None:
    woken = Woken()
    woken.by(ObjectKind.EXECUTION, execution("first"), execution("second"))
    assert woken.by(ObjectKind.EXECUTION, execution("first", "Succeeded", version="2")) == {"plan", "second"}


def test_a_bridge_that_begins_to_lead_passes_over_what_runs_first() -> None:
    woken, running = Woken(), execution("running", "Running")
    running["status"]["engine"] = {"workflowId": "execute/default/running/uid-running", "runId": "r"}
    woken.by(ObjectKind.PLAN, plan())
    woken.by(ObjectKind.EXECUTION, execution("a"), execution("b", "Pending"), running)
    assert [one.name for one in woken.index.begin()] == ["running", "a", "b", "plan"]


def test_a_deletion_wakes_those_that_wait_for_the_plan() -> None:
    woken = Woken()
    woken.by(ObjectKind.EXECUTION, execution("first"), execution("second"))
    woken.keys.clear()
    woken.index.drop(ObjectKind.EXECUTION, "default", "first")
    assert {one.name for one in woken.keys} == {"first", "plan", "second"}
    assert [entry.key.name for entry in woken.index.queue("default", "plan")] == ["second"]


def test_a_plan_that_appears_changes_or_is_released_wakes_those_that_wait_for_it() -> None:
    woken = Woken()
    woken.by(ObjectKind.EXECUTION, execution("first"))
    assert woken.by(ObjectKind.PLAN, plan()) == {"plan", "first"}
    assert woken.by(ObjectKind.PLAN, plan(version=2)) == {"plan"}
    assert woken.by(ObjectKind.PLAN, plan(generation=2, version=3)) == {"plan", "first"}
    assert woken.by(ObjectKind.PLAN, plan(generation=2, holder="x", version=4)) == {"plan", "first"}


def test_a_dr_workflow_wakes_the_plans_that_use_it_and_what_waits_for_them() -> None:
    woken = Woken()
    woken.by(ObjectKind.EXECUTION, execution("first"))
    woken.by(ObjectKind.PLAN, plan(), plan("other", workflow="another"))
    work = {"metadata": {"namespace": "default", "name": "work", "resourceVersion": "1", "generation": 1}, "spec": {}}
    assert woken.by(ObjectKind.DR_WORKFLOW, work) == {"work", "plan", "first"}


def test_a_dr_workflow_wakes_no_plan_that_has_stopped_to_use_it() -> None:
    woken = Woken()
    woken.by(ObjectKind.PLAN, plan(), plan("deleted"), plan("uses-it"))
    woken.by(ObjectKind.PLAN, plan(workflow="another", version=2, generation=2))
    woken.index.drop(ObjectKind.PLAN, "default", "deleted")
    work = {"metadata": {"namespace": "default", "name": "work", "resourceVersion": "1", "generation": 1}, "spec": {}}
    assert woken.by(ObjectKind.DR_WORKFLOW, work) == {"work", "uses-it"}


@pytest.mark.parametrize("echo_first", [False, True])
def test_the_last_write_of_an_execution_that_has_ended_is_not_kept(echo_first: bool) -> None:
    woken = Woken()
    woken.by(ObjectKind.EXECUTION, execution("a", "Running"))
    ended = execution("a", "Succeeded", version="2")
    if echo_first:
        woken.by(ObjectKind.EXECUTION, ended)
    woken.index.wrote(key("a"), ended)
    if not echo_first:
        woken.by(ObjectKind.EXECUTION, ended)
    assert woken.index.last_write(key("a")) is None


def test_an_original_that_appears_wakes_what_waits_for_it() -> None:
    woken = Woken()
    woken.by(ObjectKind.EXECUTION, execution("revert", planRef="plan", revertExecutionRef="original"))
    assert woken.by(ObjectKind.EXECUTION, execution("original")) == {"original", "plan", "revert"}
    assert "revert" in woken.by(ObjectKind.EXECUTION, execution("original", "Succeeded", version="2"))


def test_the_echo_of_an_own_write_wakes_nobody() -> None:
    woken = Woken()
    item = execution("a", version="7")
    woken.by(ObjectKind.EXECUTION, item)
    woken.index.wrote(key("a"), execution("a", version="8"))
    assert woken.by(ObjectKind.EXECUTION, execution("a", version="8")) == set()
    assert woken.by(ObjectKind.EXECUTION, execution("a", version="9")) == {"a"}


def test_what_others_change_during_a_write_is_passed_over_once_that_is_answered() -> None:
    woken = Woken()
    woken.by(ObjectKind.EXECUTION, execution("a", version="7"))
    with woken.index.writing(key("a")):
        assert woken.by(ObjectKind.EXECUTION, execution("a", version="8"), execution("a", version="9")) == set()
        woken.index.wrote(key("a"), execution("a", version="8"))
    assert woken.keys == [key("a")]
    assert woken.index.last_write(key("a")) is None


def test_a_plan_is_as_this_process_wrote_it_before_the_watch_says_so() -> None:
    woken, of = Woken(), key("plan", ObjectKind.PLAN)
    woken.by(ObjectKind.PLAN, plan(holder="a"))
    woken.by(ObjectKind.EXECUTION, execution("next"))
    woken.keys.clear()
    with woken.index.writing(of):
        woken.index.wrote(of, plan(version=2), "1")
    assert woken.index.copy_of(of) == plan(version=2)
    assert woken.keys == [key("next")], "the lock is free"
    assert woken.by(ObjectKind.PLAN, plan(version=2)) == set()
    woken.index.wrote(of, plan(holder="next", version=3), "2")
    assert woken.keys == [], "it has the lock, and goes on"
    assert woken.by(ObjectKind.PLAN, plan(holder="next", version=3)) == set()
    woken.index.wrote(of, plan(version=5), "4")
    assert woken.index.copy_of(of) == plan(holder="next", version=3), (
        "others have written in between: the watch tells what"
    )


def test_of_a_plan_that_is_nested_too_deeply_there_is_no_copy() -> None:
    woken, of = Woken(), key("plan", ObjectKind.PLAN)
    woken.by(ObjectKind.PLAN, {"metadata": plan()["metadata"]})
    assert woken.index.copy_of(of) is None


@pytest.mark.parametrize(
    "begun",
    [
        {"phase": "Pending"},
        {"metadata": {"finalizers": ["example.com/theirs"]}},
        {"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}},
        {"metadata": {"annotations": {ACCEPTED_ANNOTATION: "uid-other"}}},
        {"metadata": {"annotations": {CANCEL_ANNOTATION: "true"}}},
    ],
)
def test_an_execution_is_new_once_and_until_somebody_begins_with_it(begun: dict[str, Any]) -> None:
    woken, new = Woken(), execution("a")
    woken.by(ObjectKind.EXECUTION, new)
    assert woken.index.take_new(key("a")) == new
    assert woken.index.take_new(key("a")) is None
    woken.by(ObjectKind.EXECUTION, new, execution("a", version="2", **begun))
    assert woken.index.take_new(key("a")) is None
    woken.by(ObjectKind.EXECUTION, new)
    woken.index.drop(ObjectKind.EXECUTION, "default", "a")
    assert woken.index.take_new(key("a")) is None


def test_what_a_complete_list_does_not_hold_is_gone() -> None:
    woken = Woken()
    woken.by(ObjectKind.EXECUTION, execution("first"), execution("second"))
    woken.by(ObjectKind.PLAN, plan())
    woken.index.keep_only(ObjectKind.EXECUTION, {("default", "second")})
    assert set(woken.index.begin()) == {key("second"), key("plan", ObjectKind.PLAN)}


def changed(name: str, phase: str, version: int, missing: bool) -> Object:
    """Return an execution: `c` reverts `a`, and `d`, which was created before it, `b`."""
    reverts = {"c": "a", "d": "b"}.get(name)
    more = {"operationType": "Revert", "revertExecutionRef": reverts} if reverts else {}
    item = execution(name, phase, f"2026-01-01T00:00:0{'dabc'.index(name)}Z", version=str(version), **more)
    if missing:
        item["status"]["conditions"] = [{"type": "ReferencesFound", "reason": "WaitingForReference"}]
    return item


NAMES = some.sampled_from("abcd")
PHASES = some.sampled_from(["", "Pending", "Running", "Succeeded"])


@given(some.lists(some.tuples(some.integers(0, 3), NAMES, PHASES), max_size=40))
def test_the_index_always_equals_one_made_anew(changes: list[tuple[int, str, str]]) -> None:
    woken, there = Woken(), dict[str, Object]()
    for number, (what, name, phase) in enumerate(changes):
        if what == 0:
            there.pop(name, None)
            woken.index.drop(ObjectKind.EXECUTION, "default", name)
        else:
            there[name] = changed(name, phase, number, missing=what == 1)
            woken.index.put(ObjectKind.EXECUTION, there[name])
        woken.index.queue("default", "plan")
    fresh = Woken()
    fresh.by(ObjectKind.EXECUTION, *there.values())
    assert woken.index.queue("default", "plan") == fresh.index.queue("default", "plan")
    for item in there.values():
        assert woken.index.ahead_of(item) == fresh.index.ahead_of(item)
    assert set(woken.index.begin()) == set(fresh.index.begin())


def test_a_reference_without_a_namespace_wakes_the_plan_of_the_same_namespace() -> None:
    woken, referring = Woken(), plan()
    referring["metadata"]["namespace"] = "production"
    referring["spec"]["stages"][0]["workflows"] = [{"workflowRef": {"name": "work"}}]
    woken.by(ObjectKind.PLAN, referring)
    meta = {"name": "work", "resourceVersion": "1", "generation": 1}
    assert woken.by(ObjectKind.DR_WORKFLOW, {"metadata": {**meta, "namespace": "default"}}) == {"work"}
    assert woken.by(ObjectKind.DR_WORKFLOW, {"metadata": {**meta, "namespace": "production"}}) == {"work", "plan"}


def test_what_the_older_controller_finished_is_passed_over_until_its_columns_are_counted() -> None:
    old = execution("a", "Succeeded")
    old["status"]["stageStatuses"] = [{"name": "s", "phase": "Succeeded"}]
    assert entry_of(old) is not None
    old["status"]["progress"] = {"stages": "1/1", "actions": "0/0"}
    assert entry_of(old) is None


def test_a_revert_that_is_to_be_checked_again_is_passed_over_and_neither_waits_nor_runs() -> None:
    one = execution("a", "Succeeded", metadata={"annotations": {ACCEPTED_ANNOTATION: "uid-a"}})
    one["metadata"]["labels"] = {PLAN_LABEL: "plan"}
    one["status"]["engine"] = {"workflowId": "revert/default/a/uid-a", "runId": "r"}
    assert entry_of(one) is None
    one["status"]["proof"] = {"checkedAt": "2026-01-01T00:00:00Z"}
    assert entry_of(one) is None
    one["status"]["proof"]["nextCheckAt"] = "2026-01-01T01:00:00Z"
    entry = entry_of(one)
    assert entry is not None
    assert not entry.waits
    assert not entry.runs


def test_what_others_finished_is_not_passed_over() -> None:
    tree = {"stageStatuses": [{"name": "s", "phase": "Succeeded"}]}
    restored = execution("a", "Succeeded", metadata={"annotations": {ACCEPTED_ANNOTATION: "another"}})
    copied = execution("a", "Succeeded")
    copied["status"]["engine"] = {"workflowId": "execute/default/b/uid-b", "runId": "r"}
    for one in (restored, copied):
        one["status"] |= tree
        assert entry_of(one) is None


def test_a_preview_neither_waits_for_its_plan_nor_runs_it() -> None:
    woken = Woken()
    preview = execution("preview", "Running", dryRun=True)
    preview["status"]["engine"] = {"workflowId": "execute/default/preview/uid-preview"}
    woken.by(ObjectKind.EXECUTION, execution("waiting", dryRun=True), preview)
    assert woken.index.queue("default", "plan") == []
    assert not any(entry.runs for entry in woken.index.of_plan("default", "plan"))
    assert {one.name for one in woken.index.begin()} == {"waiting", "preview"}, "both get their passes"


def test_what_has_no_status_comes_first_and_then_what_runs_and_shows_no_stages() -> None:
    def running(name: str, **status: Any) -> Object:
        engine = {"workflowId": f"execute/default/{name}/uid-{name}", "runId": "r"}
        return {**execution(name), "status": {"phase": "Running", "engine": engine, **status}}

    woken, waits = Woken(), execution("waits", "Pending")
    shown = running("shown", stageStatuses=[{"name": "a"}])
    woken.by(ObjectKind.EXECUTION, execution("new"), running("decides"), shown, waits)
    ranks = [woken.index.rank(key(name)) for name in ("new", "decides", "shown", "waits", "gone")]
    assert ranks == [Rank.FIRST, Rank.TREE, Rank.NORMAL, Rank.NORMAL, Rank.NORMAL]
    assert woken.index.running() == {key("decides"), key("shown")}
