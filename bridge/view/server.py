"""The view: read-only pages of plans and executions, with the rights of whoever looks.

A viewer is known by the token of each request: an `Authorization` header, which a proxy sets, or a session that was
opened with a token from this machine, as through `kubectl port-forward`. The API server decides what that token may
read; no credential of the bridge is used, and nothing is written. Source: docs/view.md.
"""

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler, Middleware
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from bridge.view import pages
from bridge.view.sessions import SESSION_SECONDS, Paces, Sessions
from kube.errors import ApiError, ExpiredError, ForbiddenError, InvalidNameError, NotFoundError
from kube.viewer import AnswerTooLargeError, Viewer
from process.http_server import listening

_log = structlog.get_logger(__name__)

FOLDER = Path(__file__).resolve().parent
COOKIE = "drplan-view"
LARGEST_TOKEN = 16_384
"""Bytes; tokens with many groups take some kilobytes."""
LARGEST_FORM = 32_768
AT_ONCE = 6
"""Pages that are made at a time: a bridge has other work."""
WAITING = 20
"""Requests that wait for that; more are refused."""
READ_SECONDS = 15.0
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cache-Control": "no-store",
}
_KEPT = ("Retry-After", "Allow")
"""Headers of an error that its page has as well."""
_STATIC = {"view.css": "text/css", "view.js": "text/javascript"}


ListPage = Callable[[Viewer, str, str | None, str], Awaitable[Any]]
"""Reads a page of a list with a token: of a namespace or of all, from a place on."""


