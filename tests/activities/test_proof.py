"""The proof of a Revert on the real API server: from the ledger, whatever the status says."""

from collections.abc import Callable

import pytest
from temporalio.exceptions import ApplicationError

from activities import proof as proof_activities
from activities.authorize import Impersonation
from activities.observe import MANY
from activities.proof import ProofActivities
from activities.store import SnapshotStore
from api.meta import ObjectKey
from api.phases import OperationType
from api.proof import ActionProof, Difference, ProofResult
from api.runs import ProofInput, RunInput
from kube.client import Cluster
from tests.activities.believed_inputs import BelievedInputs
from tests.activities.live_namespace import Attempt, LiveNamespace
from tests.activities.test_ledger import Shop
from tests.faulty_server import Answer, FaultyServer
from tests.manifests import revert

AWAY = Answer(503, '{"kind":"Status","reason":"ServiceUnavailable","message":"the server is away"}')
FORBIDDEN = Answer(403, '{"kind":"Status","reason":"Forbidden","message":"configmaps is forbidden"}')


async def executed(ns: LiveNamespace, *names: str) -> dict[str, str]:
    """Have an Execute create ConfigMaps, with a Revert of it; return their uids."""
    shop = Shop(ns, *names)
    uids = {name: shop.made(name) for name in names}
    decision = await shop.load()
    ref = await shop.store(decision, *(shop.record(name, uid) for name, uid in uids.items()))
    shop.ended(decision, ref, *(shop.record(name, "forged") for name in names))
    ns.create(revert("back", "shop", "there"))
    return uids


async def proved(ns: LiveNamespace) -> dict[str, ActionProof]:
    key = ObjectKey(namespace=ns.namespace, name="back", uid=ns.uid("drpe", "back"))
    given = ProofInput(run=RunInput(execution=key, plan="shop", operation=OperationType.REVERT))
    cluster: Cluster = ns.cluster
    work = ProofActivities(cluster, Impersonation(), BelievedInputs(cluster), SnapshotStore.of(cluster))
    report = await Attempt().run(work.prove_revert, given)
    return {each.action: each.proof for each in report.actions}


async def test_each_object_is_proved_by_its_uid_and_nothing_is_changed(ns: LiveNamespace) -> None:
    await executed(ns, "a", "b", "c")
    ns.kubectl("delete", "configmap", "a", "b")
    other = ns.config_map("b")
    found = await proved(ns)
    assert found["make-a"] == ActionProof()
    assert (found["make-b"].difference, found["make-c"].difference) == (
        Difference.OTHER_OBJECT,
        Difference.STILL_EXISTS,
    )
    assert other in str(found["make-b"].message)
    assert ns.get("configmap", "c") is not None


@pytest.mark.parametrize(
    ("answer", "times", "result", "words"),
    [
        (AWAY, 2, ProofResult.DIFFERS, "still exists"),
        (AWAY, 99, ProofResult.UNREADABLE, "could not be read"),
        (FORBIDDEN, 99, ProofResult.UNREADABLE, "configmaps is forbidden"),
    ],
    ids=["away for a moment", "away", "forbidden"],
)
async def test_what_cannot_be_read_is_not_known(
    faulty_ns: LiveNamespace,
    faulty: FaultyServer,
    monkeypatch: pytest.MonkeyPatch,
    answer: Answer,
    times: int,
    result: ProofResult,
    words: str,
) -> None:
    monkeypatch.setattr(proof_activities, "PAUSE", 0.01)
    await executed(faulty_ns, "a")
    faulty.fault("GET", "/configmaps/a", answer, times=times)
    found = (await proved(faulty_ns))["make-a"]
    assert found.result is result
    assert words in str(found.message)


@pytest.mark.parametrize("how", ["gone", "without its record"])
async def test_without_the_execution_or_its_ledger_nothing_is_claimed(ns: LiveNamespace, how: str) -> None:
    await executed(ns, "a")
    removes: dict[str, Callable[[], object]] = {
        "gone": lambda: ns.delete("drpe", "there"),
        "without its record": lambda: ns.admin.delete_all("controllerrevisions", ns.namespace),
    }
    removes[how]()
    with pytest.raises(ApplicationError, match=r"does not exist any more|is gone"):
        await proved(ns)


async def test_many_objects_of_a_kind_are_looked_for_by_a_list(faulty_ns: LiveNamespace, faulty: FaultyServer) -> None:
    names = [f"app-{number}" for number in range(MANY + 2)]
    uids = await executed(faulty_ns, *names)
    faulty_ns.kubectl("delete", "configmap", *names[1:])
    for name in names:
        faulty.fault("GET", f"/configmaps/{name}", FORBIDDEN, times=99)
    found = await proved(faulty_ns)
    assert found.pop("make-app-0").difference is Difference.STILL_EXISTS
    assert set(found) == {f"make-{name}" for name in names[1:]}
    assert all(each == ActionProof() for each in found.values())
    assert len(uids) == len(names)
