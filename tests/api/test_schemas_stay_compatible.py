"""Our schemas are those of existing installations plus the additive fields; no server is needed to see it."""

import pytest

from api.schema import ADDITIVE as MARK
from api.schema import structural_schema
from tests.api.documents import MODELS, OPEN_BODIES, Schema, committed, reference, schema, version, walk

ADDITIVE = {
    "drplans": {
        ".spec.stages[].approval",
        ".spec.stages[].approval.allowRequester",
        ".spec.stages[].approval.group",
        ".spec.stages[].approval.required",
        ".spec.globalParams[].allowFromExecution",
        ".spec.rehearsal",
        ".spec.rehearsal.interval",
        ".spec.rehearsal.operation",
        ".spec.serviceAccountName",
        ".spec.stages[].workflows[].params[].allowFromExecution",
        ".status.currentExecution.uid",
        ".status.rehearsal",
        ".status.rehearsal.completionTime",
        ".status.rehearsal.execution",
        ".status.rehearsal.nextTime",
        ".status.rehearsal.observedGeneration",
        ".status.rehearsal.operation",
        ".status.rehearsal.startTime",
        ".status.executionHistory[].working",
        ".status.executionHistory[].inEffect",
    },
    "drworkflows": {
        ".spec.parameters[].allowFromExecution",
        ".spec.actions[].http.showPath",
        ".spec.actions[].resource.patchType",
    },
    "drplanexecutions": {
        ".spec.params[].allowFromExecution",
        ".spec.onMissing",
        ".spec.onFailure",
        ".status.allowedActions",
        ".status.allowedActions[].requests",
        ".status.allowedActions[].target",
        ".status.paused",
        ".status.paused.by",
        ".status.paused.reason",
        ".status.paused.since",
        ".status.requests",
        ".status.requests[].id",
        ".status.requests[].type",
        ".status.requests[].target",
        ".status.requests[].by",
        ".status.requests[].reason",
        ".status.requests[].parameters",
        ".status.requests[].state",
        ".status.requests[].message",
        ".status.requests[].requestedAt",
        ".status.requests[].acceptedAt",
        ".status.requests[].effectiveAt",
        ".spec.force",
        ".spec.ignoreMissing",
        ".spec.ignoreMissing[].kind",
        ".spec.ignoreMissing[].name",
        ".spec.ignoreMissing[].namespace",
        ".spec.includePartial",
        ".spec.revertTo",
        ".spec.only",
        ".spec.only.actions",
        ".spec.only.stages",
        ".spec.only.workflows",
        ".spec.dryRun",
        ".spec.previewDigest",
        ".status.preview",
        ".status.preview.definitions",
        ".status.preview.differences",
        ".status.preview.digest",
        ".status.preview.estimatedDuration",
        ".status.preview.estimatedFrom",
        ".status.preview.obstacleCount",
        ".status.preview.obstacles",
        ".status.preview.obstacles[].action",
        ".status.preview.obstacles[].message",
        ".status.preview.obstacles[].reason",
        ".status.preview.obstacles[].stage",
        ".status.preview.obstacles[].workflow",
        ".status.preview.unknownCount",
        ".status.duration",
        ".status.engine",
        ".status.engine.runId",
        ".status.engine.workflowId",
        ".spec.soak",
        ".status.proof",
        ".status.proof.checkedAt",
        ".status.proof.verified",
        ".status.proof.differing",
        ".status.proof.unknown",
        ".status.proof.nextCheckAt",
        ".status.proof.error",
        ".status.stageStatuses[].workflowExecutions[].actionStatuses[].proof",
        ".status.stageStatuses[].workflowExecutions[].actionStatuses[].proof.result",
        ".status.stageStatuses[].workflowExecutions[].actionStatuses[].proof.difference",
        ".status.stageStatuses[].workflowExecutions[].actionStatuses[].proof.fields",
        ".status.stageStatuses[].workflowExecutions[].actionStatuses[].proof.message",
        ".status.inEffect",
        ".status.laterExecutions",
        ".status.laterExecutions[].name",
        ".status.laterExecutions[].restsOn",
        ".status.ledger",
        ".status.ledger.name",
        ".status.ledger.sha256",
        ".status.nextSteps",
        ".status.nextSteps[].command",
        ".status.nextSteps[].what",
        ".status.nextSteps[].why",
        ".status.observedGeneration",
        ".status.progress",
        ".status.progress.actions",
        ".status.progress.stages",
        ".status.serviceAccountName",
        ".status.decision",
        ".status.decision.name",
        ".status.decision.sha256",
        ".status.snapshot",
        ".status.snapshot.name",
        ".status.snapshot.sha256",
        ".status.stageStatuses[].approvals",
        ".status.stageStatuses[].approvals[].by",
        ".status.stageStatuses[].approvals[].group",
        ".status.stageStatuses[].approvals[].reason",
        ".status.stageStatuses[].approvals[].at",
        ".status.stageStatuses[].execution",
        ".status.stageStatuses[].reason",
        ".status.stageStatuses[].workflowExecutions[].reason",
        ".status.stageStatuses[].workflowExecutions[].ledger",
        ".status.stageStatuses[].workflowExecutions[].ledger.name",
        ".status.stageStatuses[].workflowExecutions[].ledger.sha256",
        ".status.stageStatuses[].workflowExecutions[].actionStatuses[].reason",
        ".status.stageStatuses[].workflowExecutions[].actionStatuses[].rolledBackBy",
        ".status.stageStatuses[].workflowExecutions[].actionStatuses[].created",
        ".status.stageStatuses[].workflowExecutions[].actionStatuses[].customRollback",
        ".status.stageStatuses[].workflowExecutions[].actionStatuses[].operation",
        ".status.stageStatuses[].workflowExecutions[].actionStatuses[].retries",
        ".status.stageStatuses[].workflowExecutions[].actionStatuses[].retriedWith",
        ".status.stageStatuses[].workflowExecutions[].actionStatuses[].retriedWith.at",
        ".status.stageStatuses[].workflowExecutions[].actionStatuses[].retriedWith.by",
        ".status.stageStatuses[].workflowExecutions[].actionStatuses[].retriedWith.parameters",
        ".status.stageStatuses[].workflowExecutions[].actionStatuses[].retriedWith.reason",
        ".status.stageStatuses[].workflowExecutions[].actionStatuses[].retriedWith.record",
        ".status.stageStatuses[].workflowExecutions[].actionStatuses[].retriedWith.record.name",
        ".status.stageStatuses[].workflowExecutions[].actionStatuses[].retriedWith.record.sha256",
        ".status.stageStatuses[].workflowExecutions[].actionStatuses[].type",
        ".status.queuedAt",
        ".status.timing",
        ".status.timing.current",
        ".status.timing.since",
        ".status.timing.waitingForPeople",
        ".status.timing.waitingForTurn",
        ".status.timing.working",
        ".status.pauses",
        ".status.pauses[].since",
        ".status.pauses[].until",
        ".status.stageStatuses[].waits",
        ".status.stageStatuses[].waits[].since",
        ".status.stageStatuses[].waits[].until",
        ".status.stageStatuses[].workflowExecutions[].actionStatuses[].waits",
        ".status.stageStatuses[].workflowExecutions[].actionStatuses[].waits[].since",
        ".status.stageStatuses[].workflowExecutions[].actionStatuses[].waits[].until",
        ".status.summary.canceledActions",
        ".status.summary.canceledStages",
        ".status.summary.failedActions",
        ".status.summary.skippedActions",
        ".status.summary.skippedStages",
        ".status.summary.succeededActions",
        ".status.summary.succeededStages",
        ".status.summary.totalActions",
    },
}
"""Every field of ours that the older CRDs lack; docs/spec marks them as new."""

