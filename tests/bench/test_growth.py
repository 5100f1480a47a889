"""The simulated bridges keep the rules of the real ones: what holds for any number of executions, however fast."""

import asyncio
import random

import pytest

from bench import simulated_bridge
from bench.growth import REGIONS, Divided, Outage, Setup, Simulation, simulated, with_tables
from bench.index_cost import index_row, queue_row
from bench.simulated_bridge import SimulatedBridge, SimulatedTime
from bridge.kubernetes.entry import ObjectKind


def to_the_end(setup: Setup) -> Simulation:
    async def run() -> Simulation:
        simulation = Simulation(setup)
        await simulation.run(5, to_the_end=True)
        return simulation

    random.seed(1)
    with asyncio.Runner(loop_factory=SimulatedTime) as runner:
        return runner.run(run())


def kept(bridge: SimulatedBridge) -> set[object]:
    """Return everything that a bridge still knows and that no watch would show it again."""
    index, schedule, poller = bridge.index, bridge.queue._schedule, bridge._poller
    known = (index._entries, index._of_plan, index._own._last, index._queues, bridge.queue._backoffs, poller._polls)
    times = (schedule._due, schedule._last, schedule._distance, schedule._urgencies, schedule._ranks)
    return {key for each in (*known, *times) for key in each}


def test_nothing_is_kept_of_executions_that_have_ended() -> None:
    simulation = to_the_end(Setup(30))
    (bridge,) = simulation.bridges
    assert len([key for key in simulation.measured.passed_by if key.kind is ObjectKind.EXECUTION]) >= 30
    assert simulation.executions == {}
    assert kept(bridge) == set()
    assert {key.kind for key in bridge.index.begin()} == {ObjectKind.PLAN}


def test_an_execution_costs_the_requests_that_it_costs_the_real_bridge(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without actions, as tests/bridge/controller/test_requests_of_one.py counts them: six writes, and no read."""
    monkeypatch.setattr(simulated_bridge, "ACTIONS", 0)
    simulation = to_the_end(Setup(1))
    executions = [key for key in simulation.measured.passed_by if key.kind is ObjectKind.EXECUTION]
    assert len(executions) > 1
    assert [server.requests for server in simulation.servers] == [6 * len(executions)]


def test_passes_over_one_object_never_overlap_and_each_object_has_one_bridge() -> None:
    for setup in (Setup(60, 3), Setup(60, REGIONS, Divided.REGIONS, REGIONS), Setup(60, 2, Divided.REGIONS)):
        simulation = to_the_end(setup)
        measured = simulation.measured
        assert measured.overlaps == 0
        assert all(bridges == {setup.owner(key.namespace)} for key, bridges in measured.passed_by.items())
        assert len({owner for owners in measured.passed_by.values() for owner in owners}) == setup.bridges


def test_what_does_not_answer_stops_nobody_else() -> None:
    for outage in (Outage.API_SERVER, Outage.WORKER):
        measured = simulated(Setup(40, 1, Divided.REGIONS, REGIONS, outage), 20)
        passed = {key.namespace.split("-team")[0] for key in measured.passed_by}
        assert len(passed) == REGIONS
        assert len(measured.firsts) > 0
        assert len(measured.lags) > 0


def test_a_simulation_depends_on_its_seed_alone() -> None:
    setup = Setup(20, 2)
    assert simulated(setup, 5, seed=3) == simulated(setup, 5, seed=3)
    assert simulated(setup, 5, seed=3).lags != simulated(setup, 5, seed=4).lags


def test_of_a_list_only_what_is_open_and_the_definitions_are_kept() -> None:
    assert index_row(300, 20, 10)[:4] == ["300", "20", "10", "40"]
    assert queue_row(20)[0] == "20"
    assert with_tables("<!-- growth: a -->\nold\n<!-- end of growth -->\n", {"a": "new"}).count("new") == 1
