"""Which rows of the table of next steps hold for a status. Decided from phases, reasons and conditions alone.

Source: docs/operations.md, "At three in the morning".
"""

import shlex
from collections.abc import Iterator, Mapping, Sequence

from api.execution import DRPlanExecutionSpec, ExecutionStatus, NextStep, Selection
from api.meta import ConditionStatus
from api.nodes import ActionStatus
from api.phases import OperationType, Phase
from api.reasons import Reason
from bridge.status import conditions
from bridge.status.conditions import ConditionType
from planning.definitions import identifiers
from planning.messages import next_steps as advice
from planning.messages.situations import Situation
from planning.status.running import running_actions

INCLUDE_PARTIAL = "--include-partial"
"""Option of `drplan revert`."""
AT_MOST = 5
"""Steps in a status: what comes first matters most."""

_OF_RUNNING = {
    Reason.AWAITING_DECISION: Situation.AWAITING_DECISION,
    Reason.PAUSED: Situation.PAUSED,
    Reason.RETRYING: Situation.RETRYING,
    Reason.ATTEMPT_LOST: Situation.ATTEMPT_LOST,
}
_OF_FAILED = {
    Reason.FORBIDDEN: Situation.FORBIDDEN,
    Reason.DELETION_TIMED_OUT: Situation.STILL_THERE,
    Reason.WRONG_UID: Situation.OTHER_OBJECT,
    Reason.CHANGED_SINCE: Situation.CHANGED_SINCE,
    Reason.NOT_FOUND: Situation.NOT_FOUND,
    Reason.ALREADY_EXISTS: Situation.ALREADY_EXISTS,
    Reason.UNDEFINED: Situation.UNDEFINED,
    Reason.OUTCOME_UNKNOWN: Situation.OUTCOME_UNKNOWN,
    Reason.NOT_READY: Situation.NOT_READY,
    Reason.NO_STATE_FROM_CLUSTER: Situation.NO_STATE_FROM_CLUSTER,
    Reason.VERSION_NOT_SERVED: Situation.VERSION_NOT_SERVED,
    Reason.KIND_NOT_SERVED: Situation.KIND_NOT_SERVED,
    Reason.KIND_MISSPELT: Situation.KIND_MISSPELT,
    Reason.JOB_FAILED: Situation.JOB_FAILED,
    Reason.TRANSIENT: Situation.TRANSIENT,
    Reason.TIMED_OUT: Situation.TIMED_OUT,
    Reason.INVALID: Situation.DEFINITION_REFUSED,
    Reason.TOO_LARGE: Situation.DEFINITION_REFUSED,
    Reason.UNSUPPORTED: Situation.DEFINITION_REFUSED,
    Reason.HTTP_STATUS: Situation.HTTP_STATUS,
    Reason.HTTP_REFUSED: Situation.HTTP_REFUSED,
    Reason.INTERNAL_ERROR: Situation.FAULT,
    Reason.UNTRUSTED_RUN: Situation.FAULT,
    Reason.UNTRUSTED_STEP: Situation.FAULT,
}
_OF_ENGINE = {
    conditions.ENGINE_UNAVAILABLE: Situation.ENGINE_AWAY,
    conditions.WORKER_UNAVAILABLE: Situation.WORKER_AWAY,
    conditions.WORKER_FAILING: Situation.WORKER_FAILING,
}

Found = tuple[Situation, dict[str, str]]
"""A situation, with facts that only its own command needs."""


def next_steps(
    status: ExecutionStatus,
    operation: OperationType,
    facts: Mapping[str, str],
    known: Sequence[Situation] = (),
    *,
    options: Sequence[str] = (),
) -> list[NextStep] | None:
    """Return what to do; None where there is nothing. `facts` are what the commands need, unquoted.

    `known` is what only the run tells, not the status. `options` are those of the command that
    creates a Revert like this one.
    """
    running = status.phase is not None and not status.phase.terminal
    found = (
        _while_running(status, facts, known)
        if running
        else _at_the_end(status, operation, known, INCLUDE_PARTIAL in options)
    )
    steps: dict[Situation, NextStep] = {}
    for situation, own in found:
        quoted = {name: shlex.quote(value) for name, value in {**facts, **own}.items()}
        quoted["again"] = " ".join([_again(operation, quoted), *map(shlex.quote, options)])
        row = advice.ADVICE[situation]
        steps.setdefault(situation, NextStep(what=row.what, why=row.why, command=advice.command(situation, quoted)))
    return list(steps.values())[:AT_MOST] or None


def command_options(spec: DRPlanExecutionSpec) -> list[str]:
    """Return the options of `drplan revert` that create a Revert with this spec."""
    options = ["--on-missing", spec.on_missing.value] if spec.on_missing else []
    options += [INCLUDE_PARTIAL] if spec.include_partial else []
    options += ["--force"] if spec.force else []
    options += ["--return-to"] if spec.revert_to else []
    options += ["--soak", spec.soak] if spec.soak else []
    only = spec.only or Selection()
    for option, names in (("--stage", only.stages), ("--workflow", only.workflows), ("--action", only.actions)):
        options += [word for name in names or () for word in (option, name)]
    return options


