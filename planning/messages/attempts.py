"""Sentences about single attempts: why one failed, what it waits for, what a last look found.

They appear in the status and in Temporal's UI. Source: docs/spec/drplanexecution.md, "Messages".
"""

import re
from collections.abc import Sequence

from api.meta import ObjectKey
from api.phases import ActionType, Operation, Phase
from api.steps import Target
from planning.messages.actions import called, counted, placed

# Reasons: what follows `Failed to create ConfigMap: `.


def naming(target: Target, reason: str) -> str:
    """Return a reason that holds the object's name, whatever words the API server chose."""
    named = re.search(rf"(?<![\w.-]){re.escape(target.name)}(?![\w.-])", reason)
    return reason if named else f"{target.name}: {reason}"


def exists_of_another(target: Target, mark: str | None) -> str:
    """The name is taken; `mark` is the created-by annotation of the object that has it."""
    whose = f"it was created by {mark}" if mark else "it was not created by a plan"
    return f"{placed(target)} already exists, and {whose}"


def being_deleted(target: Target) -> str:
    """An object of that name is on its way out."""
    return f"{placed(target)} is being deleted"


def changed_meanwhile(target: Target) -> str:
    """Somebody else works on the object at the same time."""
    return f"{placed(target)} was created, changed or deleted by somebody else at the same time"


def perhaps_made(reason: str) -> str:
    """The request was not answered, and the look after it was not either."""
    return f"{reason} (whether it was created is not known)"


def perhaps_changed(operation: Operation, reason: str) -> str:
    """An Apply or Patch of an object that was there was not answered, and the look after it did not show it either."""
    done = {Operation.APPLY: "applied", Operation.PATCH: "patched"}.get(operation, "changed")
    return f"{reason} (whether it was {done} is not known)"


def former_deleted(target: Target, reason: str) -> str:
    """A Replace got no further than the deletion; `reason` says why."""
    return f"{reason}; the former {called(target)} was deleted"


def no_answer(target: Target, timeout: str) -> str:
    """The action's timeout (Go duration) was over before the API server had answered."""
    return f"{called(target)}: the API server did not answer within {timeout}"


def unseen(target: Target, timeout: str, reason: str) -> str:
    """The action's timeout was over, and at the end the object could not be read."""
    return f"whether {called(target)} is gone after {timeout} is not known: {reason}"


def unexpected(error: Exception) -> str:
    """A fault of ours, or an answer that nobody foresaw; its text is kept out, it may hold what is secret."""
    return f"unexpected {type(error).__name__}; the worker's log says more"


# Whole messages.


def failed_to_read(kind: str, name: str, reason: str) -> str:
    """A definition or record could not be read."""
    return f"Failed to read {kind} {name}: {reason}"


def failed_to_read_value(what: str, reason: str) -> str:
    """An object from which a parameter takes its value could not be read; `what` names it."""
    return f"Failed to read {what} for a parameter: {reason}"


def secrets_changed(action: str, dr_workflow: str) -> str:
    """A definition whose secret parts were left out is not what it was, so they cannot be taken from it."""
    return (
        f"The secret parts of action {action} were not kept, and its definition in DRWorkflow {dr_workflow} has "
        "changed since or is gone"
    )


def parameters_changed(action: str, names: Sequence[str], reasons: Sequence[str]) -> str:
    """Secret values of parameters were left out, and cannot be determined again."""
    why = f": {'; '.join(reasons)}" if reasons else ""
    return (
        f"Action {action} uses secret values that were not kept and cannot be determined again "
        f"(parameters: {', '.join(names)}){why}"
    )


def values_not_kept(action: str) -> str:
    """A definition has placeholders, and nothing was kept to fill them in with."""
    return f"Action {action} has placeholders, and no values were kept for them"


def place_unknown(stage: str, dr_workflow: str) -> str:
    """A snapshot has no such DRWorkflow in its plan."""
    return f"The definitions that were kept have no DRWorkflow {dr_workflow} at this place of stage {stage}"


def without_rollback(action: str) -> str:
    """A custom rollback is to be carried out, and the definition names none."""
    return f"Action {action} has no rollback of its own"


def not_renderable(action: str, reason: str) -> str:
    """A placeholder in an action cannot be filled in; `reason` begins with the field path."""
    return f"Action {action} cannot be carried out: {reason}"


def not_usable_with_secrets(action: str) -> str:
    """What is wrong with a text may quote a secret value in it, so it is not told."""
    return f"The manifest of action {action} is not usable once its secret values are filled in"


def namespace_not_open(namespace: str) -> str:
    """The worker may not act as the service account of a plan in this namespace."""
    command = f"kubectl apply --namespace {namespace} --filename deploy/team-namespace.yaml"
    remedy = f"the worker may not act as its service accounts, which an administrator allows with `{command}`"
    return f"Namespace {namespace} is not open to drplan: {remedy}"


def access_unknown(namespace: str, reason: str) -> str:
    """The API server did not say whether the worker may act as a service account."""
    return f"Failed to find out whether namespace {namespace} is open to drplan: {reason}"


def failed_to_keep(name: str, reason: str) -> str:
    """What a later Revert needs could not be stored."""
    return f"Failed to keep ControllerRevision {name}: {reason}"


def record_too_large(name: str, size: int, bound: int) -> str:
    """What is to be stored does not fit into one object; both in bytes."""
    return failed_to_keep(name, f"it takes {size} bytes, {bound} fit")


def snapshot_altered(name: str) -> str:
    """What is there is not what was kept."""
    return f"ControllerRevision {name} is not as it was kept: its content no longer has the hash that was recorded"


