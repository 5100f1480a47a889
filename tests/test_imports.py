"""The layers hold: imports go down only, and each outside package is known in its own places alone.

Source: docs/architecture.md, "Packages".
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from importlinter import configuration
from importlinter.application.use_cases import lint_imports

from tests.shipped import PACKAGES

ROOT = Path(__file__).resolve().parents[1]
ALLOWED = {
    "kubernetes": ("kube/", "bridge/kubernetes/api.py"),
    "temporalio": (
        "workflows/",
        "activities/",
        "process/metrics.py",
        "process/temporal.py",
        "process/tracing.py",
        "process/payload_encryption.py",
        "process/codec_server.py",
        "worker/",
        "bridge/temporal/answers.py",
        "bridge/temporal/calls.py",
        "bridge/temporal/client.py",
        "bridge/temporal/shown.py",
    ),
}
"""Where an outside package may be imported: a file, or all below a folder."""
WORLD = ("temporalio", "kubernetes", "os", "random", "time", "asyncio", "socket", "subprocess")
PURE = {"api": WORLD, "planning": (*WORLD, "pathlib")}
"""What a pure package must not know; api writes its CRD documents."""


def modules(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


def imported(path: Path) -> Iterator[str]:
    """Give the top name of every import in a file, those inside functions and blocks included."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]


def test_the_contracts_on_layers_are_kept(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.syspath_prepend(str(ROOT))
    configuration.configure()
    kept = lint_imports(config_filename="pyproject.toml", cache_dir=None)
    assert kept, capsys.readouterr().out


@pytest.mark.parametrize("outside", ALLOWED)
def test_an_outside_package_is_imported_only_where_it_belongs(outside: str) -> None:
    users = [
        path.relative_to(ROOT).as_posix()
        for package in PACKAGES
        for path in modules(package)
        if outside in imported(path)
    ]
    assert [user for user in users if not user.startswith(ALLOWED[outside])] == []


@pytest.mark.parametrize("package", PURE)
def test_a_pure_package_knows_nothing_of_the_world(package: str) -> None:
    found = {(path.name, name) for path in modules(package) for name in imported(path) if name in PURE[package]}
    assert found == set()


CLOCKS = {("datetime", "now"), ("datetime", "utcnow"), ("datetime", "today"), ("date", "today")}


@pytest.mark.parametrize("package", ["api", "planning", "workflows"])
def test_nobody_reads_the_clock(package: str) -> None:
    read = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in modules(package)
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and (node.value.id, node.attr) in CLOCKS
    ]
    assert read == []


def test_no_module_has_a_name_that_explains_nothing() -> None:
    empty = {"utils", "helpers", "common", "manager"}
    assert [path for package in PACKAGES for path in modules(package) if path.stem in empty] == []


def test_init_files_are_empty() -> None:
    assert [
        path for package in PACKAGES for path in modules(package) if path.name == "__init__.py" and path.read_text()
    ] == []
