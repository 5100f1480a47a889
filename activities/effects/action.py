"""What an action's definition has become when its turn comes, and what carries it out: the seam between types.

A type of action is an effect: one class in a module of its own, one line in activities/registry.py. It
knows neither Temporal's retries nor where definitions are kept. Source: docs/architecture.md, "Packages".
"""

from dataclasses import dataclass
from typing import Protocol

from activities.attempt import RunningAttempt
from activities.errors import ActionError
from api.actions import Action
from api.execution import ActionOutputs
from api.meta import ObjectKey, ObjectReference
from api.phases import Operation
from api.steps import ActionOutcome, Actor, Attempts, FailureType, Target
from kube.client import Object
from planning.definitions.action_types import row_of
from planning.messages import attempts as attempt_messages


@dataclass(frozen=True)
class ResolvedAction:
    """One action, or one part of its definition, ready to be carried out."""

    definition: Action
    """The definition of the part to do, its placeholders filled in."""
    operation: Operation
    optional_target: Target | None
    """Its object, in the namespace where it really is; None where the type has none, or names it later."""
    optional_body: Object | None
    """The whole object of the definition; None as of `target`."""
    mark: str
    """The identity of this action in this execution."""
    actor: Actor
    execution: ObjectKey | None
    """The execution that runs, which owns what is kept; None in runs from before anything was."""
    attempts: Attempts
    lost: bool
    """Whether an attempt before this one was lost with its worker: what it did is not known."""
    secrets: frozenset[str] = frozenset()
    """Values in the definition that were left out of what is kept: nobody may see them in a message or output."""

    @property
    def target(self) -> Target:
        """The object that the action is about. Raises ActionError if the definition names none."""
        if self.optional_target is None:
            raise ActionError(FailureType.UNSUPPORTED, attempt_messages.without_object(self.definition.name))
        return self.optional_target

    @property
    def body(self) -> Object:
        """The whole object to send. Raises ActionError if the definition holds none."""
        if self.optional_body is None:
            raise ActionError(FailureType.UNSUPPORTED, attempt_messages.without_object(self.definition.name))
        return self.optional_body

    def outputs(self, uid: str | None) -> ActionOutputs:
        """Give the record of the object, in the field that its type uses."""
        target = self.target
        reference = ObjectReference(
            api_version=target.api_version, kind=target.kind, namespace=target.namespace, name=target.name, uid=uid
        )
        return ActionOutputs.model_validate({row_of(self.definition).outputs[0]: reference})


class Effect(Protocol):
    """What actions of a type do. Methods raise ActionError, whose message is the action's whole message."""

    async def execute(self, action: ResolvedAction, attempt: RunningAttempt) -> ActionOutcome:
        """Carry the order out, or find it carried out by an earlier attempt: both have the effect of one.

        Whoever waits says so through `attempt`, and how it would fail if the time ran out meanwhile. What is
        already being sent when the time runs out is looked for by `attempt.final_check`.
        """
        ...

    async def verify(self, action: ResolvedAction) -> ActionOutcome:
        """Tell after a cancel, without touching anything, whether it was carried out: Succeeded, else Canceled."""
        ...
