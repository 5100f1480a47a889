"""Which clusters an order is carried out in, and the order of each: read from the hub, as the actor.

Source: docs/spec/drworkflow.md, "clusterExecutionMode".
"""

from collections.abc import Callable, Mapping
from dataclasses import replace

from activities.effects import outcomes
from activities.effects.clusters import Fleet, Left, Member
from activities.effects.effect import Order
from api.actions import HookCleanup
from api.meta import ObjectReference
from api.phases import Operation
from api.steps import Deletion, FailureType, Target
from kube.client import Cluster
from kube.errors import ApiError
from planning.effects.per_cluster import (
    MANAGED_CLUSTERS,
    ManagedCluster,
    SelectorError,
    child_body,
    child_mark,
    child_names,
    made_for,
    managed_cluster,
    marked_for,
    targets,
)
from planning.effects.request_bodies import mark_of
from planning.messages import readiness as readiness_messages

_ONCE = {"cluster_execution_mode": ""}
"""What each cluster's action is: one like any other."""


class Roster:
    """The clusters of one order. Methods raise ActionError."""

    def __init__(self, cluster: Cluster, order: Order) -> None:
        self._cluster = cluster
        self._order = order

    async def of_targets(self) -> Fleet:
        """Give the clusters that the definition chooses now, and those that an earlier attempt began with."""
        order = self._order
        made = await self._present(lambda _, mark: marked_for(order.mark, mark))
        chosen = await self._chosen()
        names = child_names(order.subject.name, chosen, {binding: each.name or "" for binding, each in made.items()})
        # What waits for the time being must not keep others from ever beginning: those not begun come first.
        chosen = sorted(chosen, key=lambda each: each.binding in made)
        members = [Member(each, self._made_in(each, names[each.binding]), made.get(each.binding)) for each in chosen]
        fleet = Fleet(order, Operation.CREATE, members, self._left({*made} - {each.binding for each in chosen}, made))
        if not chosen:
            raise outcomes.failed(
                order, FailureType.NOT_FOUND, readiness_messages.no_cluster(order.subject), fleet.record()
            )
        return fleet

    async def made(self) -> list[Deletion]:
        """Give what is there because of this very action, whichever clusters are chosen now."""
        made = await self._present(lambda _, mark: marked_for(self._order.mark, mark))
        parent = self._order.subject
        named = [parent.model_copy(update={"name": each.name}) for each in made.values()]
        return [Deletion(target=target, uid=str(each.uid)) for target, each in zip(named, made.values(), strict=True)]

    async def of_present(self) -> Fleet:
        """Give the clusters for which any execution made a Subscription that is still there."""
        order = self._order
        made = await self._present(lambda name, mark: made_for(order.subject.name, name, mark))
        members = [Member(_named(binding), self._child(binding, each), each) for binding, each in sorted(made.items())]
        return Fleet(order, Operation.DELETE, members, [])

    async def _chosen(self) -> list[ManagedCluster]:
        kind = Target(api_version=MANAGED_CLUSTERS, kind="ManagedCluster", name="")
        spec = self._order.content.get("spec") or {}
        try:
            pages = self._cluster.pages(kind, "", self._order.actor, everywhere=True)
            return targets(spec, [managed_cluster(each) async for page in pages for each in page.items])
        except SelectorError as error:
            raise outcomes.failed(
                self._order, FailureType.INVALID, readiness_messages.bad_selector(str(error))
            ) from error
        except ApiError as error:
            raise outcomes.failed_by(self._order, error) from error

    async def _present(self, whose: Callable[[str, str | None], str | None]) -> dict[str, ObjectReference]:
        """Give the Subscriptions that are there by cluster; `whose` tells it from name and mark, or None."""
        parent, found = self._order.subject, {}
        try:
            async for page in self._cluster.pages(parent, "", self._order.actor, metadata_only=True):
                for metadata in (each["metadata"] for each in page.items):
                    if binding := whose(metadata["name"], mark_of(metadata)):
                        found[binding] = _reference(parent, metadata["name"], metadata["uid"])
        except ApiError as error:
            raise outcomes.failed_by(self._order, error) from error
        return found

    def _made_in(self, cluster: ManagedCluster, name: str) -> Order:
        """Give the order to make a cluster's Subscription; what follows success or failure is up to the whole."""
        order = self._order
        before = HookCleanup(before_create=order.action.hook_cleanup and order.action.hook_cleanup.before_create)
        return replace(
            order,
            action=order.action.model_copy(update={"hook_cleanup": before, **_ONCE}),
            operation=Operation.CREATE,
            target=order.subject.model_copy(update={"name": name}),
            body=child_body(order.content, name, cluster),
            mark=child_mark(order.mark, cluster.binding),
        )

    def _child(self, binding: str, made: ObjectReference) -> Order:
        """Give the order to delete a cluster's Subscription."""
        target = self._order.subject.model_copy(update={"name": made.name})
        action = self._order.action.model_copy(update=_ONCE)
        return replace(self._order, action=action, target=target, mark=child_mark(self._order.mark, binding))

    def _left(self, bindings: set[str], made: Mapping[str, ObjectReference]) -> list[Left]:
        """Give the clusters that are no targets any more."""
        parent = self._order.subject
        return [
            Left(
                _named(binding),
                made[binding],
                readiness_messages.child_left(parent.model_copy(update={"name": made[binding].name})),
            )
            for binding in sorted(bindings)
        ]


def _named(binding: str) -> ManagedCluster:
    """Give a cluster of which only the name is known."""
    namespace, _, name = binding.partition("/")
    return ManagedCluster(name, namespace, "", {})


def _reference(parent: Target, name: str, uid: str) -> ObjectReference:
    return ObjectReference(
        api_version=parent.api_version, kind=parent.kind, namespace=parent.namespace, name=name, uid=uid
    )
