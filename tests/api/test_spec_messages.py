"""The message tables under docs/spec hold what the program says, word for word."""

from datetime import timedelta

import pytest

from api.actions import CLUSTER_EXECUTION_MODES, METHODS
from api.meta import API_VERSION, ObjectName, parse_duration
from api.params import ParameterType
from api.phases import ActionType, Mode, Operation, OperationType, Phase
from api.steps import Target
from planning.messages import actions as action_messages
from planning.messages import effects as effect_messages
from planning.messages import fields as field_messages
from planning.messages import files as file_messages
from planning.messages import runs as run_messages
from planning.messages import tree as tree_messages
from tests.api.documents import REPOSITORY
from tests.docs.pages import Page

GAP = "\N{HORIZONTAL ELLIPSIS}"
"""Stands in the pages for a name, a number, or the API server's words."""

LOCALIZATION = Target(
    api_version="apps.clusternet.io/v1alpha1", kind="Localization", name="nginx-loc-a", namespace="default"
)
SHOP = Target(api_version="apps.clusternet.io/v1alpha1", kind="Subscription", name="shop", namespace="default")
CONFIG = Target(api_version="v1", kind="ConfigMap", name="app-config", namespace="default")
APP = Target(api_version="v1", kind="ConfigMap", name="app", namespace="default")
BACKUP = Target(api_version="batch/v1", kind="Job", name="backup", namespace="default")
BACKOFF = "BackoffLimitExceeded: Job has reached the specified backoff limit: "
HEALTH, MOVE = "https://shop.example.com/health", "https://shop.example.com/move"
EXECUTE, REVERT = OperationType.EXECUTE, OperationType.REVERT

OF_A_REVERT = [
    action_messages.rolled_back([LOCALIZATION]),
    action_messages.rolled_back([CONFIG]),
    action_messages.CUSTOM_ROLLBACK_DONE,
    action_messages.hook_done(action_messages.done(Operation.CREATE, LOCALIZATION)),
    action_messages.retrying(2, 3, GAP),
    action_messages.ATTEMPT_LOST,
    action_messages.attempts_lost(3, timedelta(seconds=10)),
    action_messages.failed_to(Operation.DELETE, LOCALIZATION.kind, GAP),
    action_messages.failed_to(Operation.DELETE, LOCALIZATION.kind, action_messages.wrong_uid(LOCALIZATION, GAP, GAP)),
    action_messages.failed_to(Operation.DELETE, CONFIG.kind, action_messages.still_there(CONFIG, "5m", [GAP])),
    action_messages.action_undefined(GAP, GAP),
    action_messages.rollback_undefined(GAP, GAP),
    action_messages.custom_rollback_failed(GAP),
    action_messages.hook_failed(GAP),
    tree_messages.ORIGINAL_ACTION_NOT_SUCCEEDED.message,
    tree_messages.no_rollback_defined(ActionType.HTTP).message,
    tree_messages.no_automatic_rollback(Operation.PATCH).message,
    tree_messages.existed_before(APP).message,
    tree_messages.already_rolled_back(["nginx-revert-001"]).message,
    tree_messages.already_absent(LOCALIZATION).message,
    tree_messages.same_object(APP, GAP).message,
    tree_messages.removed_by_action(APP, GAP).message,
    tree_messages.removed_by_action(APP, GAP, custom=True).message,
    tree_messages.replaced_by_action(APP, GAP).message,
    tree_messages.removed_by_hook_cleanup(LOCALIZATION).message,
    tree_messages.condition_not_met(Mode.ROLLBACK, [Mode.INSTALL, Mode.UPGRADE]).message,
    tree_messages.not_attempted_after(REVERT, GAP).message,
    tree_messages.NOT_ATTEMPTED_CANCELED.message,
    action_messages.canceled_still_there(LOCALIZATION),
    tree_messages.part_succeeded(REVERT, "Workflow"),
    tree_messages.part_failed(REVERT, "action", GAP),
    tree_messages.original_workflow_was(Phase.FAILED).message,
    tree_messages.part_canceled(REVERT, "Workflow", 1, 3),
    tree_messages.part_succeeded(REVERT, "Stage"),
    tree_messages.part_failed(REVERT, "workflow", GAP),
    tree_messages.original_stage_was(Phase.FAILED).message,
    tree_messages.part_canceled(REVERT, "Stage", 0, 2),
    tree_messages.plan_reverted(2, 5, 1),
    tree_messages.plan_reverted(1, 2, 0, hooks=2),
    tree_messages.nothing_left(["nginx-revert-001"], 0),
    tree_messages.plan_failed(REVERT, GAP, [GAP]),
    f"Nothing was reverted: {GAP}",
    tree_messages.plan_canceled(REVERT, (1, 2), (3, 5)),
]

