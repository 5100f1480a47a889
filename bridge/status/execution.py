"""The next status of a DRPlanExecution, computed from its last one and from what Temporal answers.

There is no clock, server or client here. The tree of a running execution only moves forward; the end is what the run
left, never what was last observed.
Source: docs/architecture.md, "Rules that always hold"; docs/spec/drplanexecution.md, "Status".
"""

from collections.abc import Sequence
from typing import Any

from pydantic import Field

from api.execution import Engine, ExecutionStatus
from api.meta import Model, Timestamp
from api.nodes import ActionStatus
from api.phases import OperationType, Phase
from api.reasons import Reason
from api.runs import ProofReport
from api.tree import ExecutionTree, Rejection, RunState
from bridge.status import conditions, merge, requests
from bridge.status.conditions import ConditionType, ConditionUpdate
from bridge.status.merge import Observation, PendingActivity, RootRun, RunStatus
from bridge.status.next_steps import next_steps
from planning.messages import requests as request_messages
from planning.messages import running as running_messages
from planning.messages import runs as run_messages
from planning.messages import tree as tree_messages
from planning.messages.situations import Situation
from planning.revert import proof
from planning.status import transitions
from planning.status.running import current_part, running_actions
from planning.status.size_limit import shorten
from planning.status.timing import timing_of

_OF_REJECTION = {
    Rejection.NAMESPACE_NOT_OPEN: Situation.NAMESPACE_NOT_OPEN,
    Rejection.OBJECT_OF_ANOTHER_EXECUTION: Situation.OBJECT_OF_ANOTHER_EXECUTION,
}


class StatusContext(Model):
    """What a status depends on besides the last one and Temporal's answers."""

    operation: OperationType
    generation: int
    now: Timestamp
    cancel_requested: bool = False
    """By a person, with the annotation or by deleting the object."""
    namespace: str = "default"
    name: str = ""
    plan: str = ""
    original: str = ""
    """Of a Revert: the execution that it takes back."""
    options: list[str] = Field(default_factory=list)
    """Of a Revert: what else the command that creates one like it needs."""
    cancel_annotation: str = ""
    """A value of the annotation that cancels nothing, such as `yes`."""
    preview: bool = False
    """Whether it only asks what would happen."""


def _with_conditions(
    status: ExecutionStatus,
    updates: list[ConditionUpdate],
    context: StatusContext,
    known: Sequence[Situation] = (),
) -> ExecutionStatus:
    """Return a status with its conditions, the next steps that follow from them, and its timing."""
    update = {
        "observed_generation": context.generation,
        "timing": timing_of(status),
        "conditions": conditions.updated(status.conditions, updates, context.now, context.generation),
    }
    status = status.model_copy(update=update)
    facts = {
        "namespace": context.namespace,
        "name": context.name,
        "plan": context.plan,
        "original": context.original,
        "account": f"system:serviceaccount:{context.namespace}:{status.service_account_name or 'default'}",
    }
    if context.preview and status.phase is not None and status.phase.terminal:
        # Its obstacles say what to do; what an execution left is not the question.
        return status.model_copy(update={"next_steps": None})
    steps = next_steps(status, context.operation, facts, known, options=context.options)
    return status.model_copy(update={"next_steps": steps})


def _fields(state: RunState) -> dict[str, Any]:
    """Return the fields that a status and a tree share."""
    return {name: getattr(state, name) for name in ExecutionTree.model_fields}


# Before the start.


def accepted(before: ExecutionStatus, context: StatusContext) -> ExecutionStatus:
    """Return the first status of one of many executions that were created together."""
    return _pending(before, conditions.WAITING_FOR_START, run_messages.WAITING_FOR_START, [], context)


def waiting(before: ExecutionStatus, reason: str, message: str, context: StatusContext) -> ExecutionStatus:
    """Return the status of an execution that waits for the plan or for a reference."""
    if reason == conditions.WAITING_FOR_PLAN and before.queued_at is None:
        before = before.model_copy(update={"queued_at": context.now})
    missing = message if reason == conditions.WAITING_FOR_REFERENCE else None
    return _pending(before, reason, message, [conditions.of_references(missing)], context)


