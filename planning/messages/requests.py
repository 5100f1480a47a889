"""What a status says of a person's requests: pauses, and decisions about actions that failed.

Source: docs/spec/drplanexecution.md, "Pause and repair".
"""

from collections.abc import Sequence

from api.meta import parse_duration
from api.objects import Target
from api.reasons import Cause, Reason
from api.requests import (
    LONGEST_PARAMETERS,
    LONGEST_REQUEST,
    MOST_PARAMETERS,
    REQUEST_ANNOTATION,
    REQUEST_BY_ANNOTATION,
    REQUEST_GROUP_ANNOTATION,
    REQUEST_ID_ANNOTATION,
    REQUEST_PARAMS_ANNOTATION,
    REQUEST_REASON_ANNOTATION,
    REQUEST_TARGET_ANNOTATION,
    REQUEST_TIMEOUT_ANNOTATION,
    REQUESTED_BY_ANNOTATION,
    Approval,
    Pause,
    PersonRequest,
    RequestType,
    StageApproval,
)
from planning.messages.text import bounded, counted, excerpt, listed, placed

SUPPORTED = ", ".join(each.lower() for each in RequestType)
"""The values of the annotation."""
NOT_PAUSED = "the execution is not paused"
PAUSED_ALREADY = "the execution is paused already"
WAITS_FOR_NOTHING = "no action waits for a decision"
RETRY_IN_VAIN = (
    "a retry changes nothing, for it was decided before the first action: abort, and create another execution"
)
NO_STAGE_WAITS = "no stage waits for approval"
NOT_ENFORCED = (
    "the plan asks for approvals, and the API server does not check who gives them: apply "
    "deploy/requests-admission.yaml, then create another execution"
)
"""Also of an execution that is not started for that."""
WITHOUT_REQUESTER = (
    f"the plan asks for the approval of somebody else than who created the execution: create it with the annotation "
    f"{REQUESTED_BY_ANNOTATION}, your user name"
)
NO_LONGER_WRITTEN = (
    f"the annotations of the request are no longer those that were read: write it again, with another "
    f"{REQUEST_ID_ANNOTATION}"
)
NOT_PARAMETERS = (
    f"the annotation {REQUEST_PARAMS_ANNOTATION} is not a JSON object with a text for each parameter, such as "
    """{"image": "nginx:1.29"}"""
)
TREE_CHANGED = (
    "the plan has changed, so the action is no longer where the Revert has it: abort, and create another Revert"
)
NO_DEFINITION = "the default rollback works from what was recorded, so it takes no parameters: retry without them"
DONE_IN_CLUSTERS = (
    "the action is done in some of its clusters, with the values as they were: abort, and create another execution"
)
VISIBLE_PARAMETER = (
    "it is secret, and everybody who may read the execution would see it: change what it is read from, then retry"
)
FRAGMENT_PARAMETER = "it is of type yaml, whose value may be structure: change the plan, then create another execution"
OF_PREVIEW = (
    "a preview changes nothing, so there is nothing to pause, to decide or to approve: wait for its end, or cancel it"
)
TOO_LATE = "the execution had ended before"


def _who(request: PersonRequest | Pause) -> str:
    by = f" by {excerpt(request.by)}" if request.by else ""
    return f"{by}: {excerpt(request.reason)}" if request.reason else by


def awaiting(error: str) -> Cause:
    """The action failed, and a person is to decide; `error` is that of its last attempt."""
    begin = "Waiting for a decision (retry, skip, done or abort): "
    return Cause(Reason.AWAITING_DECISION, bounded(f"{begin}{error}"))


def awaiting_approval(needed: Approval, given: Sequence[StageApproval]) -> str:
    """A stage begins once enough persons have approved it."""
    group = f" of group {excerpt(needed.group)}" if needed.group else ""
    by = f", by {listed([excerpt(each.by) for each in given], 300, ', ')}" if given else ""
    return f"Waiting for approval{group}: {len(given)} of {needed.required}{by}"


def waiting_for_decision(paths: Sequence[str]) -> str:
    """Name the parts that wait for a person's decision or approval."""
    return f"{counted(len(paths), 'part')} waiting for people: {listed(paths, 500, ', ')}"


def retried(request: PersonRequest) -> str:
    """The action is tried again because a person asked for that."""
    params = [excerpt(name) for name in request.parameters]
    others = f" with another value of {listed(params, 200, ', ')}" if params else ""
    return bounded(f"Tried again{others}{_who(request)}")


