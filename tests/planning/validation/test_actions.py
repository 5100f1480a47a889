"""What is wrong with actions is found before anything starts: in dependencies, rollbacks, requests, placeholders."""

from typing import Any

import pytest

from api.execution import DRPlanExecution
from api.phases import Mode
from planning.validation.objects import execution_errors, workflow_errors
from tests.planning.builders import by_name, dr_workflow, localized, manifest, plan, plan_stage
from tests.planning.execute.test_decide import EXECUTION

Definition = dict[str, Any]
UNDO = manifest("a", "Delete")


def errors(*actions: Definition) -> list[tuple[str, str]]:
    return [
        (error.path.removeprefix("spec.actions"), error.message)
        for error in workflow_errors(dr_workflow("w", *actions))
    ]


def http(**request: Any) -> Definition:
    return {"name": "a", "type": "HTTP", "http": {"url": "https://example.com/health", **request}}


def subscription(operation: str = "Create", **fields: Any) -> Definition:
    block = {"name": "x", "namespace": "d", "operation": operation, "spec": {"feeds": []}}
    return {"name": "a", "type": "Subscription", "subscription": block, **fields}


JOB = {"name": "a", "type": "Job", "job": {"template": {"spec": {}}}}

GOOD = [
    http(),
    http(url="HTTP://10.0.0.1:8080", method="POST", headers={"X-Token": "a"}, body="b", successCodes=[200, 599]),
    http(url="$(params.base)/health", method="$(params.method)"),
    http(url="{{ .params.base }}"),
    JOB,
    {"name": "a", "type": "Job", "job": {"template": {}, "namespace": "$(params.namespace)"}},
    {"name": "a", "type": "Globalization", "globalization": {"name": "x"}},
    {"name": "a", "type": "HelmChart", "helmChart": {"name": "x", "namespace": "d"}},
    subscription("Replace", clusterExecutionMode="PerCluster", waitReady=True, hookCleanup={"beforeCreate": True}),
    manifest("a", clusterExecutionMode="PerCluster", hookCleanup={"onSuccess": True}),
    manifest("a", dependsOn=[], when="", hookType="", clusterExecutionMode="Global", waitReady=False),
    manifest("a", when='mode == "install" || operation == upgrade', hookType="pre-install"),
    manifest("a", hookType="post-rollback", when='mode == "rollback"'),
    manifest("a", hookType="whatever Helm thinks of next"),
    manifest("$(planName)-$(params.x)"),
    {**manifest("a", "Patch"), "rollback": {"type": "KubernetesResource", "resource": UNDO["resource"]}},
    {**localized("a", "Patch"), "rollback": {"localization": {"name": "a", "namespace": "d", "operation": "Delete"}}},
    manifest("a", rollback={"type": "HTTP", "http": {"url": "https://x/$(outputs.a.resourceRef.name)"}}),
    manifest("a", rollback={"type": "KubernetesResource", "resource": {**UNDO["resource"], "operation": "Patch"}}),
    {"name": "a", "type": "KubernetesResource", "resource": {"manifest": "{ $(params.whole) "}},
    manifest("a", "Patch"),
    localized("a", "Patch"),
    subscription("Patch"),
]


PATCHED_SECRET = {
    "name": "a",
    "type": "KubernetesResource",
    "resource": {"operation": "Patch", "manifest": "apiVersion: v1\nkind: Secret\nmetadata: {name: a}"},
}


@pytest.mark.parametrize("definition", GOOD, ids=str)
def test_a_good_action_has_no_errors(definition: Definition) -> None:
    assert errors(definition) == []


