"""The one table from the API's errors to 'may a repeat help?'."""

import json
from typing import Any

import pytest

from activities.errors import ActionError, action_error, application_error, words_of
from api.attempts import ActionRecord, AttemptFailure
from api.failures import FailureType
from api.objects import Target
from api.phases import Operation
from kube.errors import NO_SUCH_KIND, ApiError, UnknownKindError, UnreachableError, from_answer

TABLE = [
    (400, "BadRequest", FailureType.INVALID),
    (401, "Unauthorized", FailureType.TRANSIENT),
    (403, "Forbidden", FailureType.FORBIDDEN),
    (404, "NotFound", FailureType.NOT_FOUND),
    (404, "", FailureType.TRANSIENT),
    (405, "MethodNotAllowed", FailureType.INVALID),
    (409, "Conflict", FailureType.TRANSIENT),
    (409, "AlreadyExists", FailureType.ALREADY_EXISTS),
    (410, "Expired", FailureType.TRANSIENT),
    (413, "RequestEntityTooLarge", FailureType.TOO_LARGE),
    (415, "UnsupportedMediaType", FailureType.INVALID),
    (422, "Invalid", FailureType.INVALID),
    (429, "TooManyRequests", FailureType.TRANSIENT),
    (500, "InternalError", FailureType.TRANSIENT),
    (502, "", FailureType.TRANSIENT),
    (503, "ServiceUnavailable", FailureType.TRANSIENT),
    (504, "Timeout", FailureType.TRANSIENT),
]


@pytest.mark.parametrize(("status", "reason", "expected"), TABLE)
def test_an_answer_of_the_api_server_has_one_failure_type(status: int, reason: str, expected: FailureType) -> None:
    assert from_answer(status, reason, "words", None).failure is expected


PASSES = [
    (403, {"causes": [{"reason": "NamespaceTerminating"}]}, 'configmaps "c" is forbidden: it is being terminated'),
    (403, {}, 'secrets "s" is forbidden: exceeded quota: q, requested: count/secrets=1, used: count/secrets=0'),
    (403, {}, 'pods "s" is forbidden: status unknown for quota: q, resources: pods'),
    (403, {}, 'pods "s" is forbidden: error looking up service account shop/web: serviceaccount "web" not found'),
    (403, {}, 'pods "s" is forbidden: no PriorityClass with name high was found'),
    (403, {}, 'pods "s" is forbidden: pod rejected: RuntimeClass "kata" not found'),
    (403, {}, 'certs "y" is forbidden: create not allowed while custom resource definition is terminating'),
    (404, {"kind": "namespaces", "name": "shop"}, 'namespaces "shop" not found'),
    (500, {}, 'Internal error occurred: failed calling webhook "a.b.com": failed to call webhook'),
]
NEVER_PASSES = [
    (403, FailureType.FORBIDDEN, 'configmaps is forbidden: User "system:serviceaccount:a:b" cannot create resource'),
    (403, FailureType.FORBIDDEN, 'pods "s" is forbidden: violates PodSecurity "restricted:latest"'),
    (403, FailureType.FORBIDDEN, 'pods "s" is forbidden: failed quota: q: must specify limits.cpu for: main'),
    (500, FailureType.INVALID, "resourceVersion should not be set on objects to be created"),
    (500, FailureType.INVALID, "failed to create typed patch object (a/d; apps/v1, Kind=Deployment): .spec.foo: field"),
    (500, FailureType.TOO_LARGE, "etcdserver: request is too large"),
]


@pytest.mark.parametrize(("status", "details", "words"), PASSES)
def test_what_passes_by_itself_is_repeated_whatever_its_status(
    status: int, details: dict[str, Any], words: str
) -> None:
    reason = {403: "Forbidden", 404: "NotFound"}.get(status, "InternalError")
    assert from_answer(status, reason, words, details=details).failure is FailureType.TRANSIENT


