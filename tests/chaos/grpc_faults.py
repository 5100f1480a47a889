"""A proxy in front of Temporal that answers in its place, or drops the answer to what Temporal has done."""

import random
from functools import partial
from typing import Any

import grpc

from tests.chaos.http_faults import Answer
from tests.chaos.links import Loop

_CODES = {
    Answer.TOO_MANY: grpc.StatusCode.RESOURCE_EXHAUSTED,
    Answer.INTERNAL: grpc.StatusCode.INTERNAL,
    Answer.UNAVAILABLE: grpc.StatusCode.UNAVAILABLE,
}
"""What the gRPC gateway and its clients take for 429, 500 and 503.
Source: https://github.com/googleapis/googleapis/blob/master/google/rpc/code.proto"""
_UNLIMITED = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
_OF_THE_CONNECTION = ("user-agent", "te", "grpc-timeout", "content-type")


class GrpcFaults:
    """Does to some of the calls what is wanted at the moment, and passes the others on. All of Temporal's are unary."""

    def __init__(self, upstream: str, loop: Loop) -> None:
        self.answer = Answer.UNAVAILABLE
        self.share = 1.0
        """Part of the calls that are answered so."""
        self.random = random.Random(0)
        self.dropped = 0
        """Answers that were dropped after Temporal had carried out a call."""
        self.port = 0
        self._upstream = upstream
        self._loop = loop

    def start(self) -> None:
        """Listen."""
        self._loop.call(self._start())

    def close(self) -> None:
        """Stop listening."""
        self._loop.call(self._stop())

    def take_dropped(self) -> int:
        """Return how many answers were dropped since the last call."""
        dropped, self.dropped = self.dropped, 0
        return dropped

    def service(self, call: Any) -> Any:
        """Return who handles a method; gRPC asks for it."""
        return grpc.unary_unary_rpc_method_handler(partial(self._handle, call.method))

    async def _start(self) -> None:
        self._channel = grpc.aio.insecure_channel(self._upstream, options=_UNLIMITED)
        self._server = grpc.aio.server(options=_UNLIMITED)
        self._server.add_generic_rpc_handlers((self,))
        self.port = self._server.add_insecure_port("127.0.0.1:0")
        await self._server.start()

    async def _stop(self) -> None:
        await self._server.stop(grace=None)
        await self._channel.close()

    async def _handle(self, method: str, request: bytes, context: Any) -> bytes:
        disturbed = self.random.random() <= self.share
        if disturbed and self.answer in _CODES:
            await context.abort(_CODES[self.answer], "made by the fault campaign")
        answer = await self._forward(method, request, context)
        if disturbed and self.answer is Answer.JUNK:
            return b"\xff\xff\xff<html>Welcome to the gateway</html>"
        if disturbed:
            self.dropped += 1
            await context.abort(grpc.StatusCode.UNAVAILABLE, "the connection broke before the answer was there")
        return answer

    async def _forward(self, method: str, request: bytes, context: Any) -> bytes:
        metadata = tuple(each for each in context.invocation_metadata() or () if each[0] not in _OF_THE_CONNECTION)
        try:
            answer: bytes = await self._channel.unary_unary(method)(
                request, metadata=metadata, timeout=context.time_remaining()
            )
        except grpc.aio.AioRpcError as error:
            await context.abort(error.code(), error.details(), tuple(error.trailing_metadata() or ()))
            raise
        return answer
