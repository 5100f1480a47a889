"""The chart renders the manifests, what its values say, and refuses values that it does not know."""

import json
import re
import subprocess
from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import reduce
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml
from temporalio.envconfig import ClientConfig

from bridge.settings import BridgeSettings
from dev import StackError
from dev.helm import helm
from dev.layout import REPOSITORY
from dev.manifests import CHART, outdated, rendered
from dev.programs import from_venv
from dev.release.archives import tar_gz
from dev.release.kubernetes import chart
from dev.release.version import current
from tests.deploy.rendered import NAMESPACE, Object, documents, named, pod_of, render, settings_of, values_file
from tests.docs.pages import pages
from worker.settings import Settings as WorkerSettings
from workflows.contract import SearchAttribute

SCHEMA = json.loads((CHART / "values.schema.json").read_text())
DEFAULTS = yaml.safe_load((CHART / "values.yaml").read_text())
OF_A_RELEASE = {f"app.kubernetes.io/{each}" for each in ("instance", "version", "part-of", "managed-by")} | {
    "helm.sh/chart"
}
EVERYTHING: Object = {
    "namespaces": ["shop"],
    "serviceMonitor": {"enabled": True},
    "prometheusRule": {"enabled": True},
    "dashboard": {"enabled": True},
    "networkPolicy": {"enabled": True, "temporalFrontend": {"enabled": True}},
    "payloadEncryption": {"secret": "keys", "keyId": "k1"},
    "codecServer": {"enabled": True},
}
"""Values with which every template renders something."""


@pytest.fixture(scope="module")
def default() -> list[Object]:
    return render()


def committed(*folders: str) -> list[Object]:
    files = [file for folder in folders for file in sorted((REPOSITORY / "deploy" / folder).glob("*.yaml"))]
    return [each for file in files for each in documents(file.read_text())]


def test_the_committed_manifests_are_what_the_chart_renders() -> None:
    """If this fails: `make manifests`."""
    assert outdated(rendered()) == []


def test_the_definitions_of_the_chart_are_the_generated_ones() -> None:
    """If this fails: `make crds`."""
    for file in sorted((REPOSITORY / "deploy" / "crds").iterdir()):
        assert (CHART / "files" / "crds" / file.name).read_text() == file.read_text()


def test_the_chart_of_a_release_needs_no_values(tmp_path: Path) -> None:
    image = f"registry.example.com/drplan@{DIGEST}"
    package = tmp_path / "drplan.tgz"
    package.write_bytes(tar_gz(chart(current(), image), 0))
    objects = documents(helm("template", "drplan", str(package), f"--namespace={NAMESPACE}").stdout)
    assert {pod_of(objects, each)["containers"][0]["image"] for each in ("worker", "bridge")} == {image}


def test_helm_finds_nothing_to_complain_about() -> None:
    with values_file(EVERYTHING) as file:
        helm("lint", "--strict", f"--values={file}", str(CHART))


def without_helm(each: Object) -> Object:
    """Take away what an object of a release has in addition."""
    copy: Object = json.loads(json.dumps(each))
    for metadata in (copy["metadata"], copy.get("spec", {}).get("template", {}).get("metadata", {})):
        labels = {name: value for name, value in metadata.pop("labels", {}).items() if name not in OF_A_RELEASE}
        annotations = {
            name: value
            for name, value in metadata.pop("annotations", {}).items()
            if name not in ("checksum/settings", "helm.sh/resource-policy")
        }
        metadata |= ({"labels": labels} if labels else {}) | ({"annotations": annotations} if annotations else {})
    for container in copy.get("spec", {}).get("template", {}).get("spec", {}).get("containers", []):
        del container["image"]
        container.pop("imagePullPolicy", None)
    return copy


def test_a_release_has_the_objects_of_the_manifests_and_their_rights(default: list[Object]) -> None:
    """So what the tests of the manifests say, of rights on a real authorizer first of all, is true of the chart."""
    of_chart = {key: without_helm(each) for key, each in named(default).items()}
    manifests = {key: without_helm(each) for key, each in named(committed("crds", "rbac", "install")).items()}
    files = (REPOSITORY / "deploy" / f"{name}admission.yaml" for name in ("", "definitions-", "requests-"))
    policies = named([each for file in files for each in documents(file.read_text())])
    del manifests[f"Namespace/{NAMESPACE}"]
    assert of_chart.pop(f"Service/{NAMESPACE}/drplan-metrics")
    assert of_chart == manifests | policies


