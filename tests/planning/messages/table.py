"""The one table of messages: a row for each sentence that the program says.

A sentence is added by its function or constant in planning/messages and by one row here. `make crds` writes the rows
into the pages of docs/spec; tests fail for a sentence without a row, and for a row of a page that is not here.
"""

import inspect
import re
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType

from api.actions import CLUSTER_EXECUTION_MODES, METHODS
from api.execution import DRPlanExecution
from api.meta import (
    API_VERSION,
    CREATED_BY_ANNOTATION,
    Condition,
    ConditionStatus,
    ObjectKey,
    ObjectName,
    parse_duration,
)
from api.nodes import ActionStatus
from api.objects import Target
from api.params import ParameterType
from api.phases import ActionType, Mode, Operation, OperationType, Phase
from api.proof import Proof
from api.reasons import Cause, Lack
from api.requests import Approval, Pause, PersonRequest, RequestState, RequestStatus, RequestType, StageApproval
from api.steps import RollbackStep
from api.tree import LaterExecution, LedgerFault, Obstacle, Preview
from planning.definitions.rehearsal import LONGEST_INTERVAL, SHORTEST_INTERVAL
from planning.messages import access as access_messages
from planning.messages import actions as action_messages
from planning.messages import effects as effect_messages
from planning.messages import fields as field_messages
from planning.messages import files as file_messages
from planning.messages import parameters as parameter_messages
from planning.messages import preview as preview_messages
from planning.messages import proof as proof_messages
from planning.messages import readiness as readiness_messages
from planning.messages import records as record_messages
from planning.messages import rehearsals as rehearsal_messages
from planning.messages import rejections as rejection_messages
from planning.messages import removal as removal_messages
from planning.messages import requests as request_messages
from planning.messages import rollback as rollback_messages
from planning.messages import running as running_messages
from planning.messages import runs as run_messages
from planning.messages import temporal_ui
from planning.messages import tree as tree_messages
from tests.planning.builders import stage, workflow

GAP = "\N{HORIZONTAL ELLIPSIS}"
"""Stands in the pages for a name, a number, or the API server's words."""

LOCALIZATION = Target(
    api_version="apps.clusternet.io/v1alpha1", kind="Localization", name="nginx-loc-a", namespace="default"
)
SHOP = Target(api_version="apps.clusternet.io/v1alpha1", kind="Subscription", name="shop", namespace="default")
CONFIG = Target(api_version="v1", kind="ConfigMap", name="app-config", namespace="default")
APP = Target(api_version="v1", kind="ConfigMap", name="app", namespace="default")
SITE = Target(api_version="v1", kind="Namespace", name="site")
BACKUP = Target(api_version="batch/v1", kind="Job", name="backup", namespace="default")
BACKOFF = "BackoffLimitExceeded: Job has reached the specified backoff limit: "
HEALTH = MOVE = "https://shop.example.com"
EXECUTE, REVERT = OperationType.EXECUTE, OperationType.REVERT
MOMENT = datetime(2026, 2, 3, 10, 0, tzinfo=UTC)
KEY = ObjectKey(namespace="default", name="shop-run", uid=GAP)
EXECUTION = DRPlanExecution.model_validate(
    {
        "metadata": {"name": "shop-run", "namespace": "default", "uid": GAP},
        "spec": {"planRef": "shop", "operationType": "Execute"},
    }
)
STAGE = stage("deploy", workflow("shop", ActionStatus(name="create-shop", phase=Phase.PENDING)))
STEP = RollbackStep()


def _refused_duration() -> str:
    try:
        parse_duration(GAP)
    except ValueError as refusal:
        return str(refusal)
    raise AssertionError


REFUSED_DURATION = _refused_duration()

# A row is a line.
# fmt: off
# Errors in definitions: message, cause.