def _pending(
    before: ExecutionStatus, reason: str, message: str, updates: list[ConditionUpdate], context: StatusContext
) -> ExecutionStatus:
    if context.cancel_annotation:
        message = running_messages.joined([running_messages.cancels_nothing(context.cancel_annotation), message])
    status = before.model_copy(update={"phase": Phase.PENDING, "message": message})
    return _with_conditions(status, [*conditions.of_phase(Phase.PENDING, message, reason), *updates], context)


def never_started(
    before: ExecutionStatus,
    phase: Phase,
    message: str,
    context: StatusContext,
    *,
    found: bool = False,
) -> ExecutionStatus:
    """Return the status of an execution that ends without a run; `found` says that all its references exist."""
    status = before.model_copy(update={"phase": phase, "message": message, "completion_time": context.now})
    canceled = phase is Phase.CANCELED
    updates = conditions.of_phase(phase, message)
    updates += conditions.of_cancel(requested=canceled, accepted=canceled, phase=phase)
    if found:
        updates += conditions.references_found(before.conditions)
    if context.preview and not canceled:
        updates.append(conditions.of_refused_preview(context.operation, message))
    return _with_conditions(status, updates, context)


def begun_elsewhere(before: ExecutionStatus, context: StatusContext) -> ExecutionStatus:
    """Return the final status of a copy, or of an execution that another controller began and did not end.

    Its tree is closed: what was running has an unknown outcome.
    """
    state = RunState.model_validate(before, from_attributes=True)
    state = merge.broken(state, context.operation, run_messages.BEGUN_ELSEWHERE, context.now)
    # The older controller recorded what a Revert deleted at its end only.
    began = before.engine is None and before.phase is not Phase.PENDING
    unrecorded = context.operation is OperationType.REVERT and began and not before.stages
    message = run_messages.COPY_OF_UNRECORDED_REVERT if unrecorded else run_messages.COPY
    updates = conditions.of_phase(Phase.FAILED, message) + conditions.of_remains(context.operation, None)
    others = [each for each in before.conditions or [] if each.type != ConditionType.READY]
    status = before.model_copy(update=_fields(state) | {"message": message, "conditions": others})
    ended_as = Situation.UNRECORDED_REVERT if unrecorded else Situation.COPY
    return _with_conditions(status, updates, context, [ended_as])


def counted(before: ExecutionStatus) -> ExecutionStatus:
    """Return the status with the counts of its columns, which the older controller did not write."""
    state = transitions.with_counts(RunState.model_validate(before, from_attributes=True))
    return before.model_copy(update={"progress": state.progress})


# While it runs.


def running(before: ExecutionStatus, run: RootRun, observation: Observation, context: StatusContext) -> ExecutionStatus:
    """Return the status of a running execution; where no worker answers, the tree stays as it was last observed."""
    engine = _engine(before, run, observation, context)
    state = _current_tree(before, run, observation)
    state = state.model_copy(update={"message": _message(state, engine, run, observation, context)})
    if state.stages:
        state = shorten(transitions.with_counts(state))
    update = _fields(state) | {"phase": Phase.RUNNING, "engine": run.engine}
    # A worker answers from its last task, also where Temporal did not get it: only a closed run has an end.
    update |= {"start_time": before.start_time or run.start_time, "completion_time": None, "duration": None}
    updates = [*conditions.of_phase(Phase.RUNNING, state.message or ""), engine]
    waiting = requests.waiting_actions(state, run.workflow_id)
    updates += conditions.of_pause(before.conditions, state.paused, requests.waiting_for_people(state, waiting))
    takes_no_requests = run.cancel_requested or context.preview
    update["allowed_actions"] = None if takes_no_requests else requests.allowed_actions(state, waiting)
    updates += conditions.of_cancel(
        requested=context.cancel_requested, accepted=run.cancel_requested, phase=Phase.RUNNING
    )
    updates += conditions.references_found(before.conditions)
    updates += conditions.of_definitions(context.operation, observation.state)
    status = requests.followed(before.model_copy(update=update), context.now)
    return _with_conditions(status, updates, context, [Situation.SHORTENED] if state.shortened else [])