@pytest.mark.parametrize(("status", "expected", "words"), NEVER_PASSES)
def test_what_cannot_pass_is_not_repeated_whatever_its_status(status: int, expected: FailureType, words: str) -> None:
    assert from_answer(status, "Forbidden" if status == 403 else "", words).failure is expected


def test_a_whole_object_that_an_error_quotes_does_not_hide_what_is_wrong_with_it() -> None:
    quoted = json.dumps(json.dumps({"data": {"a": 'x"y' * 100}}))
    words = f'"" is invalid: patch: Invalid value: {quoted}: strict decoding error: unknown field "dta"'
    error = from_answer(422, "Invalid", words)
    assert error.message == '"" is invalid: patch: Invalid value: "…": strict decoding error: unknown field "dta"'
    short = 'Service "x" is invalid: spec.clusterIP: Invalid value: "1.2.3.4": not in the range'
    assert from_answer(422, "Invalid", short).message == short


def test_a_kind_that_no_definition_can_bring_is_not_waited_for() -> None:
    assert UnknownKindError("no kind configmap in v1", 404, NO_SUCH_KIND).failure is FailureType.INVALID


@pytest.mark.parametrize("error", [UnreachableError("no route"), UnknownKindError("no such kind", 404)])
def test_a_server_that_is_away_and_a_kind_that_may_still_come_are_worth_a_repeat(error: ApiError) -> None:
    assert error.failure.repeatable


@pytest.mark.parametrize("kind", list(FailureType))
def test_only_what_may_pass_is_repeated_by_temporal(kind: FailureType) -> None:
    error = application_error(ActionError(kind, "words"), errors=1, limit=3, attempt=1)
    assert error.type == kind
    passing = (FailureType.TRANSIENT, FailureType.TIMED_OUT, FailureType.HTTP_STATUS)
    assert error.non_retryable is (kind not in passing)


@pytest.mark.parametrize(("errors", "ends"), [(1, False), (3, False), (4, True), (9, True)])
def test_an_error_beyond_the_limit_of_retries_ends_the_action(errors: int, ends: bool) -> None:
    error = application_error(ActionError(FailureType.TRANSIENT, "words"), errors=errors, limit=3, attempt=7)
    assert error.non_retryable is ends


def test_the_failure_tells_the_workflow_what_it_needs_to_go_on_counting() -> None:
    record = ActionRecord(operation=Operation.CREATE)
    failure = action_error(from_answer(503, "", "Failed to create ConfigMap: away", 7.0), "whole message", record)
    error = application_error(failure, errors=2, limit=3, attempt=5)
    assert error.details == (AttemptFailure(errors=2, attempt=5, operation=Operation.CREATE),)
    assert error.message == "whole message"
    assert error.next_retry_delay is not None
    assert error.next_retry_delay.total_seconds() == 7


def test_a_server_cannot_put_an_action_off_for_longer_than_any_pause() -> None:
    error = ActionError(FailureType.TRANSIENT, "words", retry_after=86_400)
    delay = application_error(error, errors=1, limit=3, attempt=1).next_retry_delay
    assert delay is not None
    assert delay.total_seconds() == 300


def test_a_message_never_exceeds_its_bound() -> None:
    error = application_error(ActionError(FailureType.INVALID, "x" * 50_000), errors=1, limit=0, attempt=1)
    assert len(error.message.encode()) <= 1024


@pytest.mark.parametrize(
    ("object_name", "words"),
    [("app", 'configmaps "app" is forbidden'), ("application", "app: no"), ("", "app: app is a word like any other")],
)
def test_the_servers_words_follow_the_name_where_the_status_does_not_name_the_object(
    object_name: str, words: str
) -> None:
    error = from_answer(403, "Forbidden", words.removeprefix("app: "), details={"name": object_name})
    assert words_of(error, Target(api_version="v1", kind="ConfigMap", name="app", namespace="default")) == words
