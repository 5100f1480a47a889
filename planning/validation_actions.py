"""What is wrong with the actions of a DRWorkflow, apart from what their placeholders name.

Paths are those below the DRWorkflow. What an open object holds is left to whoever owns it.
Source: docs/spec/drworkflow.md, "Errors".
"""

from collections.abc import Iterator, Sequence

from api.actions import CLUSTER_EXECUTION_MODES, Action, HttpRequest
from api.phases import Operation
from planning.definitions.action_types import Says, block_of, kind_of, operation_of
from planning.definitions.dependencies import circle, sorted_by_need, stage_needs
from planning.definitions.manifest import ManifestError, parse_manifest
from planning.definitions.retry import attempt_faults
from planning.definitions.rollback import CustomRollbackError, RollbackHook, rollback_of
from planning.definitions.when import WhenError, modes
from planning.messages import fields as field_messages
from planning.validation_http import request_faults
from planning.values.placeholders import has_template

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
        yield "rollback", field_messages.patch_without_rollback()


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
        yield f"{kind.field}.name", field_messages.empty_name()
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
