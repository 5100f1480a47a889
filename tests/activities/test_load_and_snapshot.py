"""An Execute keeps what it works with before anything is done; a Revert works with that, or says that it does not."""

import json
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError

from activities.authorize import Impersonation
from activities.errors import ActionError
from activities.ledger import LedgerActivities
from activities.load import LoadActivities
from activities.store import BOUND, RevisionStore, SnapshotStore
from api.attempts import LedgerInput
from api.decisions import ExecuteDecision, RevertDecision
from api.failures import FailureType
from api.ledger import WorkflowRecord
from api.meta import EXECUTION_UID_LABEL, ObjectKey
from api.nodes import ActionStatus
from api.phases import OperationType, Phase
from api.runs import RunInput
from api.snapshot import DecidedStep, Snapshot, SnapshotParameters
from api.steps import Part, RollbackStep
from tests.activities.believed_inputs import BelievedInputs, NoQuestions
from tests.activities.live_namespace import Attempt, LiveNamespace, Object
from tests.activities.snapshot_of_a_plan import carry_out
from tests.faulty_server import Answer, Cut, FaultyServer
from tests.manifests import dr_plan, dr_workflow, execute, makes_config_map, revert, stage, writes

SECRET = "correct-horse-battery"


def key(ns: LiveNamespace, execution: str) -> ObjectKey:
    return ObjectKey(namespace=ns.namespace, name=execution, uid=ns.uid("drpe", execution))


async def load(ns: LiveNamespace, execution: str = "there", account: str = "default") -> ExecuteDecision:
    given = RunInput(execution=key(ns, execution), plan="shop", operation=OperationType.EXECUTE)
    return await Attempt().run(
        LoadActivities(ns.cluster, Impersonation(account), BelievedInputs(ns.cluster), NoQuestions()).load_execute,
        given,
    )


async def load_revert(ns: LiveNamespace) -> RevertDecision:
    given = RunInput(execution=key(ns, "back"), plan="shop", operation=OperationType.REVERT)
    return await Attempt().run(
        LoadActivities(ns.cluster, Impersonation(), BelievedInputs(ns.cluster), NoQuestions()).load_revert, given
    )


def plan(ns: LiveNamespace, *actions: Object, params: Any = None, mode: str = "Install", **spec: Any) -> None:
    """Create a plan that runs one DRWorkflow twice, and an Execute of it."""
    found = [*actions] or [makes_config_map("app", ns.namespace)]
    ns.create(
        dr_workflow("flow", *found),
        dr_plan("shop", stage("only", ns.namespace, "flow", "flow"), **spec),
        execute("there", "shop", params=params or [], mode=mode),
    )


def everything_kept(ns: LiveNamespace) -> list[Object]:
    found: list[Object] = ns.admin.list("controllerrevisions", ns.namespace)
    return found


def revisions(ns: LiveNamespace) -> list[Object]:
    """Give what is kept of definitions: everything but the ledger."""
    return [each for each in everything_kept(ns) if "-ledger-" not in each["metadata"]["name"]]


async def root(ns: LiveNamespace, decision: ExecuteDecision) -> Snapshot:
    assert decision.origin is not None
    return await SnapshotStore(RevisionStore(ns.cluster)).root(decision.origin.execution, decision.origin.snapshot)


def value_from(ns: LiveNamespace, name: str, kind: str = "ConfigMap") -> Object:
    place = {"apiVersion": "v1", "kind": kind, "namespace": ns.namespace, "name": name, "jsonPath": "{.data.a}"}
    return {"valueFrom": {"manifestRef": place}}


async def test_an_execute_names_in_its_status_what_it_keeps(ns: LiveNamespace) -> None:
    plan(ns)
    decision = await load(ns)
    assert decision.origin is not None
    assert decision.state.snapshot == decision.origin.snapshot
    assert decision.origin.execution == key(ns, "there")
    found = {each["metadata"]["name"] for each in revisions(ns)}
    assert decision.state.snapshot is not None
    assert decision.state.snapshot.name in found
    assert len(found) == 2
    assert {each["metadata"]["labels"][EXECUTION_UID_LABEL] for each in revisions(ns)} == {ns.uid("drpe", "there")}


