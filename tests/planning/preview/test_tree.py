"""The tree of a preview, its obstacles, its digest and what differs: pure, without a server."""

from datetime import timedelta
from typing import Any

import pytest

from api.attempts import ActionOutcome
from api.meta import ObjectKey
from api.nodes import ActionStatus, WorkflowExecutionStatus
from api.phases import ActionType, Operation, OperationType, Phase
from api.plan import DRPlan, ExecutionRecord
from api.reasons import Reason
from api.snapshot import SnapshotParameters
from api.tree import Obstacle, Preview, Progress, RunState
from planning.preview.digest import definitions_digest, differences, with_digest
from planning.preview.tree import MOST_OBSTACLES, estimate, previewed, would_be_refused
from planning.snapshot.documents import Definitions, SnapshotDocument, documents, places_of
from planning.status.transitions import map_nodes
from tests.planning.builders import (
    START,
    by_name,
    config_map,
    dr_workflow,
    manifest,
    outputs,
    plan,
    plan_stage,
    stage,
    workflow,
)

EXECUTE, REVERT = OperationType.EXECUTE, OperationType.REVERT
WOULD = ActionOutcome(phase=Phase.SUCCEEDED, reason=Reason.WOULD_SUCCEED, message="Would create it")
LATER = ActionOutcome(phase=Phase.SUCCEEDED, reason=Reason.NOT_KNOWN_YET, message="Who knows")
TAKEN = ActionOutcome(phase=Phase.FAILED, reason=Reason.ALREADY_EXISTS, message="Would fail: it exists")


def pending(name: str) -> ActionStatus:
    return ActionStatus(name=name, type=ActionType.KUBERNETES_RESOURCE, phase=Phase.PENDING)


def decided(*names: str) -> RunState:
    """A decision with one DRWorkflow of these actions, and a stage that is skipped."""
    flow = workflow("flow", *map(pending, names), phase=Phase.PENDING)
    skipped = ActionStatus(name="skipped", phase=Phase.SKIPPED, reason=Reason.CONDITION_NOT_MET)
    other = workflow("other", skipped, phase=Phase.SKIPPED)
    stages = [stage("move", flow, phase=Phase.PENDING), stage("gone", other, phase=Phase.SKIPPED)]
    return RunState(phase=Phase.PENDING, stage_statuses=stages)


def shown(*outcomes: ActionOutcome, general: tuple[str, ...] = (), operation: OperationType = EXECUTE) -> RunState:
    names = [f"action-{place}" for place in range(len(outcomes))]
    asked = {(0, 0, place): outcome for place, outcome in enumerate(outcomes)}
    return previewed(decided(*names), asked, operation, general)


def test_without_obstacles_everything_would_succeed() -> None:
    state = shown(WOULD, LATER)
    assert (state.phase, state.preview) == (Phase.SUCCEEDED, Preview(unknown_count=1))
    assert state.message == (
        "Preview: would execute the plan: 1 stage, 2 actions executed, 1 action skipped; "
        "of 1 action it cannot be known before others ran; nothing was changed"
    )
    move, gone = state.stages
    assert (move.phase, move.reason, move.message) == (Phase.SUCCEEDED, Reason.WOULD_SUCCEED, "Stage would be executed")
    assert gone == decided().stages[1], "what the decision skips stays as it is"
    assert state.summary is not None
    assert (state.summary.succeeded_actions, state.summary.skipped_actions) == (2, 1)
    assert state.progress == Progress(stages="0/2", actions="0/3"), "nothing was done"


def test_no_workflow_tells_a_progress() -> None:
    def counted(node: WorkflowExecutionStatus) -> WorkflowExecutionStatus:
        return node.model_copy(update={"progress": "0/3 actions completed"})

    state = previewed(map_nodes(decided("a"), WorkflowExecutionStatus, counted), {(0, 0, 0): WOULD}, EXECUTE)
    assert {node.progress for stage in state.stages for node in stage.workflows} == {None}


def test_every_obstacle_is_named_and_none_ends_the_preview() -> None:
    state = shown(TAKEN, WOULD, TAKEN, general=("parameter site has no value",))
    assert state.phase is Phase.FAILED
    assert [action.phase for action in state.stages[0].actions] == [Phase.FAILED, Phase.SUCCEEDED, Phase.FAILED]
    assert state.stages[0].workflows[0].message == "Would fail at action action-0"
    assert state.preview is not None
    assert state.preview.obstacle_count == 3
    assert state.preview.obstacles == [
        Obstacle(reason=Reason.INVALID, message="parameter site has no value"),
        *(
            Obstacle(
                stage="move",
                workflow="default/flow",
                action=f"action-{place}",
                reason=Reason.ALREADY_EXISTS,
                message="Would fail: it exists",
            )
            for place in (0, 2)
        ),
    ]


def test_the_list_of_obstacles_is_bounded_and_their_number_is_not() -> None:
    state = shown(*[TAKEN.model_copy(update={"message": "x" * 1000})] * (MOST_OBSTACLES + 5))
    assert state.preview is not None
    assert state.preview.obstacle_count == MOST_OBSTACLES + 5
    assert len(state.preview.obstacles or []) == MOST_OBSTACLES
    assert all(len(one.message) <= 300 for one in state.preview.obstacles or [])


