"""Random plans through random sequences of everything that a person and a bad day can do; the rules hold after each.

A plan of a few objects is executed, previewed, reverted in parts and as a whole, again and again, while requests fail
and are answered or not, actions wait for a decision, people cancel, change definitions and objects, and the bridge is
replaced. Planning, workflows, activities and bridge are the product's; the cluster is in memory (`api_server.py`).
After every step everything is at rest, and `claims.py` compares what the statuses say with what really happened.

    make test ARGS=tests/stateful              12 sequences
    make stateful STATEFUL_SECONDS=1800        other sequences, for half an hour, and five on a real API server

A failure prints the steps, what was said of every execution, and what was done to every object.
"""

import asyncio
import itertools
import os
import time
from collections.abc import Callable
from typing import Any, cast

import pytest
from hypothesis import HealthCheck, event, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from api.meta import CANCEL_ANNOTATION
from api.phases import OperationType, Phase
from api.requests import (
    REQUEST_ANNOTATION,
    REQUEST_BY_ANNOTATION,
    REQUEST_ID_ANNOTATION,
    REQUEST_REASON_ANNOTATION,
)
from dev.stack import Stack
from kube.client import Object
from tests.manifests import HOLD, config_map, execute, revert
from tests.private_stack import private_stack
from tests.stateful.api_server import Fault, Place
from tests.stateful.claims import Claims
from tests.stateful.installation import Engine, Installation, has_ended, is_paused, target
from tests.stateful.plans import PLAN, Definitions, bodies, definitions, names, values

SECONDS = float(os.environ.get("STATEFUL_SECONDS", "0"))
SEQUENCES, STEPS = (12, 10) if settings().max_examples >= 100 else (3, 8)
MOST_EXECUTIONS = 14
"""In one sequence: each costs as much as the step that made it."""

faults = st.lists(
    st.builds(
        Fault,
        method=st.sampled_from(["POST", "PATCH", "DELETE", "GET"]),
        name=names,
        status=st.sampled_from([0, 403, 503]),
        left=st.sampled_from([1, 1, 3]),
    ),
    max_size=2,
)
strokes = st.sampled_from(["delete", "recreate", "create", "label", "overwrite", "overwrite"])
mostly_none: st.SearchStrategy[list[Fault]] = st.one_of(st.just([]), st.just([]), faults)


