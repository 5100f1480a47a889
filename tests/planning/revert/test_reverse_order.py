"""Order is reversed at every level; where that would break dependsOn, reverse dependency order."""

from tests.planning.builders import config_map, decide, execute, made, plan, plan_stage, stage, workflow


def names(*dependencies: tuple[str, list[str] | None], of_plan: object = None) -> list[str]:
    """Give the order in which stages, listed with what they depend on, are taken back."""
    stages = [
        stage(name, workflow("w", made(name, config_map(name))), depends_on=needed) for name, needed in dependencies
    ]
    decision = decide(execute(*stages), of_plan=of_plan)  # type: ignore[arg-type]
    return [one.name for one in decision.state.stages]


def test_stages_workflows_and_actions_are_reversed() -> None:
    original = execute(
        stage(
            "s1",
            workflow("w1", made("a", config_map("a")), made("b", config_map("b"))),
            workflow("w2", made("c", config_map("c"))),
        ),
        stage("s2", workflow("w3", made("d", config_map("d"))), parallel=True),
    )
    state = decide(original).state
    assert [one.name for one in state.stages] == ["s2", "s1"]
    assert [node.workflow_ref.name for node in state.stages[1].workflows] == ["w2", "w1"]
    assert [action.name for action in state.stages[1].workflows[1].actions] == ["b", "a"]


def test_parallel_is_told_only_where_it_is_so() -> None:
    original = execute(
        stage("s1", workflow("w", made("a", config_map("a"))), parallel=True),
        stage("s2", workflow("w", made("b", config_map("b"))), parallel=False),
    )
    assert ["parallel" in one.to_object() for one in decide(original).state.stages] == [False, True]


def test_the_plain_reverse_holds_where_the_list_is_in_dependency_order() -> None:
    assert names(("a", None), ("b", ["a"]), ("c", ["a"])) == ["c", "b", "a"]


def test_dependents_come_first_where_the_list_is_not_in_dependency_order() -> None:
    assert names(("app", ["db"]), ("db", None), ("dns", None)) == ["dns", "app", "db"]


def test_dependencies_that_were_not_recorded_are_those_of_todays_plan() -> None:
    today = plan(plan_stage("app", "w", dependsOn=["db"]), plan_stage("db", "w"))
    assert names(("app", None), ("db", None), of_plan=today) == ["app", "db"]


def test_what_was_recorded_outweighs_todays_plan() -> None:
    today = plan(plan_stage("app", "w", dependsOn=["db"]), plan_stage("db", "w"))
    assert names(("app", []), ("db", []), of_plan=today) == ["db", "app"]


def test_a_cycle_in_todays_plan_is_no_obstacle() -> None:
    today = plan(plan_stage("a", "w", dependsOn=["b"]), plan_stage("b", "w", dependsOn=["a"]))
    assert names(("a", None), ("b", None), of_plan=today) == ["b", "a"]


def test_dependencies_on_stages_that_are_gone_are_passed_over() -> None:
    assert names(("a", ["gone"]), ("b", ["a", "b"])) == ["b", "a"]