class View:
    """The HTTP application and what it keeps: sessions, paces, templates."""

    def __init__(self, viewer: Viewer, links: pages.Links, clock: Callable[[], float] = time.monotonic) -> None:
        self._viewer = viewer
        self._sessions = Sessions(clock)
        self._paces = Paces(clock)
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._waiting = 0
        self._templates = Environment(
            loader=FileSystemLoader(FOLDER / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.globals.update(links=links, path=_path)
        self._templates.globals.update(parts=self._templates.get_template("parts.html").module)

    def application(self) -> web.Application:
        """Return the application."""
        app = web.Application(client_max_size=LARGEST_FORM, middlewares=[self._guard()])
        routes: dict[str, Callable[[web.Request, str], Awaitable[web.Response]]] = {
            "/plans": partial(self._list, "plans", pages.plans),
            "/plans/{namespace}/{name}": self._plan,
            "/executions": partial(self._list, "executions", pages.executions),
            "/executions/{namespace}/{name}": self._execution,
        }
        app.router.add_get("/", _to_plans)
        for path, page in routes.items():
            app.router.add_get(path, self._page(page))
        app.router.add_get("/login", self._login_form)
        app.router.add_post("/login", self._login)
        app.router.add_post("/logout", self._logout)
        app.router.add_get("/favicon.ico", _no_icon)
        for name in _STATIC:
            app.router.add_get(f"/static/{name}", _static)
        return app

    def _guard(self) -> Middleware:
        """Return what every request passes: security headers, and pages instead of plain errors."""

        @web.middleware
        async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
            response: web.StreamResponse
            try:
                async with asyncio.timeout(READ_SECONDS):
                    response = await handler(request)
            except web.HTTPRedirection as redirection:
                redirection.headers.update(_HEADERS)
                raise
            except web.HTTPException as error:
                response = self._message(error.status, error.reason, error.text or "")
                response.headers.extend({key: value for key, value in error.headers.items() if key in _KEPT})
            except TimeoutError:
                response = self._message(504, "No answer in time", "The API server did not answer in time.")
            except Exception as error:  # a fault in a page must not show what it holds
                _log.error("view failed", path=request.path, error=type(error).__name__)
                response = self._message(500, "Fault in the view", "The log of the bridge says where.")
            response.headers.update(_HEADERS)
            return response

        return guard

    def _page(self, page: Callable[[web.Request, str], Awaitable[web.Response]]) -> Handler:
        """Return a handler that knows the viewer's token and makes few pages at a time."""

        async def handle(request: web.Request) -> web.StreamResponse:
            token = self._token(request)
            if token is None:
                if not _is_local(request):
                    raise web.HTTPUnauthorized(text="Send a token: Authorization: Bearer …")
                raise web.HTTPSeeOther("/login?" + urlencode({"to": request.path_qs}))
            self._keep_pace(token)
            if self._waiting >= WAITING:
                raise web.HTTPServiceUnavailable(headers={"Retry-After": "2"}, text="Too many pages are asked for.")
            self._waiting += 1
            try:
                async with self._slots:
                    return await self._answered(request, token, page)
            finally:
                self._waiting -= 1

        return handle

    def _keep_pace(self, viewer: str) -> None:
        if wait := self._paces.wait(viewer):
            retry = {"Retry-After": str(max(1, round(wait)))}
            raise web.HTTPTooManyRequests(headers=retry, text="Too many requests; wait a moment.")

    async def _answered(
        self, request: web.Request, token: str, page: Callable[[web.Request, str], Awaitable[web.Response]]
    ) -> web.StreamResponse:
        try:
            response = await page(request, token)
        except NotFoundError as error:
            raise web.HTTPNotFound(text=error.message) from error
        except InvalidNameError as error:
            raise web.HTTPBadRequest(text=error.message) from error
        except ExpiredError as error:
            raise web.HTTPGone(text="The list has changed meanwhile: begin with its first page.") from error
        except ForbiddenError as error:
            raise web.HTTPForbidden(text=error.message) from error
        except AnswerTooLargeError as error:
            raise web.HTTPBadGateway(text="The API server's answer is too large to be shown.") from error
        except ApiError as error:
            if error.status == 401:
                return self._signed_out(request)
            raise web.HTTPBadGateway(text=error.message) from error
        tag = f'"{hashlib.sha256(response.body or b"").hexdigest()[:32]}"'  # type: ignore[arg-type]
        if request.headers.get("If-None-Match") == tag:
            return web.Response(status=304, headers={"ETag": tag})
        response.headers["ETag"] = tag
        return response

    def _signed_out(self, request: web.Request) -> web.StreamResponse:
        """Answer a viewer whose token the API server does not take."""
        if "Authorization" in request.headers or not _is_local(request):
            raise web.HTTPUnauthorized(text="The API server does not take this token.")
        response = web.HTTPSeeOther("/login?" + urlencode({"to": request.path_qs, "why": "ended"}))
        response.del_cookie(COOKIE, path="/")
        self._sessions.close(request.cookies.get(COOKIE, ""))
        raise response

    def _token(self, request: web.Request) -> str | None:
        kind, _, token = request.headers.get("Authorization", "").partition(" ")
        token = token.strip()
        if kind.lower() == "bearer" and token:
            return token if _is_token(token) else None
        cookie = request.cookies.get(COOKIE)
        return self._sessions.token(cookie) if cookie else None

    # Signing in.

    async def _login_form(self, request: web.Request) -> web.Response:
        _only_local(request)
        return self._rendered("login.html", to=_own_path(request.query.get("to", "")), why=request.query.get("why", ""))

    async def _login(self, request: web.Request) -> web.Response:
        _only_local(request)
        origin = request.headers.get("Origin")
        if origin is None or urlsplit(origin).netloc != request.host:
            raise web.HTTPForbidden(text="The form of another page is not taken.")
        self._keep_pace("login")
        form = await request.post()
        token, to = str(form.get("token", "")).strip(), _own_path(str(form.get("to", "")))
        if not _is_token(token):
            return self._rendered("login.html", status=400, to=to, why="invalid")
        response = web.HTTPSeeOther(to)
        response.set_cookie(
            COOKIE,
            self._sessions.open(token),
            path="/",
            max_age=int(SESSION_SECONDS),
            httponly=True,
            samesite="Strict",
            secure=request.headers.get("X-Forwarded-Proto") == "https",
        )
        raise response

    async def _logout(self, request: web.Request) -> web.Response:
        self._sessions.close(request.cookies.get(COOKIE, ""))
        response = web.HTTPSeeOther("/login" if _is_local(request) else "/")
        response.del_cookie(COOKIE, path="/")
        raise response

    # Pages.

    async def _list(self, what: str, read: ListPage, request: web.Request, token: str) -> web.Response:
        """Answer with a page of a list; a viewer who may not list all namespaces is asked for one."""
        namespace = request.query.get("namespace") or None
        try:
            page = await read(self._viewer, token, namespace, request.query.get("continue", ""))
        except ForbiddenError as error:
            if namespace is None:
                return self._rendered("namespace.html", what=what, message=error.message, here=f"/{what}")
            raise
        return await self._page_of(f"{what}.html", page)

    async def _plan(self, request: web.Request, token: str) -> web.Response:
        page = await pages.plan(self._viewer, token, request.match_info["namespace"], request.match_info["name"])
        return await self._page_of("plan.html", page)

    async def _execution(self, request: web.Request, token: str) -> web.Response:
        where = request.match_info
        stage, skip = (_number(request.query.get(name)) for name in ("stage", "skip"))
        now = datetime.now(UTC)
        page = await pages.execution(self._viewer, token, where["namespace"], where["name"], now, stage, skip or 0)
        return await self._page_of("execution.html", page)

    async def _page_of(self, template: str, page: Any) -> web.Response:
        # In a thread: a large tree takes a tenth of a second, in which a bridge has other work.
        text = await asyncio.to_thread(self._templates.get_template(template).render, page=page, signed_in=True)
        return web.Response(text=text, content_type="text/html")

    def _rendered(self, template: str, *, status: int = 200, **values: Any) -> web.Response:
        signed_in = values.pop("signed_in", template == "namespace.html")
        text = self._templates.get_template(template).render(signed_in=signed_in, **values)
        return web.Response(status=status, text=text, content_type="text/html")

    def _message(self, status: int, title: str, text: str) -> web.Response:
        return self._rendered("message.html", status=status, title=title, text=text, signed_in=status != 401)


async def _to_plans(_: web.Request) -> web.Response:
    raise web.HTTPSeeOther("/plans")


async def _no_icon(_: web.Request) -> web.Response:
    return web.Response(status=204)


async def _static(request: web.Request) -> web.Response:
    name = request.path.rpartition("/")[2]
    return web.Response(body=(FOLDER / "static" / name).read_bytes(), content_type=_STATIC[name], charset="utf-8")


def _path(*parts: str, **query: object) -> str:
    """Return a path of the view with its parts quoted; what is None is left out of the query."""
    asked = {name.rstrip("_"): str(value) for name, value in query.items() if value is not None}
    path = "/" + "/".join(quote(part, safe="") for part in parts)
    return f"{path}?{urlencode(asked)}" if asked else path


def _own_path(to: str) -> str:
    """Return where to go after signing in: only to a page of ours."""
    own = to.startswith("/") and not to.startswith(("//", "/\\")) and to.isprintable()
    return to if own else "/plans"


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdecimal() and len(text) < 7 else None


def _is_token(text: str) -> bool:
    """Return whether a text can stand in a header as a token."""
    return 0 < len(text) <= LARGEST_TOKEN and text.isascii() and text.isprintable() and " " not in text


def _is_local(request: web.Request) -> bool:
    """Return whether a request comes from this machine, under a name of it: no page elsewhere can send it."""
    try:
        if not ip_address(request.remote or "").is_loopback:
            return False
    except ValueError:
        return False
    host = urlsplit(f"//{request.host}").hostname or ""
    return host in ("localhost", "127.0.0.1", "::1") and "X-Forwarded-For" not in request.headers


def _only_local(request: web.Request) -> None:
    if not _is_local(request):
        raise web.HTTPForbidden(text="Signing in with a token is possible through kubectl port-forward only.")


@asynccontextmanager
async def serving(address: tuple[str, int], links: pages.Links) -> AsyncIterator[int]:
    """Serve the view while the block runs, and yield its port. Raises ConfigurationError, ListenError."""
    viewer = await Viewer.connect()
    try:
        application = View(viewer, links).application()
        async with listening(application, address, "DRPLAN_VIEW_ADDRESS", keepalive_timeout=30) as port:
            _log.info("view started", address=f"{address[0]}:{port}")
            yield port
    finally:
        await viewer.close()