def snapshot_gone(name: str) -> str:
    """What was kept is no longer there."""
    return f"ControllerRevision {name} no longer exists"


def record_foreign(name: str, execution: ObjectKey) -> str:
    """An object with the name of a record lacks the prefix, the label or the owner of the records of an execution."""
    return (
        f"ControllerRevision {name} is not a record of DRPlanExecution {execution.name}: its name, "
        "its labels and its owner do not say so together"
    )


def not_readable(kind: str, name: str, problem: str) -> str:
    """A definition or record is not what its kind says; `problem` names field and fault."""
    return f"{kind} {name} cannot be understood: {problem}"


def ran_out_of_time(timeout: str) -> str:
    """The action's timeout (Go duration) was over before its object was known."""
    return f"Failed to begin within {timeout}"


def another_execution(execution: ObjectKey) -> str:
    """The execution was deleted, or created again under its name."""
    return f"DRPlanExecution {execution.namespace}/{execution.name} (uid {execution.uid}) no longer exists"


def ended_before_start(execution: ObjectKey, phase: Phase) -> str:
    """The object says that it ended without ever having started."""
    return f"DRPlanExecution {execution.namespace}/{execution.name} had ended as {phase.value} before it was started"


def plan_gone(plan: str) -> str:
    """The plan was deleted before the execution began."""
    return f"DRPlan {plan} no longer exists"


def too_large(size: int, bound: int) -> str:
    """The decision does not fit into a history; both in bytes."""
    return (
        f"This plan is too large to be carried out at once: its steps take {size} bytes, {bound} fit. "
        "Split it into several plans"
    )


def without_object(action: str) -> str:
    """The action's type has no object that could be created or deleted."""
    return f"Action {action} names no object"


def no_effect(action_type: ActionType) -> str:
    """A type of action that this release does not carry out."""
    return f"{action_type.value} actions are not supported yet"


# What is waited for, in the Temporal UI and in the bridge's eyes.


def waiting_for_removal(target: Target, finalizers: Sequence[str]) -> str:
    """The object was told to go."""
    by = f", finalizers: {', '.join(finalizers)}" if finalizers else ""
    return f"Waiting for {placed(target)} to be gone{by}"


def waiting_for_server(reason: str) -> str:
    """The API server does not answer."""
    return f"Waiting for the API server: {reason}"


def looking(seen: int, total: int) -> str:
    """A Revert looks at every object concerned."""
    return f"Looking at {total} objects, {seen} done"


# What a last look after a cancel found.


def canceled_still_there(target: Target) -> str:
    """An object that was to go is still there."""
    return f"Canceled between two attempts: {called(target)} still exists"


def canceled_not_done(operation: Operation, target: Target) -> str:
    """Nothing shows that the operation was carried out."""
    return f"Canceled between two attempts: {operation.value.lower()} of {called(target)} was not done"


def canceled_half_replaced(target: Target) -> str:
    """A Replace was cut short between its two halves."""
    return f"Canceled between two attempts: {called(target)} was deleted, and the new one was not created"


def canceled_unseen(target: Target, reason: str) -> str:
    """The look was refused."""
    return f"Canceled between two attempts; whether {called(target)} is as wanted is not known: {reason}"


# Jobs.

JOB_NOT_LOOKED_AT = "it has not been looked at"


def job_completed(target: Target) -> str:
    """The Job was created and has done its work."""
    return f"{called(target)} completed"


def job_failed(target: Target, reason: str) -> str:
    """The Job has given up; `reason` tells of the Job and of its last pod."""
    return f"{called(target)} failed{f': {reason}' if reason else ''}"


def job_unfinished(target: Target, timeout: str, progress: str) -> str:
    """The action's timeout (Go duration) is over, and the Job goes on."""
    return f"{called(target)} did not finish within {timeout}: {progress}"


def job_unseen(target: Target, timeout: str, reason: str) -> str:
    """The action's timeout (Go duration) is over, and at the end the Job could not be read."""
    return f"whether {called(target)} has finished after {timeout} is not known: {reason}"


def job_not_to_be_seen(target: Target, reason: str) -> str:
    """The Job was created, and may not be looked at."""
    return f"{called(target)} was created, but whether it has finished cannot be seen: {reason}"


def job_gone(target: Target) -> str:
    """The Job, or the one of that name that this action made, is no longer there."""
    return f"{called(target)} was gone before it was seen to have finished: outcome unknown"


def job_progress(done: int, wanted: int, failed: int) -> str:
    """How far a Job has come."""
    pods = f", {counted(failed, 'pod')} failed" if failed else ""
    return f"{done} of {counted(wanted, 'completion')}{pods}"


def waiting_for_job(target: Target, progress: str) -> str:
    """While it runs."""
    return f"Waiting for {placed(target)} to finish: {progress}"


def pod_failed(pod: str, reason: str) -> str:
    """What is known of the pod that failed last."""
    return f"pod {pod}: {reason}"


def container_failed(container: str, reason: str, code: int, message: str) -> str:
    """How a container ended, in its own words where it left any."""
    said = f": {message}" if message else ""
    return f"container {container}: {reason or 'ended'} (exit code {code}){said}"


def canceled_job(what: str) -> str:
    """A cancel came between two attempts, and the Job has not succeeded; `what` is its state."""
    return f"Canceled between two attempts: {what}"


def job_unfinished_at_cancel(target: Target, progress: str) -> str:
    """What follows `canceled_job` for a Job that goes on: nobody waits for it any more."""
    return f"{called(target)} has not finished: {progress}"
