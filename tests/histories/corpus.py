"""The recorded histories: where they stand, how they are added, what holds them unchanged.

`v1/<shape>/<workflow>.json`, a folder for each recording; nothing in it is ever written again, for
runs of that version may still be open somewhere when the code is next changed.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from temporalio.client import WorkflowHistory

FOLDER = Path(__file__).resolve().parent
SUMS = "SHA256SUMS"


@dataclass(frozen=True)
class Recorded:
    """One history file."""

    file: Path
    version: str
    shape: str

    @property
    def name(self) -> str:
        """How tests call it: `v1/revert-success/root`."""
        return f"{self.version}/{self.shape}/{self.file.stem}"

    def history(self) -> WorkflowHistory:
        """Read it; the workflow's id stands in the first event."""
        text = self.file.read_text()
        first = json.loads(text)["events"][0]
        return WorkflowHistory.from_json(first["workflowExecutionStartedEventAttributes"]["workflowId"], text)


def recorded(folder: Path = FOLDER) -> list[Recorded]:
    """Every history, in the order of names."""
    files = sorted(folder.glob("v*/*/*.json"))
    return [Recorded(file, file.parent.parent.name, file.parent.name) for file in files]


def sums(folder: Path = FOLDER) -> dict[str, str]:
    """The hash that each file had when it was recorded, by its path."""
    file = folder / SUMS
    lines = file.read_text().splitlines() if file.exists() else []
    return {path: digest for digest, path in (line.split("  ", 1) for line in lines)}


def digest(file: Path) -> str:
    """Give a file's SHA-256 in hexadecimal."""
    return hashlib.sha256(file.read_bytes()).hexdigest()


def store(folder: Path, version: str, shape: str, histories: Iterable[WorkflowHistory]) -> list[Path]:
    """Add a shape: the root's history first, then those below it.

    Raises FileExistsError where the shape is there already.
    """
    place = folder / version / shape
    place.mkdir(parents=True)
    files: list[Path] = []
    root = ""
    for history in histories:
        root = root or history.workflow_id
        file = place / f"{_name(root, history.workflow_id)}.json"
        with file.open("x") as stream:
            json.dump(neutral(json.loads(history.to_json())), stream, indent=1, ensure_ascii=False)
            stream.write("\n")
        files.append(file)
    with (folder / SUMS).open("a") as stream:
        stream.writelines(_lines(folder, files))
    return files


def neutral(part: Any) -> Any:
    """Leave stack traces out: they tell of the machine's folders, and no replay reads them."""
    if isinstance(part, dict):
        return {key: neutral(value) for key, value in part.items() if key != "stackTrace"}
    return [neutral(each) for each in part] if isinstance(part, list) else part


def _name(root: str, workflow_id: str) -> str:
    return workflow_id.removeprefix(root).strip("/").replace("/", ".") or "root"


def _lines(folder: Path, files: Iterable[Path]) -> Iterator[str]:
    for file in files:
        yield f"{digest(file)}  {file.relative_to(folder).as_posix()}\n"