BAD = [
    (PATCHED_SECRET, "rollback", "cannot be taken back by itself"),
    (localized("a", "Replace"), "localization.operation", 'unsupported value "Replace"'),
    (manifest("a", when="mode != install"), "when", "not a condition"),
    (manifest("a", when='mode == "sometimes"'), "when", 'unsupported value "sometimes"'),
    (manifest("a", hookType="pre_rollback"), "hookType", "write pre-rollback"),
    (manifest("a", hookType="PostRollback"), "hookType", "write post-rollback"),
    (manifest("a", rollback={"type": "Shell"}), "rollback.type", "HTTP"),
    (manifest("a", rollback={"type": "HTTP"}), "rollback.http", "needs http"),
    (manifest("a", rollback={"type": "HTTP", "http": {"method": "GET"}}), "rollback.http.url", "is missing"),
    (manifest("a", rollback={"type": "HTTP", "http": {"url": ""}}), "rollback.http.url", "is empty"),
    (manifest("a", rollback={**UNDO, "timeout": "soon"}), "rollback.timeout", "not a duration"),
    (manifest("a", rollback={"resource": {"manifest": "{"}}), "rollback.resource.manifest", "not YAML"),
    (
        manifest("a", rollback={"type": "Localization", "localization": {"name": "x"}}),
        "rollback.localization.namespace",
        "needs a namespace",
    ),
    (
        manifest("a", rollback={**UNDO, "clusterExecutionMode": "Everywhere"}),
        "rollback.clusterExecutionMode",
        'unsupported value "Everywhere"',
    ),
    (http(url=" "), "http.url", "is empty"),
    (http(url="example.com"), "http.url", "not the address"),
    (http(url="ftp://example.com"), "http.url", "not the address"),
    (http(url="https://"), "http.url", "not the address"),
    (http(url="https://a b"), "http.url", "not the address"),
    (http(url="https://a:99999"), "http.url", "not the address"),
    (http(url="https://[::1"), "http.url", "not the address"),
    (http(method="get"), "http.method", 'unsupported value "get"'),
    (http(headers={"X Token": "a"}), "http.headers.X Token", "not the name of a header"),
    (http(headers={"X-Token": "a\r\nHost: b"}), "http.headers.X-Token", "single line"),
    (http(successCodes=[200, 99]), "http.successCodes[1]", "99 is not a status code"),
    (http(successCodes=[600]), "http.successCodes[0]", "600 is not a status code"),
    (manifest("$(param.x)"), "resource.manifest", "$(param.x) is no template"),
    (manifest("a", rollback=http(url="http://$(planname)")), "rollback.http.url", "$(planname) is no template"),
    (http(headers={"X-Token": "$(secret.x)"}), "http.headers.X-Token", "$(secret.x) is no template"),
    (manifest("$(outputs.b.phase)"), "resource.manifest", 'no outputs of an action "b"'),
    (manifest("$(outputs.a.resourceRef.name)", action="a"), "resource.manifest", "does not certainly end before"),
    (
        manifest("a", rollback=http(url="http://$(outputs.a.jobRef.name)")),
        "rollback.http.url",
        'action "a" has no output jobRef.name',
    ),
]


@pytest.mark.parametrize(("definition", "path", "words"), BAD, ids=[f"{path}: {words}" for _, path, words in BAD])
def test_a_bad_action_names_its_field(definition: Definition, path: str, words: str) -> None:
    ((found, message),) = errors(definition)
    assert found == f"[0].{path}"
    assert words in message


def test_a_secret_in_an_address_or_a_header_is_not_repeated() -> None:
    found = errors(http(url="//user:hunter2@example.com", headers={"Authorization": "hunter2\n"}))
    assert len(found) == 2
    assert "hunter2" not in str(found)


def test_actions_that_depend_on_each_other_in_a_cycle() -> None:
    found = errors(
        manifest("x"), manifest("a", dependsOn=["b"]), manifest("b", dependsOn=["c"]), manifest("c", dependsOn=["a"])
    )
    assert found == [
        (
            "[1].dependsOn",
            "the actions depend on each other in a cycle (a -> b -> c -> a); remove one of these dependencies",
        )
    ]


def test_a_very_long_cycle_is_not_spelt_out() -> None:
    names = [f"a{number}" for number in range(300)]
    ((_, message),) = errors(*(manifest(name, dependsOn=[names[place - 1]]) for place, name in enumerate(names)))
    assert len(message) < 250


def test_an_action_that_depends_on_one_that_is_not_there() -> None:
    assert errors(manifest("a"), manifest("b", dependsOn=["a", "c"])) == [
        ("[1].dependsOn[1]", 'there is no action "c"; name an action of this DRWorkflow')
    ]


def uses(name: str, of: str, **fields: Any) -> Definition:
    return manifest(f"$(outputs.{of}.resourceRef.name)", action=name, **fields)


