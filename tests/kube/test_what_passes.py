"""What may pass is told from what cannot, by the API server's own answers."""

from typing import Any

import pytest

from activities.authorize import actor_of
from api.failures import FailureType
from api.objects import Target
from kube.errors import ApiError, NotFoundError
from tests.activities.live_namespace import HOLD, LiveNamespace
from tests.eventually import eventually

Object = dict[str, Any]


def config_map(namespace: str, **metadata: Any) -> Object:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "app", "namespace": namespace, **metadata}}


def deployment(ns: LiveNamespace, container: Object, **spec: Any) -> Object:
    labels = {"app": "shop"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "main", "image": "x", **container}]}}
    spec = {"replicas": 0, "selector": {"matchLabels": labels}, "template": template, **spec}
    metadata = {"name": "app", "namespace": ns.namespace}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec}


def target(body: Object) -> Target:
    metadata = body["metadata"]
    kind = {"api_version": body["apiVersion"], "kind": body["kind"]}
    return Target(**kind, name=metadata["name"], namespace=metadata["namespace"])


async def refusal(ns: LiveNamespace, body: Object, *, apply: bool = False) -> ApiError:
    send = ns.cluster.apply if apply else ns.cluster.create
    with pytest.raises(ApiError) as raised:
        await send(target(body), body, ns.actor)
    return raised.value


async def may_do_all(ns: LiveNamespace, binding: str) -> None:
    """Bind the account to all rights, and wait until the authorizer knows that."""
    ns.kubectl("create", "clusterrolebinding", binding, "--clusterrole=cluster-admin", *account(ns))
    name = f"system:serviceaccount:{ns.namespace}:default"
    await eventually(lambda: ns.admin.may(name, "create", "namespaces", ""), "its rights")


async def test_a_namespace_that_does_not_exist_yet_is_waited_for(ns: LiveNamespace) -> None:
    await may_do_all(ns, ns.namespace)
    for apply in (False, True):
        error = await refusal(ns, config_map("no-such-namespace"), apply=apply)
        assert error.failure is FailureType.TRANSIENT, error
    assert isinstance(await refusal(ns, config_map("no-such-namespace")), NotFoundError)


async def test_a_namespace_that_is_going_is_waited_for(ns: LiveNamespace) -> None:
    going = f"{ns.namespace}-going"
    await may_do_all(ns, going)
    ns.kubectl("create", "namespace", going)
    ns.admin.create(config_map(going, finalizers=[HOLD]), going)
    ns.kubectl("delete", "namespace", going, "--wait=false")
    try:
        body = config_map(going)
        body["metadata"]["name"] = "other"
        await eventually(lambda: "Terminating" in ns.kubectl("get", "namespace", going), "it is going")
        error = await refusal(ns, body)
        assert (error.status, error.causes) == (403, ("NamespaceTerminating",))
        assert error.failure is FailureType.TRANSIENT
    finally:
        ns.admin.patch("configmap", "app", {"metadata": {"finalizers": None}}, going)


async def test_a_quota_that_is_used_up_is_waited_for(ns: LiveNamespace) -> None:
    quota = {"hard": {"count/secrets": "0"}}
    metadata = {"name": "none", "namespace": ns.namespace}
    ns.create({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": metadata, "spec": quota})
    used = '{"status":{"hard":{"count/secrets":"0"},"used":{"count/secrets":"0"}}}'
    ns.kubectl("patch", "resourcequota", "none", "--subresource=status", "--type=merge", "-p", used)
    body = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "app", "namespace": ns.namespace}}
    await eventually(lambda: refused(ns), "the API server counts by the quota")  # It does so by a cache of its own.
    error = await refusal(ns, body)
    assert (error.status, error.failure) == (403, FailureType.TRANSIENT)
    assert "exceeded quota: none" in error.message


def refused(ns: LiveNamespace) -> bool:
    created = ns.stack.kubectl("create", "secret", "generic", "app", "-n", ns.namespace, check=False).returncode == 0
    ns.kubectl("delete", "secret", "app", "--ignore-not-found")
    return not created


async def test_what_the_api_server_cannot_read_is_not_repeated_although_it_answers_500(ns: LiveNamespace) -> None:
    twice = [{"name": "A", "value": "1"}, {"name": "A", "value": "2"}]
    for body in (
        deployment(ns, {"env": twice}),
        deployment(ns, {}, replicas="three"),
        deployment(ns, {}, replica=3),
        deployment(ns, {"ports": {"containerPort": 80}}),
    ):
        error = await refusal(ns, body, apply=True)
        assert (error.status, error.failure) == (500, FailureType.INVALID), error
    error = await refusal(ns, config_map(ns.namespace, resourceVersion="1"))
    assert (error.status, error.failure) == (500, FailureType.INVALID), error


async def test_a_right_that_is_missing_and_an_object_that_is_refused_are_not_repeated(ns: LiveNamespace) -> None:
    ns.kubectl("create", "serviceaccount", "nobody")
    body = config_map(ns.namespace)
    nobody = actor_of(ns.namespace, "nobody")
    with pytest.raises(ApiError) as raised:
        await ns.cluster.create(target(body), body, nobody)
    assert raised.value.failure is FailureType.FORBIDDEN
    invalid = {**body, "metadata": {**body["metadata"], "labels": {"a": "not a label"}}}
    assert (await refusal(ns, invalid)).failure is FailureType.INVALID
    with pytest.raises(NotFoundError) as absent:
        await ns.cluster.get(target(body), ns.actor)
    assert absent.value.failure is FailureType.NOT_FOUND


def account(ns: LiveNamespace) -> tuple[str, ...]:
    return (f"--serviceaccount={ns.namespace}:default",)
