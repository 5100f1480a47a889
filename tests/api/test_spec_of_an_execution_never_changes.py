"""The one rule in CEL: an execution's spec is refused a change, and everything else of it is not."""

import pytest
from kubernetes.client.exceptions import ApiException

from dev import StackError
from tests.api.crd_group import CrdGroup
from tests.api.documents import Document

PLURAL = "drplanexecutions"
EXECUTE: Document = {"spec": {"planRef": "shop", "operationType": "Execute", "params": [{"name": "a", "value": "1"}]}}
MESSAGE = "spec: Forbidden: the spec of a DRPlanExecution never changes: create a new DRPlanExecution instead"

CHANGES = {
    "a field changes": '{"spec":{"planRef":"other"}}',
    "a field comes": '{"spec":{"onMissing":"Ignore"}}',
    "a field goes": '{"spec":{"params":null}}',
    "a list changes": '{"spec":{"params":[{"name":"a","value":"2"}]}}',
}


def _patch(crds: CrdGroup, name: str, patch: str, *arguments: str) -> None:
    where = ("-n", crds.namespace, f"{PLURAL}.{crds.group}", name)
    crds.stack.kubectl("patch", *where, "--type=merge", f"--patch={patch}", *arguments)


@pytest.mark.parametrize("patch", CHANGES.values(), ids=CHANGES)
def test_a_change_of_the_spec_is_refused_with_the_remedy(patch: str, ours: CrdGroup) -> None:
    stored = ours.store(PLURAL, EXECUTE)
    name = stored["metadata"]["name"]

    with pytest.raises(StackError) as refusal:
        _patch(ours, name, patch)

    assert MESSAGE in str(refusal.value)
    assert ours.read(PLURAL, name) == stored


def test_metadata_and_status_change_freely(ours: CrdGroup) -> None:
    name = ours.store(PLURAL, EXECUTE)["metadata"]["name"]

    _patch(
        ours,
        name,
        '{"metadata":{"annotations":{"dr.bkbcs.tencent.com/cancel":"true"},"finalizers":["tests.test/hold"]}}',
    )
    _patch(ours, name, '{"status":{"phase":"Running"}}', "--subresource=status")
    _patch(ours, name, '{"metadata":{"finalizers":null}}')
    stored = ours.read(PLURAL, name)

    assert stored["metadata"]["annotations"] == {"dr.bkbcs.tencent.com/cancel": "true"}
    assert "finalizers" not in stored["metadata"]
    assert stored["status"] == {"phase": "Running"}
    assert stored["metadata"]["generation"] == 1


def test_writing_the_same_spec_again_without_its_defaults_is_no_change(ours: CrdGroup) -> None:
    stored = ours.store(PLURAL, EXECUTE)

    again = ours.replace(PLURAL, {**stored, **EXECUTE})

    assert again["spec"] == stored["spec"] != EXECUTE["spec"]


def test_a_spec_of_a_megabyte_does_not_exceed_the_cost_of_the_rule(ours: CrdGroup) -> None:
    params = [{"name": f"p{index}", "value": "x" * 100} for index in range(8_000)]
    large: Document = {"spec": {**EXECUTE["spec"], "params": params}}
    name = ours.store(PLURAL, large)["metadata"]["name"]

    _patch(ours, name, '{"metadata":{"labels":{"touched":"yes"}}}')
    with pytest.raises(StackError) as refusal:
        _patch(ours, name, '{"spec":{"planRef":"other"}}')

    assert MESSAGE in str(refusal.value)


def test_an_unknown_operation_is_refused_by_the_schema(ours: CrdGroup) -> None:
    with pytest.raises(ApiException) as refusal:
        ours.store(PLURAL, {"spec": {"planRef": "shop", "operationType": "Undo"}})

    assert refusal.value.status == 422
    assert 'supported values: \\"Execute\\", \\"Revert\\"' in str(refusal.value.body)