def skipped(request: PersonRequest, error: str) -> Cause:
    """A person decided to go on without the action."""
    return Cause(Reason.SKIPPED_ON_REQUEST, bounded(f"Skipped{_who(request)}; it had failed: {error}"))


def done_by_hand(request: PersonRequest, error: str) -> Cause:
    """A person says that the action is done."""
    return Cause(Reason.DONE_BY_HAND, bounded(f"Done by hand{_who(request)}; it had failed: {error}"))


def paused(pause: Pause) -> str:
    """Say that nothing further starts, who wants that, and why."""
    return bounded(f"Paused on request{_who(pause)}")


# Why a request is refused.


def needs_group(group: str) -> str:
    """An approval counts only for a group that the person belongs to."""
    return f"the stage asks for approval of group {excerpt(group)}: set the annotation {REQUEST_GROUP_ANNOTATION} to it"


def own_request(by: str) -> str:
    """The person who created the execution does not count."""
    return f"{excerpt(by)} created the execution, so somebody else has to approve it"


def approved_already(by: str) -> str:
    """A person counts once."""
    return f"{excerpt(by)} has approved it already"


def unknown_stage(stage: str, waiting: str) -> str:
    """The stage that is named does not wait for approval."""
    return f"stage {excerpt(stage)} waits for no approval; waiting: {waiting or 'none'}"


def needs_reason(kind: RequestType) -> str:
    """A decision after which the tree says what the run did not find out itself needs a reason."""
    return f"{kind.lower()} needs a reason: set the annotation {REQUEST_REASON_ANNOTATION}"


def unsupported(value: str) -> str:
    """The annotation asks for nothing that there is."""
    return f'unsupported value "{excerpt(value)}" of the annotation {REQUEST_ANNOTATION}; supported values: {SUPPORTED}'


def too_long(annotation: str) -> str:
    """An annotation of a request is longer than what is read of it."""
    return f"the annotation {annotation} has more than {LONGEST_REQUEST} characters"


def without_id() -> str:
    """A request without an id cannot be told from earlier ones."""
    return f"the annotation {REQUEST_ID_ANNOTATION} is missing: set any text that no earlier request had"


def without_by() -> str:
    """Nobody is named who asks."""
    return f"the annotation {REQUEST_BY_ANNOTATION} is missing: set it to your user name"


def not_for(kind: RequestType, annotation: str) -> str:
    """An annotation has no meaning for that request."""
    return f"{kind.lower()} takes no {annotation.rpartition('/')[2]}"


def invalid_timeout(text: str) -> str:
    """A timeout is no Go duration."""
    try:
        parse_duration(text)
    except ValueError as error:
        return f"the annotation {REQUEST_TIMEOUT_ANNOTATION}: {error}"
    return ""


def still_refused(reason: str) -> str:
    """What was refused when the Revert was decided would be refused now."""
    return bounded(f"a retry changes nothing: {reason}")


def parameters_too_long() -> str:
    """The annotation with parameters is longer than what is read of it."""
    return f"the annotation {REQUEST_PARAMS_ANNOTATION} has more than {LONGEST_PARAMETERS} characters"


def number_of_parameters(number: int) -> str:
    """The annotation sets no parameter, or too many."""
    return f"the annotation {REQUEST_PARAMS_ANNOTATION} sets {number} parameters; at least 1, at most {MOST_PARAMETERS}"


def about_parameter(name: str, error: str) -> str:
    """Say what is wrong with a parameter of a retry."""
    return f"parameter {excerpt(name)}: {error}"


def unused_parameter(used: Sequence[str]) -> str:
    """A parameter does not occur in the action, so that its value would change nothing."""
    known = f"it uses {listed([excerpt(name) for name in used], 300, ', ')}" if used else "it uses none"
    return f"the action does not use it; {known}"


def another_object(before: Target, after: Target) -> str:
    """With the parameters the action would be about another object than before."""
    return (
        f"the action would be about {placed(after)} in place of {placed(before)}, which its record is about: abort, "
        "and create another execution"
    )


def created_before(target: Target) -> str:
    """An earlier attempt created the object, with the values as they were."""
    return f"{placed(target)} was created by an earlier attempt, with other values: delete it, then retry"


def unknown_target(target: str, waiting: list[str]) -> str:
    """No action of that path waits for a decision."""
    return bounded(f"{excerpt(target)} waits for no decision; waiting: {listed(waiting, 500, ', ')}")


def ambiguous_target(waiting: list[str]) -> str:
    """Several actions wait, and none is named."""
    names = listed(waiting, 500, ", ")
    return bounded(f"several actions wait for a decision, set {REQUEST_TARGET_ANNOTATION} to one of them: {names}")