def test_in_another_namespace_nothing_names_the_one_of_the_manifests() -> None:
    text = json.dumps(render(EVERYTHING, namespace="elsewhere"))
    assert "drplan-system" not in text
    assert "system:serviceaccount:elsewhere:drplan-bridge" in text


def test_every_value_is_described_and_has_a_default() -> None:
    def check(schema: Object, defaults: Object, path: str) -> None:
        assert set(schema["properties"]) - {"global"} == set(defaults), path
        assert schema["additionalProperties"] is False, path
        for name, value in schema["properties"].items():
            if "properties" in value and "description" not in value:
                check(value, defaults[name], f"{path}.{name}")
            else:
                assert value["description"].endswith("."), f"{path}.{name}"

    check(SCHEMA, DEFAULTS, "")


def test_every_value_that_a_page_sets_exists() -> None:
    texts = [page.path.read_text() for page in pages()] + [(CHART / "templates" / "NOTES.txt").read_text()]
    names = {name for text in texts for name in re.findall(r"--set '?([A-Za-z.]+)=", text)}
    assert {"image.repository", "temporal.apiKey.secret", "namespaces"} <= names
    for name in names:
        assert reduce(lambda group, part: group[part], name.split("."), DEFAULTS) is not None


class Rendered(NamedTuple):
    """A line of the table: values, and what is there because of them."""

    values: Mapping[str, Any]
    of: Callable[[list[Object]], Any]
    expected: Any


def _setting(name: str) -> Callable[[list[Object]], Any]:
    return lambda objects: settings_of(objects).get(name)


def _pod(process: str, *path: str | int) -> Callable[[list[Object]], Any]:
    def read(objects: list[Object]) -> Any:
        found: Any = pod_of(objects, process)
        for each in path:
            found = found[each] if isinstance(each, int) else found.get(each)
        return found

    return read


def _spec(key: str, *path: str) -> Callable[[list[Object]], Any]:
    def read(objects: list[Object]) -> Any:
        found: Any = named(objects)[key]
        for each in path:
            found = found[each]
        return found

    return read


def _keys(kind: str) -> Callable[[list[Object]], Any]:
    return lambda objects: [key for key in named(objects) if key.startswith(f"{kind}/")]


def _volume(name: str) -> Callable[[list[Object]], Any]:
    return lambda objects: next(each for each in pod_of(objects, "bridge")["volumes"] if each["name"] == name)


def _variable(process: str, name: str) -> Callable[[list[Object]], Any]:
    return lambda objects: next(
        each for each in pod_of(objects, process)["containers"][0]["env"] if each["name"] == name
    )


def _rules(objects: list[Object]) -> list[Object]:
    groups = named(objects)[f"PrometheusRule/{NAMESPACE}/drplan"]["spec"]["groups"]
    return [rule for group in groups for rule in group["rules"]]


def _egress(policy: str, number: int) -> Callable[[list[Object]], Any]:
    return lambda objects: named(objects)[f"NetworkPolicy/{NAMESPACE}/{policy}"]["spec"]["egress"][number]


