"""What a Revert observes of the objects that it may delete, before it deletes anything: read in the actor's name.

Many objects of a kind in a namespace are read by a list of their metadata, where the actor may; each of the others, and
each that a list does not show, by a request of its own. Source: docs/spec/drplanexecution.md, "The observation".
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from contextlib import aclosing

from activities.errors import words_of
from activities.read import created_at, raise_if_it_may_pass
from api.objects import Actor, ObservedObject, Presence, Target
from kube.client import Cluster, Object
from kube.concurrency import CALLS_AT_ONCE, parallel
from kube.errors import ApiError, ForbiddenError, InvalidNameError, KindGoneError, NotFoundError
from planning.definitions.action_types import is_override
from planning.definitions.target import mark_of
from planning.effects.object_fields import applies_later
from planning.messages import actions as action_messages
from planning.messages import rollback as rollback_messages

MANY = 20
"""Objects of a kind in a namespace from which on they are looked for in a list."""
_WORTH_A_PAGE = 20
"""A further page of the list costs about as much as so many single requests."""


async def observe(
    cluster: Cluster, targets: Sequence[Target], actor: Actor, report: Callable[[str], None], *, patient: bool = True
) -> dict[Target, ObservedObject]:
    """Read, as the actor, what there is of every target before anything is deleted; `report` gets the progress.

    With `patient`, an answer that proves nothing raises ActionError; without it, the object is unreadable.
    """
    lists = await parallel(groups_of_many(targets), lambda group: _listed(cluster, group, actor))
    found = {target: one for each in lists for target, one in each.items()}
    done = len(found)

    async def one(target: Target) -> ObservedObject:
        nonlocal done
        look = await _observe_one(cluster, target, actor, patient)
        done += 1
        if done % CALLS_AT_ONCE == 0:
            report(rollback_messages.looking(done, len(targets)))
        return look

    others = [target for target in targets if target not in found]
    found.update(zip(others, await parallel(others, one), strict=True))
    return {target: found[target] for target in targets}


def groups_of_many(targets: Iterable[Target]) -> list[list[Target]]:
    """Return the targets of each kind and namespace that has so many of them that a list is worth it."""
    groups = defaultdict[tuple[str, str, str | None], list[Target]](list)
    for target in targets:
        groups[target.api_version, target.kind, target.namespace].append(target)
    return [group for group in groups.values() if len(group) >= MANY]


async def _listed(cluster: Cluster, targets: Sequence[Target], actor: Actor) -> dict[Target, ObservedObject]:
    """Return the objects that a list shows of targets of one kind and namespace; each other has its own request."""
    found, _ = await listed(cluster, targets, actor, metadata_only=not is_override(targets[0]))
    return {target: _present(item) for target, item in found.items()}


async def listed_metadata(cluster: Cluster, targets: Iterable[Target], actor: Actor) -> dict[Target, Object | None]:
    """Read the metadata of many targets of a kind by a list; None for what a whole list does not show.

    Those that are not in the result are left to a request each.
    """
    seen = dict[Target, Object | None]()
    for group in groups_of_many(targets):
        found, complete = await listed(cluster, group, actor, metadata_only=True)
        seen |= {target: item["metadata"] for target, item in found.items()}
        seen |= {target: None for target in group if complete and target not in found}
    return seen


async def listed(
    cluster: Cluster, targets: Sequence[Target], actor: Actor, *, metadata_only: bool
) -> tuple[dict[Target, Object], bool]:
    """Return the objects that a list shows of targets of one kind and namespace, and whether it has shown all.

    The list ends early where it has many other objects, and at an error: what it does not show has its own request.
    """
    wanted = {target.name: target for target in targets}
    found = dict[Target, Object]()
    pages_left = 1 + len(targets) // _WORTH_A_PAGE
    try:
        async with aclosing(cluster.pages(targets[0], "", actor, metadata_only=metadata_only)) as pages:
            async for page in pages:
                for item in page.items:
                    if (target := wanted.pop(item["metadata"]["name"], None)) is not None:
                        found[target] = item
                pages_left -= 1
                if len(wanted) < _WORTH_A_PAGE or not pages_left:
                    return found, not wanted or not page.more
    except ApiError:
        return found, False
    return found, True


async def _observe_one(cluster: Cluster, target: Target, actor: Actor, patient: bool) -> ObservedObject:
    try:
        if is_override(target):
            return _present(await cluster.get(target, actor))
        return _present({"metadata": await cluster.metadata(target, actor)})
    except ForbiddenError as error:
        return ObservedObject(presence=Presence.FORBIDDEN, reason=words_of(error, target))
    except (NotFoundError, KindGoneError, InvalidNameError) as error:
        return ObservedObject(presence=Presence.ABSENT, reason=words_of(error, target))
    except ApiError as error:
        if patient:
            raise_if_it_may_pass(error, action_messages.failed_to_read(target.kind, target.name, error.message))
        return ObservedObject(presence=Presence.UNREADABLE, reason=words_of(error, target), why=error.why)


def _present(found: Object) -> ObservedObject:
    """Return what matters of an object, or of its metadata alone where its kind is no override."""
    metadata = found["metadata"]
    return ObservedObject(
        presence=Presence.PRESENT,
        uid=metadata["uid"],
        version=None if metadata.get("deletionTimestamp") else metadata.get("resourceVersion"),
        creation_timestamp=created_at(metadata),
        finalizers=metadata.get("finalizers") or [],
        mark=mark_of(metadata),
        applies_later=applies_later(found),
    )
