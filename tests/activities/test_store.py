"""What is kept beside an execution: as it was sent, once, out of reach of actions, and gone with its execution."""

import json

import pytest

from activities.errors import ActionError
from activities.store import BOUND, RevisionStore
from api.failures import FailureType
from api.meta import API_VERSION, EXECUTION_UID_LABEL, ObjectKey
from kube.client import Cluster
from tests.activities.live_namespace import LiveNamespace, Object
from tests.eventually import eventually
from tests.faulty_server import Cut, FaultyServer
from tests.manifests import execute

STRANGE: Object = {
    "null": None,
    "in a list": [None, 1, 1.0, -0.0, 1e30, 2**70, True, ""],
    "markup": "<a href='x'>&\u2028",
    "signs": '计划 😀 \u0000\t\n\\ "',
    "": {"a.b/c": {}, "empty": []},
    "metadata": {"name": "not this one's"},
    "apiVersion": 1,
}
"""What a JSON value may hold and a store might change: numbers, nulls, signs that get escaped, names of fields."""


def canonical(value: object) -> str:
    return json.dumps(value, sort_keys=True)


def execution_of(ns: LiveNamespace) -> ObjectKey:
    ns.create(execute("there", "shop"))
    return ObjectKey(namespace=ns.namespace, name="there", uid=ns.uid("drpe", "there"))


def kept(ns: LiveNamespace) -> list[Object]:
    found: list[Object] = ns.admin.list("controllerrevisions", ns.namespace)
    return found


async def test_what_is_read_back_is_what_was_kept(ns: LiveNamespace) -> None:
    revisions, execution = RevisionStore(ns.cluster), execution_of(ns)
    made = await revisions.create(execution, "drplan-strange", STRANGE, {"what": "state"}, {"mark": "a/b/c"})
    found = await revisions.read(execution, "drplan-strange")
    assert found == made
    assert found is not None
    assert canonical(found.data) == canonical(STRANGE)
    assert (found.labels["what"], found.annotations["mark"]) == ("state", "a/b/c")
    selector = f"{EXECUTION_UID_LABEL}={execution.uid}"
    labelled = json.loads(ns.kubectl("get", "controllerrevisions", "-l", selector, "-o", "json"))["items"]
    assert [each["metadata"]["uid"] for each in labelled] == [made.uid]


async def test_a_record_belongs_to_its_execution_and_goes_with_it(ns: LiveNamespace) -> None:
    execution = execution_of(ns)
    await RevisionStore(ns.cluster).create(execution, "drplan-kept", {"a": 1})
    metadata = kept(ns)[0]["metadata"]
    assert metadata["labels"] == {EXECUTION_UID_LABEL: execution.uid}
    assert [(owner["name"], owner["uid"]) for owner in metadata["ownerReferences"]] == [("there", execution.uid)]
    ns.delete("drpe", "there")
    await eventually(lambda: kept(ns) == [], "the record is gone")


async def test_keeping_twice_keeps_one_and_the_first(ns: LiveNamespace) -> None:
    revisions, execution = RevisionStore(ns.cluster), execution_of(ns)
    first = await revisions.create(execution, "drplan-kept", {"a": 1})
    assert await revisions.create(execution, "drplan-kept", {"a": 2}) == first
    assert len(kept(ns)) == 1


async def test_an_answer_that_is_lost_is_found_by_the_next_attempt(
    faulty: FaultyServer, faulty_ns: LiveNamespace
) -> None:
    revisions, execution = RevisionStore(faulty_ns.cluster), execution_of(faulty_ns)
    faulty.fault("POST", "/controllerrevisions", Cut.AFTER)
    with pytest.raises(ActionError, match="Failed to keep ControllerRevision drplan-kept") as caught:
        await revisions.create(execution, "drplan-kept", {"a": 1})
    assert caught.value.type is FailureType.TRANSIENT
    assert (await revisions.create(execution, "drplan-kept", {"a": 1})).data == {"a": 1}
    assert len(kept(faulty_ns)) == 1


async def test_a_record_is_replaced_by_a_later_one_and_stays(ns: LiveNamespace) -> None:
    revisions, execution = RevisionStore(ns.cluster), execution_of(ns)
    first = await revisions.create(execution, "drplan-kept", {"a": 1})
    second = await revisions.create(execution, "drplan-kept", {"a": 2}, instead_of=first)
    assert await revisions.create(execution, "drplan-kept", {"a": 3}, instead_of=first) == second
    third = await revisions.create(execution, "drplan-kept", {"a": 3}, instead_of=second)
    assert await revisions.latest(execution, "drplan-kept") == third
    assert [each["data"] for each in kept(ns)] == [{"a": 1}, {"a": 2}, {"a": 3}]


