"""Which earlier action of a run makes what a later one needs, so that nobody can ask whether that would succeed.

Source: docs/spec/drplanexecution.md, "Preview".
"""

from collections.abc import Iterable
from dataclasses import dataclass

from api.phases import Operation
from api.steps import Target

_CREATING = (Operation.CREATE, Operation.APPLY, Operation.REPLACE)
_NAMESPACE = ("", "Namespace")
_DEFINITION = ("apiextensions.k8s.io", "CustomResourceDefinition")
_RIGHTS = "rbac.authorization.k8s.io"
_ACCOUNT = ("", "ServiceAccount")


@dataclass(frozen=True)
class Change:
    """What an action would change, as far as others may depend on it."""

    action: str
    operation: Operation
    target: Target
    defines: str = ""
    """Of a CustomResourceDefinition: the kind that it defines."""


@dataclass(frozen=True)
class Dependency:
    """The action whose effect another one needs."""

    action: str
    on_object: bool
    """Whether it is the very object that both are about; otherwise something without which that cannot exist."""


def dependency(target: Target, earlier: Iterable[Change]) -> Dependency | None:
    """Return the last earlier change that decides whether an operation on `target` succeeds; None where none does."""
    found = None
    for change in earlier:
        if _same_object(change.target, target):
            found = Dependency(change.action, on_object=True)
        elif _makes_room(change, target):
            found = Dependency(change.action, on_object=False)
    return found


def grants_rights(earlier: Iterable[Change]) -> str | None:
    """Return the first earlier action that may give the account rights which it lacks now; None where none does."""
    for change in earlier:
        kind = _group_kind(change.target)
        if change.operation in (*_CREATING, Operation.PATCH) and (kind[0] == _RIGHTS or kind == _ACCOUNT):
            return change.action
    return None


def _makes_room(change: Change, target: Target) -> bool:
    """Return whether a change brings, or takes away, the namespace or the kind of an object."""
    kind = _group_kind(change.target)
    if kind == _NAMESPACE:
        return target.namespace == change.target.name
    if kind != _DEFINITION:
        return False
    group, named = _group_kind(target)
    # The name of a definition is its plural and its group; a deletion does not say the kind.
    same_group = bool(group) and change.target.name.partition(".")[2] == group
    return same_group and change.defines in ("", named)


def _same_object(one: Target, other: Target) -> bool:
    return (_group_kind(one), one.namespace, one.name) == (_group_kind(other), other.namespace, other.name)


def _group_kind(target: Target) -> tuple[str, str]:
    return target.api_version.rpartition("/")[0], target.kind
