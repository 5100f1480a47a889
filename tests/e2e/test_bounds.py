"""No input of at most 1 MB keeps the loop of a running worker or bridge busy for 100 ms, or takes 64 MB of memory.

Source: docs/architecture.md, "Bounds".
"""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from dev.stack import Stack
from tests.admin import Admin, Object
from tests.e2e.installation import Guarded, Installation, start_installation
from tests.manifests import dr_plan, dr_workflow, execute, stage, writes
from tests.planning.test_bombs import merges
from tests.private_stack import empty_namespace, new_namespace

ATTEMPTS = 2
"""The best counts: on a busy machine the thread of the loop may not get the processor while another one works."""
STRETCH = 0.1
"""Seconds of the processor."""
MEMORY = 64 << 20
HEAD = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: bomb, namespace: NAMESPACE}\n"


@dataclass(frozen=True)
class Bomb:
    """One input: the objects that somebody writes."""

    actions: list[Object]
    parameters: list[Object] | None = None
    """Of the DRWorkflow."""
    stages: int = 1
    of_stage: Object | None = None
    params: list[Object] | None = None
    """Of the execution."""
    mode: str | None = None


def action(manifest: str, **more: Any) -> Object:
    return writes("one", HEAD + manifest, **more)


def http(name: str = "one", **fields: Any) -> Object:
    request = {"url": "http://127.0.0.1:9/", "method": "POST", **fields}
    return {"name": name, "type": "HTTP", "timeout": "5s", "retryPolicy": {"limit": 0}, "http": request}


def deep(depth: int) -> Any:
    value: Any = "x"
    for _ in range(depth):
        value = {"a": value}
    return value


def localization(spec: Object) -> Object:
    body = {"name": "one", "namespace": "NAMESPACE", "operation": "Create", "spec": spec}
    return {"name": "one", "type": "Localization", "localization": body}


def value_from(number: int, path: str) -> Object:
    ref = {"apiVersion": "v1", "kind": "ConfigMap", "namespace": "NAMESPACE", "name": "large", "jsonPath": path}
    return {"name": f"p{number}", "valueFrom": {"manifestRef": ref}}


VERY_DEEP = '{"a":' * 5000 + "1" + "}" * 5000
"""Deeper than Python reads."""
SKIPPED = "mode == upgrade"
VALUE = [{"name": "v", "value": "x" * 30_000}]
MERGES = merges(9).partition("data:")[1:]
REFUSED = [
    action("", when="mode ==" + " " * 100_000 + "!"),
    action("".join(MERGES)),
    action("data: {a: 0x" + "f" * 100_000 + "}"),
    action("data: {a: " + "[" * 50_000 + "}"),
    action("data: {}", rollback=action("data: {}", rollback=deep(100))),
    action("data: {}", dependsOn=["a" * 100_000]),
    action("data: {}", timeout="1." * 50_000),
    action("data: {}", retryPolicy={"limit": 1, "backoffMultiplier": "9" * 100_000}),
    http(url="http://127.0.0.1:9/" + "ü" * 30_000),
    http(headers={f"X-{number}": "$(params.v)" for number in range(3000)}),
]
"""Each is an error of its own; test_bombs.py has larger ones, one by one."""
BOMBS = {
    "much that is refused": Bomb([{**each, "name": f"a{place}"} for place, each in enumerate(REFUSED)], VALUE),
    "a megabyte of values": Bomb([action("data:\n" + "  a: {b: [c, d]}\n" * 50_000)]),
    "a megabyte of text": Bomb([action("data: {a: " + "x" * 900_000 + "}")]),
    "a value repeated": Bomb([action("data: {a: " + "$(params.v)" * 10_000 + "}")], VALUE),
    "many placeholders": Bomb([action('data: {a: "' + "$(params.v)" * 60_000 + '"}')], [{"name": "v", "value": "1"}]),
    "JSONPaths": Bomb([action("data: {}")], [value_from(n, "{..[?(@.a==1)]}{..*..*}") for n in range(40)], stages=8),
    "very deep nesting in an object": Bomb([localization({"a": "DEEP"})]),
    "many actions": Bomb([{**action("data: {}", when=SKIPPED), "name": f"a{n}"} for n in range(2000)], mode="Install"),
    "many stages": Bomb([action("data: {}", when=SKIPPED)], stages=40, mode="Install"),
    "long names": Bomb([{**action("data: {}"), "name": "a" * 900_000}]),
    "parameters": Bomb([action("data: {}")], params=[{"name": f"p{n}", "value": "v"} for n in range(20_000)]),
    "long secrets": Bomb([http(headers={"Authorization": "ü" * 400_000}, body=json.dumps({"password": "ü" * 50_000}))]),
    "many secrets": Bomb([http(body=json.dumps({f"password{n}": f"s{n}" + "x" * 500 for n in range(950)}))]),
    "a secret of placeholders": Bomb([http(headers={"X-Key": "$(params.v)" * 80_000})], [{"name": "v", "value": "1"}]),
}  # fmt: skip


