"""What is wrong with the actions of a DRWorkflow, apart from what their placeholders name.

Paths are those below the DRWorkflow. What an open object holds is left to whoever owns it.
Source: docs/spec/drworkflow.md, "Errors".
"""

import re
from collections.abc import Collection, Iterator, Sequence
from urllib.parse import urlsplit

from api.actions import CLUSTER_EXECUTION_MODES, METHODS, Action, HttpRequest
from api.phases import Operation
from planning.definitions.action_types import Says, block_of, filled, kind_of, operation_of, templates_of
from planning.definitions.dependencies import circle, sorted_by_need, stage_needs
from planning.definitions.manifest import ManifestError, parse_manifest
from planning.definitions.retry import attempt_faults
from planning.definitions.rollback import CustomRollbackError, RollbackHook, rollback_of
from planning.definitions.when import WhenError, modes
from planning.messages import fields as field_messages
from planning.values.placeholders import (
    Placeholder,
    PlaceholderKind,
    TemplateError,
    Values,
    has_template,
    placeholders,
    render_value,
    texts,
)

Finding = tuple[str, str]
"""A field path and what is wrong there."""


def action_faults(actions: Sequence[Action]) -> Iterator[Finding]:
    """Find what is wrong with a list of actions and with each of them."""
    yield from repeated([action.name for action in actions], "spec.actions", "action")
    yield from dependency_faults("action", [(action.name, action.depends_on or []) for action in actions])
    for index, action in enumerate(actions):
        for path, message in (*body_faults(action), *_list_faults(action), *_rollback_faults(action)):
            yield f"spec.actions[{index}].{path}", message


def repeated(names: Sequence[str], path: str, what: str) -> Iterator[Finding]:
    """Find names that stand more than once; the first keeps its right to the name."""
    seen: set[str] = set()
    for index, name in enumerate(names):
        if name in seen:
            yield f"{path}[{index}].name", field_messages.name_twice(what, name)
        seen.add(name)


def dependency_faults(what: str, given: Sequence[tuple[str, Sequence[str]]]) -> Iterator[Finding]:
    """Find dependencies that lead nowhere or in a circle, among names with what they depend on."""
    names = [name for name, _ in given]
    known = frozenset(names)
    for index, (_, depends_on) in enumerate(given):
        for place, name in enumerate(depends_on):
            if name not in known:
                yield f"spec.{what}s[{index}].dependsOn[{place}]", field_messages.unknown_dependency(what, name)
    needs = stage_needs(names, [depends_on for _, depends_on in given])
    if len(sorted_by_need(needs)) < len(names):
        found = circle(needs)
        yield f"spec.{what}s[{found[0]}].dependsOn", field_messages.cycle(what, [names[place] for place in found])


def _list_faults(action: Action) -> Iterator[Finding]:
    """Find what is wrong with an action as one of a list: what means nothing in a rollback."""
    try:
        modes(action.when or "")
    except WhenError as error:
        yield "when", str(error)
    hook = _misspelt(action.hook_type or "")
    if hook is not None:
        yield "hookType", field_messages.misspelt_hook(action.hook_type or "", hook.value)
    if operation_of(action) is Operation.PATCH and action.rollback is None:
        yield "rollback", field_messages.PATCH_WITHOUT_ROLLBACK


def _misspelt(text: str) -> RollbackHook | None:
    """Give the rollback hook that a text surely means and does not name: such an action would be run too early."""
    letters = "".join(sign for sign in text.lower() if sign.isalpha())
    return next((hook for hook in RollbackHook if hook.replace("-", "") == letters and hook != text), None)


def _rollback_faults(action: Action) -> Iterator[Finding]:
    try:
        rollback = rollback_of(action)
    except CustomRollbackError as error:
        yield from error.faults
        return
    if rollback is not None:
        yield from ((f"rollback.{path}", message) for path, message in body_faults(rollback))


