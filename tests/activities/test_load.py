"""`load_revert` and `load_execute`: what is read, what is looked at, and in whose name."""

import json

import pytest
from temporalio.exceptions import ApplicationError

from activities import observe
from activities.attempt import RunningAttempt
from activities.authorize import Impersonation
from activities.load import LoadActivities
from activities.read import read_execution
from activities.store import SnapshotStore
from api.attempts import RollbackInput
from api.decisions import ExecuteDecision, Redecision, RedecisionInput, RevertDecision, RevertPlace
from api.execution import DRPlanExecution
from api.failures import FailureType
from api.meta import CREATED_BY_ANNOTATION, PLAN_LABEL, ObjectKey
from api.nodes import ActionStatus
from api.phases import OperationType, Phase
from api.runs import RunInput
from api.tree import Rejection
from dev import StackError
from planning.snapshot.decision import step_of
from tests.activities.believed_inputs import BelievedInputs, NoQuestions
from tests.activities.live_namespace import Attempt, LiveNamespace, Object
from tests.eventually import eventually
from tests.faulty_server import Answer, FaultyServer
from tests.manifests import config_map, dr_plan, dr_workflow, execute, makes_config_map, revert, stage


class LoadStory:
    """A plan with one workflow that makes ConfigMaps, and the executions of it."""

    def __init__(self, ns: LiveNamespace, *names: str) -> None:
        self.ns, self.names = ns, names
        actions = [makes_config_map(name, ns.namespace) for name in names]
        ns.create(dr_workflow("flow", *actions), dr_plan("shop", stage("only", ns.namespace, "flow")))

    def executed(self, **uids: str) -> None:
        """Create the original as a finished Execute that made these objects."""
        self.ns.create(execute("there", "shop"))
        for name in self.names:
            if self.ns.get("configmap", name):
                mark = f"{CREATED_BY_ANNOTATION}={self.ns.uid('drpe', 'there')}/only/flow/make-{name}"
                self.ns.kubectl("annotate", "configmap", name, mark)
        actions = [self._record(name, uids[name]) for name in self.names]
        flow = {"name": "flow", "namespace": self.ns.namespace}
        node = {"workflowRef": flow, "phase": "Succeeded", "actionStatuses": actions}
        part = {"name": "only", "phase": "Succeeded", "workflowExecutions": [node]}
        self.status("there", {"phase": "Succeeded", "stageStatuses": [part]})

    def _record(self, name: str, uid: str) -> Object:
        place = {"apiVersion": "v1", "kind": "ConfigMap", "namespace": self.ns.namespace, "name": name, "uid": uid}
        done = {"operation": "Create", "created": True, "outputs": {"resourceRef": place}}
        return {"name": f"make-{name}", "type": "KubernetesResource", "phase": "Succeeded", **done}

    def status(self, execution: str, status: Object) -> None:
        body = json.dumps({"status": status})
        self.ns.kubectl("patch", "drpe", execution, "--subresource=status", "--type=merge", "-p", body)

    def key(self, execution: str) -> ObjectKey:
        return ObjectKey(namespace=self.ns.namespace, name=execution, uid=self.ns.uid("drpe", execution))


async def load_execute(
    ns: LiveNamespace, key: ObjectKey, account: str = "default", attempt: Attempt | None = None
) -> ExecuteDecision:
    given = RunInput(execution=key, plan="shop", operation=OperationType.EXECUTE)
    return await (attempt or Attempt()).run(
        LoadActivities(ns.cluster, Impersonation(account), BelievedInputs(ns.cluster), NoQuestions()).load_execute,
        given,
    )


async def load_revert(
    ns: LiveNamespace, key: ObjectKey, impersonation: Impersonation | None = None, attempt: Attempt | None = None
) -> RevertDecision:
    given = RunInput(execution=key, plan="shop", operation=OperationType.REVERT)
    return await (attempt or Attempt()).run(
        LoadActivities(
            ns.cluster, impersonation or Impersonation(), BelievedInputs(ns.cluster), NoQuestions()
        ).load_revert,
        given,
    )


def actions(decision: RevertDecision | ExecuteDecision) -> list[ActionStatus]:
    return decision.state.stages[0].workflows[0].actions


