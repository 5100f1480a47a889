"""The picture of an execution shows every node, its phase and its message, in the order of the object."""

import io

from rich.console import Console

from api.execution import DRPlanExecution
from api.phases import Phase
from cli.views import changes, sign, tree


def _action(name: str, phase: str, message: str | None = None) -> dict[str, object]:
    return {"name": name, "type": "Localization", "phase": phase, "message": message}


def _execution(*actions: dict[str, object], phase: str = "Running") -> DRPlanExecution:
    workflow = {"workflowRef": {"name": "traffic", "namespace": "default"}, "phase": phase, "progress": "1/2 actions"}
    stage = {"name": "first", "phase": phase, "parallel": True}
    status = {
        "phase": phase,
        "progress": {"stages": "0/1", "actions": "1/2"},
        "stageStatuses": [{**stage, "workflowExecutions": [{**workflow, "actionStatuses": list(actions)}]}],
    }
    spec = {"planRef": "plan", "operationType": "Revert"}
    return DRPlanExecution.model_validate({"metadata": {"name": "revert-1"}, "spec": spec, "status": status})


def _drawn(execution: DRPlanExecution, width: int = 100) -> list[str]:
    console = Console(width=width, record=True, file=io.StringIO(), color_system=None)
    console.print(tree(execution))
    return [line.rstrip() for line in console.export_text().splitlines()]


def test_every_node_is_drawn_in_the_order_of_the_object() -> None:
    drawn = _drawn(
        _execution(_action("b", "Succeeded", "Rolled back: deleted Localization b"), _action("a", "Pending"))
    )

    assert drawn == [
        "▶ revert-1  Revert  plan  1/2 actions",
        "└── ▶ first  parallel",
        "    └── ▶ traffic  1/2 actions",
        "        ├── ✔ b  Rolled back: deleted Localization b",
        "        └── ○ a  Localization",
    ]


def test_what_is_too_long_for_the_terminal_is_cut_and_not_wrapped() -> None:
    drawn = _drawn(_execution(_action("a", "Failed", "x" * 500)), width=60)

    assert len(drawn) == 4
    assert drawn[-1].endswith("…")


def test_square_brackets_in_a_message_are_text() -> None:
    assert _drawn(_execution(_action("a", "Failed", "[red]no[/red]")))[-1].endswith("✘ a  [red]no[/red]")


def test_an_execution_that_nobody_has_taken_up_is_drawn() -> None:
    execution = DRPlanExecution.model_validate({"spec": {"planRef": "plan", "operationType": "Execute"}})

    assert _drawn(execution) == ["○   Execute  plan"]


def test_every_phase_has_a_sign_of_its_own() -> None:
    assert len({sign(phase)[0] for phase in Phase}) == len(Phase)


def test_a_line_for_each_change_and_none_without() -> None:
    before = _execution(_action("b", "Running"), _action("a", "Pending"))
    after = _execution(_action("b", "Failed", "no"), _action("a", "Skipped", "never reached"))

    assert changes(before, after) == [
        "revert-1/first/0-traffic/b: Failed  no",
        "revert-1/first/0-traffic/a: Skipped  never reached",
    ]
    assert changes(after, after) == []


def test_the_first_state_names_only_what_has_begun() -> None:
    assert changes(None, _execution(_action("b", "Running"), _action("a", "Pending"))) == [
        "revert-1: Running",
        "revert-1/first: Running",
        "revert-1/first/0-traffic: Running",
        "revert-1/first/0-traffic/b: Running",
    ]


def test_a_message_that_comes_later_is_a_change() -> None:
    before, after = _execution(_action("b", "Running")), _execution(_action("b", "Running", "Retrying (1 of 3): no"))

    assert changes(before, after) == ["revert-1/first/0-traffic/b: Running  Retrying (1 of 3): no"]


def test_the_number_of_actions_is_that_of_the_tree_below_it() -> None:
    skipped, done = _action("a", "Skipped", "Not attempted: canceled"), _action("b", "Succeeded")

    assert _drawn(_execution(skipped, done, phase="Canceled"))[0] == "■ revert-1  Revert  plan  1/2 actions"


def test_the_actions_of_a_tree_that_was_cut_are_counted_by_its_summary() -> None:
    status = {"phase": "Failed", "summary": {"totalActions": 9000, "succeededActions": 7}}
    spec = {"planRef": "plan", "operationType": "Execute"}

    execution = DRPlanExecution.model_validate({"spec": spec, "status": status})
    assert _drawn(execution) == ["✘   Execute  plan  7/9000 actions"]


def test_what_to_do_now_is_below_the_tree() -> None:
    step = {"what": "create another Revert", "why": "the Revert failed", "command": "drplan revert a --namespace b"}
    execution = DRPlanExecution.model_validate(
        {"spec": {"planRef": "plan", "operationType": "Revert"}, "status": {"phase": "Failed", "nextSteps": [step]}}
    )

    assert _drawn(execution)[1:] == [
        "└── → the Revert failed: create another Revert",
        "    └── drplan revert a --namespace b",
    ]
