"""When a watcher has seen what there is to see."""

from typing import cast

from tests.admin import Admin
from tests.chaos.watching import Watcher
from tests.kubectl import Object


def config_map(uid: str, namespace: str = "test-1") -> Object:
    """Return a ConfigMap of the campaign."""
    return {"metadata": {"name": f"map-{uid}", "namespace": namespace, "uid": uid}}


class ApiServer:
    """What an API server lists."""

    def __init__(self, *there: Object) -> None:
        self.there = there

    def list(self, kind: str, namespace: str, **_: str) -> list[Object]:
        """Return the objects of a kind in a namespace."""
        return [each for each in self.there if kind == "configmaps" and each["metadata"]["namespace"] == namespace]


def watcher(*there: Object) -> Watcher:
    """Return a watcher that has seen nothing yet."""
    return Watcher(cast(Admin, ApiServer(*there)))


def test_a_creation_that_was_not_seen_yet_is_waited_for() -> None:
    behind = watcher(config_map("a"))
    assert not behind.caught_up("test-1")
    behind._note("configmaps", "ADDED", config_map("a"))
    assert behind.caught_up("test-1")


def test_a_deletion_that_was_not_seen_yet_is_waited_for() -> None:
    behind = watcher()
    behind._note("configmaps", "ADDED", config_map("a"))
    assert not behind.caught_up("test-1")
    behind._note("configmaps", "DELETED", config_map("a"))
    assert behind.caught_up("test-1")


def test_another_namespace_does_not_matter() -> None:
    behind = watcher(config_map("b", "test-2"))
    behind._note("configmaps", "ADDED", config_map("c", "test-3"))
    assert behind.caught_up("test-1")
