"""Record histories: `python -m tests.histories.record [VERSION] [FOLDER] [STORY...]`.

The real workflows and activities, through the worker's own build, on a real Temporal and a real API
server. What is there already is never written again; a change of the workflows gets a new version. One that only adds
outcomes is recorded by the names of the new stories.
"""

import asyncio
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.histories.corpus import FOLDER, store
from tests.histories.stage import scene
from tests.histories.stories import STORIES

VERSION = "v4"


async def record(folder: Path, version: str, names: Sequence[str] = ()) -> None:
    """Play every story, or those of these names, and store what ran. Raises FileExistsError where that is there."""
    if (folder / version).exists() and not names:
        raise FileExistsError(f"{version} is recorded; a changed workflow is recorded under a new version")
    stories = [story for story in STORIES if not names or story.__name__ in names]
    with tempfile.TemporaryDirectory() as files:
        async with scene(Path(files)) as ready:
            shapes = {shape: run for story in stories for shape, run in (await story(ready)).items()}
            found = {shape: await run.histories() for shape, run in shapes.items()}
    for shape, histories in sorted(found.items()):
        print(shape, *(file.name for file in store(folder, version, shape, histories)))  # noqa: T201 - a program


if __name__ == "__main__":
    arguments = sys.argv[1:]
    place = Path(arguments[1]) if len(arguments) > 1 else FOLDER
    try:
        asyncio.run(record(place, arguments[0] if arguments else VERSION, arguments[2:]))
    except FileExistsError as error:
        sys.exit(str(error))
