"""Validation of what people write, in child processes with limits of time and memory; its results are remembered.

Whatever a definition holds, it takes neither the bridge's event loop nor its memory, and an author of many such
definitions delays the objects of his own namespace only. A child is forked from a small process that has the rules
already (`multiprocessing`, "forkserver"), so it begins within milliseconds.
Source: docs/architecture.md, "Rules that always hold".
"""

import asyncio
import hashlib
import json
import multiprocessing
import resource
import signal
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import islice
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Any, NamedTuple, TypeVar
from weakref import WeakValueDictionary

from api.execution import DRPlanExecution
from api.metrics import VALIDATION_SECONDS
from api.plan import DRPlan
from api.requests import REQUESTED_BY_ANNOTATION
from api.workflow import DRWorkflow
from bridge.kubernetes.store import UnreadableObjectError, read
from planning.definitions.field_errors import FieldError
from planning.definitions.identifiers import used_workflows
from planning.definitions.nesting import MOST_LEVELS, levels
from planning.execute.decide import decide_execute
from planning.messages import runs as run_messages
from planning.messages.text import where_raised
from planning.validation import objects as rules
from planning.validation.warnings import known_objects, workflow_warnings
from process.metrics import Metrics

Stored = dict[str, Any]
"""An object as the API server stores it."""


class Findings(NamedTuple):
    """What a validation says of an object."""

    errors: Sequence[str] = ()
    warnings: Sequence[str] = ()
    """What is worth knowing of an object that is valid."""


Question = Callable[[Sequence[Stored]], Findings]
"""Takes objects, the first of which is asked about."""

CPU_SECONDS = 5
MEMORY = 128 << 20
"""Bytes above what the process has at its start."""
WALL_SECONDS = 60.0
"""A machine with much other work may need as long for CPU_SECONDS."""
CHILDREN = 3
"""Validations at once, of different namespaces: together they have to find room in the memory of a small container."""
TURN_SECONDS = 0.3
"""How long a pass waits for another one of its namespace."""
REMEMBERED = 2000
"""Objects whose errors are remembered, or Executes that may start; the one validated longest ago is forgotten first."""

KeyT = TypeVar("KeyT")
ValueT = TypeVar("ValueT")

_LIMIT_EXCEEDED = frozenset({-signal.SIGXCPU, -signal.SIGKILL, -signal.SIGABRT, -signal.SIGSEGV})
"""Exit codes of a child that met a limit; memory that cannot be had ends some libraries by a signal."""


class NotYourTurnError(Exception):
    """Another object of the namespace is being validated: the pass is to be repeated soon."""


class ValidationBrokeError(Exception):
    """The rules, or the process that applied them, broke; the text quotes nothing that a person wrote."""


def plan_findings(objects: Sequence[Stored]) -> Findings:
    """Validate a plan, the first of the objects, with those of its DRWorkflows that exist and can be read."""
    plan, workflows = DRPlan.model_validate(objects[0]), {}
    for raw in objects[1:]:
        with suppress(UnreadableObjectError):
            model = read(raw, DRWorkflow).model
            workflows[model.metadata.namespace, model.metadata.name] = model
    errors = rules.plan_errors(plan, workflows)
    used = used_workflows(plan, workflows)
    for dr_workflow in used:
        errors += rules.workflow_errors(dr_workflow)
    return _listed(errors, used)


def dr_workflow_findings(objects: Sequence[Stored]) -> Findings:
    """Validate a DRWorkflow by itself."""
    dr_workflow = DRWorkflow.model_validate(objects[0])
    return _listed(rules.workflow_errors(dr_workflow), [dr_workflow])


def _listed(errors: Sequence[FieldError], used: Sequence[DRWorkflow]) -> Findings:
    """Return one text of as many errors as a condition shows; of what is valid, the same of the warnings."""
    if errors:
        return Findings([run_messages.invalid([error.text for error in errors])])
    known = known_objects(used, [])
    warnings = list(islice((one for each in used for one in workflow_warnings(each, known)), rules.MOST_ERRORS))
    return Findings([], [run_messages.invalid([one.text for one in warnings])] if warnings else [])


def execute_findings(objects: Sequence[Stored]) -> Findings:
    """Return why an Execute may not start: the execution, its plan, and all DRWorkflows of the plan."""
    execution, plan = DRPlanExecution.model_validate(objects[0]), DRPlan.model_validate(objects[1])
    try:
        models = [read(raw, DRWorkflow).model for raw in objects[2:]]
    except UnreadableObjectError as error:
        return Findings([str(error)])
    # The workflow validates again when it begins, with the same functions.
    workflows = {(model.metadata.namespace, model.metadata.name): model for model in models}
    rejection = decide_execute(execution, plan, workflows).rejection
    return Findings() if rejection is None else Findings([rejection])


_SUBJECTS: dict[Question, str] = {
    plan_findings: "DRPlan",
    dr_workflow_findings: "DRWorkflow",
    execute_findings: "DRPlanExecution",
}
"""What a question is about, for the metric."""