OF_FILES = [
    (file_messages.UNKNOWN_FIELD, "a slip in a field's name"),
    (file_messages.MISSING_FIELD, "a field that must be there"),
    (file_messages.wrong_type_of_value(GAP), "a list where a text belongs, and the like"),
    (field_messages.unsupported(GAP, [GAP]), "a word that the field does not have"),
    (file_messages.TOO_FEW, "a list or a name with nothing in it"),
    (file_messages.too_many(2, 1).replace("2 i", f"{GAP} i").replace("1 are", f"{GAP} are"), "a list or a name that is too long"),
    (field_messages.unsupported(GAP, [API_VERSION]), "`apiVersion`"),
    (field_messages.unsupported(GAP, ["DRPlan", "DRWorkflow", "DRPlanExecution"]), "`kind`"),
    (file_messages.WITHOUT_NAME, "`metadata.name`"),
    (file_messages.duplicate_object(GAP), "two objects of one kind, namespace and name"),
    (file_messages.not_sent([GAP]), "no error: a [manifest](drworkflow.md#manifests) as the cluster returned it"),
    (file_messages.not_here(GAP), "no error"),
    (field_messages.NO_PLAN, "`planRef`"),
    (file_messages.NO_ORIGINAL, "a Revert without `revertExecutionRef`"),
    (file_messages.not_an_execute(GAP), "`revertExecutionRef`"),
    (file_messages.is_preview(GAP), "`revertExecutionRef`"),
    (file_messages.other_plan(GAP, GAP), "a Revert with another plan than its original"),
]
OF_A_PLAN = [
    (field_messages.too_many_parts(2, 1).replace("2 s", f"{GAP} s").replace("have 1;", f"have {GAP};"), "a DRWorkflow counts at each place that uses it"),
    (parameter_messages.too_many_parameters(2, 1).replace("2 p", f"{GAP} p").replace("have 1;", f"have {GAP};"), "a DRWorkflow's count at each place that uses it"),
    (field_messages.duplicate_name("stage", GAP), "two stages have the same name"),
    (field_messages.unknown_dependency("stage", GAP), "`dependsOn` names a stage that is not there"),
    (field_messages.cycle("stage", [GAP]).replace(f"{GAP} -> {GAP}", GAP), "a cycle of dependencies"),
    (field_messages.not_an_interval(GAP, SHORTEST_INTERVAL, LONGEST_INTERVAL), "`spec.rehearsal.interval`; the plan can be executed all the same"),
    (field_messages.EMPTY_REFERENCE, "`workflowRef.name`"),
    (field_messages.not_a_subdomain("drplan").replace("drplan", GAP), "`workflowRef.name`, `serviceAccountName`; of an execution `planRef` and `revertExecutionRef`"),
    (field_messages.not_a_namespace("drplan").replace("drplan", GAP), "`workflowRef.namespace`"),
    (field_messages.missing_workflow(GAP), "a `workflowRef` leads nowhere; mind that an empty namespace means the plan's own"),
    (field_messages.duplicate_name("parameter", GAP), "in one list of parameters"),
    (parameter_messages.not_a_parameter_name(GAP), "`name`"),
    (parameter_messages.reserved_parameter("mode"), "`spec.params` of an execution"),
    (parameter_messages.nowhere_given(GAP, parameter_messages.requires(GAP, GAP)).replace(f"{GAP} of {GAP}", GAP), "no list gives it a value at this place of the plan; the rest names what needs it: an entry with `required`, or a field of an action that `uses` it"),
    (parameter_messages.wrong_type(ParameterType.NUMBER, GAP, GAP), "the value of a `number`; that of a secret is not repeated"),
    (parameter_messages.wrong_type(ParameterType.BOOLEAN, GAP, GAP), "the value of a `boolean`"),
    (parameter_messages.wrong_type(ParameterType.YAML, GAP, GAP), "the value of a `yaml`"),
    (parameter_messages.fragment_of_execution(GAP), "`spec.params` of an execution"),
    (parameter_messages.secret_of_execution(GAP), "`spec.params` of an execution"),
    (parameter_messages.VALUE_AND_SOURCE, "a parameter with both"),
    (parameter_messages.EMPTY_SOURCE, "`valueFrom: {}`"),
    (parameter_messages.EMPTY_REFERENCE_FIELD, "`apiVersion`, `kind` or `jsonPath` of a `manifestRef`"),
    (parameter_messages.NAME_AND_LABELS, "a `manifestRef` with both"),
    (parameter_messages.outputs_too_early(GAP), "`$(outputs.…)` in a `manifestRef`"),
    (parameter_messages.undefined_below(GAP), "`$(params.…)` in a `manifestRef`"),
    (parameter_messages.FILLED_TO_NOTHING, "a field of a `manifestRef`"),
    (parameter_messages.not_a_path(GAP), "`jsonPath`"),
    (parameter_messages.path_with_range(GAP), "`jsonPath`"),
    (parameter_messages.path_too_long(GAP, 1000).replace("1000", GAP), "`jsonPath`"),
    (parameter_messages.path_in_filter(GAP), "`jsonPath`"),
    (parameter_messages.nothing_to_read(GAP), "no object matches a `manifestRef`; found when the Execute begins, as are those that follow"),
    (parameter_messages.unreadable(GAP, GAP), "the API server's reason"),
    (parameter_messages.several_to_read(GAP, 2).replace("2 objects", f"{GAP} objects"), "`select: Single`"),
    (parameter_messages.too_many_objects(1000).replace("1000", GAP), "[limits](#parameters) of what is read"),
    (parameter_messages.objects_too_large(1000).replace("1000", GAP), "[limits](#parameters) of what is read"),
    (parameter_messages.path_finds_nothing(GAP, GAP), "`jsonPath` leads to nothing, or to an empty value"),
    (parameter_messages.path_too_expensive(GAP, 1000).replace("1000", GAP), "`jsonPath`"),
    (parameter_messages.result_too_long(GAP, 1000).replace("1000", GAP), "`jsonPath`"),
]
OF_A_WORKFLOW = [
    (field_messages.duplicate_name("action", GAP), "two actions have the same name"),
    (field_messages.unknown_dependency("action", GAP), "`dependsOn` names an action that is not there"),
    (field_messages.cycle("action", [GAP]).replace(f"{GAP} -> {GAP}", GAP), "a cycle of dependencies"),
    (field_messages.missing_block(GAP, ActionType.JOB).replace("type Job", f"type {GAP}"), "the block of the type is missing"),
    (field_messages.EMPTY_NAME, "an object without a name"),
    (field_messages.missing_namespace(ActionType.JOB).replace("Job", GAP), "a Localization or HelmChart without one"),
    (field_messages.unsupported(GAP, ["Create", "Apply", "Patch", "Delete"]), "`Replace` of anything but a Subscription"),
    (field_messages.PATCH_WITHOUT_ROLLBACK, "[`rollback`](#rollback) is missing"),
    (field_messages.manifest(GAP), "the text is not one object; the rest says where and why"),
    (field_messages.EMPTY_URL, "`http.url`"),
    (field_messages.NOT_AN_ADDRESS, "`http.url`"),
    (field_messages.ADDRESS_WITH_LINE_BREAK, "`http.url`, also once its placeholders are filled in"),
    (field_messages.ADDRESS_WITH_BLANKS, "the same"),
    (field_messages.unsupported(GAP, METHODS), "`http.method`"),
    (field_messages.not_a_header(GAP), "`http.headers`"),
    (field_messages.HEADER_OF_SEVERAL_LINES, "`http.headers`"),
    (field_messages.not_a_status_code(1).replace("1 is", f"{GAP} is"), "`http.successCodes`"),
    (field_messages.PATCH_TYPE_WITHOUT_PATCH, "[`patchType`](#patch-types) of another operation"),
    (field_messages.STRATEGIC_WITHOUT_SCHEMA, "no error: [`patchType: strategic`](#patch-types) of a custom resource"),
    (field_messages.list_replaced(GAP, strategic=True).replace("strategic merges it by name", GAP), "no error: a [merge patch](#patch-types) with a list of named items"),
    (field_messages.list_items_lost(GAP, [GAP], strategic=False).replace("name all items, or use patchType: json", GAP), "no error: the same, of an object that is in the files"),
    (field_messages.misspelt_hook(GAP, GAP), "`hookType` is `pre-rollback` or `post-rollback`, misspelt: the action would run with the others"),
    (field_messages.unsupported(GAP, CLUSTER_EXECUTION_MODES), "in a `rollback`"),
    (field_messages.ARGO, "`executor.type: Argo`"),
    (REFUSED_DURATION, "`timeout` or `retryPolicy.interval`"),
    (field_messages.NO_TIME, "`timeout: 0s`"),
    (field_messages.too_long(GAP), "a slip of the pen"),
    (field_messages.soak_too_long(GAP, "720h"), "`spec.soak` of a Revert, which then changes nothing"),
    (field_messages.negative(-1).replace("-1", GAP), "`retryPolicy.limit`"),
    (field_messages.not_a_multiplier(GAP), "`retryPolicy.backoffMultiplier`"),
    (parameter_messages.unknown_template(GAP, ""), "a slip in a [placeholder](#templates), or text of another program that is to be escaped"),
    (parameter_messages.unknown_template("{{ .Params.x }}", "$(params.x)").replace("{{ .Params.x }}", GAP).replace("params.x", f"params.{GAP}"), "the same, where the right spelling can be told"),
    (parameter_messages.too_long_when_filled(2**21).replace("2097152", GAP), "a placeholder that is repeated with a long value"),
    (parameter_messages.NOT_JSON_AROUND_PLACEHOLDERS, "`http.body`"),
    (parameter_messages.not_a_patch(GAP), "the `value` of an override"),
    (parameter_messages.not_a_fragment(GAP, GAP), "a parameter of type `yaml`"),
    (parameter_messages.undefined_parameter(GAP), "`$(params.…)` names a parameter without a value"),
    (parameter_messages.undefined_outputs(GAP), "`$(outputs.…)`"),
    (parameter_messages.outputs_too_late(GAP), "`$(outputs.…)`"),
    (parameter_messages.outputs_passed_over(GAP, Mode.INSTALL).replace("Install", GAP), "`$(outputs.…)`, when an execution in that mode is to start"),
    (parameter_messages.outputs_in_deletion(GAP), "an execution in [mode Delete](#mode-delete) is to start"),
    (parameter_messages.missing_output(GAP, GAP), "`$(outputs.…)`; found when the action's turn comes, where only then it can be told"),
    (parameter_messages.not_a_condition(GAP), "[`when`](#when)"),
    (parameter_messages.condition_too_long(1000).replace("1000", GAP), "[`when`](#when)"),
    (field_messages.unsupported(GAP, ["install", "upgrade", "delete", "rollback"]), "[`when`](#when)"),
]
OF_A_REVERT = [
    ("action", "Succeeded", rollback_messages.rolled_back([LOCALIZATION])),
    ("action", "Succeeded", rollback_messages.rolled_back([CONFIG])),
    ("action", "Succeeded", rollback_messages.restored(CONFIG)),
    ("action", "Succeeded", rollback_messages.rolled_back([LOCALIZATION]) + rollback_messages.deletion_applies_later(LOCALIZATION)),
    ("action", "Succeeded", action_messages.with_notes(rollback_messages.restored(LOCALIZATION), [rollback_messages.restored_for_later(LOCALIZATION)])),
    ("action", "Succeeded", rollback_messages.CUSTOM_ROLLBACK_DONE),
    ("action", "Succeeded", rollback_messages.hook_done(action_messages.done(Operation.CREATE, LOCALIZATION))),
    ("action", "Running", action_messages.retrying(2, 3, GAP)),
    ("action", "Running", action_messages.retrying(2, 3, GAP, MOMENT)),
    ("action", "Running", action_messages.ATTEMPT_LOST),
    ("action", "Running", running_messages.paused(GAP, GAP, GAP).message),
    ("action", "Running", action_messages.attempts_lost(3, timedelta(seconds=10))),
    ("action", "Failed", action_messages.failed_to(Operation.DELETE, LOCALIZATION.kind, GAP)),
    ("action", "Failed", action_messages.failed_to(Operation.DELETE, LOCALIZATION.kind, rollback_messages.wrong_uid(LOCALIZATION, GAP, GAP))),
    ("action", "Failed", action_messages.failed_to(Operation.DELETE, CONFIG.kind, rollback_messages.without_mark(CONFIG, GAP, CREATED_BY_ANNOTATION))),
    ("action", "Failed", action_messages.failed_to(Operation.DELETE, CONFIG.kind, removal_messages.still_there(CONFIG, "5m", [GAP]))),
    ("action", "Failed", action_messages.failed_to(Operation.DELETE, "Namespace", removal_messages.still_there(SITE, "5m", [], GAP))),
    ("action", "Failed", rollback_messages.restoring_failed(CONFIG, GAP)),
    ("action", "Failed", rollback_messages.restoring_failed(CONFIG, rollback_messages.changed_since(CONFIG, ["data.color", GAP]))),
    ("action", "Failed", rollback_messages.restoring_failed(CONFIG, rollback_messages.exists_again(CONFIG, GAP))),
    ("action", "Failed", rollback_messages.action_undefined(GAP, GAP)),
    ("action", "Failed", rollback_messages.rollback_undefined(GAP, GAP)),
    ("action", "Failed", rollback_messages.custom_rollback_failed(GAP)),
    ("action", "Failed", rollback_messages.hook_failed(GAP)),
    ("action", "Skipped", tree_messages.ORIGINAL_ACTION_NOT_SUCCEEDED.message),
    ("action", "Skipped", tree_messages.no_rollback_defined(ActionType.HTTP).message),
    ("action", "Skipped", tree_messages.no_automatic_rollback(Operation.PATCH).message),
    *(("action", "Skipped", tree_messages.state_not_kept(lack).message) for lack in Lack),
    ("action", "Skipped", tree_messages.existed_before(APP).message),
    ("action", "Skipped", tree_messages.LEFT_NOTHING.message),
    ("action", "Skipped", tree_messages.NOT_SELECTED.message),
    ("action", "Skipped", tree_messages.already_rolled_back(["nginx-revert-001"]).message),
    ("action", "Skipped", tree_messages.gone_since_asked(["nginx-revert-001"]).message),
    ("action", "Skipped", tree_messages.already_absent(LOCALIZATION).message),
    ("action", "Skipped", tree_messages.same_object(APP, GAP).message),
    ("action", "Skipped", tree_messages.removed_by_action(APP, GAP).message),
    ("action", "Skipped", tree_messages.removed_by_action(APP, GAP, custom=True).message),
    ("action", "Skipped", tree_messages.replaced_by_action(APP, GAP).message),
    ("action", "Skipped", tree_messages.removed_by_hook_cleanup(LOCALIZATION).message),
    ("action", "Skipped", tree_messages.condition_not_met(Mode.ROLLBACK, [Mode.INSTALL, Mode.UPGRADE]).message),
    ("action", "Skipped", tree_messages.not_attempted_after(REVERT, GAP).message),
    ("action", "Skipped", tree_messages.NOT_ATTEMPTED_CANCELED.message),
    ("action", "Canceled", action_messages.canceled_still_there(LOCALIZATION)),
    ("workflow", "Succeeded", tree_messages.part_succeeded(REVERT, "Workflow")),
    ("workflow", "Failed", tree_messages.part_failed(REVERT, "action", GAP)),
    ("workflow", "Skipped", tree_messages.original_workflow_was(Phase.FAILED).message),
    ("workflow", "Canceled", tree_messages.part_canceled(REVERT, "Workflow", 1, 3)),
    ("stage", "Succeeded", tree_messages.part_succeeded(REVERT, "Stage")),
    ("stage", "Failed", tree_messages.part_failed(REVERT, "workflow", GAP)),
    ("stage", "Skipped", tree_messages.original_stage_was(Phase.FAILED).message),
    ("stage", "Canceled", tree_messages.part_canceled(REVERT, "Stage", 0, 2)),
    ("plan", "Succeeded", tree_messages.plan_reverted(2, 5, 1)),
    ("plan", "Succeeded", tree_messages.plan_reverted(1, 2, 0, 3) + tree_messages.left_standing(2, 0, 3)),
    ("plan", "Succeeded", tree_messages.plan_reverted(1, 2, 0, hooks=2)),
    ("plan", "Succeeded", tree_messages.nothing_left(["nginx-revert-001"], 0)),
    ("plan", "Failed", tree_messages.plan_failed(REVERT, GAP, [GAP])),
    ("plan", "Failed", f"Nothing was reverted: {GAP}"),
    ("plan", "Canceled", tree_messages.plan_canceled(REVERT, (1, 2), (3, 5))),
]
OF_AN_EXECUTE = [
    ("action", "Succeeded", action_messages.done(Operation.CREATE, LOCALIZATION)),
    ("action", "Succeeded", action_messages.applied(APP, created=True)),
    ("action", "Succeeded", action_messages.applied(APP, created=False)),
    ("action", "Succeeded", action_messages.done(Operation.PATCH, APP)),
    ("action", "Succeeded", action_messages.done(Operation.DELETE, APP)),
    ("action", "Succeeded", action_messages.was_already_absent(APP)),
    ("action", "Succeeded", effect_messages.request_succeeded("GET", HEALTH, 200, HEALTH)),
    ("action", "Succeeded", effect_messages.job_completed(BACKUP)),
    ("action", "Failed", action_messages.failed_to(Operation.CREATE, "ConfigMap", GAP)),
    ("action", "Failed", action_messages.failed_to(Operation.CREATE, "ConfigMap", action_messages.exists_of_another(APP, None))),
    ("action", "Failed", action_messages.failed_to(Operation.CREATE, "ConfigMap", action_messages.exists_of_another(APP, GAP, "shop-move"))),
    ("action", "Failed", action_messages.failed_to(Operation.CREATE, "ConfigMap", action_messages.exists_of_another(APP, GAP))),
    ("action", "Failed", effect_messages.request_failed("GET", HEALTH, effect_messages.answered(404, [], None, GAP))),
    ("action", "Failed", effect_messages.request_failed("GET", HEALTH, effect_messages.no_connection("shop.example.com:443", GAP))),
    ("action", "Failed", effect_messages.request_failed( "POST", MOVE, effect_messages.request_outcome_unknown(effect_messages.not_answered_in_time("5m"), repeated=False), )),
    ("action", "Failed", effect_messages.request_failed("GET", f"http://{GAP}", effect_messages.host_not_allowed(GAP))),
    ("action", "Failed", effect_messages.job_failed( BACKUP, BACKOFF + f"pod {GAP}: " + effect_messages.container_failed("main", "Error", 3, GAP) )),
    ("action", "Failed", effect_messages.job_unfinished(BACKUP, "5m", effect_messages.job_progress(0, 1, 0))),
    ("action", "Failed", effect_messages.job_gone(BACKUP)),
    ("action", "Canceled", effect_messages.request_canceled("POST", MOVE)),
    ("action", "Canceled", effect_messages.canceled_job( effect_messages.job_unfinished_at_cancel(BACKUP, effect_messages.job_progress(0, 1, 0)) )),
    ("action", "Succeeded", action_messages.replaced(SHOP, existed=True)),
    ("action", "Succeeded", action_messages.replaced(SHOP, existed=False)),
    ("action", "Succeeded", action_messages.and_removed(action_messages.done(Operation.CREATE, SHOP))),
    ("action", "Succeeded", action_messages.with_notes(action_messages.done(Operation.CREATE, APP), [action_messages.api_warning(GAP)])),
    ("action", "Succeeded", action_messages.with_notes(action_messages.done(Operation.PATCH, APP), [action_messages.lost_with_lists(["spec.template.spec.containers[sidecar]"])])),
    ("action", "Succeeded", readiness_messages.and_ready(action_messages.done(Operation.CREATE, SHOP))),
    ("action", "Succeeded", effect_messages.done_in_clusters(SHOP, 3, 0)),
    ("action", "Succeeded", effect_messages.done_in_clusters(SHOP, 2, 1)),
    ("action", "Succeeded", effect_messages.deleted_in_clusters(SHOP, 3)),
    ("action", "Running", readiness_messages.waiting( SHOP, readiness_messages.in_cluster(GAP, "Deployment default/shop: " + readiness_messages.replicas(1, 3, "available")), )),
    ("action", "Running", effect_messages.waiting_in_clusters(SHOP, [GAP], 2, 3)),
    ("action", "Failed", readiness_messages.not_ready_within(action_messages.done(Operation.CREATE, SHOP), "5m", GAP)),
    ("action", "Failed", readiness_messages.never_ready(action_messages.done(Operation.CREATE, SHOP), GAP)),
    ("action", "Failed", readiness_messages.not_seen(action_messages.done(Operation.CREATE, SHOP), GAP)),
    ("action", "Failed", action_messages.failed_to(Operation.CREATE, "Subscription", effect_messages.failed_in_clusters([GAP], 3))),
    ("action", "Failed", action_messages.failed_to(Operation.CREATE, "Subscription", effect_messages.no_cluster(SHOP))),
    ("action", "Failed", action_messages.failed_to(Operation.PATCH, "ConfigMap", action_messages.perhaps_changed(Operation.PATCH, GAP))),
    ("action", "Failed", action_messages.failed_to(Operation.PATCH, "ConfigMap", action_messages.perhaps_patched_before(APP))),
    ("action", "Failed", action_messages.former_deleted(SHOP, action_messages.failed_to(Operation.REPLACE, "Subscription", GAP))),
    ("action", "Failed", action_messages.and_not_removed(action_messages.done(Operation.CREATE, SHOP), GAP)),
    ("action", "Canceled", action_messages.canceled_not_done(Operation.PATCH, APP)),
    ("action", "Canceled", readiness_messages.canceled_not_ready(action_messages.done(Operation.CREATE, SHOP), GAP)),
    ("action", "Canceled", effect_messages.canceled_in_clusters(SHOP, 1, 3)),
    ("action", "Canceled", action_messages.canceled_half_replaced(SHOP)),
    ("action", "Canceled", rollback_messages.canceled_not_restored(APP)),
    ("action", "Skipped", tree_messages.condition_not_met(Mode.INSTALL, [Mode.UPGRADE, Mode.DELETE]).message),
    ("action", "Skipped", tree_messages.not_attempted_after(EXECUTE, GAP).message),
    ("action", "Skipped", tree_messages.not_attempted_action(GAP).message),
    ("stage", "Skipped", tree_messages.not_attempted_dependency(GAP).message),
    ("workflow", "Skipped", tree_messages.NOTHING_TO_DELETE.message),
    ("workflow", "Succeeded", tree_messages.part_succeeded(EXECUTE, "Workflow")),
    ("workflow", "Failed", tree_messages.part_failed(EXECUTE, "action", GAP)),
    ("stage", "Failed", tree_messages.part_failed(EXECUTE, "workflow", GAP)),
    ("plan", "Succeeded", tree_messages.plan_executed(2, 5, 0)),
    ("plan", "Failed", tree_messages.plan_failed(EXECUTE, GAP, [GAP])),
    ("plan", "Failed", f"Not started: {GAP}"),
    ("plan", "Canceled", tree_messages.plan_canceled(EXECUTE, (1, 2), (3, 5))),
]
AROUND_A_RUN = [
    ("Pending", run_messages.waiting_for("DRPlan", GAP)),
    ("Pending", run_messages.WAITING_FOR_START),
    ("Pending", run_messages.waiting_for_lock(ObjectName(name=GAP), GAP, 2)),
    ("Pending", run_messages.waiting_for_turn(GAP, GAP, 2)),
    ("Pending", run_messages.waiting_for_end(GAP)),
    ("Running", running_messages.no_worker(MOMENT, MOMENT)),
    ("Pending, Running", running_messages.no_engine(MOMENT, MOMENT, GAP)),
    ("Running", running_messages.worker_failing(MOMENT, MOMENT)),
    ("Running", running_messages.deciding("", "")),
    ("Running", running_messages.deciding("", GAP)),
    ("Running", running_messages.at(running_messages.part("sites", "shop-east", "gate"), f"Retrying (23 of 1000): {GAP}")),
    ("Running", running_messages.at(running_messages.part("sites"), running_messages.several(2, 20, "workflow"))),
    ("Running", running_messages.joined([running_messages.CANCEL_REQUESTED, running_messages.at(running_messages.part("sites", "shop-east", "gate"), running_messages.RUNNING)])),
    ("Pending, Running", running_messages.joined([running_messages.cancels_nothing("yes"), GAP])),
    ("Failed", run_messages.waited_in_vain("DRPlan", GAP, timedelta(seconds=30))),
    ("Failed", run_messages.COPY),
    ("Failed", run_messages.ended_outside(tree_messages.TERMINATED, GAP)),
    ("Failed", run_messages.run_unknown(GAP)),
    ("Canceled", run_messages.CANCELED_BEFORE_START),
    ("Canceled", run_messages.DELETED_BEFORE_START),
    ("Failed", access_messages.namespace_not_open(GAP)),
    ("Failed", access_messages.account_missing(GAP, GAP)),
    ("Failed", access_messages.workflow_not_readable(GAP, GAP, GAP)),
]

