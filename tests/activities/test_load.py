"""`load_revert` and `load_execute`: what is read, what is looked at, and in whose name."""

import json

import pytest
from temporalio.exceptions import ApplicationError

from activities.load import Impersonation, LoadActivities
from api.execution import ActionStatus
from api.meta import PLAN_LABEL, ObjectKey
from api.phases import OperationType, Phase
from api.steps import ExecuteDecision, FailureType, RevertDecision, RunInput
from tests.activities.site import Attempt, Object, Site
from tests.faulty_server import Answer, FaultyServer
from tests.manifests import config_map, dr_plan, dr_workflow, execute, makes_config_map, revert, stage


class Story:
    """A plan with one workflow that makes ConfigMaps, and the executions of it."""

    def __init__(self, site: Site, *names: str) -> None:
        self.site, self.names = site, names
        actions = [makes_config_map(name, site.namespace) for name in names]
        site.create(dr_workflow("flow", *actions), dr_plan("shop", stage("only", site.namespace, "flow")))

    def executed(self, **uids: str) -> None:
        """Create the original as a finished Execute that made these objects."""
        self.site.create(execute("there", "shop"))
        actions = [self._record(name, uids[name]) for name in self.names]
        flow = {"name": "flow", "namespace": self.site.namespace}
        node = {"workflowRef": flow, "phase": "Succeeded", "actionStatuses": actions}
        part = {"name": "only", "phase": "Succeeded", "workflowExecutions": [node]}
        self.status("there", {"phase": "Succeeded", "stageStatuses": [part]})

    def _record(self, name: str, uid: str) -> Object:
        place = {"apiVersion": "v1", "kind": "ConfigMap", "namespace": self.site.namespace, "name": name, "uid": uid}
        done = {"operation": "Create", "created": True, "outputs": {"resourceRef": place}}
        return {"name": f"make-{name}", "type": "KubernetesResource", "phase": "Succeeded", **done}

    def status(self, execution: str, status: Object) -> None:
        body = json.dumps({"status": status})
        self.site.kubectl("patch", "drpe", execution, "--subresource=status", "--type=merge", "-p", body)

    def key(self, execution: str) -> ObjectKey:
        return ObjectKey(namespace=self.site.namespace, name=execution, uid=self.site.uid("drpe", execution))


async def load_execute(site: Site, key: ObjectKey, account: str = "default") -> ExecuteDecision:
    given = RunInput(execution=key, plan="shop", operation=OperationType.EXECUTE)
    return await Attempt().run(LoadActivities(site.cluster, Impersonation(account)).load_execute, given)


async def load_revert(
    site: Site, key: ObjectKey, impersonation: Impersonation | None = None, attempt: Attempt | None = None
) -> RevertDecision:
    given = RunInput(execution=key, plan="shop", operation=OperationType.REVERT)
    return await (attempt or Attempt()).run(
        LoadActivities(site.cluster, impersonation or Impersonation()).load_revert, given
    )


def actions(decision: RevertDecision | ExecuteDecision) -> list[ActionStatus]:
    return decision.state.stages[0].workflows[0].actions


async def test_an_execute_is_planned_from_the_objects_in_the_cluster(site: Site) -> None:
    story = Story(site, "a", "b")
    site.create(execute("there", "shop"))
    decision = await load_execute(site, story.key("there"), "recovery")
    assert decision.rejection is None
    assert [action.name for action in actions(decision)] == ["make-a", "make-b"]
    assert [step.action for step in decision.steps[0][0]] == ["make-a", "make-b"]
    assert decision.actor.user == f"system:serviceaccount:{site.namespace}:recovery"
    assert decision.state.service_account_name == "recovery"


async def test_a_revert_deletes_exactly_the_objects_that_are_there(site: Site) -> None:
    story = Story(site, "a", "b")
    uids = {name: site.config_map(name) for name in story.names}
    story.executed(**uids)
    site.create(revert("back", "shop", "there"))
    decision = await load_revert(site, story.key("back"))
    steps = decision.steps[0][0]
    found = [[(each.target.name, each.uid) for each in step.deletions] for step in steps if step is not None]
    assert found == [[("b", uids["b"])], [("a", uids["a"])]]
    assert decision.actor == site.actor


