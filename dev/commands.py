"""Write the commands that pyproject.toml names into a folder: `python -m dev.commands FOLDER`.

They run the code of this checkout. An installation writes the like, but copies the code.
"""

import sys
import tomllib
from pathlib import Path

from dev.layout import REPOSITORY

PROGRAM = """\
#!{python}
import sys

sys.path.insert(0, {checkout!r})

from cli.entry import run

run()
"""


def write(folder: Path) -> list[Path]:
    """Write them and return their files."""
    scripts = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]["scripts"]
    files = []
    for name in scripts:
        file = folder / name
        file.write_text(PROGRAM.format(python=sys.executable, checkout=str(REPOSITORY)))
        file.chmod(0o755)
        files.append(file)
    return files


if __name__ == "__main__":
    write(Path(sys.argv[1]))
