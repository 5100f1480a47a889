"""What a person asks of a running execution: to pause it, and what to do about an action that failed.

A request is written as annotations of the execution; the bridge passes it to the workflow as an update.
Source: docs/spec/drplanexecution.md, "Pause and repair".
"""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from api.meta import Model, Timestamp
from api.names import REQUEST_ANNOTATION as REQUEST_ANNOTATION
from api.names import REQUEST_BY_ANNOTATION as REQUEST_BY_ANNOTATION
from api.names import REQUEST_GROUP_ANNOTATION as REQUEST_GROUP_ANNOTATION
from api.names import REQUEST_ID_ANNOTATION as REQUEST_ID_ANNOTATION
from api.names import REQUEST_PARAMS_ANNOTATION as REQUEST_PARAMS_ANNOTATION
from api.names import REQUEST_REASON_ANNOTATION as REQUEST_REASON_ANNOTATION
from api.names import REQUEST_TARGET_ANNOTATION as REQUEST_TARGET_ANNOTATION
from api.names import REQUEST_TIMEOUT_ANNOTATION as REQUEST_TIMEOUT_ANNOTATION
from api.names import REQUESTED_BY_ANNOTATION as REQUESTED_BY_ANNOTATION

LONGEST_REQUEST = 500
"""Characters of each annotation of a request, but that with parameters."""
LONGEST_PARAMETERS = 20_000
"""Characters of the annotation with parameters; all annotations of an object have 256 KiB."""
MOST_PARAMETERS = 50
"""Parameters that a request sets."""


class RequestType(StrEnum):
    """What a person can ask of a running execution."""

    RETRY = "Retry"
    """Try the action again, with all its retries."""
    SKIP = "Skip"
    """Go on as if the action had nothing to do."""
    DONE = "Done"
    """Go on as if the action had succeeded: somebody did by hand what it was to do."""
    ABORT = "Abort"
    """Let the action fail, with what follows from that."""
    APPROVE = "Approve"
    """Agree to the start of a stage that asks for it."""
    PAUSE = "Pause"
    """Start no further action."""
    RESUME = "Resume"
    """Go on after a Pause."""

    @property
    def decides(self) -> bool:
        """Whether it is a decision about an action that failed."""
        return self in (RequestType.RETRY, RequestType.SKIP, RequestType.DONE, RequestType.ABORT)


NEED_REASON = frozenset({RequestType.SKIP, RequestType.DONE})
"""Requests after which the tree says something that the run did not find out itself."""


class PersonRequest(Model):
    """A request as it is passed to the workflow; also what Temporal's history shows of it."""

    id: str
    type: RequestType
    by: str = ""
    reason: str = ""
    action: int | None = None
    """Of a decision: the place of the action in its workflow."""
    stage: int | None = None
    """Of an approval: the place of the stage in the tree."""
    group: str = ""
    """Of an approval: a group that the person belongs to."""
    timeout: str | None = None
    """Of a Retry: what bounds each further attempt, as a Go duration; None leaves the action's own."""
    parameters: list[str] = Field(default_factory=list)
    """Of a Retry: names of the parameters that it sets. The worker reads the values where the person wrote them."""


class Approval(Model):
    """Who has to agree before a stage begins."""

    required: Annotated[int, Field(ge=1, le=20, json_schema_extra={"format": "int32"})] = 1
    """How many persons have to approve."""
    group: Annotated[str | None, Field(json_schema_extra={"maxLength": 253})] = None
    """A group, as the API server knows it, that each of them must belong to; without it everybody who may
    change the execution can approve."""
    allow_requester: bool = False
    """Whether the person who created the execution may approve as well."""


class StageApproval(Model):
    """A person's agreement to the start of a stage."""

    by: str
    """Additive. Who approved."""
    group: str | None = None
    """Additive. The group for which that person did so."""
    reason: str | None = None
    """Additive. Why, in that person's words."""
    at: Timestamp
    """Additive. When."""


class Pause(Model):
    """A person's pause of the run: no further action starts."""

    by: str = ""
    """Who asked for it."""
    reason: str | None = None
    """Why, in that person's words."""
    since: Timestamp
    """When the workflow took note of it."""


class RequestState(StrEnum):
    """How far a request is."""

    REQUESTED = "Requested"
    """The bridge has read it; the workflow has not answered yet."""
    ACCEPTED = "Accepted"
    """The workflow has accepted it; of a Pause: what has started is waited for."""
    EFFECTIVE = "Effective"
    """What was asked for is so."""
    REFUSED = "Refused"
    """It cannot be carried out; the message says why."""

    @property
    def final(self) -> bool:
        """Whether nothing more comes of it."""
        return self in (RequestState.EFFECTIVE, RequestState.REFUSED)


class RequestStatus(Model):
    """What became of a request."""

    id: str
    """Additive. Its annotation `request-id`."""
    type: Annotated[str, Field(max_length=50)]
    """Additive. What was asked for: Retry, Skip, Done, Abort, Pause or Resume."""
    target: str | None = None
    """Additive. The action that it is about, as `stage/workflow/action`."""
    by: str | None = None
    """Additive. Who asked, as the annotation says."""
    reason: str | None = None
    """Additive. Why, in that person's words."""
    parameters: list[str] | None = None
    """Additive. Of a Retry: the names of the parameters that it sets."""
    state: RequestState
    """Additive. How far it is."""
    message: str | None = None
    """Additive. Why it was refused."""
    requested_at: Timestamp
    """Additive. When the bridge first read it."""
    accepted_at: Timestamp | None = None
    """Additive. When the workflow accepted it."""
    effective_at: Timestamp | None = None
    """Additive. When what was asked for was so."""


class AllowedAction(Model):
    """What a person can ask for now."""

    target: str | None = None
    """Additive. The action that it is about, as `stage/workflow/action`; absent for the execution as a whole."""
    requests: list[RequestType]
    """Additive. What can be asked for."""