async def test_an_execute_is_planned_from_the_objects_in_the_cluster(ns: LiveNamespace) -> None:
    story = LoadStory(ns, "a", "b")
    ns.create(execute("there", "shop"))
    ns.create({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "recovery"}})
    decision = await load_execute(ns, story.key("there"), "recovery")
    assert decision.rejection is None
    assert [action.name for action in actions(decision)] == ["make-a", "make-b"]
    assert [step.action for step in decision.steps[0][0]] == ["make-a", "make-b"]
    assert decision.actor.user == f"system:serviceaccount:{ns.namespace}:recovery"
    assert decision.state.service_account_name == "recovery"


@pytest.mark.parametrize("levels", [160, 300])
async def test_a_definition_that_is_nested_too_deeply_is_named(ns: LiveNamespace, levels: int) -> None:
    """The bridge, which rejects it before, may have looked at an older copy."""
    spec: Object = {"end": 1}
    for _ in range(levels):
        spec = {"more": spec}
    localization = {"name": "deep", "namespace": ns.namespace, "operation": "Create", "spec": spec}
    action = {"name": "deep", "type": "Localization", "localization": localization}
    ns.create(dr_workflow("flow", action), dr_plan("shop", stage("only", ns.namespace, "flow")))
    ns.create(execute("there", "shop"))
    key = ObjectKey(namespace=ns.namespace, name="there", uid=ns.uid("drpe", "there"))
    with pytest.raises(ApplicationError, match=r"flow.*spec: it is nested more than 150 levels deep") as failed:
        await load_execute(ns, key)
    assert failed.value.type == FailureType.INVALID


class Standing:
    """A plan that was executed: its first ConfigMap exists, with the mark of that Execute."""

    def __init__(self, ns: LiveNamespace) -> None:
        self.ns, self.story = ns, LoadStory(ns, "a", "b")
        self.story.executed(a=ns.config_map("a"), b="uid-of-b")
        ns.kubectl("label", "drpe", "there", f"{PLAN_LABEL}=shop")
        record = {"name": "there", "namespace": ns.namespace, "operationType": "Execute"}
        ns.admin.patch("drplan", "shop", {"status": {"executionHistory": [record]}}, ns.namespace, "status")
        ns.create(execute("again", "shop"))

    async def rejection(self) -> str | None:
        return (await load_execute(self.ns, self.story.key("again"))).rejection


async def test_an_execute_that_would_create_what_an_earlier_one_made_is_rejected(ns: LiveNamespace) -> None:
    assert await Standing(ns).rejection() == (
        f"Not started: action make-a is to create ConfigMap {ns.namespace}/a, which DRPlanExecution there made; "
        "first create a Revert with revertExecutionRef: there, or use the operation Apply"
    )


async def test_an_execute_starts_where_what_exists_is_of_nobody_or_of_an_execution_that_is_gone(
    ns: LiveNamespace,
) -> None:
    standing = Standing(ns)
    ns.delete("drpe", "there", wait=False)
    assert await standing.rejection() is None
    ns.kubectl("annotate", "configmap", "a", f"{CREATED_BY_ANNOTATION}-")
    assert await standing.rejection() is None


async def test_a_revert_deletes_exactly_the_objects_that_are_there(ns: LiveNamespace) -> None:
    story = LoadStory(ns, "a", "b")
    uids = {name: ns.config_map(name) for name in story.names}
    story.executed(**uids)
    ns.create(revert("back", "shop", "there"))
    decision = await load_revert(ns, story.key("back"))
    steps = decision.steps[0][0]
    found = [[(each.target.name, each.uid) for each in step.deletions] for step in steps if step is not None]
    assert found == [[("b", uids["b"])], [("a", uids["a"])]]
    assert decision.actor == ns.actor


async def test_an_object_that_is_gone_or_another_becomes_a_refusal(ns: LiveNamespace) -> None:
    story = LoadStory(ns, "gone", "other")
    story.executed(gone="uid-of-gone", other="uid-of-other")
    other = ns.config_map("other")
    ns.create(revert("back", "shop", "there"))
    decision = await load_revert(ns, story.key("back"))
    refusals = [step.refusal for step in decision.steps[0][0] if step is not None and step.refusal is not None]
    assert [refusal.type for refusal in refusals] == [FailureType.WRONG_UID, FailureType.NOT_FOUND]
    assert other in refusals[0].message
    assert 'configmaps "gone" not found' in refusals[1].message