# What is said elsewhere: parts of other messages, conditions, events, and Temporal's UI.


def _constants(module: ModuleType) -> list[str]:
    """Return the sentences without arguments that no table above has."""
    rows = [*OF_FILES, *OF_A_PLAN, *OF_A_WORKFLOW, *OF_A_REVERT, *OF_AN_EXECUTE, *AROUND_A_RUN]
    said = {cell for row in rows for cell in row}
    public = [vars(module)[name] for name in re.findall(r"^([A-Z]\w*) = ", inspect.getsource(module), re.MULTILINE)]
    sentences = [value.message if isinstance(value, Cause) else value for value in public]
    return [sentence for sentence in sentences if isinstance(sentence, str) and sentence not in said]


OF_ACTIONS = [
    *_constants(rollback_messages),
    *_constants(action_messages),
    rollback_messages.replaced_meanwhile(APP, GAP),
    rollback_messages.wrong_time(APP, MOMENT, MOMENT, None),
    action_messages.not_found(APP),
    rollback_messages.object_unknown(GAP, GAP, GAP),
    rollback_messages.rollback_title("patch-app", action_messages.title(Operation.PATCH, APP)),
    rollback_messages.hook_title("drain", "HTTP"),
    action_messages.shortened(["times of actions", "retries of actions"]),
    action_messages.being_deleted(APP),
    action_messages.changed_meanwhile(APP),
    action_messages.perhaps_made(GAP),
    action_messages.no_answer(APP, "5m"),
    action_messages.unseen(APP, "5m", GAP),
    action_messages.unexpected(ValueError()),
    action_messages.failed_to_read("DRWorkflow", GAP, GAP),
    action_messages.failed_to_read_value("ConfigMap default/app", GAP),
    record_messages.secrets_changed(GAP, GAP),
    record_messages.parameters_changed(GAP, [GAP], [GAP]),
    record_messages.values_not_kept(GAP),
    action_messages.place_unknown("deploy", GAP),
    rollback_messages.without_rollback(GAP),
    action_messages.not_renderable(GAP, GAP),
    action_messages.not_usable_with_secrets(GAP),
    action_messages.too_many_secrets(GAP, 1000),
    record_messages.failed_to_keep(GAP, GAP),
    record_messages.record_too_large(GAP, 2048, 1024),
    record_messages.snapshot_altered(GAP),
    record_messages.snapshot_gone(GAP),
    record_messages.record_foreign(GAP, KEY),
    action_messages.not_readable("DRWorkflow", GAP, GAP),
    action_messages.ran_out_of_time("5m"),
    action_messages.without_object(GAP),
    action_messages.no_effect(ActionType.HTTP),
    removal_messages.waiting_for_removal(APP, [GAP]),
    removal_messages.waiting_for_removal(SITE, [], GAP),
    removal_messages.objects_left(2, [GAP]),
    action_messages.waiting_for_server(GAP),
    rollback_messages.looking(3, 3),
    action_messages.canceled_unseen(APP, GAP),
    rollback_messages.rolled_back([APP, LOCALIZATION]),
    action_messages.request_title("POST", "https://example.com/hook"),
    action_messages.replaced(LOCALIZATION, existed=True),
    action_messages.replaced(LOCALIZATION, existed=False),
    action_messages.title(Operation.CREATE, LOCALIZATION),
]
OF_EFFECTS = [
    *_constants(effect_messages),
    effect_messages.bad_selector(effect_messages.no_operator("Near")),
    effect_messages.no_operator("Near"),
    effect_messages.no_values("region", "In"),
    effect_messages.needless_values("region", "Exists"),
    effect_messages.child_not_begun("5m"),
    effect_messages.child_left(SHOP),
    effect_messages.existed(SHOP),
    effect_messages.request_not_usable(GAP, GAP),
    effect_messages.too_many_redirects(3),
    effect_messages.not_resolved(GAP, GAP),
    effect_messages.not_sent_in_time(GAP, "5m"),
    effect_messages.endless_head(64),
    effect_messages.too_many_informational_answers(100),
    effect_messages.too_much_on_the_wire(512),
    effect_messages.address_guarded(GAP, "169.254.169.254", "link-local"),
    effect_messages.not_a_method(METHODS),
    effect_messages.waiting_for_connection(GAP),
    effect_messages.waiting_for_answer(GAP),
    effect_messages.job_unseen(BACKUP, "5m", GAP),
    effect_messages.job_not_to_be_seen(BACKUP, GAP),
    effect_messages.waiting_for_job(BACKUP, effect_messages.job_progress(0, 1, 0)),
]
OF_READINESS = [
    *_constants(readiness_messages),
    readiness_messages.too_many(3),
    readiness_messages.completions(3, 3),
    readiness_messages.condition("Ready", "False", GAP),
    readiness_messages.phase("Pending"),
    readiness_messages.chart("Failed", GAP),
    readiness_messages.object_failed(GAP),
    readiness_messages.stalled(GAP),
    readiness_messages.replaced_since(GAP),
    readiness_messages.bad_binding(GAP),
    readiness_messages.not_part_yet(GAP),
    readiness_messages.description(GAP, "Failure", GAP),
    readiness_messages.description_failed(GAP, GAP),
    readiness_messages.unanswered(GAP),
    readiness_messages.with_cause("0 of 1 replica updated", GAP),
    readiness_messages.pod(GAP, readiness_messages.container(GAP, f"ImagePullBackOff: {GAP}")),
    readiness_messages.restarted(effect_messages.container_failed(GAP, "Error", 1, GAP), 3),
    readiness_messages.last_warning(f"FailedCreate: {GAP}"),
    readiness_messages.canceled(GAP),
    readiness_messages.no_status_within(15),
    readiness_messages.not_understood("Pending"),
    readiness_messages.and_not_known("Created Cert shop", readiness_messages.WITHOUT_STATUS),
]
OF_TREES = [
    *_constants(tree_messages),
    tree_messages.nothing_to_revert(2, 1),
    tree_messages.canceled_before_planning(REVERT),
    tree_messages.too_large(REVERT),
    tree_messages.already_open(GAP),
    tree_messages.ended_otherwise(GAP),
    rejection_messages.unknown_execution(GAP, GAP),
    rejection_messages.other_namespace(GAP, GAP, GAP),
    rejection_messages.is_preview(GAP),
    rejection_messages.not_ended(GAP, Phase.RUNNING),
    rejection_messages.never_started(GAP, Phase.CANCELED),
    rejection_messages.nothing_recorded(GAP),
    rejection_messages.part_not_recorded(GAP, GAP),
    rejection_messages.later_rests_on("shop-move", [LaterExecution(name="shop-again", rests_on="ConfigMap default/app")]),
    rejection_messages.later_rests_on("shop-move", [LaterExecution(name="shop-again", rests_on="ConfigMap default/app")] * 2),
    rejection_messages.nothing_later("shop-move"),
    rejection_messages.not_with_revert_to(["only"]),
    rejection_messages.later_in_effect(["shop-again"]),
    rejection_messages.later_in_effect(["shop-again", "shop-once-more"]),
    rejection_messages.ledger_altered(GAP, GAP),
    rejection_messages.ledger_gone(GAP, GAP),
    rejection_messages.ledger_lacks(GAP, GAP, GAP),
    tree_messages.not_recorded(GAP),
    rejection_messages.unusable([GAP]),
    rollback_messages.perhaps_deleted_by(GAP, ["shop-back"]),
    rejection_messages.not_started([GAP]),
    rejection_messages.still_stands("shop-move", "settings", CONFIG, 2, rejection_messages.first_revert("shop-move")),
    rejection_messages.still_stands("shop-move", "settings", CONFIG, 0, rejection_messages.first_revert("shop-move", include_partial=True)),
    rejection_messages.still_stands("shop-move", "settings", CONFIG, 0, rejection_messages.DELETE_IT),
    rejection_messages.unusable([field_messages.at_field("spec.only", "DRPlanExecution default/shop-back", field_messages.EMPTY_SELECTION)]),
    field_messages.selects_nothing("aps", ["apps", "config"]),
    field_messages.no_such_object("ConfigMap default/ap", ["ConfigMap default/app"]),
    tree_messages.already_absent_replaced(APP, GAP).message,
    tree_messages.created_by_another_action(APP, GAP).message,
    tree_messages.removed_by_ttl(BACKUP, 60).message,
    tree_messages.removed_with_namespace(APP, "nginx-revert-001").message,
    tree_messages.not_attempted_broken("workflow deploy").message,
    tree_messages.canceled_unknown(GAP).message,
    tree_messages.unknown_outcome(GAP).message,
    tree_messages.replaced_by_action(APP, "X", custom=True).message,
    tree_messages.plan_reverted(1, 2, 0),
    tree_messages.plan_reverted(1, 1, 1, hooks=1),
    tree_messages.left_standing(1, 1),
    running_messages.progress(EXECUTE, 0, 1),
    tree_messages.plan_canceled(REVERT, (1, 3), (4, 12)),
]
OF_FIELDS = [
    *_constants(field_messages),
    *_constants(parameter_messages),
    field_messages.at_field("spec.stages[1].name", "DRPlan default/shop", GAP),
    parameter_messages.uses(GAP, GAP),
    parameter_messages.missing_parameter(GAP),
    field_messages.not_a_host(GAP),
]
OF_MANIFESTS = [
    *_constants(file_messages),
    file_messages.summary(3, 1),
    file_messages.not_yaml((2, 5), GAP),
    file_messages.beside_json_patch(["spec"]),
    file_messages.json_operation(0, GAP),
    file_messages.missing_in_operation("value"),
    file_messages.unknown_in_operation("valeu"),
    file_messages.several_documents(3),
    file_messages.list_of_objects(3),
    file_messages.helm_template(5),
    file_messages.no_text(GAP),
    file_messages.not_text(GAP),
    file_messages.not_in_a_path(GAP),
    file_messages.not_a_mapping(GAP),
    file_messages.duplicate_key(GAP, 2),
    file_messages.too_deep(3),
    file_messages.too_many_values(3),
    file_messages.not_a_number(".inf"),
    file_messages.number_too_long(3),
    file_messages.too_much_text(3),
    file_messages.wrong_tag("!!int"),
    file_messages.undefined_alias(3),
    file_messages.not_a_merge(3),
    file_messages.strange_key(dict, 3),
    file_messages.no_object(GAP, ActionType.HTTP),
]
OF_A_REHEARSAL = [
    ("`Executable`, `Revertible`", run_messages.NO_OBSTACLES),
    ("`Executable`", run_messages.obstructed(Preview(obstacle_count=2, obstacles=[Obstacle(action="make-app", message=GAP), Obstacle(action="move", message=GAP)]))),
    ("`Revertible`", rehearsal_messages.of_revert("shop-move", run_messages.NO_OBSTACLES)),
    ("`Executable`, `Revertible`", rehearsal_messages.NOT_REHEARSED),
    ("`Executable`, `Revertible`", rehearsal_messages.INVALID_INTERVAL),
    ("`Executable`", rehearsal_messages.in_effect("shop-move")),
    ("`Revertible`", rehearsal_messages.NOTHING_TO_REVERT),
    ("`Executable`, `Revertible`", rehearsal_messages.overdue(MOMENT)),
    ("`Executable`, `Revertible`", rehearsal_messages.no_answer(timedelta(minutes=20))),
    ("`Executable`, `Revertible`", rehearsal_messages.ended_early("Terminated")),
    ("Event", rehearsal_messages.event_readiness(Condition(type="Executable", status=ConditionStatus.TRUE, reason="NoObstacles", message=run_messages.NO_OBSTACLES, last_transition_time=MOMENT))),
]