async def test_values_of_live_objects_are_kept_as_they_were(ns: LiveNamespace) -> None:
    ns.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "now"}, "data": {"a": "east"}})
    plan(ns, globalParams=[{"name": "region", **value_from(ns, "now")}], params=[{"name": "count", "value": "3"}])
    decision = await load(ns)
    ns.delete("configmap", "now")
    kept = await root(ns, decision)
    assert kept.parameters == [SnapshotParameters(values={"region": "east", "count": "3", "mode": "install"})]


async def test_a_load_that_is_repeated_keeps_the_same(ns: LiveNamespace) -> None:
    plan(ns)
    first = await load(ns)
    assert await load(ns) == first
    assert len(revisions(ns)) == 2


async def test_a_load_that_was_cut_off_while_it_kept_is_made_good(
    faulty: FaultyServer, faulty_ns: LiveNamespace
) -> None:
    plan(faulty_ns)
    faulty.fault("POST", "/controllerrevisions", Cut.AFTER)
    with pytest.raises(ApplicationError, match="Failed to keep ControllerRevision") as caught:
        await load(faulty_ns)
    assert (caught.value.type, caught.value.non_retryable) == (FailureType.TRANSIENT, False)
    decision = await load(faulty_ns)
    assert (await root(faulty_ns, decision)).plan.name == "shop"
    assert len(revisions(faulty_ns)) == 2


async def test_an_object_that_a_parameter_needs_and_is_missing_refuses_the_execute(ns: LiveNamespace) -> None:
    plan(ns, globalParams=[{"name": "region", **value_from(ns, "nowhere")}])
    decision = await load(ns)
    assert decision.rejection is not None
    assert "spec.globalParams[0].valueFrom.manifestRef" in decision.rejection
    assert f"ConfigMap {ns.namespace}/nowhere" in decision.rejection
    assert revisions(ns) == []
    assert decision.state.snapshot is None


async def test_what_the_plans_service_account_may_not_read_refuses_the_execute(ns: LiveNamespace) -> None:
    ns.create({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "db"}, "stringData": {"a": SECRET}})
    plan(ns, globalParams=[{"name": "p", **value_from(ns, "db", "Secret")}])
    ns.create({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "nobody"}})
    decision = await load(ns, account="nobody")
    assert decision.rejection is not None
    assert f"system:serviceaccount:{ns.namespace}:nobody" in decision.rejection


async def test_an_api_server_that_cannot_be_asked_for_a_value_is_asked_again(
    faulty: FaultyServer, faulty_ns: LiveNamespace
) -> None:
    ns = faulty_ns
    ns.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "now"}, "data": {"a": "east"}})
    plan(ns, globalParams=[{"name": "region", **value_from(ns, "now")}])
    faulty.fault("GET", "/configmaps/now", Answer(503))
    with pytest.raises(ApplicationError, match="Failed to read ConfigMap") as caught:
        await load(ns)
    assert (caught.value.type, caught.value.non_retryable) == (FailureType.TRANSIENT, False)
    assert (await load(ns)).rejection is None


async def test_no_secret_is_kept_or_travels(ns: LiveNamespace) -> None:
    ns.create({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "db"}, "stringData": {"a": SECRET}})
    body = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "made"}, "stringData": {"p": SECRET}}
    request = {"url": f"http://user:{SECRET}@a/b?token={SECRET}", "headers": {"X-Key": SECRET}, "body": "$(params.p)"}
    plan(
        ns,
        writes("make", json.dumps(body)),
        {"name": "ask", "type": "HTTP", "http": request},
        params=[{"name": "token", "value": SECRET}],
        globalParams=[{"name": "p", **value_from(ns, "db", "Secret")}, {"name": "password", "value": SECRET}],
    )
    decision = await load(ns)
    assert decision.rejection is None
    assert (await root(ns, decision)).parameters[0].left_out == ["p", "password", "token"]
    encoded = ns.get("secret", "db")
    assert encoded is not None
    for text in (json.dumps(everything_kept(ns)), decision.model_dump_json()):
        assert SECRET not in text
        assert encoded["data"]["a"] not in text


