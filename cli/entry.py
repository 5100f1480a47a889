"""Where `drplan` begins in an installation, as its one package `drplan`; all others are in the folder `root` beside it.

Their names are common: another package of an environment may be called `api`, `cli` or `worker`. Only this process
looks into `root`, and it looks there first. Source: docs/decisions/0030-one-file-and-one-name.md.
"""

import sys
from pathlib import Path
from typing import NoReturn

COMPLETION = "kubectl_complete-drplan"
"""The name under which kubectl asks for completions. Source: Kubernetes, "Extend kubectl with plugins"."""


def run() -> NoReturn:
    """Run the command by whose name the process was started: `drplan`, the plugin of kubectl, or its completion."""
    sys.path.insert(0, str(Path(__file__).parent / "root"))
    if Path(sys.argv[0]).stem == COMPLETION:
        from cli.completion import run as complete

        complete()
    from cli.main import run as command

    command()