OF_A_PREVIEW = [
    ("action", preview_messages.would(Operation.DELETE, LOCALIZATION)),
    ("action", preview_messages.would_apply(APP, created=True)),
    ("action", preview_messages.would_apply(APP, created=False)),
    ("action", preview_messages.would_replace(APP, existed=True)),
    ("action", preview_messages.would_replace(APP, existed=False)),
    ("action", preview_messages.would_delete([LOCALIZATION])),
    ("action", preview_messages.would_restore(CONFIG)),
    ("action", preview_messages.in_clusters(preview_messages.would(Operation.CREATE, SHOP), 3)),
    ("action", preview_messages.nothing_to_delete(APP)),
    ("action", preview_messages.and_removed(preview_messages.would(Operation.CREATE, BACKUP))),
    ("action", preview_messages.would_request("POST", MOVE)),
    ("action", f"{preview_messages.CUSTOM_ROLLBACK}{GAP}"),
    ("action", f"{preview_messages.HOOK}{GAP}"),
    ("action", preview_messages.not_known_before(preview_messages.would(Operation.PATCH, APP), "create-app")),
    ("action", preview_messages.not_known(GAP, preview_messages.NO_DRY_RUN)),
    ("action", preview_messages.would_fail_to(Operation.CREATE, "ConfigMap", GAP)),
    ("action", preview_messages.would_fail_to(Operation.CREATE, "ConfigMap", preview_messages.lacks_rights("system:serviceaccount:default:default", [preview_messages.right("create", "configmaps", "", "default")]))),
    ("action", preview_messages.would_fail_to(Operation.DELETE, "ConfigMap", preview_messages.held(APP, ["example.com/hold"], deleting=False))),
    ("action", preview_messages.would_fail_to(Operation.DELETE, "ConfigMap", preview_messages.held(APP, ["example.com/hold"], deleting=True))),
    ("action", preview_messages.request_would_fail("POST", MOVE, GAP)),
    ("action", preview_messages.would_fail(GAP)),
    ("action", preview_messages.all_of([GAP])),
    ("workflow", preview_messages.part_would_be(EXECUTE, "Workflow")),
    ("stage", preview_messages.part_would_be(REVERT, "Stage")),
    ("workflow", preview_messages.part_would_fail("action", GAP)),
    ("plan", preview_messages.plan_would_be(EXECUTE, 1, 2, 1, 1)),
    ("plan", preview_messages.plan_would_be(REVERT, 1, 2, 0, 0)),
    ("plan", preview_messages.plan_would_fail(3, f"{preview_messages.place(GAP, GAP, GAP)}: {GAP}")),
    ("plan", preview_messages.plan_would_be_refused(GAP)),
    ("an obstacle of the plan", preview_messages.of_execution(GAP, GAP)),
    ("plan, while it is made", preview_messages.progress(32, 200)),
    ("an execution that is refused", preview_messages.not_as_previewed("3f2a9c0d1b44", [GAP])),
    ("a difference", preview_messages.preview_gone("shop")),
    ("a difference", preview_messages.definitions_differ()),
    ("a difference", preview_messages.account_differs("movers", None)),
    ("a difference", preview_messages.action_differs(preview_messages.place("deploy", "default/shop", "create-app"), GAP, GAP)),
    ("a difference", preview_messages.action_added(GAP)),
    ("a difference", preview_messages.action_gone(GAP)),
]
OF_RUNS = [
    *_constants(run_messages),
    run_messages.event_without_lock(GAP, GAP),
    run_messages.too_expensive(5, 64 << 20),
    run_messages.too_deep(150),
    run_messages.valid([GAP]),
    running_messages.before_that(GAP),
    running_messages.ended(1, 3, "stage"),
    run_messages.event_engine_back(timedelta(seconds=90)),
    run_messages.event_of_execution(GAP, GAP),
    run_messages.broke_down(GAP),
    run_messages.cancel_effective(Phase.SUCCEEDED),
    run_messages.obstructed(Preview(obstacle_count=2, obstacles=[Obstacle(action="create-shop", message=GAP)])),
    run_messages.executed(GAP),
    run_messages.taken_back(GAP),
    run_messages.partly_executed(GAP, Phase.FAILED, 3, 5),
    run_messages.partly_in_effect(GAP, GAP),
    run_messages.partly_reverted(GAP, GAP, Phase.CANCELED, 3, 5),
    run_messages.stands(GAP, 5),
    run_messages.clean_after(GAP, GAP),
    run_messages.rollback_incomplete([GAP]),
    run_messages.event_accepted(GAP),
    run_messages.event_attempt_lost(GAP, GAP),
    run_messages.event_restored(["the annotation accepted"]),
    run_messages.event_started(GAP),
    temporal_ui.run_summary(EXECUTION),
    temporal_ui.object_details(EXECUTION),
    temporal_ui.original_details(GAP, None),
    temporal_ui.reverts_details(GAP),
    temporal_ui.rehearsal_summary(KEY),
    temporal_ui.rehearse_caption(KEY),
    temporal_ui.execute_caption(GAP, GAP + GAP),
    temporal_ui.look_caption(GAP),
    temporal_ui.load_caption(REVERT, KEY),
    temporal_ui.rollback_caption(STEP, GAP),
    temporal_ui.stage_summary(STAGE),
    temporal_ui.stage_details(STAGE),
    temporal_ui.workflow_summary(STAGE.workflows[0]),
    temporal_ui.workflow_details(STAGE.workflows[0]),
    temporal_ui.awaiting_details(GAP),
    temporal_ui.progress_details(2, 5),
    temporal_ui.failure_details([GAP, GAP, GAP], ("its run", GAP), GAP),
    temporal_ui.stage_row(STAGE, None),
    temporal_ui.more_stages([Phase.PENDING, Phase.PENDING, Phase.SUCCEEDED]),
    temporal_ui.turn_details("Action", 1, 5, GAP),
    temporal_ui.parallel_details("action", 1, 5, [GAP]),
    temporal_ui.end_details(Phase.SUCCEEDED, GAP),
    run_messages.record_too_large(2048, 1024),
    access_messages.access_unknown(GAP, GAP),
    access_messages.another_execution(KEY),
    access_messages.another_ledger(KEY, KEY),
    temporal_ui.store_record_caption(1),
    temporal_ui.decide_again_caption(GAP),
    temporal_ui.store_parameters_caption(GAP, PersonRequest(id=GAP, type=RequestType.RETRY, by=GAP)),
    access_messages.ended_before_start(KEY, Phase.CANCELED),
    run_messages.plan_gone(GAP),
    run_messages.too_large(3072, 2048),
    access_messages.waiting_for_record(KEY),
    access_messages.not_started_by_bridge(KEY),
    access_messages.run_not_described(GAP),
    access_messages.not_a_root(GAP, GAP),
    access_messages.another_request(KEY),
    access_messages.another_run(KEY, GAP, GAP),
    access_messages.another_snapshot(KEY, GAP),
    access_messages.without_origin(KEY),
    access_messages.another_step(KEY),
    access_messages.another_actor(KEY, GAP),
    access_messages.parameters_of_another(GAP),
    access_messages.workflow_access_unknown(GAP, GAP, GAP),
]

