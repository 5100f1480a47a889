"""What a preview says of actions, workflows, stages and the plan, always in the conditional.

Source: docs/spec/drplanexecution.md, "Preview".
"""

from collections.abc import Sequence

from api.objects import Target
from api.phases import Operation, OperationType
from planning.messages.text import MESSAGE_BOUND, called, counted, listed, placed

_LISTED = 300
"""Bytes that a list may take in one message."""
_SHOWN = 12
"""Characters of a digest: enough to tell two of them apart."""
NO_DRY_RUN = "an admission webhook takes no dry runs, so its decision cannot be known before"
CUSTOM_ROLLBACK = "Would execute the custom rollback: "
HOOK = "Would execute the rollback hook: "


# Actions.


def would(operation: Operation, target: Target) -> str:
    """The operation would be done: `Would delete Localization default/nginx-loc-a`."""
    return f"Would {operation.value.lower()} {placed(target)}"


def would_apply(target: Target, *, created: bool) -> str:
    """An Apply would be done; `created` tells whether the object would be there because of it."""
    return f"{would(Operation.APPLY, target)} ({'it would be created' if created else 'it exists'})"


def would_replace(target: Target, *, existed: bool) -> str:
    """A Replace would be done; `existed` tells whether there is an object to replace."""
    return f"{would(Operation.REPLACE, target)}{'' if existed else ' (it does not exist)'}"


def would_fail_to(operation: Operation, kind: str, reason: str) -> str:
    """An operation would fail: `Would fail to create Localization: <reason>`."""
    return f"Would fail to {operation.value.lower()} {kind}: {reason}"


def would_fail(reason: str) -> str:
    """An action would fail for a reason that is a whole sentence."""
    return f"Would fail: {reason}"


def of_execution(name: str, reason: str) -> str:
    """A Revert that returns to an earlier execution would stop at this one."""
    return f"execution {name}: {reason}"


def all_of(parts: Sequence[str]) -> str:
    """Join what would be done with several objects of one action."""
    return listed(parts, MESSAGE_BOUND)


def would_delete(targets: Sequence[Target]) -> str:
    """The default rollback would be done: `Would delete ConfigMap default/a, ConfigMap default/b`."""
    return f"Would delete {listed([placed(target) for target in targets], MESSAGE_BOUND // 2, ', ')}"


def would_restore(target: Target) -> str:
    """The default rollback would be done: the object would be as it was before the action."""
    return f"Would restore {placed(target)}"


def nothing_to_delete(target: Target) -> str:
    """A Delete would find nothing."""
    return f"{placed(target)} does not exist: there would be nothing to delete"


def and_removed(message: str) -> str:
    """Follow what would be done with an object that the action's own hook cleanup removes."""
    return f"{message}, and remove it afterwards"


def held(target: Target, finalizers: Sequence[str], *, deleting: bool) -> str:
    """Reason: an object would not go by itself."""
    names = listed(finalizers, _LISTED, ", ")
    being = " is being deleted already, and" if deleting else ""
    return f"{called(target)}{being} would not go before its finalizers are removed: {names}"


def would_request(method: str, url: str) -> str:
    """An HTTP action would be carried out; whether it succeeds, only its answer tells."""
    return f"Would send HTTP {method} {url}"


def request_would_fail(method: str, url: str, reason: str) -> str:
    """The request would not be made."""
    return f"HTTP {method} {url} would fail: {reason}"


def in_clusters(message: str, number: int) -> str:
    """Follow what would be done once for each managed cluster."""
    return f"{message} in {counted(number, 'cluster')}"


def lacks_rights(user: str, rights: Sequence[str]) -> str:
    """Reason: the account may not do it; `rights` are like `create configmaps in namespace shop`."""
    return f"{user} has no right to {listed(rights, _LISTED, ', ')}"


def right(verb: str, resource: str, group: str, namespace: str | None) -> str:
    """Name a right: `create deployments.apps in namespace shop`."""
    name = f"{resource}.{group}" if group else resource
    return f"{verb} {name} in namespace {namespace}" if namespace else f"{verb} {name}"


def not_known_before(what: str, action: str) -> str:
    """What the action needs comes from an earlier action, so nobody can ask whether it would succeed."""
    return f"{what}; whether that succeeds cannot be known before action {action} ran"


def not_known(what: str, reason: str) -> str:
    """Whether an action would succeed cannot be asked."""
    return f"{what}; {reason}"


def progress(done: int, total: int) -> str:
    """While a preview is made."""
    return f"Asking the API server about the actions: {done} of {total}"


# Workflows, stages and the plan.


def part_would_be(operation: OperationType, part: str) -> str:
    """A part (`Workflow` or `Stage`) would be done."""
    return f"{part} would be {'reverted' if operation is OperationType.REVERT else 'executed'}"


def part_would_fail(child: str, name: str) -> str:
    """A part would fail because of a child."""
    return f"Would fail at {child} {name}"


def plan_would_be(operation: OperationType, stages: int, actions: int, skipped: int, unknown: int) -> str:
    """Nothing was found that would keep the execution from succeeding."""
    verb, done = ("revert", "rolled back") if operation is OperationType.REVERT else ("execute", "executed")
    skips = f", {counted(skipped, 'action')} skipped" if skipped else ""
    open_ = f"; of {counted(unknown, 'action')} it cannot be known before others ran" if unknown else ""
    what = f"{counted(stages, 'stage')}, {counted(actions, 'action')} {done}{skips}"
    return f"Preview: would {verb} the plan: {what}{open_}; nothing was changed"


def plan_would_fail(number: int, first: str) -> str:
    """There are obstacles."""
    return f"Preview: {counted(number, 'obstacle')}, nothing was changed; the first: {first}"


def plan_would_be_refused(reason: str) -> str:
    """The execution would be refused as a whole."""
    return f"Preview: would be refused: {reason}"


# An execution with a previewDigest.


def not_as_previewed(digest: str, differences: Sequence[str]) -> str:
    """The execution is refused, for it would do something else than what was shown."""
    what = listed(differences, MESSAGE_BOUND // 2)
    return f"Not started: not as the preview with digest {digest[:_SHOWN]} showed it: {what}; create a new preview"


def preview_gone(plan: str) -> str:
    """A difference: it cannot be told."""
    return f"no preview of DRPlan {plan} has this digest any more, so the differences cannot be told"


def definitions_differ() -> str:
    """A difference: what would be carried out."""
    return "the plan, a DRWorkflow or the value of a parameter changed"


def account_differs(before: str | None, now: str | None) -> str:
    """A difference: in whose name the actions act."""
    return f"the service account was {before or 'none'}, and is {now or 'none'}"


def action_differs(place: str, before: str, now: str) -> str:
    """A difference: what would become of an action."""
    return f"{place}: was {before}, is {now}"


def action_added(place: str) -> str:
    """A difference: an action that the preview did not show."""
    return f"{place} was not there"


def action_gone(place: str) -> str:
    """A difference: an action that only the preview shows."""
    return f"{place} is gone"


def place(stage: str, workflow: str, action: str) -> str:
    """Name an action with where it is: `stage deploy, workflow default/nginx, action create-a`."""
    return f"stage {stage}, workflow {workflow}, action {action}"
