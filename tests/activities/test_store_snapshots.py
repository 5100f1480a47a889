"""Snapshots in the cluster: kept once whatever happens, read as they were kept, and not trusted when altered."""

import asyncio

import pytest

from activities.errors import ActionError
from activities.store import RevisionStore, SnapshotStore
from api.failures import FailureType
from api.meta import ObjectKey
from api.nodes import SnapshotRef
from api.snapshot import Snapshot, SnapshotParameters
from planning.snapshot.documents import Definitions, SnapshotDocument, documents
from tests.activities.live_namespace import LiveNamespace, Object
from tests.faulty_server import Cut, FaultyServer
from tests.manifests import execute
from tests.planning.builders import by_name, dr_workflow, localized, manifest, plan, plan_stage

FLOWS = [
    dr_workflow("one", manifest("a"), manifest("b", when='mode == "Install"')),
    dr_workflow("two", localized("c", rollback={"localization": {"spec": {"a": [None, 1.0, 2**60]}}})),
]
PLAN = plan(plan_stage("s", "one", "two", "one"), globalParams=[{"name": "region", "value": "北 <east>"}])
EAST = SnapshotParameters(values={"region": "北 <east>"})
DEFINITIONS = Definitions(PLAN, by_name(*FLOWS), {("s", place): EAST for place in range(3)})


def snapshot_of(ns: LiveNamespace) -> tuple[ObjectKey, list[SnapshotDocument]]:
    ns.create(execute("there", "shop"))
    execution = ObjectKey(namespace=ns.namespace, name="there", uid=ns.uid("drpe", "there"))
    return execution, documents(execution, DEFINITIONS)


def revisions(ns: LiveNamespace) -> list[Object]:
    found: list[Object] = ns.admin.list("controllerrevisions", ns.namespace)
    return found


def replace(ns: LiveNamespace, name: str, data: Object) -> None:
    """Put another object in a record's place, as somebody with the rights may."""
    (record,) = (each for each in revisions(ns) if each["metadata"]["name"] == name)
    metadata = {key: record["metadata"][key] for key in ("name", "namespace", "labels", "ownerReferences")}
    ns.delete("controllerrevision", name)
    ns.create({**record, "metadata": metadata, "data": data})


async def test_what_was_kept_is_read_back(ns: LiveNamespace) -> None:
    execution, kept = snapshot_of(ns)
    await SnapshotStore(RevisionStore(ns.cluster)).store(execution, kept)
    reader, ref = SnapshotStore(RevisionStore(ns.cluster)), kept[-1].ref
    root = await reader.root(execution, ref)
    assert root.plan.spec == PLAN.spec
    assert root.parameters == [EAST]
    assert [(await reader.workflow(execution, each)).spec for each in root.workflows] == [flow.spec for flow in FLOWS]


async def test_keeping_again_and_by_two_at_once_keeps_one_of_each(ns: LiveNamespace) -> None:
    execution, kept = snapshot_of(ns)
    for _ in range(2):
        await SnapshotStore(RevisionStore(ns.cluster)).store(execution, kept)
    assert {each["metadata"]["name"] for each in revisions(ns)} == {each.ref.name for each in kept}


@pytest.mark.parametrize("point", range(3))
@pytest.mark.parametrize("cut", [Cut.BEFORE, Cut.AFTER], ids=["not sent", "answer lost"])
async def test_a_crash_at_any_write_is_made_good_by_the_next_attempt(
    faulty: FaultyServer, faulty_ns: LiveNamespace, point: int, cut: Cut
) -> None:
    execution, kept = snapshot_of(faulty_ns)
    snapshots = SnapshotStore(RevisionStore(faulty_ns.cluster))
    await snapshots.store(execution, kept[:point]) if point else None
    faulty.fault("POST", "/controllerrevisions", cut)
    with pytest.raises(ActionError) as caught:
        await snapshots.store(execution, kept[point:])
    assert caught.value.type is FailureType.TRANSIENT
    await snapshots.store(execution, kept)
    assert len(revisions(faulty_ns)) == len(kept)
    assert (await snapshots.root(execution, kept[-1].ref)).plan.spec == PLAN.spec


