"""The effect of an HTTP action: one request, its redirects followed, and its answer understood.

Nothing can be looked at afterwards, so an attempt whose outcome is not known counts as that, and a repeat
depends on the method and the action's own retryPolicy. Source: docs/spec/drworkflow.md, "HTTP";
docs/decisions/0011-http-actions-go-where-they-may-and-once.md.
"""

from dataclasses import dataclass

from activities.attempt import RunningAttempt
from activities.effects.action import ResolvedAction
from activities.effects.http_client import Answer, HttpClient, UnansweredError, UnsentError
from activities.errors import ActionError
from api.execution import ActionOutputs, HttpResponse
from api.phases import Phase
from api.steps import ActionOutcome, FailureType
from planning.effects import http_request
from planning.effects.allowed_hosts import HostRefusedError
from planning.effects.http_request import Request, RequestError, safe_url
from planning.messages import http as http_messages
from planning.messages.actions import bounded
from planning.values.redaction import excerpt, kept_body, redacted


class HttpEffect:
    """Effect of the type HTTP."""

    def __init__(self, sender: HttpClient) -> None:
        self._sender = sender

    async def execute(self, action: ResolvedAction, attempt: RunningAttempt) -> ActionOutcome:
        """Make the request and judge its answer."""
        exchange = HttpExchange(_request(action), action.attempts.timeout, attempt)
        if action.lost:
            exchange.refuse_after_loss()
        for _ in range(http_request.MOST_REDIRECTS + 1):
            answer = await exchange.hop(self._sender)
            following = http_request.redirected(exchange.current, answer.status, answer.location)
            if following is None:
                return exchange.judged(answer)
            exchange.current = following
        raise exchange.failed(
            http_request.failure_of_status(exchange.first, answer.status),
            http_messages.too_many_redirects(http_request.MOST_REDIRECTS),
        )

    async def verify(self, action: ResolvedAction) -> ActionOutcome:
        """Say that nobody can tell."""
        request = _request(action)
        message = redacted(http_messages.canceled(request.method, safe_url(request.url)), request.secrets)
        return ActionOutcome(phase=Phase.CANCELED, message=bounded(message))


def _request(action: ResolvedAction) -> Request:
    """Give the request of an action. Raises ActionError."""
    try:
        return http_request.request_of(action.definition, action.mark, action.secrets)
    except RequestError as error:
        raise ActionError(FailureType.INVALID, http_messages.not_usable(action.definition.name, str(error))) from None


@dataclass
class HttpExchange:
    """One attempt at a request, over all its redirects: what it says, and what its failure would be."""

    first: Request
    timeout: str
    attempt: RunningAttempt

    def __post_init__(self) -> None:
        self.current = self.first

    async def hop(self, sender: HttpClient) -> Answer:
        """Send the current request. Raises ActionError."""
        reason = http_messages.not_sent_in_time(http_request.place(self.current.url), self.timeout)
        waiting = http_messages.waiting_for_connection(http_request.place(self.current.url))
        self._wait(waiting, self._silent(reason, sent=False, late=True))
        try:
            return await sender.send(self.current, self)
        except HostRefusedError as error:
            raise self.failed(FailureType.HTTP_REFUSED, str(error)) from None
        except UnsentError as error:
            raise self._silent(str(error), sent=False) from None
        except UnansweredError:
            raise self._silent(http_messages.BROKEN, sent=True) from None

    def sending(self) -> None:
        """Say what is waited for once the request is on its way."""
        late = self._silent(http_messages.not_answered_in_time(self.timeout), sent=True, late=True)
        self._wait(http_messages.waiting_for_answer(safe_url(self.current.url)), late)

    def answered(self, status: int) -> None:
        """A body that does not come changes nothing about the status."""
        bare = Answer(status=status, location=None, retry_after=None, body="", whole=False)
        if self.first.succeeded(status):
            self.attempt.final_check = lambda: _ready(self.judged(bare))
        else:
            self.attempt.timeout_error = self._wrong(bare)

    def judged(self, answer: Answer) -> ActionOutcome:
        """Give the outcome. Raises ActionError where the status is none of success."""
        if not self.first.succeeded(answer.status):
            raise self._wrong(answer)
        message = http_messages.succeeded(
            self.first.method, safe_url(self.first.url), answer.status, safe_url(self.current.url)
        )
        response = HttpResponse(status_code=answer.status, body=self._body(answer) or None)
        return ActionOutcome(
            phase=Phase.SUCCEEDED,
            message=bounded(self._clean(message)),
            outputs=ActionOutputs(http_response=response),
        )

    def refuse_after_loss(self) -> None:
        """Raises ActionError where the request must not be made again, for it may have been made."""
        if not self.first.may_repeat:
            raise self._silent(http_messages.LOST, sent=True)

    def failed(self, kind: FailureType, reason: str, retry_after: float | None = None) -> ActionError:
        """Give a failure under the action's own message."""
        message = http_messages.failed(self.first.method, safe_url(self.first.url), reason)
        return ActionError(kind, self._clean(message), retry_after=retry_after)

    def _silent(self, reason: str, *, sent: bool, late: bool = False) -> ActionError:
        """Give the failure where no answer came."""
        kind = http_request.failure_of_silence(self.current, sent=sent, late=late)
        return self.failed(kind, self._open(reason) if sent and not self.current.method.repeatable else reason)

    def _wrong(self, answer: Answer) -> ActionError:
        """Give the failure of an answer that is no success."""
        led = None if self.current is self.first else safe_url(self.current.url)
        reason = http_messages.answered(answer.status, self.first.success_codes, led, excerpt(self._body(answer)))
        if http_request.leaves_open(self.current, answer.status):
            reason = self._open(reason)
        return self.failed(http_request.failure_of_status(self.current, answer.status), reason, answer.retry_after)

    def _open(self, reason: str) -> str:
        return http_messages.outcome_unknown(reason, repeated=self.first.repeated)

    def _wait(self, what: str, late: ActionError) -> None:
        self.attempt.wait_for(self._clean(what), late)

    def _body(self, answer: Answer) -> str:
        return kept_body(answer.body, self.first.secrets, whole=answer.whole)

    def _clean(self, text: str) -> str:
        return redacted(text, self.first.secrets)


async def _ready(outcome: ActionOutcome) -> ActionOutcome:
    return outcome
