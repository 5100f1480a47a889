"""From a plan and its DRWorkflows to the complete tree, a step for each action, and the policies."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.decisions import ExecuteDecision
from api.execution import DRPlanExecution, DRPlanExecutionSpec
from api.meta import ObjectMeta
from api.nodes import SnapshotRef
from api.phases import Mode, OperationType, Phase, PlanFailurePolicy, StageFailurePolicy, WorkflowFailurePolicy
from api.plan import DRPlan
from api.steps import Origin
from api.workflow import DRWorkflow
from planning.definitions import identifiers, when
from planning.definitions.action_list import is_inverted
from planning.definitions.field_errors import FieldError
from planning.execute.decide import decide_execute
from planning.messages import tree as tree_messages
from planning.status.transitions import with_counts
from planning.values.parameters import Resolved
from tests.planning.builders import by_name, dr_workflow, localized, manifest, plan, plan_stage
from tests.planning.definitions.test_action_list import drawn_workflows

EXECUTION = DRPlanExecution(
    metadata=ObjectMeta(name="run", uid="u-1"),
    spec=DRPlanExecutionSpec(plan_ref="nginx-plan", operation_type=OperationType.EXECUTE),
)
W1 = dr_workflow("w1", localized("loc-a"), manifest("app", "Apply"))
W2 = dr_workflow("w2", manifest("gone", "Delete"), failurePolicy="Continue")


def planned(of: DRPlan, *workflows: DRWorkflow) -> ExecuteDecision:
    decision = decide_execute(EXECUTION, of, by_name(*(workflows or (W1, W2))))
    assert decision.rejection is None
    return decision


def test_the_whole_tree_is_there_and_pending() -> None:
    decision = planned(plan(plan_stage("db", "w1"), plan_stage("web", "w2", "w1", parallel=True, dependsOn=["db"])))
    tree = decision.state.to_object()
    assert tree["stageStatuses"][1] == {
        "name": "web",
        "phase": "Pending",
        "parallel": True,
        "dependsOn": ["db"],
        "workflowExecutions": [
            {
                "workflowRef": {"name": "w2", "namespace": "default"},
                "phase": "Pending",
                "progress": "0/1 actions completed",
                "actionStatuses": [
                    {
                        "name": "gone",
                        "type": "KubernetesResource",
                        "phase": "Pending",
                        "retries": 0,
                        "retryCount": 0,
                        "customRollback": False,
                    }
                ],
            },
            tree["stageStatuses"][0]["workflowExecutions"][0],
        ],
    }
    assert tree["progress"] == {"stages": "0/2", "actions": "0/5"}
    assert with_counts(decision.state) == decision.state


def test_stages_run_in_dependency_order_and_equals_as_they_are_written() -> None:
    stages = [
        plan_stage("web", "w2", dependsOn=["db", "cache"]),
        plan_stage("dns", "w2"),
        plan_stage("db", "w2", dependsOn=["net"]),
        plan_stage("cache", "w2"),
        plan_stage("net", "w2"),
    ]
    assert [one.name for one in planned(plan(*stages)).state.stages] == ["dns", "cache", "net", "db", "web"]


def test_every_action_has_a_step_that_names_its_definition() -> None:
    decision = planned(plan(plan_stage("s", "w1", "w2")))
    steps = [step for steps in decision.steps[0] for step in steps]
    assert [(step.index, step.action) for step in steps] == [
        (0, "create-loc-a"),
        (1, "app"),
        (0, "gone"),
    ]
    assert [step.title for step in steps] == [
        "Create Localization default/loc-a",
        "Apply ConfigMap default/app",
        "Delete ConfigMap default/gone",
    ]
    assert steps[0].mark == "u-1/s/w1/create-loc-a"


def test_policies_are_filled_in() -> None:
    stages = [plan_stage("a", "w1", "w2"), plan_stage("b", "w2", failurePolicy="FailFast")]
    stopping = planned(plan(*stages))
    assert stopping.plan_policy is PlanFailurePolicy.STOP
    assert stopping.stage_policies == [StageFailurePolicy.STOP, StageFailurePolicy.FAIL_FAST]
    assert stopping.workflow_policies[0] == [WorkflowFailurePolicy.FAIL_FAST, WorkflowFailurePolicy.CONTINUE]
    going_on = planned(plan(*stages, failurePolicy="Continue"))
    assert going_on.stage_policies == [StageFailurePolicy.CONTINUE, StageFailurePolicy.FAIL_FAST]


def test_policies_follow_the_stages_when_these_change_places() -> None:
    stages = [plan_stage("b", "w1", dependsOn=["a"]), plan_stage("a", "w2", failurePolicy="Continue")]
    decision = planned(plan(*stages))
    assert decision.stage_policies == [StageFailurePolicy.CONTINUE, StageFailurePolicy.STOP]
    assert decision.workflow_policies == [[WorkflowFailurePolicy.CONTINUE], [WorkflowFailurePolicy.FAIL_FAST]]
    assert [[len(steps) for steps in stage] for stage in decision.steps] == [[1], [2]]


def test_timeout_and_retry_policy_come_from_the_definition() -> None:
    policy = {"limit": 0, "interval": "1s", "backoffMultiplier": "1.0"}
    decision = planned(plan(plan_stage("s", "w")), dr_workflow("w", manifest("a", timeout="30s", retryPolicy=policy)))
    attempts = decision.steps[0][0][0].attempts
    assert (attempts.timeout, attempts.retry.limit, attempts.retry.interval) == ("30s", 0, "1s")


def test_one_dr_workflow_may_stand_twice_in_a_stage_and_keeps_its_marks_apart() -> None:
    decision = planned(plan(plan_stage("s", "w2", "w2")))
    assert [steps[0].mark for steps in decision.steps[0]] == ["u-1/s/w2[0]/gone", "u-1/s/w2[1]/gone"]


def in_mode(mode: Mode | None, *workflows: DRWorkflow) -> ExecuteDecision:
    """Plan a stage `s` of these DRWorkflows."""
    spec = EXECUTION.spec.model_copy(update={"mode": mode})
    execution = EXECUTION.model_copy(update={"spec": spec})
    names = [one.metadata.name for one in workflows]
    decision = decide_execute(execution, plan(plan_stage("s", *names)), by_name(*workflows))
    assert decision.rejection is None
    return decision


class TestConditions:
    FLOW = dr_workflow(
        "w",
        manifest("a", when='mode == "install"'),
        manifest("b"),
        manifest("c", when="operation == delete || mode == 'upgrade'", dependsOn=["a"]),
        manifest("d", "Delete", when="mode == delete", dependsOn=["c"]),
    )

    @pytest.mark.parametrize(
        ("mode", "running"),
        [(None, "abcd"), (Mode.INSTALL, "ab"), (Mode.UPGRADE, "bc"), (Mode.DELETE, "bcd"), (Mode.ROLLBACK, "b")],
    )
    def test_what_a_mode_leaves_out_is_skipped_from_the_beginning(self, mode: Mode | None, running: str) -> None:
        (node,) = in_mode(mode, self.FLOW).state.stages[0].workflows
        assert [one.name for one in node.actions if one.phase is Phase.PENDING] == list(running)
        assert [one.name for one in node.actions] == list("abcd")
        assert node.phase is Phase.PENDING

    def test_its_message_says_which_modes_it_waits_for(self) -> None:
        (node,) = in_mode(Mode.INSTALL, self.FLOW).state.stages[0].workflows
        assert node.actions[2].message == "Condition not met: mode is install, needs upgrade or delete"

    def test_it_keeps_its_step_so_that_places_stay_the_same(self) -> None:
        steps = in_mode(Mode.INSTALL, self.FLOW).steps[0][0]
        assert [(step.action, step.after) for step in steps] == [("a", []), ("b", []), ("c", [0]), ("d", [2])]


class TestModeDelete:
    def test_what_was_created_is_deleted_backwards(self) -> None:
        decision = in_mode(
            Mode.DELETE, dr_workflow("w", localized("loc"), manifest("app", "Apply", dependsOn=["create-loc"]))
        )
        (node,) = decision.state.stages[0].workflows
        assert [(one.name, one.phase, one.custom_rollback) for one in node.actions] == [
            ("delete-app", Phase.PENDING, False),
            ("delete-create-loc", Phase.PENDING, False),
        ]
        assert [step.model_dump(exclude_defaults=True) for step in decision.steps[0][0]] == [
            {
                "index": 1,
                "action": "app",
                "mark": "u-1/s/w/delete-app",
                "title": "Delete ConfigMap default/app",
                "part": "Inverse",
            },
            {
                "index": 0,
                "action": "create-loc",
                "mark": "u-1/s/w/delete-create-loc",
                "title": "Delete Localization default/loc",
                "part": "Inverse",
            },
        ]

    def test_a_dr_workflow_of_which_nothing_is_left_is_skipped_and_says_so(self) -> None:
        job = {"name": "work", "type": "Job", "job": {"template": {}}}
        decision = in_mode(Mode.DELETE, dr_workflow("w", job), dr_workflow("v", manifest("a")))
        first, second = decision.state.stages[0].workflows
        assert (first.phase, first.message, first.actions) == (
            Phase.SKIPPED,
            tree_messages.NOTHING_TO_DELETE.message,
            [],
        )
        assert second.phase is Phase.PENDING
        assert [len(steps) for steps in decision.steps[0]] == [0, 1]

    def test_outputs_cannot_name_what_is_to_be_deleted(self) -> None:
        named = {**localized("x-$(outputs.a.resourceRef.name)"), "name": "b"}
        flow = dr_workflow("w", manifest("a"), named)
        assert in_mode(Mode.INSTALL, flow).steps[0][0][1].outputs_of == ["a"]
        execution = EXECUTION.model_copy(update={"spec": EXECUTION.spec.model_copy(update={"mode": Mode.DELETE})})
        decision = decide_execute(execution, plan(plan_stage("s", "w")), by_name(flow))
        assert decision.rejection == (
            "Not started: spec.actions[1].localization of DRWorkflow default/w: its object is named by the outputs of "
            'action "a", which does not run in mode Delete; write an action with operation Delete for it'
        )

    def test_outputs_in_what_is_not_needed_for_the_deletion_are_no_obstacle(self) -> None:
        using = {**localized("x"), "name": "b", "when": "mode == install"}
        using["localization"]["spec"]["feed"] = "$(outputs.a.resourceRef.name)"
        decision = in_mode(Mode.DELETE, dr_workflow("w", manifest("a"), using))
        assert [step.outputs_of for step in decision.steps[0][0]] == [[], []]


class TestTitles:
    def test_a_request_is_named_by_method_and_address_without_what_may_be_secret(self) -> None:
        http = {"url": "https://me:pw@example.com/hook/up?token=x#y", "method": "POST"}
        decision = in_mode(None, dr_workflow("w", {"name": "call", "type": "HTTP", "http": http}))
        assert decision.steps[0][0][0].title == "POST https://example.com"
        decision = in_mode(None, dr_workflow("w", {"name": "call", "type": "HTTP", "http": http | {"showPath": True}}))
        assert decision.steps[0][0][0].title == "POST https://example.com/hook/up"

    def test_a_job_without_a_name_is_called_as_it_will_be(self) -> None:
        job = {"name": "Migrate DB", "type": "Job", "job": {"template": {"spec": {}}}}
        (step,) = in_mode(None, dr_workflow("w", job)).steps[0][0]
        assert step.title.startswith("Create Job default/migrate-db-")

    def test_what_cannot_be_named_before_its_values_are_known_has_its_own_name(self) -> None:
        text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: {{ .planName }}}\n"
        one = {"name": "settings", "type": "KubernetesResource", "resource": {"manifest": text}}
        assert in_mode(None, dr_workflow("w", one)).steps[0][0][0].title == "settings"


def with_values(
    flow: DRWorkflow, mode: Mode | None = None, left_out: frozenset[str] = frozenset(), **values: str
) -> ExecuteDecision:
    """Plan a stage `s` of one DRWorkflow `w`, with parameters that are known."""
    execution = EXECUTION.model_copy(update={"spec": EXECUTION.spec.model_copy(update={"mode": mode})})
    resolved = {("s", 0): Resolved(values, left_out)}
    given = [{"name": name, "value": value} for name, value in values.items()]
    of = plan(plan_stage("s", "w"), globalParams=given)
    return decide_execute(execution, of, by_name(flow), resolved)


class TestValues:
    def test_titles_show_them_but_never_those_that_are_secret(self) -> None:
        named = {**localized("$(params.site)-{{ .params.key }}-$(outputs.a.resourceRef.name)"), "name": "b"}
        decision = with_values(dr_workflow("w", manifest("a"), named), None, frozenset({"key"}), site="x", key="geheim")
        assert decision.steps[0][0][1].title == "Create Localization default/x-•••-$(outputs.a.resourceRef.name)"
        assert "geheim" not in decision.model_dump_json()

    def test_everything_that_is_wrong_with_them_is_listed_once(self) -> None:
        error = FieldError(path="spec.params[0].value", message="no number", subject="DRPlanExecution default/run")
        resolved = {("s", place): Resolved(errors=[error]) for place in range(2)}
        decision = decide_execute(EXECUTION, plan(plan_stage("s", "w1", "w1")), by_name(W1), resolved)
        assert decision.rejection == "Not started: spec.params[0].value of DRPlanExecution default/run: no number"
        assert decision.state.stages == []

    def test_what_an_action_becomes_with_them_is_judged_before_anything_starts(self) -> None:
        text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: $(params.name)}\ndata: {a: $(params.text)}\n"
        flow = dr_workflow("w", {"name": "a", "type": "KubernetesResource", "resource": {"manifest": text}})
        assert with_values(flow, name="shop", text="{").rejection is None
        rejection = str(with_values(flow, name="shop/../other", text="x").rejection)
        assert rejection.startswith(
            "Not started: spec.actions[0].resource.manifest of DRWorkflow default/w: the manifest is"
        )

    def test_so_is_its_rollback(self) -> None:
        flow = dr_workflow(
            "w",
            manifest("a", rollback={"localization": {"name": "$(params.x)", "namespace": "n"}, "type": "Localization"}),
        )
        assert with_values(flow, x="y").rejection is None
        assert str(with_values(flow, x="").rejection).startswith(
            "Not started: spec.actions[0].rollback.localization.name"
        )

    def test_what_does_not_run_in_the_mode_is_not_judged(self) -> None:
        flow = dr_workflow("w", {**localized("$(params.x)"), "when": "mode == upgrade"})
        assert with_values(flow, Mode.INSTALL, x="").rejection is None
        assert with_values(flow, Mode.UPGRADE, x="").rejection is not None

    def test_of_a_deletion_only_the_name_is_judged(self) -> None:
        one = localized("$(params.x)")
        one["localization"]["spec"]["feed"] = "$(params.y)"
        assert (
            with_values(dr_workflow("w", one), Mode.DELETE, x="loc", y="").steps[0][0][0].title
            == "Delete Localization default/loc"
        )
        assert with_values(dr_workflow("w", one), Mode.DELETE, x="", y="z").rejection is not None

    def test_a_secret_value_is_judged_where_nobody_reads_the_sentence(self) -> None:
        text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: $(params.name)}\n"
        flow = dr_workflow("w", {"name": "a", "type": "KubernetesResource", "resource": {"manifest": text}})
        decision = with_values(flow, None, frozenset({"name"}), name="no/name")
        assert decision.rejection is None
        assert decision.steps[0][0][0].title == "Create ConfigMap •••"


def test_the_actions_whose_outputs_a_definition_uses_are_named_once_each() -> None:
    http = {
        "url": "https://example.com/$(outputs.b.resourceRef.uid)",
        "headers": {"x": "{{ .outputs.a.phase }} $(outputs.b.phase)"},
    }
    flow = dr_workflow("w", manifest("a"), manifest("b"), {"name": "c", "type": "HTTP", "http": http})
    assert in_mode(None, flow).steps[0][0][2].outputs_of == ["b", "a"]


def test_where_definitions_are_kept_is_handed_on() -> None:
    origin = Origin(execution=EXECUTION.metadata.key, snapshot=SnapshotRef(name="drplan-u", sha256="0" * 64))
    of = plan(plan_stage("s", "w1"))
    assert decide_execute(EXECUTION, of, by_name(W1), origin=origin).origin == origin
    assert decide_execute(EXECUTION, of, by_name(W1)).origin is None


@given(drawn_workflows(), st.sampled_from([None, *Mode]))
def test_tree_and_steps_go_together_whatever_is_planned(flow: DRWorkflow, mode: Mode | None) -> None:
    decision = in_mode(mode, flow)
    assert decision == in_mode(mode, flow)
    (node,), (steps,) = decision.state.stages[0].workflows, decision.steps[0]
    assert len(node.actions) == len(steps)
    skipped = [one for one in node.actions if one.phase is Phase.SKIPPED]
    by_name = {one.name: one for one in flow.spec.actions}
    taken_down = is_inverted(flow.spec.actions, mode)
    for one in node.actions:
        left_out = not taken_down and not when.runs(by_name[one.name].when, mode)
        assert (one in skipped) == left_out
    assert len({step.mark for step in steps}) == len(steps)
    assert {step.after is None for step in steps} <= {
        not any(one.depends_on for one in flow.spec.actions) or taken_down
    }


names = st.text(min_size=1, max_size=300) | st.sampled_from(["a", "a/b", "b", "a[0]", "a%2F", "[", "x" * 99, "x" * 101])


@given(st.lists(st.tuples(names, st.lists(st.tuples(names, st.lists(names, max_size=3)), max_size=3)), max_size=3))
def test_marks_are_unique_within_an_execution(tree: list[tuple[str, list[tuple[str, list[str]]]]]) -> None:
    stages = list(dict(tree).items())  # validation refuses two stages of one name
    found = [
        f"{identifiers.mark('uid', stage, workflow)}/{action}"
        for stage, workflows in stages
        for workflow, (_, actions) in zip(identifiers.distinct([name for name, _ in workflows]), workflows, strict=True)
        for action in identifiers.distinct(actions)
    ]
    assert len(found) == len(set(found))
    assert all(len(mark) < 500 for mark in found)


@pytest.mark.parametrize("spec", [{}, {"mode": None}])
def test_an_execution_that_names_what_only_a_revert_uses_is_planned_all_the_same(spec: dict[str, Any]) -> None:
    named = EXECUTION.model_copy(
        update={"spec": EXECUTION.spec.model_copy(update={"revert_execution_ref": "x", **spec})}
    )
    assert decide_execute(named, plan(plan_stage("s", "w1")), by_name(W1)).rejection is None


def in_production(of: DRPlan) -> DRPlan:
    return of.model_copy(update={"metadata": of.metadata.model_copy(update={"namespace": "production"})})


def test_a_reference_without_a_namespace_names_a_dr_workflow_of_the_plans_namespace() -> None:
    here, elsewhere = W1.model_copy(update={"metadata": ObjectMeta(name="w1", namespace="production")}), W1
    decision = planned(in_production(plan(plan_stage("s", "w1"))), elsewhere, here)
    (node,) = decision.state.stages[0].workflows
    assert node.workflow_ref.to_object() == {"name": "w1", "namespace": "production"}


def test_a_dr_workflow_of_that_name_in_default_is_not_meant_by_a_plan_elsewhere() -> None:
    decision = decide_execute(EXECUTION, in_production(plan(plan_stage("s", "w1"))), by_name(W1))
    assert decision.rejection is not None
    assert "DRWorkflow production/w1 does not exist" in decision.rejection
