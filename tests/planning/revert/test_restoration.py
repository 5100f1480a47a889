"""What a Revert decides where the state before an action was stored: it restores the object, or says why not."""

from typing import Any

import pytest

from api.execution import DRPlanExecution
from api.failures import FailureType
from api.meta import ObjectKey
from api.nodes import ActionStatus, LedgerRef, SnapshotRef
from api.objects import ObservedObject, Target
from api.phases import OnMissing, Operation, Phase
from api.reasons import Lack, Reason
from api.steps import Deletion, Restoration, RollbackStep
from planning.definitions.identifiers import mark
from planning.revert.restoration import PriorStates, StoredState, candidates
from planning.revert.scope import SUCCEEDED_ONLY, Scope
from tests.planning.builders import (
    absent,
    config_map,
    decide,
    execute,
    made,
    present,
    revert,
    stage,
    the_action,
    workflow,
)

APP, OTHER = config_map("app"), config_map("other")
ORIGINAL = ObjectKey(namespace="default", name="nginx-exec-001", uid="uid-nginx-exec-001")
CHANGES = [Operation.APPLY, Operation.PATCH, Operation.DELETE, Operation.REPLACE]


def changed(name: str, operation: Operation, target: Target = APP, uid: str | None = None, **more: Any) -> ActionStatus:
    return made(name, target, uid, operation=operation, created=operation is Operation.REPLACE, **more)


def done(*actions: ActionStatus, **more: Any) -> DRPlanExecution:
    original = execute(stage("s", workflow("w", *actions, **more), **more))
    ledger = LedgerRef(name="ledger", sha256="1")
    return original.model_copy(update={"status": original.status.model_copy(update={"ledger": ledger})})


def stored(original: DRPlanExecution, **lacks: Lack) -> PriorStates:
    """Give the states of all actions that have one, by the names of those that are not restored."""
    return {
        each.key: StoredState(ORIGINAL, each.mark, record_of(each.mark), lacks.get(each.mark.rpartition("/")[2]))
        for each in candidates(original, {}, Scope(include_partial=True))
    }


def record_of(mark: str) -> SnapshotRef:
    return SnapshotRef(name=f"before-{mark.rpartition('/')[2]}", sha256="2")


def restores(name: str, operation: Operation, target: Target = APP, uid: str | None = None) -> Restoration:
    of = f"{mark(ORIGINAL.uid, 's', 'w')}/{name}"
    uid = uid or f"uid-{target.name}"
    return Restoration(target=target, uid=uid, operation=operation, execution=ORIGINAL, record=record_of(of), mark=of)


def steps(original: DRPlanExecution, **more: Any) -> list[RollbackStep | None]:
    states = more.pop("states", None) or stored(original)
    return decide(original, more.pop("looks", None), prior_states=states, **more).steps[0][0]


def node(original: DRPlanExecution, name: str, **more: Any) -> ActionStatus:
    states = more.pop("states", None) or stored(original)
    return the_action(decide(original, more.pop("looks", None), prior_states=states, **more), name)


@pytest.mark.parametrize("operation", CHANGES)
def test_what_was_stored_whole_is_restored(operation: Operation) -> None:
    original = done(changed("a", operation))
    looks = {APP: absent(APP)} if operation is Operation.DELETE else None
    (step,) = steps(original, looks=looks)
    assert step is not None
    assert (step.restoration, step.deletions, step.custom) == (restores("a", operation), [], None)
    assert step.success is Reason.ROLLED_BACK
    assert step.refusal is not None, "a worker that does not know how to restore must not report success"
    assert step.refusal.type is FailureType.UNSUPPORTED
    assert node(original, "a", looks=looks).phase is Phase.PENDING


@pytest.mark.parametrize("operation", CHANGES)
def test_without_a_record_or_a_ledger_it_is_as_ever(operation: Operation) -> None:
    original = done(changed("a", operation))
    expected = (
        "ConfigMap app existed before the execution, not deleted"
        if operation is Operation.APPLY
        else f"No automatic rollback for {operation} operation"
    )
    assert the_action(decide(original), "a").message == expected
    without = execute(stage("s", workflow("w", changed("a", operation))))
    assert candidates(without, {}, SUCCEEDED_ONLY) == []


@pytest.mark.parametrize("lack", Lack)
def test_what_was_not_stored_whole_is_never_restored(lack: Lack) -> None:
    original = done(changed("a", Operation.PATCH))
    skipped = node(original, "a", states=stored(original, a=lack))
    assert (skipped.phase, skipped.reason) == (Phase.SKIPPED, Reason.STATE_NOT_KEPT)
    assert str(skipped.message).startswith("State before ")
    assert str(skipped.message).endswith("not restored")
    if lack is Lack.SECRET:
        assert skipped.message == "State before was not kept (secret data), not restored"


