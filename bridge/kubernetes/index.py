"""The executions that wait and run, and what refers to what, from list and watch: which keys need a pass.

A finished execution with nothing left to do is not kept, so that ten thousand of them cost nothing. A pass may begin
from a copy that is kept here where the server refuses what it then writes if that copy is out of date; else it reads
objects live. Source: docs/architecture.md, "Bridge".
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from operator import itemgetter

from bridge.kubernetes.entry import Age, Entry, Key, ObjectKind, entry_of, is_new
from bridge.kubernetes.own_writes import OwnWrites
from bridge.kubernetes.work_queue import Rank
from bridge.status.conditions import ConditionType
from kube.client import Object


class Index:
    """The sink of all reflectors. `wake` is called with every key whose object may need a pass."""

    def __init__(self, wake: Callable[[Key], None]) -> None:
        self._woken = wake
        self._settled: set[Key] = set()
        """Definitions that had been validated when this bridge began to lead, and that nothing has woken since."""
        self._entries: dict[Key, Entry] = {}
        self._of_plan = defaultdict[tuple[str, str], set[Key]](set)
        self._queues: dict[tuple[str, str], list[tuple[Age, Key]]] = {}
        """The queues of plans, until a change of their order: each of a thousand that wait asks for its position."""
        self._definitions: dict[Key, Object] = {}
        self._users = defaultdict[tuple[str, str], set[Key]](set)
        """The plans that refer to a DRWorkflow, by its namespace and name."""
        self._new: dict[Key, Object] = {}
        """The executions that nobody has passed over yet."""
        self._own: OwnWrites[Key] = OwnWrites()
        self._doubtful: set[Key] = set()
        """Definitions of which a write found that they have changed, until the watch brings something of them."""

    # Called by the reflectors.

    def put(self, kind: ObjectKind, item: Object) -> None:
        """Store an object that exists."""
        meta = item["metadata"]
        key = Key(kind, meta.get("namespace", ""), meta["name"])
        if kind is ObjectKind.EXECUTION:
            self._put_execution(key, item)
        else:
            self._put_definition(key, item)

    def _put_execution(self, key: Key, item: Object) -> None:
        before, entry = self._entries.get(key), entry_of(item)
        self._replace(key, entry)
        self._new.pop(key, None)
        if is_new(item):
            self._new[key] = item
        is_news = self._own.is_news(key, _version(item))
        if entry is None:
            self._own.forget(key)
        elif is_news:
            self._wake(key)
        if (before is not None and before.waits) != (entry is not None and entry.waits) or (before and not entry):
            self._wake_around(key, str(item["spec"].get("planRef") or ""))

    def _put_definition(self, key: Key, item: Object) -> None:
        before = self._replace_definition(key, item)
        self._doubtful.discard(key)
        if self._own.is_news(key, _version(item)):
            self._wake(key)
        if before is None or before["metadata"].get("generation") != item["metadata"].get("generation"):
            self._wake_dependents(key)
        elif key.kind is ObjectKind.PLAN:
            self._wake_for_lock(key, before, item)

    def drop(self, kind: ObjectKind, namespace: str, name: str) -> None:
        """Remove an object that was deleted."""
        key = Key(kind, namespace, name)
        entry = self._entries.get(key)
        self._replace(key, None)
        self._replace_definition(key, None)
        self._new.pop(key, None)
        self._doubtful.discard(key)
        self._own.forget(key)
        if entry is not None:
            self._wake(key)
            self._wake_around(key, entry.plan)
        elif kind is not ObjectKind.EXECUTION:
            self._wake_dependents(key)

    def keep_only(self, kind: ObjectKind, names: Collection[tuple[str, str]]) -> None:
        """Remove every object that a complete list did not hold."""
        known = [key for key in (*self._entries, *self._definitions) if key.kind is kind]
        for key in known:
            if (key.namespace, key.name) not in names:
                self.drop(kind, key.namespace, key.name)

    # Called by the store.

    @contextmanager
    def writing(self, key: Key) -> Iterator[None]:
        """Wake nobody for what the watch brings of an object until its write is answered: it may be that write."""
        self._own.begin(key)
        try:
            yield
        finally:
            if self._own.end(key) and self._is_kept(key):
                self._wake(key)

    def wrote(self, key: Key, item: Object, before: str = "") -> None:
        """Remember a write of this process: its echo from the watch needs no pass. `before` is what it replaced."""
        if not self._is_kept(key):  # the echo of the last one came first
            return
        self._own.answered(key, _version(item))
        known = self._definitions.get(key)
        if known is not None and _version(known) == before:
            self._replace_definition(key, item)
            self._wake_for_lock(key, known, item)

    def doubt(self, key: Key) -> None:
        """Take note that an object is not as the index has it: a write against that was refused."""
        if key in self._definitions:
            self._doubtful.add(key)

    def take_new(self, key: Key) -> Object | None:
        """Return an execution that nobody has passed over, as the watch brought it; once."""
        return self._new.pop(key, None)

    def copy_of(self, key: Key) -> Object | None:
        """Return a whole definition; None where it is known to have changed."""
        item = None if key in self._doubtful else self._definitions.get(key)
        return item if item is not None and "spec" in item else None  # of what is nested too deeply a list has no spec

    def last_write(self, key: Key) -> str | None:
        """Return the version of an object that this process wrote last; None where others have changed it since."""
        return self._own.last(key)

    def is_last(self, key: Key, item: Object) -> bool:
        """Whether the last known change of an object is a write of this process."""
        return self._own.last(key) == _version(item)

    # Called by passes and their queue.

    def rank(self, key: Key) -> Rank:
        """Return which pass comes first: executions before what is only validated.

        Of them those come first that have no status, then those that run and show no stages yet. A definition that
        somebody has just written comes before all those that a new leader validates again.
        """
        if key.kind is not ObjectKind.EXECUTION:
            return Rank.LAST if key in self._settled else Rank.LATER
        entry = self._entries.get(key)
        if entry is None or (entry.phase and (entry.listed or not entry.runs)):
            return Rank.NORMAL
        return Rank.TREE if entry.phase else Rank.FIRST

    def starting(self) -> int:
        """Return how many executions are about to be started."""
        return sum(entry.starting for entry in self._entries.values())

    def begin(self) -> list[Key]:
        """Return every object that may need a pass, first the executions that run: their statuses are behind."""
        self._settled = {key for key, item in self._definitions.items() if _is_validated(item)}
        return [*sorted(self._entries, key=lambda key: not self._entries[key].runs), *self._definitions]

    def running(self) -> set[Key]:
        """Return the executions that run."""
        return {key for key, entry in self._entries.items() if entry.runs}

    def entry(self, key: Key) -> Entry | None:
        """Return the entry of an execution."""
        return self._entries.get(key)

    def queue(self, namespace: str, plan: str) -> list[Entry]:
        """Return the executions that wait for a plan, in the order in which they start.

        A Revert that was created before the Execute which it takes back comes after it.
        """
        return [self._entries[key] for _, key in self._queue(namespace, plan)]

    def ahead_of(self, item: Object) -> list[Entry]:
        """Return the entries of its plan's queue that start before an execution."""
        entry = entry_of(item)
        if entry is None:
            return []
        queue, turn = self._queue(entry.key.namespace, entry.plan), _turn(entry, self._original_to_come(entry))
        ahead = (self._entries[key] for _, key in queue[: bisect_left(queue, turn, key=itemgetter(0))])
        return [other for other in ahead if other.uid != entry.uid]

    def of_plan(self, namespace: str, plan: str) -> list[Entry]:
        """Return all executions of a plan that wait, run, or have something left to do, oldest first."""
        keys = self._of_plan.get((namespace, plan), set())
        return sorted(map(self._entries.__getitem__, keys), key=lambda entry: entry.age)

    def workflow_ids(self) -> set[str]:
        """Return the ids of the root workflows of executions that run."""
        return {entry.workflow_id for entry in self._entries.values() if entry.runs}

    def rehearsed_plans(self) -> list[Key]:
        """Return the plans of which a rehearsal has begun and not ended."""
        of = {key: (item.get("status") or {}).get("rehearsal") for key, item in self._definitions.items()}
        return [key for key, rehearsal in of.items() if rehearsal and not rehearsal.get("completionTime")]

    def definition(self, key: Key) -> Object | None:
        """Return a DRPlan or DRWorkflow as it was last seen."""
        return self._definitions.get(key)

    def _queue(self, namespace: str, plan: str) -> list[tuple[Age, Key]]:
        """Return turn and key of each execution in a plan's queue, in their order."""
        known = self._queues.get((namespace, plan))
        if known is None:
            entries = [self._entries[key] for key in self._of_plan.get((namespace, plan), ())]
            waiting = [(entry, self._original_to_come(entry)) for entry in entries if entry.waits]
            known = sorted((_turn(one, first), one.key) for one, first in waiting if first is None or first.waits)
            if known:
                self._queues[namespace, plan] = known
        return known

    def _original_to_come(self, entry: Entry) -> Entry | None:
        """Return the Execute that a Revert takes back, where that has not started yet."""
        if not entry.reverts:
            return None
        original = self._entries.get(Key(ObjectKind.EXECUTION, entry.key.namespace, entry.original))
        if original is None or original.plan != entry.plan or original.reverts:
            return None
        return original if original.waits or (original.missing and not original.workflow_id) else None

    def _is_kept(self, key: Key) -> bool:
        return key in self._entries or key in self._definitions

    # Which keys a change wakes.

    def _wake(self, key: Key) -> None:
        self._settled.discard(key)
        self._woken(key)

    def _replace(self, key: Key, entry: Entry | None) -> None:
        before = self._entries.pop(key, None)
        moved = _order_facts(before) != _order_facts(entry)
        if before is not None:
            self._of_plan[key.namespace, before.plan].discard(key)
        if entry is not None:
            self._entries[key] = entry
            self._of_plan[key.namespace, entry.plan].add(key)
        for plan in {each.plan for each in (before, entry) if each is not None and moved}:
            self._queues.pop((key.namespace, plan), None)
            if not self._of_plan[key.namespace, plan]:
                del self._of_plan[key.namespace, plan]

    def _replace_definition(self, key: Key, item: Object | None) -> Object | None:
        """Store a definition, or remove it; return the one before."""
        before = self._definitions.pop(key, None)
        for name in _refers_to(key, before):
            self._users[name].discard(key)
        for name in _refers_to(key, item):
            self._users[name].add(key)
        if item is not None:
            self._definitions[key] = item
        return before

    def _wake_around(self, key: Key, plan: str) -> None:
        """Wake the plan, what is next in its queue, and what may wait for this execution.

        The others of a queue only change their position: they are passed over now and then.
        """
        if following := self._queue(key.namespace, plan):
            self._wake(following[0][1])
        self._wake(Key(ObjectKind.PLAN, key.namespace, plan))
        for other in list(self._of_plan.get((key.namespace, plan), ())):
            entry = self._entries[other]
            if other != key and not entry.workflow_id and (entry.missing or entry.original == key.name):
                self._wake(other)

    def _wake_for_lock(self, plan: Key, before: Object, item: Object) -> None:
        """Wake the execution that is next where the lock of a plan has changed, but not by its own start."""
        if _lock(before) == _lock(item):
            return
        holder, following = (_lock(item) or {}).get("name"), self._queue(plan.namespace, plan.name)
        if following and following[0][1].name != holder:
            self._wake(following[0][1])

    def _wake_dependents(self, key: Key) -> None:
        if key.kind is ObjectKind.PLAN:
            for other in list(self._of_plan.get((key.namespace, key.name), ())):
                if not self._entries[other].workflow_id:
                    self._wake(other)
            return
        for plan in self._users.get((key.namespace, key.name), ()):
            self._wake(plan)
            self._wake_dependents(plan)