async def test_the_look_sees_what_the_service_account_may_see(ns: LiveNamespace) -> None:
    story = LoadStory(ns, "a")
    story.executed(a=ns.config_map("a"))
    ns.create(revert("back", "shop", "there"))
    ns.create({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "nobody"}})
    decision = await load_revert(ns, story.key("back"), Impersonation("nobody"))
    step = decision.steps[0][0][0]
    assert step is not None
    assert step.refusal is not None
    assert step.refusal.type is FailureType.FORBIDDEN
    assert f"system:serviceaccount:{ns.namespace}:nobody" in step.refusal.message


class OneRevert(BelievedInputs):
    """Believes that the run is that of the Revert `back`."""

    async def redecision(self, attempt: RunningAttempt) -> DRPlanExecution:
        return await read_execution(self._cluster, self.key, FailureType.NOT_FOUND)

    key: ObjectKey


async def test_what_was_refused_is_decided_again_from_what_is_there_now(ns: LiveNamespace) -> None:
    story = LoadStory(ns, "gone", "a")
    uid = ns.config_map("a")
    story.executed(gone="uid-of-gone", a=uid)
    ns.create(revert("back", "shop", "there"))
    ns.create({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "nobody"}})
    believed = OneRevert(ns.cluster)
    believed.key = story.key("back")
    load = LoadActivities(ns.cluster, Impersonation("nobody"), believed, NoQuestions())

    async def again(index: int, action: str) -> Redecision:
        place = RevertPlace(stage="only", workflow=0)
        asked = RedecisionInput(place=place, dr_workflow=ns.flow, index=index, action=action)
        return await Attempt().run(load.decide_again, asked)

    with pytest.raises(ApplicationError, match=r"a retry changes nothing: .*:nobody") as caught:
        await again(0, "make-a")
    assert caught.value.non_retryable
    with pytest.raises(ApplicationError, match="the plan has changed"):
        await again(0, "make-gone")
    subject, decided_as = f"--serviceaccount={ns.namespace}:nobody", f"system:serviceaccount:{ns.namespace}:nobody"
    ns.kubectl("create", "rolebinding", "nobody", "--clusterrole=edit", subject)

    async def may_delete() -> bool:
        try:
            return "yes" in ns.kubectl("auth", "can-i", "delete", "configmaps", f"--as={decided_as}")
        except StackError:
            return False  # kubectl fails where the answer is no

    await eventually(may_delete, "the right is known")
    decided = await again(0, "make-a")
    assert decided.step is not None
    assert [one.uid for one in decided.step.deletions] == [uid]
    assert decided.actor.user == decided_as
    stored = await SnapshotStore.of(ns.cluster).decision(believed.key, decided.decision)
    assert stored.contains(step_of(RollbackInput(step=decided.step, actor=decided.actor)))
    with pytest.raises(ApplicationError, match=r'a retry changes nothing: .*configmaps "gone" not found'):
        await again(1, "make-gone")


@pytest.mark.parametrize("label", ["shop", None], ids=["labelled by the bridge", "of the older controller"])
async def test_what_an_earlier_revert_did_is_not_done_again(ns: LiveNamespace, label: str | None) -> None:
    story = LoadStory(ns, "a", "b")
    story.executed(a=ns.config_map("a"), b="uid-of-b")
    ns.create(revert("first", "shop", "there"), revert("of-another", "shop", "elsewhere"))
    if label:
        ns.kubectl("label", "drpe", "first", f"{PLAN_LABEL}={label}")
    done = {"name": "make-b", "phase": "Succeeded", "message": "Rolled back: deleted ConfigMap b"}
    failed = {"name": "make-a", "phase": "Failed"}
    flow = {"name": "flow", "namespace": ns.namespace}
    node = {"workflowRef": flow, "phase": "Failed", "actionStatuses": [done, failed]}
    tree = [{"name": "only", "phase": "Failed", "workflowExecutions": [node]}]
    story.status("first", {"phase": "Failed", "stageStatuses": tree})
    ns.create(revert("second", "shop", "there"))
    decision = await load_revert(ns, story.key("second"))
    assert [(action.phase, action.message) for action in actions(decision)] == [
        (Phase.SKIPPED, "Already rolled back by first"),
        (Phase.PENDING, None),
    ]


