"""deploy/admission.yaml keeps others from writing what worker and bridge rely on, and leaves everything else alone."""

from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest
import yaml

from api.meta import ACCEPTED_ANNOTATION, EXECUTION_UID_LABEL
from dev import StackError
from dev.layout import REPOSITORY
from dev.stack import Stack
from tests.admin import Admin
from tests.eventually import until
from tests.manifests import dr_plan, execute, stage

FILE = REPOSITORY / "deploy" / "admission.yaml"
Object = dict[str, object]


@pytest.fixture
def guarded(stack: Stack, namespace: str) -> Iterator[str]:
    """A namespace with a plan and an execution, on a cluster with the policies."""
    admin = Admin.of(stack)
    admin.create(dr_plan("shop", stage("only", namespace, "flow")), namespace)
    admin.create(execute("there", "shop"), namespace)
    stack.kubectl("apply", f"--filename={FILE}")
    probes = (
        lambda: status(stack, namespace),
        lambda: record(stack, namespace, name="drplan-probe"),
        lambda: accepted(stack, namespace),
        lambda: opened(stack, "drplan-system"),
    )
    for probe in probes:
        until(lambda probe=probe: _denied(probe), "the policy is in force")  # type: ignore[misc]
    yield namespace
    stack.kubectl("delete", f"--filename={FILE}")
    # The API server applies a policy for some time after its deletion: to what other tests write, too.
    for probe in probes:
        until(lambda probe=probe: not _denied(probe), "the policy is no longer in force")  # type: ignore[misc]


def _denied(write: Callable[[], None]) -> bool:
    try:
        write()
    except StackError as error:
        return "denied request" in str(error)
    return False


def status(stack: Stack, namespace: str, user: str = "admin", kind: str = "drplan", name: str = "shop") -> None:
    body = {"status": {"phase": "Ready" if kind == "drplan" else "Running"}}
    Admin.of(stack, user).patch(kind, name, body, namespace, "status")


def accepted(stack: Stack, namespace: str, user: str = "admin", value: str | None = "forged") -> None:
    body = {"metadata": {"annotations": {ACCEPTED_ANNOTATION: value}}}
    Admin.of(stack, user).patch("drplanexecution", "there", body, namespace)


def record(
    stack: Stack, namespace: str, user: str = "admin", name: str = "drplan-forged", labels: Object | None = None
) -> None:
    metadata = {"name": name, "labels": labels or {}}
    kind = {"apiVersion": "apps/v1", "kind": "ControllerRevision"}
    Admin.of(stack, user).create({**kind, "metadata": metadata, "revision": 1, "data": {}}, namespace)


def opened(stack: Stack, namespace: str) -> None:
    body = yaml.safe_load((REPOSITORY / "deploy" / "team-namespace.yaml").read_text())
    Admin.of(stack).create(body, namespace)
    # Not denied yet: another probe must find nothing there.
    Admin.of(stack).delete("rolebinding", body["metadata"]["name"], namespace)


def test_an_administrator_of_everything_writes_no_status_and_the_bridge_does(stack: Stack, guarded: str) -> None:
    with pytest.raises(StackError, match="only drplan's bridge writes this status"):
        status(stack, guarded)
    with pytest.raises(StackError, match="only drplan's bridge writes this status"):
        status(stack, guarded, kind="drplanexecution", name="there")
    status(stack, guarded, "bridge")


def test_only_the_bridge_accepts_an_execution(stack: Stack, guarded: str) -> None:
    with pytest.raises(StackError, match="only drplan's bridge accepts an execution"):
        accepted(stack, guarded)
    accepted(stack, guarded, "bridge", "the uid")
    for forged in ("another", None):
        with pytest.raises(StackError, match="only drplan's bridge accepts an execution"):
            accepted(stack, guarded, value=forged)


def test_people_still_cancel_label_and_delete_executions(stack: Stack, guarded: str) -> None:
    stack.kubectl("annotate", "drpe", "there", "dr.bkbcs.tencent.com/cancel=true", f"--namespace={guarded}")
    stack.kubectl("label", "drpe", "there", "team=a", f"--namespace={guarded}")
    stack.kubectl("delete", "drpe", "there", f"--namespace={guarded}")


def test_only_the_worker_stores_records_and_other_revisions_are_free(stack: Stack, guarded: str) -> None:
    with pytest.raises(StackError, match="only drplan's worker stores records of runs"):
        record(stack, guarded)
    with pytest.raises(StackError, match="only drplan's worker stores records of runs"):
        record(stack, guarded, name="web-1", labels={EXECUTION_UID_LABEL: "some-uid"})
    record(stack, guarded, "worker")
    record(stack, guarded, name="web-1")


def test_a_copy_with_an_annotation_may_be_created(stack: Stack, guarded: str) -> None:
    copy = execute("copy", "shop")
    copy["metadata"]["annotations"] = {ACCEPTED_ANNOTATION: "the uid of another"}
    Admin.of(stack).create(copy, guarded)


@pytest.mark.parametrize("never", ["kube-system", "drplan-system"])
def test_a_namespace_in_which_drplan_must_never_act_is_not_opened(stack: Stack, guarded: str, never: str) -> None:
    manifest = f"--filename={REPOSITORY / 'deploy' / 'team-namespace.yaml'}"
    with pytest.raises(StackError, match="this namespace must not be opened to drplan"):
        stack.kubectl("create", manifest, f"--namespace={never}")
    stack.kubectl("delete", manifest, f"--namespace={guarded}")
    stack.kubectl("create", manifest, f"--namespace={guarded}")


def test_not_all_namespaces_are_opened_at_once(stack: Stack, guarded: str) -> None:
    account = "--serviceaccount=drplan-system:drplan-worker"
    with pytest.raises(StackError, match="a ClusterRoleBinding opens every namespace to drplan"):
        stack.kubectl("create", "clusterrolebinding", guarded, "--clusterrole=drplan-worker-namespace", account)
    stack.kubectl("create", "clusterrolebinding", guarded, "--clusterrole=view", account)
    stack.kubectl("delete", "clusterrolebinding", guarded)


def test_the_network_policies_are_accepted(stack: Stack) -> None:
    with suppress(StackError):
        stack.kubectl("create", "namespace", "temporal")
    policies = REPOSITORY / "deploy" / "network-policies.yaml"
    stack.kubectl("apply", "--dry-run=server", "--validate=strict", f"--filename={policies}")
    stack.kubectl("delete", "namespace", "temporal", "--timeout=60s")
