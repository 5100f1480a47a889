"""Inputs of at most 1 MB that once took minutes or gigabytes, and others of their kinds.

Source: docs/spec/drworkflow.md, "Limits"; docs/architecture.md, "Bounds".
"""

import base64
from typing import Any

import pytest

from api.execution import DRPlanExecution
from api.plan import DRPlan
from api.workflow import DRWorkflow
from tests.planning import fuzzed_readers as readers
from tests.planning.fuzzed_readers import HEAD
from tests.planning.measured_child import Reader
from tests.planning.test_fuzz import check


def merges(levels: int) -> str:
    lines = [f"{HEAD}data:", "  a0: &a0 {k: v}"]
    for level in range(1, levels + 1):
        lines += [f"  a{level}: &a{level}", f"    <<: [{', '.join([f'*a{level - 1}'] * 10)}]", f"    z{level}: v"]
    return "\n".join(lines)


def aliases(levels: int) -> str:
    lines = [f"{HEAD}data:", "  a0: &a0 [v, v]"]
    lines += [f"  a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 10)}]" for level in range(1, levels + 1)]
    return "\n".join(lines)


def http(**fields: Any) -> dict[str, Any]:
    request = {"url": "http://a", "method": "POST", **fields}
    return {"name": "a", "type": "HTTP", "http": request}


def resource(manifest: str, **fields: Any) -> dict[str, Any]:
    return {"name": "a", "type": "KubernetesResource", "resource": {"manifest": manifest}, **fields}


def actions(*items: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"actions": list(items), **fields}


def stages(*names: str, **fields: Any) -> dict[str, Any]:
    workflows = [{"workflowRef": {"name": "w"}}]
    return {"stages": [{"name": name, "workflows": workflows, **fields} for name in names]}


FRAGMENT = "[" + ", ".join(["[1, 1, 1, 1]"] * 15_000) + "]"
CHAIN = [resource(HEAD, name=f"a{number}", dependsOn=[f"a{number + 1}"]) for number in range(5000)]
DENSE = [
    resource(HEAD, name=f"a{number}", dependsOn=[f"a{one}" for one in range(max(0, number - 50), number)])
    for number in range(1000)
]
USING_OUTPUTS = [http(body="$(outputs.a0.phase)" * 100) | {"name": f"a{n}", "dependsOn": [f"a{n - 1}"] if n else []}
                 for n in range(400)]  # fmt: skip
OBJECTS: Any = {"kind": "ConfigMap", "metadata": {"labels": {f"l{number}": "v" for number in range(40)}},
                "data": {f"k{number}": "v" * 900 for number in range(1000)}}  # fmt: skip
LADDER: Any = {"a": {"a": {"a": {"a": {"a": {"a": {"a": {"a": "x"}}}}}}}}
ITEMS: Any = {"items": [{"name": "a" * 28 + "!"}] * 20_000}

ADDRESSES = "http://hooks.a/AAAAA6/ -u a:b cookie: a\n"
NAMES = [f"c{number}" for number in range(5000)]
SUBSCRIPTION: Any = {
    "apiVersion": "apps.clusternet.io/v1alpha1", "kind": "Subscription", "metadata": {"name": "s"},
    "spec": {"feeds": [{"apiVersion": "apps/v1", "kind": "Deployment", "name": name} for name in NAMES]},
    "status": {"bindingClusters": ["n/c"], "aggregatedStatuses": [
        {"apiVersion": "apps/v1", "kind": "Deployment", "name": name,
         "feedStatusDetails": [{"clusterName": "c", "available": True, "replicaStatus": {"readyReplicas": 1}}]}
        for name in NAMES]},
}  # fmt: skip
DESCRIPTION: Any = {
    "metadata": {"name": "d"}, "spec": {"deployer": "Generic", "raw": [
        base64.b64encode(f'{{"apiVersion":"apps/v1","kind":"Deployment","metadata":{{"name":"{name}"}}}}'.encode()).decode()
        for name in NAMES]},
    "status": {"phase": "Success", "manifestStatuses": [{"apiVersion": "v1", "kind": "A", "name": name}
                                                        for name in NAMES]},
}  # fmt: skip
ITEMS_OF_LIST: Any = {"a": [{"name": f"n{number}", "b": [{"name": "c", "d": [1, 2]}]} for number in range(18_000)]}
LIVE: Any = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "uid": "u", "resourceVersion": "1"}}

