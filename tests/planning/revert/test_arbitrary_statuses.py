"""Old, lost, shortened or mangled statuses: planning answers, and never deletes what it has not seen."""

from hypothesis import event, given, settings
from hypothesis import strategies as st

from api.execution import DRPlanExecution
from api.meta import ObjectName, ObjectReference
from api.nodes import ActionOutputs, ActionStatus, HttpResponse, StageStatus, WorkflowExecutionStatus
from api.objects import ObservedObject, Presence, Target
from api.phases import ActionType, Mode, OnMissing, Operation, Phase
from planning.definitions.identifiers import Workflows
from planning.revert.decide import decide_revert, objects_to_observe
from planning.status import transitions
from planning.status.size_limit import shorten
from tests.planning.builders import (
    END,
    LATER,
    START,
    by_name,
    dr_workflow,
    execute,
    localized,
    manifest,
    plan,
    plan_stage,
    revert,
)
from tests.planning.simulation import check_summary

names = st.sampled_from(["a", "b", "create-a", ""])
uids = st.sampled_from([None, "", "u1", "u2"])
times = st.sampled_from([None, START, END, LATER])
phases = st.sampled_from(list(Phase))
reference = st.builds(
    ObjectReference,
    api_version=st.sampled_from([None, "v1", "batch/v1", ""]),
    kind=st.sampled_from([None, "ConfigMap", "Namespace", "Job", ""]),
    name=st.none() | names,
    namespace=st.none() | names,
    uid=uids,
)
references = st.none() | reference
recorded = st.none() | st.builds(
    ActionOutputs,
    localization_ref=references,
    globalization_ref=references,
    helm_chart_ref=references,
    subscription_ref=references,
    subscription_refs=st.none() | st.lists(reference, max_size=2),
    resource_ref=references,
    job_ref=references,
    http_response=st.none() | st.just(HttpResponse(status_code=200)),
)
actions = st.builds(
    ActionStatus,
    name=names,
    type=st.none() | st.sampled_from(list(ActionType)),
    phase=phases,
    start_time=times,
    completion_time=times,
    operation=st.none() | st.sampled_from(list(Operation)),
    created=st.sampled_from([None, True, False]),
    custom_rollback=st.sampled_from([False, None, True]),
    outputs=recorded,
)
likely = st.sampled_from([Phase.SUCCEEDED, Phase.SUCCEEDED, Phase.FAILED, Phase.RUNNING])
nodes = st.builds(
    WorkflowExecutionStatus,
    workflow_ref=st.builds(
        ObjectName, name=st.sampled_from(["w", "gone"]), namespace=st.sampled_from([None, "", "default"])
    ),
    phase=likely,
    action_statuses=st.lists(actions, min_size=1, max_size=3) | st.sampled_from([None, []]),
)
stages = st.builds(
    StageStatus,
    name=names,
    phase=likely,
    parallel=st.sampled_from([None, True, False]),
    depends_on=st.none() | st.lists(names, max_size=2),
    workflow_executions=st.lists(nodes, min_size=1, max_size=3),
)
trees = st.lists(stages, min_size=1, max_size=3)
bodies = st.sampled_from(
    [
        manifest("a", action="a"),
        manifest("a", "Apply", action="b"),
        manifest("$(params.x)", action="a"),
        {"name": "b", "type": "KubernetesResource", "resource": {"manifest": "{"}},
        {"name": "b", "type": "KubernetesResource"},
        {"name": "a", "type": "HTTP"},
        {"name": "b", "type": "Job", "job": {"template": {"metadata": {"name": "a"}}}},
        {"name": "a", "type": "Job", "job": {"template": {"metadata": 5}}},
        {"name": "b", "type": "Subscription", "subscription": {"name": "a", "operation": "Replace"}},
        localized("a"),
        {**localized("a"), "name": "b"},
    ]
)
extras = st.fixed_dictionaries(
    {},
    optional={
        "rollback": st.sampled_from(
            [
                {},
                {"type": 5},
                {"type": "HTTP"},
                {"type": "HTTP", "http": {"url": "$(outputs.a.httpResponse.body)"}},
                {"resource": {"manifest": "$(params.x)", "operation": "Delete"}},
                {"type": "Localization", "localization": {"name": "a"}, "hookCleanup": {"beforeCreate": True}},
            ]
        ),
        "hookType": st.sampled_from(["pre-rollback", "post-rollback", "post-install", ""]),
        "when": st.sampled_from(["", "soon", 'mode == "rollback"', 'mode == "install"']),
        "hookCleanup": st.sampled_from([{"onSuccess": True}, {"beforeCreate": True}, {}]),
        "dependsOn": st.lists(names, max_size=2),
    },
)
definitions = st.tuples(bodies, extras).map(lambda pair: {**pair[0], **pair[1]})
seen = st.builds(
    ObservedObject,
    presence=st.sampled_from(list(Presence)),
    uid=uids,
    creation_timestamp=times,
    reason=st.sampled_from(["", "why"]),
)


def plausible(tree: list[StageStatus], mode: Mode | None) -> DRPlanExecution:
    original = execute(*tree, phase=Phase.FAILED)
    return original.model_copy(update={"spec": original.spec.model_copy(update={"mode": mode})})


@settings(max_examples=settings().max_examples * 3)
@given(
    trees,
    st.lists(definitions, min_size=1, max_size=4),
    st.lists(trees, max_size=2),
    st.lists(seen, min_size=1, max_size=5),
    st.sampled_from([None, *OnMissing]),
    st.sampled_from([None, *Mode]),
)
def test_planning_answers_and_keeps_to_what_was_seen(
    tree: list[StageStatus],
    defined: list[dict[str, object]],
    earlier_trees: list[list[StageStatus]],
    looks: list[ObservedObject],
    on_missing: OnMissing | None,
    mode: Mode | None,
) -> None:
    workflows: Workflows = by_name(dr_workflow("w", *defined))
    original = plausible(tree, mode)
    targets = objects_to_observe(original, workflows)
    view: dict[Target, ObservedObject] = {target: looks[place % len(looks)] for place, target in enumerate(targets)}
    earlier = [
        revert(f"r{number}", phase=Phase.FAILED, start_time=LATER, stage_statuses=one)
        for number, one in enumerate(earlier_trees)
    ]
    today = plan(plan_stage("a", "w", dependsOn=["b"]), plan_stage("b", "w"))
    decision = decide_revert(revert(on_missing=on_missing), original, earlier, view, today, workflows)
    event("rejected" if decision.rejection else "planned")
    check_summary(decision.state)
    assert (decision.rejection is not None) == (decision.state.phase is Phase.FAILED)
    taken: list[str] = []
    for stage, stage_steps in zip(decision.state.stages, decision.steps, strict=True):
        for node, steps in zip(stage.workflows, stage_steps, strict=True):
            for action, step in zip(node.actions, steps, strict=True):
                assert action.phase is (Phase.SKIPPED if step is None else Phase.PENDING)
                assert bool(action.message) == (step is None)
                for deletion in step.deletions if step else ():
                    assert view[deletion.target].presence is Presence.PRESENT
                    assert view[deletion.target].uid == deletion.uid
                    taken.append(deletion.uid)
                does = [step.deletions, step.custom, step.refusal] if step else []
                assert step is None or sum(map(bool, does)) == 1
    assert len(taken) == len(set(taken))
    if decision.rejection is None:
        assert shorten(transitions.with_counts(decision.state)) == decision.state
        assert sorted(stage.name for stage in decision.state.stages) == sorted(stage.name for stage in tree)