def _again(operation: OperationType, quoted: Mapping[str, str]) -> str:
    if operation is OperationType.REVERT:
        return f"drplan revert {quoted['original']} --namespace {quoted['namespace']}"
    return f"drplan execute {quoted['plan']} --namespace {quoted['namespace']}"


def _while_running(status: ExecutionStatus, facts: Mapping[str, str], known: Sequence[Situation]) -> Iterator[Found]:
    problem = conditions.engine_problem(status.conditions)
    if problem in _OF_ENGINE:
        yield _OF_ENGINE[problem], {}
    progressing = conditions.find(status.conditions, ConditionType.PROGRESSING)
    waits_for = progressing.reason if progressing else ""
    if waits_for == conditions.WAITING_FOR_REFERENCE:
        yield Situation.REFERENCE_MISSING, {}
    if waits_for == conditions.WAITING_FOR_PLAN:
        yield Situation.PLAN_BUSY, {"label": identifiers.label_value(facts["plan"])}
    for each in running_actions(status, status.engine.workflow_id if status.engine else ""):
        if each.node.reason in _OF_RUNNING:
            own = {"workflow": each.workflow_id, "activity": identifiers.activity_id(each.index), "target": each.path}
            yield _OF_RUNNING[each.node.reason], own
    yield from _of_people(status)
    if conditions.cancel_accepted(status.conditions):
        yield Situation.CANCELING, {}
    if conditions.find(status.conditions, ConditionType.SEARCHABLE) is not None:
        yield Situation.NOT_SEARCHABLE, {}
    yield from ((each, {}) for each in known)


def _of_people(status: ExecutionStatus) -> Iterator[Found]:
    for stage in status.stages:
        if stage.phase is Phase.PENDING and stage.reason is Reason.AWAITING_APPROVAL:
            yield Situation.AWAITING_APPROVAL, {"target": stage.name}
    if status.paused is not None:
        yield Situation.PAUSED_ON_REQUEST, {}


def _at_the_end(
    status: ExecutionStatus, operation: OperationType, known: Sequence[Situation], include_partial: bool
) -> Iterator[Found]:
    is_revert, succeeded = operation is OperationType.REVERT, status.phase is Phase.SUCCEEDED
    yield from ((each, {}) for each in known)
    if status.phase is Phase.FAILED and not status.stages and not known:
        resting = next((one.name for one in status.later_executions or [] if one.rests_on is not None), None)
        yield (Situation.LATER_EXECUTION_RESTS, {"later": resting}) if resting else (Situation.REJECTED, {})
    actions = [action for stage in status.stages for action in stage.actions]
    of_actions = [(action.phase, each) for action in actions for each in _of_action(action, is_revert)]
    yield from ((each, {}) for _, each in of_actions)
    done = status.summary.succeeded_actions if status.summary else 0
    if not succeeded and status.stages and (is_revert or done):
        yield Situation.PARTLY_REVERTED if is_revert else Situation.PARTLY_EXECUTED, {}
    skipped_for = {action.reason for action in actions}
    if Reason.NOT_SELECTED in skipped_for:
        yield Situation.NOT_SELECTED, {}
    clean = conditions.find(status.conditions, ConditionType.CLEAN)
    if clean is not None and clean.reason == conditions.OBJECTS_LEFT_STANDING:
        partial = is_revert and not include_partial and Reason.ORIGINAL_NOT_SUCCEEDED in skipped_for
        yield Situation.PARTIAL_LEFT if partial else Situation.LEFT_STANDING, {}
    verified = conditions.find(status.conditions, ConditionType.VERIFIED)
    if verified is not None and succeeded and verified.status is ConditionStatus.FALSE:
        yield Situation.PROOF_DIFFERS, {}
    if verified is not None and verified.reason == conditions.NOT_CHECKED and status.phase is not Phase.CANCELED:
        yield Situation.NOT_CHECKED, {}
    causes = {*known, *(each for phase, each in of_actions if phase is Phase.FAILED)} - {Situation.SHORTENED}
    if Reason.STOPPED_AFTER_FAILURE in skipped_for and not causes:
        yield Situation.CONSEQUENCE, {}


def _of_action(action: ActionStatus, is_revert: bool) -> Iterator[Situation]:
    """Yield what an action that has ended is in: where its definition decides, that comes before the cause."""
    if action.phase is Phase.SUCCEEDED and action.reason is Reason.READINESS_UNKNOWN:
        yield Situation.READINESS_UNKNOWN
    if action.phase is not Phase.FAILED:
        return
    if is_revert and action.custom_rollback:
        yield Situation.CUSTOM_ROLLBACK_FAILED
    if any(cluster.phase is Phase.FAILED for cluster in action.cluster_statuses or []):
        yield Situation.ONE_CLUSTER_FAILED
    if action.reason in _OF_FAILED:
        missing = is_revert and action.reason is Reason.NOT_FOUND and not action.custom_rollback
        yield Situation.GONE_BEFORE if missing else _OF_FAILED[action.reason]
