"""A Revert below a later execution of the plan: refused where that rests on what would be taken away or changed."""

from datetime import timedelta
from typing import Any

import pytest

from api.decisions import RevertDecision
from api.execution import DRPlanExecution, ExecutionStatus, Selection
from api.nodes import ActionStatus, LedgerRef
from api.objects import Target
from api.phases import ActionType, Operation, OperationType, Phase
from planning.revert.layers import in_effect, lacks_records, layer_of
from planning.status import transitions
from tests.planning.builders import (
    END,
    LATER,
    START,
    config_map,
    decide,
    dr_workflow,
    execute,
    made,
    manifest,
    outputs,
    revert,
    stage,
    workflow,
)

A, B, C = (config_map(name) for name in "abc")
SITE = Target(api_version="v1", kind="Namespace", name="site")
FIRST = execute(stage("s", workflow("w", made("a", A), made("b", B))), name="first")
MINUTE = timedelta(minutes=1)


def applied(target: Target, uid: str | None = None, **fields: Any) -> ActionStatus:
    """A record of ours: an Apply on an object that existed before."""
    given = {"operation": Operation.APPLY, "created": False, **fields}
    return made(f"apply-{target.name}", target, uid, **given)


def executed(
    name: str, *actions: ActionStatus, after: timedelta = MINUTE, phase: Phase = Phase.SUCCEEDED
) -> DRPlanExecution:
    """An Execute of the same plan, so long after the first one."""
    execution = execute(stage("s", workflow("w", *actions, phase=phase), phase=phase), phase=phase, name=name)
    times = {"start_time": START + after, "completion_time": END + after}
    created = execution.metadata.model_copy(update={"creation_timestamp": START + after})
    return execution.model_copy(update={"status": execution.status.model_copy(update=times), "metadata": created})


def reverted(name: str, of: str, phase: Phase = Phase.SUCCEEDED, **status: Any) -> DRPlanExecution:
    back = revert(name, phase=phase, start_time=LATER, **status)
    return back.model_copy(update={"spec": back.spec.model_copy(update={"revert_execution_ref": of})})


def decided(
    *later: DRPlanExecution,
    original: DRPlanExecution = FIRST,
    reverts: tuple[DRPlanExecution, ...] = (),
    recent: tuple[str, ...] = (),
    spec: dict[str, Any] | None = None,
    **more: Any,
) -> RevertDecision:
    layers = [layer_of(one, reverts) for one in in_effect(original, later, reverts, recent)]
    by = reverted("back", "first").spec.model_copy(update=spec or {})
    return decide(
        original,
        more.pop("looks", None),
        *more.pop("flows", ()),
        by=revert("back").model_copy(update={"spec": by}),
        layers=layers,
    )


def named(decision: RevertDecision) -> list[tuple[str, str | None]]:
    return [(one.name, one.rests_on) for one in decision.state.later_executions or []]


def test_it_is_refused_where_the_later_one_rests_on_an_object_that_would_go() -> None:
    decision = decided(executed("second", applied(C), applied(B)))
    assert decision.rejection == (
        "Nothing was reverted: DRPlanExecution second, which came after first and is in effect, rests on ConfigMap "
        "default/b, which this Revert would take away or change; first create a Revert with revertExecutionRef: "
        "second, or one of first with force: true"
    )
    assert (decision.state.phase, decision.steps, decision.state.stages) == (Phase.FAILED, [], [])
    assert named(decision) == [("second", "ConfigMap default/b")]


def test_the_newest_that_rests_is_named_first_and_the_others_are_counted() -> None:
    second, third = executed("second", applied(B)), executed("third", applied(A), after=2 * MINUTE)
    fourth = executed("fourth", applied(C), after=3 * MINUTE)
    decision = decided(second, fourth, third)
    assert "DRPlanExecution third, which came after first" in str(decision.rejection)
    assert "(and 1 other execution like it)" in str(decision.rejection)
    expected = [("third", "ConfigMap default/a"), ("second", "ConfigMap default/b"), ("fourth", None)]
    assert named(decision) == expected


def test_with_force_it_goes_ahead_and_says_what_is_on_top() -> None:
    decision = decided(executed("second", applied(B)), spec={"force": True})
    assert decision.rejection is None
    assert len(decision.steps) == 1
    assert named(decision) == [("second", "ConfigMap default/b")]


def test_where_the_later_one_rests_on_nothing_the_status_says_that_it_is_in_effect() -> None:
    decision = decided(executed("second", applied(C), made("new", B, "uid-of-another")))
    assert decision.rejection is None
    assert named(decision) == [("second", None)]
    done = transitions.map_nodes(
        decision.state, ActionStatus, lambda one: one.model_copy(update={"phase": Phase.SUCCEEDED})
    )
    stages = [one.model_copy(update={"phase": Phase.SUCCEEDED}) for one in done.stages]
    done = done.model_copy(update={"stage_statuses": stages})
    message = transitions.plan_finished(done, OperationType.REVERT, LATER).message
    assert (
        message == "Plan reverted successfully: 1 stage, 2 actions rolled back; the later execution second is in effect"
    )


@pytest.mark.parametrize(
    "action",
    [
        applied(B, operation=Operation.DELETE),
        applied(B, phase=Phase.SKIPPED),
        applied(B, outputs=None),
        applied(B, "uid-of-another"),
    ],
    ids=["deleted it", "was skipped", "has no object", "is about another one of that name"],
)
def test_what_does_not_rest_on_it(action: ActionStatus) -> None:
    assert decided(executed("second", action)).rejection is None


