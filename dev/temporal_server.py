"""How the Temporal development server is started, and how it is asked whether it is ready.

Source: `temporal server start-dev --help`; docs/local-stack.md, "Temporal's settings".
"""

import subprocess
from collections.abc import Mapping
from pathlib import Path

from dev.layout import Layout
from dev.process import Service, environment

PORTS = ["temporal", "temporal-ui", "temporal-http", "temporal-metrics"]

SEARCH_ATTRIBUTES = ("drplanPlan", "drplanNamespace", "drplanExecution", "drplanOperation")

# The defaults (20 tasks a second and shard, 1 s of timer shift) make a tree of workflows eight times slower. A misspelt
# key is accepted silently, so tests/dev checks them by their effect. The timer values are for development only: in
# production the shift covers clocks that differ between hosts.
DYNAMIC_CONFIG = {
    "history.transferProcessorMaxPollRPS": "2000",
    "history.visibilityProcessorMaxPollRPS": "1000",
    "history.timerProcessorMaxPollRPS": "1000",
    "history.timerProcessorMaxTimeShift": '"10ms"',
}


def temporal(layout: Layout, program: Path, ports: dict[str, int]) -> Service:
    """Frontend, history, matching and UI in one process, with their database in the stack's folder."""
    argv = [str(program), "server", "start-dev", "--ip=127.0.0.1", "--ui-ip=127.0.0.1", "--log-level=warn"]
    argv += [f"--db-filename={layout.data / 'temporal.db'}", "--ui-disable-news-fetch"]
    argv += [f"--port={ports['temporal']}", f"--ui-port={ports['temporal-ui']}"]
    argv += [f"--http-port={ports['temporal-http']}", f"--metrics-port={ports['temporal-metrics']}"]
    # With a rollback journal every task waits for the disk: 40 child workflows took 9 s, so they take 2 s as in memory.
    # A killed server loses nothing; a machine without power may lose the last moments, but not the database.
    argv += ["--sqlite-pragma", "journal_mode=WAL", "--sqlite-pragma", "synchronous=NORMAL"]
    for key, value in DYNAMIC_CONFIG.items():
        argv += ["--dynamic-config-value", f"{key}={value}"]
    for attribute in SEARCH_ATTRIBUTES:
        argv += ["--search-attribute", f"{attribute}=Keyword"]
    return Service("temporal", tuple(argv))


def is_ready(program: Path, address: str, env: Mapping[str, str] | None = None) -> bool:
    """Ask whether the default namespace answers: that needs the frontend, its database and its cache of namespaces.

    `env` holds further TEMPORAL_ variables (TLS, API key) of a server that is not ours.
    """
    command = [str(program), "operator", "namespace", "describe", "--address", address, "--command-timeout", "5s"]
    namespace = (env or {}).get("TEMPORAL_NAMESPACE", "default")
    done = subprocess.run([*command, namespace], capture_output=True, env=environment(env or {}))
    return done.returncode == 0