OF_AN_EXECUTE = [
    action_messages.done(Operation.CREATE, LOCALIZATION),
    action_messages.applied(APP, created=True),
    action_messages.applied(APP, created=False),
    action_messages.done(Operation.PATCH, APP),
    action_messages.done(Operation.DELETE, APP),
    action_messages.was_already_absent(APP),
    effect_messages.request_succeeded("GET", HEALTH, 200, HEALTH),
    effect_messages.job_completed(BACKUP),
    action_messages.failed_to(Operation.CREATE, "ConfigMap", GAP),
    action_messages.failed_to(Operation.CREATE, "ConfigMap", action_messages.exists_of_another(APP, None)),
    effect_messages.request_failed("GET", HEALTH, effect_messages.answered(404, [], None, GAP)),
    effect_messages.request_failed("GET", HEALTH, effect_messages.no_connection("shop.example.com:443", GAP)),
    effect_messages.request_failed(
        "POST",
        MOVE,
        effect_messages.request_outcome_unknown(effect_messages.not_answered_in_time("5m"), repeated=False),
    ),
    effect_messages.request_failed("GET", f"http://{GAP}", effect_messages.host_not_allowed(GAP)),
    effect_messages.job_failed(
        BACKUP, BACKOFF + f"pod {GAP}: " + effect_messages.container_failed("main", "Error", 3, GAP)
    ),
    effect_messages.job_unfinished(BACKUP, "5m", effect_messages.job_progress(0, 1, 0)),
    effect_messages.job_gone(BACKUP),
    effect_messages.request_canceled("POST", MOVE),
    effect_messages.canceled_job(
        effect_messages.job_unfinished_at_cancel(BACKUP, effect_messages.job_progress(0, 1, 0))
    ),
    action_messages.replaced(SHOP, existed=True),
    action_messages.replaced(SHOP, existed=False),
    action_messages.and_removed(action_messages.done(Operation.CREATE, SHOP)),
    effect_messages.and_ready(action_messages.done(Operation.CREATE, SHOP)),
    effect_messages.done_in_clusters(SHOP, 3, 0),
    effect_messages.done_in_clusters(SHOP, 2, 1),
    effect_messages.deleted_in_clusters(SHOP, 3),
    effect_messages.waiting(
        SHOP,
        effect_messages.in_cluster(GAP, "Deployment default/shop: " + effect_messages.replicas(1, 3, "available")),
    ),
    effect_messages.waiting_in_clusters(SHOP, [GAP], 2, 3),
    effect_messages.not_ready_within(action_messages.done(Operation.CREATE, SHOP), "5m", GAP),
    effect_messages.never_ready(action_messages.done(Operation.CREATE, SHOP), GAP),
    effect_messages.not_seen(action_messages.done(Operation.CREATE, SHOP), GAP),
    action_messages.failed_to(Operation.CREATE, "Subscription", effect_messages.failed_in_clusters([GAP], 3)),
    action_messages.failed_to(Operation.CREATE, "Subscription", effect_messages.no_cluster(SHOP)),
    action_messages.failed_to(Operation.PATCH, "ConfigMap", action_messages.perhaps_changed(Operation.PATCH, GAP)),
    action_messages.former_deleted(SHOP, action_messages.failed_to(Operation.REPLACE, "Subscription", GAP)),
    action_messages.and_not_removed(action_messages.done(Operation.CREATE, SHOP), GAP),
    action_messages.canceled_not_done(Operation.PATCH, APP),
    effect_messages.canceled_not_ready(action_messages.done(Operation.CREATE, SHOP), GAP),
    effect_messages.canceled_in_clusters(SHOP, 1, 3),
    action_messages.canceled_half_replaced(SHOP),
    tree_messages.condition_not_met(Mode.INSTALL, [Mode.UPGRADE, Mode.DELETE]).message,
    tree_messages.not_attempted_after(EXECUTE, GAP).message,
    tree_messages.not_attempted_action(GAP).message,
    tree_messages.not_attempted_dependency(GAP).message,
    tree_messages.NOTHING_TO_DELETE.message,
    tree_messages.part_succeeded(EXECUTE, "Workflow"),
    tree_messages.part_failed(EXECUTE, "action", GAP),
    tree_messages.part_failed(EXECUTE, "workflow", GAP),
    tree_messages.plan_executed(2, 5, 0),
    tree_messages.plan_failed(EXECUTE, GAP, [GAP]),
    f"Not started: {GAP}",
    tree_messages.plan_canceled(EXECUTE, (1, 2), (3, 5)),
]

