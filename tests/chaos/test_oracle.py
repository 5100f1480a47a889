"""The oracle of the campaign sees what is wrong, and rounds are drawn from their seeds."""

import importlib
import json
import random
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.audit_log import AuditLog
from tests.chaos import stepped_clock
from tests.chaos.campaign import Round
from tests.chaos.faults import Kind, draw_faults
from tests.chaos.oracle import Outcome, differences, writes_too_many
from tests.chaos.plans import SHAPES
from tests.chaos.processes import Name
from tests.chaos.report import Report, line
from tests.shipped import REPOSITORY

UNDISTURBED = Outcome(
    nodes=[("", "Succeeded", "Executed", "done"), ("0-one", "Succeeded", "Executed", "done")],
    summary={"succeededActions": 1},
    plan=("Executed", [("execute", "Execute", "Succeeded")]),
    objects={"configmaps a": {"color": "blue"}},
    changes={"ADDED configmaps a": 1},
)


def test_equal_outcomes_do_not_differ() -> None:
    assert list(differences(UNDISTURBED, replace(UNDISTURBED))) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"nodes": [UNDISTURBED.nodes[0], ("0-one", "Failed", "", "no")]}, "nodes: 0-one"),
        ({"nodes": UNDISTURBED.nodes[:1]}, "nodes: 0-one: null instead of"),
        ({"objects": {}}, "objects: configmaps a"),
        ({"objects": {**UNDISTURBED.objects, "configmaps b": {}}}, "objects: configmaps b"),
        ({"changes": {"ADDED configmaps a": 2}}, "changes: ADDED configmaps a: 2 instead of 1"),
        ({"plan": ("Ready", UNDISTURBED.plan[1])}, 'plan: ["Ready"'),
        ({"summary": {}}, "summary: succeededActions"),
    ],
)
def test_every_difference_is_named(change: dict[str, Any], said: str) -> None:
    found = list(differences(UNDISTURBED, replace(UNDISTURBED, **change)))
    assert len(found) == 1
    assert found[0].startswith(said)


def audit_line(verb: str, name: str, uid: str) -> str:
    event = {
        "stage": "ResponseComplete",
        "verb": verb,
        "requestURI": "/",
        "user": {"username": "system:serviceaccount:ns:default"},
        "objectRef": {"namespace": "ns", "resource": "configmaps", "name": name},
        "responseStatus": {"code": 200},
        "responseObject": {"metadata": {"uid": uid}},
    }
    return json.dumps(event, separators=(",", ":")) + "\n"


def test_a_second_deletion_and_a_write_to_a_bystander_are_seen(tmp_path: Path) -> None:
    log = tmp_path / "audit.log"
    earlier = audit_line("create", "theirs", "u0")
    once = audit_line("create", "a", "u1") + audit_line("delete", "a", "u1")
    log.write_text(earlier + once)
    assert list(writes_too_many(AuditLog(log, len(earlier)), "ns")) == []
    log.write_text(earlier + once + audit_line("delete", "a", "u1") + audit_line("patch", "theirs", ""))
    assert list(writes_too_many(AuditLog(log, len(earlier)), "ns")) == [
        "2 deletes of the object with uid u1",
        "patch of configmaps theirs, which is somebody else's",
    ]


def test_a_seed_draws_the_same_faults_again_and_all_kinds_are_drawn() -> None:
    own = (Name.WORKER, Name.BRIDGE, Name.OTHER_BRIDGE)
    drawn = [draw_faults(random.Random(seed), 5, own, upgrade=True) for seed in range(100)]
    assert drawn == [draw_faults(random.Random(seed), 5, own, upgrade=True) for seed in range(100)]
    faults = [each for one in drawn for each in one]
    assert {each.kind for each in faults} == set(Kind)
    assert {each.target for each in faults} == set(Name) - {Name.CONTROLLERS, Name.OTHER_WORKER}
    alone = [each for seed in range(100) for each in draw_faults(random.Random(seed), 5, own[:2])]
    assert Name.OTHER_BRIDGE not in {each.target for each in alone}
    assert Kind.UPGRADE not in {each.kind for each in alone}


def test_faults_that_are_asked_for_come_first_and_a_seed_without_them_draws_what_it_drew() -> None:
    own, first = (Name.WORKER, Name.BRIDGE), (Kind.ROLLING_RESTART, Kind.UPGRADE)
    for seed in range(20):
        kinds = [each.kind for each in draw_faults(random.Random(seed), 4, own, upgrade=True, first=first)]
        assert tuple(kinds[:2]) == first
        assert len(kinds) == 6
    others = draw_faults(random.Random(3), 4, own, upgrade=True)
    assert [str(each) for each in others] == [
        "upgrade, worker, 0.0 s",
        "slow, 0.29, worker to API server, 8.0 s",
        "SIGSTOP, bridge, 7.7 s",
        "half-open, worker to Temporal, 6.1 s",
    ]


def test_every_shape_stays_in_its_namespace() -> None:
    for shape in SHAPES.values():
        assert "other-namespace" not in json.dumps(shape("this-namespace").objects())
        assert json.dumps(shape("a").objects()) != json.dumps(shape("b").objects())


def test_a_campaign_goes_on_from_its_report_and_tells_what_did_not_hold(tmp_path: Path) -> None:
    file = tmp_path / "folder" / "report.json"
    report = Report.load(file, 7, 8)
    report.rounds.append(Round(7, ["dag"], 1, executions=2, problems=["it broke"]))
    report.bounds["next status after a lone bridge was killed"] = [4.0, 6.0]
    report.save()
    again = Report.load(file, 7, 8)
    assert again == report
    assert again.executions == 2
    assert again.problems == [
        "seed 7: it broke",
        "next status after a lone bridge was killed: 6.0 s, 5 s are allowed",
    ]
    assert line(again.rounds[0]).endswith("1 PROBLEMS")
    assert Report.load(file, 8, 8).rounds == []
    assert Report.load(file, 7, 8, "upgrade").rounds == []


def test_a_stepped_clock_is_wrong_by_what_its_file_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "clock"
    monkeypatch.setenv(stepped_clock.FILE, str(file))
    assert stepped_clock.error() == 0
    file.write_text("-7200")
    stepped = stepped_clock.SteppedDatetime.now(UTC)
    assert timedelta(minutes=119) < datetime.now(UTC) - stepped < timedelta(minutes=121)
    assert isinstance(datetime.now(UTC), stepped_clock.SteppedDatetime)


def test_all_modules_that_read_the_time_of_day_read_the_stepped_clock() -> None:
    for name in ("bridge.__main__", "worker.__main__"):
        importlib.import_module(name)
    packages = ("kube", "activities", "process", "worker", "bridge")
    files = [file for package in packages for file in (REPOSITORY / package).rglob("*.py")]
    read = {
        ".".join(file.relative_to(REPOSITORY).with_suffix("").parts)
        for file in files
        if "datetime.now(" in file.read_text()
    }

    class Copy:
        datetime = datetime

    copies = {name: Copy() for name in sys.modules if getattr(sys.modules[name], "datetime", None) is datetime}
    assert read - {"kube.blocking"} <= set(stepped_clock.step_clock(copies)), "but for the client of the command line"
    assert not [str(file) for file in files if "time.time(" in file.read_text()]
