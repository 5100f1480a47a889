"""The connections to an API server, and one call: its deadline, its credentials, and what answers it.

Nothing here knows kinds and objects. Source: Kubernetes, "Kubernetes API Concepts" and "User impersonation".
"""

import asyncio
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode, urlsplit

import aiohttp
from kubernetes.aio.client import ApiClient, Configuration
from kubernetes.aio.config import ConfigException

from kube.config import ChosenContext
from kube.errors import ConfigurationError, UnreachableError
from kube.request import Object, Request, answer_of, never_write_twice, read, words_of

NO_ANSWER = (aiohttp.ClientError, OSError, TimeoutError, asyncio.IncompleteReadError, ConfigException)
"""What the connections raise, and the client library where credentials cannot be renewed."""


OnAnswer = Callable[[str, int, float], None]
"""Takes the method of a call, the HTTP status of its answer (0 where none came), and the seconds until then."""


class Transport:
    """A pool of connections to one API server; none is opened before the first call."""

    def __init__(self, configuration: Configuration, chosen: ChosenContext, user_agent: str) -> None:
        """Take what `kube.config` has configured. Raises ConfigurationError."""
        # With trust_env, aiohttp looks for a proxy and a .netrc again at each request, in two turns of a thread.
        configuration.client_session_kwargs = {"middlewares": (never_write_twice,), "trust_env": False}
        try:
            self._client = ApiClient(configuration)
        except OSError as error:
            raise ConfigurationError(
                f"no Kubernetes configuration: a certificate or key of {chosen.source} cannot be used; {chosen.remedy}"
            ) from error
        self._agent = user_agent

    @property
    def host(self) -> str:
        """The name or address of the API server."""
        return (urlsplit(str(self._client.configuration.host)).hostname or "").removesuffix(".")

    async def close(self) -> None:
        """Close the pool, and wait until its connections are closed."""
        await self._client.close()  # type: ignore[no-untyped-call]

    async def call(
        self, request: Request, seconds: float, token: str | None = None, on_answer: OnAnswer | None = None
    ) -> Object:
        """Make one call within `seconds`, and return the object that the API server answers. Raises ApiError."""
        began, status = time.monotonic(), 0
        try:
            response = await self.send(request, aiohttp.ClientTimeout(total=seconds), token)
            status = response.status
            raw = await read(response, request.most_bytes)
        except TimeoutError as error:
            raise UnreachableError(f"the API server gave no answer within {seconds:g} s") from error
        except NO_ANSWER as error:
            raise UnreachableError(f"the API server gave no answer: {words_of(error)}") from error
        finally:
            if on_answer is not None:
                on_answer(request.method, status, time.monotonic() - began)
        return answer_of(request, response, raw)

    async def send(
        self,
        request: Request,
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 - it bounds each read of a stream as well
        token: str | None = None,
    ) -> aiohttp.ClientResponse:
        """Send a request and return its answer, which is still to be read.

        With `token`, that of somebody else, in place of the credentials of this process. Raises one of NO_ANSWER.
        """
        # Not through the library's own call: that would copy the whole body for types that we do not send.
        headers = {"Accept": request.accept, "Content-Type": request.content, "User-Agent": self._agent}
        if request.actor.user is not None:
            headers["Impersonate-User"] = request.actor.user
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        else:
            await self._client.update_params_for_auth(
                headers, None, ["BearerToken"], request.path, request.method, request.body
            )
        query = f"?{urlencode(request.query)}" if request.query else ""
        url = f"{self._client.configuration.host}{request.path}{query}"
        send: Any = self._client.rest_client.request
        answer = await send(request.method, url, headers=headers, body=request.body, _request_timeout=timeout)
        response: aiohttp.ClientResponse = answer.response
        return response
