"""The view: whose rights it has, what it shows, and what it refuses."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import ClientSession, CookieJar

from bridge.view.sessions import BURST, MOST_SESSIONS, SESSION_SECONDS, Paces, Sessions
from tests.bridge.view.viewed import ALL, NOBODY, OWN, TEAM, UI, Api, condition, execution, fetch, plan, viewing

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}


@pytest.fixture
def api() -> Api:
    api = Api()
    lock = {"name": "shop-1", "namespace": "team", "uid": "uid-shop-1"}
    history = [{"name": "shop-1", "namespace": "team", "operationType": "Execute", "phase": "Running"}]
    conditions = [
        condition("Executed", "True", "DRPlanExecution shop-0 executed it"),
        condition("Executable", "False", "1 obstacle: namespace is not open"),
    ]
    api.add(
        plan("shop", phase="Ready", currentExecution=lock, executionHistory=history, conditions=conditions),
        plan("other", "elsewhere", phase="Ready"),
        execution("shop-1"),
    )
    return api


@pytest.fixture
async def url(tmp_path: Path, api: Api) -> AsyncIterator[str]:
    async with viewing(tmp_path, api) as url:
        yield url


@pytest.fixture
async def session() -> AsyncIterator[ClientSession]:
    async with ClientSession(cookie_jar=CookieJar(unsafe=True)) as session:
        yield session


async def test_pages_say_what_is_in_effect_what_runs_and_what_a_rehearsal_found(
    url: str, session: ClientSession
) -> None:
    text = await (await fetch(session, f"{url}/plans")).text()
    assert "DRPlanExecution shop-0 executed it" in text
    assert 'href="/executions/team/shop-1"' in text
    assert "stage stage-1 / app-1 / action-1-0: running" in text
    assert "Not executable" in text
    assert "elsewhere/</span>other" in text
    text = await (await fetch(session, f"{url}/plans/team/shop")).text()
    assert "1 obstacle: namespace is not open" in text
    assert f"{UI}/namespaces/dr/workflows?query=drplanPlan%3D%22shop%22" in text
    text = await (await fetch(session, f"{url}/executions/team/shop-1")).text()
    assert f"{UI}/namespaces/dr/workflows/execute%2Fteam%2Fshop-1%2Fu/run-1" in text
    assert [text.count(f'<tr class="level-{level}">') for level in (1, 2, 3)] == [3, 3, 12]
    assert '<rect class="Succeeded" x="0"' in text
    assert 'data-poll="2"' in text, "it is read again while it runs"
    assert "shop-1" in await (await fetch(session, f"{url}/executions?namespace=team")).text()


async def test_what_a_token_may_not_read_is_not_shown_and_no_other_credential_is_used(
    url: str, api: Api, session: ClientSession
) -> None:
    answer = await fetch(session, f"{url}/plans", TEAM)
    assert answer.status == 200
    assert "Which namespace?" in await answer.text()
    text = await (await fetch(session, f"{url}/plans?namespace=team", TEAM)).text()
    assert "shop" in text
    for path, token, status in [
        ("/plans?namespace=elsewhere", TEAM, 403),
        ("/plans/elsewhere/other", TEAM, 403),
        ("/executions/team/shop-1", NOBODY, 403),
        ("/executions/team/nothing", TEAM, 404),
        ("/plans", "unknown", 401),
    ]:
        answer = await fetch(session, f"{url}{path}", token)
        assert answer.status == status, path
        assert "other" not in (await answer.text()).replace("another", "").split("<h1>")[1].split("</h1>")[0]
    tokens = {sent.removeprefix("Bearer ") for _, sent in api.asked}
    assert OWN not in tokens
    assert tokens <= {ALL, TEAM, NOBODY, "unknown"}


async def test_without_a_token_nothing_is_asked_of_the_api_server(url: str, api: Api, session: ClientSession) -> None:
    answer = await fetch(session, f"{url}/plans/team/shop", None)
    assert (answer.status, answer.headers["Location"]) == (303, "/login?to=/plans/team/shop")
    through_proxy = await fetch(session, f"{url}/plans", None, **{"X-Forwarded-For": "10.0.0.1"})
    assert through_proxy.status == 401
    for kind in ("Basic dXNlcjpwYXNz", "Bearer", "Bearer a b", "Bearer a\tb"):
        assert (await fetch(session, f"{url}/plans", None, Authorization=kind)).status in (303, 401)
    assert api.asked == []


async def test_a_session_is_opened_from_this_machine_by_the_form_of_the_page_only(
    url: str, api: Api, session: ClientSession
) -> None:
    form = {"token": TEAM, "to": "/plans?namespace=team"}
    own = {"Origin": url}
    for headers in ({}, {"Origin": "http://evil.example"}, {**own, "X-Forwarded-For": "10.0.0.1"}):
        answer = await session.post(f"{url}/login", data=form, headers=headers, allow_redirects=False)
        assert answer.status == 403
    rebound = await session.get(f"{url}/login", headers={"Host": "evil.example"})
    assert rebound.status == 403
    answer = await session.post(f"{url}/login", data=form, headers=own, allow_redirects=False)
    assert (answer.status, answer.headers["Location"]) == (303, "/plans?namespace=team")
    cookie = answer.headers["Set-Cookie"]
    assert TEAM not in cookie
    assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= {part.strip() for part in cookie.split(";")}
    assert "shop" in await (await fetch(session, f"{url}/plans?namespace=team", None)).text()
    left = await session.post(f"{url}/logout", allow_redirects=False)
    assert left.status == 303
    assert (await fetch(session, f"{url}/plans", None)).status == 303


@pytest.mark.parametrize("to", ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:alert(1)"])
async def test_signing_in_leads_to_no_other_site(url: str, session: ClientSession, to: str) -> None:
    form = {"token": ALL, "to": to}
    answer = await session.post(f"{url}/login", data=form, headers={"Origin": url}, allow_redirects=False)
    assert answer.headers["Location"] == "/plans"


async def test_a_token_that_the_api_server_no_longer_takes_ends_the_session(
    url: str, api: Api, session: ClientSession
) -> None:
    await session.post(f"{url}/login", data={"token": ALL}, headers={"Origin": url}, allow_redirects=False)
    del api.namespaces[ALL]
    answer = await fetch(session, f"{url}/plans", None)
    assert answer.headers["Location"].startswith("/login?to=/plans&why=ended")
    assert (await fetch(session, f"{url}/plans", None)).headers["Location"] == "/login?to=/plans"


async def test_every_answer_has_the_headers_that_keep_a_browser_from_running_anything_else(
    url: str, session: ClientSession
) -> None:
    for path in ("/plans", "/executions/team/shop-1", "/nothing", "/static/view.js", "/login", "/"):
        answer = await fetch(session, f"{url}{path}")
        assert {name: answer.headers.get(name) for name in HEADERS} == HEADERS, path
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
    assert (await session.post(f"{url}/plans")).status == 405


async def test_what_people_wrote_is_text(url: str, api: Api, session: ClientSession) -> None:
    evil = execution("evil")
    evil["status"]["message"] = "<script>alert(1)</script>"
    evil["status"]["stageStatuses"][0]["name"] = '"><img src=x onerror=alert(1)>'
    evil["status"]["nextSteps"] = [{"what": "<b>x</b>", "why": "{{ 7*7 }}", "command": "</code><script>"}]
    api.add(evil)
    text = await (await fetch(session, f"{url}/executions/team/evil")).text()
    assert "<script>alert" not in text
    assert "<img" not in text
    assert "<b>" not in text
    assert "{{ 7*7 }}" in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    answer = await fetch(session, f"{url}/executions/team/%3Cscript%3E")
    assert "<script>" not in (await answer.text()).replace('<script src="/static/view.js" defer>', "")


async def test_a_page_that_has_not_changed_is_not_sent_again(url: str, api: Api, session: ClientSession) -> None:
    api.objects["drplanexecutions"]["team", "shop-1"]["status"]["phase"] = "Succeeded"
    api.objects["drplanexecutions"]["team", "shop-1"]["status"]["completionTime"] = "2026-02-03T10:11:30Z"
    first = await fetch(session, f"{url}/executions/team/shop-1")
    assert 'data-poll="0"' in await first.text(), "at its end it is not read again"
    again = await fetch(session, f"{url}/executions/team/shop-1", **{"If-None-Match": first.headers["ETag"]})
    assert (again.status, await again.read()) == (304, b"")


async def test_a_large_tree_is_bounded_and_each_stage_has_a_page_of_its_own(
    url: str, api: Api, session: ClientSession
) -> None:
    api.add(execution("large", stages=100, actions=50), execution("wide", stages=2, actions=900))
    text = await (await fetch(session, f"{url}/executions/team/large")).text()
    assert 100 <= text.count("<tr class=") <= 400
    assert "51 parts not shown here" in text
    assert '<tr class="level-3">' in text, "what runs is shown first"
    text = await (await fetch(session, f"{url}/executions/team/large?stage=70")).text()
    assert text.count('<tr class="level-3">') == 50
    text = await (await fetch(session, f"{url}/executions/team/wide?stage=1&skip=400")).text()
    assert text.count("<tr class=") == 401
    assert "stage=1&amp;skip=800" in text
    for query in ("stage=700", "stage=-1", "stage=x", "stage=0&skip=99999", "stage=99999999999999999999"):
        assert (await fetch(session, f"{url}/executions/team/large?{query}")).status == 200


async def test_lists_have_pages(url: str, api: Api, session: ClientSession) -> None:
    api.add(*(execution(f"e{number:02}", stages=1, actions=1) for number in range(45)))
    text = await (await fetch(session, f"{url}/executions?namespace=team")).text()
    assert text.count('<th scope="row">') == 20
    assert "/executions?namespace=team&amp;continue=20" in text
    text = await (await fetch(session, f"{url}/executions?namespace=team&continue=40")).text()
    assert text.count('<th scope="row">') == 6
    assert 'rel="next"' not in text


async def test_an_object_without_the_form_of_its_kind_is_named_and_the_others_are_shown(
    url: str, api: Api, session: ClientSession
) -> None:
    broken = plan("broken")
    broken["spec"] = {"stages": "none"}
    api.add(broken)
    text = await (await fetch(session, f"{url}/plans")).text()
    assert "team/broken" in text
    assert "shop" in text
    assert (await fetch(session, f"{url}/plans/team/broken")).status == 502


async def test_one_viewer_cannot_ask_without_end(url: str, session: ClientSession) -> None:
    answers = [(await fetch(session, f"{url}/plans", NOBODY)).status for _ in range(int(BURST) * 2)]
    assert 429 in answers
    limited = await fetch(session, f"{url}/plans", NOBODY)
    assert limited.status in (200, 429)
    assert (await fetch(session, f"{url}/plans", TEAM)).status == 200, "another one can"


def test_sessions_end_and_are_bounded() -> None:
    now = 0.0
    sessions = Sessions(lambda: now)
    first = sessions.open("first")
    assert sessions.token(first) == "first"
    now = SESSION_SECONDS
    assert sessions.token(first) is None
    cookies = [sessions.open(f"token-{number}") for number in range(MOST_SESSIONS + 1)]
    assert [sessions.token(cookie) for cookie in (cookies[0], cookies[1])] == [None, "token-1"]
    sessions.close(cookies[1])
    assert sessions.token(cookies[1]) is None


def test_a_pace_recovers_with_time() -> None:
    now = 0.0
    paces = Paces(lambda: now)
    assert [paces.wait("v") > 0 for _ in range(int(BURST) + 1)] == [False] * int(BURST) + [True]
    now = 1.0
    assert [paces.wait("v") > 0 for _ in range(5)] == [False] * 4 + [True]