async def test_a_dr_workflow_that_no_object_can_hold_once_more_is_refused_clearly(ns: LiveNamespace) -> None:
    # Sent with escapes, each of these signs takes twice the room that it had in the DRWorkflow.
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"a": "计" * (BOUND // 6)}}
    plan(ns, writes("make", json.dumps(body, ensure_ascii=False)))
    with pytest.raises(ApplicationError, match=rf"it takes \d+ bytes, {BOUND} fit") as caught:
        await load(ns)
    assert (caught.value.type, caught.value.non_retryable) == (FailureType.TOO_LARGE, True)


# A Revert of it.


async def ended(
    ns: LiveNamespace, decision: ExecuteDecision | None, *, custom: bool = False, params: Any = None
) -> None:
    """Write the status of an Execute that succeeded, and create a Revert of it.

    Without a decision it kept nothing; with `custom` its action has a rollback of its own.
    """
    done: Object = {"phase": "Succeeded", "operation": "Create", "created": True, "type": "KubernetesResource"}
    ref = {"apiVersion": "v1", "kind": "ConfigMap", "namespace": ns.namespace, "name": "app", "uid": "u"}
    action = {"name": "make-app", **done, "customRollback": custom, "outputs": {"resourceRef": ref}}
    flow = {"name": "flow", "namespace": ns.namespace}
    node = {"workflowRef": flow, "phase": "Succeeded", "actionStatuses": [action]}
    tree = [{"name": "only", "phase": "Succeeded", "workflowExecutions": [node, node]}]
    status: Object = {"phase": "Succeeded", "stageStatuses": tree}
    if decision is not None and decision.origin is not None and decision.state.snapshot is not None:
        status["snapshot"] = decision.state.snapshot.to_object()
        for position in range(2):
            origin = decision.origin.model_copy(update={"stage": "only", "workflow": position})
            record = WorkflowRecord(phase=Phase.SUCCEEDED, actions=[ActionStatus.model_validate(action)])
            given = LedgerInput(origin=origin, part=0, record=record)
            await Attempt().run(LedgerActivities(ns.cluster, BelievedInputs(ns.cluster)).store_record, given)
    patch = json.dumps({"status": status})
    ns.kubectl("patch", "drpe", "there", "--subresource=status", "--type=merge", "-p", patch)
    ns.create(revert("back", "shop", "there", params=params or []))


async def test_a_revert_works_with_what_was_kept_although_everything_is_gone(ns: LiveNamespace) -> None:
    plan(ns)
    await ended(ns, await load(ns))
    ns.kubectl("delete", "drplan/shop", "drworkflow/flow")
    decision = await load_revert(ns)
    assert decision.rejection is None
    assert not decision.state.definitions_of_today
    assert decision.state.snapshot is None


async def test_a_revert_of_what_kept_nothing_says_that_it_uses_the_definitions_of_today(ns: LiveNamespace) -> None:
    plan(ns)
    await ended(ns, None)
    assert (await load_revert(ns)).state.definitions_of_today


@pytest.mark.parametrize("place", [0, 1])
@pytest.mark.parametrize("fate", ["gone", "altered"])
async def test_a_revert_does_not_trust_a_snapshot_that_is_gone_or_altered(
    ns: LiveNamespace, place: int, fate: str
) -> None:
    plan(ns)
    await ended(ns, await load(ns))
    record = revisions(ns)[place]
    ns.delete("controllerrevision", record["metadata"]["name"])
    if fate == "altered":
        metadata = {name: record["metadata"][name] for name in ("name", "labels", "ownerReferences")}
        ns.create({**record, "metadata": metadata, "data": {**record["data"], "mode": "Delete"}})
    decision = await load_revert(ns)
    assert decision.state.definitions_of_today
    assert decision.state.stages


@pytest.mark.parametrize("answer", [Answer(503), Answer(403, json.dumps({"reason": "Forbidden", "message": "no"}))])
async def test_a_snapshot_that_cannot_be_read_now_is_not_replaced_by_the_definitions_of_today(
    faulty: FaultyServer, faulty_ns: LiveNamespace, answer: Answer
) -> None:
    plan(faulty_ns)
    await ended(faulty_ns, await load(faulty_ns))
    faulty.fault("GET", "/controllerrevisions/[^/]+", answer)
    with pytest.raises(ApplicationError, match="Failed to read ControllerRevision"):
        await load_revert(faulty_ns)


# What a Revert decided.


async def test_a_revert_stores_what_it_decided_and_names_it_in_its_status(ns: LiveNamespace) -> None:
    plan(ns)
    await ended(ns, await load(ns))
    decision = await load_revert(ns)
    assert decision.state.decision is not None
    stored = await SnapshotStore(RevisionStore(ns.cluster)).decision(key(ns, "back"), decision.state.decision)
    assert (stored.service_account_name, stored.snapshot) == ("default", None)
    steps = [step for rows in decision.steps for row in rows for step in row if step is not None]
    assert steps
    assert all(stored.contains(DecidedStep(step=step)) for step in steps)
    assert not stored.contains(DecidedStep(step=RollbackStep()))
    [record] = (each for each in revisions(ns) if each["metadata"]["name"] == decision.state.decision.name)
    assert record["metadata"]["labels"] == {EXECUTION_UID_LABEL: ns.uid("drpe", "back")}
    assert [owner["uid"] for owner in record["metadata"]["ownerReferences"]] == [ns.uid("drpe", "back")]


async def test_a_revert_that_is_refused_stores_no_decision(ns: LiveNamespace) -> None:
    plan(ns)
    ns.create(revert("back", "shop", "there"))
    decision = await load_revert(ns)
    assert decision.rejection is not None
    assert decision.state.decision is None
    assert revisions(ns) == []


async def test_a_decision_that_was_altered_or_is_gone_is_not_used(ns: LiveNamespace) -> None:
    plan(ns)
    await ended(ns, await load(ns))
    ref = (await load_revert(ns)).state.decision
    assert ref is not None
    [record] = (each for each in revisions(ns) if each["metadata"]["name"] == ref.name)
    ns.delete("controllerrevision", ref.name)
    with pytest.raises(ActionError, match=f"{ref.name} no longer exists"):
        await SnapshotStore(RevisionStore(ns.cluster)).decision(key(ns, "back"), ref)
    metadata = {name: record["metadata"][name] for name in ("name", "labels", "ownerReferences")}
    ns.create({**record, "metadata": metadata, "data": {**record["data"], "steps": []}})
    with pytest.raises(ActionError, match="is not as it was kept"):
        await SnapshotStore(RevisionStore(ns.cluster)).decision(key(ns, "back"), ref)


async def test_definitions_cannot_be_read_as_a_decision(ns: LiveNamespace) -> None:
    plan(ns)
    decision = await load(ns)
    assert decision.state.snapshot is not None
    with pytest.raises(ActionError, match="ControllerRevision") as caught:
        await SnapshotStore(RevisionStore(ns.cluster)).decision(key(ns, "there"), decision.state.snapshot)
    assert caught.value.type is FailureType.UNDEFINED


async def test_an_execute_stores_in_whose_name_it_acts(ns: LiveNamespace) -> None:
    plan(ns)
    assert (await root(ns, await load(ns))).service_account_name == "default"


# A Revert that carries definitions out.


def undoes(ns: LiveNamespace) -> Object:
    """Give an action whose own rollback creates a ConfigMap that says in which region, and in which mode."""
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "undone", "namespace": ns.namespace}}
    rollback = {"resource": {"manifest": json.dumps({**body, "data": {"a": "$(params.region) $(params.mode)"}})}}
    return {**makes_config_map("app", ns.namespace), "rollback": rollback}


