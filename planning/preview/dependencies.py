"""Which earlier action of a run makes what a later one needs, so that nobody can ask whether that would succeed.

Source: docs/spec/drplanexecution.md, "Preview".
"""

from collections.abc import Iterable
from dataclasses import dataclass

from api.objects import Target
from api.phases import Operation

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


class Changes:
    """The changes of the actions so far, in their order; what is looked for is found without going through all."""

    def __init__(self, changes: Iterable[Change] = ()) -> None:
        self._number = 0
        self._objects: dict[_Key, tuple[int, str]] = {}
        """By object: number and name of the last action that works on it."""
        self._namespaces: dict[str, tuple[int, str]] = {}
        self._kinds: dict[tuple[str, str], tuple[int, str]] = {}
        """By group and kind; without a kind, of a deletion, which does not say it."""
        self.granting: str | None = None
        """The first action that may give the account rights which it lacks now."""
        for change in changes:
            self.add(change)

    def add(self, change: Change) -> None:
        """Add what the next action would change."""
        self._number += 1
        last, kind = (self._number, change.action), _group_kind(change.target)
        self._objects[_key(change.target)] = last
        if kind == _NAMESPACE:
            self._namespaces[change.target.name] = last
        if kind == _DEFINITION:
            # The name of a definition is its plural and its group.
            self._kinds[change.target.name.partition(".")[2], change.defines] = last
        grants = change.operation in (*_CREATING, Operation.PATCH) and (kind[0] == _RIGHTS or kind == _ACCOUNT)
        if grants and self.granting is None:
            self.granting = change.action

    def dependency(self, target: Target) -> Dependency | None:
        """Return the last change that decides whether an operation on `target` succeeds; None where none does."""
        group, kind = _group_kind(target)
        room = [
            self._namespaces.get(target.namespace or ""),
            self._kinds.get((group, kind)),
            self._kinds.get((group, "")),
        ]
        found = [(*last, False) for last in room if last is not None]
        if (on_object := self._objects.get(_key(target))) is not None:
            found.append((*on_object, True))
        if not found:
            return None
        _, action, same = max(found)
        return Dependency(action, on_object=same)


_Key = tuple[tuple[str, str], str | None, str]


def _key(target: Target) -> _Key:
    """Return what an object is called in every version."""
    return _group_kind(target), target.namespace, target.name


def _group_kind(target: Target) -> tuple[str, str]:
    return target.api_version.rpartition("/")[0], target.kind
