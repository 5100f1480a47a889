"""`drplan validate`: every error in the files as a line, without a cluster."""

import json
from pathlib import Path
from typing import Any

import pytest

from api.actions import Action
from planning.validation.actions import rendered_errors
from planning.values.placeholders import Values
from tests.cli.program import Result, run
from tests.planning.builders import manifest

API_VERSION = "dr.bkbcs.tencent.com/v1alpha1"
Object = dict[str, Any]


def validate(*arguments: str | Path, stdin: str | None = None) -> Result:
    return run("validate", *map(str, arguments), stdin=stdin)


def written(folder: Path, name: str, *objects: Object) -> Path:
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("---\n".join(f"{json.dumps(each)}\n" for each in objects))
    return file


def of_kind(kind: str, name: str, spec: Object | None, **fields: Any) -> Object:
    return {"apiVersion": API_VERSION, "kind": kind, "metadata": {"name": name}, "spec": spec, **fields}


def workflow(name: str, *actions: Object, **spec: Any) -> Object:
    return of_kind("DRWorkflow", name, {"actions": list(actions or [manifest("a")]), **spec})


def plan(name: str, *workflows: str, **spec: Any) -> Object:
    stages = [{"name": "s", "workflows": [{"workflowRef": {"name": each}} for each in workflows]}]
    return of_kind("DRPlan", name, {"stages": stages, **spec})


def execution(name: str, of_plan: str, **spec: Any) -> Object:
    return of_kind("DRPlanExecution", name, {"planRef": of_plan, "operationType": "Execute", **spec})


def revert(name: str, of_plan: str, **spec: Any) -> Object:
    return execution(name, of_plan, **{"operationType": "Revert", **spec})


def found(result: Result, file: Path) -> list[str]:
    """Give the lines without the file, each of which must name it."""
    lines = result.stdout.splitlines()
    assert all(line.startswith(f"{file}: ") for line in lines)
    return [line.removeprefix(f"{file}: ") for line in lines]


def test_files_that_are_right(tmp_path: Path) -> None:
    file = written(tmp_path, "all.yaml", workflow("w"), plan("p", "w"), execution("there", "p"), {"kind": "ConfigMap"})
    result = validate(file)
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "3 objects, no errors\n")


def test_the_examples_are_right() -> None:
    assert validate(Path(__file__).parents[2] / "examples").exit_code == 0


def test_every_error_is_a_line_with_file_object_and_field(tmp_path: Path) -> None:
    bad = workflow("w", manifest("a", timeout="soon", when="x"), manifest("a"))
    file = written(tmp_path, "all.yaml", bad, plan("p", "w", globalParams=[{"name": "1st"}]))
    result = validate(file)
    assert result.exit_code == 1
    assert found(result, file) == [
        'DRWorkflow default/w: spec.actions[1].name: duplicate name "a"; every action needs its own name',
        'DRWorkflow default/w: spec.actions[0].timeout: "soon" is not a duration such as 30s, 5m or 1h30m',
        'DRWorkflow default/w: spec.actions[0].when: x is not a condition; write mode == "install", and join several '
        "with ||",
        'DRPlan default/p: spec.globalParams[0].name: "1st" is not a name of a parameter; begin with a letter, '
        "go on with letters, digits, _ and -",
    ]
    assert result.stderr == "4 errors in 2 objects\n"


FORM: list[tuple[Any, list[str]]] = [
    (
        {"stages": [], "failurePolicy": "Never"},
        ['spec.failurePolicy: unsupported value "Never"; supported values: Stop, Continue', "spec.stages: is empty"],
    ),
    ({}, ["spec.stages: is missing"]),
    (None, ["spec: is missing"]),
    ([], ["spec: this is not a mapping of fields"]),
    ({"stages": {}}, ["spec.stages: this is not a list"]),
    ({"stages": [1]}, ["spec.stages[0]: this is not a mapping of fields"]),
    (
        {"stages": [{"name": "", "workflows": [{}]}]},
        ["spec.stages[0].workflows[0].workflowRef: is missing", "spec.stages[0].name: is empty"],
    ),
    (
        {"stages": [{"name": "s", "workflows": [{"workflowRef": {"name": 5}}]}]},
        ["spec.stages[0].workflows[0].workflowRef.name: this is not a text"],
    ),
    (
        {"stages": [{"name": "s", "dependOn": [], "workflows": [{"workflowRef": {"name": "w"}}]}]},
        ["spec.stages[0].dependOn: there is no such field"],
    ),
    (
        {"stages": [{"name": "s", "parallel": 1, "workflows": [{"workflowRef": {"name": "w"}}]}]},
        ["spec.stages[0].parallel: this is not true or false"],
    ),
]


