"""One Subscription for each managed cluster instead of one for all of them, if the definition asks for that.

The Subscription for one cluster is created by the effect of any Subscription, under a mark that ends in the cluster's
name: so a later attempt finds what earlier ones created, whatever the clusters are by then.
Source: docs/spec/drworkflow.md, "clusterExecutionMode".
"""

from collections.abc import Awaitable, Callable
from dataclasses import replace

from activities.attempt import RunningAttempt
from activities.effects import outcomes
from activities.effects.action import Effect, ResolvedAction
from activities.effects.clusters import CLUSTERS_AT_ONCE, ClusterRun, ClusterRuns, FormerTarget
from activities.effects.wait_ready import WaitReadyEffect
from activities.errors import ActionError
from api.actions import HookCleanup
from api.attempts import ActionOutcome
from api.failures import FailureType
from api.meta import ObjectReference
from api.objects import Target
from api.phases import Operation, Phase
from api.steps import Deletion
from kube.client import Cluster
from kube.concurrency import parallel
from kube.errors import ApiError, NotFoundError
from planning.definitions.target import mark_of
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
from planning.messages import actions as action_messages
from planning.messages import effects as effect_messages

_NOT_PER_CLUSTER = {"cluster_execution_mode": ""}
"""The action for one cluster is like any other."""


Do = Callable[[ResolvedAction, RunningAttempt], Awaitable[ActionOutcome]]
"""What an effect does, or would do."""


class PerClusterEffect:
    """The effect of one Subscription, in each managed cluster that an action is about."""

    def __init__(self, effect: Effect, cluster: Cluster) -> None:
        self._effect = effect
        self._cluster = cluster
        self._existing = WaitReadyEffect(ExistingObjectEffect(cluster), cluster)

    async def execute(self, action: ResolvedAction, attempt: RunningAttempt) -> ActionOutcome:
        """Carry the action out in every cluster, even if it fails in others."""
        runs = await self._runs(action)
        await runs.run(self._execute_one, attempt)
        if runs.failures:
            raise runs.failure()
        return runs.outcome(runs.done())

    async def preview(self, action: ResolvedAction, attempt: RunningAttempt) -> ActionOutcome:
        """Ask for every cluster."""
        runs = await self._runs(action)
        await parallel(runs.members, lambda member: member.run(self._preview_one), CLUSTERS_AT_ONCE)
        if runs.failures:
            raise runs.failure()
        return runs.outcome(runs.done())

    async def verify(self, action: ResolvedAction) -> ActionOutcome:
        """Check whether it was carried out in every cluster."""
        runs = await self._runs(action)
        await parallel(runs.members, lambda member: member.run(self._verify_one))
        if repeatable := next((error for error in runs.problems if error.type.repeatable), None):
            raise repeatable
        return runs.verified()

    async def _runs(self, action: ResolvedAction) -> ClusterRuns:
        clusters = ClusterTargets(self._cluster, action)
        return await (clusters.existing() if action.operation is Operation.DELETE else clusters.selected())

    async def _execute_one(self, member: ClusterRun) -> ActionOutcome:
        """Do it for one cluster. A Subscription that exists already is left as it is, and waited for as well."""
        return await self._do(member, self._effect.execute, self._existing.execute)

    async def _preview_one(self, member: ClusterRun) -> ActionOutcome:
        return await self._do(member, self._effect.preview, self._existing.preview)

    async def _do(self, member: ClusterRun, do: Do, existing: Do) -> ActionOutcome:
        if not member.cluster.id and member.action.operation is not Operation.DELETE:
            raise ActionError(FailureType.INVALID, effect_messages.NO_CLUSTER_ID)
        try:
            return await do(member.action, member.attempt)
        except ActionError as error:
            if error.type is not FailureType.ALREADY_EXISTS or _deletes_before(member.action):
                raise
            return await existing(member.action, member.attempt)

    async def _verify_one(self, member: ClusterRun) -> ActionOutcome:
        outcome = await self._effect.verify(member.action)
        ours = outcome.phase is Phase.SUCCEEDED or outcome.created or member.action.operation is Operation.DELETE
        return outcome if ours or _deletes_before(member.action) else await self._existing.verify(member.action)


def _deletes_before(action: ResolvedAction) -> bool:
    """Return whether an existing object is deleted first, so that it is never left as it is."""
    return bool(action.definition.hook_cleanup and action.definition.hook_cleanup.before_create)