AROUND_A_RUN = [
    run_messages.waiting_for("DRPlan", GAP),
    run_messages.waiting_for_lock(ObjectName(name=GAP), GAP, 2),
    run_messages.waiting_for_turn(GAP, GAP, 2),
    run_messages.STARTED,
    run_messages.waited_in_vain("DRPlan", GAP, timedelta(seconds=30)),
    run_messages.COPY,
    run_messages.ended_outside(tree_messages.TERMINATED, GAP),
    run_messages.run_unknown(GAP),
    run_messages.CANCELED_BEFORE_START,
    run_messages.DELETED_BEFORE_START,
    run_messages.namespace_not_open(GAP),
]

OF_FILES = [
    file_messages.UNKNOWN_FIELD,
    file_messages.MISSING_FIELD,
    file_messages.wrong_type_of_value(GAP),
    field_messages.unsupported(GAP, [GAP]),
    file_messages.TOO_FEW,
    field_messages.unsupported(GAP, [API_VERSION]),
    field_messages.unsupported(GAP, ["DRPlan", "DRWorkflow", "DRPlanExecution"]),
    file_messages.WITHOUT_NAME,
    file_messages.duplicate_object(GAP),
    file_messages.not_here(GAP),
    field_messages.NO_PLAN,
    file_messages.NO_ORIGINAL,
    file_messages.not_an_execute(GAP),
    file_messages.other_plan(GAP, GAP),
]

OF_A_PLAN = [
    *OF_FILES,
    field_messages.duplicate_name("stage", GAP),
    field_messages.unknown_dependency("stage", GAP),
    field_messages.cycle("stage", [GAP]).replace(f"{GAP} -> {GAP}", GAP),
    field_messages.EMPTY_REFERENCE,
    field_messages.not_a_subdomain("drplan").replace("drplan", GAP),
    field_messages.not_a_namespace("drplan").replace("drplan", GAP),
    field_messages.missing_workflow(GAP),
    field_messages.duplicate_name("parameter", GAP),
    field_messages.not_a_parameter_name(GAP),
    field_messages.reserved_parameter("mode"),
    field_messages.nowhere_given(GAP, field_messages.requires(GAP, GAP)).replace(f"{GAP} of {GAP}", GAP),
    field_messages.wrong_type(ParameterType.NUMBER, GAP, GAP),
    field_messages.wrong_type(ParameterType.BOOLEAN, GAP, GAP),
    field_messages.wrong_type(ParameterType.YAML, GAP, GAP),
    field_messages.fragment_of_execution(GAP),
    field_messages.VALUE_AND_SOURCE,
    field_messages.EMPTY_SOURCE,
    field_messages.EMPTY_REFERENCE_FIELD,
    field_messages.NAME_AND_LABELS,
    field_messages.outputs_too_early(GAP),
    field_messages.undefined_below(GAP),
    field_messages.FILLED_TO_NOTHING,
    field_messages.not_a_path(GAP),
    field_messages.path_with_range(GAP),
    field_messages.path_too_long(GAP, 1000).replace("1000", GAP),
    field_messages.path_in_filter(GAP),
    field_messages.nothing_to_read(GAP),
    field_messages.unreadable(GAP, GAP),
    field_messages.several_to_read(GAP, 2).replace("2 objects", f"{GAP} objects"),
    field_messages.path_too_expensive(GAP, 1000).replace("1000", GAP),
    field_messages.result_too_long(GAP, 1000).replace("1000", GAP),
    field_messages.path_finds_nothing(GAP, GAP),
]