def _engine(before: ExecutionStatus, run: RootRun, observation: Observation, context: StatusContext) -> ConditionUpdate:
    """Return whether the run can go on, and since when it cannot."""
    since = conditions.unreachable_since(before.conditions) or context.now
    if run.failing:
        return conditions.of_engine(conditions.WORKER_FAILING, running_messages.worker_failing(since, context.now))
    if not observation.answered:
        return conditions.of_engine(conditions.WORKER_UNAVAILABLE, running_messages.no_worker(since, context.now))
    return conditions.of_engine()


def _current_tree(before: ExecutionStatus, run: RootRun, observation: Observation) -> RunState:
    """Return the tree that is written, moved forward by what was observed.

    A run that was reset in Temporal has another id, and its tree may go back.
    """
    state = RunState.model_validate(before, from_attributes=True)
    if observation.state is not None:
        observed = merge.compose(observation.state, observation.stages, observation.workflows)
        same_run = before.engine is not None and before.engine.run_id == run.run_id
        state = merge.forward(state, observed) if same_run else observed
    return merge.with_activities(state, observation.workflows)


def _message(
    state: RunState, engine: ConditionUpdate, run: RootRun, observation: Observation, context: StatusContext
) -> str:
    """Return what is the case, bad news first: it is never empty."""
    parts = [] if engine.status else [engine.message]
    if context.cancel_requested or run.cancel_requested:
        parts.append(running_messages.CANCEL_REQUESTED)
    elif context.cancel_annotation:
        parts.append(running_messages.cancels_nothing(context.cancel_annotation))
    if state.paused is not None:
        parts.append(request_messages.paused(state.paused))
    if state.stages:
        now = current_part(state.stages)
        parts.append(now if engine.status else running_messages.before_that(now))
    elif engine.status:
        deciding = observation.deciding or PendingActivity(index=0, attempt=1)
        error = deciding.error if deciding.waiting else ""
        parts.append(running_messages.deciding(deciding.waiting_for, error))
    seen = observation.state
    if seen is not None and seen.phase is Phase.RUNNING and seen.message:
        parts.append(seen.message)  # what the run has left out of a large tree
    return running_messages.joined(parts)


def reopened(before: ExecutionStatus) -> ExecutionStatus:
    """Return what may be believed of a status whose end is not so: nothing but the run and the conditions."""
    return ExecutionStatus(phase=Phase.RUNNING, engine=before.engine, conditions=before.conditions)


def unreachable(before: ExecutionStatus, error: str, context: StatusContext) -> ExecutionStatus:
    """Return the status while Temporal does not answer: the last one, with a condition that says since when.

    A status that another bridge has ended meanwhile stays as it is.
    """
    if before.phase is not None and before.phase.terminal:
        return before
    since = conditions.unreachable_since(before.conditions) or context.now
    message = running_messages.no_engine(since, context.now, error)
    accepted = conditions.cancel_accepted(before.conditions)
    updates = [conditions.of_engine(conditions.ENGINE_UNAVAILABLE, message)]
    updates += conditions.of_cancel(
        requested=context.cancel_requested, accepted=accepted, phase=before.phase or Phase.PENDING
    )
    if before.engine is None:
        return _pending(before, conditions.ENGINE_UNAVAILABLE, message, updates, context)
    if before.stages:
        message = running_messages.joined([message, running_messages.before_that(current_part(before.stages))])
    updates += conditions.of_phase(Phase.RUNNING, message)
    return _with_conditions(before.model_copy(update={"phase": Phase.RUNNING, "message": message}), updates, context)


def not_searchable(before: ExecutionStatus, engine: Engine, context: StatusContext) -> ExecutionStatus:
    """Return the status of an execution that Temporal started without its search attributes."""
    update = ConditionUpdate(ConditionType.SEARCHABLE, False, "NotRegistered", run_messages.NOT_SEARCHABLE)
    return _with_conditions(before.model_copy(update={"engine": engine}), [update], context)


def lost_attempts(before: ExecutionStatus, after: ExecutionStatus) -> list[tuple[str, str]]:
    """Return path and message of the actions that wait since `before` because attempts were lost with their workers."""
    known = _waiting_after_loss(before)
    return [
        (path, action.message or "")
        for (path, retries), action in _waiting_after_loss(after).items()
        if (path, retries) not in known
    ]


