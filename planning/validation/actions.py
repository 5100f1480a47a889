"""Validate the actions of a DRWorkflow, apart from what their placeholders name.

A rollback is validated like any other action; the spec of a Job or of a Clusternet kind is left to the API server.
Source: docs/spec/drworkflow.md, "Errors".
"""

import re
from collections.abc import Collection, Iterator, Sequence
from functools import cache
from typing import Any
from urllib.parse import urlsplit

from api.actions import CLUSTER_EXECUTION_MODES, METHODS, Action, HttpRequest, ManifestObject
from api.phases import Operation, PatchType
from api.schema import Schema, structural_schema
from planning.definitions.action_list import CustomRollbackError, RollbackHook, rollback_of
from planning.definitions.action_types import ACTION_TYPES, NamedBy, block_of, operation_of, row_of
from planning.definitions.dependencies import cycle, dependency_order, needs_of
from planning.definitions.field_errors import FieldError, below
from planning.definitions.json_patch import operations_of
from planning.definitions.manifest import parse_manifest
from planning.definitions.retry import attempt_errors
from planning.definitions.target import target_of_action
from planning.definitions.when import WhenError, modes
from planning.definitions.yaml_scalars import ManifestError
from planning.messages import fields as field_messages
from planning.validation.schema import apart_from, form_errors, repaired
from planning.values.placeholders import (
    PlaceholderKind,
    TemplateError,
    Values,
    has_template,
    placeholders_of,
)
from planning.values.rendering import render_manifest, rendered_action, validate_manifest_template

_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_BLANK = re.compile(r"[\s\0-\x1f]")
_LINE_BREAK = re.compile(r"[\r\n\0]")


def action_errors(actions: Sequence[Action]) -> Iterator[FieldError]:
    """Validate a list of actions and each of them."""
    yield from duplicate_names([action.name for action in actions], "spec.actions", "action")
    yield from dependency_errors("action", [(action.name, action.depends_on or []) for action in actions])
    for index, action in enumerate(actions):
        form = list(_open_object_errors(action))
        found = [*body_errors(action), *_hook_and_condition_errors(action)]
        if (rollback := rollback_or_none(action)) is not None:
            found += below("rollback", [*_template_form_errors(rollback), *body_errors(rollback)])
        yield from below(f"spec.actions[{index}]", [*form, *apart_from(form, found)])


def duplicate_names(names: Sequence[str], path: str, what: str) -> Iterator[FieldError]:
    """Find names that are used more than once; the error is at the later ones."""
    seen: set[str] = set()
    for index, name in enumerate(names):
        if name in seen:
            yield FieldError(f"{path}[{index}].name", field_messages.duplicate_name(what, name))
        seen.add(name)


def dependency_errors(what: str, parts: Sequence[tuple[str, Sequence[str]]]) -> Iterator[FieldError]:
    """Find dependencies on what does not exist, and cycles, among names with the names that they depend on."""
    names = [name for name, _ in parts]
    known = frozenset(names)
    for index, (_, depends_on) in enumerate(parts):
        for place, name in enumerate(depends_on):
            if name not in known:
                path = f"spec.{what}s[{index}].dependsOn[{place}]"
                yield FieldError(path, field_messages.unknown_dependency(what, name))
    needs = needs_of(parts)
    if len(dependency_order(needs)) < len(names):
        places = cycle(needs)
        message = field_messages.cycle(what, [names[place] for place in places])
        yield FieldError(f"spec.{what}s[{places[0]}].dependsOn", message)


def _hook_and_condition_errors(action: Action) -> Iterator[FieldError]:
    """Validate the fields that have no meaning in a rollback."""
    try:
        modes(action.when)
    except WhenError as error:
        yield FieldError("when", str(error))
    hook_type = action.hook_type or ""
    letters = "".join(sign for sign in hook_type.lower() if sign.isalpha())
    for hook in RollbackHook:
        # A misspelt rollback hook would run with the other actions of an Execute.
        if hook_type != hook and letters == hook.replace("-", ""):
            yield FieldError("hookType", field_messages.misspelt_hook(hook_type, hook.value))
    if operation_of(action) is Operation.PATCH and action.rollback is None and _changes_a_secret(action):
        yield FieldError("rollback", field_messages.PATCH_WITHOUT_ROLLBACK)


def _changes_a_secret(action: Action) -> bool:
    """Return whether an action is about a Secret, whose state before is never stored."""
    try:
        target = target_of_action(action)
    except ManifestError:
        return False
    return target is not None and (target.api_version, target.kind) == ("v1", "Secret")


def body_errors(action: Action) -> Iterator[FieldError]:
    """Validate what an action does and how it is tried."""
    yield from attempt_errors(action)
    row, block = row_of(action), block_of(action)
    if block is None:
        yield FieldError(row.field, field_messages.missing_block(row.field, action.type))
        return
    if row.named_by is NamedBy.BLOCK and not block.name:
        yield FieldError(f"{row.field}.name", field_messages.EMPTY_NAME)
    if row.needs_namespace and not block.namespace:
        yield FieldError(f"{row.field}.namespace", field_messages.missing_namespace(action.type))
    operation = operation_of(action)
    if row.rules and operation not in row.rules:
        yield FieldError(f"{row.field}.operation", field_messages.unsupported(operation, list(row.rules)))
    mode = action.cluster_execution_mode
    if mode not in CLUSTER_EXECUTION_MODES:
        yield FieldError("clusterExecutionMode", field_messages.unsupported(mode, CLUSTER_EXECUTION_MODES))
    if isinstance(block, ManifestObject):
        yield from below(row.field, _manifest_errors(block))
    if isinstance(block, HttpRequest):
        yield from below(row.field, _request_errors(block))


