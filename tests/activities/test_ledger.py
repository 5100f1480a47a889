"""The ledger on the real API server: what it stores, and that a Revert believes it and not the status."""

import json
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError

from activities.authorize import Impersonation, actor_of
from activities.ledger import LedgerActivities, LedgerStore
from activities.load import LoadActivities
from activities.read import find
from activities.store import RevisionStore
from api.attempts import LedgerInput
from api.decisions import ExecuteDecision, RevertDecision
from api.execution import DRPlanExecution
from api.failures import FailureType
from api.ledger import WorkflowRecord
from api.meta import CREATED_BY_ANNOTATION, ObjectKey, ObjectReference
from api.nodes import ActionOutputs, ActionStatus, LedgerRef, WorkflowExecutionStatus
from api.phases import ActionType, Operation, OperationType, Phase
from api.reasons import Reason
from api.runs import RunInput
from api.tree import LedgerFault, RunState
from planning.revert.decide import decide_revert, objects_to_observe
from planning.snapshot.documents import digest
from planning.snapshot.ledger import PART_BOUND, Recorder
from planning.status.size_limit import BOUND, shorten, size
from planning.status.transitions import with_counts
from tests.activities.believed_inputs import BelievedInputs, NoQuestions
from tests.activities.live_namespace import Attempt, LiveNamespace, Object
from tests.faulty_server import Cut, FaultyServer
from tests.manifests import dr_plan, dr_workflow, execute, makes_config_map, revert, stage
from tests.planning import builders


class Shop:
    """A plan of one DRWorkflow, its Execute `there`, and what the bridge would write."""

    def __init__(self, ns: LiveNamespace, *names: str) -> None:
        self.ns, self.names = ns, names
        ns.create(
            dr_workflow("flow", *(makes_config_map(name, ns.namespace) for name in names)),
            dr_plan("shop", stage("only", ns.namespace, "flow")),
            execute("there", "shop"),
        )
        self.uid = ns.uid("drpe", "there")

    def made(self, name: str) -> str:
        """Create an object as the Execute would; give its uid."""
        return self.ns.config_map(name, annotations={CREATED_BY_ANNOTATION: f"{self.uid}/only/flow/make-{name}"})

    def record(self, name: str, uid: str) -> ActionStatus:
        reference = ObjectReference(api_version="v1", kind="ConfigMap", namespace=self.ns.namespace, name=name, uid=uid)
        return ActionStatus(
            name=f"make-{name}",
            type=ActionType.KUBERNETES_RESOURCE,
            phase=Phase.SUCCEEDED,
            reason=Reason.EXECUTED,
            message="Created",
            operation=Operation.CREATE,
            created=True,
            outputs=ActionOutputs(resource_ref=reference),
        )

    def _key(self, execution: str) -> ObjectKey:
        return ObjectKey(namespace=self.ns.namespace, name=execution, uid=self.ns.uid("drpe", execution))

    def _loads(self) -> LoadActivities:
        return LoadActivities(self.ns.cluster, Impersonation(), BelievedInputs(self.ns.cluster), NoQuestions())

    async def load(self) -> ExecuteDecision:
        given = RunInput(execution=self._key("there"), plan="shop", operation=OperationType.EXECUTE)
        return await Attempt().run(self._loads().load_execute, given)

    async def store(self, decision: ExecuteDecision, *actions: ActionStatus) -> LedgerRef:
        """Store what the DRWorkflow did."""
        assert decision.origin is not None
        origin = decision.origin.model_copy(update={"stage": "only"})
        record = WorkflowRecord(phase=Phase.SUCCEEDED, actions=list(actions))
        work = LedgerActivities(self.ns.cluster, BelievedInputs(self.ns.cluster)).store_record
        return await Attempt().run(work, LedgerInput(origin=origin, part=0, record=record))

    def ended(self, decision: ExecuteDecision, ref: LedgerRef | None, *actions: ActionStatus, **status: Any) -> None:
        """Write the end of the Execute into its status, with these records of actions."""
        node = (
            decision.state.stages[0]
            .workflows[0]
            .model_copy(update={"phase": Phase.SUCCEEDED, "action_statuses": list(actions), "ledger": ref})
        )
        part = decision.state.stages[0].model_copy(update={"phase": Phase.SUCCEEDED, "workflow_executions": [node]})
        state = decision.state.model_copy(update={"phase": Phase.SUCCEEDED, "stage_statuses": [part]})
        body = {name: value for name, value in state.to_object().items() if name not in ("leftStanding", "unread")}
        body.pop("definitionsOfToday", None)
        self.write({**body, **status})

    def write(self, status: Object) -> None:
        body = json.dumps({"status": status})
        self.ns.kubectl("patch", "drpe", "there", "--subresource=status", "--type=merge", "-p", body)

    async def revert(self, name: str = "back") -> RevertDecision:
        self.ns.create(revert(name, "shop", "there"))
        given = RunInput(execution=self._key(name), plan="shop", operation=OperationType.REVERT)
        return await Attempt().run(self._loads().load_revert, given)