class TestOutputs:
    """Outputs are those of an action that certainly ended before."""

    def test_in_a_list_those_above(self) -> None:
        assert errors(manifest("a"), uses("b", "a"), uses("c", "a")) == []
        assert [path for path, _ in errors(uses("a", "b"), manifest("b"))] == ["[0].resource.manifest"]

    def test_among_dependencies_those_that_it_needs_directly_or_not(self) -> None:
        chain = [manifest("a"), manifest("b", dependsOn=["a"]), uses("c", "a", dependsOn=["b"])]
        assert errors(*chain) == []
        assert errors(*reversed(chain)) == []
        beside = [manifest("a"), manifest("b"), uses("c", "a", dependsOn=["b"])]
        assert [path for path, _ in errors(*beside)] == ["[2].resource.manifest"]

    def test_an_action_without_dependencies_beside_others_that_have_some_waits_for_nobody(self) -> None:
        found = errors(manifest("a"), manifest("b", dependsOn=["a"]), uses("c", "a"))
        assert [path for path, _ in found] == ["[2].resource.manifest"]

    @pytest.mark.parametrize("when", ["", 'mode == "install" || mode == "rollback"'])
    def test_a_rollback_hook_that_may_run_in_an_execute_is_like_any_other(self, when: str) -> None:
        hook = uses("hook", "a", hookType="pre-rollback", when=when)
        assert len(errors(hook, manifest("a"))) == 1

    def test_a_hook_of_rollbacks_alone_has_the_records_of_all(self) -> None:
        assert errors(uses("hook", "a", hookType="pre-rollback", when="mode == rollback"), manifest("a")) == []

    def test_a_rollback_has_the_records_of_all(self) -> None:
        assert errors(manifest("a", rollback=uses("x", "b")), manifest("b", rollback=uses("y", "b"))) == []

    @pytest.mark.parametrize(
        "path", ["phase", "resourceRef", "resourceRef.name", "resourceRef.uid", "resourceRef.apiVersion"]
    )
    def test_what_a_record_can_hold(self, path: str) -> None:
        assert errors(manifest("a"), manifest(f"$(outputs.a.{path})", action="b")) == []

    @pytest.mark.parametrize("path", ["phase.x", "resourceRef.nam", "resourceRef.name.x", "subscriptionRef.name", "x"])
    def test_what_it_cannot_hold(self, path: str) -> None:
        ((_, message),) = errors(manifest("a"), manifest(f"$(outputs.a.{path})", action="b"))
        assert message == f'action "a" has no output {path}; name one that an action of its type has'

    def test_of_a_request_and_of_subscriptions_in_each_cluster(self) -> None:
        assert errors(http(), manifest("$(outputs.a.httpResponse.statusCode)", action="b")) == []
        assert errors(subscription(), manifest("$(outputs.a.subscriptionRefs.0.name)", action="b")) == []
        assert len(errors(subscription(), manifest("$(outputs.a.subscriptionRefs.name)", action="b"))) == 1


def in_mode(mode: Mode | None) -> DRPlanExecution:
    return EXECUTION.model_copy(update={"spec": EXECUTION.spec.model_copy(update={"mode": mode})})


@pytest.mark.parametrize(("mode", "number"), [(None, 0), (Mode.INSTALL, 0), (Mode.UPGRADE, 1), (Mode.ROLLBACK, 0)])
def test_outputs_of_an_action_that_a_mode_passes_over(mode: Mode | None, number: int) -> None:
    first = manifest("a", when="mode == install")
    second = uses("b", "a", when="mode == install || mode == upgrade")
    found = execution_errors(in_mode(mode), plan(plan_stage("s", "w")), by_name(dr_workflow("w", first, second)))
    assert [error.path for error in found] == ["spec.actions[1].resource.manifest"] * number
    assert all("does not run in mode Upgrade, and this one does" in error.message for error in found)


def test_all_errors_of_an_action_come_at_once() -> None:
    bad = {
        **http(url="", method="x"),
        "timeout": "0s",
        "when": "x",
        "dependsOn": ["a", "b"],
        "rollback": {"type": "Job"},
    }
    assert [path for path, _ in errors(bad)] == [
        "[0].dependsOn[1]",
        "[0].dependsOn",
        "[0].timeout",
        "[0].http.url",
        "[0].http.method",
        "[0].when",
        "[0].rollback.job",
    ]