# The proof at the end of a Revert.

SEEN = Proof(checked_at=MOMENT, verified=4, differing=1, unknown=2)
OF_A_PROOF = [
    ("action", proof_messages.still_exists(CONFIG)),
    ("action", proof_messages.being_deleted(CONFIG)),
    ("action", proof_messages.missing(CONFIG)),
    ("action", proof_messages.other_object(CONFIG, GAP)),
    ("action", proof_messages.changed(CONFIG, ["data.color", GAP])),
    ("action", proof_messages.changed_by_others(CONFIG, ["spec.replicas", GAP])),
    *[("action", proof_messages.not_recorded(CONFIG, lack)) for lack in (None, Lack.SECRET, Lack.TOO_LARGE, Lack.BEING_DELETED, Lack.DOUBTFUL)],
    ("action", proof_messages.OBJECT_NOT_RECORDED),
    ("action", proof_messages.unreadable(CONFIG, GAP)),
    ("action", proof_messages.other_version(CONFIG, GAP, GAP)),
    ("`Verified`", proof_messages.verified(SEEN)),
    ("`Verified`", proof_messages.NOTHING_TO_COMPARE),
    ("`Verified`", proof_messages.checked_again(proof_messages.verified(SEEN), MOMENT)),
    ("`Verified`", proof_messages.differs(SEEN, [GAP])),
    ("`Verified`", proof_messages.not_known(SEEN, [GAP])),
    ("`Verified`", proof_messages.not_checked(GAP)),
    ("`Verified`", proof_messages.not_checked(proof_messages.CANCELED)),
    ("`Verified`", proof_messages.not_checked(proof_messages.CHECK_LOST)),
    ("`Verified`", proof_messages.not_checked(proof_messages.execution_gone(GAP))),
    *[("`Verified`", proof_messages.not_checked(proof_messages.ledger_unusable(GAP, fault))) for fault in LedgerFault],
    ("Temporal", proof_messages.CHECKING),
    ("Temporal", proof_messages.CHECK_CAPTION),
    ("Temporal", proof_messages.soak_caption("10m")),
]

