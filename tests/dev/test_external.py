"""`make stack EXTERNAL=1` serves a cluster and a Temporal that a person already has."""

from dev.process import find
from dev.stack import Stack
from tests.dev.whole_stack import WholeStack

UP = ("-m", "dev", "up")


def _refused(new_stack: WholeStack, env: dict[str, str]) -> str:
    process = new_stack.start(*UP, env={"KUBECONFIG": "", "TEMPORAL_ADDRESS": "", **env, "EXTERNAL": "1"})
    said, _ = process.communicate(timeout=120)
    assert process.returncode == 1
    return said


def test_it_starts_worker_and_bridge_only_and_ends_only_them(new_stack: WholeStack, stack: Stack) -> None:
    said = new_stack.run(*UP, env={**stack.env(), "EXTERNAL": "1"})

    assert set(new_stack.pids()) == {"worker", "bridge"}
    assert f"Temporal at {stack.temporal_address}" in said
    assert new_stack.shell("echo $KUBECONFIG $TEMPORAL_ADDRESS").split() == [
        str(stack.layout.kubeconfig),
        stack.temporal_address,
    ]

    assert "Ended: bridge, worker." in new_stack.down()
    assert find(stack.layout, "kube-apiserver") is not None


def test_without_naming_anything_it_does_not_guess(new_stack: WholeStack) -> None:
    assert "EXTERNAL=1 needs KUBECONFIG or TEMPORAL_ADDRESS" in _refused(new_stack, {})


def test_a_temporal_that_does_not_answer_is_named(new_stack: WholeStack, stack: Stack) -> None:
    said = _refused(new_stack, {**stack.env(), "TEMPORAL_ADDRESS": "127.0.0.1:1"})

    assert "No Temporal answers at 127.0.0.1:1" in said


def test_a_cluster_that_cannot_be_read_is_named(new_stack: WholeStack, stack: Stack) -> None:
    said = _refused(new_stack, {**stack.env(), "KUBECONFIG": "/no/such/file"})

    assert "The cluster of /no/such/file is not ready for drplan" in said


def test_a_cluster_without_the_namespace_of_the_lease_is_named(new_stack: WholeStack, stack: Stack) -> None:
    said = _refused(new_stack, {**stack.env(), "DRPLAN_LEASE_NAMESPACE": "nowhere"})

    install = "kubectl apply --server-side --force-conflicts --filename deploy/crds --filename deploy/rbac"
    assert f"it lacks namespace/nowhere (`{install}`)" in said