class Sequence(RuleBasedStateMachine):
    """One plan, its executions, and everything that happens to them."""

    def __init__(self, engine: Engine, stack: Stack | None = None) -> None:
        super().__init__()
        self.engine = engine
        self.installation = (
            Installation.in_memory(engine.client, engine.runs) if stack is None else Installation.live(engine, stack)
        )
        self.server = self.installation.server
        self.claims = Claims(self.installation, seen=engine.seen)
        self.server.on_change = self.claims.note
        self.numbers = itertools.count(1)
        engine.run(self.installation.start())

    def teardown(self) -> None:
        self.engine.run(self.installation.stop())

    # What is there.

    @initialize(drawn=definitions(), before=st.dictionaries(names, bodies, min_size=1, max_size=3))
    def begin(self, drawn: Definitions, before: dict[str, Object]) -> None:
        for one in drawn.workflows:
            self.installation.create("DRWorkflow", one)
        self.installation.create("DRPlan", drawn.plan)
        for name, data in before.items():
            self.installation.create("ConfigMap", {**config_map(name), "data": data})
        self._rest()

    @property
    def executes(self) -> list[str]:
        """The Executes that have ended, the newest first."""
        found = [one for one in self.claims.executions() if one.spec.operation_type is OperationType.EXECUTE]
        ended = [one for one in found if one.status.phase in (Phase.SUCCEEDED, Phase.FAILED, Phase.CANCELED)]
        return [one.metadata.name for one in ended if not one.spec.dry_run][::-1]

    def paused(self) -> str | None:
        """The execution that waits for a person."""
        found = (each["metadata"]["name"] for each in self.installation.executions() if is_paused(each))
        return next(found, None)

    def room(self) -> bool:
        """Whether another execution may be created."""
        waiting = [each for each in self.installation.executions() if not has_ended(each)]
        return len(self.installation.executions()) < MOST_EXECUTIONS and len(waiting) < 2

    # What a person does with executions.

    @precondition(room)
    @rule(on_failure=st.sampled_from([None, None, "Pause"]), drawn=mostly_none)
    def execute(self, on_failure: str | None, drawn: list[Fault]) -> None:
        self._run(execute(f"e{next(self.numbers)}", PLAN, **_given(onFailure=on_failure)), drawn)

    @precondition(lambda self: self.room() and self.executes)
    @rule(
        place=st.integers(0, 1),
        include_partial=st.sampled_from([True, True, None]),
        only=st.sampled_from([None, None, None, {"stages": ["s0"]}, {"workflows": ["w0"]}]),
        on_missing=st.sampled_from([None, "Ignore"]),
        on_failure=st.sampled_from([None, None, "Pause"]),
        force=st.sampled_from([None, True]),
        drawn=mostly_none,
    )
    def revert(self, place: int, drawn: list[Fault], **spec: Any) -> None:
        of = self.executes[min(place, len(self.executes) - 1)]
        fields = {"include_partial": "includePartial", "on_missing": "onMissing", "on_failure": "onFailure"}
        given = _given(**{fields.get(name, name): value for name, value in spec.items()})
        self._run(revert(f"r{next(self.numbers)}", PLAN, of, **given), drawn)

    @precondition(lambda self: self.room() and self.paused() is None)
    @rule(twice=st.booleans(), meanwhile=st.one_of(st.none(), st.tuples(names, strokes, values)))
    def there_and_back(self, twice: bool, meanwhile: tuple[str, str, str] | None) -> None:
        """Execute, and take that back as a whole; or execute two times, and take back both."""
        made = [f"e{next(self.numbers)}" for _ in range(1 + twice)]
        for name in made:
            self._run(execute(name, PLAN), [])
        if meanwhile is not None:
            self._strike(*meanwhile)
        for name in made[::-1]:
            self._run(revert(f"r{next(self.numbers)}", PLAN, name, includePartial=True), [])

    @precondition(lambda self: self.room() and len(self.executes) > 1)
    @rule(include_partial=st.sampled_from([True, None]), drawn=mostly_none)
    def return_to(self, include_partial: bool | None, drawn: list[Fault]) -> None:
        body = revert(f"t{next(self.numbers)}", PLAN, "", **_given(includePartial=include_partial))
        del body["spec"]["revertExecutionRef"]
        body["spec"]["revertTo"] = self.executes[-1]
        self._run(body, drawn)

    @precondition(room)
    @rule(reverts=st.booleans())
    def preview(self, reverts: bool) -> None:
        name, before = f"p{next(self.numbers)}", self.claims.objects
        body = revert(name, PLAN, self.executes[0]) if reverts and self.executes else execute(name, PLAN)
        body["spec"]["dryRun"] = True
        self._run(body, [])
        assert self.claims.objects == before, "a preview changes nothing"

    @precondition(room)
    @rule(after=st.integers(1, 30), reverts=st.booleans())
    def cancel_while_it_runs(self, after: int, reverts: bool) -> None:
        name = f"c{next(self.numbers)}"
        body = revert(name, PLAN, self.executes[0]) if reverts and self.executes else execute(name, PLAN)
        self.installation.create("DRPlanExecution", body)
        self.engine.run(self._changes(after))
        self._annotate(name, {CANCEL_ANNOTATION: "true"})
        self._rest()

    @precondition(lambda self: self.paused() is not None)
    @rule(request=st.sampled_from(["retry", "retry", "skip", "done", "abort"]), drawn=mostly_none)
    def decide(self, request: str, drawn: list[Fault]) -> None:
        name = self.paused()
        assert name is not None
        self.server.faults = drawn
        fields = {REQUEST_ANNOTATION: request, REQUEST_ID_ANNOTATION: str(next(self.numbers))}
        fields |= {REQUEST_BY_ANNOTATION: "me", REQUEST_REASON_ANNOTATION: "because"}
        event(f"decided: {request}")
        self._annotate(name, fields)
        self._rest()

    @precondition(lambda self: self.paused() is not None)
    @rule()
    def cancel(self) -> None:
        name = self.paused()
        assert name is not None
        self._annotate(name, {CANCEL_ANNOTATION: "true"})
        self._rest()

    # What else happens.

    @rule(drawn=definitions())
    def change_definitions(self, drawn: Definitions) -> None:
        for one in (*drawn.workflows, drawn.plan):
            place = Place(one["kind"], "default", one["metadata"]["name"])
            if place in self.server.objects:
                self.server.by_person("PATCH", target(place.kind, place.name), [_replaced(one)], content=_JSON)
            else:
                self.installation.create(one["kind"], one)
        self._rest()

    @rule(name=names, stroke=strokes, value=values)
    def somebody_else(self, name: str, stroke: str, value: str) -> None:
        self._strike(name, stroke, value)
        self._rest()

    @rule(name=names)
    def hold_or_let_go(self, name: str) -> None:
        found = self.server.objects.get(Place("ConfigMap", "default", name))
        if found is not None:
            held = HOLD in found["metadata"].get("finalizers", [])
            body = {"metadata": {"finalizers": [] if held else [HOLD]}}
            self.server.by_person("PATCH", target("ConfigMap", name), body)
            self._rest()

    @rule()
    def replace_the_bridge(self) -> None:
        self.engine.run(self.installation.replace_bridge())

    @invariant()
    def the_rules_hold(self) -> None:
        self.claims.check()

    # How.

    def _strike(self, name: str, stroke: str, value: str) -> None:
        place = Place("ConfigMap", "default", name)
        if stroke in ("delete", "recreate") and place in self.server.objects:
            self.server.by_person("DELETE", target("ConfigMap", name))
        if stroke in ("recreate", "create") and place not in self.server.objects:
            self.installation.create("ConfigMap", {**config_map(name), "data": {"theirs": value}})
        if stroke in ("label", "overwrite") and place in self.server.objects:
            data = {"data": {"color": f"their {value}", "size": f"their {value}"}}
            body = data if stroke == "overwrite" else {"metadata": {"labels": {"theirs": value}}}
            self.server.by_person("PATCH", target("ConfigMap", name), body)

    def _run(self, body: Object, drawn: list[Fault]) -> None:
        self.server.faults = list(drawn)
        self.installation.create("DRPlanExecution", body)
        self._rest()

    def _rest(self) -> None:
        self.engine.run(self.installation.rest())
        self.server.faults = []

    async def _changes(self, number: int) -> None:
        """Wait for some changes, or until there are no more."""
        end = len(self.server.changes) + number
        while len(self.server.changes) < end and not all(map(has_ended, self.installation.executions())):
            await asyncio.sleep(0.005)

    def _annotate(self, name: str, annotations: dict[str, str]) -> None:
        self.server.by_person("PATCH", target("DRPlanExecution", name), {"metadata": {"annotations": annotations}})


