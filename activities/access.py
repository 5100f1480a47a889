"""What the worker itself and a plan's service account may do, asked of the API server's authorizer.

Source: docs/operations.md, "Which namespaces" and "DRWorkflows of other namespaces"; Kubernetes,
"Authorization", "Checking API access".
"""

import time
from collections.abc import Iterable

from activities.errors import ActionError, action_error
from api.failures import FailureType
from api.meta import GROUP, ObjectName
from api.objects import Actor, Target
from api.tree import Rejection
from kube.client import OWN, Cluster, Object
from kube.concurrency import parallel
from kube.errors import ApiError, ForbiddenError, NotFoundError
from planning.messages import access as access_messages

_REVIEWS = "authorization.k8s.io/v1"
_OPEN_SECONDS = 10.0
"""How long a namespace that was open is not asked about again: many plans of it may begin at once."""


class OpenNamespaces:
    """The accounts as which the worker may act, asked of the API server when a run begins.

    The answer only decides how a run that could do nothing is refused, with a remedy: what an action may do, the API
    server decides for each of its requests.
    """

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._open: dict[tuple[str, str], float] = {}
        """When namespace and account were found to be usable."""

    async def require(self, namespace: str, account: str) -> None:
        """Raise what `require_open_namespace` raises, unless the account could be used a moment ago."""
        since = time.monotonic() - _OPEN_SECONDS
        self._open = {key: at for key, at in self._open.items() if at > since}
        if (namespace, account) not in self._open:
            await require_open_namespace(self._cluster, namespace, account)
            self._open[namespace, account] = time.monotonic()


async def require_open_namespace(cluster: Cluster, namespace: str, account: str) -> None:
    """Raise ActionError (FORBIDDEN, with a remedy) unless the worker may act as a service account of the namespace.

    An account that does not exist is named as well: it would be forbidden everything, without a word of why.
    """
    attributes = {"verb": "impersonate", "resource": "serviceaccounts", "namespace": namespace, "name": account}
    try:
        allowed = await _allowed(cluster, "SelfSubjectAccessReview", {"resourceAttributes": attributes})
    except ApiError as error:
        raise action_error(error, access_messages.access_unknown(namespace, error.message)) from error
    if not allowed:
        message = access_messages.namespace_not_open(namespace)
        raise ActionError(FailureType.FORBIDDEN, message, rejection=Rejection.NAMESPACE_NOT_OPEN)
    target = Target(api_version="v1", kind="ServiceAccount", name=account, namespace=namespace)
    try:
        await cluster.metadata(target, OWN)
    except NotFoundError:
        raise ActionError(FailureType.NOT_FOUND, access_messages.account_missing(namespace, account)) from None
    except ForbiddenError:
        return  # A role of an earlier release does not grant this.
    except ApiError as error:
        raise action_error(error, access_messages.access_unknown(namespace, error.message)) from error


async def require_readable_workflows(
    cluster: Cluster, namespace: str, actor: Actor, references: Iterable[ObjectName]
) -> None:
    """Raise ActionError (FORBIDDEN, with a remedy) unless an actor may get the DRWorkflows of other namespaces.

    They are read with the worker's rights, and a plan can send what they say, secrets included, where its author likes.
    An actor without a user has the worker's rights anyway: that installation does not impersonate.
    """
    if actor.user is None:
        return
    foreign = sorted({(each.in_namespace, each.name) for each in references if each.in_namespace != namespace})
    resource = {"verb": "get", "group": GROUP, "resource": "drworkflows"}

    async def check(key: tuple[str, str]) -> None:
        attributes = {**resource, "namespace": key[0], "name": key[1]}
        try:
            allowed = await may(cluster, actor, attributes)
        except ApiError as error:
            raise action_error(error, access_messages.workflow_access_unknown(*key, error.message)) from error
        if not allowed:
            raise ActionError(FailureType.FORBIDDEN, access_messages.workflow_not_readable(*key, actor.user or ""))

    await parallel(foreign, check)


async def may(cluster: Cluster, actor: Actor, attributes: Object) -> bool:
    """Ask whether an actor may do something; one without a user has the worker's own rights. Raises ApiError."""
    if actor.user is None:
        return await _allowed(cluster, "SelfSubjectAccessReview", {"resourceAttributes": attributes})
    namespace = actor.user.split(":")[-2]
    groups = ["system:serviceaccounts", f"system:serviceaccounts:{namespace}", "system:authenticated"]
    spec = {"user": actor.user, "groups": groups, "resourceAttributes": attributes}
    return await _allowed(cluster, "SubjectAccessReview", spec)


async def _allowed(cluster: Cluster, kind: str, spec: Object) -> bool:
    """Ask the authorizer. Raises ApiError."""
    review = Target(api_version=_REVIEWS, kind=kind, name="")
    answer = await cluster.create(review, {"apiVersion": _REVIEWS, "kind": kind, "spec": spec}, OWN)
    return bool(answer["status"]["allowed"])