async def test_where_none_was_stored_none_is_the_latest(ns: LiveNamespace) -> None:
    assert await RevisionStore(ns.cluster).latest(execution_of(ns), "drplan-kept") is None


def forged(ns: LiveNamespace, execution: ObjectKey, name: str = "drplan-kept", lacking: str = "") -> Object:
    """Give a ControllerRevision with the label and the owner of an execution, but without what is `lacking`."""
    owner = {"apiVersion": API_VERSION, "kind": "DRPlanExecution", "name": execution.name, "uid": execution.uid}
    ours = {"labels": {EXECUTION_UID_LABEL: execution.uid}, "ownerReferences": [owner]}
    metadata = {key: value for key, value in ours.items() if key != lacking}
    return {
        "apiVersion": "apps/v1",
        "kind": "ControllerRevision",
        "metadata": {"name": name, "namespace": ns.namespace, **metadata},
        "revision": 1,
        "data": {"a": 1},
    }


@pytest.mark.parametrize("lacking", ["labels", "ownerReferences"])
async def test_one_without_our_label_or_owner_is_not_believed(ns: LiveNamespace, lacking: str) -> None:
    revisions, execution = RevisionStore(ns.cluster), execution_of(ns)
    ns.create(forged(ns, execution, lacking=lacking))
    message = "ControllerRevision drplan-kept is not a record of DRPlanExecution there"
    for reading in (
        revisions.read(execution, "drplan-kept"),
        revisions.latest(execution, "drplan-kept"),
        revisions.create(execution, "drplan-kept", {"a": 1}),
    ):
        with pytest.raises(ActionError, match=message) as caught:
            await reading
        assert caught.value.type is FailureType.UNDEFINED


async def test_the_record_of_another_execution_is_not_believed(ns: LiveNamespace) -> None:
    revisions, execution = RevisionStore(ns.cluster), execution_of(ns)
    ns.create(execute("other", "shop"))
    other = ObjectKey(namespace=ns.namespace, name="other", uid=ns.uid("drpe", "other"))
    await revisions.create(other, "drplan-kept", {"a": 1})
    with pytest.raises(ActionError, match="is not a record of DRPlanExecution there"):
        await revisions.read(execution, "drplan-kept")


async def test_one_without_our_prefix_is_not_believed(ns: LiveNamespace) -> None:
    """Whoever may write a status may name any ControllerRevision in it."""
    revisions, execution = RevisionStore(ns.cluster), execution_of(ns)
    ns.create(forged(ns, execution, "web-5d4f"))
    with pytest.raises(ActionError, match="ControllerRevision web-5d4f is not a record"):
        await revisions.read(execution, "web-5d4f")


async def test_what_is_kept_cannot_be_changed(ns: LiveNamespace) -> None:
    await RevisionStore(ns.cluster).create(execution_of(ns), "drplan-kept", {"a": 1})
    with pytest.raises(Exception, match="field is immutable"):
        ns.kubectl("patch", "controllerrevision", "drplan-kept", "--type=merge", "-p", '{"data":{"a":2}}')


async def test_the_largest_that_is_allowed_is_stored(ns: LiveNamespace) -> None:
    data = {"text": ""}
    data["text"] = "x" * (BOUND - len(json.dumps(data)))
    record = await RevisionStore(ns.cluster).create(execution_of(ns), "drplan-large", data)
    assert record.data == data


@pytest.mark.parametrize("sign", ["x", "计"], ids=["plain", "escaped when sent"])
async def test_what_no_object_can_hold_is_refused_and_not_tried_again(ns: LiveNamespace, sign: str) -> None:
    data = {"text": sign * (BOUND // len(json.dumps(sign).strip('"')) + 1)}
    with pytest.raises(
        ActionError, match=r"Failed to keep ControllerRevision drplan-large: it takes \d+ bytes"
    ) as caught:
        await RevisionStore(ns.cluster).create(execution_of(ns), "drplan-large", data)
    assert caught.value.type is FailureType.TOO_LARGE
    assert kept(ns) == []


async def test_who_may_not_keep_says_so(ns: LiveNamespace) -> None:
    bridge = await Cluster.connect(str(ns.stack.layout.kubeconfig_of("bridge")))
    with pytest.raises(ActionError, match="cannot create resource") as caught:
        await RevisionStore(bridge).create(execution_of(ns), "drplan-kept", {"a": 1})
    assert caught.value.type is FailureType.FORBIDDEN
    await bridge.close()
