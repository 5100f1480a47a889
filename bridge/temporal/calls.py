"""A call to Temporal: its deadline, and what is raised where it does not do what was asked.

TemporalError
├── RequestRefused               the workflow refuses a person's request; the message says why
├── RunNotFound                  the server does not know the run: never started, or past its retention
└── TemporalUnreachable          no usable answer now; what was asked may or may not have happened
    ├── NoAnswer                 the server, or the worker that a query needs, does not answer at all
    └── InvalidArgument          the server refuses an argument, such as a search attribute that is not registered
"""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

from google.protobuf.any_pb2 import Any as AnyMessage
from temporalio.api.errordetails.v1 import NamespaceNotFoundFailure
from temporalio.service import RPCError, RPCStatusCode

from process.payload_encryption import PayloadDecryptionError
from process.temporal import NO_ANSWER

T = TypeVar("T")

CALL_SECONDS = 3.0


class TemporalError(Exception):
    """A call to Temporal that did not do what was asked."""


class TemporalUnreachable(TemporalError):  # noqa: N818 - a state, named as one
    """There is no usable answer now; what was asked may or may not have happened."""


class NoAnswer(TemporalUnreachable):
    """The server, or the worker that a query needs, does not answer at all."""


class InvalidArgument(TemporalUnreachable):
    """The server refused an argument; no status says which."""


class RequestRefused(TemporalError):  # noqa: N818 - an answer, not a fault
    """The workflow refuses a person's request; the message says why."""


class RunNotFound(TemporalError):  # noqa: N818 - the server's own word
    """The server does not know this run: it was never started, or is past its retention."""


async def answer_of(call: Awaitable[T], seconds: float = CALL_SECONDS + 1) -> T:
    """Await a call within a deadline; the client's own one bounds each RPC, not all that a call does."""
    try:
        async with asyncio.timeout(seconds):
            return await call
    except TimeoutError as error:
        raise NoAnswer(f"no answer within {seconds:g} s") from error
    except RPCError as error:
        raise _error_of(error) from error
    except PayloadDecryptionError as error:
        raise TemporalUnreachable(str(error)) from error
    except RuntimeError as error:  # from a lazy client that cannot connect
        raise NoAnswer(str(error)) from error


def _error_of(error: RPCError) -> TemporalError:
    details: list[AnyMessage] = list(error.grpc_status.details)
    no_namespace = any(detail.Is(NamespaceNotFoundFailure.DESCRIPTOR) for detail in details)
    if error.status is RPCStatusCode.NOT_FOUND and not no_namespace:
        return RunNotFound(error.message)
    message = f"{error.status.name}: {error.message}"
    if error.status is RPCStatusCode.INVALID_ARGUMENT:
        return InvalidArgument(message)
    if error.status in NO_ANSWER:
        return NoAnswer(message)
    return TemporalUnreachable(message)
