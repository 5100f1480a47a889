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
from kube.errors import ApiError

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

    An annotation of None removes what an earlier request had set.
    """
    request_id = uuid.uuid4().hex
    whose = {REQUEST_ID_ANNOTATION: request_id, REQUEST_BY_ANNOTATION: executions.user()}
    executions.annotate(name, {**annotations, **whose})
    deadline = time.monotonic() + ANSWER_SECONDS
    while time.monotonic() < deadline:
        try:
            requests = (executions.get(name).get("status") or {}).get("requests") or []
        except ApiError as error:
            if not error.unavailable:
                raise
            requests = []
        for each in requests:
            if each.get("id") == request_id and each.get("state") != "Requested":
                return dict(each)
        time.sleep(POLL_SECONDS)
    return None