PLACES: Any = {"metadata": {"name": "a", "namespace": "default", "uid": "u"}}
STAGE: Any = {"name": "a", "phase": "Running"}

BOMBS: dict[str, tuple[Reader, *tuple[Any, ...]]] = {
    "merge keys, 6 levels": (readers.manifest, merges(6)),
    "merge keys, 20 levels": (readers.manifest, merges(20)),
    "aliases, 20 levels": (readers.manifest, aliases(20)),
    "a megabyte of small values": (readers.manifest, HEAD + "data:\n" + "  a: {b: [c, d]}\n" * 55_000),
    "a megabyte of one line": (readers.manifest, f"{HEAD}data: {{a: {'x' * 1_000_000}}}"),
    "a megabyte of blanks": (readers.manifest, f"{HEAD}data: {{a: {' ' * 1_000_000}}}"),
    "a megabyte of brackets": (readers.manifest, f"{HEAD}data: " + "[" * 1_000_000),
    "a megabyte of JSON": (readers.manifest, '{"apiVersion": "v1", "kind": "A", "a": [' + "[1,2]," * 160_000 + "1]}"),
    "deep JSON": (readers.manifest, '{"a":' * 200_000),
    "many documents": (readers.manifest, "---\na\n" * 160_000),
    "many anchors": (readers.manifest, "\n".join(f"- &a{number} b" for number in range(70_000))),
    "a long hex number": (readers.manifest, f"{HEAD}data: {{a: 0x{'f' * 900_000}}}"),
    "a long octal number": (readers.manifest, f"{HEAD}data: {{a: 0o{'7' * 900_000}}}"),
    "a condition of blanks": (readers.condition, "mode ==" + " " * 1_000_000 + "!"),
    "a condition of clauses": (readers.condition, "mode == install ||" * 55_000),
    "blanks in a placeholder": (readers.text_template, "$(" + " " * 1_000_000, "v"),
    "question marks in a URL": (readers.http_request, http(url="http://a" + "?" * 60_000)),
    "open placeholders": (readers.text_template, "$(params.x" * 100_000, "v"),
    "open braces": (readers.text_template, "{{ " * 330_000, "v"),
    "dots in a placeholder": (readers.text_template, "$(params." + "a." * 500_000 + ")", "v"),
    "a value repeated": (readers.text_template, "$(params.v)" * 10_000, "x" * 30_000),
    "a value repeated in a manifest": (readers.manifest_template, f"{HEAD}data: " + "$(params.v)" * 10_000,
                                       "x" * 30_000, False),
    "a value repeated in items of a manifest": (readers.manifest_template, f"{HEAD}data: [" + "$(params.v), " * 10_000
                                                + "]", "x" * 30_000, False),
    "a fragment repeated in a manifest": (readers.manifest_template, f"{HEAD}data: [" + "$(params.v), " * 10_000 + "]",
                                          FRAGMENT, True),
    "a fragment repeated in JSON": (readers.value_template, "[" + "$(params.v), " * 30_000 + "1]",
                                    "[&a [" + "1," * 20_000 + "1], *a, *a, *a]", True, "http.body"),
    "lines indented": (readers.manifest_template, f"{HEAD}data:\n  a: |2\n    {' ' * 100_000}$(params.v)\n",
                       "\na" * 250_000, False),
    "a value in many headers": (readers.action_template, http(headers={f"X-{n}": "$(params.v)" for n in range(10_000)}),
                                "x" * 100_000),
    "many placeholders": (readers.manifest_template, f"{HEAD}data: " + "$(params.v)" * 90_000, "v", False),
    "a path of braces": (readers.json_path, "{" * 1_000_000, {}),
    "a regular expression": (readers.json_path, '{.items[?search(@.name,"(a+)+$")].name}', ITEMS),
    "selectors repeated": (readers.json_path, "{" + ("[" + ",".join(["'a'"] * 10) + "]") * 7 + "}", LADDER),
    "wildcards repeated": (readers.json_path, "{..*..*..*..*}", OBJECTS),
    "a path with many stars": (readers.json_path, "{" + "[*,*,*,*,*,*,*,*]" * 6 + "}", OBJECTS),
    "a filter of many comparisons": (readers.json_path, "{.items[?(" + "&&".join(["@.name!='b'"] * 60) + ")].name}",
                                     ITEMS),
    "large results": (readers.json_path, "{..data}" * 100, OBJECTS),
    "a number in Retry-After": (readers.numbers, "9" * 1_000_000),
    "a long duration": (readers.numbers, "1h" * 500_000),
    "a number with an exponent": (readers.numbers, "1" * 500_000 + "e" + "9" * 500_000),
    "a secret header of placeholders": (readers.secret_parts, http(headers={"X-Key": "$(params.a)" * 90_000})),
    "a secret field of placeholders": (readers.secret_parts, http(body='{"password": "' + "$(params.a)" * 90_000 +
                                                                  '"}')),
    "assignments": (readers.secret_parts, http(body="password=" * 110_000)),
    "addresses": (readers.secret_parts, http(body="http://hooks.a/AAAAA6/" * 45_000)),
    "one address": (readers.secret_parts, http(url="http://hooks.a/" + "AAAAA6/" * 140_000)),
    "a query": (readers.secret_parts, http(url="http://a/?" + "sig=a&" * 160_000)),
    "long secrets": (readers.secret_parts, http(headers={"Authorization": "ü" * 500_000})),
    "an answer that ends in secrets": (readers.answer, "a" * 65_536, ["a" * 1_000_000 + "b", "a" * 70_000 + "c"]),
    "many secrets": (readers.answer, "ab" * 32_768, [f"a{number:05}" + "ab" * 400 for number in range(1000)]),
    "an answer of addresses and cookies": (readers.answer, ADDRESSES * 1500, ["s" * 100]),
    "an object of addresses and cookies": (readers.prior_state, LIVE | {"data": {"a": ADDRESSES * 22_000}}, []),
    "an object of block scalars": (readers.prior_state, LIVE | {"data": {"a": "passwords:\n " * 70_000}}, []),
    "an object and many secrets": (readers.prior_state, LIVE | {"data": {"a": "ab" * 500_000}},
                                   ["ab" * 400 + str(number) for number in range(1000)]),
    "the last words of containers": (readers.what_keeps_it, [{"metadata": {"name": "p"}, "status": {
        "phase": "Failed", "containerStatuses": [{"name": "c", "state": {"terminated": {
            "exitCode": 1, "message": ADDRESSES * 22_000}}}]}}]),
    "conditions": (readers.live_object, LIVE | {"kind": "Deployment", "status": {"conditions": [
        {"type": f"c{number}", "status": "True", "message": "m"} for number in range(16_000)]}}),
    "versions of a definition": (readers.live_object, LIVE | {
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "spec": {"versions": [{"name": f"v{number}", "served": True, "schema": {"a": {"b": {"c": {}}}}}
                              for number in range(14_000)]}}),
    "what a Subscription reports": (readers.distributed, SUBSCRIPTION, DESCRIPTION, ["n/c"]),
    "operations on a long list": (readers.patched, [{"op": "add", "path": "/data/a/0", "value": 1}] * 20_000,
                                  {"data": {"a": [1] * 200_000}}),
    "copies of copies": (readers.patched, [{"op": "copy", "from": "/a", "path": f"/a/b{number}"}
                                           for number in range(15_000)], {"a": {"b": "x"}}),
    "named items of a list": (readers.merged, ITEMS_OF_LIST, ITEMS_OF_LIST),
    "parameters of a stored plan": (readers.stored_object, DRPlan, PLACES | {"spec": {
        "globalParams": [{"name": f"p{number}"} for number in range(50_000)], "stages": stages("s")["stages"]}}),
    "DRWorkflows of a stored plan": (readers.stored_object, DRPlan, PLACES | {"spec": {
        "stages": [{"name": "a", "workflows": [{"workflowRef": {"name": "w"}}] * 30_000}]}}),
    "actions of a stored DRWorkflow": (readers.stored_object, DRWorkflow, PLACES | {"spec": {
        "actions": [{"name": "a", "type": "HTTP"}] * 30_000}}),
    "actions in a stored status": (readers.stored_object, DRPlanExecution, PLACES | {
        "spec": {"planRef": "p", "operationType": "Execute"}, "status": {"stageStatuses": [STAGE | {
            "workflowExecutions": [{"workflowRef": {"name": "w"}, "phase": "Running",
                                    "actionStatuses": [{"name": "a", "phase": "Failed"}] * 30_000}]}]}}),
    "stages in a stored status": (readers.stored_object, DRPlanExecution, PLACES | {
        "spec": {"planRef": "p", "operationType": "Execute"}, "status": {"stageStatuses": [STAGE] * 28_000}}),
    "a long URL": (readers.http_request, http(url="http://a/" + "ü" * 400_000)),
    "many headers": (readers.http_request, http(headers={f"X-{number}": "v" * 50 for number in range(15_000)})),
    "actions": (readers.dr_workflow, actions(*(http() | {"name": f"a{number}"} for number in range(9000)))),
    "a chain of actions": (readers.dr_workflow, actions(*CHAIN)),
    "dense dependencies": (readers.dr_workflow, actions(*DENSE)),
    "outputs along a chain": (readers.dr_workflow, actions(*USING_OUTPUTS)),
    "one dependency repeated": (readers.dr_workflow, actions(resource(HEAD, dependsOn=["b"] * 200_000))),
    "nested rollbacks": (readers.nested_rollbacks, 10),
    "deeply nested rollbacks": (readers.nested_rollbacks, 2000),
    "one name for all": (readers.dr_workflow, actions(*(http() | {"dependsOn": ["a"]} for _ in range(9000)))),
    "a long cycle": (readers.dr_workflow, actions(*CHAIN[:-1], resource(HEAD, name="a4999", dependsOn=["a0"]))),
    "long names": (readers.dr_workflow, actions(http() | {"name": "a" * 1_000_000, "dependsOn": ["b" * 100]})),
    "parameters": (readers.dr_workflow, actions(http(), parameters=[
        {"name": f"p{number}", "value": "v"} for number in range(25_000)])),
    "parameters of a stage": (readers.execute, actions(http()), stages("s"), [
        {"name": f"p{number}", "value": "v"} for number in range(20_000)]),
    "stages": (readers.execute, actions(http()), stages(*(f"s{number}" for number in range(10_000))), []),
    "stages and actions": (readers.execute, actions(*(http() | {"name": f"a{number}"} for number in range(24))),
                           stages(*(f"s{number}" for number in range(384))), []),
    "one DRWorkflow at many places": (readers.execute, actions(http(), parameters=[
        {"name": f"p{number}", "value": "v"} for number in range(20_000)]), stages(*(f"s{n}" for n in range(4000))),
        []),
    "stages that depend on one": (readers.execute, actions(http()), stages("s", dependsOn=["t"] * 200_000), []),
}  # fmt: skip


@pytest.mark.parametrize("name", BOMBS)
def test_what_is_small_does_not_grow(name: str) -> None:
    check(*BOMBS[name])
