"""List and watch against a server that misbehaves in every way that real ones were seen to."""

import asyncio
import json
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

from bridge.kubernetes.entry import ObjectKind
from bridge.kubernetes.reflector import Reflector
from kube.client import Limits, Object
from tests.eventually import eventually
from tests.kube.scripted_server import Answer, scripted


def item(name: str, version: int) -> Object:
    return {"metadata": {"name": name, "namespace": "default", "resourceVersion": str(version)}}


def listed(*items: Object, version: int = 100, token: str = "") -> Answer:
    async def answer(_: web.BaseRequest) -> web.StreamResponse:
        return web.json_response({"items": items, "metadata": {"resourceVersion": str(version), "continue": token}})

    return answer


def refused(code: int, **status: Any) -> Answer:
    async def answer(_: web.BaseRequest) -> web.StreamResponse:
        return web.json_response({"kind": "Status", "code": code, **status}, status=code)

    return answer


async def html(_: web.BaseRequest) -> web.StreamResponse:
    return web.Response(status=503, text="<html>Service Unavailable</html>", content_type="text/html")


def streamed(*lines: bytes, then: str = "end") -> Answer:
    """Send these lines, and then `end`, `abort` or stay `silent`."""

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse()
        response.enable_chunked_encoding()
        await response.prepare(request)
        for line in lines:
            await response.write(line)
        if then == "silent":
            await asyncio.sleep(3600)
        if then == "abort":
            assert request.transport is not None
            request.transport.abort()
        return response

    return answer


def event(kind: str, body: Object) -> bytes:
    return json.dumps({"type": kind, "object": body}).encode() + b"\n"


class Server:
    """Answers lists and watches from two scripts; the last answer of each is repeated for ever."""

    def __init__(self, lists: list[Answer], watches: list[Answer]) -> None:
        self.asked: list[dict[str, str]] = []
        self._scripts = {"list": lists, "watch": watches}

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        self.asked.append(dict(request.query))
        script = self._scripts["watch" if "watch" in request.query else "list"]
        answer = script.pop(0) if len(script) > 1 else script[0]
        return await answer(request)

    @property
    def watched_from(self) -> list[str]:
        return [query["resourceVersion"] for query in self.asked if "watch" in query]


class Heard:
    """A sink that remembers, and the pauses that the reflector made."""

    def __init__(self) -> None:
        self.names: set[str] = set()
        self.pauses: list[float] = []

    def put(self, kind: ObjectKind, item: Object) -> None:
        assert kind is ObjectKind.PLAN
        self.names.add(item["metadata"]["name"])

    def drop(self, kind: ObjectKind, namespace: str, name: str) -> None:
        self.names.discard(name)

    def keep_only(self, kind: ObjectKind, names: Collection[tuple[str, str]]) -> None:
        self.names &= {name for _, name in names}

    async def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        await asyncio.sleep(0)


@asynccontextmanager
async def reflecting(server: Server, relist: float = 3600, silence: float = 600) -> AsyncIterator[Heard]:
    heard = Heard()
    async with scripted(server.handle, Limits(silence=silence)) as (cluster, _):
        reflector = Reflector(cluster, ObjectKind.PLAN, heard, page_size=2, relist=relist, sleep=heard.sleep)
        task = asyncio.create_task(reflector.run())
        try:
            yield heard
        finally:
            assert not task.done(), "the loop goes on whatever the server does"
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def hears(heard: Heard, *names: str) -> None:
    async def look() -> bool:
        return heard.names == set(names)

    await eventually(look, f"{names}, only {heard.names}")


LATE = streamed(event("ADDED", item("late", 120)), then="silent")


async def test_a_list_is_read_page_by_page() -> None:
    first = listed(item("a", 1), item("b", 2), token="more")
    server = Server([first, listed(item("c", 3), version=50)], [LATE])
    async with reflecting(server) as heard:
        await hears(heard, "a", "b", "c", "late")
    assert [query.get("continue") for query in server.asked[:2]] == [None, "more"]
    assert server.watched_from[0] == "50"


async def test_a_continue_token_that_is_too_old_means_a_new_list() -> None:
    first = listed(item("a", 1), token="stale")
    server = Server([first, refused(410, reason="Expired"), listed(item("a", 1))], [LATE])
    async with reflecting(server) as heard:
        await hears(heard, "a", "late")
    assert len(heard.pauses) == 1