def _refusal(text: str) -> str:
    with pytest.raises(ValueError, match="duration") as refusal:
        parse_duration(text)
    return str(refusal.value)


OF_A_WORKFLOW = [
    field_messages.duplicate_name("action", GAP),
    field_messages.unknown_dependency("action", GAP),
    field_messages.cycle("action", [GAP]).replace(f"{GAP} -> {GAP}", GAP),
    field_messages.missing_block(GAP, ActionType.JOB).replace("type Job", f"type {GAP}"),
    field_messages.EMPTY_NAME,
    field_messages.missing_namespace(ActionType.JOB).replace("Job", GAP),
    field_messages.unsupported(GAP, ["Create", "Apply", "Patch", "Delete"]),
    field_messages.PATCH_WITHOUT_ROLLBACK,
    field_messages.manifest(GAP),
    field_messages.EMPTY_URL,
    field_messages.NOT_AN_ADDRESS,
    field_messages.unsupported(GAP, METHODS),
    field_messages.not_a_header(GAP),
    field_messages.HEADER_OF_SEVERAL_LINES,
    field_messages.not_a_status_code(1).replace("1 is", f"{GAP} is"),
    field_messages.misspelt_hook(GAP, GAP),
    field_messages.unsupported(GAP, CLUSTER_EXECUTION_MODES),
    field_messages.ARGO,
    _refusal(GAP),
    field_messages.NO_TIME,
    field_messages.too_long(GAP),
    field_messages.negative(-1).replace("-1", GAP),
    field_messages.not_a_multiplier(GAP),
    field_messages.unknown_template(GAP),
    field_messages.too_long_when_filled(2**21).replace("2097152", GAP),
    field_messages.NOT_JSON_AROUND_PLACEHOLDERS,
    field_messages.not_a_patch(GAP),
    field_messages.not_a_fragment(GAP, GAP),
    field_messages.undefined_parameter(GAP),
    field_messages.undefined_outputs(GAP),
    field_messages.outputs_too_late(GAP),
    field_messages.outputs_passed_over(GAP, Mode.INSTALL).replace("Install", GAP),
    field_messages.outputs_in_deletion(GAP),
    field_messages.missing_output(GAP, GAP),
    field_messages.condition_too_long(1000).replace("1000", GAP),
    field_messages.not_a_condition(GAP),
    field_messages.unsupported(GAP, ["install", "upgrade", "delete", "rollback"]),
]


def _messages(name: str) -> list[str]:
    """Give the code span of each cell under `message`, over all tables of a page."""
    found: list[str] = []
    for header, *rows in Page(REPOSITORY / "docs" / "spec" / name).tables():
        titles = [cell.content for cell in header]
        if "message" in titles:
            cells = [row[titles.index("message")] for row in rows]
            found += [part.content for cell in cells for part in cell.children or [] if part.type == "code_inline"]
    return found


@pytest.mark.parametrize(
    ("page", "said"),
    [
        ("drplan.md", OF_A_PLAN),
        ("drworkflow.md", OF_A_WORKFLOW),
        ("drplanexecution.md", [*OF_A_REVERT, *OF_AN_EXECUTE, *AROUND_A_RUN]),
    ],
)
def test_the_tables_hold_what_the_program_says(page: str, said: list[str]) -> None:
    assert _messages(page) == said
