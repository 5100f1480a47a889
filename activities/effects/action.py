"""What is carried out and what carries it out: a resolved action, and the effect of its type.

A type of action is an effect: one class in a module of its own, one line in activities/registry.py. It
knows neither Temporal's retries nor where definitions are stored. Source: docs/architecture.md, "Packages".
"""

from dataclasses import dataclass
from typing import Protocol

from activities.attempt import RunningAttempt
from activities.errors import ActionError
from api.actions import Action
from api.attempts import ActionOutcome
from api.failures import FailureType
from api.meta import ObjectKey, ObjectReference
from api.nodes import ActionOutputs
from api.objects import Actor, Target
from api.phases import Operation, PatchType
from api.steps import Attempts
from kube.client import Object
from kube.request import FIELD_MANAGER, WriteOptions
from planning.definitions.action_types import block_of, row_of
from planning.messages import actions as action_messages

PATCH_MANAGER = "drplan-patch"
"""Who owns the fields that a Patch sets. An Apply of ours must not remove them, unlike those of its own."""


@dataclass(frozen=True)
class ResolvedAction:
    """One action, or one part of its definition, ready to be carried out."""

    definition: Action
    """The definition of the part to do, with its placeholders filled in."""
    operation: Operation
    optional_target: Target | None
    """Its object, in the namespace where it really is; None if the type has none, or names it later."""
    optional_body: Object | None
    """The whole object of the definition; None if `optional_target` is."""
    mark: str
    """The identity of this action in this execution."""
    actor: Actor
    execution: ObjectKey | None
    """The execution that runs and owns what is stored; None in runs from before anything was."""
    attempts: Attempts
    lost: bool
    """Whether an earlier attempt was lost with its worker: what it did is not known."""
    secrets: frozenset[str] = frozenset()
    """Values in the definition that the snapshot left out: nobody may see them in a message or output."""
    attempt: RunningAttempt | None = None
    """Takes what the action's message says beside its end; None where nothing is changed."""
    preview: bool = False
    """Whether it is only asked what would happen: then the cluster takes dry runs only."""

    @property
    def target(self) -> Target:
        """The object that the action is about. Raises ActionError if the definition names none."""
        if self.optional_target is None:
            raise ActionError(FailureType.UNSUPPORTED, action_messages.without_object(self.definition.name))
        return self.optional_target

    @property
    def body(self) -> Object:
        """The whole object to send. Raises ActionError if the definition holds none."""
        if self.optional_body is None:
            raise ActionError(FailureType.UNSUPPORTED, action_messages.without_object(self.definition.name))
        return self.optional_body

    @property
    def patch_type(self) -> PatchType:
        """How the operation Patch changes the object."""
        return getattr(block_of(self.definition), "patch_type", None) or PatchType.MERGE

    def write_options(self, *, dry_run: bool = False) -> WriteOptions:
        """Return how the API server is to take what is written: a field that the kind does not have is an error."""
        manager = PATCH_MANAGER if self.operation is Operation.PATCH else FIELD_MANAGER
        return WriteOptions(manager, dry_run, strict=True, warn=None if dry_run else self.warn)

    def warn(self, text: str) -> None:
        """Add a warning of the API server to the action's message."""
        self.add_note(action_messages.api_warning(text))

    def add_note(self, sentence: str) -> None:
        """Add a sentence to the action's message."""
        if self.attempt is not None:
            self.attempt.add_note(sentence)

    def outputs(self, uid: str | None) -> ActionOutputs:
        """Return the reference to the object, in the field of `outputs` that its type uses."""
        target = self.target
        reference = ObjectReference(
            api_version=target.api_version, kind=target.kind, namespace=target.namespace, name=target.name, uid=uid
        )
        return ActionOutputs.model_validate({row_of(self.definition).outputs[0]: reference})


class Effect(Protocol):
    """What actions of a type do. Methods raise ActionError, whose message is the action's whole message."""

    async def execute(self, action: ResolvedAction, attempt: RunningAttempt) -> ActionOutcome:
        """Carry the action out, unless an earlier attempt has done so: many attempts have the effect of one.

        An effect that waits reports that to `attempt`, with how it fails if the time runs out meanwhile, and sets
        `attempt.final_check` if it can find out then whether the action was done after all.
        """
        ...

    async def preview(self, action: ResolvedAction, attempt: RunningAttempt) -> ActionOutcome:
        """Return what `execute` would do, in the conditional; raise what would keep it from that. Changes nothing.

        The effect has a cluster that takes dry runs only. It waits for nothing.
        """
        ...

    async def verify(self, action: ResolvedAction) -> ActionOutcome:
        """Return after a cancel, without changing anything, whether it was carried out: Succeeded, else Canceled."""
        ...
