"""The plans of the campaign: each shape of work that a fault may interrupt, with the objects that are there before.

Every action may be tried as often as it takes, because an undisturbed run, with which it is compared, does not fail.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.kubectl import Object
from tests.manifests import HOLD, config_map, dr_plan, dr_workflow, localization_spec, stage, writes

PLAN = "plan"
EXECUTE, REVERT = "execute", "revert"
CAMPAIGN = {"chaos.example.com/campaign": "true"}
"""The label of every object of the campaign."""
_PATIENT: dict[str, Any] = {
    "timeout": "10m",
    "retryPolicy": {"limit": 1000, "interval": "300ms", "backoffMultiplier": "1.0"},
}


@dataclass(frozen=True)
class Shape:
    """A plan and what it needs."""

    stages: list[Object]
    workflows: list[Object]
    before: list[Object] = field(default_factory=list)
    """Objects that are there before, which the plan changes or leaves alone."""
    revert: dict[str, Any] = field(default_factory=dict)
    """Further fields of the Revert's spec."""

    def objects(self) -> list[Object]:
        """Return everything to apply, the plan last."""
        return [*self.before, *self.workflows, dr_plan(PLAN, *self.stages)]


def _object(name: str, namespace: str, *, held: bool = False, data: Object | None = None) -> Object:
    more: Object = {"finalizers": [HOLD]} if held else {}
    body = config_map(name, namespace=namespace, labels=dict(CAMPAIGN), **more)
    return body | {"data": data} if data is not None else body


def _create(name: str, namespace: str, operation: str = "Create", *, held: bool = False, **more: Any) -> Object:
    body = json.dumps(_object(name, namespace, held=held))
    return writes(f"{operation.lower()}-{name}", body, operation, **_PATIENT, **more)


def _change(name: str, namespace: str, operation: str, data: Object) -> Object:
    body: Object = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": namespace}}
    return writes(f"{operation.lower()}-{name}", json.dumps(body | {"data": data}), operation, **_PATIENT)


def _localization(name: str, namespace: str) -> Object:
    body = {"name": name, "namespace": namespace, "operation": "Create", "spec": localization_spec()}
    return {"name": f"localize-{name}", "type": "Localization", "localization": body, **_PATIENT}


def _job(name: str, namespace: str) -> Object:
    containers = [{"name": "main", "image": "registry.example.com/backup:1"}]
    pod = {"metadata": {"labels": dict(CAMPAIGN)}, "spec": {"restartPolicy": "Never", "containers": containers}}
    template = {"metadata": {"name": name, "labels": dict(CAMPAIGN)}, "spec": {"backoffLimit": 0, "template": pod}}
    return {"name": f"run-{name}", "type": "Job", "job": {"namespace": namespace, "template": template}, **_PATIENT}


def _parallel(ns: str) -> Shape:
    """Three DRWorkflows side by side, then one that waits for all of them."""
    flows = [dr_workflow(f"p{w}", *[_create(f"p{w}-{n}", ns) for n in range(4)]) for w in range(3)]
    last = dr_workflow("last", _create("last-0", ns, "Apply"), _create("last-1", ns))
    stages = [stage("beside", ns, "p0", "p1", "p2", parallel=True), stage("after", ns, "last")]
    return Shape(stages, [*flows, last])


def _dag(ns: str) -> Shape:
    """A diamond of stages, and a diamond of actions in each."""
    flows, stages = [], []
    for name, needs in (("top", []), ("left", ["top"]), ("right", ["top"]), ("bottom", ["left", "right"])):
        first = _create(f"{name}-0", ns)
        middle = [_create(f"{name}-{n}", ns, dependsOn=[first["name"]]) for n in (1, 2)]
        last = _create(f"{name}-3", ns, dependsOn=[each["name"] for each in middle])
        flows.append(dr_workflow(name, last, *middle, first))
        stages.append(stage(name, ns, name, **({"dependsOn": needs} if needs else {})))
    return Shape(stages, flows)