def body_faults(action: Action) -> Iterator[Finding]:
    """Find what is wrong with what an action does and how it is tried."""
    yield from attempt_faults(action)
    kind, block = kind_of(action), block_of(action)
    if block is None:
        yield kind.field, field_messages.missing_block(kind.field, action.type)
        return
    if kind.says is Says.BLOCK and not block.name:
        yield f"{kind.field}.name", field_messages.EMPTY_NAME
    if kind.needs_namespace and not block.namespace:
        yield f"{kind.field}.namespace", field_messages.missing_namespace(action.type)
    operation = operation_of(action)
    if kind.rules and operation not in kind.rules:
        yield f"{kind.field}.operation", field_messages.unknown_operation(operation, action.type)
    if action.cluster_execution_mode not in CLUSTER_EXECUTION_MODES:
        yield "clusterExecutionMode", field_messages.unknown_cluster_mode(action.cluster_execution_mode)
    if kind.says is Says.MANIFEST:
        yield from _manifest_faults(f"{kind.field}.manifest", block.manifest)
    if isinstance(block, HttpRequest):
        yield from ((f"{kind.field}.{path}", message) for path, message in request_faults(block))


def _manifest_faults(path: str, text: str) -> Iterator[Finding]:
    """Find why a manifest is not one object; one with placeholders can only be judged once they are filled in."""
    try:
        parse_manifest(text)
    except ManifestError as error:
        if not has_template(text):
            yield path, field_messages.manifest(str(error))


_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_BLANK = re.compile(r"[\s\0-\x1f]")
_LINE = re.compile(r"[^\r\n\0]*")


def request_faults(request: HttpRequest) -> Iterator[tuple[str, str]]:
    """Find what is wrong: field paths below the request, and words. Values are not repeated: they may be secret."""
    if not request.url.strip():
        yield "url", field_messages.EMPTY_URL
    elif not has_template(request.url) and not _is_address(request.url):
        yield "url", field_messages.NOT_AN_ADDRESS
    if request.method not in METHODS and not has_template(request.method):
        yield "method", field_messages.unknown_method(request.method, METHODS)
    for name, value in (request.headers or {}).items():
        if not _TOKEN.fullmatch(name):
            yield f"headers.{name}", field_messages.not_a_header(name)
        elif not _LINE.fullmatch(value):
            yield f"headers.{name}", field_messages.HEADER_OF_SEVERAL_LINES
    for index, code in enumerate(request.success_codes or []):
        if not 100 <= code <= 599:
            yield f"successCodes[{index}]", field_messages.not_a_status_code(code)


def _is_address(url: str) -> bool:
    """Tell whether a text is the address of a web service."""
    try:
        parts = urlsplit(url)
        wanted = parts.scheme.lower() in ("http", "https") and bool(parts.hostname) and parts.port != 0
        return wanted and _BLANK.search(url) is None
    except ValueError:
        return False


def value_faults(action: Action, values: Values, secret: Collection[str]) -> Iterator[Finding]:
    """Judge an action and its rollback with their values; paths are those below the action.

    What uses outputs can be judged only when its turn comes, and so is what uses a parameter that is
    `secret`: no sentence may show what its value did.
    """
    yield from _body_faults(action, values, secret)
    try:
        rollback = rollback_of(action)
    except CustomRollbackError:
        return
    if rollback is not None:
        yield from ((f"rollback.{path}", message) for path, message in _body_faults(rollback, values, secret))


def _body_faults(action: Action, values: Values, secret: Collection[str]) -> Iterator[Finding]:
    used = list(_placeholders(action))
    if not used or any(_is_open(one, secret) for one in used):
        return
    try:
        whole = filled(action, lambda value, path: render_value(value, values, path))
    except TemplateError as error:
        yield error.path, error.reason
        return
    yield from body_faults(whole)


def _placeholders(action: Action) -> Iterator[Placeholder]:
    for path, value in templates_of(action).items():
        for _, text in texts(value, path):
            yield from placeholders(text)


def _is_open(found: Placeholder, secret: Collection[str]) -> bool:
    return found.kind is PlaceholderKind.OUTPUTS or (found.kind is PlaceholderKind.PARAMS and found.name in secret)