@pytest.mark.parametrize("phase", [Phase.FAILED, Phase.CANCELED])
def test_what_an_execution_that_did_not_succeed_changed_counts(phase: Phase) -> None:
    assert decided(executed("second", applied(B, phase=phase), phase=phase)).rejection is not None


def changed(execution: DRPlanExecution, part: str, **update: Any) -> DRPlanExecution:
    return execution.model_copy(update={part: getattr(execution, part).model_copy(update=update)})


@pytest.mark.parametrize(
    "other",
    [
        executed("second", applied(B), after=-MINUTE),
        changed(executed("second", applied(B)), "spec", plan_ref="another"),
        changed(executed("second", applied(B)), "spec", operation_type=OperationType.REVERT),
        changed(executed("second", applied(B)), "status", phase=Phase.PENDING),
        executed("first", applied(B)),
    ],
    ids=["came before", "of another plan", "a Revert", "has not begun", "itself"],
)
def test_executions_that_are_not_on_top(other: DRPlanExecution) -> None:
    assert named(decided(other)) == []


def test_of_those_that_began_in_the_same_second_the_history_of_the_plan_says_which_came_later() -> None:
    same = executed("second", applied(B), after=timedelta(0))
    assert named(decided(same)) == []
    assert named(decided(same, recent=("second", "first"))) != []
    assert named(decided(same, recent=("first", "second"))) == []


def test_an_execution_that_was_reverted_is_not_in_effect() -> None:
    second = executed("second", applied(B))
    assert named(decided(second, reverts=(reverted("back-2", "second"),))) == []
    selecting = changed(reverted("back-2", "second"), "spec", only=Selection(stages=["other"]))
    former = changed(reverted("back-2", "second"), "status", start_time=START)
    for revert_ in (selecting, former, reverted("back-2", "second", Phase.FAILED), reverted("back-3", "third")):
        assert named(decided(second, reverts=(revert_,))) == [("second", "ConfigMap default/b")]


def test_what_a_revert_that_did_not_finish_took_back_is_rested_on_no_more() -> None:
    second = executed("second", applied(B), applied(C))
    tree = [stage("s", workflow("w", applied(C, phase=Phase.FAILED), applied(B)), phase=Phase.FAILED)]
    half = reverted("back-2", "second", Phase.FAILED, stage_statuses=tree)
    assert named(decided(second, reverts=(half,))) == [("second", None)]


def test_only_what_this_revert_takes_away_counts() -> None:
    second = executed("second", applied(B))
    assert decided(second, spec={"only": Selection(actions=["a"])}).rejection is None
    assert decided(second, spec={"only": Selection(actions=["b"])}).rejection is not None
    kept = execute(stage("s", workflow("w", made("a", A), applied(B))), name="first")
    assert decided(second, original=kept).rejection is None


def test_a_custom_rollback_changes_the_object_of_its_action_whatever_its_uid() -> None:
    flow = dr_workflow("w", manifest("b", rollback=manifest("b", "Patch")))
    original = execute(
        stage("s", workflow("w", applied(B, custom_rollback=True).model_copy(update={"name": "b"}))), name="first"
    )
    again = executed("second", made("b", B, "uid-of-another"))
    decision = decided(again, original=original, flows=(flow,))
    assert named(decision) == [("second", "ConfigMap default/b")]
    served = B.model_copy(update={"api_version": "v2"})
    later = executed("second", made("b", B, outputs=outputs(served, None)))
    assert decided(later, original=original, flows=(flow,)).rejection is not None


def test_what_is_in_a_namespace_that_would_go_rests_on_it() -> None:
    original = execute(stage("s", workflow("w", made("a", SITE))), name="first")
    inside = executed("second", made("in", config_map("x", "site")))
    assert named(decided(inside, original=original)) == [("second", "ConfigMap site/x")]
    assert named(decided(executed("second", made("out", C)), original=original)) == [("second", None)]


LEDGER = LedgerRef(name="x", sha256="y")


def kept(execution: DRPlanExecution, *actions: ActionStatus | None) -> DRPlanExecution:
    """The execution with a ledger, and with these actions in its status."""
    node = workflow("w", *(one for one in actions if one)).model_copy(update={"ledger": LEDGER})
    node = node.model_copy(update={"action_statuses": None}) if None in actions else node
    return changed(execution, "status", stage_statuses=[stage("s", node)], ledger=LEDGER)


def test_a_status_that_was_shortened_lacks_records() -> None:
    second = executed("second")
    call = made("call", A, type=ActionType.HTTP, outputs=None)
    assert not lacks_records(kept(second, applied(B), call, applied(B, outputs=None, phase=Phase.SKIPPED)))
    assert lacks_records(kept(second, applied(B, outputs=None)))
    assert lacks_records(kept(second, applied(B, outputs=None, type=None)))
    assert lacks_records(kept(second, None))
    for stages in ([stage("s")], None):
        assert lacks_records(changed(kept(second), "status", stage_statuses=stages))
    assert not lacks_records(executed("second", applied(B, outputs=None)))
    gone = changed(kept(second), "status", stage_statuses=None)
    assert [one.metadata.name for one in in_effect(FIRST, [gone], [], [])] == ["second"]
    never = second.model_copy(update={"status": ExecutionStatus(phase=Phase.FAILED, start_time=LATER)})
    assert in_effect(FIRST, [never], [], []) == []
