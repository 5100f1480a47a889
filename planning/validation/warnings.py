"""What is worth knowing of an object that is valid: nothing here keeps it from being used.

Source: docs/spec/drplan.md, "Before anything is applied".
"""

from collections.abc import Iterator

from api.actions import Action
from api.workflow import DRWorkflow
from planning.definitions.action_types import NamedBy, block_of, row_of
from planning.definitions.field_errors import FieldError, below, in_object
from planning.definitions.manifest import one_document, server_fields
from planning.definitions.yaml_scalars import ManifestError
from planning.messages import files as file_messages
from planning.validation.actions import rollback_or_none
from planning.values.placeholders import TemplateError, Values
from planning.values.rendering import render_manifest


def workflow_warnings(dr_workflow: DRWorkflow) -> list[FieldError]:
    """Return what is worth knowing of a DRWorkflow."""
    found: list[FieldError] = []
    for index, action in enumerate(dr_workflow.spec.actions):
        found += below(f"spec.actions[{index}]", _action_warnings(action))
        if (rollback := rollback_or_none(action)) is not None:
            found += below(f"spec.actions[{index}].rollback", _action_warnings(rollback))
    return in_object(dr_workflow, found)


def _action_warnings(action: Action) -> Iterator[FieldError]:
    row, block = row_of(action), block_of(action)
    if row.named_by is not NamedBy.MANIFEST or block is None:
        return
    try:
        body = one_document(render_manifest(block.manifest, Values(), partly=True))
    except (ManifestError, TemplateError):
        return
    if ignored := server_fields(body):
        yield FieldError(f"{row.field}.manifest", file_messages.not_sent(ignored))
