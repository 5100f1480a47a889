"""docker-compose.yml says what our settings, modules and names say; there is no engine here to run it."""

import asyncio
import re
import subprocess
import sys
import tomllib
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic_settings import BaseSettings
from temporalio.envconfig import ClientConfig

from bridge.settings import BridgeSettings
from process.health import Finding, Health, serving
from tests.process.test_health import free_address
from worker.settings import Settings as WorkerSettings
from workflows.contract import SearchAttribute

REPOSITORY = Path(__file__).parents[2]
COMPOSE = REPOSITORY / "docker-compose.yml"
PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
SETTINGS: dict[str, type[BaseSettings]] = {"worker": WorkerSettings, "bridge": BridgeSettings}
ONE_SHOT = {"temporal-schema", "temporal-register"}

Service = dict[str, Any]


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(COMPOSE.read_text())
    return loaded


@pytest.fixture(scope="module")
def services(document: dict[str, Any]) -> dict[str, Service]:
    found: dict[str, Service] = document["services"]
    return found


def default_of(value: str) -> str:
    """What compose puts in where a person sets nothing: `${NAME:-default}` gives the default."""
    match = re.fullmatch(r"\$\{[A-Z_]+:-(.*)\}", value)
    return match.group(1) if match else value


def environment(service: Service) -> dict[str, str]:
    return {name: default_of(value) for name, value in service.get("environment", {}).items()}


def by_the_specification(path: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(path)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_it_is_valid_by_the_compose_specification() -> None:
    checked = by_the_specification(COMPOSE)
    assert checked.returncode == 0, checked.stdout


def test_a_misspelt_key_would_be_noticed(tmp_path: Path) -> None:
    broken = tmp_path / "docker-compose.yml"
    broken.write_text(COMPOSE.read_text().replace("    healthcheck:", "    healthchek:", 1))
    assert "healthchek" in by_the_specification(broken).stdout


def test_every_image_is_pinned_to_a_full_version(services: dict[str, Service]) -> None:
    floating = {name: s["image"] for name, s in services.items() if not re.search(r":\d+\.\d+(\.\d+)?", s["image"])}
    assert not floating


def test_our_image_carries_the_version_of_the_project(services: dict[str, Service]) -> None:
    for name in SETTINGS:
        assert services[name]["image"] == f"drplan:{PROJECT['project']['version']}"


def test_only_this_machine_reaches_the_published_ports(services: dict[str, Service]) -> None:
    published = [port for service in services.values() for port in service.get("ports", [])]
    assert len(published) == 2
    assert all(port.startswith("127.0.0.1:") for port in published)


@pytest.mark.parametrize("name", SETTINGS)
def test_each_of_our_services_runs_a_module_that_is_packaged(name: str, services: dict[str, Service]) -> None:
    *interpreter, module = services[name]["command"]
    assert interpreter == ["python", "-P", "-m"]
    assert find_spec(f"{module}.__main__") is not None
    assert module in PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["only-include"]


@pytest.mark.parametrize("name", SETTINGS)
def test_every_setting_that_is_offered_exists(name: str, services: dict[str, Service]) -> None:
    given = {key for key in environment(services[name]) if key.startswith("DRPLAN_")}
    assert given
    assert given <= {f"DRPLAN_{field.upper()}" for field in SETTINGS[name].model_fields}


@pytest.mark.parametrize("name", SETTINGS)
def test_the_defaults_of_compose_are_those_of_the_process(
    name: str, services: dict[str, Service], monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in [f"DRPLAN_{field.upper()}" for field in SETTINGS[name].model_fields]:
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("DRPLAN_IDENTITY", "the same for both")
    without = SETTINGS[name]()
    for variable, value in environment(services[name]).items():
        monkeypatch.setenv(variable, value)
    # The address of the health check is one of its container.
    assert SETTINGS[name]().model_copy(update={"health_address": None}) == without


@pytest.mark.parametrize("name", SETTINGS)
def test_our_services_connect_to_the_temporal_of_this_file(name: str, services: dict[str, Service]) -> None:
    config = ClientConfig.load_client_connect_config(disable_file=True, override_env_vars=environment(services[name]))
    assert config.get("target_host") == "temporal:7233"
    assert config.get("namespace") == environment(services["temporal-register"])["TEMPORAL_NAMESPACE"]


def test_the_search_attributes_are_those_of_the_contract(services: dict[str, Service]) -> None:
    registered = environment(services["temporal-register"])["SEARCH_ATTRIBUTES"].split()
    assert registered == list(SearchAttribute)


def test_the_kubeconfig_stands_where_our_services_look_for_it(
    document: dict[str, Any], services: dict[str, Service]
) -> None:
    for name in SETTINGS:
        file = document["secrets"][f"{name}.kubeconfig"]["file"]
        assert file.startswith("${KUBECONFIGS:?")
        assert file.endswith(f"}}/{name}.kubeconfig")
        assert services[name]["secrets"] == [f"{name}.kubeconfig"]
        assert environment(services[name])["KUBECONFIG"] == f"/run/secrets/{name}.kubeconfig"


def test_every_service_that_is_waited_for_can_say_that_it_is_ready(services: dict[str, Service]) -> None:
    waited = [
        (other, how["condition"])
        for service in services.values()
        for other, how in service.get("depends_on", {}).items()
    ]
    for other, condition in waited:
        expected = "service_completed_successfully" if other in ONE_SHOT else "service_healthy"
        assert condition == expected
        assert other in ONE_SHOT or "healthcheck" in services[other]


def test_what_runs_once_is_not_restarted_and_all_else_is(services: dict[str, Service]) -> None:
    for name, service in services.items():
        assert service["restart"] == ("no" if name in ONE_SHOT else "unless-stopped")


def test_every_mounted_file_is_in_the_repository(services: dict[str, Service]) -> None:
    mounts = [mount for service in services.values() for mount in service.get("volumes", [])]
    files = [mount.split(":")[0] for mount in mounts if mount.startswith("./")]
    assert len(files) == 3
    for file in files:
        assert (REPOSITORY / file).is_file()


def test_no_password_is_written_down(services: dict[str, Service]) -> None:
    secret = [
        value
        for service in services.values()
        for name, value in service.get("environment", {}).items()
        if "PASSWORD" in name or "PWD" in name
    ]
    assert len(secret) == 3
    assert all(value.startswith("${POSTGRES_PASSWORD:?") for value in secret)


def test_our_services_run_without_rights_on_the_machine(services: dict[str, Service]) -> None:
    for name in SETTINGS:
        service = services[name]
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert default_of(service["user"]) == "10001:10001"


@pytest.mark.parametrize("name", ["worker", "bridge"])
async def test_a_process_is_healthy_while_it_is_ready(services: dict[str, Service], name: str) -> None:
    _, _, *arguments = services[name]["healthcheck"]["test"]
    own, address = environment(services[name])["DRPLAN_HEALTH_ADDRESS"], free_address()
    command = [sys.executable, *(each.replace(own, address) for each in arguments)]
    assert address in command[-1]
    health = Health()
    async with serving(health, address):
        ready = await asyncio.to_thread(subprocess.run, command, check=False, capture_output=True)
        health.add("temporal", lambda: Finding(False, "no answer"))
        unready = await asyncio.to_thread(subprocess.run, command, check=False, capture_output=True)
    assert (ready.returncode, unready.returncode) == (0, 1)
