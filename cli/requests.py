"""What a person asks of a running execution: written as annotations, then followed until the bridge has answered.

Source: docs/spec/drplanexecution.md, "Pause and repair".
"""

import argparse
import json
import sys
import time
import uuid
from collections.abc import Mapping

from api.names import (
    REQUEST_ANNOTATION,
    REQUEST_BY_ANNOTATION,
    REQUEST_GROUP_ANNOTATION,
    REQUEST_ID_ANNOTATION,
    REQUEST_PARAMS_ANNOTATION,
    REQUEST_REASON_ANNOTATION,
    REQUEST_TARGET_ANNOTATION,
    REQUEST_TIMEOUT_ANNOTATION,
)
from cli.executions import POLL_SECONDS, Executions
from cli.options import connected, parameters
from cli.terminal import neutral
from kube.blocking import Object
from kube.errors import ApiError, ConflictError

ENDED = frozenset({"Succeeded", "Failed", "Canceled"})
"""Phases after which nothing is answered."""
ANSWER_SECONDS = 30.0
"""How long the answer of the bridge is waited for; the request stays, and is answered later."""


def add_action(parser: argparse.ArgumentParser) -> None:
    """Add the action that a decision is about."""
    text = "the action, as stage/workflow/action; needed where several wait for a decision"
    parser.add_argument("--action", metavar="PATH", help=text)


def add_reason(parser: argparse.ArgumentParser, *, required: bool = False) -> None:
    """Add why a person asks for something."""
    parser.add_argument("--reason", required=required, help="why; kept in the status and in Temporal's history")


def request(options: argparse.Namespace, target: str | None = None) -> int:
    """Write the request that the command is called after, and tell the answer; exit code 1 where it is refused."""
    kind, params = options.command, parameters(getattr(options, "param", []))
    annotations = {
        REQUEST_ANNOTATION: kind,
        REQUEST_TARGET_ANNOTATION: target,
        REQUEST_REASON_ANNOTATION: options.reason,
        REQUEST_TIMEOUT_ANNOTATION: getattr(options, "timeout", None),
        REQUEST_PARAMS_ANNOTATION: json.dumps(params) if params else None,
        REQUEST_GROUP_ANNOTATION: getattr(options, "group", None),
    }
    with connected(options) as executions:
        name = executions.resolve(options.name)
        answer = ask(executions, name, annotations)
    if answer is None:
        print(f"drplanexecution/{name} {kind} requested; the bridge has not answered yet")
        return 0
    if answer.get("state") == "Refused":
        print(f"Error: refused: {neutral(answer.get('message'))}", file=sys.stderr)
        return 1
    print(f"drplanexecution/{name} {kind} {neutral(answer.get('state')).lower()}")
    return 0


def ask(executions: Executions, name: str, annotations: Mapping[str, str | None]) -> Object | None:
    """Write a request and return the bridge's answer; None while it has not answered. Raises ApiError.

    An annotation of None removes what an earlier request had set. A request of somebody else that waits for its answer
    is waited for, and never overwritten: the write is refused where the execution has changed since it was read.
    """
    request_id = uuid.uuid4().hex
    whose = {REQUEST_ID_ANNOTATION: request_id, REQUEST_BY_ANNOTATION: executions.user()}
    deadline = time.monotonic() + ANSWER_SECONDS
    waiting = _write(executions, name, {**annotations, **whose}, deadline)
    if waiting is not None:
        return {"state": "Refused", "message": waiting}
    while time.monotonic() < deadline:
        try:
            requests = _requests(executions.get(name))
        except ApiError as error:
            if not error.unavailable:
                raise
            requests = []
        for each in requests:
            if each.get("id") == request_id and each.get("state") != "Requested":
                return dict(each)
        time.sleep(POLL_SECONDS)
    return None


def _write(executions: Executions, name: str, annotations: Mapping[str, str | None], deadline: float) -> str | None:
    """Write a request once no other one waits; return which one still does at the deadline. Raises ApiError."""
    while True:
        execution = executions.get(name)
        waiting = _waiting(execution)
        if waiting is None:
            try:
                executions.annotate(name, annotations, execution["metadata"].get("resourceVersion"))
            except ConflictError:
                continue  # somebody has written something else meanwhile
            return None
        if time.monotonic() >= deadline:
            return waiting
        time.sleep(POLL_SECONDS)


def _waiting(execution: Object) -> str | None:
    """Say which request of an execution waits for its answer; None where none does, as after the execution's end."""
    annotations = execution["metadata"].get("annotations") or {}
    phase, request_id = (execution.get("status") or {}).get("phase"), annotations.get(REQUEST_ID_ANNOTATION)
    if request_id is None or phase in ENDED:
        return None
    if any(each.get("id") == request_id and each.get("state") != "Requested" for each in _requests(execution)):
        return None
    kind, by = annotations.get(REQUEST_ANNOTATION, ""), annotations.get(REQUEST_BY_ANNOTATION, "")
    return f"the {kind} of {by} waits for its answer, which comes while the execution runs; try again then"


def _requests(execution: Object) -> list[Object]:
    return list((execution.get("status") or {}).get("requests") or [])