async def test_an_error_410_in_the_stream_means_a_new_list_not_the_same_version_again() -> None:
    gone = event("ERROR", {"kind": "Status", "code": 410, "reason": "Expired"})
    server = Server([listed(item("a", 1), item("b", 2)), listed(item("b", 2), version=200)], [streamed(gone), LATE])
    async with reflecting(server) as heard:
        await hears(heard, "b", "late")
    assert server.watched_from[:2] == ["100", "200"]


async def test_an_answer_410_to_a_watch_means_a_new_list() -> None:
    server = Server([listed(item("a", 1)), listed(version=200)], [refused(410, reason="Gone"), LATE])
    async with reflecting(server) as heard:
        await hears(heard, "late")


@pytest.mark.parametrize("answer", [refused(403, reason="Forbidden"), html, streamed(b"no event\n"), streamed(b"[]\n")])
async def test_refusals_and_nonsense_are_met_with_growing_pauses(answer: Answer) -> None:
    server = Server([listed(item("a", 1))], [answer] * 5 + [LATE])
    async with reflecting(server) as heard:
        await hears(heard, "a", "late")
    assert len(heard.pauses) == 5
    assert heard.pauses[4] > 2 * heard.pauses[0] > 0
    assert server.watched_from[:6] == ["100"] * 6


@pytest.mark.parametrize("answer", [refused(403, reason="Forbidden"), html])
async def test_a_list_that_fails_is_repeated_with_growing_pauses(answer: Answer) -> None:
    server = Server([answer] * 4 + [listed(item("a", 1))], [LATE])
    async with reflecting(server) as heard:
        await hears(heard, "a", "late")
    assert len(heard.pauses) == 4
    assert heard.pauses[3] > 2 * heard.pauses[0] > 0


async def test_streams_that_end_at_once_are_met_with_growing_pauses() -> None:
    server = Server([listed(item("a", 1))], [streamed()] * 5 + [LATE])
    async with reflecting(server) as heard:
        await hears(heard, "a", "late")
    assert len(heard.pauses) == 5
    assert heard.pauses[4] > 2 * heard.pauses[0] > 0


async def test_a_stream_that_breaks_midway_is_resumed_from_the_last_event() -> None:
    whole, half = event("ADDED", item("b", 110)), event("ADDED", item("c", 111))[:20]
    server = Server([listed(item("a", 1))], [streamed(whole, half, then="abort"), LATE])
    async with reflecting(server) as heard:
        await hears(heard, "a", "b", "late")
    assert server.watched_from[:2] == ["100", "110"]


async def test_a_bookmark_is_where_the_next_watch_begins() -> None:
    bookmark = event("BOOKMARK", {"metadata": {"resourceVersion": "115"}})
    server = Server([listed(item("a", 1))], [streamed(bookmark), LATE])
    async with reflecting(server) as heard:
        await hears(heard, "a", "late")
    assert server.watched_from[:2] == ["100", "115"]
    assert server.asked[1]["allowWatchBookmarks"] == "true"
    assert 240 <= int(server.asked[1]["timeoutSeconds"]) <= 300


async def test_a_silent_stream_is_given_up() -> None:
    server = Server([listed(item("a", 1))], [streamed(then="silent"), LATE])
    async with reflecting(server, silence=0.3) as heard:
        await hears(heard, "a", "late")


async def test_a_deletion_is_heard() -> None:
    server = Server([listed(item("a", 1), item("b", 2))], [streamed(event("DELETED", item("a", 110)), then="silent")])
    async with reflecting(server) as heard:
        await hears(heard, "b")


async def test_everything_is_listed_anew_after_a_while_and_a_missed_deletion_is_heard_then() -> None:
    server = Server([listed(item("a", 1), item("b", 2)), listed(item("b", 2))], [streamed(), LATE])
    async with reflecting(server, relist=0.0) as heard:
        await hears(heard, "b", "late")


async def test_a_busy_server_is_left_alone_for_as_long_as_it_asks() -> None:
    async def busy(_: web.BaseRequest) -> web.StreamResponse:
        return web.Response(status=429, text="Too many requests", headers={"Retry-After": "7"})

    server = Server([busy, listed(item("a", 1))], [busy, LATE])
    async with reflecting(server) as heard:
        await hears(heard, "a", "late")
    assert [pause >= 7 for pause in heard.pauses] == [True, True]
