"""Whether a namespace is open is asked once for runs that begin together, and again whenever it may have changed."""

from typing import cast

import pytest

from activities.access import OpenNamespaces
from activities.errors import ActionError
from api.failures import FailureType
from kube.client import Cluster
from tests.activities.live_namespace import Object


class Authorizer:
    """An API server that answers whether the worker may act as an account, and has every account."""

    def __init__(self, *answers: bool) -> None:
        self.answers = list(answers)

    async def create(self, *_: object) -> Object:
        return {"status": {"allowed": self.answers.pop(0)}}

    async def metadata(self, *_: object) -> Object:
        return {}


async def test_an_open_namespace_is_asked_about_once_for_each_account() -> None:
    server = Authorizer(True, True, True)
    namespaces = OpenNamespaces(cast(Cluster, server))
    for _ in range(3):
        await namespaces.require("team-a", "default")
        await namespaces.require("team-a", "deployer")
        await namespaces.require("team-b", "default")
    assert server.answers == []


async def test_a_namespace_that_was_closed_is_refused_once_the_answer_is_old(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("activities.access._OPEN_SECONDS", 0.0)
    namespaces = OpenNamespaces(cast(Cluster, Authorizer(True, False)))
    await namespaces.require("team-a", "default")
    with pytest.raises(ActionError) as caught:
        await namespaces.require("team-a", "default")
    assert caught.value.type is FailureType.FORBIDDEN


async def test_a_namespace_that_was_opened_is_open_at_once() -> None:
    namespaces = OpenNamespaces(cast(Cluster, Authorizer(False, True)))
    with pytest.raises(ActionError):
        await namespaces.require("team-a", "default")
    await namespaces.require("team-a", "default")
