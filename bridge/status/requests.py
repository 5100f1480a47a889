"""A person's requests: read from annotations, matched with what waits in the tree, and recorded in the status.

Source: docs/spec/drplanexecution.md, "Pause and repair".
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from api.execution import ExecutionStatus
from api.phases import Phase
from api.reasons import Reason
from api.requests import (
    LONGEST_REQUEST,
    NEED_REASON,
    REQUEST_ANNOTATION,
    REQUEST_BY_ANNOTATION,
    REQUEST_GROUP_ANNOTATION,
    REQUEST_ID_ANNOTATION,
    REQUEST_PARAMS_ANNOTATION,
    REQUEST_REASON_ANNOTATION,
    REQUEST_TARGET_ANNOTATION,
    REQUEST_TIMEOUT_ANNOTATION,
    AllowedAction,
    PersonRequest,
    RequestState,
    RequestStatus,
    RequestType,
)
from api.timing import Wait
from api.tree import ExecutionTree
from planning.messages import requests as messages
from planning.snapshot.retry_parameters import RequestedParametersError, requested_parameters
from planning.status.running import RunningAction, running_actions

KEPT = 20
"""Requests in a status; the oldest is dropped first."""
LISTED = 50
"""Actions in `allowedActions`."""
_ANNOTATIONS = (
    REQUEST_ANNOTATION,
    REQUEST_ID_ANNOTATION,
    REQUEST_TARGET_ANNOTATION,
    REQUEST_BY_ANNOTATION,
    REQUEST_GROUP_ANNOTATION,
    REQUEST_REASON_ANNOTATION,
    REQUEST_TIMEOUT_ANNOTATION,
)
_DECISIONS = [each for each in RequestType if each.decides]


@dataclass(frozen=True)
class Passable:
    """A request that the workflow is to decide on."""

    request: PersonRequest
    workflow_id: str


def waiting_actions(tree: ExecutionTree, root: str) -> list[RunningAction]:
    """Return the actions that wait for a decision, in the tree's order; `root` is the root's workflow id."""
    return [each for each in running_actions(tree, root) if each.node.reason is Reason.AWAITING_DECISION]


def stage_to_approve(tree: ExecutionTree) -> int | None:
    """Return the place of the stage that waits for approval: one at a time does."""
    waiting = (place for place, stage in enumerate(tree.stages) if stage.reason is Reason.AWAITING_APPROVAL)
    return next((place for place in waiting if tree.stages[place].phase is Phase.PENDING), None)


def waiting_for_people(tree: ExecutionTree, waiting: Sequence[RunningAction]) -> list[str]:
    """Return the paths of the parts that wait for a person: a stage, or actions that failed."""
    stage = stage_to_approve(tree)
    approval = [] if stage is None else [tree.stages[stage].name]
    return [*approval, *(each.path for each in waiting)]


def allowed_actions(tree: ExecutionTree, waiting: Sequence[RunningAction]) -> list[AllowedAction]:
    """Return what a person can ask for while a run goes on; `waiting` are the actions that wait for a decision."""
    paths = dict.fromkeys(each.path for each in waiting)
    decisions = [AllowedAction(target=path, requests=_DECISIONS) for path in list(paths)[:LISTED]]
    place = stage_to_approve(tree)
    if place is not None:
        decisions.append(AllowedAction(target=tree.stages[place].name, requests=[RequestType.APPROVE]))
    of_run = RequestType.PAUSE if tree.paused is None else RequestType.RESUME
    return [*decisions, AllowedAction(requests=[of_run])]


def is_working(tree: ExecutionTree) -> bool:
    """Return whether an action runs that does not wait for a person."""
    return any(
        action.phase is Phase.RUNNING and action.reason is not Reason.AWAITING_DECISION
        for stage in tree.stages
        if stage.phase is Phase.RUNNING
        for action in stage.actions
    )


def current(status: ExecutionStatus, annotations: Mapping[str, str], now: datetime) -> RequestStatus | None:
    """Return the request that the annotations make, as far as it is; None where there is none, or an ended one."""
    if REQUEST_ANNOTATION not in annotations:
        return None
    known = status.requests or []
    request_id = annotations.get(REQUEST_ID_ANNOTATION, "")[:LONGEST_REQUEST]
    before = next((each for each in reversed(known) if each.id == request_id), None)
    if before is not None:
        return before if before.state is RequestState.REQUESTED else None
    return RequestStatus(
        id=request_id,
        type=annotations[REQUEST_ANNOTATION][:50].capitalize(),
        target=annotations.get(REQUEST_TARGET_ANNOTATION, "")[:LONGEST_REQUEST] or None,
        by=annotations.get(REQUEST_BY_ANNOTATION, "")[:LONGEST_REQUEST] or None,
        reason=annotations.get(REQUEST_REASON_ANNOTATION, "")[:LONGEST_REQUEST] or None,
        parameters=_names(annotations),
        state=RequestState.REQUESTED,
        requested_at=now,
    )


def _names(annotations: Mapping[str, str]) -> list[str] | None:
    """Return the names of the parameters that a request sets, cut like its other parts; None where it sets none."""
    try:
        return [name[:LONGEST_REQUEST] for name in _parameters(annotations)] or None
    except RequestedParametersError:
        return None  # it is refused for that


def passable(
    request: RequestStatus,
    annotations: Mapping[str, str],
    status: ExecutionStatus,
    root: str,
    *,
    preview: bool = False,
) -> Passable | str:
    """Return what the workflow is to decide on, or why the request is refused, as all are of a preview."""
    if preview:
        return messages.OF_PREVIEW
    kind = next((each for each in RequestType if each.value == request.type), None)
    if kind is None:
        return messages.unsupported(request.type)
    timeout = annotations.get(REQUEST_TIMEOUT_ANNOTATION) or None
    if error := _form_error(kind, request, annotations, timeout):
        return error
    try:
        parameters = _parameters(annotations)
    except RequestedParametersError as error:
        return str(error)
    group = annotations.get(REQUEST_GROUP_ANNOTATION, "")
    passed = PersonRequest(
        id=request.id,
        type=kind,
        by=request.by or "",
        reason=request.reason or "",
        timeout=timeout,
        group=group,
        parameters=parameters,
    )
    if kind is RequestType.APPROVE:
        return _approval(passed, request.target, status, root)
    if not kind.decides:
        return Passable(passed, root)
    waiting = waiting_actions(status, root)
    meant = [each for each in waiting if request.target in (None, each.path)]
    paths = [each.path for each in waiting]
    if not waiting:
        return messages.WAITS_FOR_NOTHING
    if not meant:
        return messages.unknown_target(request.target or "", paths)
    if request.target is None and len(meant) > 1:
        return messages.ambiguous_target(paths)
    return Passable(passed.model_copy(update={"action": meant[0].index}), meant[0].workflow_id)


def _parameters(annotations: Mapping[str, str]) -> list[str]:
    """Return the names of the parameters that a request sets. Raises RequestedParametersError."""
    text = annotations.get(REQUEST_PARAMS_ANNOTATION)
    return sorted(requested_parameters(text)) if text else []


def _approval(passed: PersonRequest, target: str | None, status: ExecutionStatus, root: str) -> Passable | str:
    place = stage_to_approve(status)
    name = "" if place is None else status.stages[place].name
    if place is None or target not in (None, name):
        return messages.unknown_stage(target or "", name) if target else messages.NO_STAGE_WAITS
    return Passable(passed.model_copy(update={"stage": place}), root)


def _form_error(kind: RequestType, request: RequestStatus, annotations: Mapping[str, str], timeout: str | None) -> str:
    """Return what is wrong with the annotations themselves; empty where nothing is."""
    for annotation in _ANNOTATIONS:
        if len(annotations.get(annotation, "")) > LONGEST_REQUEST:
            return messages.too_long(annotation)
    if not request.id:
        return messages.without_id()
    if not request.by:
        return messages.without_by()
    if kind in NEED_REASON and not request.reason:
        return messages.needs_reason(kind)
    if timeout is not None and kind is not RequestType.RETRY:
        return messages.not_for(kind, REQUEST_TIMEOUT_ANNOTATION)
    if annotations.get(REQUEST_PARAMS_ANNOTATION) and kind is not RequestType.RETRY:
        return messages.not_for(kind, REQUEST_PARAMS_ANNOTATION)
    if request.target and not kind.decides and kind is not RequestType.APPROVE:
        return messages.not_for(kind, REQUEST_TARGET_ANNOTATION)
    return messages.invalid_timeout(timeout) if timeout is not None else ""


def accepted(request: RequestStatus, now: datetime) -> RequestStatus:
    """Return a request that the workflow has accepted: all but a Pause are effective with that."""
    update = {"state": RequestState.ACCEPTED, "accepted_at": now}
    if request.type != RequestType.PAUSE:
        update |= {"state": RequestState.EFFECTIVE, "effective_at": now}
    return request.model_copy(update=update)


def refused(request: RequestStatus, why: str) -> RequestStatus:
    """Return a request that cannot be carried out."""
    return request.model_copy(update={"state": RequestState.REFUSED, "message": why})


def recorded(status: ExecutionStatus, request: RequestStatus) -> ExecutionStatus:
    """Return the status with what became of a request, in its place or as the newest."""
    others = status.requests or []
    places = [place for place, each in enumerate(others) if each.id == request.id]
    if places:
        listed = [request if place == places[-1] else each for place, each in enumerate(others)]
    else:
        listed = [*others, request][-KEPT:]
    return status.model_copy(update={"requests": listed})


def followed(status: ExecutionStatus, now: datetime) -> ExecutionStatus:
    """Return the status of a running execution with the pauses that have become effective."""
    if status.paused is None or is_working(status):
        return status
    for request in status.requests or []:
        if request.state is RequestState.ACCEPTED:
            update = {"state": RequestState.EFFECTIVE, "effective_at": now}
            status = recorded(status, request.model_copy(update=update))
    return status


def ended(status: ExecutionStatus) -> ExecutionStatus:
    """Return the status of an execution that has ended, with the requests that came too late; a pause ends with it."""
    for request in status.requests or []:
        if not request.state.final:
            status = recorded(status, refused(request, messages.TOO_LATE))
    pauses = status.pauses
    if status.paused is not None:
        pauses = [*(pauses or []), Wait(since=status.paused.since, until=status.completion_time)]
    return status.model_copy(update={"allowed_actions": None, "paused": None, "pauses": pauses})