DIGEST = "sha256:" + "0a" * 32
BUDGET = f"PodDisruptionBudget/{NAMESPACE}/drplan-worker"
TOLERATION = {"key": "dr", "operator": "Exists"}
ZONE = {"maxSkew": 1, "topologyKey": "topology.kubernetes.io/zone", "whenUnsatisfiable": "DoNotSchedule"}
OWN_PODS = {"matchLabels": {"app.kubernetes.io/name": "drplan", "app.kubernetes.io/component": "worker"}}
TABLE = {
    "image: tag": Rendered(
        {"image": {"repository": "r/d", "tag": "x"}}, _pod("worker", "containers", 0, "image"), "r/d:x"
    ),
    "image: digest": Rendered(
        {"image": {"repository": "r/d", "tag": "x", "digest": DIGEST}},
        _pod("bridge", "containers", 0, "image"),
        f"r/d@{DIGEST}",
    ),
    "image: pull secrets": Rendered(
        {"imagePullSecrets": [{"name": "reg"}]}, _pod("worker", "imagePullSecrets"), [{"name": "reg"}]
    ),
    "temporal: address": Rendered({"temporal": {"address": "t:1"}}, _setting("TEMPORAL_ADDRESS"), "t:1"),
    "temporal: namespace": Rendered({"temporal": {"namespace": "dr"}}, _setting("TEMPORAL_NAMESPACE"), "dr"),
    "temporal: task queue": Rendered({"temporal": {"taskQueue": "q"}}, _setting("DRPLAN_TASK_QUEUE"), "q"),
    "temporal: client certificate": Rendered(
        {"temporal": {"tls": {"clientCertificateSecret": "c", "caSecret": "ca"}}},
        lambda objects: [each["secret"]["name"] for each in _volume("temporal-tls")(objects)["projected"]["sources"]],
        ["c", "ca"],
    ),
    "temporal: a certificate authority alone": Rendered(
        {"temporal": {"tls": {"caSecret": "ca"}}}, _setting("TEMPORAL_TLS_CLIENT_CERT_PATH"), None
    ),
    "temporal: API key": Rendered(
        {"temporal": {"apiKey": {"secret": "cloud", "key": "k"}}},
        _variable("worker", "TEMPORAL_API_KEY"),
        {
            "name": "TEMPORAL_API_KEY",
            "valueFrom": {"secretKeyRef": {"name": "cloud", "key": "k", "optional": False}},
        },
    ),
    "payload encryption": Rendered(
        {"payloadEncryption": {"secret": "keys", "keyId": "k1"}},
        _volume("payload-keys"),
        {"name": "payload-keys", "secret": {"secretName": "keys", "optional": False}},
    ),
    "namespaces": Rendered(
        {"namespaces": ["shop", "desk"]},
        lambda objects: [key for key in _keys("RoleBinding")(objects) if key.endswith("/drplan-worker")],
        ["RoleBinding/shop/drplan-worker", "RoleBinding/desk/drplan-worker"],
    ),
    "no impersonation": Rendered({"impersonate": False}, _setting("DRPLAN_IMPERSONATE"), "false"),
    "default service account": Rendered(
        {"defaultServiceAccount": "recovery"}, _setting("DRPLAN_DEFAULT_SERVICE_ACCOUNT"), "recovery"
    ),
    "HTTP hosts": Rendered(
        {"http": {"allowedHosts": ["a.example.com", "10.0.0.0/8"]}},
        _setting("DRPLAN_HTTP_ALLOWED_HOSTS"),
        "a.example.com,10.0.0.0/8",
    ),
    "no HTTP hosts": Rendered({"http": {"allowedHosts": []}}, _setting("DRPLAN_HTTP_ALLOWED_HOSTS"), ""),
    "log level": Rendered({"logLevel": "debug"}, _setting("DRPLAN_LOG_LEVEL"), "debug"),
    "no probes": Rendered({"health": {"enabled": False}}, _pod("worker", "containers", 0, "livenessProbe"), None),
    "no health": Rendered({"health": {"enabled": False}}, _setting("DRPLAN_HEALTH_ADDRESS"), None),
    "probes": Rendered(
        {"health": {"port": 9000}},
        _pod("bridge", "containers", 0, "ports", 0),
        {"name": "health", "containerPort": 9000},
    ),
    "no metrics": Rendered({"metrics": {"enabled": False}}, _setting("DRPLAN_METRICS_ADDRESS"), None),
    "no metrics, no Service": Rendered({"metrics": {"enabled": False}}, _keys("Service"), []),
    "replicas": Rendered(
        {"worker": {"replicas": 5}}, _spec(f"Deployment/{NAMESPACE}/drplan-worker", "spec", "replicas"), 5
    ),
    "resources": Rendered(
        {"bridge": {"resources": {"limits": {"memory": "2Gi"}}}},
        _pod("bridge", "containers", 0, "resources", "limits"),
        {"memory": "2Gi"},
    ),
    "a longer end": Rendered(
        {"worker": {"gracefulShutdownSeconds": 60}}, _pod("worker", "terminationGracePeriodSeconds"), 80
    ),
    "variables of one process": Rendered(
        {"extraEnv": [{"name": "A", "value": "1"}], "bridge": {"extraEnv": [{"name": "B", "value": "2"}]}},
        lambda objects: {
            process: [each["name"] for each in pod_of(objects, process)["containers"][0]["env"]][-2:]
            for process in ("worker", "bridge")
        },
        {"worker": ["TEMPORAL_API_KEY", "A"], "bridge": ["A", "B"]},
    ),
    "volumes": Rendered(
        {
            "extraVolumes": [{"name": "ca", "configMap": {"name": "ca"}}],
            "extraVolumeMounts": [{"name": "ca", "mountPath": "/ca"}],
        },
        _pod("worker", "containers", 0, "volumeMounts", -1),
        {"name": "ca", "mountPath": "/ca"},
    ),
    "pod annotations": Rendered(
        {"podAnnotations": {"a": "b"}},
        lambda objects: named(objects)[f"Deployment/{NAMESPACE}/drplan-bridge"]["spec"]["template"]["metadata"][
            "annotations"
        ]["a"],
        "b",
    ),
    "pod labels": Rendered(
        {"podLabels": {"a": "b"}},
        lambda objects: named(objects)[f"Deployment/{NAMESPACE}/drplan-bridge"]["spec"]["template"]["metadata"][
            "labels"
        ]["a"],
        "b",
    ),
    "priority": Rendered({"priorityClassName": "high"}, _pod("worker", "priorityClassName"), "high"),
    "nodes": Rendered({"nodeSelector": {"a": "b"}}, _pod("worker", "nodeSelector"), {"a": "b"}),
    "tolerations": Rendered({"tolerations": [TOLERATION]}, _pod("bridge", "tolerations"), [TOLERATION]),
    "affinity": Rendered({"affinity": {"nodeAffinity": {}}}, _pod("bridge", "affinity"), {"nodeAffinity": {}}),
    "spread over zones": Rendered(
        {"topologySpreadConstraints": [ZONE]},
        _pod("worker", "topologySpreadConstraints"),
        [ZONE | {"labelSelector": OWN_PODS}],
    ),
    "spread by a selector of one's own": Rendered(
        {"topologySpreadConstraints": [ZONE | {"labelSelector": {}}]},
        _pod("worker", "topologySpreadConstraints", 0, "labelSelector"),
        {},
    ),
    "budget": Rendered(
        {"podDisruptionBudget": {"maxUnavailable": "50%"}}, _spec(BUDGET, "spec", "maxUnavailable"), "50%"
    ),
    "no budget": Rendered({"podDisruptionBudget": {"enabled": False}}, _keys("PodDisruptionBudget"), []),
    "annotations of accounts": Rendered(
        {"serviceAccounts": {"annotations": {"a": "b"}}},
        _spec(f"ServiceAccount/{NAMESPACE}/drplan-worker", "metadata", "annotations"),
        {"a": "b"},
    ),
    "no roles": Rendered(
        {"rbac": {"create": False}}, lambda objects: _keys("ClusterRole")(objects) + _keys("Role")(objects), []
    ),
    "no roles of people": Rendered(
        {"rbac": {"aggregate": False}},
        _keys("ClusterRole"),
        ["ClusterRole/drplan-bridge", "ClusterRole/drplan-worker", "ClusterRole/drplan-worker-namespace"],
    ),
    "no definitions": Rendered({"crds": {"install": False}}, _keys("CustomResourceDefinition"), []),
    "definitions stay": Rendered(
        {"crds": {"keep": True}},
        _spec("CustomResourceDefinition/drplans.dr.bkbcs.tencent.com", "metadata", "annotations"),
        {"helm.sh/resource-policy": "keep"},
    ),
    "definitions go": Rendered(
        {"crds": {"keep": False}},
        lambda objects: named(objects)["CustomResourceDefinition/drplans.dr.bkbcs.tencent.com"]["metadata"].get(
            "annotations"
        ),
        None,
    ),
    "no admission policies": Rendered(
        {"admission": {"protect": False, "requests": False, "definitions": False}},
        _keys("ValidatingAdmissionPolicy"),
        [],
    ),
    "refused definitions": Rendered(
        {"admission": {"definitionsAction": "Deny"}},
        _spec("ValidatingAdmissionPolicyBinding/drplan-plan-definition", "spec", "validationActions"),
        ["Deny"],
    ),
    "no network policies": Rendered({}, _keys("NetworkPolicy"), []),
    "network: Temporal in the cluster": Rendered(
        {"networkPolicy": {"enabled": True}, "temporal": {"address": "front.flows.svc.cluster.local:7000"}},
        _egress("drplan", 2),
        {
            "to": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "flows"}}}],
            "ports": [{"protocol": "TCP", "port": 7000}],
        },
    ),
    "network: Temporal elsewhere": Rendered(
        {"networkPolicy": {"enabled": True}, "temporal": {"address": "a.tmprl.cloud:7233"}},
        lambda objects: [each["ipBlock"]["cidr"] for each in _egress("drplan", 2)(objects)["to"]],
        ["0.0.0.0/0", "::/0"],
    ),
    "network: API server": Rendered(
        {
            "networkPolicy": {
                "enabled": True,
                "apiServer": [{"ipBlock": {"cidr": "10.1.2.3/32"}}],
                "apiServerPorts": [443],
            }
        },
        _egress("drplan", 1),
        {"to": [{"ipBlock": {"cidr": "10.1.2.3/32"}}], "ports": [{"protocol": "TCP", "port": 443}]},
    ),
    "network: further": Rendered(
        {"networkPolicy": {"enabled": True, "extraEgress": [{"ports": [{"port": 4318}]}]}},
        _egress("drplan", 3),
        {"ports": [{"port": 4318}]},
    ),
    "view": Rendered({"view": {"enabled": True}}, _setting("DRPLAN_VIEW_ADDRESS"), "127.0.0.1:8082"),
    "view with a Service": Rendered(
        {"view": {"enabled": True, "service": True, "port": 9000}}, _setting("DRPLAN_VIEW_ADDRESS"), "0.0.0.0:9000"
    ),
    "network: view": Rendered(
        {"view": {"enabled": True, "service": True}, "networkPolicy": {"enabled": True, "view": [{"podSelector": {}}]}},
        _spec(f"NetworkPolicy/{NAMESPACE}/drplan-bridge-view", "spec", "ingress"),
        [{"from": [{"podSelector": {}}], "ports": [{"protocol": "TCP", "port": 8082}]}],
    ),
    "network: HTTP hosts": Rendered(
        {
            "networkPolicy": {"enabled": True, "http": [{"ipBlock": {"cidr": "192.0.2.0/24"}}], "httpPorts": [8443]},
            "http": {"allowedHosts": ["a.example.com", "10.0.0.0/8", "198.51.100.7", "2001:db8::1"]},
        },
        _egress("drplan-worker-http", 0),
        {
            "to": [
                {"ipBlock": {"cidr": each}}
                for each in ("192.0.2.0/24", "10.0.0.0/8", "198.51.100.7/32", "2001:db8::1/128")
            ],
            "ports": [{"protocol": "TCP", "port": 8443}],
        },
    ),
    "network: without HTTP hosts": Rendered(
        {"networkPolicy": {"enabled": True}}, _keys("NetworkPolicy"), [f"NetworkPolicy/{NAMESPACE}/drplan"]
    ),
    "network: Temporal's frontend": Rendered(
        {"networkPolicy": {"enabled": True, "temporalFrontend": {"enabled": True, "namespace": "flows"}}},
        _spec("NetworkPolicy/flows/temporal-frontend", "spec", "podSelector"),
        {"matchLabels": {"app.kubernetes.io/component": "frontend"}},
    ),
    "ServiceMonitor": Rendered(
        {"serviceMonitor": {"enabled": True, "labels": {"release": "prom"}}},
        lambda objects: named(objects)[f"ServiceMonitor/{NAMESPACE}/drplan"]["metadata"]["labels"]["release"],
        "prom",
    ),
    "PrometheusRule": Rendered(
        {"prometheusRule": {"enabled": True}},
        _spec(f"PrometheusRule/{NAMESPACE}/drplan", "spec"),
        documents((CHART / "files" / "alerts.yaml").read_text())[0],
    ),
    "runbooks": Rendered(
        {"prometheusRule": {"enabled": True, "runbooks": "https://docs.example.com/drplan/"}},
        lambda objects: _rules(objects)[0]["annotations"]["runbook_url"],
        "https://docs.example.com/drplan/runbooks/revert-failed",
    ),
    "dashboard": Rendered(
        {"dashboard": {"enabled": True}},
        lambda objects: json.loads(_spec(f"ConfigMap/{NAMESPACE}/drplan-dashboard", "data")(objects)["drplan.json"]),
        json.loads((CHART / "files" / "dashboard.json").read_text()),
    ),
    "codec server": Rendered(
        {"codecServer": {"enabled": True}, "payloadEncryption": {"secret": "keys"}},
        _pod("codec-server", "volumes", 0, "secret", "secretName"),
        "keys",
    ),
    "labels of everything": Rendered(
        {**EVERYTHING, "crds": {"install": True}, "commonLabels": {"team": "dr"}},
        lambda objects: {key for key, each in named(objects).items() if each["metadata"]["labels"].get("team") != "dr"},
        set(),
    ),
}


