"""Parameters of a retry are read from the execution, checked, stored, and filled in for the action and its rollback."""

import json
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError

from activities.execute_action import ExecuteActivities
from activities.registry import effects
from activities.retry_parameters import ParametersActivities
from api.attempts import ActionOutcome, ActionRecord, ExecuteInput, ParametersInput, RollbackInput
from api.meta import ObjectKey
from api.nodes import RetriedWith
from api.requests import PersonRequest, RequestType
from api.steps import Attempts, CustomRollback, ExecuteStep, Origin, ParametersRef, Part, RollbackStep
from tests.activities.believed_inputs import BelievedInputs
from tests.activities.live_namespace import Attempt, LiveNamespace, Object
from tests.activities.snapshot_of_a_plan import keep, keep_for
from tests.activities.test_definitions_of_the_snapshot import in_namespace, makes, text_of
from tests.manifests import execute

GROUP = "dr.bkbcs.tencent.com"
TEXT: Object = {"name": "text", "value": "old"}


def request_of(ns: LiveNamespace, request_id: str, values: dict[str, str], by: str = "alice") -> PersonRequest:
    """Write a request into the execution; return what the bridge passes on of it."""
    written = {"request-id": request_id, "request-by": by, "request-params": json.dumps(values)}
    annotations = {f"{GROUP}/{name}": value for name, value in written.items()}
    patch = json.dumps({"metadata": {"annotations": annotations}})
    ns.kubectl("patch", "drpe", "there", "--type=merge", "-p", patch)
    return PersonRequest(id=request_id, type=RequestType.RETRY, by=by, action=0, parameters=sorted(values))


def execute_input(
    ns: LiveNamespace, origin: Origin, action: str, *parameters: ParametersRef, mark: str = ""
) -> ExecuteInput:
    mark = mark or f"{origin.execution.uid}/only/flow/{action}"
    step = ExecuteStep(index=0, action=action, mark=mark, title=action)
    return ExecuteInput(dr_workflow=ns.flow, step=step, actor=ns.actor, origin=origin, parameters=list(parameters))


async def store(ns: LiveNamespace, given: ExecuteInput, request: PersonRequest) -> RetriedWith:
    activities = ParametersActivities(ns.cluster, BelievedInputs(ns.cluster))
    asked = ParametersInput(request=request, execute=given, record=ActionRecord())
    return await Attempt().run(activities.store_parameters, asked)


async def refusal(ns: LiveNamespace, given: ExecuteInput, request: PersonRequest) -> str:
    with pytest.raises(ApplicationError) as caught:
        await store(ns, given, request)
    return caught.value.message


async def executed(ns: LiveNamespace, given: ExecuteInput) -> ActionOutcome:
    executions = ExecuteActivities(ns.cluster, effects(ns.cluster), BelievedInputs(ns.cluster))
    return await Attempt().run(executions.execute_action, given)


def ref_to(execution: ObjectKey, stored: RetriedWith) -> ParametersRef:
    return ParametersRef(execution=execution, record=stored.record, names=stored.parameters)


async def test_the_values_are_those_of_the_execution_and_hold_for_the_action_and_its_rollback(
    ns: LiveNamespace,
) -> None:
    ns.config_map("app")
    back = in_namespace(ns, makes("back", "was $(params.text)"))
    back = {"type": "KubernetesResource", "resource": {**back["resource"], "operation": "Create"}}
    parameters: list[Any] = [TEXT, {"name": "more", "value": "x"}]
    act = in_namespace(ns, makes("app", "$(params.text)$(params.more)", rollback=back))
    act["resource"]["operation"] = "Apply"
    origin = await keep(ns, act, globalParams=parameters)
    given = execute_input(ns, origin, "make-app")
    first = await store(ns, given, request_of(ns, "1", {"text": "new"}))
    assert (first.parameters, first.by) == (["text"], "alice")
    again = execute_input(ns, origin, "make-app", ref_to(origin.execution, first))
    await executed(ns, again)
    assert text_of(ns, "app") == "newx"

    request = request_of(ns, "2", {"more": "y"}, by="bob")
    second = await store(ns, again, request)
    assert await store(ns, again, request) == second
    assert (second.parameters, second.by) == (["more", "text"], "bob")
    ref = ref_to(origin.execution, second)
    await executed(ns, execute_input(ns, origin, "make-app", ref))
    assert text_of(ns, "app") == "newy"
    ns.create(execute("back", "shop"))
    revert = await keep_for(ns, "back")
    step = ExecuteStep(index=0, action="make-app", mark="uid/of/revert", title="back", part=Part.ROLLBACK)
    rollback = RollbackStep(custom=CustomRollback(step=step, parameters=ref), attempts=Attempts())
    undo = RollbackInput(step=rollback, actor=ns.actor, dr_workflow=ns.flow, origin=revert)
    await Attempt().run(ns.rollbacks.rollback_action, undo)
    assert text_of(ns, "back") == "was new"

    with pytest.raises(ApplicationError, match="the parameters were not set for action make-app"):
        await executed(ns, execute_input(ns, origin, "make-app", ref, mark="uid/of/another"))


async def test_what_was_written_no_longer_or_by_another_or_is_not_allowed_is_refused(ns: LiveNamespace) -> None:
    origin = await keep(ns, in_namespace(ns, makes("app", "$(params.text)")), globalParams=[TEXT])
    given = execute_input(ns, origin, "make-app")
    request = request_of(ns, "1", {"text": "new"})
    for other in ({"id": "2"}, {"by": "bob"}, {"parameters": ["text", "more"]}):
        assert "no longer those that were read" in await refusal(ns, given, request.model_copy(update=other))
    wrong = request_of(ns, "3", {"nothing": "x"})
    assert await refusal(ns, given, wrong) == "parameter nothing: the action does not use it; it uses text"


async def test_a_retry_leaves_no_object_behind_that_no_record_names(ns: LiveNamespace) -> None:
    named = in_namespace(ns, makes("app-$(params.text)", "$(params.text)"))
    origin = await keep(ns, named, globalParams=[TEXT])
    given = execute_input(ns, origin, "make-app-$(params.text)")
    request = request_of(ns, "1", {"text": "new"})
    await executed(ns, given)
    message = await refusal(ns, given, request)
    assert message.endswith("app-old was created by an earlier attempt, with other values: delete it, then retry")
    ns.delete("configmap", "app-old")
    stored = await store(ns, given, request)
    await executed(ns, execute_input(ns, origin, "make-app-$(params.text)", ref_to(origin.execution, stored)))
    assert text_of(ns, "app-new") == "new"

    ns.kubectl("delete", "drworkflow/flow", "drplan/shop", "drpe/there")
    patches = {**named, "resource": {**named["resource"], "operation": "Patch"}}
    origin = await keep(ns, patches, globalParams=[TEXT])
    message = await refusal(ns, execute_input(ns, origin, named["name"]), request_of(ns, "1", {"text": "new"}))
    assert "app-new in place of" in message