def _manifest_errors(block: ManifestObject) -> Iterator[FieldError]:
    """Validate a manifest, and how it changes its object."""
    if block.patch_type is not None and block.operation is not Operation.PATCH:
        yield FieldError("patchType", field_messages.PATCH_TYPE_WITHOUT_PATCH)
    if has_template(block.manifest):
        return
    try:
        body = parse_manifest(render_manifest(block.manifest, Values()))
        if block.operation is Operation.PATCH and block.patch_type is PatchType.JSON:
            operations_of(body)
    except ManifestError as error:
        yield FieldError("manifest", field_messages.manifest(str(error)))


def _request_errors(request: HttpRequest) -> Iterator[FieldError]:
    """Validate an HTTP request. Its values are not repeated: they may be secret."""
    if not request.url.strip():
        yield FieldError("url", field_messages.EMPTY_URL)
    elif not has_template(request.url) and not _is_web_address(request.url):
        yield FieldError("url", _address_error(request.url))
    if request.method not in METHODS and not has_template(request.method):
        yield FieldError("method", field_messages.unsupported(request.method, METHODS))
    for name, value in (request.headers or {}).items():
        if not _HEADER_NAME.fullmatch(name):
            yield FieldError(f"headers.{name}", field_messages.not_a_header(name))
        elif _LINE_BREAK.search(value):
            yield FieldError(f"headers.{name}", field_messages.HEADER_OF_SEVERAL_LINES)
    for index, code in enumerate(request.success_codes or []):
        if not 100 <= code <= 599:
            yield FieldError(f"successCodes[{index}]", field_messages.not_a_status_code(code))


def _address_error(url: str) -> str:
    """Return why a text is not the address of a service."""
    if not _is_web_address(url.strip()):
        return field_messages.NOT_AN_ADDRESS
    ends_line = url.endswith(("\n", "\r"))
    return field_messages.ADDRESS_WITH_LINE_BREAK if ends_line else field_messages.ADDRESS_WITH_BLANKS


def _is_web_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        complete = parts.scheme.lower() in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    return complete and _BLANK.search(url) is None


def rendered_errors(action: Action, values: Values, secret: Collection[str]) -> Iterator[FieldError]:
    """Validate an action and its rollback with their placeholders filled in; paths are relative to the action.

    Of a definition that uses outputs, which are known only when its turn comes, or a parameter in `secret`, whose
    value must not appear in a message, only the structure is validated.
    """
    yield from _rendered_body_errors(action, values, secret)
    rollback = rollback_or_none(action)
    if rollback is not None:
        yield from below("rollback", _rendered_body_errors(rollback, values, secret))


def _rendered_body_errors(action: Action, values: Values, secret: Collection[str]) -> Iterator[FieldError]:
    used = [placeholder for _, placeholder in placeholders_of(action)]
    uses_outputs = any(each.kind is PlaceholderKind.OUTPUTS for each in used)
    uses_secret = any(each.kind is PlaceholderKind.PARAMS and each.name in secret for each in used)
    if not used:
        return
    row, block = row_of(action), block_of(action)
    try:
        if not uses_outputs and not uses_secret:
            yield from body_errors(rendered_action(action, values))
        elif row.named_by is NamedBy.MANIFEST:
            validate_manifest_template(block.manifest)
    except TemplateError as error:
        yield FieldError(error.path, error.reason)
    except ManifestError as error:
        yield FieldError(f"{row.field}.manifest", field_messages.manifest(str(error)))


def rollback_or_none(action: Action) -> Action | None:
    """Return what can be validated of an action's own rollback; `action_errors` reports what is wrong with its form."""
    try:
        if action.rollback is None:
            return None
        return rollback_of(
            action.model_copy(update={"rollback": repaired(_without_empty(action.rollback), _rollback_schema())})
        )
    except CustomRollbackError:
        return None


# Open objects, whose form the API server leaves to others.


def _open_object_errors(action: Action) -> Iterator[FieldError]:
    yield from _template_form_errors(action)
    if action.rollback is not None:
        yield from form_errors(_without_empty(action.rollback), _rollback_schema(), "rollback")


def _without_empty(rollback: dict[str, Any]) -> dict[str, Any]:
    """Return a rollback without the fields that count as absent."""
    return {name: value for name, value in rollback.items() if value not in (None, "")}


@cache
def _rollback_schema() -> Schema:
    """Return the schema of an action, but for what is required in other ways.

    Name and type may be those of the action that it takes back; a missing namespace has a message of its own.
    """
    schema = structural_schema(Action, defaults=False)
    blocks = {row.field for row in ACTION_TYPES.values()}
    fields = {
        name: _not_required(each, "namespace") if name in blocks else each
        for name, each in schema["properties"].items()
    }
    return _not_required({**schema, "properties": fields}, "name", "type")


def _not_required(schema: Schema, *names: str) -> Schema:
    return {**schema, "required": [name for name in schema.get("required", []) if name not in names]}


_TEXTS: Schema = {"type": "object", "additionalProperties": {"type": "string"}}
_TEMPLATE: Schema = {
    "type": "object",
    "properties": {
        "metadata": {
            "type": "object",
            "x-kubernetes-preserve-unknown-fields": True,
            "properties": {"name": {"type": "string"}, "labels": _TEXTS, "annotations": _TEXTS},
        },
        "spec": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
    },
}
"""Of a Job's template, what decides its name and marks; the rest is validated by the API server."""


def _template_form_errors(action: Action) -> Iterator[FieldError]:
    row, block = row_of(action), block_of(action)
    if row.named_by is NamedBy.TEMPLATE and block is not None:
        yield from form_errors(block.template, _TEMPLATE, f"{row.field}.template")