def test_what_would_be_refused_is_an_obstacle_without_a_tree() -> None:
    state = would_be_refused(RunState(phase=Phase.FAILED), "Nothing was reverted: it still runs")
    assert (state.phase, state.stages) == (Phase.FAILED, [])
    assert state.preview == Preview(
        obstacle_count=1, obstacles=[Obstacle(reason=Reason.INVALID, message="Nothing was reverted: it still runs")]
    )


def done(uid: str, **more: Any) -> ActionOutcome:
    update = {"operation": Operation.DELETE, "outputs": outputs(config_map("app"), uid), **more}
    return WOULD.model_copy(update=update)


def digest_of(*outcomes: ActionOutcome, account: str = "movers") -> RunState:
    state = shown(*outcomes, operation=REVERT).model_copy(update={"service_account_name": account})
    return with_digest(state, REVERT, None, [])


def test_the_digest_is_of_uids_and_decisions_and_not_of_words() -> None:
    def digest(*outcomes: ActionOutcome, **more: Any) -> str | None:
        preview = digest_of(*outcomes, **more).preview
        return preview.digest if preview else None

    first = digest(done("uid-1"))
    assert first == digest(done("uid-1", message="in other words"))
    others = [
        digest(done("uid-2")),
        digest(done("uid-1", operation=Operation.PATCH)),
        digest(done("uid-1"), done("uid-1")),
        digest(TAKEN),
        digest(done("uid-1"), account="others"),
    ]
    assert first not in others
    assert len({*others}) == len(others)


@pytest.mark.parametrize(
    ("now", "difference"),
    [
        ([done("uid-2"), WOULD], "action action-0: was Succeeded, WouldSucceed, KubernetesResource, Delete, "),
        ([done("uid-1"), TAKEN], "action action-1: was Succeeded, WouldSucceed, KubernetesResource, is Failed, Al"),
        ([done("uid-1")], "action action-1 is gone"),
        ([done("uid-1"), WOULD, WOULD], "action action-2 was not there"),
    ],
)
def test_differences_name_the_action_and_what_it_was_and_is(now: list[ActionOutcome], difference: str) -> None:
    found = differences(digest_of(done("uid-1"), WOULD), digest_of(*now))
    assert len(found) == 1
    assert f"stage move, workflow default/flow, {difference}" in found[0]


def test_another_account_and_other_definitions_are_differences() -> None:
    before, now = digest_of(WOULD), digest_of(WOULD, account="others")
    assert differences(before, now) == ["the service account was movers, and is others"]
    assert now.preview is not None
    other = now.preview.model_copy(update={"definitions": "other"})
    assert differences(now, now.model_copy(update={"preview": other})) == [
        "the plan, a DRWorkflow or the value of a parameter changed"
    ]


def stored(execution: str, *actions: str, value: str = "east", spec: Any = None) -> list[SnapshotDocument]:
    """What an execution of this uid would store of a plan with one DRWorkflow."""
    known = plan(plan_stage("move", "flow"), **(spec or {}))
    parameters = {place: SnapshotParameters(values={"site": value}) for place in places_of(known)}
    key = ObjectKey(namespace="default", name=execution, uid=execution * 10)
    flows = by_name(dr_workflow("flow", *map(manifest, actions)))
    return documents(key, Definitions(known, flows, parameters, parameters_of=(key,)))


def test_the_hash_of_definitions_is_the_same_for_every_execution_that_carries_them_out() -> None:
    first = definitions_digest(stored("a", "one", "two"))
    assert first == definitions_digest(stored("b", "one", "two"))
    others = [
        definitions_digest(stored("a", "one")),
        definitions_digest(stored("a", "one", "two", value="west")),
        definitions_digest(stored("a", "one", "two", spec={"failurePolicy": "Continue"})),
    ]
    assert first not in others
    assert definitions_digest([]) is None


def history(*spans: tuple[OperationType, Phase, int]) -> DRPlan:
    records = [
        ExecutionRecord(
            name="run",
            namespace="default",
            operation_type=operation.value,
            phase=phase.value,
            start_time=START,
            completion_time=START + timedelta(seconds=seconds),
        )
        for operation, phase, seconds in spans
    ]
    known = plan(plan_stage("move", "flow"))
    return known.model_copy(update={"status": known.status.model_copy(update={"execution_history": records})})


def test_the_estimate_is_the_median_of_what_succeeded() -> None:
    known = history(
        (EXECUTE, Phase.SUCCEEDED, 60),
        (EXECUTE, Phase.FAILED, 1),
        (REVERT, Phase.SUCCEEDED, 5),
        (EXECUTE, Phase.SUCCEEDED, 90),
        (EXECUTE, Phase.SUCCEEDED, 600),
    )
    assert estimate(known, EXECUTE) == ("1m30s", 3)
    assert estimate(known, REVERT) == ("5s", 1)
    assert estimate(history(), EXECUTE) is None
    assert estimate(None, EXECUTE) is None


@pytest.mark.parametrize(("working", "estimated"), [("40s", "40s"), (None, "10m"), ("long", "10m")])
def test_what_an_execution_waited_for_people_is_no_part_of_the_estimate(working: str | None, estimated: str) -> None:
    known = history((EXECUTE, Phase.SUCCEEDED, 600))
    records = [one.model_copy(update={"working": working}) for one in known.status.execution_history or []]
    known = known.model_copy(update={"status": known.status.model_copy(update={"execution_history": records})})
    assert estimate(known, EXECUTE) == (estimated, 1)
