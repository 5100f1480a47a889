"""What the chart renders with some values, as objects."""

import json
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import yaml

from dev.helm import helm
from dev.manifests import CHART

Object = dict[str, Any]
NAMESPACE = "drplan-system"
IMAGE: Object = {"repository": "registry.example.com/drplan"}


@contextmanager
def values_file(values: Mapping[str, Any]) -> Iterator[str]:
    """A file with values, by default with an image."""
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump({"image": IMAGE, **values}, file)
        file.flush()
        yield file.name


def render(values: Mapping[str, Any] | None = None, namespace: str = NAMESPACE) -> list[Object]:
    """Return the objects. Raises StackError where the chart refuses the values."""
    with values_file(values or {}) as file:
        text = helm("template", "drplan", str(CHART), f"--namespace={namespace}", f"--values={file}").stdout
    return documents(text)


def documents(text: str) -> list[Object]:
    """Read YAML: the definitions are so long that the reader in C saves most of the time."""
    return [each for each in yaml.load_all(text, Loader=yaml.CSafeLoader) if each]


def named(objects: list[Object]) -> dict[str, Object]:
    """Return the objects by kind, namespace and name; none is there twice."""
    found: dict[str, Object] = {}
    for each in objects:
        metadata = each["metadata"]
        key = "/".join(filter(None, (each["kind"], metadata.get("namespace"), metadata["name"])))
        assert key not in found, key
        found[key] = each
    return found


def pod_of(objects: list[Object], process: str) -> Object:
    """Return the pod of a Deployment."""
    pod: Object = named(objects)[f"Deployment/{NAMESPACE}/drplan-{process}"]["spec"]["template"]["spec"]
    return pod


def settings_of(objects: list[Object]) -> dict[str, str]:
    """Return the settings that both processes have."""
    data: dict[str, str] = named(objects)[f"ConfigMap/{NAMESPACE}/drplan-settings"]["data"]
    return data