_JSON = "application/json-patch+json"


def _replaced(one: Object) -> Object:
    return {"op": "replace", "path": "/spec", "value": one["spec"]}


def _given(**spec: Any) -> dict[str, Any]:
    return {name: value for name, value in spec.items() if value is not None}


def _chosen(sequences: int) -> settings:
    return settings(
        max_examples=sequences,
        stateful_step_count=STEPS,
        deadline=None,
        print_blob=True,
        suppress_health_check=list(HealthCheck),
    )


@pytest.mark.time_limit(460)
def test_the_rules_hold_whatever_happens(temporal: Engine, record_property: Callable[[str, object], None]) -> None:
    end = time.monotonic() + SECONDS
    run_state_machine_as_test(cast("type[Sequence]", lambda: Sequence(temporal)), settings=_chosen(SEQUENCES))
    while time.monotonic() < end:
        run_state_machine_as_test(cast("type[Sequence]", lambda: Sequence(temporal)), settings=_chosen(SEQUENCES))
    record_property("seen", dict(temporal.seen))


@pytest.mark.skipif(not SECONDS, reason="a server of its own costs as much as ten sequences: part of `make stateful`")
@pytest.mark.time_limit(460)
def test_the_rules_hold_on_a_real_api_server(temporal: Engine) -> None:
    with private_stack() as stack:
        run_state_machine_as_test(cast("type[Sequence]", lambda: Sequence(temporal, stack)), settings=_chosen(5))