def deleted(decision: RevertDecision) -> list[str]:
    """Give the uids that a Revert is going to delete."""
    steps = [step for rows in decision.steps for row in rows for step in row if step is not None]
    return [deletion.uid for step in steps for deletion in step.deletions]


def ledger_of(ns: LiveNamespace) -> list[Object]:
    found = ns.admin.list("controllerrevisions", ns.namespace)
    return [each for each in found if "-ledger-" in each["metadata"]["name"]]


async def test_an_execute_names_its_ledger_before_it_does_anything(ns: LiveNamespace) -> None:
    decision = await Shop(ns, "a").load()
    [first] = ledger_of(ns)
    assert decision.origin is not None
    assert decision.origin.ledger
    assert decision.state.ledger == LedgerRef(name=first["metadata"]["name"], sha256=first["data"]["sha256"])
    assert first["data"]["content"]["stages"][0]["name"] == "only"
    assert first["data"]["content"]["snapshot"] == decision.origin.snapshot.to_object()


async def test_a_forged_status_changes_nothing(ns: LiveNamespace) -> None:
    shop = Shop(ns, "a")
    uid, victim = shop.made("a"), ns.config_map("victim")
    decision = await shop.load()
    ref = await shop.store(decision, shop.record("a", uid))
    planted = [shop.record("victim", victim), shop.record("a", victim)]
    shop.ended(decision, ref, *planted, serviceAccountName="rich", snapshot=None)
    back = await shop.revert()
    assert deleted(back) == [uid]
    assert not back.state.definitions_of_today
    # Without any name of a ledger, and with other stages that nothing was stored for.
    shop.ended(decision, None, *planted, ledger=None)
    assert deleted(await shop.revert("again")) == [uid]
    shop.write({"stageStatuses": [{"name": "other", "phase": "Succeeded"}]})
    assert deleted(await shop.revert("third")) == [uid]
    # Without the plan, the recorded account acts.
    shop.write({"serviceAccountName": "rich"})
    ns.delete("drplan", "shop")
    back = await shop.revert("fourth")
    assert deleted(back) == [uid]
    assert back.actor == actor_of(ns.namespace, "default")
    assert ns.get("configmap", "victim") is not None


async def test_a_failure_in_the_status_hides_nothing_that_the_ledger_has(ns: LiveNamespace) -> None:
    shop = Shop(ns, "a")
    uid = shop.made("a")
    decision = await shop.load()
    await shop.store(decision, shop.record("a", uid))
    shop.write({"phase": "Failed", "stageStatuses": [{"name": "only", "phase": "Failed"}]})
    assert deleted(await shop.revert()) == [uid]