@pytest.mark.parametrize("case", TABLE.values(), ids=TABLE)
def test_a_value_is_rendered(case: Rendered) -> None:
    """To render and read the definitions takes longer than all else: only where they are meant."""
    assert case.of(render({"crds": {"install": False}, **case.values})) == case.expected


REFUSED = {
    "no image": ({"image": {"repository": ""}}, "image.repository is not set: build the image, push it to a registry"),
    "misspelt": ({"replicas": 2}, "additional properties 'replicas' not allowed"),
    "misspelt, deeper": ({"worker": {"replica": 2}}, "at '/worker': additional properties 'replica' not allowed"),
    "text for a number": ({"worker": {"replicas": "2"}}, "at '/worker/replicas': got string, want integer"),
    "negative": ({"bridge": {"replicas": -1}}, "at '/bridge/replicas': minimum: got -1, want 0"),
    "log level": ({"logLevel": "loud"}, "at '/logLevel': value must be one of 'debug', 'info', 'warning', 'error'"),
    "pull policy": ({"image": {"repository": "r", "pullPolicy": "Sometimes"}}, "value must be one of 'Always'"),
    "digest": ({"image": {"repository": "r", "digest": "sha256:1"}}, "at '/image/digest': 'sha256:1' does not match"),
    "address without port": (
        {"temporal": {"address": "temporal"}},
        "at '/temporal/address': 'temporal' does not match",
    ),
    "address with scheme": ({"temporal": {"address": "https://t:1"}}, "at '/temporal/address'"),
    "no task queue": ({"temporal": {"taskQueue": ""}}, "at '/temporal/taskQueue': minLength: got 0, want 1"),
    "port": ({"health": {"port": 70000}}, "at '/health/port': maximum: got 70,000, want 65,535"),
    "hosts as text": ({"http": {"allowedHosts": "*"}}, "at '/http/allowedHosts': got string, want array"),
    "two hosts in one": ({"http": {"allowedHosts": ["a,b"]}}, "at '/http/allowedHosts/0': 'a,b' does not match"),
    "pull secret as text": ({"imagePullSecrets": ["reg"]}, "at '/imagePullSecrets/0': got string, want object"),
    "variable without name": ({"extraEnv": [{"value": "1"}]}, "at '/extraEnv/0': missing property 'name'"),
    "a peer that is none": ({"networkPolicy": {"http": [{"cidr": "10.0.0.0/8"}]}}, "additional properties 'cidr' not"),
    "budget": ({"podDisruptionBudget": {"maxUnavailable": "half"}}, "'half' does not match"),
    "namespace twice": ({"namespaces": ["a", "a"]}, "at '/namespaces': items at 0 and 1 are equal"),
    "kube-system": ({"namespaces": ["kube-system"]}, "namespaces: kube-system must not be opened to drplan"),
    "its own namespace": ({"namespaces": [NAMESPACE]}, f"namespaces: {NAMESPACE} must not be opened to drplan"),
    "a key of no Secret": (
        {"payloadEncryption": {"keyId": "k1"}},
        "names a key, but payloadEncryption.secret names no",
    ),
    "nothing to decrypt": ({"codecServer": {"enabled": True}}, "nothing to decrypt without payloadEncryption.secret"),
    "no metrics to read": (
        {"serviceMonitor": {"enabled": True}, "metrics": {"enabled": False}},
        "serviceMonitor and prometheusRule need metrics.enabled",
    ),
}