REGION = {"name": "region", "value": "east"}


async def carried_out(ns: LiveNamespace, decision: RevertDecision) -> str:
    """Carry the custom rollback out; give what it wrote."""
    assert decision.rejection is None
    assert decision.origin is not None
    assert decision.state.snapshot == decision.origin.snapshot
    origin = decision.origin.model_copy(update={"stage": "only", "workflow": 0})
    await carry_out(ns, origin, "make-app", part=Part.ROLLBACK)
    made = ns.get("configmap", "undone")
    assert made is not None
    return str(made["data"]["a"])


async def test_a_custom_rollback_is_carried_out_with_what_was_kept_although_everything_is_gone(
    ns: LiveNamespace,
) -> None:
    plan(ns, undoes(ns), globalParams=[REGION])
    await ended(ns, await load(ns), custom=True)
    ns.kubectl("delete", "drplan/shop", "drworkflow/flow")
    decision = await load_revert(ns)
    assert not decision.state.definitions_of_today
    assert await carried_out(ns, decision) == "east rollback"
    owners = {each["metadata"]["ownerReferences"][0]["name"] for each in revisions(ns)}
    assert owners == {"there", "back"}


async def test_a_reverts_own_parameters_win_over_those_of_its_original(ns: LiveNamespace) -> None:
    plan(ns, undoes(ns), globalParams=[REGION])
    await ended(ns, await load(ns), custom=True, params=[{"name": "region", "value": "west"}])
    assert await carried_out(ns, await load_revert(ns)) == "west rollback"


