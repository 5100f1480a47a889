"""Renders the manifests below deploy/ from the chart: `python -m dev.manifests`, as `make manifests` calls it.

The chart is their only source. Its version, and that in docs/install.md, is the one of pyproject.toml, and the table of
its values in docs/install.md comes from its schema. Source: docs/install.md.
"""

import json
import re
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from dev import StackError
from dev.helm import helm
from dev.layout import REPOSITORY

CHART = REPOSITORY / "deploy" / "charts" / "drplan"
PAGE = REPOSITORY / "docs" / "install.md"
NAMESPACE = "drplan-system"
HEADER = "# Rendered by `make manifests` from deploy/charts/drplan.\n"

_FOLDERS = {"rbac": "rbac", "install": "install", "admission": ""}
"""Folders of templates, and where below deploy/ what they render lies."""
_VALUES = ("manifests=true", "serviceMonitor.enabled=true", "prometheusRule.enabled=true")
_BEGIN, _END = "<!-- values: written by `make manifests` -->\n", "<!-- end of values -->\n"

Document = dict[str, Any]


def rendered() -> dict[Path, str]:
    """Return the text of every file that comes from the chart. Raises StackError."""
    version = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]["version"]
    chart = (CHART / "Chart.yaml").read_text()
    chart = re.sub(r"(?m)^version: .*$", f"version: {version}", chart)
    texts = {CHART / "Chart.yaml": re.sub(r"(?m)^appVersion: .*$", f'appVersion: "{version}"', chart)}
    texts[PAGE] = re.sub(r"/drplan:\d+\.\d+\.\d+", f"/drplan:{version}", _with_values(PAGE.read_text()))
    for path, text in _manifests():
        texts[REPOSITORY / "deploy" / path] = text
    return texts


def _manifests() -> Iterator[tuple[Path, str]]:
    with tempfile.TemporaryDirectory() as folder:
        values = [f"--set={each}" for each in _VALUES]
        helm("template", "drplan", str(CHART), f"--namespace={NAMESPACE}", f"--output-dir={folder}", *values)
        templates = Path(folder) / "drplan" / "templates"
        for file in sorted(templates.rglob("*.yaml")):
            path = file.relative_to(templates)
            parent = Path(_FOLDERS[path.parent.name]) if path.parent.name else Path()
            yield parent / path.name, _manifest(file.read_text())


def _manifest(text: str) -> str:
    """Return a rendered template as a person reads it, each object beside the others of its name."""
    objects: dict[str, list[str]] = {}
    comment = ""
    for document in map(_tidy, re.split(r"(?m)^---$", text)):
        if read := yaml.safe_load(document):
            objects.setdefault(read["metadata"]["name"], []).append(comment + document)
        comment = "" if read else comment + document
    return HEADER + "---\n".join(document for named in objects.values() for document in named)


def _tidy(document: str) -> str:
    lines = [line.rstrip() for line in document.splitlines() if not line.startswith("# Source: ")]
    return "".join(f"{line}\n" for line in lines if line)


def _with_values(page: str) -> str:
    schema = json.loads((CHART / "values.schema.json").read_text())
    defaults = yaml.safe_load((CHART / "values.yaml").read_text())
    rows = [f"| `{name}` | {default} | {text} |" for name, default, text in _values(schema, defaults)]
    table = "\n".join(["| value | default | meaning |", "| --- | --- | --- |", *rows])
    before, _, rest = page.partition(_BEGIN)
    return f"{before}{_BEGIN}\n{table}\n\n{_END}{rest.partition(_END)[2]}"


def _values(schema: Document, defaults: Document, path: str = "") -> Iterator[tuple[str, str, str]]:
    """Yield the name, default and meaning of each value below a group of them."""
    for name, value in schema["properties"].items():
        if name in ("manifests", "global"):
            continue
        if "description" not in value:
            yield from _values(value, defaults[name], f"{path}{name}.")
        else:
            default = json.dumps(defaults[name]).replace('"', "") if defaults[name] not in ("", {}, []) else ""
            yield path + name, f"`{default}`" if default else "", value["description"]


def outdated(texts: dict[Path, str]) -> list[Path]:
    """Return the files that differ from what the chart renders."""
    return [path for path, text in texts.items() if not path.exists() or path.read_text() != text]


def main() -> int:
    """Write what differs; return the exit code."""
    try:
        texts = rendered()
        # The version is in what is rendered.
        while files := outdated(texts):
            for path in files:
                path.write_text(texts[path])
                print(f"wrote {path.relative_to(REPOSITORY)}")
            texts = rendered()
    except StackError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