@pytest.mark.parametrize(("spec", "lines"), FORM, ids=[lines[0] for _, lines in FORM])
def test_the_form_is_judged_as_the_api_server_judges_it(tmp_path: Path, spec: Any, lines: list[str]) -> None:
    file = written(tmp_path, "plan.yaml", of_kind("DRPlan", "p", spec))
    result = validate(file)
    assert result.exit_code == 1
    said = found(result, file)
    assert len(said) == len(lines)
    assert all(
        one.startswith(f"DRPlan default/p: {words}") for one, words in zip(sorted(said), sorted(lines), strict=True)
    )


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"apiVersion": "dr.bkbcs.tencent.com/v2"}, 'apiVersion: unsupported value "dr.bkbcs.tencent.com/v2"'),
        (
            {"kind": "DRPlans"},
            'kind: unsupported value "DRPlans"; supported values: DRPlan, DRWorkflow, DRPlanExecution',
        ),
        ({"metadata": {}}, "metadata.name: is missing"),
        ({"metadata": {"name": "p", "labels": {"a": 1}}}, "metadata.labels.a: Input should be a valid string"),
        ({"specs": {}}, "specs: there is no such field"),
    ],
)
def test_an_object_that_is_none_of_ours(tmp_path: Path, change: Object, words: str) -> None:
    (line,) = validate(
        written(tmp_path, "plan.yaml", plan("p") | change | {"spec": plan("p", "w")["spec"]})
    ).stdout.splitlines()[:1]
    assert words in line


def test_a_null_counts_as_absent_and_open_objects_are_left_to_their_owner(tmp_path: Path) -> None:
    localization = {"name": "x", "namespace": "d", "spec": {"whatever": None, "list": [1, {"a": True}]}}
    action = {"name": "a", "type": "Localization", "localization": localization, "retryPolicy": None}
    assert validate(written(tmp_path, "w.yaml", workflow("w", action))).exit_code == 0


def test_a_reference_out_of_the_files_is_said_and_is_no_error(tmp_path: Path) -> None:
    file = written(
        tmp_path, "all.yaml", plan("p", "elsewhere"), execution("e", "q"), revert("r", "q", revertExecutionRef="x")
    )
    result = validate(file)
    assert result.exit_code == 0
    assert found(result, file) == [
        "DRPlan default/p: spec.stages[0].workflows[0].workflowRef: DRWorkflow default/elsewhere is not in these "
        "files, not checked",
        "DRPlanExecution default/e: spec.planRef: DRPlan default/q is not in these files, not checked",
        "DRPlanExecution default/r: spec.planRef: DRPlan default/q is not in these files, not checked",
        "DRPlanExecution default/r: spec.revertExecutionRef: DRPlanExecution default/x is not in these files, "
        "not checked",
    ]


def test_an_object_that_is_there_and_malformed_is_not_said_to_be_elsewhere(tmp_path: Path) -> None:
    file = written(tmp_path, "all.yaml", of_kind("DRWorkflow", "w", {}), plan("p", "w"))
    assert found(validate(file), file) == ["DRWorkflow default/w: spec.actions: is missing; write it"]