async def test_an_object_that_is_gone_or_another_becomes_a_refusal(site: Site) -> None:
    story = Story(site, "gone", "other")
    story.executed(gone="uid-of-gone", other="uid-of-other")
    other = site.config_map("other")
    site.create(revert("back", "shop", "there"))
    decision = await load_revert(site, story.key("back"))
    refusals = [step.refusal for step in decision.steps[0][0] if step is not None and step.refusal is not None]
    assert [refusal.type for refusal in refusals] == [FailureType.WRONG_UID, FailureType.NOT_FOUND]
    assert other in refusals[0].message
    assert 'configmaps "gone" not found' in refusals[1].message


async def test_the_look_sees_what_the_service_account_may_see(site: Site) -> None:
    story = Story(site, "a")
    story.executed(a=site.config_map("a"))
    site.create(revert("back", "shop", "there"))
    decision = await load_revert(site, story.key("back"), Impersonation("nobody"))
    step = decision.steps[0][0][0]
    assert step is not None
    assert step.refusal is not None
    assert step.refusal.type is FailureType.FORBIDDEN
    assert f"system:serviceaccount:{site.namespace}:nobody" in step.refusal.message


@pytest.mark.parametrize("label", ["shop", None], ids=["labelled by the bridge", "of the older controller"])
async def test_what_an_earlier_revert_did_is_not_done_again(site: Site, label: str | None) -> None:
    story = Story(site, "a", "b")
    story.executed(a=site.config_map("a"), b="uid-of-b")
    site.create(revert("first", "shop", "there"), revert("of-another", "shop", "elsewhere"))
    if label:
        site.kubectl("label", "drpe", "first", f"{PLAN_LABEL}={label}")
    done = {"name": "make-b", "phase": "Succeeded", "message": "Rolled back: deleted ConfigMap b"}
    failed = {"name": "make-a", "phase": "Failed"}
    flow = {"name": "flow", "namespace": site.namespace}
    node = {"workflowRef": flow, "phase": "Failed", "actionStatuses": [done, failed]}
    tree = [{"name": "only", "phase": "Failed", "workflowExecutions": [node]}]
    story.status("first", {"phase": "Failed", "stageStatuses": tree})
    site.create(revert("second", "shop", "there"))
    decision = await load_revert(site, story.key("second"))
    assert [(action.phase, action.message) for action in actions(decision)] == [
        (Phase.SKIPPED, "Already rolled back by first"),
        (Phase.PENDING, None),
    ]


async def test_a_plan_that_is_gone_is_no_obstacle_to_a_revert(site: Site) -> None:
    story = Story(site, "a")
    story.executed(a=site.config_map("a"))
    story.status("there", {"serviceAccountName": "default"})
    site.create(revert("back", "shop", "there"))
    site.kubectl("delete", "drplan", "shop")
    site.kubectl("delete", "drworkflow", "flow")
    decision = await load_revert(site, story.key("back"), Impersonation("another"))
    assert actions(decision)[0].phase is Phase.PENDING
    assert decision.state.service_account_name == "default"


async def test_a_plan_that_is_gone_ends_an_execute(site: Site) -> None:
    story = Story(site, "a")
    site.create(execute("there", "shop"))
    site.kubectl("delete", "drplan", "shop")
    with pytest.raises(ApplicationError, match="DRPlan shop no longer exists") as caught:
        await load_execute(site, story.key("there"))
    assert caught.value.non_retryable


async def test_an_unknown_original_is_a_rejection(site: Site) -> None:
    story = Story(site, "a")
    site.create(revert("back", "shop", "nowhere"))
    decision = await load_revert(site, story.key("back"))
    assert decision.rejection
    assert "nowhere" in decision.rejection
    assert decision.steps == []


