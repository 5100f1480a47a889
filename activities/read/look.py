"""The look: what is there of every object concerned, before anything is deleted.

Source: docs/spec/drplanexecution.md, "The look".
"""

from collections.abc import Callable, Sequence

from activities.attempt.failures import action_error
from activities.concurrency import AT_ONCE, each
from api.steps import Actor, Look, Seen, Target
from kube.client import Cluster
from kube.errors import ApiError, ForbiddenError, UnknownKindError
from planning.messages import attempts as attempt_messages


async def look_at(
    cluster: Cluster, targets: Sequence[Target], actor: Actor, told: Callable[[str], None]
) -> dict[Target, Look]:
    """Look at every target as the actor sees it; `told` hears how far it came. Raises ActionError."""
    done = 0

    async def look(target: Target) -> Look:
        nonlocal done
        seen = await _look(cluster, target, actor)
        done += 1
        if done % AT_ONCE == 0:
            told(attempt_messages.looking(done, len(targets)))
        return seen

    return dict(zip(targets, await each(targets, look), strict=True))


async def _look(cluster: Cluster, target: Target, actor: Actor) -> Look:
    try:
        metadata = await cluster.metadata(target, actor)
    except ForbiddenError as error:
        return Look(seen=Seen.FORBIDDEN, reason=attempt_messages.naming(target, error.message))
    except ApiError as error:
        # Where the kind itself is gone so are its objects; any other answer that may change proves nothing.
        if error.repeatable and not isinstance(error, UnknownKindError):
            raise action_error(
                error, attempt_messages.failed_to_read(target.kind, target.name, error.message)
            ) from error
        return Look(seen=Seen.ABSENT, reason=attempt_messages.naming(target, error.message))
    return Look(
        seen=Seen.PRESENT,
        uid=metadata["uid"],
        creation_timestamp=metadata["creationTimestamp"],
        finalizers=metadata.get("finalizers") or [],
    )
