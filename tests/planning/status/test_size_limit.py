"""One bound for the tree: kept in every case, dullest detail first, and it says so."""

from collections import Counter
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic_core import to_json

from api.nodes import ActionStatus, ClusterActionStatus, LedgerRef, StageStatus, WorkflowExecutionStatus
from api.phases import Phase
from api.tree import ExecutionTree, RunState
from planning.messages.text import MESSAGE_BOUND
from planning.status import size_limit
from planning.status.size_limit import BOUND, TreeWriter, rendered, shorten, size
from planning.status.transitions import TreeT, with_child, with_counts
from tests.planning.builders import config_map, decide, dr_workflow, execute, made, manifest, present, stage, workflow
from workflows.converter import DATA_CONVERTER


def tree(actions: int, **fields: Any) -> RunState:
    """Ten stages with so many actions in all."""
    numbers = range(actions // 10)
    stages = [
        stage(
            f"stage-{index}", workflow("w", *(made(f"action-{n}", config_map(f"map-{n}"), **fields) for n in numbers))
        )
        for index in range(10)
    ]
    return with_counts(RunState(phase=Phase.SUCCEEDED, message="Plan executed successfully", stage_statuses=stages))


def actions_of(state: ExecutionTree) -> list[ActionStatus]:
    return [action for one in state.stages for node in one.workflows for action in node.actions]


def test_a_small_tree_is_left_as_it_is() -> None:
    state = tree(200, message="Created ConfigMap map")
    assert shorten(state) is not None
    assert shorten(state) == state


def test_fifty_stages_with_200_actions_stay_under_256_kib() -> None:
    stages = [
        stage(f"stage-{i}", workflow("w", *(made(f"a-{n}", config_map(f"m-{n}"), message="x" * 200) for n in range(4))))
        for i in range(50)
    ]
    assert size(shorten(with_counts(RunState(phase=Phase.SUCCEEDED, stage_statuses=stages)))) < 256 * 1024


def test_messages_are_bounded_in_every_case() -> None:
    state = tree(10, message="x" * 5000)
    assert all(len(str(action.message)) <= MESSAGE_BOUND for action in actions_of(shorten(state)))


def test_long_messages_go_before_anything_else() -> None:
    short = shorten(tree(1200, message="y" * 900))
    assert size(short) <= BOUND
    assert short.message == (
        "Plan executed successfully; Status shortened to its bound, without long messages of actions that did not fail"
    )
    assert all(action.outputs and action.completion_time for action in actions_of(short))


def test_a_cluster_that_failed_outlives_those_that_did_not() -> None:
    done = ClusterActionStatus(cluster="one/east", cluster_id="e", phase=Phase.SUCCEEDED, message="y" * 200)
    failed = ClusterActionStatus(cluster="two/west", cluster_id="w", phase=Phase.FAILED, message="z" * 200)
    short = shorten(tree(500, cluster_statuses=[*[done] * 9, failed]))
    assert size(short) <= BOUND
    assert all(action.cluster_statuses == [failed] for action in actions_of(short))
    assert str(short.message).endswith("without details of clusters that did not fail")


def test_the_message_of_a_failed_action_outlives_the_others() -> None:
    state = tree(3000, message="y" * 900)
    broken = state.stages[0].workflows[0].actions[0].model_copy(update={"phase": Phase.FAILED, "message": "z" * 900})
    first = state.stages[0].workflows[0]
    changed = first.model_copy(update={"action_statuses": [broken, *first.actions[1:]]})
    stages = [state.stages[0].model_copy(update={"workflow_executions": [changed]}), *state.stages[1:]]
    short = shorten(state.model_copy(update={"stage_statuses": stages}))
    assert size(short) <= BOUND
    assert actions_of(short)[0].message == "z" * 900


def test_5000_actions_keep_what_a_later_revert_rests_on() -> None:
    short = shorten(tree(5000, message="y" * 300))
    assert size(short) <= BOUND
    assert all(action.outputs and action.operation and action.created for action in actions_of(short))
    assert "names of recorded objects (a Revert needs the definitions)" in str(short.message)
    assert short.summary is not None
    assert short.summary.total_actions == 5000


def test_a_shortened_execute_can_still_be_reverted() -> None:
    short = shorten(tree(5000, message="y" * 300))
    definitions = dr_workflow("w", *(manifest(f"map-{n}", action=f"action-{n}") for n in range(500)))
    looks = {config_map(f"map-{n}"): present(f"uid-map-{n}") for n in range(500)}
    original = execute(*short.stages)
    decision = decide(original, looks, definitions)
    deletions = {d.uid for stage_ in decision.steps for steps in stage_ for s in steps if s for d in s.deletions}
    assert deletions == {f"uid-map-{n}" for n in range(500)}
    assert not any(s.refusal for stage_ in decision.steps for steps in stage_ for s in steps if s)


def test_with_only_long_names_the_lists_of_actions_go_last_and_it_says_so() -> None:
    bare = [ActionStatus(name="n" * 253 + str(number), phase=Phase.PENDING) for number in range(8000)]
    state = RunState(phase=Phase.RUNNING, stage_statuses=[stage("s", workflow("w", *bare))])
    short = shorten(with_counts(state))
    assert size(short) <= BOUND
    assert short.stages[0].workflows[0].action_statuses is None
    assert "lists of actions" in str(short.message)
    assert short.summary is not None
    assert short.summary.total_actions == 8000


@pytest.mark.parametrize("length", [10_000, 100_000])
def test_even_impossible_names_keep_the_bound(length: int) -> None:
    name = "é" * length
    node = workflow(name, ActionStatus(name=name, phase=Phase.PENDING)).model_copy(update={"current_action": name})
    one = stage(name, *[node] * 15, depends_on=[name])
    state = RunState(phase=Phase.RUNNING, stage_statuses=[one], left_standing=[name] * 300)
    assert size(shorten(state)) <= BOUND
    assert size(shorten(one)) <= BOUND
    assert size(shorten(node)) <= BOUND


def test_objects_left_standing_are_counted_where_they_do_not_fit() -> None:
    state = RunState(phase=Phase.SUCCEEDED, left_standing=[f"ConfigMap default/{'x' * 200}{n}" for n in range(9000)])
    short = shorten(state)
    assert size(short) <= BOUND
    assert short.left_standing[-1] == "and 8800 more"
    short = shorten(RunState(phase=Phase.FAILED, not_deleted=state.left_standing))
    assert size(short) <= BOUND
    assert short.not_deleted
    assert short.not_deleted[-1] == "and 8800 more"


names = st.sampled_from(["a", "long-" * 40, "é" * 200])
long_texts = st.sampled_from(["", "short", "words " * 100, "é" * 3000])


@st.composite
def trees(draw: st.DrawFn) -> RunState:
    """Trees up to many times the bound, by repeating a few drawn actions very often."""
    phases = st.sampled_from(list(Phase))
    few = draw(st.lists(st.tuples(names, phases, long_texts, st.booleans()), min_size=1, max_size=4))
    times = draw(st.sampled_from([1, 200, 1500]))
    actions = [
        made(name, config_map(name[:250]), phase=phase, message=text)
        if recorded
        else ActionStatus(name=name, phase=phase)
        for name, phase, text, recorded in few
    ] * times
    workflows = [workflow(draw(names), *actions)] * draw(st.integers(1, 2))
    stages = [stage(draw(names), *workflows, message=draw(long_texts))] * draw(st.integers(1, 2))
    return with_counts(RunState(phase=draw(phases), message=draw(long_texts), stage_statuses=stages))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(trees())
def test_the_bound_is_kept_and_what_is_lost_is_said(state: RunState) -> None:
    short = shorten(state)
    assert size(short) <= BOUND
    assert len(str(short.message or "").encode()) <= MESSAGE_BOUND
    assert short.summary == state.summary
    assert shorten(short) == short
    if "shortened" not in str(short.message):
        assert [told(action) for action in actions_of(short)] == [told(action) for action in actions_of(state)]
    else:
        assert actions_of(short) != actions_of(state)


def told(action: ActionStatus) -> ActionStatus:
    """An action without a message that is too long in any case."""
    return action if len(str(action.message).encode()) < 1000 else action.model_copy(update={"message": None})


def test_parts_are_shortened_like_the_whole() -> None:
    node = WorkflowExecutionStatus.model_validate(tree(30000, message="y" * 300).stages[0].workflows[0])
    short = shorten(node)
    assert size(short) <= BOUND
    assert "shortened" in str(short.message)
    one = StageStatus(
        name="s", phase=Phase.SUCCEEDED, message="Stage executed successfully", workflow_executions=[node] * 3
    )
    shorter = shorten(one)
    assert size(shorter) <= BOUND
    assert str(shorter.message).startswith("Stage executed successfully; Status shortened")


@pytest.mark.parametrize(("actions", "message"), [(20, "Created ConfigMap map"), (20, "y" * 5000), (1200, "y" * 900)])
def test_what_is_sent_is_the_tree_that_is_shortened(actions: int, message: str) -> None:
    state = tree(actions, message=message)
    assert_sent_as_shortened(state)
    assert_sent_as_shortened(state.stages[0])
    assert_sent_as_shortened(state.stages[0].workflows[0])


def assert_sent_as_shortened(node: TreeT) -> None:
    written, short = rendered(node), shorten(node)
    assert type(node).model_validate_json(written.json) == short
    assert written.message == (short.message or "")
    assert written.whole is (short is node)
    payload = DATA_CONVERTER.payload_converter.to_payloads([written])[0]
    assert DATA_CONVERTER.payload_converter.from_payloads([payload], [type(node)]) == [short]
    assert len(payload.data) == len(written.json) <= BOUND


def test_a_tree_is_written_the_same_whatever_was_written_before() -> None:
    ref = LedgerRef(name="drplan-l", sha256="0")
    short, long, longer = (tree(20_000, message="y" * length).stages[0] for length in (10, 300, 900))
    of_stage, of_workflow = TreeWriter(), TreeWriter()
    for one in (short, long, longer, short.model_copy(update={"workflow_executions": []}), long, short):
        assert of_stage.rendered(one) == rendered(one)
    broken = long.workflows[0].actions[0].model_copy(update={"phase": Phase.FAILED, "message": "é" * 3000})
    for node in (short.workflows[0], with_child(long.workflows[0], 0, broken), longer.workflows[0]):
        for now in (node, node.model_copy(update={"ledger": ref})):
            assert of_workflow.rendered(now) == rendered(now)


@pytest.mark.parametrize("length", [10, 300], ids=["within-the-bound", "shortened"])
def test_what_has_not_changed_is_not_written_again(length: int, monkeypatch: pytest.MonkeyPatch) -> None:
    writes = Counter[str]()

    def counted(value: Any, **options: Any) -> bytes:
        writes["now"] += 1
        return to_json(value, **options)

    monkeypatch.setattr(size_limit, "to_json", counted)
    writer, node = TreeWriter(), tree(20_000, message="y" * length).stages[0].workflows[0]
    before = writer.rendered(node)
    assert ("shortened" in before.message) is (length > 10)
    assert writes["now"] > len(node.actions)
    writes.clear()
    ended = node.actions[7].model_copy(update={"phase": Phase.FAILED, "message": "it failed"})
    after = writer.rendered(with_child(node, 7, ended))
    assert b"it failed" in after.json
    assert writes["now"] < 10
