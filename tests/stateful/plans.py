"""Plans at random: few objects, so that actions, later executions and other people meet at the same ones."""

import json
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from kube.client import Object
from tests.manifests import dr_plan, dr_workflow, makes_localization, stage, writes
from tests.stateful.installation import NAMESPACE

NAMES = ("a", "b", "c")
PLAN = "plan"
HURRY: dict[str, Any] = {"timeout": "1s", "retryPolicy": {"limit": 1, "interval": "10ms"}}

names = st.sampled_from(NAMES)
values = st.sampled_from(["1", "2", "3"])
bodies = st.dictionaries(st.sampled_from(["color", "size"]), values, min_size=1)
operations = st.sampled_from(["Create", "Apply", "Apply", "Patch", "Patch", "Delete"])


@dataclass(frozen=True)
class Definitions:
    """A plan with its DRWorkflows."""

    plan: Object
    workflows: tuple[Object, ...]


@st.composite
def actions(draw: st.DrawFn, place: int) -> Object:
    """Draw one action on a ConfigMap, or one that creates a Localization."""
    name, operation = draw(names), draw(operations)
    if draw(st.integers(0, 9)) == 0:
        return makes_localization(name, NAMESPACE, **HURRY) | {"name": f"localization-{name}-{place}"}
    data: Object = draw(bodies)
    if operation == "Patch" and draw(st.booleans()):
        data = {**data, draw(st.sampled_from(["color", "size"])): None}
    metadata: Object = {"name": name, "namespace": NAMESPACE}
    if draw(st.integers(0, 3)) == 0 and operation in ("Apply", "Patch"):
        metadata["labels"] = {"team": draw(values)}
    body: Object = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}
    if operation != "Delete":
        body["data"] = data
    return writes(f"{operation.lower()}-{name}-{place}", json.dumps(body), operation, **HURRY)


@st.composite
def definitions(draw: st.DrawFn) -> Definitions:
    """Draw up to two stages of up to two DRWorkflows of up to three actions; a DRWorkflow may be used twice."""
    workflows = [
        dr_workflow(
            f"w{number}",
            *[draw(actions(place)) for place in range(draw(st.integers(1, 3)))],
            failurePolicy=draw(st.sampled_from(["FailFast", "Continue"])),
        )
        for number in range(draw(st.integers(1, 2)))
    ]
    known = [one["metadata"]["name"] for one in workflows]
    stages = []
    for number in range(draw(st.integers(1, 2))):
        used = draw(st.lists(st.sampled_from(known), min_size=1, max_size=2))
        more: Object = {"parallel": True} if draw(st.integers(0, 3)) == 0 else {}
        stages.append(stage(f"s{number}", NAMESPACE, *used, **more))
    policy = draw(st.sampled_from(["Stop", "Continue"]))
    return Definitions(dr_plan(PLAN, *stages, failurePolicy=policy), tuple(workflows))