async def test_a_missing_workflow_is_a_rejection_of_an_execute(site: Site) -> None:
    story = Story(site, "a")
    site.create(execute("there", "shop"))
    site.kubectl("delete", "drworkflow", "flow")
    decision = await load_execute(site, story.key("there"))
    assert decision.rejection
    assert f"{site.namespace}/flow" in decision.rejection


async def test_an_execution_that_was_created_anew_is_not_carried_out_for_the_former_one(site: Site) -> None:
    story = Story(site, "a")
    site.create(execute("there", "shop"))
    former = story.key("there").model_copy(update={"uid": "a-former-uid"})
    with pytest.raises(ApplicationError, match="no longer exists") as caught:
        await load_execute(site, former)
    assert (caught.value.type, caught.value.non_retryable) == (FailureType.NOT_FOUND, True)


async def test_a_look_without_an_answer_is_repeated_as_a_whole(faulty: FaultyServer, faulty_site: Site) -> None:
    story = Story(faulty_site, "a", "b")
    story.executed(a=faulty_site.config_map("a"), b=faulty_site.config_map("b"))
    faulty_site.create(revert("back", "shop", "there"))
    faulty.fault("GET", "/configmaps/a", Answer(500))
    with pytest.raises(ApplicationError, match="Failed to read ConfigMap") as caught:
        await load_revert(faulty_site, story.key("back"))
    assert (caught.value.type, caught.value.non_retryable) == (FailureType.TRANSIENT, False)


async def test_many_objects_are_looked_at_some_at_a_time_and_the_beats_tell_how_far(site: Site) -> None:
    names = [f"cm-{number:02}" for number in range(45)]
    story = Story(site, *names)
    site.create({"apiVersion": "v1", "kind": "List", "items": [config_map(name) for name in names]})
    listed = json.loads(site.kubectl("get", "configmaps", "-o", "json"))["items"]
    uids = {each["metadata"]["name"]: each["metadata"]["uid"] for each in listed}
    story.executed(**{name: uids[name] for name in names})
    site.create(revert("back", "shop", "there"))
    attempt = Attempt()
    decision = await load_revert(site, story.key("back"), attempt=attempt)
    assert all(step and step.deletions for step in decision.steps[0][0])
    assert {beat.waiting_for for beat in attempt.beats} >= {
        "Looking at 45 objects, 20 done",
        "Looking at 45 objects, 40 done",
    }


async def test_a_decision_that_no_history_can_hold_is_refused(site: Site) -> None:
    flow = "flow-" + "x" * 60
    actions = [makes_config_map(f"{number:02}-{'x' * 60}", site.namespace) for number in range(80)]
    stages = [stage(f"stage-{number}", site.namespace, flow) for number in range(50)]
    site.create(dr_workflow(flow, *actions), dr_plan("shop", *stages), execute("there", "shop"))
    key = ObjectKey(namespace=site.namespace, name="there", uid=site.uid("drpe", "there"))
    with pytest.raises(ApplicationError, match="too large to be carried out at once") as caught:
        await load_execute(site, key)
    assert (caught.value.type, caught.value.non_retryable) == (FailureType.TOO_LARGE, True)


@pytest.mark.parametrize(("number", "ends"), [(1, False), (5, True)])
async def test_an_answer_that_nobody_foresaw_is_tried_a_few_times_and_then_told(
    faulty: FaultyServer, faulty_site: Site, number: int, ends: bool
) -> None:
    story = Story(faulty_site, "a")
    faulty_site.create(execute("there", "shop"))
    faulty.fault("GET", "/drplanexecutions/there", Answer(200, json.dumps({"token": "correct-horse"})))
    given = RunInput(execution=story.key("there"), plan="shop", operation=OperationType.EXECUTE)
    with pytest.raises(ApplicationError, match="unexpected KeyError") as caught:
        await Attempt(number).run(LoadActivities(faulty_site.cluster, Impersonation()).load_execute, given)
    assert caught.value.non_retryable is ends
    assert "correct-horse" not in caught.value.message