@pytest.mark.parametrize(("values", "message"), REFUSED.values(), ids=REFUSED)
def test_values_that_do_not_fit_are_refused_with_a_reason(values: Object, message: str) -> None:
    with pytest.raises(StackError) as refused:
        render(values)
    assert message in str(refused.value)


def test_the_processes_understand_the_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What the chart renders from values are settings, and the files that they name are mounted."""
    values: Object = {
        "temporal": {
            "address": "t:1",
            "namespace": "dr",
            "tls": {"clientCertificateSecret": "c", "caSecret": "ca", "serverName": "name"},
        },
        "payloadEncryption": {"secret": "keys", "keyId": "k1"},
        "http": {"allowedHosts": ["a.example.com"]},
        "defaultServiceAccount": "recovery",
        "worker": {"gracefulShutdownSeconds": 60},
        "view": {"enabled": True, "service": True, "temporalUi": "https://temporal.example.com"},
        "listen": "[::]",
    }
    objects = render(values)
    mounts = {each["name"]: each["mountPath"] for each in pod_of(objects, "worker")["containers"][0]["volumeMounts"]}
    data = {name: value.replace("/etc/drplan", str(tmp_path)) for name, value in settings_of(objects).items()}
    sources = _volume("temporal-tls")(objects)["projected"]["sources"]
    files = [each["path"] for source in sources for each in source["secret"]["items"]]
    for folder, names in (("temporal-tls", files), ("payload-keys", ["k1"])):
        assert mounts[folder] == f"/etc/drplan/{folder}"
        (tmp_path / folder).mkdir()
        for name in names:
            (tmp_path / folder / name).write_text("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=")
    for name, value in data.items():
        monkeypatch.setenv(name, value)
    worker, bridge = WorkerSettings(), BridgeSettings()
    assert (worker.http_allowed_hosts, worker.default_service_account) == ("a.example.com", "recovery")
    assert worker.graceful_shutdown == timedelta(seconds=60)
    assert (worker.payload_key_id, worker.metrics_address) == ("k1", "[::]:9464")
    assert bridge.payload_keys == tmp_path / "payload-keys"
    assert (bridge.view_address, bridge.health_address) == ("[::]:8082", "[::]:8081")
    assert bridge.temporal_ui == "https://temporal.example.com"
    assert {f"DRPLAN_{name.upper()}" for name in {*WorkerSettings.model_fields, *BridgeSettings.model_fields}} >= {
        name for name in data if name.startswith("DRPLAN_")
    }
    config = ClientConfig.load_client_connect_config(disable_file=True, override_env_vars=data)
    assert (config.get("target_host"), config.get("namespace")) == ("t:1", "dr")
    assert config.get("tls") not in (None, False)


@pytest.mark.parametrize(
    ("values", "words", "not_words"),
    [
        ({}, ["No namespace is open to drplan yet", "reached without TLS", "leaves the Custom"], ["network knows"]),
        ({"namespaces": ["shop"]}, ["open to drplan: shop"], ["No namespace is open"]),
        ({"temporal": {"apiKey": {"secret": "cloud"}}}, [], ["reached without TLS"]),
        ({"crds": {"keep": False}}, ["ALL PLANS AND EXECUTIONS"], ["leaves the Custom"]),
        ({"worker": {"replicas": 1}}, ["One pod is not enough"], []),
        ({"networkPolicy": {"enabled": True}}, ["for names, fill in networkPolicy.http"], ["No NetworkPolicy"]),
    ],
)
def test_the_notes_say_what_to_do_next(values: Object, words: list[str], not_words: list[str]) -> None:
    with values_file(values) as file:
        arguments = ["--dry-run=client", f"--values={file}", f"--namespace={NAMESPACE}"]
        notes = helm("install", "drplan", str(CHART), *arguments).stdout.partition("NOTES:")[2]
    assert f"for name in {' '.join(SearchAttribute)}; do" in notes
    assert f"rollout status deployment --namespace {NAMESPACE}" in notes
    assert [each for each in words if each not in notes] == []
    assert [each for each in not_words if each in notes] == []


def kustomized(folder: Path) -> dict[str, Object]:
    run = subprocess.run([from_venv("kubectl"), "kustomize", folder], capture_output=True, text=True, check=True)
    return named(documents(run.stdout))


def test_the_kustomize_base_is_definitions_rights_and_processes() -> None:
    assert kustomized(REPOSITORY / "deploy") == named(committed("crds", "rbac", "install"))