def _jobs(ns: str) -> Shape:
    """Jobs that take a while, beside each other and in a row."""
    flows = [dr_workflow("first", _job("one", ns), _create("between", ns), _job("two", ns))]
    flows.append(dr_workflow("second", _job("three", ns), _create("after", ns)))
    return Shape([stage("jobs", ns, "first", "second", parallel=True)], flows)


def _patches(ns: str) -> Shape:
    """Changes of objects that were there before: a Revert restores them."""
    before = [_object(f"old-{n}", ns, data={"color": "red", "size": str(n)}) for n in range(4)]
    flow = dr_workflow(
        "changes",
        _change("old-0", ns, "Patch", {"color": "blue", "more": "1"}),
        _change("old-1", ns, "Apply", {"color": "green"}),
        _create("old-2", ns, "Delete"),
        _change("old-3", ns, "Patch", {"size": None}),
        _create("new", ns),
    )
    return Shape([stage("changes", ns, "changes")], [flow], before)


def _finalizers(ns: str) -> Shape:
    """Objects that somebody holds for a moment when they are deleted."""
    before = [_object("gone", ns, held=True)]
    flows = [
        dr_workflow("held", *[_create(f"held-{n}", ns, held=True) for n in range(3)]),
        dr_workflow("more", _create("gone", ns, "Delete"), _create("more-0", ns, held=True), _create("more-1", ns)),
    ]
    return Shape([stage("held", ns, "held", "more", parallel=True)], flows, before)


def _partly(ns: str) -> Shape:
    """One action fails, because its object exists and is somebody else's; everything else is done."""
    before = [_object("theirs", ns, data={"owner": "somebody else"})]
    fails = writes("create-theirs", json.dumps(_object("theirs", ns)), "Create", **_PATIENT)
    flows = [
        dr_workflow("good", _create("good-0", ns), _create("good-1", ns)),
        dr_workflow("bad", _create("bad-0", ns), fails, _create("bad-1", ns), failurePolicy="Continue"),
        dr_workflow("rest", _create("rest-0", ns)),
    ]
    stages = [stage("first", ns, "good", "bad", "rest", failurePolicy="Continue")]
    return Shape(stages, flows, before, {"includePartial": True})


def _clusternet(ns: str) -> Shape:
    """Localizations, and a ConfigMap between them."""
    flows = [
        dr_workflow(f"c{w}", *[_localization(f"c{w}-{n}", ns) for n in range(3)], _create(f"c{w}", ns))
        for w in range(2)
    ]
    return Shape([stage("one", ns, "c0"), stage("two", ns, "c1")], flows)


def _mixed(ns: str) -> Shape:
    """A bit of everything, in three stages."""
    before = [_object("site", ns, data={"site": "west"}), _object("bystander", ns, data={"touched": "never"})]
    flows = [
        dr_workflow("prepare", _create("lock", ns), _change("site", ns, "Patch", {"site": "moving"})),
        dr_workflow("copy", _job("copy", ns), _create("copied", ns, held=True)),
        dr_workflow("move", *[_localization(f"move-{n}", ns) for n in range(2)], _create("moved", ns)),
        dr_workflow("finish", _change("site", ns, "Apply", {"site": "east"}), _create("done", ns, "Apply")),
    ]
    stages = [stage("begin", ns, "prepare"), stage("work", ns, "copy", "move", parallel=True, dependsOn=["begin"])]
    return Shape([*stages, stage("end", ns, "finish", dependsOn=["work"])], flows, before)


SHAPES: dict[str, Callable[[str], Shape]] = {
    "parallel": _parallel,
    "dag": _dag,
    "jobs": _jobs,
    "patches": _patches,
    "finalizers": _finalizers,
    "partly": _partly,
    "clusternet": _clusternet,
    "mixed": _mixed,
}
"""By name: from a namespace to the plan and what it needs there."""
