"""The table of messages: the words that people and scripts rely on."""

import pytest

from api.phases import ActionType, Mode, Operation, OperationType, Phase
from api.steps import Target
from planning import messages, wholes

APP = Target(api_version="v1", kind="ConfigMap", name="app", namespace="default")
LOC = Target(api_version="apps.clusternet.io/v1alpha1", kind="Localization", name="nginx-loc-a", namespace="default")
REVERT, EXECUTE = OperationType.REVERT, OperationType.EXECUTE

TABLE = [
    (messages.rolled_back([LOC]), "Rolled back: deleted Localization nginx-loc-a"),
    (messages.rolled_back([APP, LOC]), "Rolled back: deleted ConfigMap app, Localization nginx-loc-a"),
    (messages.CUSTOM_ROLLBACK_DONE, "Rolled back: executed custom rollback action"),
    (
        messages.failed_to_delete(LOC, 'localizations.apps.clusternet.io "nginx-loc-a" not found'),
        'Failed to delete Localization: localizations.apps.clusternet.io "nginx-loc-a" not found',
    ),
    (messages.custom_rollback_failed("it broke"), "Custom rollback failed: it broke"),
    (messages.hook_done("Created ConfigMap app"), "Executed rollback hook: Created ConfigMap app"),
    (messages.hook_failed("it broke"), "Rollback hook failed: it broke"),
    (
        messages.rollback_undefined("X", "Y"),
        "The custom rollback of action X is no longer defined in DRWorkflow Y",
    ),
    (messages.removed_by_action(APP, "X"), "ConfigMap app was already deleted by action X of the execution"),
    (
        messages.replaced_by_action(APP, "X", custom=True),
        "ConfigMap app was replaced by action X of the execution; what becomes of it is left to the custom rollback of "
        "that action",
    ),
    (messages.removed_by_hook_cleanup(LOC), "Localization nginx-loc-a was removed by its own hook cleanup"),
    (messages.ORIGINAL_ACTION_NOT_SUCCEEDED, "Original action did not succeed, skipped rollback"),
    (messages.no_rollback_defined(ActionType.HTTP), "No rollback defined for HTTP action"),
    (messages.no_automatic_rollback(Operation.PATCH), "No automatic rollback for Patch operation"),
    (messages.existed_before(APP), "ConfigMap app existed before the execution, not deleted"),
    (messages.already_rolled_back(["nginx-revert-001"]), "Already rolled back by nginx-revert-001"),
    (messages.already_absent(LOC), "Already absent: Localization nginx-loc-a"),
    (messages.not_attempted_after(REVERT, "X"), "Not attempted: rollback stopped after action X failed"),
    (messages.not_attempted_after(EXECUTE, "X"), "Not attempted: execution stopped after action X failed"),
    (
        messages.condition_not_met(Mode.INSTALL, [Mode.UPGRADE, Mode.DELETE]),
        "Condition not met: mode is install, needs upgrade or delete",
    ),
    (messages.request_title("POST", "https://example.com/hook"), "POST https://example.com/hook"),
    (messages.not_attempted_action("X"), "Not attempted: depends on action X, which did not succeed"),
    (messages.NOT_ATTEMPTED_CANCELED, "Not attempted: canceled"),
    (messages.retrying(2, 3, "too many requests"), "Retrying (2 of 3): too many requests"),
    (messages.attempt_lost(), "An attempt was lost with its worker: another one follows"),
    (wholes.part_succeeded(REVERT, "Workflow"), "Workflow reverted successfully"),
    (wholes.part_failed(REVERT, "action", "X"), "Failed to rollback action X"),
    (messages.original_workflow_was(Phase.FAILED), "Original workflow phase was Failed, skipped rollback"),
    (wholes.part_succeeded(REVERT, "Stage"), "Stage reverted successfully"),
    (wholes.part_failed(REVERT, "workflow", "X"), "Failed to rollback workflow X"),
    (messages.original_stage_was(Phase.FAILED), "Original stage phase was Failed, skipped rollback"),
    (wholes.plan_reverted(1, 2, 0), "Plan reverted successfully: 1 stage, 2 actions rolled back"),
    (wholes.plan_reverted(2, 5, 1), "Plan reverted successfully: 2 stages, 5 actions rolled back, 1 stage skipped"),
    (
        wholes.plan_reverted(1, 1, 1, hooks=1),
        "Plan reverted successfully: 1 stage, 1 action rolled back, 1 rollback hook executed, 1 stage skipped",
    ),
    (wholes.left_standing(2, 0), "; 2 objects left standing"),
    (wholes.left_standing(1, 1), "; 1 object left standing; 1 object not known to be gone"),
    (wholes.nothing_left(["nginx-revert-001"], 0), "Nothing left to revert: already reverted by nginx-revert-001"),
    (
        wholes.plan_failed(REVERT, "X", ["Failed to rollback workflow Y", "Failed to rollback action Z", "why"]),
        "Failed to revert stage X: Failed to rollback workflow Y: Failed to rollback action Z: why",
    ),
    (wholes.progress(REVERT, 2, 2), "2/2 actions rolled back"),
    (wholes.progress(EXECUTE, 0, 1), "0/1 actions completed"),
    (
        wholes.plan_canceled(REVERT, (1, 3), (4, 12)),
        "Plan revert canceled: 1 of 3 stages, 4 of 12 actions rolled back",
    ),
    (messages.action_undefined("X", "Y"), "Action X is no longer defined in DRWorkflow Y"),
    (messages.done(Operation.CREATE, LOC), "Created Localization nginx-loc-a"),
    (messages.applied(APP, created=True), "Applied ConfigMap app (created)"),
    (messages.applied(APP, created=False), "Applied ConfigMap app (it existed before)"),
    (messages.done(Operation.PATCH, APP), "Patched ConfigMap app"),
    (messages.and_removed("Created Subscription x"), "Created Subscription x; removed by its hook cleanup"),
    (messages.and_not_removed("It broke", "so did this"), "It broke; its hook cleanup failed: so did this"),
    (messages.replaced(LOC, existed=True), "Replaced Localization nginx-loc-a"),
    (messages.replaced(LOC, existed=False), "Replaced Localization nginx-loc-a (it did not exist before)"),
    (messages.done(Operation.DELETE, APP), "Deleted ConfigMap app"),
    (messages.was_already_absent(APP), "ConfigMap app was already absent"),
    (messages.failed_to(Operation.CREATE, "Localization", "why"), "Failed to create Localization: why"),
    (wholes.plan_executed(2, 5, 0), "Plan executed successfully: 2 stages, 5 actions"),
    (wholes.part_succeeded(EXECUTE, "Workflow"), "Workflow executed successfully"),
    (wholes.part_failed(EXECUTE, "action", "X"), "Failed to execute action X"),
    (messages.title(Operation.CREATE, LOC), "Create Localization default/nginx-loc-a"),
    (messages.placed(Target(api_version="v1", kind="Namespace", name="shop")), "Namespace shop"),
]


@pytest.mark.parametrize(("said", "contract"), TABLE, ids=[contract for _, contract in TABLE])
def test_the_words_are_those_of_the_contract(said: str, contract: str) -> None:
    assert said == contract


def test_who_rolled_back_can_be_read_back() -> None:
    assert messages.rolled_back_by(messages.already_rolled_back(["a", "b"])) == ["a", "b"]
    assert messages.rolled_back_by(messages.already_absent(APP)) == []
    assert messages.rolled_back_by(None) == []


def test_a_long_message_keeps_its_beginning_and_its_end() -> None:
    text = messages.bounded("begin" + "é" * 2000 + "end")
    assert len(text.encode()) <= messages.MESSAGE_BOUND
    assert text.startswith("begin")
    assert text.endswith("end")
    assert "(cut)" in text


def test_a_list_that_does_not_fit_says_how_many_more() -> None:
    text = messages.listed([f"entry {number}" for number in range(500)], 100)
    assert len(text.encode()) <= 100
    assert text.startswith("entry 0; entry 1; ")
    kept = text.count("entry")
    assert text.endswith(f"and {500 - kept} more")