async def test_a_revert_of_what_kept_nothing_carries_the_rollback_of_today_out(ns: LiveNamespace) -> None:
    plan(ns, undoes(ns), globalParams=[REGION])
    await ended(ns, None, custom=True)
    decision = await load_revert(ns)
    assert decision.state.definitions_of_today
    assert await carried_out(ns, decision) == "east rollback"


async def test_a_parameter_of_a_revert_that_cannot_be_read_refuses_it_and_keeps_nothing(ns: LiveNamespace) -> None:
    plan(ns, undoes(ns), globalParams=[REGION])
    await ended(ns, await load(ns), custom=True, params=[{"name": "region", **value_from(ns, "nowhere")}])
    before = revisions(ns)
    decision = await load_revert(ns)
    assert decision.rejection is not None
    assert decision.rejection.startswith(
        "Nothing was reverted: spec.params[0].valueFrom.manifestRef of DRPlanExecution"
    )
    assert revisions(ns) == before


async def test_a_secret_of_a_revert_is_not_kept_and_is_there_when_it_is_used(ns: LiveNamespace) -> None:
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "undone", "namespace": ns.namespace}}
    rollback = {"resource": {"manifest": json.dumps({**body, "data": {"a": "$(params.token) $(params.password)"}})}}
    action = {**makes_config_map("app", ns.namespace), "rollback": rollback}
    plan(ns, action, params=[{"name": "token", "value": "of-execute"}, {"name": "password", "value": SECRET}])
    await ended(ns, await load(ns), custom=True, params=[{"name": "token", "value": "of-revert"}])
    decision = await load_revert(ns)
    for text in ("of-execute", "of-revert", SECRET):
        assert text not in json.dumps(everything_kept(ns)) + decision.model_dump_json()
    assert await carried_out(ns, decision) == f"of-revert {SECRET}"


async def test_without_any_definitions_kept_a_rollback_with_placeholders_is_not_guessed(ns: LiveNamespace) -> None:
    plan(ns, undoes(ns), globalParams=[REGION])
    await ended(ns, None, custom=True)
    ns.kubectl("delete", "drplan/shop")
    decision = await load_revert(ns)
    assert decision.origin is None
    with pytest.raises(ApplicationError, match="has placeholders, and no values were kept for them") as caught:
        await carry_out(ns, None, "make-app", part=Part.ROLLBACK)
    assert caught.value.type == FailureType.UNDEFINED
