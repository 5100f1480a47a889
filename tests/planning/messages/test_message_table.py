"""The table of messages: the words that people and scripts rely on."""

from datetime import timedelta

import pytest

from api.phases import ActionType, Mode, Operation, OperationType, Phase
from api.steps import Target
from planning.messages import actions as action_messages
from planning.messages import tree as tree_messages
from planning.messages.text import MESSAGE_BOUND, bounded, listed, placed

APP = Target(api_version="v1", kind="ConfigMap", name="app", namespace="default")
LOC = Target(api_version="apps.clusternet.io/v1alpha1", kind="Localization", name="nginx-loc-a", namespace="default")
REVERT, EXECUTE = OperationType.REVERT, OperationType.EXECUTE

TABLE = [
    (action_messages.rolled_back([LOC]), "Rolled back: deleted Localization nginx-loc-a"),
    (action_messages.rolled_back([APP, LOC]), "Rolled back: deleted ConfigMap app, Localization nginx-loc-a"),
    (action_messages.CUSTOM_ROLLBACK_DONE, "Rolled back: executed custom rollback action"),
    (
        action_messages.failed_to(
            Operation.DELETE, LOC.kind, 'localizations.apps.clusternet.io "nginx-loc-a" not found'
        ),
        'Failed to delete Localization: localizations.apps.clusternet.io "nginx-loc-a" not found',
    ),
    (action_messages.custom_rollback_failed("it broke"), "Custom rollback failed: it broke"),
    (action_messages.hook_done("Created ConfigMap app"), "Executed rollback hook: Created ConfigMap app"),
    (action_messages.hook_failed("it broke"), "Rollback hook failed: it broke"),
    (
        action_messages.rollback_undefined("X", "Y"),
        "The custom rollback of action X is no longer defined in DRWorkflow Y",
    ),
    (
        tree_messages.removed_by_action(APP, "X").message,
        "ConfigMap app was already deleted by action X of the execution",
    ),
    (
        tree_messages.replaced_by_action(APP, "X", custom=True).message,
        "ConfigMap app was replaced by action X of the execution; what becomes of it is left to the custom rollback of "
        "that action",
    ),
    (
        tree_messages.removed_by_hook_cleanup(LOC).message,
        "Localization nginx-loc-a was removed by its own hook cleanup",
    ),
    (tree_messages.ORIGINAL_ACTION_NOT_SUCCEEDED.message, "Original action did not succeed, skipped rollback"),
    (tree_messages.no_rollback_defined(ActionType.HTTP).message, "No rollback defined for HTTP action"),
    (tree_messages.no_automatic_rollback(Operation.PATCH).message, "No automatic rollback for Patch operation"),
    (tree_messages.existed_before(APP).message, "ConfigMap app existed before the execution, not deleted"),
    (tree_messages.already_rolled_back(["nginx-revert-001"]).message, "Already rolled back by nginx-revert-001"),
    (tree_messages.already_absent(LOC).message, "Already absent: Localization nginx-loc-a"),
    (tree_messages.not_attempted_after(REVERT, "X").message, "Not attempted: rollback stopped after action X failed"),
    (tree_messages.not_attempted_after(EXECUTE, "X").message, "Not attempted: execution stopped after action X failed"),
    (
        tree_messages.condition_not_met(Mode.INSTALL, [Mode.UPGRADE, Mode.DELETE]).message,
        "Condition not met: mode is install, needs upgrade or delete",
    ),
    (action_messages.request_title("POST", "https://example.com/hook"), "POST https://example.com/hook"),
    (tree_messages.not_attempted_action("X").message, "Not attempted: depends on action X, which did not succeed"),
    (tree_messages.NOT_ATTEMPTED_CANCELED.message, "Not attempted: canceled"),
    (action_messages.retrying(2, 3, "too many requests"), "Retrying (2 of 3): too many requests"),
    (action_messages.ATTEMPT_LOST, "An attempt was lost with its worker: another one follows"),
    (
        action_messages.attempts_lost(3, timedelta(seconds=10)),
        "3 attempts were lost with their workers: the next one begins in 10s",
    ),
    (tree_messages.part_succeeded(REVERT, "Workflow"), "Workflow reverted successfully"),
    (tree_messages.part_failed(REVERT, "action", "X"), "Failed to rollback action X"),
    (tree_messages.original_workflow_was(Phase.FAILED).message, "Original workflow phase was Failed, skipped rollback"),
    (tree_messages.part_succeeded(REVERT, "Stage"), "Stage reverted successfully"),
    (tree_messages.part_failed(REVERT, "workflow", "X"), "Failed to rollback workflow X"),
    (tree_messages.original_stage_was(Phase.FAILED).message, "Original stage phase was Failed, skipped rollback"),
    (tree_messages.plan_reverted(1, 2, 0), "Plan reverted successfully: 1 stage, 2 actions rolled back"),
    (
        tree_messages.plan_reverted(2, 5, 1),
        "Plan reverted successfully: 2 stages, 5 actions rolled back, 1 stage skipped",
    ),
    (
        tree_messages.plan_reverted(1, 1, 1, hooks=1),
        "Plan reverted successfully: 1 stage, 1 action rolled back, 1 rollback hook executed, 1 stage skipped",
    ),
    (tree_messages.left_standing(2, 0), "; 2 objects left standing"),
    (tree_messages.left_standing(1, 1), "; 1 object left standing; 1 object not known to be gone"),
    (
        tree_messages.nothing_left(["nginx-revert-001"], 0),
        "Nothing left to revert: already reverted by nginx-revert-001",
    ),
    (
        tree_messages.plan_failed(REVERT, "X", ["Failed to rollback workflow Y", "Failed to rollback action Z", "why"]),
        "Failed to revert stage X: Failed to rollback workflow Y: Failed to rollback action Z: why",
    ),
    (tree_messages.progress(REVERT, 2, 2), "2/2 actions rolled back"),
    (tree_messages.progress(EXECUTE, 0, 1), "0/1 actions completed"),
    (
        tree_messages.plan_canceled(REVERT, (1, 3), (4, 12)),
        "Plan revert canceled: 1 of 3 stages, 4 of 12 actions rolled back",
    ),
    (action_messages.action_undefined("X", "Y"), "Action X is no longer defined in DRWorkflow Y"),
    (action_messages.done(Operation.CREATE, LOC), "Created Localization nginx-loc-a"),
    (action_messages.applied(APP, created=True), "Applied ConfigMap app (created)"),
    (action_messages.applied(APP, created=False), "Applied ConfigMap app (it existed before)"),
    (action_messages.done(Operation.PATCH, APP), "Patched ConfigMap app"),
    (action_messages.and_removed("Created Subscription x"), "Created Subscription x; removed by its hook cleanup"),
    (action_messages.and_not_removed("It broke", "so did this"), "It broke; its hook cleanup failed: so did this"),
    (action_messages.replaced(LOC, existed=True), "Replaced Localization nginx-loc-a"),
    (action_messages.replaced(LOC, existed=False), "Replaced Localization nginx-loc-a (it did not exist before)"),
    (action_messages.done(Operation.DELETE, APP), "Deleted ConfigMap app"),
    (action_messages.was_already_absent(APP), "ConfigMap app was already absent"),
    (action_messages.failed_to(Operation.CREATE, "Localization", "why"), "Failed to create Localization: why"),
    (tree_messages.plan_executed(2, 5, 0), "Plan executed successfully: 2 stages, 5 actions"),
    (tree_messages.part_succeeded(EXECUTE, "Workflow"), "Workflow executed successfully"),
    (tree_messages.part_failed(EXECUTE, "action", "X"), "Failed to execute action X"),
    (action_messages.title(Operation.CREATE, LOC), "Create Localization default/nginx-loc-a"),
    (placed(Target(api_version="v1", kind="Namespace", name="shop")), "Namespace shop"),
]


@pytest.mark.parametrize(("said", "contract"), TABLE, ids=[contract for _, contract in TABLE])
def test_the_words_are_those_of_the_contract(said: str, contract: str) -> None:
    assert said == contract


def test_a_long_message_keeps_its_beginning_and_its_end() -> None:
    text = bounded("begin" + "é" * 2000 + "end")
    assert len(text.encode()) <= MESSAGE_BOUND
    assert text.startswith("begin")
    assert text.endswith("end")
    assert "(cut)" in text


def test_a_list_that_does_not_fit_says_how_many_more() -> None:
    text = listed([f"entry {number}" for number in range(500)], 100)
    assert len(text.encode()) <= 100
    assert text.startswith("entry 0; entry 1; ")
    kept = text.count("entry")
    assert text.endswith(f"and {500 - kept} more")
