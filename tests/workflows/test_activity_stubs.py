"""What the workflows call is what the worker registers: names, models in, models out."""

from collections.abc import Callable
from typing import Any, cast, get_type_hints

from temporalio import activity

from activities.authorize import Impersonation
from activities.registry import activities
from kube.client import Cluster
from tests.activities.believed_inputs import BelievedInputs
from tests.workflows.fake_activities import FakeActivities
from workflows.activity_stubs import SIGNATURES, Signature
from workflows.contract import WorkflowType
from workflows.registry import WORKFLOWS


def signatures(registered: list[Callable[..., Any]]) -> dict[str, Signature]:
    """Every activity's name as Temporal knows it, with its only parameter and its answer."""
    found: dict[str, Signature] = {}
    for function in registered:
        hints = get_type_hints(function)
        answer = hints.pop("return")
        (given,) = hints.values()
        name = activity._Definition.must_from_callable(function).name
        assert name is not None
        found[name] = Signature(given, answer)
    return found


def test_every_activity_that_is_called_is_registered_with_its_models() -> None:
    nowhere = Cluster(cast(Any, None))
    assert signatures(activities(nowhere, Impersonation("default", True), BelievedInputs(nowhere))) == SIGNATURES


def test_the_fakes_of_these_tests_have_the_same_names_and_models() -> None:
    assert signatures(FakeActivities().all()) == SIGNATURES


def test_every_workflow_type_of_the_contract_is_registered_with_the_query() -> None:
    registered = {getattr(one, "__temporal_workflow_definition").name: one for one in WORKFLOWS}
    assert set(registered) == set(WorkflowType)
    for kind in (WorkflowType.REHEARSE_PLAN, WorkflowType.REVERT_PROOF):
        del registered[kind]  # they have no tree
    for one in registered.values():
        assert set(getattr(one, "__temporal_workflow_definition").queries) == {"state"}