@pytest.mark.parametrize("part", ["first", "record"])
@pytest.mark.parametrize("how", ["content", "content and hash", "owner", "gone", "replaced"])
async def test_a_ledger_that_was_altered_is_not_used_and_said_to_be_so(ns: LiveNamespace, part: str, how: str) -> None:
    shop = Shop(ns, "a")
    uid, victim = shop.made("a"), ns.config_map("victim")
    decision = await shop.load()
    ref = await shop.store(decision, shop.record("a", uid))
    shop.ended(decision, ref, shop.record("a", uid))
    name = ref.name if part == "record" else str(decision.state.ledger and decision.state.ledger.name)
    [stored] = [each for each in ledger_of(ns) if each["metadata"]["name"] == name]
    ns.delete("controllerrevision", name)
    if how != "gone":
        replant(ns, stored, how, uid, victim)
    back = await shop.revert()
    assert back.state.ledger_fault is (LedgerFault.GONE if how == "gone" else LedgerFault.ALTERED)
    assert back.rejection is not None
    assert back.rejection.startswith(f"Nothing was reverted: ControllerRevision {name}")
    assert "delete them by hand" in back.rejection
    assert deleted(back) == []


def replant(ns: LiveNamespace, stored: Object, how: str, uid: str, victim: str) -> None:
    """Put another one in the place of a part of a ledger."""
    metadata = {key: stored["metadata"][key] for key in ("name", "labels", "ownerReferences")}
    content = json.loads(json.dumps(stored["data"]["content"]).replace(uid, victim).replace("only", "other"))
    data = {**stored["data"], "content": content}
    if how != "content":
        data["sha256"] = digest(content)
    if how == "owner":
        metadata, data = {**metadata, "ownerReferences": []}, stored["data"]
    planted = {**stored, "metadata": metadata, "data": data}
    if how == "replaced":
        ns.create({**stored, "metadata": metadata})
        planted["metadata"] = {**metadata, "name": f"{metadata['name']}-2"}
        planted["revision"] = 2
    ns.create(planted)


async def test_an_object_without_the_mark_is_not_deleted_on_the_word_of_a_status(ns: LiveNamespace) -> None:
    shop = Shop(ns, "a", "victim")
    uid, victim = shop.made("a"), ns.config_map("victim")
    actions = [shop.record(name, each).to_object() for name, each in (("a", uid), ("victim", victim))]
    node = {"workflowRef": {"name": "flow", "namespace": ns.namespace}, "phase": "Succeeded", "actionStatuses": actions}
    tree = [{"name": "only", "phase": "Succeeded", "workflowExecutions": [node]}]
    shop.write({"phase": "Succeeded", "stageStatuses": tree})
    back = await shop.revert()
    assert deleted(back) == [uid]
    [refused] = [step.refusal for step in back.steps[0][0] if step is not None and step.refusal is not None]
    assert refused.type is FailureType.WRONG_UID
    assert f"ConfigMap victim with uid {victim} lacks the annotation" in refused.message


async def test_a_record_that_is_stored_again_after_the_worker_died_is_stored_once(ns: LiveNamespace) -> None:
    shop = Shop(ns, "a")
    decision = await shop.load()
    first = await shop.store(decision, shop.record("a", "u"))
    assert await shop.store(decision, shop.record("a", "u")) == first
    assert len(ledger_of(ns)) == 2


async def test_an_answer_that_is_lost_leaves_one_record(faulty: FaultyServer, faulty_ns: LiveNamespace) -> None:
    shop = Shop(faulty_ns, "a")
    decision = await shop.load()
    faulty.fault("POST", "/controllerrevisions", Cut.AFTER)
    with pytest.raises(ApplicationError) as caught:
        await shop.store(decision, shop.record("a", "u"))
    assert not caught.value.non_retryable
    await shop.store(decision, shop.record("a", "u"))
    assert len(ledger_of(faulty_ns)) == 2


async def test_a_run_that_was_reset_replaces_its_record(ns: LiveNamespace) -> None:
    shop = Shop(ns, "a")
    uid = shop.made("a")
    decision = await shop.load()
    await shop.store(decision, shop.record("a", "of-the-former-run"))
    ref = await shop.store(decision, shop.record("a", uid))
    assert ref.name.endswith("-2")
    shop.ended(decision, ref, shop.record("a", uid))
    assert deleted(await shop.revert()) == [uid]


