"""A short fault campaign in every run of the tests; `make chaos` runs the long one (docs/fault-campaign.md)."""

from pathlib import Path

from dev.stack import Stack
from tests.chaos.campaign import Campaign, Round
from tests.chaos.faults import Fault, Kind
from tests.chaos.http_faults import Answer
from tests.chaos.plans import SHAPES
from tests.chaos.processes import Name, System

SHORT = ("parallel", "patches", "finalizers", "mixed")
EXECUTE = [
    Fault(Kind.ANSWER, Name.WORKER, Name.API_SERVER, 1.0, 0.2, Answer.DROPPED, 0.5),
    Fault(Kind.KILL, Name.TEMPORAL, seconds=0.2),
    Fault(Kind.ANSWER, Name.BRIDGE, Name.API_SERVER, 1.0, 0, Answer.UNAVAILABLE, 0.5),
    Fault(Kind.KILL, Name.WORKER),
]
REVERT = [
    Fault(Kind.ANSWER, Name.BRIDGE, Name.TEMPORAL, 0.5, 0, Answer.DROPPED, 0.5),
    Fault(Kind.ANSWER, Name.WORKER, Name.API_SERVER, 1.0, 0.2, Answer.DROPPED, 0.5),
    Fault(Kind.KILL, Name.BRIDGE),
    Fault(Kind.HALF_OPEN, Name.WORKER, Name.TEMPORAL, 0.5),
    Fault(Kind.KILL, Name.ETCD, seconds=0.1),
]


def test_plans_under_faults_come_to_what_they_come_to_without(module_stack: Stack, tmp_path: Path) -> None:
    assert set(SHORT) <= set(SHAPES)
    system = System.start(module_stack, tmp_path)
    campaign = Campaign.start(system)
    try:
        campaign.run_undisturbed(SHORT)
        record = campaign.run_with(Round(1, list(SHORT), bridges=1), EXECUTE, REVERT)
        assert record.problems == []
        assert record.executions == 2 * len(SHORT)
        assert record.faults[0] == "execute: answer, dropped, worker to API server, 1.0 s"
    finally:
        campaign.close()
        system.close()