async def test_one_that_was_altered_is_not_read(ns: LiveNamespace) -> None:
    execution, kept = snapshot_of(ns)
    await SnapshotStore(RevisionStore(ns.cluster)).store(execution, kept)
    for document in kept:
        replace(ns, document.ref.name, {**document.data, "mode": "Delete"})
    reader, root = SnapshotStore(RevisionStore(ns.cluster)), Snapshot.model_validate(kept[-1].data)
    for reading in (reader.root(execution, kept[-1].ref), reader.workflow(execution, root.workflows[0])):
        with pytest.raises(ActionError, match="is not as it was kept") as caught:
            await reading
        assert caught.value.type is FailureType.UNDEFINED


async def test_one_that_was_put_there_beforehand_is_not_taken_for_ours(ns: LiveNamespace) -> None:
    execution, kept = snapshot_of(ns)
    await SnapshotStore(RevisionStore(ns.cluster)).store(execution, kept)
    replace(ns, kept[0].ref.name, {"spec": {"actions": []}})
    with pytest.raises(ActionError, match=f"{kept[0].ref.name} is not as it was kept"):
        await SnapshotStore(RevisionStore(ns.cluster)).store(execution, kept)


async def test_one_that_is_gone_is_said_to_be_gone(ns: LiveNamespace) -> None:
    execution, _ = snapshot_of(ns)
    ref = SnapshotRef(name="drplan-x", sha256="0" * 64)
    with pytest.raises(ActionError, match="ControllerRevision drplan-x no longer exists") as caught:
        await SnapshotStore(RevisionStore(ns.cluster)).root(execution, ref)
    assert caught.value.type is FailureType.UNDEFINED


async def test_what_a_worker_has_stored_it_does_not_read(faulty: FaultyServer, faulty_ns: LiveNamespace) -> None:
    execution, kept = snapshot_of(faulty_ns)
    snapshots = SnapshotStore(RevisionStore(faulty_ns.cluster))
    await snapshots.store(execution, kept)
    for _ in range(2):
        root = await snapshots.root(execution, kept[-1].ref)
        found = [(await snapshots.workflow(execution, each)).spec for each in root.workflows]
    assert found == [flow.spec for flow in FLOWS]
    assert faulty.count("GET", "/controllerrevisions/[^/]+") == 0


async def test_what_was_read_once_is_not_read_again(faulty: FaultyServer, faulty_ns: LiveNamespace) -> None:
    execution, kept = snapshot_of(faulty_ns)
    await SnapshotStore(RevisionStore(faulty_ns.cluster)).store(execution, kept)
    snapshots = SnapshotStore(RevisionStore(faulty_ns.cluster))
    for _ in range(3):
        root = await snapshots.root(execution, kept[-1].ref)
        for each in root.workflows:
            await snapshots.workflow(execution, each)
    assert faulty.count("GET", "/controllerrevisions/[^/]+") == len(kept)


async def test_memory_is_bounded(faulty: FaultyServer, faulty_ns: LiveNamespace) -> None:
    execution, kept = snapshot_of(faulty_ns)
    snapshots = SnapshotStore(RevisionStore(faulty_ns.cluster), cache_size=1)
    await SnapshotStore(RevisionStore(faulty_ns.cluster)).store(execution, kept)
    root = await snapshots.root(execution, kept[-1].ref)
    for each in (*root.workflows, *root.workflows):
        await snapshots.workflow(execution, each)
    assert faulty.count("GET", "/controllerrevisions/[^/]+") == 1 + 2 * len(root.workflows)


async def test_a_document_that_many_ask_for_at_once_is_read_once(
    faulty: FaultyServer, faulty_ns: LiveNamespace
) -> None:
    execution, kept = snapshot_of(faulty_ns)
    await SnapshotStore(RevisionStore(faulty_ns.cluster)).store(execution, kept)
    snapshots = SnapshotStore(RevisionStore(faulty_ns.cluster))
    await asyncio.gather(*(snapshots.root(execution, kept[-1].ref) for _ in range(50)))
    assert faulty.count("GET", "/controllerrevisions/[^/]+") == 1
