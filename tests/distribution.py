"""Distributes tests over the processes of pytest-xdist: one by one, the slowest first, so that all are busy to the end.

Tests that share a fixture narrower than the session (that of a module, say) stay together in one process. How long
tests take is read from DURATIONS, which `make test-durations` writes.
"""

import json
from collections import defaultdict
from pathlib import Path

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadGroupScheduling
from xdist.workermanage import WorkerController

DURATIONS = Path("tests/durations.json")
"""Seconds by module and function, of those that take LEAST or more; the longest of a function's parameters counts."""
LEAST = 0.5
SLOW = 2.0
"""Seconds from which a test is slow, and is left out by `make test-fast`."""
SERVER_FIXTURES = {"stack", "temporal", "whole_stack", "new_stack", "server"}
"""Fixtures that start servers: `make test-fast` leaves out what uses one of them."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option by which durations are recorded."""
    parser.addoption("--record-durations", action="store_true", help=f"write how long tests took to {DURATIONS.name}")


def pytest_configure(config: pytest.Config) -> None:
    """Define the marker that is set below, and record durations if asked to."""
    config.addinivalue_line("markers", "servers: set for every test that uses a fixture which starts servers")
    config.addinivalue_line("markers", f"slow: set for every test that takes {SLOW:g} s or more")
    if config.getoption("--record-durations"):
        config.pluginmanager.register(Recorder(), "duration-recorder")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark tests by what they need; with several processes, group them and put the slowest groups first."""
    durations = _durations(config)
    for item in items:
        if SERVER_FIXTURES & set(_fixtures(item)):
            item.add_marker("servers")
        if durations.get(_key(item.nodeid), 0) >= SLOW:
            item.add_marker("slow")
    if getattr(config.option, "loadgroup", False):  # the processes of pytest-xdist have no other sign of it
        _group(items, durations)


def _durations(config: pytest.Config) -> dict[str, float]:
    file = config.rootpath / DURATIONS
    durations: dict[str, float] = json.loads(file.read_text()) if file.exists() else {}
    return durations


def _group(items: list[pytest.Item], durations: dict[str, float]) -> None:
    groups: dict[str, list[pytest.Item]] = defaultdict(list)
    for item in items:
        module = item.nodeid.partition("::")[0]
        shares = any(_scope(item, name) in ("class", "module", "package") for name in _fixtures(item))
        if shares:
            item.add_marker(pytest.mark.xdist_group(module))
        groups[module if shares else item.nodeid].append(item)
    seconds = {name: sum(durations.get(_key(each.nodeid), 0) for each in group) for name, group in groups.items()}
    items[:] = [item for name in sorted(groups, key=lambda name: -seconds[name]) for item in groups[name]]


def _fixtures(item: pytest.Item) -> list[str]:
    return item.fixturenames if isinstance(item, pytest.Function) else []


def _scope(item: pytest.Item, fixture: str) -> str:
    assert isinstance(item, pytest.Function)
    definitions = item._fixtureinfo.name2fixturedefs.get(fixture)
    return definitions[-1].scope if definitions else "function"


def _key(nodeid: str) -> str:
    return nodeid.partition("[")[0].partition("@")[0]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadGroupScheduling | None:
    """Distribute groups in the order of the collection."""
    return Scheduler(config, log) if config.getoption("dist") == "loadgroup" else None


class Scheduler(LoadGroupScheduling):
    """Goes on when a test has ended its process, where pytest-xdist would repeat it, or wait for ever.

    Source: `xdist/scheduler/loadscope.py` of pytest-xdist 3.8.
    """

    def remove_node(self, node: WorkerController) -> str | None:
        """Return the test that was running when the process ended, if one was; the others are distributed again."""
        running = next(
            (
                (tests, nodeid)
                for tests in self.assigned_work[node].values()
                for nodeid, completed in tests.items()
                if not completed
            ),
            None,
        )
        if running is None:
            super().remove_node(node)
            return None
        tests, nodeid = running
        tests[nodeid] = True
        super().remove_node(node)
        return nodeid

    def _reschedule(self, node: WorkerController) -> None:
        """Let a process have the test that it runs and a next one; tell it when there is no more to come."""
        if node.shutting_down:
            return
        while self.workqueue and self._pending_of(self.assigned_work[node]) < 2:
            self._assign_work_unit(node)
        if not self.workqueue:
            node.shutdown()


class Recorder:
    """Writes DURATIONS at the end of the run; what it knows of tests that did not run is left as it is."""

    def __init__(self) -> None:
        self._seconds: dict[str, float] = defaultdict(float)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Add up setup, call and teardown."""
        self._seconds[report.nodeid] += report.duration

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Write, in the process that a person started."""
        if hasattr(session.config, "workerinput"):
            return
        longest: dict[str, float] = {}
        for nodeid, seconds in self._seconds.items():
            longest[_key(nodeid)] = max(seconds, longest.get(_key(nodeid), 0))
        known = _durations(session.config)
        kept = {key: round(seconds, 1) for key, seconds in (known | longest).items() if seconds >= LEAST}
        (session.config.rootpath / DURATIONS).write_text(json.dumps(kept, indent=1, sort_keys=True) + "\n")