class ExistingObjectEffect:
    """Takes an existing object as it is, whoever created it, and records that nothing was created."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    async def execute(self, action: ResolvedAction, _: RunningAttempt) -> ActionOutcome:
        """Find the object."""
        outcome = await self._find(action)
        if outcome is None:
            reason = action_messages.changed_meanwhile(action.target)
            raise outcomes.failed(action, FailureType.TRANSIENT, reason)
        return outcome

    async def preview(self, action: ResolvedAction, attempt: RunningAttempt) -> ActionOutcome:
        """Find the object."""
        return await self.execute(action, attempt)

    async def verify(self, action: ResolvedAction) -> ActionOutcome:
        """Check whether there is one."""
        missing = action_messages.canceled_not_done(action.operation, action.target)
        return await self._find(action) or outcomes.canceled(missing)

    async def _find(self, action: ResolvedAction) -> ActionOutcome | None:
        try:
            metadata = await self._cluster.metadata(action.target, action.actor)
        except NotFoundError:
            return None
        except ApiError as error:
            raise outcomes.failed_by(action, error) from error
        return ActionOutcome(
            phase=Phase.SUCCEEDED,
            message=effect_messages.existed(action.target),
            operation=action.operation,
            created=False,
            outputs=action.outputs(metadata["uid"]),
        )


class ClusterTargets:
    """Reads, as the actor, which clusters an action is about. Methods raise ActionError."""

    def __init__(self, cluster: Cluster, action: ResolvedAction) -> None:
        self._cluster = cluster
        self._action = action

    async def selected(self) -> ClusterRuns:
        """Return the clusters that the definition selects now, and those with which an earlier attempt began."""
        action = self._action
        created = await self._subscriptions(lambda _, mark: marked_for(action.mark, mark))
        selected = await self._select()
        names = {binding: each.name or "" for binding, each in created.items()}
        names = child_names(action.target.name, selected, names)
        # One that waits for long must not keep others from beginning: those that have not begun come first.
        selected = sorted(selected, key=lambda each: each.binding in created)
        members = [
            ClusterRun(each, self._create_in(each, names[each.binding]), created.get(each.binding)) for each in selected
        ]
        former = sorted({*created} - {each.binding for each in selected})
        runs = ClusterRuns(action, Operation.CREATE, members, [self._former(one, created[one]) for one in former])
        if not selected:
            reason = effect_messages.no_cluster(action.target)
            raise outcomes.failed(action, FailureType.NOT_FOUND, reason, runs.record())
        return runs

    async def existing(self) -> ClusterRuns:
        """Return the clusters for which any execution created a Subscription that still exists."""
        action = self._action
        created = await self._subscriptions(lambda name, mark: made_for(action.target.name, name, mark))
        members = [
            ClusterRun(_cluster_of(binding), self._delete_in(binding, each), each)
            for binding, each in sorted(created.items())
        ]
        return ClusterRuns(action, Operation.DELETE, members, [])

    async def own_subscriptions(self) -> list[Deletion]:
        """Return what exists because of this very action, whichever clusters are selected now."""
        created = await self._subscriptions(lambda _, mark: marked_for(self._action.mark, mark))
        parent = self._action.target
        return [
            Deletion(target=parent.model_copy(update={"name": each.name}), uid=str(each.uid))
            for each in created.values()
        ]

    async def _select(self) -> list[ManagedCluster]:
        kind = Target(api_version=MANAGED_CLUSTERS, kind="ManagedCluster", name="")
        spec = self._action.body.get("spec") or {}
        try:
            pages = self._cluster.pages(kind, "", self._action.actor, everywhere=True)
            return targets(spec, [managed_cluster(each) async for page in pages for each in page.items])
        except SelectorError as error:
            reason = effect_messages.bad_selector(str(error))
            raise outcomes.failed(self._action, FailureType.INVALID, reason) from error
        except ApiError as error:
            raise outcomes.failed_by(self._action, error) from error

    async def _subscriptions(self, cluster_of: Callable[[str, str | None], str | None]) -> dict[str, ObjectReference]:
        """Return existing Subscriptions by cluster; `cluster_of` tells that from name and mark, or returns None."""
        parent, found = self._action.target, {}
        try:
            async for page in self._cluster.pages(parent, "", self._action.actor, metadata_only=True):
                for metadata in (each["metadata"] for each in page.items):
                    if binding := cluster_of(metadata["name"], mark_of(metadata)):
                        found[binding] = ObjectReference(
                            api_version=parent.api_version,
                            kind=parent.kind,
                            namespace=parent.namespace,
                            name=metadata["name"],
                            uid=metadata["uid"],
                        )
        except ApiError as error:
            raise outcomes.failed_by(self._action, error) from error
        return found

    def _create_in(self, cluster: ManagedCluster, name: str) -> ResolvedAction:
        """Return the action that creates a cluster's Subscription; cleanup after its end is left to the whole."""
        action = self._action
        cleanup = action.definition.hook_cleanup
        before = HookCleanup(before_create=cleanup and cleanup.before_create)
        return replace(
            action,
            definition=action.definition.model_copy(update={"hook_cleanup": before, **_NOT_PER_CLUSTER}),
            operation=Operation.CREATE,
            optional_target=action.target.model_copy(update={"name": name}),
            optional_body=child_body(action.body, name, cluster),
            mark=child_mark(action.mark, cluster.binding),
        )

    def _delete_in(self, binding: str, subscription: ObjectReference) -> ResolvedAction:
        """Return the action that deletes a cluster's Subscription."""
        action = self._action
        return replace(
            action,
            definition=action.definition.model_copy(update=_NOT_PER_CLUSTER),
            optional_target=action.target.model_copy(update={"name": subscription.name}),
            mark=child_mark(action.mark, binding),
        )

    def _former(self, binding: str, subscription: ObjectReference) -> FormerTarget:
        target = self._action.target.model_copy(update={"name": subscription.name})
        return FormerTarget(_cluster_of(binding), subscription, effect_messages.child_left(target))


def _cluster_of(binding: str) -> ManagedCluster:
    """Return a cluster of which only the name is known."""
    namespace, _, name = binding.partition("/")
    return ManagedCluster(name, namespace, "", {})