def test_references_are_followed_from_file_to_file(tmp_path: Path) -> None:
    written(tmp_path, "a/workflow.yaml", workflow("w", manifest("$(params.site)")))
    file = written(tmp_path, "b/plan.yml", plan("p", "w"))
    (line,) = validate(tmp_path).stdout.splitlines()
    assert line == (
        f'{file}: DRPlan default/p: spec.stages[0].workflows[0].params: parameter "site" has no value here, and '
        "spec.actions[0].resource.manifest of DRWorkflow default/w uses it; give it one here, in spec.globalParams, "
        "in the DRWorkflow or in the execution"
    )


def test_an_execute_among_the_files_gives_values(tmp_path: Path) -> None:
    objects = [
        workflow("w", manifest("$(params.site)"), parameters=[{"name": "site", "required": True}]),
        plan("p", "w"),
    ]
    assert validate(written(tmp_path, "plan.yaml", *objects)).exit_code == 1
    given = execution("there", "p", params=[{"name": "site", "value": "east"}])
    assert validate(written(tmp_path, "plan.yaml", *objects, given)).exit_code == 0
    assert validate(written(tmp_path, "plan.yaml", *objects, given, execution("again", "p"))).exit_code == 1


@pytest.mark.parametrize(
    ("value", "error"),
    [
        ("east", None),
        ("20261127", "the manifest is not usable: its metadata.name is not text: put it in quotes"),
        ("on", "the manifest is not usable: its metadata.name is not text: put it in quotes"),
    ],
)
def test_the_values_of_an_execute_are_filled_into_manifests(tmp_path: Path, value: str, error: str | None) -> None:
    objects = [workflow("w", manifest("$(params.v)"), parameters=[{"name": "v", "required": True}]), plan("p", "w")]
    run = execution("there", "p", params=[{"name": "v", "value": value}])
    file = written(tmp_path, "plan.yaml", *objects, run)
    lines = [] if error is None else [f"DRWorkflow default/w: spec.actions[0].resource.manifest: {error}"]
    assert found(validate(file), file) == lines


def test_a_value_that_is_read_from_an_object_is_not_filled_in(tmp_path: Path) -> None:
    read = {"apiVersion": "v1", "kind": "ConfigMap", "name": "sites", "jsonPath": "{.data.east}"}
    parameter = {"name": "v", "valueFrom": {"manifestRef": read}}
    objects = [workflow("w", manifest("$(params.v)"), parameters=[parameter]), plan("p", "w")]
    assert validate(written(tmp_path, "plan.yaml", *objects, execution("there", "p"))).exit_code == 0


def test_executions_are_judged(tmp_path: Path) -> None:
    file = written(
        tmp_path,
        "all.yaml",
        workflow("w"),
        plan("p", "w"),
        execution("e", "p", params=[{"name": "mode", "value": "x"}]),
        revert("r", "p"),
        revert("s", "q", revertExecutionRef="e"),
        revert("t", "p", revertExecutionRef="r"),
        plan("q", "w"),
        execution("u", ""),
    )
    assert found(validate(file), file) == [
        'DRPlanExecution default/e: spec.params[0].name: the name "mode" is reserved; write the mode into spec.mode',
        "DRPlanExecution default/r: spec.revertExecutionRef: is missing; name the execution to take back",
        "DRPlanExecution default/s: spec.planRef: DRPlanExecution e is of DRPlan p; write that plan into spec.planRef",
        "DRPlanExecution default/t: spec.revertExecutionRef: DRPlanExecution r is a Revert; name an Execute",
        "DRPlanExecution default/u: spec.planRef: is empty; write the DRPlan's name",
    ]


def test_an_object_that_stands_twice(tmp_path: Path) -> None:
    first, second = written(tmp_path, "a.yaml", workflow("w")), written(tmp_path, "b.yaml", workflow("w"))
    assert validate(first, second).stdout == (
        f"{second}: DRWorkflow default/w: metadata.name: this object is also in {first}; remove one of them\n"
    )


def test_names_that_the_api_server_completes_are_no_duplicates(tmp_path: Path) -> None:
    generated = {**execution("e", "p"), "metadata": {"generateName": "e-"}}
    assert validate(written(tmp_path, "a.yaml", generated, generated)).exit_code == 0