class Validator:
    """Asks questions in children; one at a time for each namespace."""

    def __init__(self, metrics: Metrics | None = None) -> None:
        self._metrics = metrics or Metrics()
        self._processes = multiprocessing.get_context("forkserver")
        self._processes.set_forkserver_preload([__name__])
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        """By namespace; each lives as long as a pass holds it or waits for it."""
        self._known: dict[str, tuple[list[str], Findings]] = {}
        self._may_start: dict[bytes, None] = {}
        """Of each Execute that may start the digest of what that depends on: a set in the order of the answers."""
        # Threads of its own: those of the loop compute statuses meanwhile.
        self._waiting = ThreadPoolExecutor(CHILDREN, "validation")

    async def findings(self, question: Question, objects: Sequence[Stored]) -> Findings:
        """Return what there is to say of the first object; what has not changed is not validated again.

        Raises NotYourTurnError.
        """
        uid = objects[0]["metadata"]["uid"]
        versions = [f"{each['metadata']['uid']}/{each['metadata'].get('generation')}" for each in objects]
        known, findings = self._known.get(uid, ([], Findings()))
        if known != versions:
            findings = await self._ask(question, objects)
            _remember(self._known, uid, (versions, findings))
        return findings

    async def rejection(self, execution: Stored, plan: Stored, workflows: Sequence[Stored]) -> str | None:
        """Return why an Execute may not start; None where it may. Raises NotYourTurnError.

        Only that one may start is remembered: a rejection ends it, and names it.
        """
        asked, of_plan = _what_counts(execution), _what_counts(plan)
        try:
            digest = _digest(asked, of_plan, workflows)
        except RecursionError:
            return run_messages.too_deep(MOST_LEVELS)
        if digest in self._may_start:
            return None
        findings = await self._ask(execute_findings, [asked, of_plan, *workflows])
        if not findings.errors:
            _remember(self._may_start, digest, None)
        return next(iter(findings.errors), None)

    async def _ask(self, question: Question, objects: Sequence[Stored]) -> Findings:
        """Answer a question about some objects, the first of which is asked about. Raises NotYourTurnError."""
        turn = self._turns.setdefault(objects[0]["metadata"].get("namespace", ""), asyncio.Lock())
        try:
            async with asyncio.timeout(TURN_SECONDS):
                await turn.acquire()
        except TimeoutError as error:
            raise NotYourTurnError from error
        try:
            return await self._answer(question, objects)
        finally:
            turn.release()

    async def _answer(self, question: Question, objects: Sequence[Stored]) -> Findings:
        began, result = time.monotonic(), "Broken"
        try:
            loop = asyncio.get_running_loop()
            findings = await loop.run_in_executor(self._waiting, _ask, self._processes, question, objects)
            result = "Invalid" if findings.errors else "Valid"
            return findings
        finally:
            self._metrics.observe(
                VALIDATION_SECONDS, time.monotonic() - began, _SUBJECTS.get(question, "other"), result
            )

    def close(self) -> None:
        """End what still runs."""
        self._waiting.shutdown(wait=False, cancel_futures=True)
        for child in multiprocessing.active_children():
            child.kill()


def _remember(known: dict[KeyT, ValueT], key: KeyT, value: ValueT) -> None:
    known.pop(key, None)
    known[key] = value
    if len(known) > REMEMBERED:
        del known[next(iter(known))]


def _what_counts(raw: Stored) -> Stored:
    """Return an execution or a plan with nothing but what decides whether an Execute may start.

    The child is sent no more than that, so that no answer rests on what the digest leaves out.
    """
    meta = raw["metadata"]
    kept = {name: meta[name] for name in ("namespace", "name", "uid", "generation") if name in meta}
    annotations = meta.get("annotations") or {}
    kept["annotations"] = {name: value for name, value in annotations.items() if name == REQUESTED_BY_ANNOTATION}
    return {"metadata": kept, "spec": raw["spec"]}


def _digest(execution: Stored, plan: Stored, workflows: Sequence[Stored]) -> bytes:
    """Return a digest of what decides whether an Execute may start; executions that differ in their names share it.

    A DRWorkflow counts as a whole, for one whose status cannot be read keeps an Execute from starting.
    """
    of_workflows = [[one["metadata"]["uid"], one["metadata"]["resourceVersion"]] for one in workflows]
    parts = [execution["spec"], execution["metadata"]["annotations"], plan["metadata"], of_workflows]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).digest()


def _ask(processes: ForkServerContext, question: Question, objects: Sequence[Stored]) -> Findings:
    ours, theirs = processes.Pipe()
    child = processes.Process(target=_answer, args=(theirs, question, len(objects)), daemon=True)
    child.start()
    theirs.close()
    answer: Findings | Exception = Findings([run_messages.too_expensive(CPU_SECONDS, MEMORY)])
    try:
        for each in objects:  # one by one: pickling holds the interpreter's lock
            ours.send(each)
        if ours.poll(WALL_SECONDS):
            answer = ours.recv()
    except RecursionError:
        answer = Findings([run_messages.too_deep(MOST_LEVELS)])
    except (EOFError, OSError):
        child.join()
        if child.exitcode not in _LIMIT_EXCEEDED:
            answer = ValidationBrokeError(f"the process that validates ended with {child.exitcode}")
    finally:
        child.kill()
        child.join()
        ours.close()
    if isinstance(answer, Exception):
        raise answer
    return answer


def _answer(sender: Connection, question: Question, count: int) -> None:
    """Answer in the child, within its limits."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS + 1))
    with suppress(OSError, ValueError):  # only Linux has both
        size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (size + MEMORY, size + MEMORY))
    try:
        objects = [sender.recv() for _ in range(count)]
        deep = any(levels(each) > MOST_LEVELS for each in objects)
        sender.send(Findings([run_messages.too_deep(MOST_LEVELS)]) if deep else question(objects))
    except (MemoryError, RecursionError):
        sender.send(Findings([run_messages.too_expensive(CPU_SECONDS, MEMORY)]))
    except Exception as error:
        sender.send(ValidationBrokeError(where_raised(error)))
