"""What the worker itself may do in a namespace, asked of the API server's authorizer.

Source: docs/operations.md, "Which namespaces"; Kubernetes, "Authorization", "Checking API access".
"""

from activities.errors import ActionError, action_error
from api.steps import FailureType, Target
from kube.client import OWN, Cluster
from kube.errors import ApiError
from planning.messages import runs as run_messages

_REVIEW = Target(api_version="authorization.k8s.io/v1", kind="SelfSubjectAccessReview", name="")


async def require_open_namespace(cluster: Cluster, namespace: str, account: str) -> None:
    """Raise ActionError (FORBIDDEN, with a remedy) unless the worker may act as a service account of the namespace."""
    attributes = {"verb": "impersonate", "resource": "serviceaccounts", "namespace": namespace, "name": account}
    body = {"apiVersion": _REVIEW.api_version, "kind": _REVIEW.kind, "spec": {"resourceAttributes": attributes}}
    try:
        answer = await cluster.create(_REVIEW, body, OWN)
    except ApiError as error:
        raise action_error(error, run_messages.access_unknown(namespace, error.message)) from error
    if not answer["status"]["allowed"]:
        raise ActionError(FailureType.FORBIDDEN, run_messages.namespace_not_open(namespace))