def test_a_list_as_kubectl_writes_it(tmp_path: Path) -> None:
    file = written(
        tmp_path, "list.json", {"apiVersion": "v1", "kind": "List", "items": [workflow("w", manifest("a", when="x"))]}
    )
    assert len(found(validate(file), file)) == 1


def test_the_namespace_of_objects_that_name_none(tmp_path: Path) -> None:
    file = written(tmp_path, "e.yaml", workflow("w", manifest("a", when="x")))
    assert "DRWorkflow shop/w" in validate(file, "--namespace", "shop").stdout


def test_a_file_that_is_not_yaml_is_named_and_the_others_are_judged(tmp_path: Path) -> None:
    broken = tmp_path / "a.yaml"
    broken.write_text("a: [")
    file = written(tmp_path, "b.yaml", workflow("w", manifest("a", when="x")))
    result = validate(tmp_path)
    assert result.exit_code == 1
    assert f"{broken}: it is not YAML (line 2, column 1)" in result.stdout
    assert f"{file}: DRWorkflow default/w: spec.actions[0].when" in result.stdout
    assert result.stderr == "2 errors in 1 object\n"


def test_what_comes_in(tmp_path: Path) -> None:
    result = validate("-", stdin=json.dumps(workflow("w", manifest("a", when="x"))))
    assert (result.exit_code, result.stdout.startswith("-: DRWorkflow default/w: ")) == (1, True)


@pytest.mark.parametrize("objects", [[], [{"kind": "ConfigMap"}]])
def test_where_there_is_nothing_to_judge_that_is_no_success(tmp_path: Path, objects: list[Object]) -> None:
    result = validate(written(tmp_path, "a.yaml", *objects))
    assert (result.exit_code, "nothing was checked" in result.stderr) == (2, True)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    result = validate(tmp_path / "none.yaml")
    assert (result.exit_code, "none.yaml does not exist" in result.stderr) == (2, True)
    assert validate().exit_code == 2


def test_the_help_says_what_the_exit_codes_mean() -> None:
    said = " ".join(run("validate", "--help").stdout.split())
    assert "without a cluster" in said
    assert "Exit code 0" in said


def test_fields_that_the_api_server_sets_are_named_and_no_errors(tmp_path: Path) -> None:
    exported = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: $(params.a), uid: u, resourceVersion: '1'}\n"
    action = {
        "name": "a",
        "type": "KubernetesResource",
        "resource": {"manifest": exported},
        "rollback": {"resource": {"manifest": exported}},
    }
    result = validate(file := written(tmp_path, "w.yaml", workflow("w", action)))
    assert result.exit_code == 0
    said = "metadata.resourceVersion and metadata.uid are set by the API server, not sent"
    assert found(result, file) == [
        f"DRWorkflow default/w: spec.actions[0].resource.manifest: {said}",
        f"DRWorkflow default/w: spec.actions[0].rollback.resource.manifest: {said}",
    ]


def test_a_template_of_helm_is_named_with_its_file_and_line(tmp_path: Path) -> None:
    file = tmp_path / "deployment.yaml"
    file.write_text("apiVersion: apps/v1\nkind: Deployment\nspec:\n  replicas: {{ .Values.replicas }}\n")
    result = validate(file)
    assert result.exit_code == 1
    assert found(result, file) == ["line 4 holds a template of Helm: render it first (helm template)"]


def test_what_is_wrong_in_form_and_in_meaning_is_reported_together(tmp_path: Path) -> None:
    bad = manifest(
        "a", timout="5m", timeout=5, when="x", dependsOn=["b", 1], resource={"manifest": "[", "operation": "Creat"}
    )
    other = {"name": "c", "type": "Htp", "http": {"url": "x"}, "when": "y"}
    spec = workflow("w", bad, other, {"type": "HTTP", "http": {"method": "GET"}, "retryPolicy": {"limit": -1}})
    file = written(
        tmp_path,
        "all.yaml",
        spec,
        {**plan("p", "w", stages="s"), "metadata": {"name": 5}},
        execution("e", "p!", params={}),
    )
    result = validate(file)
    assert {line.partition(": ")[2].partition(": ")[0] for line in found(result, file)} == {
        *("spec.actions[0].resource.operation", "spec.actions[0].timeout", "spec.actions[0].dependsOn[1]"),
        *("spec.actions[0].timout", "spec.actions[1].type", "spec.actions[2].name", "spec.actions[2].http.url"),
        *("spec.actions[0].dependsOn[0]", "spec.actions[0].resource.manifest", "spec.actions[0].when"),
        "spec.actions[2].retryPolicy.limit",
        *("metadata.name", "spec.stages"),
        *("spec.params", "spec.planRef"),
    }
    assert result.stderr == "15 errors in 3 objects\n"


