"""The effect of an HTTP action: one request, its redirects followed, and its answer.

Nothing can be checked afterwards, so an attempt whose outcome is not known counts as that, and a repeat
depends on the method and the action's own retryPolicy. Source: docs/spec/drworkflow.md, "HTTP";
docs/decisions/0011-http-actions-go-where-they-may-and-once.md.
"""

import asyncio

from activities.attempt import RunningAttempt
from activities.effects.action import ResolvedAction
from activities.effects.http_client import HttpAnswer, HttpClient, UnansweredError, UnsentError
from activities.errors import ActionError
from api.attempts import ActionOutcome
from api.failures import FailureType
from api.nodes import ActionOutputs, HttpResponse
from api.phases import Phase
from api.reasons import Reason
from planning.effects import http_request
from planning.effects.allowed_hosts import HostRefusedError
from planning.effects.http_request import ActionRequest, RequestError, safe_url
from planning.messages import effects as effect_messages
from planning.messages import preview as preview_messages
from planning.messages.text import bounded
from planning.values.redaction import excerpt, kept_body, redacted


class HttpEffect:
    """Effect of the type HTTP."""

    def __init__(self, client: HttpClient) -> None:
        self._client = client

    async def execute(self, action: ResolvedAction, attempt: RunningAttempt) -> ActionOutcome:
        """Send the request, and return the outcome that its answer means."""
        # In threads: a request may have a thousand secrets in a megabyte, and an answer is searched for each of them.
        run = _HttpAttempt(await asyncio.to_thread(_request, action), attempt)
        if action.lost:
            run.refuse_after_loss()
        for _ in range(http_request.MOST_REDIRECTS + 1):
            answer = await run.send(self._client)
            following = http_request.redirected(run.current, answer.status, answer.location)
            if following is None:
                return await asyncio.to_thread(run.outcome, answer)
            run.current = following
        kind = http_request.failure_of_status(run.first, answer.status)
        raise run.failed(kind, effect_messages.too_many_redirects(http_request.MOST_REDIRECTS))

    async def preview(self, action: ResolvedAction, attempt: RunningAttempt) -> ActionOutcome:
        """Check where the request would go; nothing is sent, for not even a HEAD may be without an effect."""
        request = await asyncio.to_thread(_request, action)
        method, url = request.method, safe_url(request)
        try:
            await self._client.check(request)
        except HostRefusedError as error:
            kind, reason = FailureType.HTTP_REFUSED, str(error)
        except UnsentError as error:
            kind, reason = FailureType.TRANSIENT, str(error)
        else:
            message = redacted(preview_messages.would_request(method, url), request.secrets)
            return ActionOutcome(phase=Phase.SUCCEEDED, message=bounded(message))
        raise ActionError(kind, redacted(preview_messages.request_would_fail(method, url, reason), request.secrets))

    async def verify(self, action: ResolvedAction) -> ActionOutcome:
        """Return that nobody can tell."""
        request = await asyncio.to_thread(_request, action)
        message = redacted(effect_messages.request_canceled(request.method, safe_url(request)), request.secrets)
        return ActionOutcome(phase=Phase.CANCELED, reason=Reason.OUTCOME_UNKNOWN, message=bounded(message))


def _request(action: ResolvedAction) -> ActionRequest:
    try:
        return http_request.request_of(action.definition, action.mark, action.secrets)
    except RequestError as error:
        raise ActionError(
            FailureType.INVALID, effect_messages.request_not_usable(action.definition.name, str(error))
        ) from None


class _HttpAttempt:
    """One attempt at a request, over all its redirects: what is waited for, and how it ends."""

    def __init__(self, request: ActionRequest, attempt: RunningAttempt) -> None:
        self.first = request
        self.current = request
        self._attempt = attempt
        self._timeout = attempt.limits.timeout

    async def send(self, client: HttpClient) -> HttpAnswer:
        """Send the current request. Raises ActionError."""
        place = http_request.host_and_port(self.current.url)
        late = self._unanswered(effect_messages.not_sent_in_time(place, self._timeout), sent=False, late=True)
        self._wait_for(effect_messages.waiting_for_connection(place), late)
        try:
            return await client.send(self.current, self)
        except HostRefusedError as error:
            raise self.failed(FailureType.HTTP_REFUSED, str(error)) from None
        except UnsentError as error:
            raise self._unanswered(str(error), sent=False) from None
        except UnansweredError as error:
            raise self._unanswered(str(error), sent=True) from None

    def sending(self) -> None:
        """Report that the answer is waited for, once the request is being sent."""
        late = self._unanswered(effect_messages.not_answered_in_time(self._timeout), sent=True, late=True)
        self._wait_for(effect_messages.waiting_for_answer(safe_url(self.current)), late)

    def answered(self, status: int) -> None:
        """Set how the attempt ends if the body does not come: that changes nothing about the status."""
        bare = HttpAnswer(status=status, location=None, retry_after=None, body="", whole=False)
        if not self.first.succeeded(status):
            self._attempt.timeout_error = self._not_succeeded(bare)
            return
        outcome = self.outcome(bare)

        async def check() -> ActionOutcome:
            return outcome

        self._attempt.final_check = check

    def outcome(self, answer: HttpAnswer) -> ActionOutcome:
        """Return the outcome. Raises ActionError if the status means no success."""
        if not self.first.succeeded(answer.status):
            raise self._not_succeeded(answer)
        message = effect_messages.request_succeeded(
            self.first.method, safe_url(self.first), answer.status, safe_url(self.current)
        )
        response = HttpResponse(status_code=answer.status, body=self._body(answer) or None)
        return ActionOutcome(
            phase=Phase.SUCCEEDED,
            message=bounded(self._redact(message)),
            outputs=ActionOutputs(http_response=response),
        )

    def refuse_after_loss(self) -> None:
        """Raise ActionError if the request may have been sent by a lost attempt, and must not be sent again."""
        if not self.first.may_repeat:
            raise self._unanswered(effect_messages.LOST, sent=True)

    def failed(self, kind: FailureType, reason: str, retry_after: float | None = None) -> ActionError:
        """Return a failure under the action's own message."""
        message = effect_messages.request_failed(self.first.method, safe_url(self.first), reason)
        return ActionError(kind, self._redact(message), retry_after=retry_after)

    def _unanswered(self, reason: str, *, sent: bool, late: bool = False) -> ActionError:
        """Return the failure if no answer came."""
        if sent and not self.current.method.repeatable:
            reason = effect_messages.request_outcome_unknown(reason, repeated=self.first.repeated)
        return self.failed(http_request.failure_of_silence(self.current, sent=sent, late=late), reason)

    def _not_succeeded(self, answer: HttpAnswer) -> ActionError:
        """Return the failure for an answer that means no success."""
        redirected_to = None if self.current is self.first else safe_url(self.current)
        body = excerpt(self._body(answer))
        reason = effect_messages.answered(answer.status, self.first.success_codes, redirected_to, body)
        if http_request.leaves_open(self.current, answer.status):
            reason = effect_messages.request_outcome_unknown(reason, repeated=self.first.repeated)
        return self.failed(http_request.failure_of_status(self.current, answer.status), reason, answer.retry_after)

    def _wait_for(self, what: str, late: ActionError) -> None:
        self._attempt.wait_for(self._redact(what), late)

    def _body(self, answer: HttpAnswer) -> str:
        return kept_body(answer.body, self.first.secrets, whole=answer.whole)

    def _redact(self, text: str) -> str:
        return redacted(text, self.first.secrets)