# Pause and repair.

ASKED = PersonRequest(id=GAP, type=RequestType.SKIP, by=GAP, reason=GAP)
OF_REQUESTS = [
    request_messages.awaiting(GAP).message,
    request_messages.retried(ASKED),
    request_messages.retried(ASKED.model_copy(update={"parameters": [GAP]})),
    request_messages.skipped(ASKED, GAP).message,
    request_messages.done_by_hand(ASKED, GAP).message,
    request_messages.paused(Pause(by=GAP, reason=GAP, since=MOMENT)),
    request_messages.waiting_for_decision([GAP]),
    request_messages.needs_reason(RequestType.SKIP),
    request_messages.unsupported(GAP),
    request_messages.too_long(GAP),
    request_messages.without_id(),
    request_messages.without_by(),
    request_messages.not_for(RequestType.PAUSE, GAP),
    request_messages.invalid_timeout(GAP),
    request_messages.unknown_target(GAP, [GAP]),
    request_messages.ambiguous_target([GAP]),
    request_messages.WAITS_FOR_NOTHING,
    request_messages.awaiting_approval(Approval(required=2, group=GAP), [StageApproval(by=GAP, at=MOMENT)]).replace("1 of 2", f"{GAP} of {GAP}"),
    request_messages.needs_group(GAP),
    request_messages.own_request(GAP),
    request_messages.approved_already(GAP),
    request_messages.unknown_stage(GAP, GAP),
    request_messages.NO_STAGE_WAITS,
    request_messages.NOT_ENFORCED,
    request_messages.WITHOUT_REQUESTER,
    request_messages.still_refused(GAP),
    request_messages.TREE_CHANGED,
    request_messages.RETRY_IN_VAIN,
    request_messages.NO_LONGER_WRITTEN,
    request_messages.NOT_PARAMETERS,
    request_messages.parameters_too_long(),
    request_messages.number_of_parameters(0),
    request_messages.about_parameter(GAP, request_messages.unused_parameter([GAP])),
    request_messages.about_parameter(GAP, request_messages.VISIBLE_PARAMETER),
    request_messages.about_parameter(GAP, request_messages.FRAGMENT_PARAMETER),
    request_messages.NO_DEFINITION,
    request_messages.DONE_IN_CLUSTERS,
    request_messages.another_object(APP, CONFIG),
    request_messages.created_before(CONFIG),
    request_messages.PAUSED_ALREADY,
    request_messages.NOT_PAUSED,
    request_messages.TOO_LATE,
    run_messages.event_request(RequestStatus(id=GAP, type=GAP, target=GAP, by=GAP, reason=GAP, state=RequestState.REFUSED, message=GAP, requested_at=MOMENT)),
]

