"""Every call that an action causes goes out in the name of the plan's service account: the audit log says so."""

import json
from collections.abc import Iterator

from activities.authorize import Impersonation, actor_of
from activities.execute_action import ExecuteActivities
from activities.registry import effects
from api.attempts import ExecuteInput, ObserveInput, RollbackInput
from api.objects import Actor
from api.plan import DRPlan
from api.snapshot import Snapshot, SnapshotPlan
from tests.activities.believed_inputs import BelievedInputs
from tests.activities.live_namespace import Attempt, LiveNamespace, Object, config_map
from tests.eventually import eventually
from tests.manifests import dr_plan, stage, writes


async def test_no_call_about_a_target_has_the_workers_own_rights(ns: LiveNamespace) -> None:
    await _everything(ns)
    actor = ns.actor.user
    await eventually(lambda: len(list(_calls(ns))) >= 12, "the audit log has the calls")
    calls = list(_calls(ns))
    assert {call["verb"] for call in calls} == {"get", "create", "patch", "delete"}
    assert {call.get("impersonatedUser", {}).get("username") for call in calls} == {actor}
    groups = {tuple(call["impersonatedUser"]["groups"]) for call in calls}
    namespaced = f"system:serviceaccounts:{ns.namespace}"
    assert groups == {("system:serviceaccounts", namespaced, "system:authenticated")}


async def _everything(ns: LiveNamespace) -> None:
    """Run each activity that touches targets, in each of its ways."""
    metadata = {"name": "app", "namespace": ns.namespace}
    manifest = json.dumps({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata})
    ns.define(*(writes(name, manifest, name) for name in ("Create", "Apply", "Delete")))
    executions, rollbacks = ExecuteActivities(ns.cluster, effects(ns.cluster), BelievedInputs(ns.cluster)), ns.rollbacks
    for index, action in enumerate(("Create", "Apply", "Delete", "Create")):
        given = ExecuteInput(dr_workflow=ns.flow, step=ns.step(action, index % 3), actor=ns.actor)
        await Attempt().run(executions.execute_action, given)
        await Attempt().run(executions.verify_action, given)
    step = ns.deletion(config_map("app", ns.namespace), ns.uid("configmap", "app"))
    await Attempt().run(rollbacks.look_again, ObserveInput(step=step, actor=ns.actor))
    await Attempt().run(rollbacks.rollback_action, RollbackInput(step=step, actor=ns.actor))


def _calls(ns: LiveNamespace) -> Iterator[Object]:
    """Give every call of the worker about ConfigMaps of the namespace, reads included."""
    for line in ns.stack.layout.audit_log.read_text().splitlines():
        if f'"namespace":"{ns.namespace}"' not in line or '"resource":"configmaps"' not in line:
            continue
        event = json.loads(line)
        if event["user"]["username"].endswith(":drplan-worker"):
            yield event


def plan(**spec: str) -> DRPlan:
    return DRPlan.model_validate(dr_plan("shop", stage("only", "shop", "flow"), **spec))


def snapshot(recorded: str | None = None, **spec: str) -> Snapshot:
    of = plan(**spec)
    kept = SnapshotPlan(namespace="shop", name="shop", uid="u", generation=1, spec=of.spec)
    return Snapshot(plan=kept, parameters_of=[], workflows=[], parameters=[], stages=[], service_account_name=recorded)


def test_the_plan_names_the_account() -> None:
    assert Impersonation("fallback").account(plan(serviceAccountName="recovery")) == "recovery"


def test_a_plan_that_names_none_acts_as_the_installations_account() -> None:
    assert Impersonation("fallback").account(plan(), snapshot("former")) == "fallback"


def test_for_a_plan_that_is_gone_what_the_original_stored_says_in_whose_name_it_acted() -> None:
    assert Impersonation("fallback").account(None, snapshot("former")) == "former"
    assert Impersonation("fallback").account(None, snapshot(serviceAccountName="named")) == "named"


def test_for_a_plan_that_is_gone_and_an_old_original_the_installations_account_acts() -> None:
    assert Impersonation("fallback").account(None, snapshot()) == "fallback"


def test_an_installation_may_switch_impersonation_off() -> None:
    account = Impersonation("fallback", enabled=False).account(plan(serviceAccountName="recovery"))
    assert actor_of("shop", account) == Actor(user=None)


def test_an_actor_is_a_service_account_of_the_plans_namespace() -> None:
    assert actor_of("shop", "recovery").user == "system:serviceaccount:shop:recovery"