ROLLBACKS = [
    ({"timout": "5m"}, {"rollback.timout"}),
    ({"resource": {"manifest": "[", "patchTyp": "a"}}, {"rollback.resource.patchTyp", "rollback.resource.manifest"}),
    ({"timeout": 5, "retryPolicy": {"limit": -1, "x": 1}},
     {"rollback.timeout", "rollback.retryPolicy.x", "rollback.retryPolicy.limit"}),
    ({"type": "HTTP", "http": {"url": "nowhere", "headers": {"a": 1}}},
     {"rollback.http.url", "rollback.http.headers.a"}),
    ({"type": "Htp", "when": 5}, {"rollback.type", "rollback.when"}),
    ({"resource": {"manifest": "$(param.x)"}, "waitReady": 1}, {"rollback.resource.manifest", "rollback.waitReady"}),
    ({"type": "Job", "job": {"template": {"spce": {}, "metadata": {"name": 5, "labels": {"a": 1}}}}},
     {"rollback.job.template.spce", "rollback.job.template.metadata.name", "rollback.job.template.metadata.labels.a"}),
    ({"name": "", "type": None, "when": ""}, set()),
]  # fmt: skip


@pytest.mark.parametrize(("rollback", "paths"), ROLLBACKS)
def test_a_rollback_is_validated_as_strictly_as_an_action(rollback: Object, paths: set[str], tmp_path: Path) -> None:
    body = {
        "resource": {"manifest": json.dumps({"apiVersion": "v1", "kind": "A", "metadata": {"name": "a"}})},
        **rollback,
    }
    result = validate(file := written(tmp_path, "w.yaml", workflow("w", manifest("a", rollback=body))))
    assert {line.split(": ")[1].removeprefix("spec.actions[0].") for line in found(result, file)} == paths


def test_the_template_of_a_job_has_the_form_of_one(tmp_path: Path) -> None:
    job = {
        "name": "a",
        "type": "Job",
        "job": {"template": {"metadata": {"name": 20261128, "annotations": []}, "specs": {}}},
    }
    result = validate(file := written(tmp_path, "w.yaml", workflow("w", job)))
    where = "DRWorkflow default/w: spec.actions[0].job.template"
    assert found(result, file) == [
        f"{where}.metadata.name: this is not a text; put it in quotes",
        f"{where}.metadata.annotations: this is not a mapping of fields",
        f"{where}.specs: there is no such field; correct its name or take it out",
    ]


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("https://host/path\n", "ends in a line break, which no address has; take it out, or write |- in place of |"),
        (" https://host/path", "has white space around it, which no address has; take it out"),
        ("https://host/a b\n", "is not the address of a service; write one such as https://host/path"),
        ("$(params.u)", "ends in a line break, which no address has; take it out, or write |- in place of |"),
    ],
)
def test_an_address_that_ends_in_a_line_break_is_named_as_such(url: str, words: str, tmp_path: Path) -> None:
    action = {"name": "a", "type": "HTTP", "http": {"url": url}}
    file = written(tmp_path, "w.yaml", workflow("w", action, parameters=[{"name": "u", "value": "http://x/y\r\n"}]))
    expected = [] if "$" in url else [f"DRWorkflow default/w: spec.actions[0].http.url: {words}"]
    assert found(validate(file), file) == expected
    if "$" in url:
        model = Action.model_validate(action)
        assert [error.message for error in rendered_errors(model, Values({"u": "http://x/y\r\n"}), ())] == [words]


