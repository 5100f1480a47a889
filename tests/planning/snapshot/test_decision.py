"""What a Revert decided is stored whole, in as many parts as it takes, and read back as it was."""

import json

import pytest

from api.attempts import RollbackInput
from api.decisions import RevertDecision
from api.failures import FailureType
from api.meta import ObjectKey, ObjectName
from api.nodes import ActionStatus, SnapshotRef, StageStatus, WorkflowExecutionStatus
from api.objects import Actor, Target
from api.phases import Phase
from api.snapshot import DecidedStep, DecidedSteps, StoredDecision
from api.steps import CustomRollback, Deletion, ExecuteStep, Origin, Part, Refusal, RollbackStep
from api.tree import RunState
from planning.snapshot import decision as stored_decision
from planning.snapshot.decision import decision_documents, read_steps, step_of
from planning.snapshot.documents import SnapshotDocument, SnapshotError, parts_of

KEY = ObjectKey(namespace="team-a", name="back", uid="0a1b2c3d-uid")
SNAPSHOT = SnapshotRef(name="drplan-s", sha256="s")


def deletion(name: str) -> RollbackStep:
    target = Target(api_version="v1", kind="ConfigMap", name=name, namespace="team-a")
    return RollbackStep(deletions=[Deletion(target=target, uid=f"uid-of-{name}")])


def custom(name: str) -> RollbackStep:
    step = ExecuteStep(index=0, action=name, mark=f"uid/s/w/{name}", title=name, part=Part.ROLLBACK)
    return RollbackStep(custom=CustomRollback(step=step))


REFUSED = RollbackStep(refusal=Refusal(type=FailureType.WRONG_UID, message="no"))


def decided(*rows: list[RollbackStep | None], origin: bool = True) -> RevertDecision:
    """Return the decision of a Revert of one stage, a DRWorkflow for each row."""
    nodes = [
        WorkflowExecutionStatus(
            workflow_ref=ObjectName(name=f"w{number}", namespace="team-a"),
            phase=Phase.PENDING,
            action_statuses=[ActionStatus(name=str(place), phase=Phase.PENDING) for place in range(len(row))],
        )
        for number, row in enumerate(rows)
    ]
    stage = StageStatus(name="s", phase=Phase.PENDING, workflow_executions=nodes)
    place = Origin(execution=KEY, snapshot=SNAPSHOT) if origin else None
    return RevertDecision(state=RunState(phase=Phase.PENDING, stage_statuses=[stage]), steps=[[*rows]], origin=place)


def read(documents: list[SnapshotDocument]) -> tuple[StoredDecision, frozenset[str]]:
    """Return the first part, and the digests of all parts that it names."""
    by_name = {each.ref.name: each for each in documents}
    first, digests = read_steps(StoredDecision, documents[-1].ref, documents[-1].data)
    for ref in first.continued:
        digests |= read_steps(DecidedSteps, ref, by_name[ref.name].data)[1]
    return first, digests


def test_a_small_decision_is_one_document() -> None:
    documents = decision_documents(KEY, decided([deletion("a"), None, REFUSED], origin=False), "deployer")
    [document] = documents
    assert document.ref.name.startswith("drplan-0a1b2c3d")
    first, digests = read(documents)
    assert (first.service_account_name, first.snapshot, first.continued) == ("deployer", None, [])
    assert len(digests) == 2


def test_what_carries_a_definition_out_is_stored_with_its_place_in_the_plan() -> None:
    documents = decision_documents(KEY, decided([custom("a")], [deletion("b")]), None)
    first, _ = read(documents)
    assert first.snapshot == SNAPSHOT
    of_a, of_b = first.steps
    # The first DRWorkflow of the Revert is the last one of the plan.
    assert (of_a.dr_workflow, of_a.stage, of_a.workflow) == (ObjectName(name="w0", namespace="team-a"), "s", 1)
    assert (of_b.dr_workflow, of_b.stage, of_b.workflow) == (None, "", 0)


def test_the_step_of_an_activity_is_the_one_that_was_decided() -> None:
    first, _ = read(decision_documents(KEY, decided([custom("a")], [deletion("b")]), None))
    origin = Origin(execution=KEY, snapshot=SNAPSHOT, stage="s", workflow=1)
    flow = ObjectName(name="w0", namespace="team-a")
    asked = RollbackInput(step=custom("a"), actor=Actor(), dr_workflow=flow, origin=origin)
    assert step_of(asked) == first.steps[0]
    assert step_of(RollbackInput(step=deletion("b"), actor=Actor())) == first.steps[1]


def test_nothing_to_do_is_a_decision_as_well() -> None:
    assert read(decision_documents(KEY, decided([None]), None))[1] == frozenset()


@pytest.mark.parametrize("bound", [1, 700, 5_000])
def test_a_large_decision_is_divided_and_nothing_is_left_out(monkeypatch: pytest.MonkeyPatch, bound: int) -> None:
    monkeypatch.setattr(stored_decision, "PART_BOUND", bound)
    names = [f"app-{number}" for number in range(40)]
    documents = decision_documents(KEY, decided([deletion(name) for name in names]), None)
    first, digests = read(documents)
    assert len(digests) == len(names)
    assert len(documents) == 1 + len(first.continued) > 1
    for document in documents:
        steps = document.data["steps"]
        assert len(steps) == 1 or sum(len(json.dumps(step)) for step in steps) <= bound


def test_a_part_is_no_first_part_and_one_that_was_changed_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stored_decision, "PART_BOUND", 1)
    part, first = decision_documents(KEY, decided([deletion("a"), deletion("b")]), None)
    with pytest.raises(SnapshotError, match="format"):
        read_steps(StoredDecision, part.ref, part.data)
    with pytest.raises(SnapshotError, match="is not as it was kept"):
        read_steps(StoredDecision, first.ref, {**first.data, "serviceAccountName": "rich"})


def test_parts_keep_the_order_and_a_single_model_is_never_divided() -> None:
    items = [DecidedStep(step=deletion("x" * length)) for length in (1, 900, 1, 1)]
    parts = parts_of(items, 800)
    assert [item for part in parts for item in part] == items
    assert [len(part) for part in parts] == [1, 1, 2]
    assert parts_of([], 800) == [[]]
