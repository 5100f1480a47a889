"""What must hold after every step, of the cluster and of what is said of it: the rules of docs/architecture.md.

The audit is the list of all changes in the order in which they were made, so nothing that happens in between is missed.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any, cast

from api.execution import DRPlanExecution
from api.meta import CREATED_BY_ANNOTATION, RESTORED_BY_ANNOTATION
from api.nodes import ActionStatus, StageStatus, WorkflowExecutionStatus
from api.phases import OperationType, Phase
from api.plan import DRPlan
from api.reasons import Reason
from api.tree import RunState
from kube.client import Object
from planning.effects.restoration import content
from planning.revert.original import NodeKey, keys
from tests.planning.simulation import FORWARD, check_summary
from tests.stateful.api_server import PERSON, Change, Place
from tests.stateful.field_owners import Path, leaves
from tests.stateful.installation import Installation, condition, has_ended, phase
from tests.stateful.plans import PLAN

_OURS = ("ConfigMap", "Localization")
"""Kinds of the objects that plans are about."""
_ROLLED_BACK = re.compile(r"(\d+) actions? rolled back")
_LEFT = re.compile(r"(\d+) objects? left standing")


def is_object(place: Place) -> bool:
    """Tell whether an object is one of those that plans are about."""
    return place.kind in _OURS


def mark_in(found: Object | None, annotation: str = CREATED_BY_ANNOTATION) -> str:
    """Give a mark of an object; empty without it."""
    return str(((found or {}).get("metadata", {}).get("annotations") or {}).get(annotation) or "")


@dataclass
class Run:
    """One execution that has begun: what there was then, and which changes it and others made since."""

    name: str
    begin: int
    before: dict[Place, Object]
    end: int | None = None
    with_faults: bool = False


@dataclass
class Claims:
    """Watches a cluster, and compares what is said with what is so."""

    installation: Installation
    runs: dict[str, Run] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    """What was seen to be wrong at the moment at which it happened."""
    checked: set[str] = field(default_factory=set)
    writers: dict[tuple[str, Path], str | None] = field(default_factory=dict)
    """By uid and field: who wrote it last."""
    seen: Counter[str] = field(default_factory=Counter)
    """How often what was to be tested came about."""

    @property
    def changes(self) -> list[Change]:
        return self.installation.server.changes

    @property
    def objects(self) -> dict[Place, Object]:
        """The objects that plans are about, as they are now."""
        return {place: item for place, item in self.installation.server.objects.items() if is_object(place)}

    # While it happens.

    def note(self, change: Change) -> None:
        """Look at one change at the moment at which it is made."""
        self.installation.note_change()
        if change.place.kind == "DRPlanExecution" and change.after is not None:
            self._note_status(change)
        if is_object(change.place):
            if change.user != PERSON:
                self._note_effect(change)
            self._note_writers(change)

    def _note_status(self, change: Change) -> None:
        assert change.after is not None
        before, after = (change.before or {}).get("status") or {}, change.after.get("status") or {}
        name = change.place.name
        if after.get("engine") and name not in self.runs:
            self.runs[name] = Run(
                name, len(self.changes), self.objects, with_faults=bool(self.installation.server.faults)
            )
        if before == after:
            return
        try:
            self._check_forward(before, after, preview=bool(change.after["spec"].get("dryRun")))
        except AssertionError as error:
            self.wrong.append(f"{name}: status went backwards: {error}\n{before}\n{after}")
        if phase(change.after) in ("Succeeded", "Failed", "Canceled") and name in self.runs:
            self.runs[name].end = len(self.changes)

    @staticmethod
    def _check_forward(before: Object, after: Object, *, preview: bool) -> None:
        was, now = (DRPlanExecution.model_validate(_execution(each)).status for each in (before, after))
        if was.phase is not None:
            assert now.phase in FORWARD[was.phase], f"{was.phase} to {now.phase}"
            if was.phase.terminal:
                assert before.get("stageStatuses") == after.get("stageStatuses"), "the tree changed after the end"
                assert before.get("message") == after.get("message"), "the message changed after the end"
        old, new = dict(_phases(was.stages)), dict(_phases(now.stages))
        for key, one in old.items():
            assert key in new, f"{key} went"
            assert new[key] in FORWARD[one], f"{key} from {one} to {new[key]}"
        if was.engine is not None:
            assert now.engine == was.engine, "another run"
        if now.stages and now.summary is not None and not preview:
            check_summary(cast("RunState", now))

    def _note_effect(self, change: Change) -> None:
        """Look at what was done to an object in the name of a plan."""
        holder = self._holder()
        if holder is None:
            self.wrong.append(f"{change.verb} {change.place}: no execution has the lock")
            return
        execution = self.execution(holder)
        if execution.spec.dry_run:
            self.wrong.append(f"{change.verb} {change.place}: by a preview")
        if execution.spec.operation_type is OperationType.REVERT:
            uids = [one.metadata.uid for one in self._originals(execution)]
            if change.verb == "DELETE" and not any(mark_in(change.before).startswith(f"{uid}/") for uid in uids):
                self.wrong.append(f"{holder} deletes {change.place}, which its original did not create")
            if change.verb != "DELETE" and change.manager != "drplan-restore":
                self.wrong.append(f"{holder}: {change.verb} {change.place} by {change.manager}")
        if change.verb == "POST":
            annotation = RESTORED_BY_ANNOTATION if change.manager == "drplan-restore" else CREATED_BY_ANNOTATION
            mark = mark_in(change.after, annotation)
            same = [one for one in self.changes if one.verb == "POST" and mark_in(one.after, annotation) == mark]
            if not mark or len([one for one in same if is_object(one.place)]) > 1:
                self.wrong.append(f"{holder} creates {change.place} twice: {mark!r}")
        if change.verb == "DELETE" and change.before and change.before["metadata"].get("deletionTimestamp"):
            self.wrong.append(f"{holder} deletes {change.place} twice")

    def _note_writers(self, change: Change) -> None:
        """Remember who wrote a field last: what somebody else wrote stays, or goes with the whole object."""
        before, after = (dict(leaves(found)) if found else {} for found in (change.before, change.after))
        uid = str((change.after or change.before or {})["metadata"]["uid"])
        for path in {*before, *after}:
            if before.get(path) == after.get(path):
                continue
            if change.manager == "drplan-restore" and self.writers.get((uid, path)) == PERSON:
                self.wrong.append(f"a Revert changes {path} of {change.place}, which somebody else has written")
            self.writers[uid, path] = change.user

    def _holder(self) -> str | None:
        """Give the execution that has the lock of a plan."""
        plans = [item for place, item in self.installation.server.objects.items() if place.kind == "DRPlan"]
        locks = [DRPlan.model_validate(plan).status.current_execution for plan in plans]
        return next((lock.name for lock in locks if lock is not None), None)

    def execution(self, name: str) -> DRPlanExecution:
        """Read an execution."""
        return DRPlanExecution.model_validate(
            self.installation.server.objects[Place("DRPlanExecution", "default", name)]
        )

    def executions(self) -> list[DRPlanExecution]:
        """Read all of them."""
        return [DRPlanExecution.model_validate(item) for item in self.installation.executions()]

    def _originals(self, revert: DRPlanExecution) -> list[DRPlanExecution]:
        """Give what a Revert takes back: one execution, or those after another one."""
        if revert.spec.revert_to is None:
            return [self.execution(str(revert.spec.revert_execution_ref))]
        return [one for one in self.executions() if one.spec.operation_type is OperationType.EXECUTE]

    # When everything has come to rest.

    def check(self) -> None:
        """Compare everything."""
        try:
            self._check()
        except AssertionError as error:
            error.add_note(self.story())
            raise

    def story(self) -> str:
        """Tell what was said of every execution, and what was done to the objects."""
        lines = []
        for execution in self.executions():
            status, spec = execution.status, execution.spec.model_dump(exclude_none=True, exclude={"plan_ref"})
            lines.append(f"{execution.metadata.name} {spec}: {status.phase}: {status.message}")
            for stage in status.stages:
                for node in stage.workflows:
                    lines += [
                        f"    {stage.name}/{node.workflow_ref.name}/{each.name}: {each.phase}: {each.message}"
                        for each in node.actions
                    ]
        for number, change in enumerate(self.changes):
            if is_object(change.place):
                uid = (change.after or change.before or {})["metadata"]["uid"][:8]
                state = change.after and {
                    **_content(change.after),
                    "deleting": change.after["metadata"].get("deletionTimestamp"),
                }
                lines.append(
                    f"{number} {change.user} {change.verb} {change.place.kind} {change.place.name} {uid}: {state}"
                )
        return "\n".join(lines)

    def _check(self) -> None:
        assert self.wrong == [], "\n".join(self.wrong)
        self._check_lock()
        for execution in self.installation.executions():
            name = execution["metadata"]["name"]
            if has_ended(execution) and name not in self.checked:
                self.checked.add(name)
                self._check_end(self.execution(name))
        self._check_once()

    def _check_lock(self) -> None:
        running = [
            each["metadata"]["name"]
            for each in self.installation.executions()
            if not has_ended(each) and phase(each) != "Pending" and not each["spec"].get("dryRun")
        ]
        assert len(running) <= 1, f"several executions run: {running}"
        assert self._holder() == (running[0] if running else None), f"{self._holder()} has the lock of {running}"
        roots = self.installation.runs.roots
        for execution in self.executions():
            own = [ids for workflow, ids in roots.items() if workflow.endswith(execution.metadata.uid)]
            assert len(own) <= 1
            assert all(len(ids) == 1 for ids in own), f"{execution.metadata.name} ran more than once"

    def _check_once(self) -> None:
        """No action is rolled back twice, and none that was not carried out."""
        done: Counter[tuple[str, NodeKey]] = Counter()
        for revert in self.executions():
            if revert.spec.operation_type is OperationType.EXECUTE or revert.spec.dry_run:
                continue
            for original, key, action in rolled_back(revert):
                if action.phase is Phase.SUCCEEDED and action.reason is not Reason.DONE_BY_HAND:
                    done[original, key] += 1
        assert not [one for one, times in done.items() if times > 1], f"rolled back twice: {done}"

    def _check_end(self, execution: DRPlanExecution) -> None:
        self.seen[f"{execution.spec.operation_type.value} {execution.status.phase}"] += 1
        status = execution.status
        if execution.spec.dry_run:
            self.seen["preview"] += 1
            return
        if status.stages:
            check_summary(cast("RunState", status))
        if execution.spec.operation_type is OperationType.EXECUTE:
            self._check_execute(execution)
        else:
            self._check_revert(execution)

    def _check_execute(self, execution: DRPlanExecution) -> None:
        """What an Execute says that it created is what it created."""
        created = {
            mark_in(one.after): str((one.after or {})["metadata"]["uid"])
            for one in self.changes
            if one.verb == "POST"
            and is_object(one.place)
            and mark_in(one.after).startswith(f"{execution.metadata.uid}/")
            if one.manager != "drplan-restore"
        }
        said = {uid for action in actions(execution) if action.created for uid in uids_of(action)}
        assert said <= set(created.values()), f"{execution.metadata.name} says that it created {said}: {created}"
        unsaid = set(created.values()) - said
        unknown = [one for one in actions(execution) if one.reason in (Reason.OUTCOME_UNKNOWN, Reason.DONE_BY_HAND)]
        if not unknown and not any(each.type == "Skip" for each in execution.status.requests or []):
            assert not unsaid, f"{execution.metadata.name} does not say that it created {unsaid}"

    def _check_revert(self, revert: DRPlanExecution) -> None:
        name, message = revert.metadata.name, revert.status.message or ""
        succeeded = [one for one in actions(revert) if one.phase is Phase.SUCCEEDED]
        if revert.status.phase is Phase.SUCCEEDED and (said := _ROLLED_BACK.search(message)):
            by_hand = [one for one in succeeded if one.reason is Reason.DONE_BY_HAND]
            assert int(said[1]) in (len(succeeded), len(succeeded) - len(by_hand)), f"{name}: {message}"
        standing = {str(item["metadata"]["uid"]) for item in self.objects.values()}
        for original, key, action in rolled_back(revert):
            record = record_at(self.execution(original), key)
            if action.phase is Phase.SUCCEEDED and "deleted" in (action.message or ""):
                assert not standing & set(uids_of(record)), f"{name} says of {action.name}: {action.message}"
        if revert.spec.revert_to:
            return
        if revert.status.phase is Phase.FAILED:
            assert self._may_fail(revert), f"{name} failed, and nothing was in its way: {message}"
        if revert.status.phase is not Phase.SUCCEEDED:
            return
        original_ = self.execution(str(revert.spec.revert_execution_ref))
        left = [place for place, item in self.objects.items() if self._left(item, original_)]
        shown = str(next((each.message for each in revert.status.conditions or [] if each.type == "Clean"), ""))
        clean = condition(self.installation.server.objects[Place("DRPlanExecution", "default", name)], "Clean")
        for place in left:
            assert f"{place.kind} {place.namespace}/{place.name}" in shown, (
                f"{name} left {place} and says {clean}: {shown}"
            )
        assert left or clean == "True" or "not" in shown, f"{name} says that it left something: {shown}"
        if said := _LEFT.search(message):
            assert int(said[1]) == len(left), f"{name}: {message}: {left}"
        self._check_exact(revert, original_)

    def _may_fail(self, revert: DRPlanExecution) -> bool:
        """Tell whether anything but the product can be the reason why a Revert failed."""
        name = str(revert.spec.revert_execution_ref)
        if name not in self.runs or not self.execution(name).status.stages:
            return True
        original = self.execution(name)
        of_it = [one for one in self.executions() if one.spec.revert_execution_ref == original.metadata.name]
        begun = self.runs[original.metadata.name].begin
        later = [
            one
            for one in self.executions()
            if one.spec.operation_type is OperationType.EXECUTE and one.metadata.name != original.metadata.name
            if one.metadata.name in self.runs and self.runs[one.metadata.name].begin > begun and not one.spec.dry_run
        ]
        return bool(
            revert.spec.only
            or later
            or self.changed_by_others(original)
            or races_with_itself(original)
            or any(
                self.runs[one.metadata.name].with_faults for one in (original, *of_it) if one.metadata.name in self.runs
            )
            or any(one.status.requests or one.status.phase is Phase.CANCELED for one in (original, *of_it))
            or any(item["metadata"].get("finalizers") for item in self.objects.values())
        )

    @staticmethod
    def _left(item: Object, original: DRPlanExecution) -> bool:
        return mark_in(item).startswith(f"{original.metadata.uid}/") and not mark_in(item, RESTORED_BY_ANNOTATION)

    def _check_exact(self, revert: DRPlanExecution, original: DRPlanExecution) -> None:
        """After a whole Revert everything is as before the Execute, but for what others have changed since."""
        whole = revert.spec.include_partial or original.status.phase is Phase.SUCCEEDED
        helped = [
            each for one in (original, revert) for each in one.status.requests or [] if each.type in ("Skip", "Done")
        ]
        if not whole or revert.spec.only is not None or helped or races_with_itself(original):
            return
        run = self.runs[original.metadata.name]
        foreign = self.changed_by_others(original)
        for place in {*run.before, *self.objects} - foreign:
            was, now = (_content(found.get(place)) for found in (run.before, self.objects))
            assert now == was, f"{revert.metadata.name} succeeded, and {place} is {now} and was {was}"
        self.seen["as before"] += 1
        self.seen["as before, after changes"] += bool(self._touched(original))

    def changed_by_others(self, original: DRPlanExecution) -> set[Place]:
        """Give the objects that somebody else, or an execution of another kind, changed since an Execute began."""
        own = {original.metadata.name} | {
            one.metadata.name for one in self.executions() if one.spec.revert_execution_ref == original.metadata.name
        }
        run = self.runs[original.metadata.name]
        inside = [range(one.begin, one.end or len(self.changes)) for name, one in self.runs.items() if name in own]
        return {
            change.place
            for number, change in enumerate(self.changes)
            if number >= run.begin and is_object(change.place)
            if change.user == PERSON or not any(number in each for each in inside)
        }

    def _touched(self, original: DRPlanExecution) -> set[Place]:
        run = self.runs[original.metadata.name]
        return {one.place for one in self.changes[run.begin : run.end] if is_object(one.place) and one.user != PERSON}


def _execution(status: Object) -> Object:
    return {"metadata": {"name": "any"}, "spec": {"planRef": PLAN, "operationType": "Execute"}, "status": status}


def _content(found: Object | None) -> Any:
    if found is None:
        return None
    whole = content(found)
    annotations = {
        name: text for name, text in whole["metadata"].get("annotations", {}).items() if name != RESTORED_BY_ANNOTATION
    }
    metadata = {name: value for name, value in {**whole["metadata"], "annotations": annotations}.items() if value}
    return {name: value for name, value in {**whole, "metadata": metadata}.items() if value}


def _phases(stages: Sequence[StageStatus]) -> Iterator[tuple[tuple[int, ...], Phase]]:
    for s, stage in enumerate(stages):
        yield (s,), stage.phase
        for w, node in enumerate(stage.workflows):
            yield (s, w), node.phase
            for a, action in enumerate(node.actions):
                yield (s, w, a), action.phase


def actions(execution: DRPlanExecution) -> list[ActionStatus]:
    """Give all actions of a tree."""
    return [action for stage in execution.status.stages for action in stage.actions]


def uids_of(action: ActionStatus) -> list[str]:
    """Give the uids that a record names."""
    outputs = action.outputs
    refs = [outputs.resource_ref, outputs.localization_ref] if outputs else []
    return [ref.uid for ref in refs if ref is not None and ref.uid]


def races_with_itself(execution: DRPlanExecution) -> bool:
    """Tell whether workflows that ran side by side changed the same object: each recorded what the other made of it."""
    return any(
        one & other
        for stage in execution.status.stages
        if stage.parallel
        for one, other in combinations([_named_in(node) for node in stage.workflows], 2)
    )


def _named_in(node: WorkflowExecutionStatus) -> set[tuple[str | None, ...]]:
    outputs = [action.outputs for action in node.actions if action.outputs]
    refs = [ref for one in outputs for ref in (one.resource_ref, one.localization_ref) if ref is not None]
    return {(ref.kind, ref.namespace, ref.name) for ref in refs}


def rolled_back(revert: DRPlanExecution) -> Iterator[tuple[str, NodeKey, ActionStatus]]:
    """Give each action of a Revert with the execution that it belongs to, and its place there."""
    by_execution: dict[str, list[StageStatus]] = defaultdict(list)
    for stage in revert.status.stages:
        by_execution[stage.execution or str(revert.spec.revert_execution_ref)].append(stage)
    for original, stages in by_execution.items():
        for key, action in keyed(stages[::-1], reverse=True):
            yield original, key, action


def keyed(stages: Sequence[StageStatus], *, reverse: bool = False) -> Iterator[tuple[NodeKey, ActionStatus]]:
    """Give each action with the names down to it, each with its occurrence in the order of the original."""
    step = -1 if reverse else 1
    for stage_key, stage in zip(keys(stages), stages, strict=True):
        nodes: list[WorkflowExecutionStatus] = stage.workflows[::step]
        for node_key, node in zip(keys(nodes), nodes, strict=True):
            listed = node.actions[::step]
            for key, action in zip(keys(listed), listed, strict=True):
                yield (stage_key, node_key, key), action


def record_at(original: DRPlanExecution, key: NodeKey) -> ActionStatus:
    """Give the record of an action of an Execute."""
    records: Mapping[NodeKey, ActionStatus] = dict(keyed(original.status.stages))
    return records[key]
