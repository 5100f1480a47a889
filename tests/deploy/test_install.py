"""The manifests of deploy/install: accepted by a real API server, and true to our settings and roles."""

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from bridge.settings import BridgeSettings
from dev.stack import Stack
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
    assert container["command"] == ["python", "-m", name]


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


def test_every_setting_in_the_config_map_exists() -> None:
    data = yaml.safe_load((INSTALL / "settings.yaml").read_text())["data"]
    fields = {*WorkerSettings.model_fields, *BridgeSettings.model_fields}
    given = {name for name in data if name.startswith("DRPLAN_")}
    assert given <= {f"DRPLAN_{field.upper()}" for field in fields}