def _waiting_after_loss(status: ExecutionStatus) -> dict[tuple[str, int], ActionStatus]:
    root = status.engine.workflow_id if status.engine else ""
    return {
        (each.path, each.node.retries or 0): each.node
        for each in running_actions(status, root)
        if each.node.reason is Reason.ATTEMPT_LOST
    }


# The end.


def closed(before: ExecutionStatus, run: RootRun, context: StatusContext) -> ExecutionStatus:
    """Return the final status: the tree that the run left, or the last one with its unknown outcomes."""
    final = run.state if run.state is not None and run.state.phase and run.state.phase.terminal else None
    state = merge.as_shown(before.stages, final) if final else _without_final_tree(before, run, context)
    update = _fields(state) | {"engine": run.engine}
    start = before.start_time or run.start_time or state.start_time
    update |= {"start_time": start, **transitions.end_times(start, state.completion_time or context.now)}
    if state.summary is not None and not context.preview:  # a worker of an earlier release counts what was skipped, too
        update["progress"] = transitions.progress_of(state.summary)
    canceled = run.cancel_requested or run.status is RunStatus.CANCELED
    known = [Situation.ENDED_OUTSIDE] if final is None and state.phase is Phase.FAILED else []
    if final is not None and final.rejection is not None:
        known.append(_OF_REJECTION[final.rejection])
    if final is not None and final.shortened:
        known.append(Situation.SHORTENED)
    return _ended(before.model_copy(update=update), final, canceled, context, known)


def run_unknown(before: ExecutionStatus, context: StatusContext) -> ExecutionStatus:
    """Return the final status of an execution whose run Temporal does not know (any more)."""
    message = run_messages.run_unknown(before.engine.workflow_id if before.engine else "")
    state = merge.broken(RunState.model_validate(before, from_attributes=True), context.operation, message, context.now)
    return _ended(before.model_copy(update=_fields(state)), None, False, context, [Situation.RUN_UNKNOWN])


def _without_final_tree(before: ExecutionStatus, run: RootRun, context: StatusContext) -> RunState:
    """Close the tree that was written last."""
    state, close = RunState.model_validate(before, from_attributes=True), run.close_time or context.now
    if run.status is RunStatus.CANCELED and not state.stages:
        start = (state.start_time or run.start_time or close).replace(microsecond=0)
        message = tree_messages.canceled_before_planning(context.operation)
        update = {"phase": Phase.CANCELED, "message": message, "start_time": start}
        return state.model_copy(update={**update, **transitions.end_times(start, close)})
    if run.status is RunStatus.TERMINATED:
        message = run_messages.ended_outside(tree_messages.TERMINATED, run.cause)
    elif run.status is RunStatus.TIMED_OUT:
        message = run_messages.ended_outside(tree_messages.TIMED_OUT, run.cause)
    else:
        message = run_messages.broke_down(run.cause)
    return merge.broken(state, context.operation, message, close)


def _ended(
    status: ExecutionStatus,
    final: RunState | None,
    canceled: bool,
    context: StatusContext,
    known: Sequence[Situation],
) -> ExecutionStatus:
    """Write the conditions of a final status; `final` is the tree that the run itself left."""
    phase = status.phase or Phase.FAILED
    updates = conditions.of_phase(phase, status.message or "")
    if context.preview:
        updates += conditions.of_preview(context.operation, final)
    else:
        updates += conditions.of_remains(context.operation, final)
        updates += conditions.as_previewed(final)
        updates += conditions.of_proof(final)
    updates += conditions.of_definitions(context.operation, final)
    updates += conditions.of_ledger(final)
    updates.append(conditions.of_engine())
    updates += conditions.references_found(status.conditions)
    updates += conditions.of_cancel(requested=context.cancel_requested, accepted=canceled, phase=phase)
    updates += conditions.of_pause(status.conditions, None, [])
    return _with_conditions(requests.ended(status), updates, context, known)


# After the end.


def proved_again(before: ExecutionStatus, report: ProofReport | str, context: StatusContext) -> ExecutionStatus:
    """Return the status of a Revert that was checked once more after its end; a text says why it could not be.

    Nothing but what the proof says changes.
    """
    if isinstance(report, str):
        status = proof.without_proof(before, report, context.now)
    else:
        status = shorten(proof.with_proof(before, report, context.now))
    return _with_conditions(status, conditions.of_proof(status), context)