def test_a_custom_rollback_takes_the_place_of_a_restoration() -> None:
    assert candidates(done(changed("a", Operation.PATCH, custom_rollback=True)), {}, SUCCEEDED_ONLY) == []


def test_what_the_execution_itself_created_is_deleted_and_not_restored() -> None:
    original = done(made("make", APP), changed("patch", Operation.PATCH), changed("apply", Operation.APPLY))
    apply, patch, make = steps(original)
    assert (apply, patch) == (None, None)
    assert make is not None
    assert make.deletions == [Deletion(target=APP, uid="uid-app")]
    assert node(original, "apply").reason is Reason.SAME_OBJECT


def test_several_changes_are_undone_from_the_last_to_the_first() -> None:
    original = done(changed("one", Operation.PATCH), changed("two", Operation.APPLY), changed("gone", Operation.DELETE))
    found = [step and step.restoration for step in steps(original, looks={APP: absent(APP)})]
    expected = [("gone", Operation.DELETE), ("two", Operation.APPLY), ("one", Operation.PATCH)]
    assert found == [restores(*each) for each in expected]


def test_a_change_of_what_was_deleted_later_is_not_undone_where_the_object_does_not_return() -> None:
    original = done(changed("one", Operation.PATCH), changed("gone", Operation.DELETE))
    states = stored(original, gone=Lack.SECRET)
    skipped = node(original, "one", looks={APP: absent(APP)}, states=states)
    assert (skipped.phase, skipped.reason) == (Phase.SKIPPED, Reason.DELETED_BY_ANOTHER_ACTION)


def test_a_change_of_what_was_replaced_later_is_not_undone() -> None:
    original = done(changed("one", Operation.PATCH), changed("new", Operation.REPLACE, uid="uid-new"))
    looks = {APP: present("uid-new")}
    assert node(original, "one", looks=looks).reason is Reason.REPLACED_BY_ANOTHER_ACTION
    assert node(original, "new", looks=looks).phase is Phase.PENDING


@pytest.mark.parametrize(
    ("operation", "look", "ignored"),
    [
        (Operation.PATCH, absent(APP), True),
        (Operation.PATCH, present("another"), True),
        (Operation.DELETE, present("another"), True),
        (Operation.DELETE, absent(APP), False),
        (Operation.PATCH, present("uid-app"), False),
    ],
)
def test_on_missing_ignore_passes_over_what_is_not_the_object(
    operation: Operation, look: ObservedObject, ignored: bool
) -> None:
    original = done(changed("a", operation))
    by = revert(on_missing=OnMissing.IGNORE)
    found = node(original, "a", looks={APP: look}, by=by)
    assert found.phase is (Phase.SKIPPED if ignored else Phase.PENDING)
    assert found.reason is (Reason.ALREADY_ABSENT if ignored else None)
    assert node(original, "a", looks={APP: look}).phase is Phase.PENDING, "it fails when its turn comes"


def test_what_an_earlier_revert_restored_is_not_restored_again_and_its_earlier_changes_are() -> None:
    original = done(changed("one", Operation.PATCH), changed("gone", Operation.DELETE))
    record = [
        ActionStatus(name="gone", phase=Phase.SUCCEEDED),
        ActionStatus(name="one", phase=Phase.FAILED),
    ]
    earlier = revert("r1", phase=Phase.FAILED, stage_statuses=[stage("s", workflow("w", *record))])
    looks = {APP: present("uid-of-the-new-one")}
    assert node(original, "gone", looks=looks, earlier=[earlier]).reason is Reason.ALREADY_ROLLED_BACK
    found = [step and step.restoration for step in steps(original, looks=looks, earlier=[earlier])]
    assert found == [None, restores("one", Operation.PATCH)]


@pytest.mark.parametrize("operation", [Operation.PATCH, Operation.DELETE])
def test_a_failed_change_is_restored_only_where_partial_parts_are_included(operation: Operation) -> None:
    failed = {"phase": Phase.FAILED}
    original = done(changed("a", operation, phase=Phase.FAILED), **failed)
    assert candidates(original, {}, SUCCEEDED_ONLY) == []
    assert steps(original) == [None]
    (step,) = steps(original, by=revert(spec={"include_partial": True}))
    assert step is not None
    assert step.restoration == restores("a", operation)


def test_a_deletion_that_was_not_seen_to_end_explains_why_what_the_execution_created_is_gone() -> None:
    failed = {"phase": Phase.FAILED}
    original = done(made("a", APP), changed("gone", Operation.DELETE, phase=Phase.FAILED), **failed)
    by = revert(spec={"include_partial": True})
    assert node(original, "a", looks={APP: absent(APP)}, by=by).reason is Reason.DELETED_BY_ANOTHER_ACTION
    assert node(original, "a", looks={APP: present("uid-app")}, by=by).phase is Phase.PENDING
