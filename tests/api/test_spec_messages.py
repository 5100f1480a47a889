"""The message tables under docs/spec hold what the program says, word for word."""

from datetime import timedelta

import pytest

from api.actions import METHODS
from api.meta import API_VERSION, ObjectName, parse_duration
from api.params import ParameterType
from api.phases import ActionType, Mode, Operation, OperationType, Phase
from api.steps import Target
from planning import answers, causes, endings, faults, filefaults, messages, notices, waits, wholes
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
    messages.rolled_back([LOCALIZATION]),
    messages.rolled_back([CONFIG]),
    messages.CUSTOM_ROLLBACK_DONE,
    messages.hook_done(messages.done(Operation.CREATE, LOCALIZATION)),
    messages.retrying(2, 3, GAP),
    messages.attempt_lost(),
    messages.failed_to_delete(LOCALIZATION, GAP),
    messages.failed_to_delete(LOCALIZATION, messages.wrong_uid(LOCALIZATION, GAP, GAP)),
    messages.failed_to_delete(CONFIG, messages.still_there(CONFIG, "5m", [GAP])),
    messages.action_undefined(GAP, GAP),
    messages.rollback_undefined(GAP, GAP),
    messages.custom_rollback_failed(GAP),
    messages.hook_failed(GAP),
    messages.ORIGINAL_ACTION_NOT_SUCCEEDED,
    messages.no_rollback_defined(ActionType.HTTP),
    messages.no_automatic_rollback(Operation.PATCH),
    messages.existed_before(APP),
    messages.already_rolled_back(["nginx-revert-001"]),
    messages.already_absent(LOCALIZATION),
    messages.same_object(APP, GAP),
    messages.removed_by_action(APP, GAP),
    messages.removed_by_action(APP, GAP, custom=True),
    messages.replaced_by_action(APP, GAP),
    messages.removed_by_hook_cleanup(LOCALIZATION),
    messages.condition_not_met(Mode.ROLLBACK, [Mode.INSTALL, Mode.UPGRADE]),
    messages.not_attempted_after(REVERT, GAP),
    messages.NOT_ATTEMPTED_CANCELED,
    causes.canceled_still_there(LOCALIZATION),
    wholes.part_succeeded(REVERT, "Workflow"),
    wholes.part_failed(REVERT, "action", GAP),
    messages.original_workflow_was(Phase.FAILED),
    wholes.part_canceled(REVERT, "Workflow", 1, 3),
    wholes.part_succeeded(REVERT, "Stage"),
    wholes.part_failed(REVERT, "workflow", GAP),
    messages.original_stage_was(Phase.FAILED),
    wholes.part_canceled(REVERT, "Stage", 0, 2),
    wholes.plan_reverted(2, 5, 1),
    wholes.plan_reverted(1, 2, 0, hooks=2),
    wholes.nothing_left(["nginx-revert-001"], 0),
    wholes.plan_failed(REVERT, GAP, [GAP]),
    f"Nothing was reverted: {GAP}",
    wholes.plan_canceled(REVERT, (1, 2), (3, 5)),
]

OF_AN_EXECUTE = [
    messages.done(Operation.CREATE, LOCALIZATION),
    messages.applied(APP, created=True),
    messages.applied(APP, created=False),
    messages.done(Operation.PATCH, APP),
    messages.done(Operation.DELETE, APP),
    messages.was_already_absent(APP),
    answers.succeeded("GET", HEALTH, 200, HEALTH),
    causes.job_completed(BACKUP),
    messages.failed_to(Operation.CREATE, "ConfigMap", GAP),
    messages.failed_to(Operation.CREATE, "ConfigMap", causes.exists_of_another(APP, None)),
    answers.failed("GET", HEALTH, answers.answered(404, [], None, GAP)),
    answers.failed("GET", HEALTH, answers.no_connection("shop.example.com:443", GAP)),
    answers.failed("POST", MOVE, answers.outcome_unknown(answers.not_answered_in_time("5m"), repeated=False)),
    answers.failed("GET", f"http://{GAP}", answers.host_not_allowed(GAP)),
    causes.job_failed(BACKUP, BACKOFF + causes.pod_failed(GAP, causes.container_failed("main", "Error", 3, GAP))),
    causes.job_unfinished(BACKUP, "5m", causes.job_progress(0, 1, 0)),
    causes.job_gone(BACKUP),
    answers.canceled("POST", MOVE),
    causes.canceled_job(causes.job_unfinished_at_cancel(BACKUP, causes.job_progress(0, 1, 0))),
    messages.replaced(SHOP, existed=True),
    messages.replaced(SHOP, existed=False),
    messages.and_removed(messages.done(Operation.CREATE, SHOP)),
    waits.and_ready(messages.done(Operation.CREATE, SHOP)),
    waits.done_in_clusters(SHOP, 3, 0),
    waits.done_in_clusters(SHOP, 2, 1),
    waits.deleted_in_clusters(SHOP, 3),
    waits.waiting(
        SHOP, waits.in_cluster(GAP, waits.of_feed("Deployment default/shop", waits.count(1, 3, "available")))
    ),
    waits.waiting_in_clusters(SHOP, [GAP], 2, 3),
    waits.not_ready_within(messages.done(Operation.CREATE, SHOP), "5m", GAP),
    waits.never_ready(messages.done(Operation.CREATE, SHOP), GAP),
    waits.not_seen(messages.done(Operation.CREATE, SHOP), GAP),
    messages.failed_to(Operation.CREATE, "Subscription", waits.failed_in_clusters([GAP], 3)),
    messages.failed_to(Operation.CREATE, "Subscription", waits.no_cluster(SHOP)),
    messages.failed_to(Operation.PATCH, "ConfigMap", causes.perhaps_changed(Operation.PATCH, GAP)),
    causes.former_deleted(SHOP, messages.failed_to(Operation.REPLACE, "Subscription", GAP)),
    messages.and_not_removed(messages.done(Operation.CREATE, SHOP), GAP),
    causes.canceled_not_done(Operation.PATCH, APP),
    waits.canceled_not_ready(messages.done(Operation.CREATE, SHOP), GAP),
    waits.canceled_in_clusters(SHOP, 1, 3),
    causes.canceled_half_replaced(SHOP),
    messages.condition_not_met(Mode.INSTALL, [Mode.UPGRADE, Mode.DELETE]),
    messages.not_attempted_after(EXECUTE, GAP),
    messages.not_attempted_action(GAP),
    messages.not_attempted_dependency(GAP),
    messages.NOTHING_TO_DELETE,
    wholes.part_succeeded(EXECUTE, "Workflow"),
    wholes.part_failed(EXECUTE, "action", GAP),
    wholes.part_failed(EXECUTE, "workflow", GAP),
    wholes.plan_executed(2, 5, 0),
    wholes.plan_failed(EXECUTE, GAP, [GAP]),
    f"Not started: {GAP}",
    wholes.plan_canceled(EXECUTE, (1, 2), (3, 5)),
]