@pytest.mark.time_limit(300)
async def test_200_stages_of_25_actions_are_taken_back_whole_although_their_status_was_shortened(
    ns: LiveNamespace,
) -> None:
    names = [f"stage-{number:03}" for number in range(200)]
    flow = dr_workflow("flow", *(makes_config_map(f"a-{number}", ns.namespace) for number in range(25)))
    ns.create(flow, dr_plan("shop", *(stage(name, ns.namespace, "flow") for name in names)), execute("there", "shop"))
    key = ObjectKey(namespace=ns.namespace, name="there", uid=ns.uid("drpe", "there"))
    loads = LoadActivities(ns.cluster, Impersonation(), BelievedInputs(ns.cluster), NoQuestions())
    run = RunInput(execution=key, plan="shop", operation=OperationType.EXECUTE)
    decision = await Attempt().run(loads.load_execute, run)
    assert decision.origin is not None
    store = LedgerStore(RevisionStore(ns.cluster))
    stages = []
    for part in decision.state.stages:
        done = [
            builders.made(one.name, builders.config_map(f"{part.name}-{one.name}"), message="y" * 300)
            for one in part.workflows[0].actions
        ]
        node = part.workflows[0].model_copy(update={"phase": Phase.SUCCEEDED, "action_statuses": done})
        [record] = Recorder().records(node)
        origin = decision.origin.model_copy(update={"stage": part.name})
        ref = await store.store_record(LedgerInput(origin=origin, part=0, record=record))
        node = node.model_copy(update={"ledger": ref})
        stages.append(part.model_copy(update={"phase": Phase.SUCCEEDED, "workflow_executions": [node]}))
    state = decision.state.model_copy(update={"phase": Phase.SUCCEEDED, "stage_statuses": stages})
    short = shorten(with_counts(state))
    assert size(short) <= BOUND
    assert "outputs of actions (a Revert reads them from the ledger)" in str(short.message)
    assert "cannot" not in str(short.message)
    original = await find(ns.cluster, DRPlanExecution, ns.namespace, "there")
    assert original is not None
    shown = {name: getattr(short, name) for name in ("phase", "stage_statuses", "ledger", "snapshot")}
    whole = await store.with_ledger(original.model_copy(update={"status": original.status.model_copy(update=shown)}))
    targets = objects_to_observe(whole, {})
    assert len(targets) == 5000
    seen = {target: builders.present(f"uid-{target.name}") for target in targets}
    back = decide_revert(revert_of(ns), whole, [], seen, None, {})
    assert len(set(deleted(back))) == 5000


def revert_of(ns: LiveNamespace) -> DRPlanExecution:
    body = revert("back", "shop", "there")
    body["metadata"]["namespace"] = ns.namespace
    return DRPlanExecution.model_validate(body)


async def test_a_long_workflow_takes_several_parts_and_loses_nothing(ns: LiveNamespace) -> None:
    shop = Shop(ns, "a")
    decision = await shop.load()
    assert decision.origin is not None
    actions = [shop.record(f"object-{number}", f"uid-{number}") for number in range(5000)]
    node = WorkflowExecutionStatus(
        workflow_ref=decision.state.stages[0].workflows[0].workflow_ref, phase=Phase.SUCCEEDED, action_statuses=actions
    )
    first, *others = Recorder().records(node)
    assert others
    assert all(len(json.dumps(part.to_object())) < PART_BOUND * 1.1 for part in (first, *others))
    store = LedgerStore(RevisionStore(ns.cluster))
    origin = decision.origin.model_copy(update={"stage": "only"})
    given = [LedgerInput(origin=origin, part=number, record=part) for number, part in enumerate(others, 1)]
    continued = [await store.store_record(one) for one in given]
    first = first.model_copy(update={"continued": continued})
    ref = await store.store_record(LedgerInput(origin=origin, part=0, record=first))
    shop.ended(decision, ref)
    original = await find(ns.cluster, DRPlanExecution, ns.namespace, "there")
    assert original is not None
    found = (await store.with_ledger(original)).status.stages[0].actions
    assert [action.outputs for action in found] == [action.outputs for action in actions]
    ns.delete("controllerrevision", continued[0].name)
    assert (await shop.revert()).state.ledger_fault is LedgerFault.GONE


def test_the_state_of_a_run_says_nothing_of_ledgers_where_there_is_none() -> None:
    assert "ledger" not in RunState(phase=Phase.PENDING).model_dump_json(exclude_defaults=True)
