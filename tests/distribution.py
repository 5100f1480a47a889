"""Distributes tests over the processes of pytest-xdist: one by one, the slowest first, so that all are busy to the end.

Tests that share a fixture narrower than the session (that of a module, say) stay together in one process. How long
tests take is read from DURATIONS, which `make test-durations` writes; a run of a part of them renews that part. A
process that has started servers for its tests goes on with tests that use the same servers, while there are any: a
start takes 8 s of the processor, and servers that nobody uses take some all the time. One process begins with the tests
that need no servers: those with servers mostly wait, and would leave the processors idle until the others' turn comes.
"""

import json
from collections import Counter, defaultdict, deque
from pathlib import Path

import pytest
from _pytest.nodeid import coerce_node_id
from xdist.remote import Producer
from xdist.scheduler import LoadGroupScheduling
from xdist.workermanage import WorkerController

DURATIONS = Path("tests/durations.json")
"""Seconds by module and function, of those that take LEAST or more; the longest of a function's parameters counts."""
LEAST = 0.5
TYPICAL = 0.1
"""Seconds of one that is not in DURATIONS, on average: many need no servers, wherever they are."""
SLOW = 2.0
"""Seconds from which a test is slow, and is left out by `make test-fast`."""
UNKNOWN = 5.0
"""Seconds that are expected of a test with servers that is not in DURATIONS: a new one must not be the last to start.
Many of these end within LEAST, and beginning them early does no harm."""
SERVERS = {
    "tests/e2e/": "installation",
    "tests/workflows/": "temporal",
    "tests/chaos/": "servers that fail",
    **dict.fromkeys(("tests/dev/test_stack.py", "tests/dev/test_demo.py"), "whole stack"),
    **dict.fromkeys(("tests/activities/", "tests/api/", "tests/bridge/", "tests/cli/", "tests/deploy/"), "stack"),
    **dict.fromkeys(("tests/dev/", "tests/kube/", "tests/process/", "tests/worker/"), "stack"),
}
"""What the tests of a folder or module start that each process starts once. It is taken from names, because the process
that distributes the tests does not load them; the first that fits counts."""
NO_SERVERS = "no servers"
WORTH_A_START = 60.0
"""Seconds of tests left for each process with these servers, from which one more process starts them."""
SERVER_FIXTURES = {"stack", "module_stack", "temporal", "whole_stack", "new_stack", "server"}
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
        _group(items, {item.nodeid: _seconds(item, durations) for item in items})


def _durations(config: pytest.Config) -> dict[str, float]:
    file = config.rootpath / DURATIONS
    durations: dict[str, float] = json.loads(file.read_text()) if file.exists() else {}
    return durations


def _seconds(item: pytest.Item, durations: dict[str, float]) -> float:
    return durations.get(_key(item.nodeid), UNKNOWN if item.get_closest_marker("servers") else 0)


def _group(items: list[pytest.Item], durations: dict[str, float]) -> None:
    groups: dict[str, list[pytest.Item]] = defaultdict(list)
    seconds: dict[str, float] = defaultdict(float)
    for item in items:
        module = item.nodeid.partition("::")[0]
        shares = any(_scope(item, name) in ("class", "module", "package") for name in _fixtures(item))
        group = module if shares else item.nodeid
        groups[group].append(item)
        seconds[group] += durations[item.nodeid]
        if shares:  # pytest-xdist 3.8 sets `_nodeid` to this, which pytest 9.2 does not read
            item._id = coerce_node_id(f"{item.nodeid}@{module}")
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
    """Lets a process keep to the servers that it has started, and goes on when a test has ended its process.

    In the second case pytest-xdist would repeat the test, or wait for ever.
    Source: `xdist/scheduler/loadscope.py` of pytest-xdist 3.8.
    """

    def __init__(self, config: pytest.Config, log: Producer | None = None) -> None:
        super().__init__(config, log)
        self._durations = _durations(config)
        self._started: dict[WorkerController, set[str]] = defaultdict(set)
        self._queues: dict[str, deque[tuple[int, str]]] = {}
        """The units of `workqueue` with their places in it, by what they start."""
        self._seconds: dict[str, float] = defaultdict(float)
        """How long the tests of each queue take."""

    def _assign_work_unit(self, node: WorkerController) -> None:
        """Assign the first unit that suits the process, or the first of all."""
        if not self._queues:
            self._sort()
        kind = self._next_kind(node) or next(iter(self._queues))
        _, scope = self._queues[kind].popleft()
        if not self._queues[kind]:
            del self._queues[kind]
        self._seconds[kind] -= self._length(scope)
        self._started[node].add(kind)
        self.workqueue.move_to_end(scope, last=False)
        super()._assign_work_unit(node)

    def _sort(self) -> None:
        self._queues, self._seconds = {}, defaultdict(float)
        for place, scope in enumerate(self.workqueue):
            self._queues.setdefault(_kind(scope), deque()).append((place, scope))
            self._seconds[_kind(scope)] += self._length(scope)

    def _length(self, scope: str) -> float:
        return sum(self._durations.get(_key(nodeid), TYPICAL) for nodeid in self.workqueue[scope])

    def _next_kind(self, node: WorkerController) -> str | None:
        """Return from which queue a process takes the next unit, None when what is left is not worth a start."""
        started = self._started[node] - {NO_SERVERS}
        order = [started, self._worth_starting(), {NO_SERVERS}]
        if len(self.nodes) > 2 and node is self.nodes[-1]:
            order = [{NO_SERVERS}, started, self._worth_starting()]
        for kinds in order:
            if queues := [kind for kind in kinds if kind in self._queues]:
                return min(queues, key=lambda kind: self._queues[kind][0])
        return None

    def _worth_starting(self) -> set[str]:
        """Return the servers that no process has started, or else those of which each has the most tests left."""
        users = Counter(kind for node in self.nodes for kind in self._started[node])
        needed = [kind for kind in self._queues if kind != NO_SERVERS]
        most = max(needed, key=lambda kind: (not users[kind], self._seconds[kind] / (users[kind] + 1)), default=None)
        return {most} if most and (not users[most] or self._seconds[most] / users[most] > WORTH_A_START) else set()

    def mark_test_complete(self, node: WorkerController, item_index: int, duration: float = 0) -> None:
        """Forget a unit whose tests have all ended: the time for counting the pending ones would grow with it."""
        scope = self._split_scope(self.registered_collections[node][item_index])
        unit = self.assigned_work[node][scope]
        super().mark_test_complete(node, item_index, duration)
        if all(unit.values()):
            self.assigned_work[node].pop(scope, None)

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
        self._queues = {}  # what the process had not begun is to be distributed as well
        super().remove_node(node)
        return nodeid

    def _reschedule(self, node: WorkerController) -> None:
        """Let a process have the test that it runs and a next one; tell it when there is no more to come."""
        if node.shutting_down:
            return
        while self._pending_of(self.assigned_work[node]) < 2:
            if not self.workqueue or (self._queues and not self._next_kind(node)):
                node.shutdown()
                return
            self._assign_work_unit(node)
        if not self.workqueue:
            node.shutdown()


def _kind(scope: str) -> str:
    return next((servers for name, servers in SERVERS.items() if scope.startswith(name)), NO_SERVERS)


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
