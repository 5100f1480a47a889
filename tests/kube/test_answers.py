"""What the Kubernetes client makes of an API server's answers."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from aiohttp import web

from api.meta import API_VERSION
from api.objects import Actor, Target
from kube.client import OWN, Limits
from kube.errors import (
    ApiError,
    ConflictError,
    ExpiredError,
    ForbiddenError,
    InvalidNameError,
    KindGoneError,
    NotFoundError,
    NotReadyError,
    NotServedError,
    UnknownKindError,
    UnreachableError,
    seconds_to_wait,
)
from tests.kube.scripted_server import Answer, connected, scripted

PLAN = Target(api_version=API_VERSION, kind="DRPlan", name="plan", namespace="default")
EXECUTION = Target(api_version=API_VERSION, kind="DRPlanExecution", name="a", namespace="default")


def answering(body: object, status: int = 200, **headers: str) -> Answer:
    async def answer(_: web.BaseRequest) -> web.StreamResponse:
        text = body if isinstance(body, str) else json.dumps(body)
        return web.Response(status=status, text=text, headers=headers, content_type="application/json")

    return answer


@pytest.mark.parametrize(
    ("code", "reason", "error", "unavailable", "repeatable"),
    [
        (404, "NotFound", NotFoundError, False, False),
        (404, "ItsReason", NotServedError, True, True),
        (404, "", NotServedError, True, True),
        (409, "ItsReason", ConflictError, False, True),
        (410, "ItsReason", ExpiredError, False, True),
        (401, "ItsReason", ApiError, False, True),
        (403, "ItsReason", ForbiddenError, False, False),
        (422, "ItsReason", ApiError, False, False),
        (429, "ItsReason", ApiError, True, True),
        (500, "ItsReason", ApiError, True, True),
        (503, "ItsReason", ApiError, True, True),
    ],
)
async def test_each_code_has_its_error_with_the_servers_words(
    code: int, reason: str, error: type[ApiError], unavailable: bool, repeatable: bool
) -> None:
    details = {"name": PLAN.name}
    body = {"kind": "Status", "code": code, "message": "the server's words", "reason": reason, "details": details}
    async with scripted(answering(body, code)) as (cluster, _):
        with pytest.raises(error, match="the server's words") as raised:
            await cluster.get(PLAN, OWN)
        assert type(raised.value) is error
        assert raised.value.reason == reason
        assert raised.value.status == code
        assert (raised.value.unavailable, raised.value.repeatable) == (unavailable, repeatable)


@pytest.mark.parametrize(
    ("ready", "error"), [(200, ForbiddenError), (404, ForbiddenError), (403, NotReadyError), (500, NotReadyError)]
)
async def test_a_refusal_counts_once_the_api_server_is_ready(ready: int, error: type[ApiError]) -> None:
    body = {"kind": "Status", "code": 403, "message": "no right to get", "reason": "Forbidden"}
    async with scripted(answering(body, 403), ready=ready) as (cluster, _):
        with pytest.raises(ApiError, match="no right to get") as raised:
            await cluster.get(PLAN, OWN)
    assert type(raised.value) is error
    assert raised.value.status == 403
    assert (raised.value.unavailable, raised.value.repeatable) == (error is NotReadyError,) * 2


def not_found(**more: object) -> dict[str, object]:
    return {"kind": "Status", "reason": "NotFound", "message": "not found", "details": {"name": PLAN.name}} | more


@pytest.mark.parametrize(
    "body",
    [
        {"message": "no route"},
        {"reason": "NotFound", "message": "no route", "details": {"name": PLAN.name}},
        not_found(kind="Error"),
        not_found(details=None),
        not_found(details={}),
        not_found(details="no mapping"),
        not_found(details={"name": "another"}),
        not_found(details={"name": PLAN.name, "causes": [{"reason": "UnexpectedServerResponse"}]}),
    ],
)
async def test_a_404_that_is_no_statement_about_the_object_does_not_prove_that_it_is_gone(
    body: dict[str, object],
) -> None:
    async with scripted(answering(body, 404)) as (cluster, _):
        for call in (cluster.get(PLAN, OWN), cluster.metadata(PLAN, OWN), cluster.delete(PLAN, "uid", OWN)):
            with pytest.raises(NotServedError) as raised:
                await call
            assert raised.value.repeatable
        with pytest.raises(NotServedError):
            await anext(cluster.pages(PLAN, "", OWN))


@pytest.mark.parametrize(
    ("code", "text"),
    [(200, "<html>"), (503, "<html>"), (200, "[]"), (403, "nonsense"), (404, "no"), (409, "no"), (410, "no")],
)
async def test_an_answer_that_is_not_kubernetes_says_nothing_about_the_object(code: int, text: str) -> None:
    async with scripted(answering(text, code)) as (cluster, _):
        with pytest.raises(ApiError, match=f"answered {code} without an object") as raised:
            await cluster.get(PLAN, OWN)
    assert type(raised.value) in (ApiError, NotServedError)
    assert raised.value.unavailable
    assert raised.value.repeatable


async def test_no_server_is_unreachable() -> None:
    async with connected("http://127.0.0.1:1") as cluster:
        with pytest.raises(UnreachableError) as raised:
            await cluster.get(PLAN, OWN)
    assert raised.value.unavailable


async def never(_: web.BaseRequest) -> web.StreamResponse:
    await asyncio.sleep(3600)
    raise AssertionError


async def test_a_call_ends_at_its_deadline() -> None:
    async with scripted(never, Limits(call=0.2)) as (cluster, _), asyncio.timeout(10):
        with pytest.raises(UnreachableError, match=r"within 0\.2 s"):
            await cluster.get(PLAN, OWN)


async def test_a_page_of_a_list_ends_at_its_deadline() -> None:
    async with scripted(never, Limits(page=0.2)) as (cluster, _), asyncio.timeout(10):
        with pytest.raises(UnreachableError, match=r"within 0\.2 s"):
            await anext(cluster.pages(PLAN, "", OWN))


async def test_a_status_is_patched_by_merge_and_calls_carry_the_token() -> None:
    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        return web.json_response({"body": (await request.read()).decode(), "type": request.headers["Content-Type"]})

    async with scripted(answer) as (cluster, asked):
        answered = await cluster.patch(EXECUTION, {"status": {"message": None}}, OWN, subresource="status")
        assert answered == {"body": '{"status": {"message": null}}', "type": "application/merge-patch+json"}
        assert asked[0].method == "PATCH"
        assert asked[0].path == "/apis/dr.bkbcs.tencent.com/v1alpha1/namespaces/default/drplanexecutions/a/status"
        assert asked[0].headers["Authorization"] == "Bearer secret"


async def test_a_call_is_made_in_the_name_of_its_actor_only() -> None:
    async with scripted(answering({})) as (cluster, asked):
        await cluster.get(PLAN, Actor(user="system:serviceaccount:a:b"))
        await cluster.get(PLAN, OWN)
    assert [request.headers.get("Impersonate-User") for request in asked] == ["system:serviceaccount:a:b", None]


# What becomes part of a path.


@pytest.mark.parametrize(
    "text",
    ["", ".", "..", "a/b", "../../team-b/drplans/victim", "a%2fb", "%2e%2e", "a\nb", "a\x00b", "\ud800", "a\u202eb"],
)
async def test_what_a_path_reads_as_another_place_is_refused_and_never_sent(text: str) -> None:
    async with scripted(answering({})) as (cluster, asked):
        for target in (PLAN.model_copy(update={"name": text}), PLAN.model_copy(update={"namespace": text or ".."})):
            with pytest.raises(InvalidNameError, match="is not a name that an object can have") as raised:
                await cluster.get(target, OWN)
            assert not raised.value.repeatable
        assert asked == []


@pytest.mark.parametrize(
    ("name", "sent"),
    [
        ("plan", "plan"),
        ("a.b-c", "a.b-c"),
        ("...", "..."),
        ("system:node", "system:node"),
        ("a b", "a%20b"),
        ("a?b=c", "a%3Fb=c"),
        ("a#b", "a%23b"),
        ("é", "%C3%A9"),
    ],
)
async def test_every_other_name_is_one_segment_of_the_path(name: str, sent: str) -> None:
    async with scripted(answering({})) as (cluster, asked):
        await cluster.get(PLAN.model_copy(update={"name": name}), OWN)
    assert asked[0].rel_url.raw_path == f"/apis/{API_VERSION}/namespaces/default/drplans/{sent}"
    assert not asked[0].query


@pytest.mark.parametrize("api_version", ["../v1", "apps/../v1", "apps/v1/extra%2f", ""])
async def test_an_api_version_that_leads_elsewhere_is_refused(api_version: str) -> None:
    async with scripted(answering({})) as (cluster, asked):
        with pytest.raises(InvalidNameError):
            await cluster.get(PLAN.model_copy(update={"api_version": api_version}), OWN)
        assert asked == []


def serving_apps(*, groups: object = None, definitions: int = 200) -> Answer:
    """Answer as an API server that serves `apps/v1` with Deployments."""
    groups = groups or [{"name": "apps", "versions": [{"groupVersion": "apps/v1"}]}]
    deployments = {"kind": "Deployment", "name": "deployments", "namespaced": True}

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        if request.path == "/apis":
            return web.json_response({"kind": "APIGroupList", "groups": groups})
        if request.path == "/apis/apps/v1":
            return web.json_response({"kind": "APIResourceList", "resources": [deployments]})
        if request.path.endswith("/customresourcedefinitions"):
            page: dict[str, object] = {
                "kind": "PartialObjectMetadataList",
                "items": None,
                "metadata": {},
                "message": "no",
            }
            return web.json_response(page, status=definitions)
        return web.Response(status=404, text="404 page not found")

    return answer


GADGET = Target(api_version="apps.example.com/v1", kind="Gadget", name="g", namespace="default")


async def test_a_kind_that_is_not_served_is_worth_a_repeat() -> None:
    async with scripted(serving_apps()) as (cluster, _):
        for target in (GADGET, GADGET.model_copy(update={"api_version": "apps/v1"})):
            with pytest.raises(UnknownKindError, match=f"knows no kind Gadget in {target.api_version}") as raised:
                await cluster.get(target, OWN)
            assert raised.value.repeatable


async def test_a_kind_is_not_gone_where_its_definition_cannot_be_read() -> None:
    async with scripted(serving_apps(definitions=403)) as (cluster, _):
        with pytest.raises(UnknownKindError, match="whether a CustomResourceDefinition still exists is not known: no"):
            await cluster.get(GADGET, OWN)
        with pytest.raises(UnknownKindError) as raised:
            await cluster.get(GADGET, OWN)
    assert not isinstance(raised.value, KindGoneError)


@pytest.mark.parametrize("definitions", [401, 404, 429, 500, 503])
async def test_a_kind_is_not_gone_while_its_definition_is_not_answered_for(definitions: int) -> None:
    async with scripted(serving_apps(definitions=definitions)) as (cluster, _):
        with pytest.raises(ApiError) as raised:
            await cluster.get(GADGET, OWN)
    assert not isinstance(raised.value, KindGoneError)
    assert raised.value.repeatable


@pytest.mark.parametrize(
    "answer",
    [
        answering({"ok": True}),
        answering({"ok": True}, 404),
        answering({"resources": []}),
        answering({"kind": "APIResourceList", "resources": []}),
        answering({"kind": "APIGroupList", "groups": []}),
        answering({"kind": "Status", "reason": "NotFound"}, 404),
        answering("<html>", 404),
        answering("<html>"),
        answering("busy", 503),
    ],
)
async def test_an_answer_that_is_no_discovery_document_does_not_prove_that_a_kind_is_gone(answer: Answer) -> None:
    async with scripted(answer) as (cluster, _):
        for target in (GADGET, GADGET.model_copy(update={"api_version": "v1"})):
            with pytest.raises(ApiError) as raised:
                await cluster.get(target, OWN)
            assert not isinstance(raised.value, NotFoundError | UnknownKindError)
            assert raised.value.repeatable


# How long a server asks to wait.

NOW = datetime(2026, 11, 28, 1, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("3", 3.0),
        ("0", 0.0),
        ("Sat, 28 Nov 2026 01:00:07 GMT", 7.0),
        ("Sat, 28 Nov 2026 00:59:00 GMT", 0.0),
        ("86400", 300.0),
        ("9" * 400, 300.0),
        ("Sat, 28 Nov 2099 01:00:00 GMT", 300.0),
        ("", None),
        ("-1", None),
        ("1.5", None),
        ("soon", None),
        ("Mon, 01 Jan 0000 99:99:99 +9999999999999999999", None),
        ("Mon, 01 Jan 2026 00:00:00 +9999999999999999999", None),
        ("Fri, 31 Dec 9999 23:59:59 -2359", 300.0),
        ("Mon, 01 Jan 0001 00:00:00 +2359", 0.0),
        ("(", None),
    ],
)
def test_retry_after_holds_seconds_or_a_date_and_is_bounded(text: str, seconds: float | None) -> None:
    assert seconds_to_wait(text, NOW) == seconds


@pytest.mark.parametrize("body", [{"message": "busy"}, "Too many requests"])
async def test_an_error_carries_the_pause_that_the_server_asks_for(body: object) -> None:
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)
    async with scripted(answering(body, 429, **{"Retry-After": later})) as (cluster, _):
        with pytest.raises(ApiError) as raised:
            await cluster.get(PLAN, OWN)
    assert raised.value.retry_after == pytest.approx(60, abs=30)


@pytest.mark.parametrize(("details", "name"), [({"name": "plan"}, "plan"), ({}, ""), (None, ""), ("no mapping", "")])
async def test_an_error_names_the_object_that_the_status_names(details: object, name: str) -> None:
    body = {"kind": "Status", "code": 403, "message": "no", "reason": "Forbidden", "details": details}
    async with scripted(answering(body, 403)) as (cluster, _):
        with pytest.raises(ForbiddenError) as raised:
            await cluster.get(PLAN, OWN)
        assert raised.value.object_name == name
