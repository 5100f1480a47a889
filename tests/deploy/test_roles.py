"""Worker, bridge and people have the rights that they need, and no others."""

import pytest

from dev import StackError
from dev.stack import Stack
from tests.eventually import until

CREATE = ("create", "configmap", "made", "--from-literal=a=b")


def _as(stack: Stack, user: str, *args: str, stdin: str | None = None) -> str:
    return stack.kubectl(f"--kubeconfig={stack.layout.kubeconfig_of(user)}", *args, stdin=stdin).stdout


def _lease(name: str) -> str:
    return f"{{apiVersion: coordination.k8s.io/v1, kind: Lease, metadata: {{name: {name}, namespace: drplan-system}}}}"


def test_the_worker_acts_with_the_rights_of_the_service_account(stack: Stack, namespace: str) -> None:
    _as(stack, "worker", *CREATE, "-n", namespace, f"--as=system:serviceaccount:{namespace}:default")

    assert stack.kubectl("get", "configmap", "made", "-n", namespace, "-o=jsonpath={.data.a}").stdout == "b"


def test_the_worker_itself_may_not_do_what_actions_do(stack: Stack, namespace: str) -> None:
    with pytest.raises(StackError, match='"system:serviceaccount:drplan-system:drplan-worker" cannot create'):
        _as(stack, "worker", *CREATE, "-n", namespace)


def test_a_service_account_without_rights_gives_none_to_the_worker(stack: Stack, namespace: str) -> None:
    with pytest.raises(StackError, match=f'"system:serviceaccount:{namespace}:nobody" cannot create'):
        _as(stack, "worker", *CREATE, "-n", namespace, f"--as=system:serviceaccount:{namespace}:nobody")


@pytest.mark.parametrize("other", [["--as=admin"], ["--as=system:serviceaccount:a:b", "--as-group=system:masters"]])
def test_the_worker_takes_on_no_identity_but_service_accounts(stack: Stack, namespace: str, other: list[str]) -> None:
    with pytest.raises(StackError, match="cannot impersonate resource"):
        _as(stack, "worker", *CREATE, "-n", namespace, *other)


@pytest.mark.parametrize("user", ["worker", "bridge"])
@pytest.mark.parametrize("kind", ["secrets", "configmaps", "pods"])
def test_worker_and_bridge_read_nothing_but_our_kinds(stack: Stack, user: str, kind: str) -> None:
    with pytest.raises(StackError, match=f"cannot list resource.*{kind}"):
        _as(stack, user, "get", kind, "-n", "default")


def test_the_worker_keeps_what_a_revert_needs_and_changes_nothing_of_it(stack: Stack, namespace: str) -> None:
    revision = "{apiVersion: apps/v1, kind: ControllerRevision, metadata: {name: kept}, revision: 1, data: {a: 1}}"
    _as(stack, "worker", "create", "-f", "-", "-n", namespace, stdin=revision)

    _as(stack, "worker", "get", "controllerrevision", "kept", "-n", namespace)

    with pytest.raises(StackError, match='cannot patch resource "controllerrevisions"'):
        _as(stack, "worker", "label", "controllerrevision", "kept", "a=b", "-n", namespace)


def test_neither_the_bridge_nor_a_plan_can_make_up_what_was_kept(stack: Stack, namespace: str) -> None:
    revision = "{apiVersion: apps/v1, kind: ControllerRevision, metadata: {name: made-up}, revision: 1, data: {a: 1}}"
    plan = f"--as=system:serviceaccount:{namespace}:default"

    for user, more in (("bridge", []), ("worker", [plan])):
        with pytest.raises(StackError, match='cannot create resource "controllerrevisions"'):
            _as(stack, user, "create", "-f", "-", "-n", namespace, *more, stdin=revision)


def test_the_bridge_holds_its_own_lease_and_no_other(stack: Stack) -> None:
    for name in ("drplan-bridge", "other"):
        stack.kubectl("apply", "--server-side", "-f", "-", stdin=_lease(name))

    _as(stack, "bridge", "replace", "-f", "-", stdin=_lease("drplan-bridge"))

    with pytest.raises(StackError, match='"other" is forbidden'):
        _as(stack, "bridge", "replace", "-f", "-", stdin=_lease("other"))


@pytest.mark.parametrize(
    ("role", "question", "answer"),
    [
        ("view", ["list", "drplanexecutions.dr.bkbcs.tencent.com"], "yes"),
        ("view", ["create", "drplanexecutions.dr.bkbcs.tencent.com"], "no"),
        ("edit", ["create", "drplanexecutions.dr.bkbcs.tencent.com"], "yes"),
        ("edit", ["patch", "drplanexecutions.dr.bkbcs.tencent.com", "--subresource=status"], "no"),
        ("admin", ["delete", "drplans.dr.bkbcs.tencent.com"], "yes"),
    ],
)
def test_people_get_our_kinds_through_the_usual_roles(
    stack: Stack, namespace: str, role: str, question: list[str], answer: str
) -> None:
    until(lambda: "dr.bkbcs.tencent.com" in stack.kubectl("get", "clusterrole", role, "-o=yaml").stdout)
    stack.kubectl("create", "rolebinding", "person", f"--clusterrole={role}", "--user=person", "-n", namespace)

    asked = stack.kubectl("auth", "can-i", *question, "--as=person", "-n", namespace, check=False)

    assert asked.stdout.strip() == answer
