"""What a Revert of ours makes of every kind of record of the older controller, and how such records are closed."""

from datetime import UTC, datetime

import pytest

from api.decisions import RevertDecision
from api.execution import DRPlanExecution, ExecutionStatus
from api.objects import ObservedObject, Target
from api.phases import OnMissing, Phase
from api.reasons import Reason
from bridge.status import conditions
from bridge.status import execution as execution_status
from bridge.status.conditions import ConditionType
from bridge.status.execution import StatusContext
from planning.messages import runs as run_messages
from planning.revert.decide import decide_revert, objects_to_observe
from tests.older_controller import records
from tests.planning.builders import absent, present, the_action

NOW = datetime(2026, 2, 4, 9, 0, tzinfo=UTC)
CREATED = {
    "HelmChart web": "2026-02-03T10:10:00Z",
    "Subscription web": "2026-02-03T10:10:01Z",
    "Subscription hook-east": "2026-02-03T10:10:10Z",
    "Subscription hook-west": "2026-02-03T10:10:11Z",
    "Subscription swap": "2026-02-03T10:10:15Z",
    "Localization web-east": "2026-02-03T10:10:17Z",
    "Globalization web-all": "2026-02-01T08:00:00Z",
    "ConfigMap web": "2026-02-03T10:10:19Z",
    "Job migrate-7k2p": "2026-02-03T10:10:20Z",
    "Localization base": "2026-02-03T11:00:01Z",
}
UIDS = {
    "HelmChart web": "uid-chart",
    "Subscription web": "uid-web",
    "Subscription swap": "uid-swap",
    "Localization web-east": "uid-east",
    "Globalization web-all": "uid-everywhere",
    "ConfigMap web": "uid-settings",
    "Job migrate-7k2p": "uid-migrate",
    "Localization base": "uid-base",
}


SUBSCRIPTION = Target(api_version="apps.clusternet.io/v1alpha1", kind="Subscription", name="web", namespace="shop")


def called(target: Target) -> str:
    return f"{target.kind} {target.name}"


def cluster(original: DRPlanExecution, *gone: str) -> dict[Target, ObservedObject]:
    """A cluster in which every object is as the records say, but those that are gone."""
    looks = {}
    for target in objects_to_observe(original, records.workflows()):
        name = called(target)
        created = datetime.fromisoformat(CREATED.get(name, "2026-02-03T10:10:16Z"))
        exists = name in CREATED and name not in gone
        looks[target] = present(UIDS.get(name, f"uid-{target.name}"), created) if exists else absent(target)
    return looks


def revert(of: str, on_missing: OnMissing | None = None) -> DRPlanExecution:
    spec = {"planRef": "move", "operationType": "Revert", "revertExecutionRef": of, "onMissing": on_missing}
    meta = {"name": "ours", "namespace": "shop", "uid": "u", "creationTimestamp": NOW}
    return DRPlanExecution.model_validate({"metadata": meta, "spec": spec})


def decided(
    original: DRPlanExecution, *earlier: str, gone: tuple[str, ...] = (), on_missing: OnMissing | None = None
) -> RevertDecision:
    by, before = revert(original.metadata.name, on_missing), [records.execution(name) for name in earlier]
    looks = cluster(original, *gone)
    decision = decide_revert(by, original, before, looks, records.plan(), records.workflows())
    assert decision.rejection is None
    return decision


def deleted(decision: RevertDecision) -> list[str]:
    steps = [step for rows in decision.steps for row in rows for step in row if step]
    assert [step.refusal for step in steps if step.refusal] == []
    return [called(deletion.target) for step in steps for deletion in step.deletions]


def test_of_every_kind_of_record_what_the_execute_created_is_deleted() -> None:
    decision = decided(records.execution("delivered"))
    assert deleted(decision) == [
        "Job migrate-7k2p",
        "ConfigMap web",
        "Localization web-east",
        "Subscription swap",
        "Subscription hook-east",
        "Subscription hook-west",
        "Subscription web",
        "HelmChart web",
    ]
    skipped = {name: the_action(decision, name).reason for name in ("notify", "everywhere", "retire")}
    assert skipped == {
        "notify": Reason.NO_ROLLBACK_DEFINED,
        "everywhere": Reason.EXISTED_BEFORE,
        "retire": Reason.NO_AUTOMATIC_ROLLBACK,
    }
    assert decision.state.left_standing == []


def test_of_a_failed_execute_the_stages_that_succeeded_are_taken_back_and_the_rest_is_named() -> None:
    decision = decided(records.execution("failed"))
    assert deleted(decision) == ["Localization base"]
    assert [(stage.name, stage.phase) for stage in decision.state.stages] == [
        ("announce", Phase.SKIPPED),
        ("deliver", Phase.SKIPPED),
        ("prepare", Phase.PENDING),
    ]
    assert decision.state.left_standing == ["HelmChart shop/web"]


def test_of_a_canceled_execute_what_it_made_is_named() -> None:
    decision = decided(records.execution("canceled"))
    assert deleted(decision) == []
    assert [stage.phase for stage in decision.state.stages] == [Phase.SKIPPED]
    assert decision.state.left_standing == ["HelmChart shop/web"]