def _turn(entry: Entry, original: Entry | None) -> Age:
    """Return the position of an entry in the order of the queue, given the Execute after which it comes."""
    return max(entry.age, Age(original.created, entry.reverts, entry.uid)) if original else entry.age


def _order_facts(entry: Entry | None) -> tuple[object, ...] | None:
    """Return what the order of its plan's queue depends on, its own turn or that of its Reverts."""
    if entry is None:
        return None
    return (entry.plan, entry.waits, entry.age, entry.original, entry.missing, bool(entry.workflow_id))


def _version(item: Object) -> str:
    return str(item["metadata"]["resourceVersion"])


def _lock(plan: Object) -> Object | None:
    return (plan.get("status") or {}).get("currentExecution")


def _is_validated(item: Object) -> bool:
    """Return whether a status says whether this generation is valid."""
    conditions = (item.get("status") or {}).get("conditions") or []
    of = [each.get("observedGeneration") for each in conditions if each.get("type") == ConditionType.VALID]
    return of == [item["metadata"].get("generation")]


def _refers_to(key: Key, item: Object | None) -> Iterator[tuple[str, str]]:
    spec = (item or {}).get("spec") or {} if key.kind is ObjectKind.PLAN else {}
    for stage in spec.get("stages") or []:
        for workflow in stage.get("workflows") or []:
            ref = workflow.get("workflowRef") or {}
            yield (ref.get("namespace") or key.namespace, ref.get("name") or "")
