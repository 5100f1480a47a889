"""What stands already of the objects that an Execute is to create, and whose it is; asked before it starts.

Source: docs/spec/drplan.md, "What an Execute does".
"""

from collections.abc import Sequence

from activities.errors import action_error
from activities.observe import listed_metadata
from activities.read import created_at, executions_of_marks, find
from api.execution import DRPlanExecution
from api.meta import PLAN_LABEL
from api.objects import Actor, Target
from api.plan import DRPlan
from kube.client import Cluster, Object
from kube.concurrency import parallel
from kube.errors import ApiError
from planning.definitions.identifiers import label_value
from planning.definitions.target import mark_of
from planning.execute.standing import Creation, StandingObject
from planning.messages import actions as action_messages

MOST_CREATIONS = 1000
"""Objects that are looked for before an Execute starts."""
MOST_MAKERS = 20
"""Executions that are read to find out which of them made objects that are there."""


async def standing_objects(
    cluster: Cluster, execution: DRPlanExecution, creations: Sequence[Creation], actor: Actor
) -> list[StandingObject]:
    """Read, as the actor, which objects that an Execute is to create exist, but those that it made itself.

    Of the first MOST_CREATIONS, many of a kind in a namespace are read by a list, where the actor may, and the others
    by a GET each. What is beyond, and what cannot be read, is left to the action that creates it.
    """
    creations = creations[:MOST_CREATIONS]
    found = await _metadata(cluster, [each.target for each in creations], actor)
    standing = []
    for creation in creations:
        metadata = found.get(creation.target)
        if not metadata or not metadata.get("uid") or metadata.get("deletionTimestamp"):
            continue
        mark = mark_of(metadata) or ""
        if not mark.startswith(f"{execution.metadata.uid}/"):
            standing.append(StandingObject(creation, metadata["uid"], mark, created_at(metadata)))
    return standing


async def _metadata(cluster: Cluster, targets: Sequence[Target], actor: Actor) -> dict[Target, Object | None]:
    """Return the metadata of the targets that exist and can be read; None, or nothing, for the others."""
    found = await listed_metadata(cluster, targets, actor)

    async def look(target: Target) -> None:
        try:
            found[target] = await cluster.metadata(target, actor)
        except ApiError:
            return

    await parallel([target for target in targets if target not in found], look)
    return found


async def makers_of(cluster: Cluster, plan: DRPlan, objects: Sequence[StandingObject]) -> list[DRPlanExecution]:
    """Read the executions of a plan that may have made objects: those whose marks they have, if these still exist.

    The older controller marked nothing: if an object has no mark, those in the plan's history are read as well. That is
    one list of metadata, and one GET for each of the first MOST_MAKERS, for a status may hold a megabyte.
    """
    namespace, name, marks = plan.metadata.namespace, plan.metadata.name, {one.mark for one in objects}
    names = [record.name for record in plan.status.execution_history or [] if "" in marks]
    try:
        names += await executions_of_marks(cluster, namespace, marks, f"{PLAN_LABEL}={label_value(name)}")
    except ApiError as error:
        message = action_messages.failed_to_read("DRPlanExecutions in", namespace, error.message)
        raise action_error(error, message) from error
    names = list(dict.fromkeys(names))[:MOST_MAKERS]
    found = await parallel(names, lambda each: find(cluster, DRPlanExecution, namespace, each))
    return [one for one in found if one is not None and one.spec.plan_ref == name]