def test_what_an_execute_in_mode_delete_took_down_is_not_brought_back() -> None:
    decision = decided(records.execution("taken-down"), gone=("Localization base",))
    assert deleted(decision) == []
    assert the_action(decision, "delete-base").reason is Reason.NO_AUTOMATIC_ROLLBACK
    assert decision.state.left_standing == []


def test_a_revert_without_a_tree_that_succeeded_explains_what_is_gone() -> None:
    gone = [name for name in CREATED if name != "Globalization web-all"]
    decision = decided(records.execution("delivered"), "back-without-tree", gone=tuple(gone))
    assert deleted(decision) == []
    assert the_action(decision, "web").rolled_back_by == ["back-without-tree"]


def test_what_its_revert_took_back_is_not_taken_back_again() -> None:
    decision = decided(records.execution("failed"), "back", gone=("Localization base", "HelmChart web"))
    assert deleted(decision) == []
    base = the_action(decision, "base")
    assert (base.phase, base.reason, base.rolled_back_by) == (Phase.SKIPPED, Reason.ALREADY_ROLLED_BACK, ["back"])


def test_after_a_revert_that_recorded_nothing_the_failure_names_the_way_on() -> None:
    gone = ("Job migrate-7k2p", "ConfigMap web")
    decision = decided(records.execution("delivered"), "back-left-running", gone=gone)
    refusals = [step.refusal.message for row in decision.steps[0] for step in row if step and step.refusal]
    assert len(refusals) == 2
    for message in refusals:
        assert "the Revert back-left-running, which another controller did not finish, may have deleted it" in message
        assert "onMissing: Ignore" in message
    ignoring = decided(records.execution("delivered"), "back-left-running", gone=gone, on_missing=OnMissing.IGNORE)
    assert deleted(ignoring)[0] == "Localization web-east"


def closed(name: str) -> ExecutionStatus:
    before = records.execution(name)
    context = StatusContext(operation=before.spec.operation_type, generation=1, now=NOW)
    return execution_status.begun_elsewhere(before.status, context)


def test_an_execute_that_it_left_running_is_closed_down_to_every_action() -> None:
    status = closed("left-running")
    assert (status.phase, status.message) == (Phase.FAILED, run_messages.COPY)
    assert [(stage.name, stage.phase) for stage in status.stages] == [
        ("prepare", Phase.SUCCEEDED),
        ("deliver", Phase.FAILED),
        ("announce", Phase.SKIPPED),
    ]
    (node,) = status.stages[1].workflows
    assert (node.phase, node.progress, node.current_action) == (Phase.FAILED, "1/3 actions completed", None)
    assert [(one.name, one.phase, one.reason) for one in node.actions] == [
        ("chart", Phase.SUCCEEDED, None),
        ("web", Phase.FAILED, Reason.OUTCOME_UNKNOWN),
        ("hook", Phase.SKIPPED, Reason.STOPPED_AFTER_FAILURE),
    ]
    assert [one.type for one in node.actions] == [None, None, None]
    assert all(stage.completion_time or stage.phase is Phase.SKIPPED for stage in status.stages)
    assert status.progress is not None
    assert status.summary is not None
    assert (status.summary.running_stages, status.summary.failed_stages) == (0, 1)
    completed = conditions.find(status.conditions, ConditionType.COMPLETED)
    assert completed is not None
    assert completed.status == "True"


def test_a_revert_of_it_takes_back_what_had_succeeded_and_names_the_rest() -> None:
    before = records.execution("left-running")
    after = before.model_copy(update={"status": closed("left-running")})
    decision = decided(after)
    assert deleted(decision) == ["Localization base"]
    assert decision.state.left_standing == ["HelmChart shop/web"]
    # Of the Subscription nothing is recorded: it is named if it came into being after its action began.
    looks = cluster(after)
    looks[SUBSCRIPTION] = present("uid-web", datetime.fromisoformat("2026-02-03T12:00:07Z"))
    decision = decide_revert(revert("left-running"), after, [], looks, records.plan(), records.workflows())
    assert decision.state.left_standing == ["Subscription shop/web", "HelmChart shop/web"]


def test_a_revert_that_it_left_running_says_with_what_the_next_one_goes_on() -> None:
    status = closed("back-left-running")
    assert status.phase is Phase.FAILED
    assert status.message == run_messages.COPY_OF_UNRECORDED_REVERT
    assert status.message.startswith(run_messages.COPY)
    clean = conditions.find(status.conditions, ConditionType.CLEAN)
    assert clean is not None
    assert clean.status == "Unknown"


@pytest.mark.parametrize("name", ["delivered", "failed", "back"])
def test_the_columns_of_what_it_finished_are_those_of_its_tree(name: str) -> None:
    before = records.execution(name).status
    counted = execution_status.counted(before)
    assert counted.progress is not None
    assert counted.progress.stages.endswith(f"/{len(before.stages)}")
    assert counted.model_copy(update={"progress": None}) == before


def test_a_plan_of_it_is_read_with_its_lock_and_open_record() -> None:
    plan = records.plan()
    assert plan.status.current_execution is not None
    assert plan.status.current_execution.uid is None
    assert [record.phase for record in plan.status.execution_history or []] == ["Pending", "Succeeded"]
