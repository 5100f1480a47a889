"""The chart on a real API server: accepted, installed, upgraded, rolled back and uninstalled; its pods' processes run.

No node is there to run a pod. So the processes are started here with what the live Deployment says: command, settings,
variables and mounted Secrets; and its probes are asked.
"""

import base64
import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from dev import StackError
from dev.helm import helm
from dev.layout import REPOSITORY
from dev.manifests import CHART
from dev.stack import Stack
from tests.admin import Admin
from tests.deploy.rendered import NAMESPACE, Object, render, values_file
from tests.eventually import until
from tests.manifests import dr_plan, stage
from tests.private_stack import free_port
from tests.process.payload_keys import key
from tests.programs import running

NO_POLICIES = {"protect": False, "requests": False, "definitions": False}
"""What other tests write to the same API server is not theirs to judge; tests of deploy/admission.yaml have them."""


def helm_on(stack: Stack, *arguments: str) -> str:
    return helm(*arguments, f"--namespace={NAMESPACE}", f"--kubeconfig={stack.layout.kubeconfig}").stdout


def upgrade(stack: Stack, values: Object, *arguments: str) -> str:
    with values_file(values | {"admission": NO_POLICIES}) as file:
        return helm_on(stack, "upgrade", "--install", "drplan", str(CHART), f"--values={file}", *arguments)


@pytest.fixture(scope="module")
def values(stack: Stack) -> Object:
    """Values that fit the stack."""
    health, metrics, view = free_port(), free_port(), free_port()
    return {
        "temporal": {"address": stack.temporal_address},
        "listen": "127.0.0.1",
        "health": {"port": health},
        "metrics": {"port": metrics},
        "view": {"enabled": True, "port": view},
        "payloadEncryption": {"secret": "chart-keys", "keyId": "k1"},
        "http": {"allowedHosts": ["a.example.com"]},
    }


@pytest.fixture(scope="module")
def release(stack: Stack, values: Object) -> Iterator[str]:
    """A release that took over what the manifests had installed; what its installation printed."""
    admin = Admin.of(stack)
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "chart-keys"}, "stringData": {"k1": key(1)}}
    admin.create(secret, NAMESPACE)
    yield upgrade(stack, values, "--take-ownership", "--force-conflicts")
    helm_on(stack, "uninstall", "drplan", "--ignore-not-found")
    folders = [f"--filename={REPOSITORY / 'deploy' / each}" for each in ("crds", "rbac")]
    stack.kubectl("apply", "--server-side", "--force-conflicts", *folders)
    user = f"system:serviceaccount:{NAMESPACE}:drplan-worker"
    until(lambda: admin.may(user, "impersonate", "serviceaccounts", "default"), "the roles of the manifests are back")