# What a merge patch loses.

F31 = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "f31", "namespace": "default"},
    "spec": {
        "template": {
            "spec": {
                "containers": [
                    {"name": "app", "image": "app:1", "env": [{"name": "DB", "value": "east"}]},
                    {"name": "sidecar", "image": "sc:1"},
                ]
            }
        }
    },
}
IMAGE = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: f31}
spec: {template: {spec: {containers: [{name: app, image: "app:2"}]}}}
"""
LIST = "spec.template.spec.containers"


def patching(manifest: str, patch_type: str | None = None, **more: Any) -> Object:
    resource = {"manifest": manifest, "operation": "Patch"} | ({"patchType": patch_type} if patch_type else {})
    rollback = {"resource": {"manifest": manifest, "operation": "Patch", "patchType": "strategic"}}
    return {"name": "a", "type": "KubernetesResource", "resource": resource, "rollback": rollback, **more}


@pytest.mark.parametrize("patch_type", [None, "merge"])
def test_a_merge_patch_of_a_list_of_named_items_is_warned_of(tmp_path: Path, patch_type: str | None) -> None:
    result = validate(written(tmp_path, "w.yaml", workflow("w", patching(IMAGE, patch_type))))
    assert result.exit_code == 0
    assert f"spec.actions[0].resource.manifest: a merge patch replaces the whole list {LIST}: " in result.output
    assert "patchType: strategic merges it by name" in result.output
    assert "rollback" not in result.output


@pytest.mark.parametrize("created", [False, True], ids=["a document", "an action's manifest"])
def test_what_a_merge_patch_would_lose_is_named(tmp_path: Path, created: bool) -> None:
    makes = {"name": "make", "type": "KubernetesResource", "resource": {"manifest": json.dumps(F31)}}
    objects = [workflow("w", *([makes] if created else []), patching(IMAGE)), *([] if created else [F31])]
    result = validate(written(tmp_path, "w.yaml", *objects))
    assert result.exit_code == 0
    assert f"these are lost: {LIST}[app].env, {LIST}[sidecar]; patchType: strategic" in result.output


def test_a_merge_patch_in_a_rollback_is_warned_of_at_its_place(tmp_path: Path) -> None:
    action = patching(IMAGE, "strategic")
    del action["rollback"]["resource"]["patchType"]
    result = validate(written(tmp_path, "w.yaml", workflow("w", action)))
    assert "spec.actions[0].rollback.resource.manifest: a merge patch replaces the whole list" in result.output


@pytest.mark.parametrize("patch_type", ["strategic", "json"])
def test_other_kinds_of_patches_lose_nothing(tmp_path: Path, patch_type: str) -> None:
    patch = IMAGE if patch_type == "strategic" else json.dumps({**F31, "spec": None} | {"patch": []})
    result = validate(written(tmp_path, "w.yaml", workflow("w", patching(patch, patch_type))))
    assert "a merge patch" not in result.output


def test_a_strategic_merge_patch_of_a_custom_resource_is_warned_of(tmp_path: Path) -> None:
    custom = "apiVersion: example.com/v1\nkind: Gadget\nmetadata: {name: g}\nspec: {x: 1}\n"
    result = validate(written(tmp_path, "w.yaml", workflow("w", patching(custom, "strategic"))))
    assert result.exit_code == 0
    assert "spec.actions[0].resource.patchType: strategic is for kinds that are built in" in result.output


def test_a_patch_type_without_a_patch_and_a_json_patch_without_operations_are_errors(tmp_path: Path) -> None:
    create = patching(IMAGE, "merge")
    create["resource"]["operation"] = "Create"
    result = validate(written(tmp_path, "w.yaml", workflow("w", create, patching(IMAGE, "json", name="b"))))
    assert result.exit_code == 1
    assert "spec.actions[0].resource.patchType: is for operation Patch only" in result.output
    assert "spec.actions[1].resource.manifest: the manifest is not usable: it has no list `patch`" in result.output