async def test_a_plan_that_is_gone_is_no_obstacle_to_a_revert(ns: LiveNamespace) -> None:
    story = LoadStory(ns, "a")
    story.executed(a=ns.config_map("a"))
    stored = (await load_execute(ns, story.key("there"), "default")).state
    assert stored.snapshot is not None
    assert stored.ledger is not None
    ns.kubectl("delete", "controllerrevision", stored.ledger.name)
    story.status("there", {"serviceAccountName": "of-somebodys-choice", "snapshot": stored.snapshot.to_object()})
    ns.create(revert("back", "shop", "there"))
    ns.delete("drplan", "shop")
    ns.delete("drworkflow", "flow")
    decision = await load_revert(ns, story.key("back"), Impersonation("another"))
    assert actions(decision)[0].phase is Phase.PENDING
    assert decision.state.service_account_name == "default"


async def test_a_plan_that_is_gone_ends_an_execute(ns: LiveNamespace) -> None:
    story = LoadStory(ns, "a")
    ns.create(execute("there", "shop"))
    ns.delete("drplan", "shop")
    with pytest.raises(ApplicationError, match="DRPlan shop no longer exists") as caught:
        await load_execute(ns, story.key("there"))
    assert caught.value.non_retryable


async def test_an_unknown_original_is_a_rejection(ns: LiveNamespace) -> None:
    story = LoadStory(ns, "a")
    ns.create(revert("back", "shop", "nowhere"))
    decision = await load_revert(ns, story.key("back"))
    assert decision.rejection
    assert "nowhere" in decision.rejection
    assert decision.steps == []


async def test_a_missing_workflow_is_a_rejection_of_an_execute(ns: LiveNamespace) -> None:
    story = LoadStory(ns, "a")
    ns.create(execute("there", "shop"))
    ns.delete("drworkflow", "flow")
    decision = await load_execute(ns, story.key("there"))
    assert decision.rejection
    assert f"{ns.namespace}/flow" in decision.rejection


async def test_an_execution_that_was_created_anew_is_not_carried_out_for_the_former_one(ns: LiveNamespace) -> None:
    story = LoadStory(ns, "a")
    ns.create(execute("there", "shop"))
    former = story.key("there").model_copy(update={"uid": "a-former-uid"})
    with pytest.raises(ApplicationError, match="no longer exists") as caught:
        await load_execute(ns, former)
    assert (caught.value.type, caught.value.non_retryable) == (FailureType.NOT_FOUND, True)


async def test_a_look_without_an_answer_is_repeated_as_a_whole(faulty: FaultyServer, faulty_ns: LiveNamespace) -> None:
    story = LoadStory(faulty_ns, "a", "b")
    story.executed(a=faulty_ns.config_map("a"), b=faulty_ns.config_map("b"))
    faulty_ns.create(revert("back", "shop", "there"))
    faulty.fault("GET", "/configmaps/a", Answer(500))
    with pytest.raises(ApplicationError, match="Failed to read ConfigMap") as caught:
        await load_revert(faulty_ns, story.key("back"))
    assert (caught.value.type, caught.value.non_retryable) == (FailureType.TRANSIENT, False)


