"""The files for those who contribute: hooks run what is there, and the forms are what GitHub takes."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.api.documents import REPOSITORY

HOOKS = yaml.safe_load((REPOSITORY / ".pre-commit-config.yaml").read_text())
FORMS = sorted((REPOSITORY / ".github" / "ISSUE_TEMPLATE").glob("*.yml"))
ELEMENTS = {"markdown", "textarea", "input", "dropdown", "checkboxes"}
"""Source: GitHub Docs, "Syntax for GitHub's form schema"."""


@pytest.mark.parametrize("hook", HOOKS["repos"][0]["hooks"], ids=lambda hook: str(hook["id"]))
def test_a_hook_runs_something_that_is_there(hook: dict[str, Any]) -> None:
    program, *arguments = hook["entry"].split()
    assert hook["language"] == "system"
    if program == "make":
        [target] = arguments
        assert re.search(rf"^{target}:", (REPOSITORY / "Makefile").read_text(), re.MULTILINE)
    elif arguments[:1] == ["-m"]:
        module = arguments[1]
        own = REPOSITORY / f"{module.replace('.', '/')}.py"
        assert own.exists() or module in ("ruff", "mypy")
    else:
        assert program == ".venv/bin/lint-imports"


def test_hooks_fetch_nothing() -> None:
    assert [repository["repo"] for repository in HOOKS["repos"]] == ["local"]


@pytest.mark.parametrize("file", [form for form in FORMS if form.stem != "config"], ids=lambda file: str(file.stem))
def test_a_form_is_complete(file: Path) -> None:
    form = yaml.safe_load(file.read_text())
    assert {"name", "description", "body"} <= form.keys()
    asked = [element for element in form["body"] if element["type"] != "markdown"]
    assert {element["type"] for element in form["body"]} <= ELEMENTS
    ids = [element["id"] for element in asked]
    assert len(ids) == len(set(ids))
    assert all(element["attributes"]["label"] for element in asked)
    assert any(element.get("validations", {}).get("required") for element in asked)


def test_what_a_change_is_asked_for_exists() -> None:
    text = (REPOSITORY / ".github" / "PULL_REQUEST_TEMPLATE.md").read_text()
    targets = set(re.findall(r"`make ([a-z-]+)`", text))
    makefile = (REPOSITORY / "Makefile").read_text()
    assert all(re.search(rf"^{target}:", makefile, re.MULTILINE) for target in targets)
    for path in re.findall(r"`([A-Za-z]+(?:/[a-z]+|\.md))`", text):
        assert (REPOSITORY / path).exists(), path
