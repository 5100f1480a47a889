"""The manifests of deploy/install: accepted by a real API server, and true to our settings and roles."""

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from temporalio.envconfig import ClientConfig
from temporalio.service import TLSConfig

from bridge.settings import BridgeSettings
from dev.stack import Stack
from process.codec_server import CodecSettings
from worker.settings import Settings as WorkerSettings

REPOSITORY = Path(__file__).parents[2]
INSTALL = REPOSITORY / "deploy" / "install"
VERSION = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]["version"]
OURS = ("worker", "bridge")


def documents(folder: Path) -> list[dict[str, Any]]:
    return [each for file in sorted(folder.glob("*.yaml")) for each in yaml.safe_load_all(file.read_text())]


def pod(name: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((INSTALL / f"{name}.yaml").read_text())["spec"]["template"]["spec"]
    return found


def test_the_api_server_accepts_them_after_the_roles(stack: Stack) -> None:
    folders = [f"--filename={REPOSITORY / 'deploy' / each}" for each in ("crds", "rbac", "install")]
    stack.kubectl("apply", "--server-side", "--dry-run=server", "--validate=strict", *folders)


def test_a_client_side_apply_can_record_every_object() -> None:
    """A client-side apply stores the whole object in an annotation; the API server takes 256 KiB of annotations."""
    sizes = {
        f"{each['kind']} {each['metadata']['name']}": len(json.dumps(each))
        for folder in ("crds", "rbac", "install")
        for each in documents(REPOSITORY / "deploy" / folder)
    }
    assert {name: size for name, size in sizes.items() if size > 200 * 1024} == {}


@pytest.mark.parametrize("name", OURS)
def test_each_process_has_the_image_and_command_of_this_release(name: str) -> None:
    (container,) = pod(name)["containers"]
    assert container["image"] == f"drplan:{VERSION}"
    assert container["command"] == ["python", "-P", "-m", name]


@pytest.mark.parametrize("name", OURS)
def test_each_process_acts_as_an_account_that_the_roles_know(name: str) -> None:
    subjects = [
        subject
        for each in documents(REPOSITORY / "deploy" / "rbac")
        for subject in each.get("subjects", [])
        if subject["kind"] == "ServiceAccount"
    ]
    account = {"kind": "ServiceAccount", "name": pod(name)["serviceAccountName"], "namespace": "drplan-system"}
    assert account in subjects


@pytest.mark.parametrize("name", OURS)
def test_each_process_has_no_rights_on_its_node(name: str) -> None:
    spec = pod(name)
    (container,) = spec["containers"]
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


@pytest.mark.parametrize("name", OURS)
def test_the_certificates_for_temporal_are_where_the_commented_settings_look_for_them(
    name: str, tmp_path: Path
) -> None:
    text = (INSTALL / "settings.yaml").read_text()
    offered = dict(re.findall(r"^  # (TEMPORAL_TLS_[A-Z_]+): (\S+)$", text, re.MULTILINE))
    (mount,) = (each for each in pod(name)["containers"][0]["volumeMounts"] if each["name"] == "temporal-tls")
    for file in ("tls.crt", "tls.key", "ca.crt"):
        (tmp_path / file).write_text(f"content of {file}")
    local = {key: path.replace(mount["mountPath"], str(tmp_path)) for key, path in offered.items()}
    given = {"TEMPORAL_ADDRESS": "temporal:7233", **local}
    tls = ClientConfig.load_client_connect_config(disable_file=True, override_env_vars=given)["tls"]
    assert isinstance(tls, TLSConfig)
    assert (tls.client_cert, tls.client_private_key, tls.server_root_ca_cert) == (
        b"content of tls.crt",
        b"content of tls.key",
        b"content of ca.crt",
    )


def test_every_setting_in_the_config_map_exists() -> None:
    data = yaml.safe_load((INSTALL / "settings.yaml").read_text())["data"]
    fields = {*WorkerSettings.model_fields, *BridgeSettings.model_fields}
    given = {name for name in data if name.startswith("DRPLAN_")}
    assert given <= {f"DRPLAN_{field.upper()}" for field in fields}


def test_the_codec_server_is_accepted_and_offers_nothing_but_forwarded_ports(stack: Stack) -> None:
    file = REPOSITORY / "deploy" / "codec-server.yaml"
    stack.kubectl("apply", "--server-side", "--dry-run=server", "--validate=strict", f"--filename={file}")
    (deployment,) = yaml.safe_load_all(file.read_text())
    spec = deployment["spec"]["template"]["spec"]
    (container,) = spec["containers"]
    assert (container["image"], container["command"][1:]) == (f"drplan:{VERSION}", ["-P", "-m", "process.codec_server"])
    assert spec["automountServiceAccountToken"] is False
    assert {each["name"] for each in container["env"]} <= {
        f"DRPLAN_{field.upper()}" for field in CodecSettings.model_fields if field != "codec_address"
    }


@pytest.mark.parametrize("name", OURS)
def test_the_keys_are_where_the_commented_settings_look_for_them(name: str) -> None:
    (folder,) = re.findall(r"^  # DRPLAN_PAYLOAD_KEYS: (\S+)$", (INSTALL / "settings.yaml").read_text(), re.MULTILINE)
    mounts = {each["name"]: each["mountPath"] for each in pod(name)["containers"][0]["volumeMounts"]}
    assert mounts["payload-keys"] == folder
