"""Deletion on the stack behaves as on a real cluster, because the controllers that carry it out run."""

from dev.stack import Stack

CONFIG_MAP = """
apiVersion: v1
kind: ConfigMap
metadata:
  name: {name}
  ownerReferences: {owners}
"""


JOB = """
apiVersion: batch/v1
kind: Job
metadata: {name: job}
spec:
  template:
    spec:
      restartPolicy: Never
      containers: [{name: work, image: work.example.com/work}]
"""


def _create(stack: Stack, namespace: str, name: str, owners: str = "[]") -> str:
    stack.kubectl("create", "-n", namespace, "-f", "-", stdin=CONFIG_MAP.format(name=name, owners=owners))
    return stack.kubectl("get", "cm", name, "-n", namespace, "-o=jsonpath={.metadata.uid}").stdout


def _owned_by(name: str, uid: str) -> str:
    return f"[{{apiVersion: v1, kind: ConfigMap, name: {name}, uid: {uid}, blockOwnerDeletion: true}}]"


def _names(stack: Stack, namespace: str) -> str:
    return stack.kubectl("get", "cm", "-n", namespace, "-o=jsonpath={.items[*].metadata.name}").stdout


def test_background_deletion_takes_dependents_along(stack: Stack, namespace: str) -> None:
    uid = _create(stack, namespace, "owner")
    _create(stack, namespace, "dependent", _owned_by("owner", uid))

    stack.kubectl("delete", "cm", "owner", "-n", namespace)

    stack.kubectl("wait", "--for=delete", "cm/dependent", "-n", namespace, "--timeout=120s")
    assert _names(stack, namespace) == ""


def test_foreground_deletion_ends_after_the_dependents(stack: Stack, namespace: str) -> None:
    uid = _create(stack, namespace, "owner")
    _create(stack, namespace, "dependent", _owned_by("owner", uid))

    stack.kubectl("delete", "cm", "owner", "-n", namespace, "--cascade=foreground", "--timeout=120s")

    assert _names(stack, namespace) == ""


def test_deleting_a_namespace_ends_and_empties_it(stack: Stack, namespace: str) -> None:
    _create(stack, namespace, "inside")

    stack.kubectl("delete", "namespace", namespace, "--timeout=120s")

    assert stack.kubectl("get", "namespace", namespace, check=False).returncode == 1


def test_a_job_has_a_pod_and_goes_with_it(stack: Stack, namespace: str) -> None:
    stack.kubectl("create", "-n", namespace, "-f", "-", stdin=JOB)
    stack.kubectl("wait", "--for=create", "pod", "--selector=job-name=job", "-n", namespace, "--timeout=120s")

    stack.kubectl("delete", "job", "job", "-n", namespace, "--cascade=foreground", "--timeout=120s")

    assert stack.kubectl("get", "pods", "-n", namespace, "-o=name").stdout == ""


def test_a_new_namespace_has_its_default_service_account(stack: Stack, namespace: str) -> None:
    stack.kubectl("wait", "--for=create", "serviceaccount/default", "-n", namespace, "--timeout=120s")

    listed = stack.kubectl("get", "serviceaccounts", "-n", namespace, "-o=name").stdout
    assert listed.split() == ["serviceaccount/default"]


def test_a_finished_job_goes_after_its_time_to_live(stack: Stack, namespace: str) -> None:
    job = JOB.replace("spec:\n", "spec:\n  ttlSecondsAfterFinished: 1\n", 1)
    stack.kubectl("create", "-n", namespace, "-f", "-", stdin=job)
    stack.kubectl("wait", "--for=create", "pod", "--selector=job-name=job", "-n", namespace, "--timeout=120s")
    pod = stack.kubectl("get", "pods", "-n", namespace, "-o=name").stdout.strip()
    patch = ("patch", pod, "-n", namespace, "--subresource=status", "--type=merge")

    stack.kubectl(*patch, '--patch={"status": {"phase": "Succeeded"}}')

    stack.kubectl("wait", "--for=delete", "job/job", "-n", namespace, "--timeout=120s")
