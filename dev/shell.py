"""What the stack leaves for a person's shell: links to the clients, and variables."""

import shlex
from collections.abc import Mapping
from pathlib import Path

from dev.layout import Layout


def link(layout: Layout, *programs: Path) -> None:
    """Link the programs into the stack's `bin`, where a PATH can find them."""
    for program in programs:
        target = layout.bin / program.name
        target.unlink(missing_ok=True)
        target.symlink_to(program)


def write_env(layout: Layout, env: Mapping[str, str]) -> None:
    """Write one `export` line for each variable."""
    layout.env_file.write_text("".join(f"export {name}={shlex.quote(value)}\n" for name, value in env.items()))