ADDITIVE_VALUES = {"yaml"}
"""Every supported value of ours that the older CRDs lack."""

STRUCTURE = {"description", "properties", "items", "additionalProperties"}

plurals = pytest.mark.parametrize("plural", MODELS)


def _nodes(document: dict[str, object]) -> dict[str, Schema]:
    """Give all nodes of a CRD's schema outside the open bodies, by path."""
    nodes = dict(walk(schema(document)))
    return {path: node for path, node in nodes.items() if not any(path.startswith(body + ".") for body in OPEN_BODIES)}


def _keywords(node: Schema) -> Schema:
    """Give what a node demands, apart from the nodes below it."""
    demands = {key: value for key, value in node.items() if key not in STRUCTURE}
    if "enum" in demands:
        demands["enum"] = [value for value in demands["enum"] if value not in ADDITIVE_VALUES]
    return demands | ({"required": sorted(demands["required"])} if "required" in demands else {})


@plurals
def test_no_field_is_renamed_removed_retyped_or_made_stricter(plural: str) -> None:
    ours, theirs = _nodes(committed(plural)), _nodes(reference(plural))
    bodies = OPEN_BODIES & theirs.keys()

    assert theirs.keys() - ours.keys() == set()
    changed = {
        path: (_keywords(node), _keywords(ours[path]))
        for path, node in theirs.items()
        if path not in bodies and _keywords(ours[path]) != _keywords(node) and path != ".spec"
    }
    assert changed == {}