@dataclass(frozen=True)
class Memory:
    """The memory of a process at one time, from which its growth is measured."""

    pid: int
    base: int

    @classmethod
    def of(cls, process: Guarded) -> "Memory":
        pid = process.program.pid
        Path(f"/proc/{pid}/clear_refs").write_text("5")  # the peak is counted from now on
        return cls(pid, _memory(pid, "VmRSS"))

    @property
    def growth(self) -> int:
        return _memory(self.pid, "VmHWM") - self.base


def _memory(pid: int, name: str) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith(f"{name}:"))


@dataclass(frozen=True)
class MeasuredInstallation:
    """Worker and bridge, whose loops report the longest stretch for which they stood still."""

    installation: Installation

    @property
    def processes(self) -> dict[str, Guarded]:
        return {"worker": self.installation.worker, "bridge": self.installation.bridge}

    def carry_out(self, bomb: Bomb, namespace: str) -> Object:
        """Write the objects of a bomb, and return the status of its execution when it has ended."""
        admin = Admin.of(self.installation.stack)
        stages = [stage(f"s{number}", namespace, "bomb") | (bomb.of_stage or {}) for number in range(bomb.stages)]
        flow = dr_workflow("bomb", *bomb.actions, **({"parameters": bomb.parameters} if bomb.parameters else {}))
        params = {"params": bomb.params} if bomb.params else {}
        mode = {"mode": bomb.mode} if bomb.mode else {}
        for body in (flow, dr_plan("bomb", *stages), execute("bomb", "bomb", **params, **mode)):
            text = json.dumps(body).replace("NAMESPACE", namespace).replace('"DEEP"', VERY_DEEP)
            path = admin.kind(f"{body['apiVersion']} {body['kind']}").path(namespace)
            answer = admin.client.post(path, content=text, headers={"Content-Type": "application/json"})
            assert answer.status_code == 201, answer.text[:500]

        # Watched, because each look at an execution of a megabyte takes the API server a twentieth of a second.
        def has_ended(execution: Object) -> bool:
            return execution.get("status", {}).get("phase") in ("Succeeded", "Failed", "Canceled")

        found = admin.wait_until(has_ended, "at its end", "drplanexecution", "bomb", namespace, 240)
        status: Object = found["status"]
        return status

    def longest(self, name: str) -> tuple[float, str]:
        """Return how long a loop stood still, and what ran then."""
        if not (report := self._report(name)).exists():
            return 0.0, ""
        longest = json.loads(report.read_text())
        return longest["seconds"], longest["stack"]

    def begin_again(self) -> dict[str, Memory]:
        for name in self.processes:
            self._report(name).unlink(missing_ok=True)
        return {name: Memory.of(process) for name, process in self.processes.items()}

    def _report(self, name: str) -> Path:
        return self.installation.folder / f"{name}.loop"


@pytest.fixture(scope="module")
def measured(module_stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[MeasuredInstallation]:
    """Worker and bridge on a stack of their own, once they have loaded what they need."""
    module = ("tests.e2e.measured_process",)
    with start_installation(module_stack, tmp_path_factory.mktemp("bounds"), module) as installation:
        installation.restore()
        measured = MeasuredInstallation(installation)
        measured.carry_out(Bomb([action("data: {}"), http(name="two")]), new_namespace(module_stack))
        yield measured


@pytest.fixture
def namespaces(measured: MeasuredInstallation) -> Iterator[Iterator[str]]:
    """Create a namespace for each attempt that is made."""
    stack, admin = measured.installation.stack, Admin.of(measured.installation.stack)
    names: list[str] = []

    def each() -> Iterator[str]:
        for _ in range(ATTEMPTS):
            names.append(new_namespace(stack))
            config_map = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "large"}}
            admin.create(config_map | {"data": {f"k{number}": "v" * 500 for number in range(1500)}}, names[-1])
            yield names[-1]

    yield each()
    for name in names:
        admin.client.delete(admin.kind("drworkflow").path(name, "bomb"))  # not read: it may be nested very deeply
        empty_namespace(stack, name)


@pytest.mark.parametrize("name", BOMBS)
def test_an_input_keeps_no_loop_busy_and_takes_little_memory(
    measured: MeasuredInstallation, namespaces: Iterator[str], name: str
) -> None:
    for namespace in namespaces:
        memories = measured.begin_again()
        measured.carry_out(BOMBS[name], namespace)
        time.sleep(0.5)
        faults = []
        for process, memory in memories.items():
            seconds, stack = measured.longest(process)
            print(f"{name}: {process} {seconds * 1000:.0f} ms {memory.growth >> 20} MiB")  # noqa: T201
            if seconds > STRETCH:
                faults.append(f"{process} stood still for {seconds:.3f} s:\n{stack}")
            if memory.growth > MEMORY:
                faults.append(f"{process} took {memory.growth >> 20} MiB")
        if not faults:
            return
    pytest.fail("\n".join(faults))
