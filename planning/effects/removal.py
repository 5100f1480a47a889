"""What keeps a namespace or a CustomResourceDefinition from going: what its controller reports, and what is left.

Source: docs/operations.md, "An object does not go"; Kubernetes, "Namespaces" and "Finalizers".
"""

from collections.abc import Sequence

from api.objects import Target
from planning.effects.object_fields import Object, at, group_and_kind, items, text

_NAMESPACE = ("", "Namespace")
_DEFINITION = ("apiextensions.k8s.io", "CustomResourceDefinition")
_OF_NAMESPACES = frozenset(
    {
        *("NamespaceDeletionDiscoveryFailure", "NamespaceDeletionGroupVersionParsingFailure"),
        *("NamespaceDeletionContentFailure", "NamespaceContentRemaining", "NamespaceFinalizersRemaining"),
    }
)
"""Conditions of a namespace that keep it from going where they are True."""
_NO_NEWS = "InstanceDeletionInProgress"
"""Reason of the condition Terminating of a definition that says no more than that."""


_BY_THEMSELVES = ("foregroundDeletion", "orphan", "kubernetes")
_OWN_DOMAINS = ("kubernetes.io", "k8s.io", "clusternet.io")
"""Of controllers that a cluster with drplan has anyway, with all names below them."""


def holding(finalizers: Sequence[str], *, deleting: bool) -> list[str]:
    """Return the finalizers that may keep an object from going; all of them where it is being deleted already.

    Those of Kubernetes and Clusternet are removed by controllers which are there, of others nobody knows.
    """
    if deleting:
        return list(finalizers)
    return [each for each in finalizers if each not in _BY_THEMSELVES and not _of_own_domain(each)]


def _of_own_domain(finalizer: str) -> bool:
    domain = finalizer.partition("/")[0]
    return any(domain == own or domain.endswith(f".{own}") for own in _OWN_DOMAINS)


def is_emptied(target: Target) -> bool:
    """Return whether an object goes only after others, and reports how far that is."""
    return (target.api_version.rpartition("/")[0], target.kind) in (_NAMESPACE, _DEFINITION)


def obstacles(found: Object) -> list[str]:
    """Return what the controller of a namespace or a definition reports of its removal."""
    names = _OF_NAMESPACES if group_and_kind(found) == _NAMESPACE else {"Terminating"}
    return [
        text(each, "message")
        for each in items(found, "status", "conditions")
        if text(each, "type") in names and text(each, "status") == "True" and text(each, "reason") != _NO_NEWS
    ]


def defined_kind(found: Object) -> Target | None:
    """Return the kind of the objects of a definition, without a name; None for what is no definition."""
    served = [each for each in items(found, "spec", "versions") if at(each, "served") is True]
    if group_and_kind(found) != _DEFINITION or not served:
        return None
    version = f"{text(found, 'spec', 'group')}/{text(served[0], 'name')}"
    return Target(api_version=version, kind=text(found, "spec", "names", "kind"), name="")
