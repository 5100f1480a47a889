"""The screen of an execution: what is said of it, in which order, and what gives way where there is no room."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from api.phases import Phase
from cli.commands.list import readiness
from cli.run import read_run
from cli.screen import changes, screen, sign
from cli.terminal import Terminal

NOW = datetime(2026, 2, 3, 10, 10, 30, tzinfo=UTC)
Object = dict[str, Any]


def _action(name: str, phase: str, message: str | None = None) -> Object:
    return {"name": name, "type": "Localization", "phase": phase, "message": message}


def _execution(*actions: Object, phase: str = "Running", **status: Any) -> Object:
    workflow = {"workflowRef": {"name": "traffic", "namespace": "default"}, "phase": phase, "progress": "1/2 actions"}
    stage = {"name": "first", "phase": phase, "parallel": True}
    stages = [{**stage, "workflowExecutions": [{**workflow, "actionStatuses": list(actions)}]}]
    spec = {"planRef": "plan", "operationType": "Revert", "revertExecutionRef": "move"}
    return {
        "metadata": {"name": "revert-1", "creationTimestamp": "2026-02-03T10:10:00Z"},
        "spec": spec,
        "status": {"phase": phase, "startTime": "2026-02-03T10:10:00Z", "stageStatuses": stages, **status},
    }


def _drawn(body: Object, whole: bool = True, **terminal: Any) -> list[str]:
    at = Terminal(**terminal)
    return at.rows(screen(read_run(body), NOW, at, whole=whole))


def test_every_node_is_drawn_in_the_order_of_the_object() -> None:
    drawn = _drawn(
        _execution(_action("b", "Succeeded", "Rolled back: deleted Localization b"), _action("a", "Pending"))
    )

    assert drawn == [
        "▶ revert-1  Running  Revert of move, plan plan  running 30s",
        "  stages 0/1 (1 running)  actions 1/2 (1 succeeded, 1 pending)",
        "└── ▶ first  parallel",
        "    └── ▶ traffic  1/2 actions",
        "        ├── ✔ b  Rolled back: deleted Localization b",
        "        └── ○ a  Localization",
    ]


def test_waits_tick_apart_from_work() -> None:
    timing = {"working": "12s", "waitingForPeople": "1h0m3s", "waitingForTurn": "1m5s"}
    goes_on = {**timing, "current": "WaitingForPeople", "since": "2026-02-03T10:10:20Z"}
    first = _drawn(_execution(_action("a", "Running"), timing=goes_on))[0]
    assert first.endswith("running 30s (worked 12s, waiting for people 1h00m, waited for its turn 1m05s)")
    body = read_run(_execution(_action("a", "Running"), timing=goes_on))
    assert body.spent(NOW) == {"working": 12.0, "waitingForPeople": 3613.0, "waitingForTurn": 65.0}
    works = {**goes_on, "current": "Working"}
    assert read_run(_execution(timing=works)).spent(NOW)["working"] == 22.0
    ended = _drawn(_execution(phase="Succeeded", timing=timing, completionTime="2026-02-03T11:10:30Z"))[0]
    assert ended.endswith("1h00m (worked 12s, waited for people 1h00m, waited for its turn 1m05s)")
    forged = {"working": "1" * 60 + "h", "waitingForPeople": [], "current": "?", "since": "never"}
    assert _drawn(_execution(timing=forged))[0].endswith("running 30s")


def test_what_a_part_waits_for_is_told_once_above_the_tree() -> None:
    waits = {**_action("a", "Running", "Waiting for a decision: no right"), "reason": "AwaitingDecision"}
    message = "stage first / traffic / a: Waiting for a decision: no right"
    drawn = _drawn(_execution(waits, message=message))
    assert [line for line in drawn if "no right" in line][:-1] == [
        "! first/traffic/a waits for a decision: Waiting for a decision: no right"
    ]
    away = {"type": "EngineReachable", "status": "False", "reason": "WorkerUnavailable"}
    assert f"  {message}" in _drawn(_execution(waits, message=message, conditions=[away])), "it may be old"


def test_what_is_too_long_for_the_terminal_is_cut_and_not_wrapped() -> None:
    drawn = _drawn(_execution(_action("a", "Running", "x" * 500)), whole=False, width=60, height=24)

    assert len(drawn) == 5
    assert drawn[-1].endswith("…")


def test_the_reason_of_a_failure_is_whole_at_every_width() -> None:
    body = _execution(_action("a", "Failed", "Failed to delete: " + "y" * 500), phase="Failed")
    for width in (20, 40, 80):
        drawn = _drawn(body, whole=False, width=width, height=24)
        assert "".join(each.strip() for each in drawn).count("y") >= 500
        assert all(len(each) <= width for each in drawn)


def test_a_pipe_gets_the_reason_in_one_line() -> None:
    reason = "Failed to delete Localization: " + "word " * 200 + "end"
    drawn = _drawn(_execution(_action("a", "Failed", reason), phase="Failed"), whole=False)
    assert f"  {reason}" in drawn


def test_square_brackets_in_a_message_are_text() -> None:
    assert _drawn(_execution(_action("a", "Failed", "[red]no[/red]")))[-1].endswith("✘ a  [red]no[/red]")


def test_an_execution_that_nobody_has_taken_up_is_drawn() -> None:
    body = {"spec": {"planRef": "plan", "operationType": "Execute"}}

    assert _drawn(body) == ["○   New  Execute of plan  waiting", "  no bridge has taken it up yet"]


def test_every_phase_has_a_sign_of_its_own() -> None:
    assert len({sign(phase)[0] for phase in Phase}) == len(Phase)


def test_a_line_for_each_change_and_none_without() -> None:
    before = read_run(_execution(_action("b", "Running"), _action("a", "Pending")))
    after = read_run(_execution(_action("b", "Failed", "no"), _action("a", "Skipped", "never reached")))

    assert changes(before, after) == [
        "revert-1/first/0-traffic/b: Failed  no",
        "revert-1/first/0-traffic/a: Skipped  never reached",
    ]
    assert changes(after, after) == []


def test_the_first_state_names_only_what_has_begun() -> None:
    assert changes(None, read_run(_execution(_action("b", "Running"), _action("a", "Pending")))) == [
        "revert-1: Running",
        "revert-1/first: Running",
        "revert-1/first/0-traffic: Running",
        "revert-1/first/0-traffic/b: Running",
    ]


def test_a_message_that_comes_later_is_a_change() -> None:
    before = read_run(_execution(_action("b", "Running")))
    after = read_run(_execution(_action("b", "Running", "Retrying (1 of 3): no")))

    assert changes(before, after) == ["revert-1/first/0-traffic/b: Running  Retrying (1 of 3): no"]


def test_what_the_run_as_a_whole_says_of_its_parts_is_no_news() -> None:
    run = read_run(_execution(_action("b", "Running")))
    assert changes(run, replace(run, message="now: b in traffic")) == []


def test_a_status_that_grows_old_and_is_current_again_is_news() -> None:
    current = read_run(_execution(_action("b", "Running")))
    reachable = {"type": "EngineReachable", "status": "False", "reason": "WorkerUnavailable"}
    stale = read_run(
        _execution(_action("b", "Running"), conditions=[{**reachable, "lastTransitionTime": "2026-02-03T10:10:18Z"}])
    )
    assert changes(current, stale) == ["revert-1 status: Stale  no worker answers"]
    assert changes(stale, current) == ["revert-1 status: Current"]
    assert "! status is 12s old: no worker answers" in Terminal().rows(screen(stale, NOW, Terminal()))


def test_the_number_of_actions_is_that_of_the_tree_below_it() -> None:
    skipped, done = _action("a", "Skipped", "Not attempted: canceled"), _action("b", "Succeeded")

    assert "actions 1/2 (1 succeeded, 1 skipped)" in _drawn(_execution(skipped, done, phase="Canceled"))[1]


def test_the_actions_of_a_tree_that_was_cut_are_counted_by_its_summary() -> None:
    status = {"phase": "Failed", "summary": {"totalActions": 9000, "succeededActions": 7}}
    spec = {"planRef": "plan", "operationType": "Execute"}

    assert _drawn({"spec": spec, "status": status})[1] == "  actions 7/9000 (7 succeeded)"


def test_what_to_do_now_is_above_the_tree() -> None:
    step = {"what": "create another Revert", "why": "the Revert failed", "command": "drplan revert a --namespace b"}
    body = {"spec": {"planRef": "plan", "operationType": "Revert"}, "status": {"phase": "Failed", "nextSteps": [step]}}

    assert _drawn(body)[1:] == ["→ the Revert failed: create another Revert", "    drplan revert a --namespace b"]


def test_nothing_from_the_cluster_controls_the_terminal() -> None:
    forged = "\x1b[2J\x9b1m\n✔ forged\r\u202egnp.exe"
    drawn = _drawn(_execution(_action("a\x07", "Failed", forged), phase="Failed", message=forged))
    text = "\n".join(drawn)
    assert not [each for each in text if each != "\n" and not each.isprintable()]
    assert "\\x1b[2J\\x9b1m ✔ forged \\u202egnp.exe" in text


def test_where_the_output_is_not_utf_8_it_is_ascii() -> None:
    drawn = _drawn(_execution(_action("a", "Failed", "no … café")), unicode=False)
    assert all(each.isascii() for each in drawn)
    assert drawn[-1] == "        `-- x a  no ... caf\\xe9"


def test_the_list_of_one_plan_says_what_its_rehearsals_found() -> None:
    conditions = [
        {"type": "Valid", "status": "True", "message": "The definition is valid"},
        {"type": "Revertible", "status": "Unknown", "message": "No Execute of the plan is in effect"},
        {"type": "Executable", "status": "False", "message": "1 obstacle: make-app: Would fail"},
    ]
    assert Terminal().rows(readiness({"status": {"conditions": conditions}})) == [
        "",
        "Executable: False: 1 obstacle: make-app: Would fail",
        "Revertible: Unknown: No Execute of the plan is in effect",
    ]
    assert readiness({"status": {"conditions": conditions[:1]}}) == []
    assert readiness({}) == []