# fmt: on

Row = Sequence[str] | str

TABLES: dict[str, tuple[tuple[str, ...], Sequence[Row]]] = {
    "OF_FILES": (("message", "cause"), OF_FILES),
    "OF_A_PLAN": (("message", "cause"), OF_A_PLAN),
    "OF_A_WORKFLOW": (("message", "cause"), OF_A_WORKFLOW),
    "OF_A_REVERT": (("where", "phase", "message"), OF_A_REVERT),
    "OF_AN_EXECUTE": (("where", "phase", "message"), OF_AN_EXECUTE),
    "AROUND_A_RUN": (("phase", "message"), AROUND_A_RUN),
    "OF_ACTIONS": (("message",), OF_ACTIONS),
    "OF_EFFECTS": (("message",), OF_EFFECTS),
    "OF_READINESS": (("message",), OF_READINESS),
    "OF_TREES": (("message",), OF_TREES),
    "OF_FIELDS": (("message",), OF_FIELDS),
    "OF_MANIFESTS": (("message",), OF_MANIFESTS),
    "OF_RUNS": (("message",), OF_RUNS),
    "OF_REQUESTS": (("message",), OF_REQUESTS),
    "OF_A_REHEARSAL": (("where", "message"), OF_A_REHEARSAL),
    "OF_A_PREVIEW": (("where", "message"), OF_A_PREVIEW),
    "OF_A_PROOF": (("where", "message"), OF_A_PROOF),
}
"""The columns and rows of each table, under the name that its page has in `<!-- messages: NAME -->`."""
_SLOT = re.compile(r"(<!-- messages: (\w+) -->\n).*?(<!-- end of messages -->)", re.DOTALL)


