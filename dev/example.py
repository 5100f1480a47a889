"""The example plan of the demo: its files, and the names of what it creates."""

from typing import Any

import yaml

from dev.layout import REPOSITORY

FOLDER = REPOSITORY / "examples" / "demo"


def load(file: str) -> Any:
    """Read one file of the example that holds one object."""
    return yaml.safe_load((FOLDER / file).read_text())


def localizations() -> list[str]:
    """Names of the Localizations that the plan creates, all in the namespace `default`."""
    return [action["localization"]["name"] for action in _actions() if "localization" in action]


def config_maps() -> list[str]:
    """Names of the ConfigMaps that the plan creates, all in the namespace `default`."""
    manifests = [yaml.safe_load(action["resource"]["manifest"]) for action in _actions() if "resource" in action]
    return [manifest["metadata"]["name"] for manifest in manifests]


def _actions() -> list[dict[str, Any]]:
    workflows = yaml.safe_load_all((FOLDER / "drworkflow.yaml").read_text())
    return [action for workflow in workflows for action in workflow["spec"]["actions"]]
