"""The API server's audit log is complete enough to count in, and not flooded."""

import json
from typing import Any

from dev.stack import Stack
from tests.eventually import until

LEASE = "{{apiVersion: coordination.k8s.io/v1, kind: Lease, metadata: {{name: beats, namespace: {}}}}}"


def _entries(stack: Stack, namespace: str) -> list[dict[str, Any]]:
    lines = stack.layout.audit_log.read_text().splitlines(keepends=True)
    entries = [json.loads(line) for line in lines if namespace in line and line.endswith("\n")]
    return [entry for entry in entries if entry.get("objectRef", {}).get("namespace") == namespace]


def test_who_did_what_in_whose_name_is_logged(stack: Stack, namespace: str) -> None:
    name = f"system:serviceaccount:{namespace}:default"
    worker = [f"--kubeconfig={stack.layout.kubeconfig_of('worker')}", f"--as={name}", "-n", namespace]
    stack.kubectl("create", "configmap", "made", *worker)
    stack.kubectl("get", "configmap", "made", *worker)
    stack.kubectl("delete", "configmap", "made", *worker)

    logged = [entry for entry in _entries(stack, namespace) if entry["objectRef"].get("name") == "made"]
    assert [entry["verb"] for entry in logged][:2] == ["create", "get"]
    assert [entry["verb"] for entry in logged].count("delete") == 1
    assert {entry["user"]["username"] for entry in logged} == {"system:serviceaccount:drplan-system:drplan-worker"}
    assert {entry["impersonatedUser"]["username"] for entry in logged} == {name}


def test_the_beats_of_a_lease_are_left_out_but_its_deletion_is_not(stack: Stack, namespace: str) -> None:
    stack.kubectl("create", "-f", "-", stdin=LEASE.format(namespace))
    stack.kubectl("annotate", "lease", "beats", "-n", namespace, "beat=1")
    stack.kubectl("delete", "lease", "beats", "-n", namespace)

    until(lambda: any(entry["verb"] == "delete" for entry in _entries(stack, namespace)))
    leases = [entry["verb"] for entry in _entries(stack, namespace) if entry["objectRef"]["resource"] == "leases"]
    assert leases == ["delete"]


def test_bodies_and_tokens_are_not_logged(stack: Stack, namespace: str) -> None:
    stack.kubectl("create", "secret", "generic", "secret", "-n", namespace, "--from-literal=password=do-not-tell")

    assert "do-not-tell" not in stack.layout.audit_log.read_text()
    assert stack.layout.audit_log.stat().st_mode & 0o077 == 0