def filled(page: str) -> str:
    """Return a page with all its tables of messages written again."""
    return _SLOT.sub(lambda slot: slot[1] + _table(*TABLES[slot[2]]) + slot[3], page)


def names_in(page: str) -> list[str]:
    """Return the names of a page's tables, in the page's order."""
    return [slot[2] for slot in _SLOT.finditer(page)]


def messages_of(page: str) -> list[str]:
    """Return the sentences of a page's tables, in the page's order."""
    rows = [(TABLES[name][0].index("message"), row) for name in names_in(page) for row in TABLES[name][1]]
    return [row if isinstance(row, str) else row[place] for place, row in rows]


def _table(columns: tuple[str, ...], rows: Sequence[Row]) -> str:
    lines = [columns, ["---"] * len(columns)]
    for row in rows:
        cells = [row] if isinstance(row, str) else list(row)
        place = columns.index("message")
        mark, space = ("``", " ") if "`" in cells[place] else ("`", "")
        cells[place] = f"{mark}{space}{cells[place]}{space}{mark}".replace("|", r"\|")
        lines.append(cells)
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


if __name__ == "__main__":
    for path in Path(sys.argv[1]).glob("*.md"):
        path.write_text(filled(path.read_text(encoding="utf-8")), encoding="utf-8")