def in_pod(stack: Stack, process: str, folder: Path) -> tuple[str, dict[str, str], Object]:
    """Return the module that a pod runs, its variables, and its container; its Secrets are written to a folder."""
    admin = Admin.of(stack)
    deployment = admin.get("deployments", f"drplan-{process}", NAMESPACE)
    assert deployment is not None
    pod = deployment["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    env: dict[str, str] = {}
    for source in container["envFrom"]:
        env |= (admin.get("configmaps", source["configMapRef"]["name"], NAMESPACE) or {})["data"]
    for each in container["env"]:
        reference = each.get("valueFrom", {})
        if "fieldRef" in reference:
            assert reference["fieldRef"]["fieldPath"] == "metadata.namespace"
            env[each["name"]] = NAMESPACE
        elif "secretKeyRef" in reference:
            assert reference["secretKeyRef"]["optional"] is True
        else:
            env[each["name"]] = each["value"]
    mounts = {each["name"]: each["mountPath"] for each in container["volumeMounts"]}
    for volume in pod["volumes"]:
        secret = admin.get("secrets", volume.get("secret", {}).get("secretName", "none"), NAMESPACE)
        (folder / volume["name"]).mkdir(parents=True)
        for name, data in ((secret or {}).get("data") or {}).items():
            (folder / volume["name"] / name).write_bytes(base64.b64decode(data))
        env = {name: value.replace(mounts[volume["name"]], str(folder / volume["name"])) for name, value in env.items()}
    *interpreter, module = container["command"]
    assert interpreter == ["python", "-P", "-m"]
    return module, env, container


def answer(container: Object, probe: str) -> int:
    """Ask a probe as a kubelet does; 0 where nothing listens."""
    get = container[probe]["httpGet"]
    (port,) = (each["containerPort"] for each in container["ports"] if each["name"] == get["port"])
    try:
        return httpx.get(f"http://127.0.0.1:{port}{get['path']}", trust_env=False).status_code
    except httpx.TransportError:
        return 0


@pytest.mark.parametrize("process", ["worker", "bridge"])
def test_the_processes_of_the_pods_become_ready(stack: Stack, release: str, process: str, tmp_path: Path) -> None:
    module, env, container = in_pod(stack, process, tmp_path)
    kubeconfig = {"KUBECONFIG": str(stack.layout.kubeconfig_of(process))}
    with running(module, tmp_path / "log", env | kubeconfig) as program:
        for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
            until(lambda probe=probe: answer(container, probe) == 200 or not program.running)  # type: ignore[misc]
            assert program.running, (tmp_path / "log").read_text()
        assert (
            "drplan" in httpx.get(f"http://{env['DRPLAN_METRICS_ADDRESS']}/metrics", timeout=60, trust_env=False).text
        )
        if process == "bridge":
            assert httpx.get(f"http://{env['DRPLAN_VIEW_ADDRESS']}", timeout=60, trust_env=False).status_code < 500
        assert program.stop() == 0
    if process == "bridge":
        assert Admin.of(stack).get("leases", "drplan-bridge", NAMESPACE)


def test_helm_says_what_to_do_next(stack: Stack, release: str) -> None:
    assert "No namespace is open to drplan yet" in release
    command = release.partition("kubectl rollout")[2].splitlines()[0].split()
    # No pods are there, so it waits; that it waits for both says that the command is one.
    waited = stack.kubectl("rollout", *command, "--timeout=5s", check=False)
    assert "Waiting for deployment" in waited.stdout + waited.stderr


def test_an_upgrade_renews_definitions_and_pods_and_is_rolled_back(stack: Stack, release: str, values: Object) -> None:
    admin = Admin.of(stack)
    crd = "drplans.dr.bkbcs.tencent.com"
    older = {"spec": {"names": {"shortNames": ["older"]}}}
    admin.patch("crd", crd, older)

    def now() -> tuple[int, str]:
        spec = (admin.get("deployments", "drplan-worker", NAMESPACE) or {})["spec"]
        return spec["replicas"], spec["template"]["metadata"]["annotations"]["checksum/settings"]

    before = now()
    upgrade(stack, values | {"worker": {"replicas": 3}, "logLevel": "debug"}, "--force-conflicts")
    after = now()
    assert (after[0], after[1] != before[1]) == (3, True)
    assert (admin.get("crd", crd) or {})["spec"]["names"]["shortNames"] == ["drp"]
    helm_on(stack, "rollback", "drplan", "--force-conflicts")
    assert now() == before


def test_uninstalled_its_plans_stay_and_it_can_come_back(
    stack: Stack, release: str, values: Object, namespace: str
) -> None:
    admin = Admin.of(stack)
    admin.create(dr_plan("shop", stage("only", namespace, "flow")), namespace)
    helm_on(stack, "uninstall", "drplan")
    assert admin.get("clusterrole", "drplan-worker") is None
    assert admin.get("drplan", "shop", namespace)
    upgrade(stack, values | {"namespaces": [namespace]}, "--take-ownership", "--force-conflicts")
    assert admin.get("clusterrole", "drplan-worker")
    assert admin.get("drplan", "shop", namespace)


def test_a_second_release_is_refused(stack: Stack, release: str, namespace: str) -> None:
    """Two bridges with two leases would both lead."""
    with values_file({"admission": NO_POLICIES}) as file:
        arguments = (f"--values={file}", f"--namespace={namespace}", f"--kubeconfig={stack.layout.kubeconfig}")
        refused = helm("install", "second", str(CHART), *arguments, check=False)
    assert 'key "meta.helm.sh/release-namespace" must equal' in refused.stderr


def test_all_that_it_renders_is_accepted_and_its_pods_are_restricted(stack: Stack, namespace: str) -> None:
    stack.kubectl("label", "namespace", namespace, "pod-security.kubernetes.io/enforce=restricted")
    values: Object = {
        "crds": {"install": False},
        "networkPolicy": {"enabled": True, "temporalFrontend": {"enabled": True, "namespace": namespace}},
        "http": {"allowedHosts": ["10.0.0.0/8"]},
        "payloadEncryption": {"secret": "keys"},
        "codecServer": {"enabled": True},
        "dashboard": {"enabled": True},
    }
    objects = render(values, namespace)
    pods = [
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": each["metadata"]["name"], "namespace": namespace}}
        | {"spec": each["spec"]["template"]["spec"]}
        for each in objects
        if each["kind"] == "Deployment"
    ]
    assert len(pods) == 3
    everything = {"apiVersion": "v1", "kind": "List", "items": [*objects, *pods]}
    strict = ("create", "--dry-run=server", "--validate=strict", "--filename=-")
    apply = ("apply", "--server-side", "--force-conflicts", *strict[1:])
    assert "Warning" not in stack.kubectl(*apply, stdin=json.dumps(everything)).stderr
    pods[0]["spec"]["securityContext"] = {}
    with pytest.raises(StackError, match="violates PodSecurity"):
        stack.kubectl(*strict, stdin=json.dumps(pods[0]))