AROUND_A_RUN = [
    notices.waiting_for("DRPlan", GAP),
    notices.waiting_for_lock(ObjectName(name=GAP), GAP, 2),
    notices.waiting_for_turn(GAP, GAP, 2),
    notices.STARTED,
    notices.waited_in_vain("DRPlan", GAP, timedelta(seconds=30)),
    notices.COPY,
    notices.ended_outside(endings.TERMINATED, GAP),
    notices.run_unknown(GAP),
    notices.CANCELED_BEFORE_START,
    notices.DELETED_BEFORE_START,
]

OF_FILES = [
    filefaults.unknown_field(),
    filefaults.missing_field(),
    filefaults.wrong_kind_of_value(GAP),
    filefaults.not_one_of(GAP, [GAP]),
    filefaults.too_few(),
    filefaults.other_version(GAP, API_VERSION),
    filefaults.unknown_kind(GAP, ["DRPlan", "DRWorkflow", "DRPlanExecution"]),
    filefaults.without_name(),
    filefaults.stands_twice(GAP),
    filefaults.not_here(GAP),
    filefaults.no_plan(),
    filefaults.no_original(),
    filefaults.not_an_execute(GAP),
    filefaults.other_plan(GAP, GAP),
]

OF_A_PLAN = [
    *OF_FILES,
    faults.name_twice("stage", GAP),
    faults.unknown_dependency("stage", GAP),
    faults.cycle("stage", [GAP]).replace(f"{GAP} -> {GAP}", GAP),
    faults.empty_reference(),
    faults.missing_workflow(GAP),
    faults.name_twice("parameter", GAP),
    faults.not_a_parameter_name(GAP),
    faults.reserved_parameter("mode"),
    faults.nowhere_given(GAP, faults.requires(GAP, GAP)).replace(f"{GAP} of {GAP}", GAP),
    faults.wrong_type(ParameterType.NUMBER, GAP, GAP),
    faults.wrong_type(ParameterType.BOOLEAN, GAP, GAP),
    faults.value_and_source(),
    faults.empty_source(),
    faults.empty_reference_field(),
    faults.name_and_labels(),
    faults.outputs_too_early(GAP),
    faults.undefined_below(GAP),
    faults.filled_to_nothing(),
    faults.not_a_path(GAP),
    faults.path_with_range(GAP),
    faults.nothing_to_read(GAP),
    faults.unreadable(GAP, GAP),
    faults.several_to_read(GAP, 2).replace("2 objects", f"{GAP} objects"),
    faults.path_finds_nothing(GAP, GAP),
]


def _refusal(text: str) -> str:
    with pytest.raises(ValueError, match="duration") as refusal:
        parse_duration(text)
    return str(refusal.value)


OF_A_WORKFLOW = [
    faults.name_twice("action", GAP),
    faults.unknown_dependency("action", GAP),
    faults.cycle("action", [GAP]).replace(f"{GAP} -> {GAP}", GAP),
    faults.missing_block(GAP, ActionType.JOB).replace("type Job", f"type {GAP}"),
    faults.empty_name(),
    faults.missing_namespace(ActionType.JOB).replace("Job", GAP),
    faults.unknown_operation(Operation.REPLACE, ActionType.JOB).replace("Replace", GAP).replace("Job", GAP),
    faults.patch_without_rollback(),
    faults.manifest(GAP),
    faults.empty_url(),
    faults.not_an_address(),
    faults.unknown_method(GAP, METHODS),
    faults.not_a_header(GAP),
    faults.header_of_several_lines(),
    faults.not_a_status_code(1).replace("1 is", f"{GAP} is"),
    faults.misspelt_hook(GAP, GAP),
    faults.unknown_cluster_mode(GAP),
    faults.argo(),
    _refusal(GAP),
    faults.no_time(),
    faults.too_long(GAP),
    faults.negative(-1).replace("-1", GAP),
    faults.not_a_multiplier(GAP),
    faults.unknown_template(GAP),
    faults.undefined_parameter(GAP),
    faults.undefined_outputs(GAP),
    faults.outputs_too_late(GAP),
    faults.outputs_passed_over(GAP, Mode.INSTALL).replace("Install", GAP),
    faults.outputs_in_deletion(GAP),
    faults.missing_output(GAP, GAP),
    faults.not_a_condition(GAP),
    faults.unknown_mode(GAP),
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
