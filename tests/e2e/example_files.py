"""The files of examples/ as a person would use them: applied, then their executions created by hand."""

from pathlib import Path

import yaml

from tests.e2e.story import Story
from tests.kubectl import Object

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
STARTING = ("-execute", "-revert")
"""What is in the names of files that start something."""


def definitions(folder: str) -> list[Path]:
    """Give the files that describe, in the order of their numbers."""
    files = sorted((EXAMPLES / folder).glob("*.yaml"))
    return [file for file in files if not any(word in file.stem for word in STARTING)]


def apply(story: Story, folder: str) -> None:
    """Apply all that an example describes."""
    story.kubectl("apply", *(f"--filename={file}" for file in definitions(folder)))


def start(story: Story, folder: str, what: str, **params: str) -> str:
    """Create an execution (`execute`, `revert`, `revert-whole`), with further params, and give its name."""
    (file,) = (EXAMPLES / folder).glob(f"*-{what}.yaml")
    execution: Object = yaml.safe_load(file.read_text())
    given = [{"name": name, "value": value} for name, value in params.items()]
    if given:
        execution["spec"]["params"] = [*execution["spec"].get("params", []), *given]
    story.kubectl.create(execution)
    name: str = execution["metadata"]["name"]
    return name