@plurals
def test_the_spec_as_a_whole_demands_what_it_did_and_at_most_a_transition_rule(plural: str) -> None:
    ours = _keywords(_nodes(committed(plural))[".spec"])
    rules = ours.pop("x-kubernetes-validations", [])

    assert ours == _keywords(_nodes(reference(plural))[".spec"])
    assert all("oldSelf" in rule["rule"] for rule in rules)


@plurals
def test_rules_in_cel_stand_nowhere_else(plural: str) -> None:
    ruled = [path for path, node in walk(schema(committed(plural))) if "x-kubernetes-validations" in node]
    assert ruled == ([".spec"] if plural == "drplanexecutions" else [])


@plurals
def test_bodies_of_other_projects_are_open_objects(plural: str) -> None:
    nodes = _nodes(committed(plural))
    open_object = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}

    assert all(_keywords(nodes[body]) == open_object for body in OPEN_BODIES & nodes.keys())


@plurals
def test_every_new_field_is_on_the_additive_list(plural: str) -> None:
    ours, theirs = _nodes(committed(plural)), _nodes(reference(plural))

    assert {path.removesuffix("[]") for path in ours.keys() - theirs.keys()} == ADDITIVE[plural]


@plurals
def test_the_models_mark_the_additive_fields(plural: str) -> None:
    described = walk(structural_schema(MODELS[plural], defaults=True))
    marked = {path for path, node in described if node.get("description", "").startswith(MARK)}

    assert marked == {path for path in ADDITIVE[plural] if path.rpartition(".")[0] not in ADDITIVE[plural]}


@plurals
def test_no_status_field_has_a_default(plural: str) -> None:
    nodes = walk(schema(committed(plural))["properties"]["status"])
    assert [path for path, node in nodes if "default" in node] == []


@plurals
def test_names_and_version_stay_and_a_short_name_comes(plural: str) -> None:
    ours, theirs = committed(plural), reference(plural)
    short = ours["spec"]["names"].pop("shortNames")
    kept = ("name", "served", "storage", "subresources")

    assert short == [{"drplans": "drp", "drworkflows": "drwf", "drplanexecutions": "drpe"}[plural]]
    assert ours["metadata"]["name"] == theirs["metadata"]["name"]
    assert [ours["spec"][key] for key in ("group", "scope", "names")] == [
        theirs["spec"][key] for key in ("group", "scope", "names")
    ]
    assert [version(ours)[key] for key in kept] == [version(theirs)[key] for key in kept]
