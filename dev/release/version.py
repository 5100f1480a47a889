"""The version, which is in pyproject.toml; `python -m dev.release.version` prints it. What else names it is checked."""

import re
import tomllib

from dev.layout import REPOSITORY


class ReleaseError(Exception):
    """The release cannot be built; the message says why."""


def current() -> str:
    """Return the version of this checkout."""
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    return str(project["version"])


def changelog_date(version: str) -> str:
    """Return the date of a version in CHANGELOG.md. Raises ReleaseError where it has none."""
    dates = re.findall(rf"^## {re.escape(version)} - (\S+)$", (REPOSITORY / "CHANGELOG.md").read_text(), re.MULTILINE)
    if len(dates) != 1 or not re.fullmatch(r"\d{4}-\d\d-\d\d", dates[0]):
        raise ReleaseError(f'CHANGELOG.md has no heading "## {version} - YYYY-MM-DD"')
    return str(dates[0])


if __name__ == "__main__":
    print(current())