async def test_many_objects_are_looked_at_some_at_a_time_and_the_beats_tell_how_far(
    ns: LiveNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(observe, "MANY", 1000)  # as where a list does not show them
    names = [f"cm-{number:02}" for number in range(45)]
    story = LoadStory(ns, *names)
    ns.create({"apiVersion": "v1", "kind": "List", "items": [config_map(name) for name in names]})
    listed = ns.admin.list("configmaps", ns.namespace)
    uids = {each["metadata"]["name"]: each["metadata"]["uid"] for each in listed}
    story.executed(**{name: uids[name] for name in names})
    ns.create(revert("back", "shop", "there"))
    attempt = Attempt()
    decision = await load_revert(ns, story.key("back"), attempt=attempt)
    assert all(step and step.deletions for step in decision.steps[0][0])
    assert {beat.waiting_for for beat in attempt.beats} >= {
        "Looking at 45 objects, 20 done",
        "Looking at 45 objects, 40 done",
    }


async def test_a_decision_that_no_history_can_hold_is_refused(ns: LiveNamespace) -> None:
    flow = "flow-" + "x" * 60
    actions = [makes_config_map(f"{number:02}-{'x' * 60}", ns.namespace) for number in range(80)]
    stages = [stage(f"stage-{number}", ns.namespace, flow) for number in range(50)]
    ns.create(dr_workflow(flow, *actions), dr_plan("shop", *stages), execute("there", "shop"))
    key = ObjectKey(namespace=ns.namespace, name="there", uid=ns.uid("drpe", "there"))
    with pytest.raises(ApplicationError, match="too large to be carried out at once") as caught:
        await load_execute(ns, key)
    assert (caught.value.type, caught.value.non_retryable) == (FailureType.TOO_LARGE, True)


@pytest.mark.parametrize(("number", "ends"), [(1, False), (5, True)])
async def test_an_answer_that_nobody_foresaw_is_tried_a_few_times_and_then_told(
    faulty: FaultyServer, faulty_ns: LiveNamespace, number: int, ends: bool
) -> None:
    story = LoadStory(faulty_ns, "a")
    faulty_ns.create(execute("there", "shop"))
    faulty.fault("GET", "/drplanexecutions/there", Answer(200, json.dumps({"token": "correct-horse"})))
    given = RunInput(execution=story.key("there"), plan="shop", operation=OperationType.EXECUTE)
    with pytest.raises(ApplicationError, match="unexpected KeyError") as caught:
        await Attempt(number).run(
            LoadActivities(
                faulty_ns.cluster, Impersonation(), BelievedInputs(faulty_ns.cluster), NoQuestions()
            ).load_execute,
            given,
        )
    assert caught.value.non_retryable is ends
    assert "correct-horse" not in caught.value.message


@pytest.mark.parametrize("operation", [OperationType.EXECUTE, OperationType.REVERT])
async def test_in_a_namespace_that_nobody_opened_nothing_starts_and_the_remedy_is_named(
    ns: LiveNamespace, operation: OperationType
) -> None:
    story = LoadStory(ns, "app")
    story.executed(app="uid-of-app")
    ns.create(revert("back", "shop", "there"))
    ns.delete("rolebinding", "drplan-worker")
    worker = "system:serviceaccount:drplan-system:drplan-worker"
    await eventually(
        lambda: not ns.admin.may(worker, "impersonate", "serviceaccounts", ns.namespace), "the binding is gone"
    )
    load = load_execute if operation is OperationType.EXECUTE else load_revert
    with pytest.raises(ApplicationError, match=f"Namespace {ns.namespace} is not open to drplan") as caught:
        await load(ns, story.key("back"))
    assert caught.value.type == FailureType.FORBIDDEN
    assert caught.value.details[0].rejection is Rejection.NAMESPACE_NOT_OPEN
    assert f"kubectl apply --namespace {ns.namespace} --filename deploy/team-namespace.yaml" in str(caught.value)


async def test_who_uses_the_workers_own_rights_needs_no_open_namespace_to_begin(ns: LiveNamespace) -> None:
    story = LoadStory(ns, "app")
    story.executed(app="uid-of-app")
    ns.create(revert("back", "shop", "there"))
    worker = json.loads(ns.kubectl("get", "rolebinding", "drplan-worker", "-o", "json"))["subjects"]
    rbac = "rbac.authorization.k8s.io"
    rules = [{"apiGroups": ["apps"], "resources": ["controllerrevisions"], "verbs": ["get", "create"]}]
    ns.create(
        {"apiVersion": f"{rbac}/v1", "kind": "Role", "metadata": {"name": "records"}, "rules": rules},
        {
            "apiVersion": f"{rbac}/v1",
            "kind": "RoleBinding",
            "metadata": {"name": "records"},
            "roleRef": {"apiGroup": rbac, "kind": "Role", "name": "records"},
            "subjects": worker,
        },
    )
    ns.delete("rolebinding", "drplan-worker")
    question = ("auth", "can-i", "create", "controllerrevisions.apps", f"--namespace={ns.namespace}")
    who = "--as=system:serviceaccount:drplan-system:drplan-worker"
    await eventually(lambda: ns.stack.kubectl(*question, who, check=False).returncode == 0, "the binding is there")
    decision = await load_revert(ns, story.key("back"), Impersonation(enabled=False))
    assert decision.actor.user is None


async def test_an_account_that_does_not_exist_is_said_not_to_exist(ns: LiveNamespace) -> None:
    story = LoadStory(ns, "a")
    ns.create(execute("there", "shop"))
    for number, expected in ((1, (FailureType.TRANSIENT, False)), (7, (FailureType.NOT_FOUND, True))):
        with pytest.raises(ApplicationError) as caught:
            await load_execute(ns, story.key("there"), "ghost", Attempt(number=number))
        assert (caught.value.type, caught.value.non_retryable) == expected
        assert caught.value.message.startswith(f"ServiceAccount {ns.namespace}/ghost does not exist")


@pytest.mark.parametrize("operation", [OperationType.EXECUTE, OperationType.REVERT])
async def test_a_dr_workflow_of_another_namespace_is_read_only_for_an_account_that_may_get_it(
    ns: LiveNamespace, operation: OperationType
) -> None:
    other = f"{ns.namespace}-lib"
    ns.stack.kubectl("create", "namespace", other)
    ns.admin.create(dr_workflow("flow", makes_config_map("a", ns.namespace)), other)
    ns.create(dr_plan("shop", stage("only", other, "flow")), execute("there", "shop"), revert("back", "shop", "there"))
    ns.create({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "poor"}})
    node = {"workflowRef": {"name": "flow", "namespace": other}, "phase": "Succeeded", "actionStatuses": []}
    tree = [{"name": "only", "phase": "Succeeded", "workflowExecutions": [node]}]
    status = json.dumps({"status": {"phase": "Succeeded", "stageStatuses": tree}})
    ns.kubectl("patch", "drpe", "there", "--subresource=status", "--type=merge", "-p", status)
    user = f"system:serviceaccount:{ns.namespace}:poor"

    async def load(impersonation: Impersonation) -> None:
        name = "there" if operation is OperationType.EXECUTE else "back"
        key = ObjectKey(namespace=ns.namespace, name=name, uid=ns.uid("drpe", name))
        loads = LoadActivities(ns.cluster, impersonation, BelievedInputs(ns.cluster), NoQuestions())
        given = RunInput(execution=key, plan="shop", operation=operation)
        await Attempt().run(loads.load_execute if operation is OperationType.EXECUTE else loads.load_revert, given)

    with pytest.raises(ApplicationError) as caught:
        await load(Impersonation("poor"))
    assert (caught.value.type, caught.value.non_retryable) == (FailureType.FORBIDDEN, True)
    assert caught.value.message.startswith(f"{user} may not get DRWorkflow {other}/flow, which is in another namespace")
    assert f"kubectl create role drworkflow-reader --namespace {other} " in caught.value.message
    await load(Impersonation("poor", enabled=False))
    resource = "--resource=drworkflows.dr.bkbcs.tencent.com"
    ns.stack.kubectl("create", "role", "drworkflow-reader", f"--namespace={other}", "--verb=get", resource)
    account = f"--serviceaccount={ns.namespace}:poor"
    ns.stack.kubectl("create", "rolebinding", "reader", f"--namespace={other}", "--role=drworkflow-reader", account)
    question = ("auth", "can-i", "get", "drworkflows.dr.bkbcs.tencent.com", f"--namespace={other}", f"--as={user}")
    await eventually(lambda: ns.stack.kubectl(*question, check=False).returncode == 0, "the binding is there")
    await load(Impersonation("poor"))


async def test_a_preview_is_no_execute_and_an_execute_no_preview(ns: LiveNamespace) -> None:
    story = LoadStory(ns, "a")
    ns.create(execute("seen", "shop", dryRun=True), execute("there", "shop"))
    loads = LoadActivities(ns.cluster, Impersonation(), BelievedInputs(ns.cluster), NoQuestions())
    for name, activity in (("seen", loads.load_execute), ("there", loads.preview)):
        given = RunInput(execution=story.key(name), plan="shop", operation=OperationType.EXECUTE)
        with pytest.raises(ApplicationError) as caught:
            await Attempt().run(activity, given)
        assert (caught.value.type, caught.value.non_retryable) == (FailureType.UNTRUSTED_RUN, True)
