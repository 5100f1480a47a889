"""Values of parameters that stand in live objects, read in the actor's name.

What is to be read, and what it means, is planning's; here it is only fetched. Source: docs/spec/drplan.md,
"Parameters".
"""

from collections.abc import Sequence

from activities.attempt.failures import action_error
from activities.concurrency import each
from api.steps import Actor, Target
from kube.client import Cluster, Object
from kube.errors import ApiError, NotFoundError, UnknownKindError
from planning.messages import attempts as attempt_messages
from planning.values.precedence import Layers
from planning.values.resolve import reads
from planning.values.value_from import Answers, ManifestRead, Unreadable


async def read_values(cluster: Cluster, actor: Actor, places: Sequence[Layers]) -> Answers:
    """Read everything that the parameters of all places need, each object once.

    What cannot be read is part of the answer. Raises ActionError where another try may succeed.
    """
    answers: dict[ManifestRead, Sequence[Object] | Unreadable] = {}
    while wanted := reads(places, answers):
        found = await each(wanted, lambda read: _read(cluster, actor, read))
        answers.update(zip(wanted, found, strict=True))
    return answers


async def _read(cluster: Cluster, actor: Actor, read: ManifestRead) -> Sequence[Object] | Unreadable:
    target = Target(api_version=read.api_version, kind=read.kind, name=read.name or "", namespace=read.namespace)
    try:
        if read.name is not None:
            return [await cluster.get(target, actor)]
        pages = cluster.pages(target, read.label_selector or "", actor, everywhere=read.namespace is None)
        # Items of a list do not say what they are; the object of a name does.
        kind = {"apiVersion": read.api_version, "kind": read.kind}
        return [{**kind, **item} async for page in pages for item in page.items]
    except NotFoundError:
        return []
    except ApiError as error:
        if error.repeatable and not isinstance(error, UnknownKindError):
            raise action_error(error, attempt_messages.failed_to_read_value(read.text, error.message)) from error
        return Unreadable(error.message)
